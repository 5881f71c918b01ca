package delivery_test

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var simSeed = flag.Uint64("sim.seed", 0, "replay this seed of TestSimulation, with its trace")

// simCascades is how many messages the simulator runs: CPAAS_SIM, or what
// leaves a test run short.
func simCascades(t *testing.T) int {
	t.Helper()
	s := os.Getenv("CPAAS_SIM")
	if s == "" {
		if testing.Short() {
			return 1000
		}
		return 5000
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 {
		t.Fatalf("CPAAS_SIM is %q, not a number of messages", s)
	}
	return n
}

// TestSimulation runs random routes with random faults, and checks after every
// step that what package delivery promises holds. A seed that fails is shrunk
// and printed; -sim.seed replays it.
//
//	go test ./fallback/delivery -run 'TestSimulation$' -sim.seed 4711 -v
//	CPAAS_SIM=200000 go test ./fallback/delivery -run 'TestSimulation$'
func TestSimulation(t *testing.T) {
	t.Parallel()
	if *simSeed != 0 {
		w := simulate(t, random(*simSeed), true)
		t.Logf("%s", w.summary())
		if len(w.broken) > 0 {
			t.Error("violated")
		}
		return
	}
	most := int64(simCascades(t))
	begun := time.Now()
	var seed, messages, calls, accepted, crashes atomic.Int64
	t.Cleanup(func() {
		t.Logf("%d messages, %d submissions, %d accepted, %d crashes and stalls in %s",
			messages.Load(), calls.Load(), accepted.Load(), crashes.Load(), time.Since(begun).Round(time.Millisecond))
	})
	var failures atomic.Int64
	for i := range runtime.GOMAXPROCS(0) {
		t.Run(fmt.Sprintf("worker %d", i), func(t *testing.T) {
			t.Parallel()
			for messages.Load() < most && failures.Load() < 3 {
				sc := random(uint64(seed.Add(1))) //nolint:gosec // not negative
				w := simulate(t, sc, false)
				messages.Add(int64(len(sc.msgs)))
				for _, n := range w.calls {
					calls.Add(int64(n))
				}
				accepted.Add(int64(len(w.copies)))
				crashes.Add(int64(faultBudget - w.budget))
				if len(w.broken) > 0 {
					failures.Add(1)
					t.Errorf("seed %d violates %s: %s\nthe smallest that does:\n%s", sc.seed, w.broken[0].inv, w.broken[0].text, shrink(t, sc, w.broken[0].inv))
				}
			}
		})
	}
}

// shrink finds a small scenario that violates the same invariant, and its
// trace.
func shrink(t *testing.T, sc *scenario, inv string) string {
	t.Helper()
	violates := func(c *scenario) *world {
		w := simulate(t, c, true)
		for _, v := range w.broken {
			if v.inv == inv {
				return w
			}
		}
		return nil
	}
	best := violates(sc)
	if best == nil {
		return "it does not happen again: the simulator is not deterministic"
	}
	for runs := 0; ; {
		smaller := false
		for _, c := range best.sc.smaller(best.fired) {
			if runs++; runs > 3000 {
				return best.summary()
			}
			if w := violates(c); w != nil {
				best, smaller = w, true
				break
			}
		}
		if !smaller {
			return best.summary()
		}
	}
}

// TestSimulationReplays is that a seed says all about a run.
func TestSimulationReplays(t *testing.T) {
	t.Parallel()
	for seed := range uint64(150) {
		a, b := simulate(t, random(seed), true), simulate(t, random(seed), true)
		require.Equal(t, a.summary(), b.summary(), "seed %d", seed)
	}
}
