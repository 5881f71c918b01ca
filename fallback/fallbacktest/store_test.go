package fallbacktest_test

import (
	"testing"

	"github.com/cpaas-go/cpaas/fallback/delivery"
	"github.com/cpaas-go/cpaas/fallback/fallbacktest"
)

func TestVolatileStore(t *testing.T) {
	t.Parallel()
	fallbacktest.TestStore(t, func(*testing.T) delivery.Store { return fallbacktest.VolatileStore() })
}
