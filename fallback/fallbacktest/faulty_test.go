package fallbacktest_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cpaas-go/cpaas/fallback/delivery"
	"github.com/cpaas-go/cpaas/fallback/fallbacktest"
)

// A FaultyStore that was told nothing is as good a Store as the one in it.
func TestFaultyStore(t *testing.T) {
	t.Parallel()
	fallbacktest.TestStore(t, func(*testing.T) delivery.Store { return fallbacktest.Faulty(fallbacktest.VolatileStore()) })
}

func TestFaultyStoreFails(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	s := fallbacktest.Faulty(fallbacktest.VolatileStore())
	all := func() []error {
		_, create := s.Create(ctx, []delivery.Record{{Key: "other"}})
		_, _, claim := s.Claim(ctx, time.Minute, 1)
		_, receive := s.Receive(ctx, []delivery.Inbound{{Event: "e", Refs: []string{"r"}}})
		_, get := s.Get(ctx, "a")
		_, sweep := s.Sweep(ctx, 1)
		return []error{create, claim, s.Commit(ctx, delivery.Record{Key: "a", Version: 1}), receive, get, sweep}
	}
	ops := []fallbacktest.StoreOp{
		fallbacktest.Create, fallbacktest.Claim, fallbacktest.Commit, fallbacktest.Receive, fallbacktest.Get, fallbacktest.Sweep,
	}
	s.SetDown(true)
	for i, err := range all() {
		require.ErrorIs(t, err, fallbacktest.ErrStore, ops[i])
		assert.Zero(t, s.Calls(ops[i]), ops[i])
	}
	s.SetDown(false)

	// Fail does nothing, Lose does it and does not say so.
	s.Fail(fallbacktest.Create, 1)
	s.Lose(fallbacktest.Create, 1)
	for range 2 {
		_, err := s.Create(ctx, []delivery.Record{{Key: "a", Due: time.Now().Add(time.Hour)}})
		require.ErrorIs(t, err, fallbacktest.ErrStore)
	}
	fresh, err := s.Create(ctx, []delivery.Record{{Key: "a"}})
	require.NoError(t, err)
	assert.Equal(t, []bool{false}, fresh)
	assert.Equal(t, 2, s.Calls(fallbacktest.Create))

	for _, op := range ops {
		s.Fail(op, 1)
	}
	for i, err := range all() {
		require.ErrorIs(t, err, fallbacktest.ErrStore, ops[i])
	}
	for i, err := range all() {
		assert.NoError(t, err, ops[i])
	}

	var keys []string
	s.Hook = func(_ fallbacktest.StoreOp, ks ...string) { keys = append(keys, ks...) }
	_, err = s.Get(ctx, "a")
	require.NoError(t, err)
	assert.Equal(t, []string{"a"}, keys)
}
