package fallbacktest_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cpaas-go/cpaas/fallback"
	"github.com/cpaas-go/cpaas/fallback/fallbacktest"
)

// The errors come in order, and the last one stays.
func TestSender(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	s := &fallbacktest.Sender{Errs: []error{nil, fallback.ErrRateLimited, fallback.ErrOptedOut}}
	ack, err := s.Send(ctx, fallback.Submission{Ref: "1"})
	require.NoError(t, err)
	assert.Equal(t, "test-1", ack.ID)
	for _, want := range []error{fallback.ErrRateLimited, fallback.ErrOptedOut, fallback.ErrOptedOut} {
		_, err := s.Send(ctx, fallback.Submission{Ref: "2"})
		require.ErrorIs(t, err, want)
	}
	sent := s.Sent()
	require.Len(t, sent, 4)
	sent[0].Ref = "mine"
	assert.Equal(t, "1", s.Sent()[0].Ref, "what Sent returns is the caller's")

	failed := errors.New("of the hook")
	s = fallbacktest.Accepting()
	s.Hook = func(context.Context, fallback.Submission) error { return failed }
	_, err = s.Send(ctx, fallback.Submission{})
	require.ErrorIs(t, err, failed)
	_, err = fallbacktest.Refusing(fallback.ErrForbidden).Send(ctx, fallback.Submission{})
	require.ErrorIs(t, err, fallback.ErrForbidden)

	assert.Equal(t, "test", s.On(fallback.SMS).Provider)
	s.Provider = "mine"
	assert.Equal(t, "mine", s.On(fallback.SMS).Provider)
}
