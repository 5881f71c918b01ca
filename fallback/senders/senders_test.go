package senders_test

import (
	"errors"
	"testing"

	"github.com/cpaas-go/cpaas/deflector"
	"github.com/cpaas-go/cpaas/fallback/delivery"
	"github.com/cpaas-go/cpaas/octopush"
	"github.com/cpaas-go/cpaas/os1"
	"github.com/cpaas-go/cpaas/webexconnect"
)

// A Source of somebody's own may answer with a client's error.
func TestUnverifiedIsOneValue(t *testing.T) {
	t.Parallel()
	for _, err := range []error{deflector.ErrUnverified, octopush.ErrUnverified, os1.ErrUnverified, webexconnect.ErrUnverified} {
		if !errors.Is(err, delivery.ErrUnverified) {
			t.Error(err)
		}
	}
}
