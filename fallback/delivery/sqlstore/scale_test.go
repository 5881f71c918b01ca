package sqlstore_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cpaas-go/cpaas/fallback"
	"github.com/cpaas-go/cpaas/fallback/delivery"
)

// TestTimerLag arms many messages, of which some become due each second, and
// sees how late their attempts are made. How late is a limit only where nothing
// else runs, which is what CPAAS_TEST_FULL says.
func TestTimerLag(t *testing.T) { //nolint:paralleltest // it measures
	armed, due, rate := 2_000, 200, 100
	if heavy() {
		armed, due, rate = 100_000, 3_000, 200
	}
	for _, open := range []func(testing.TB) backend{sqliteBackend, postgresBackend} {
		t.Run("", func(t *testing.T) {
			b := open(t)
			s := b.open(t)
			var mu sync.Mutex
			dues := map[string]time.Time{}
			var lags []time.Duration
			done := make(chan struct{})
			send := provider(func(_ context.Context, sub fallback.Submission) (fallback.Ack, error) {
				now := time.Now()
				mu.Lock()
				defer mu.Unlock()
				if lags = append(lags, now.Sub(dues[sub.Message.Key])); len(lags) == due {
					close(done)
				}
				return fallback.Ack{}, nil
			})
			runner, err := delivery.New(delivery.Config{Store: s})
			require.NoError(t, err)
			route, err := runner.Bind("test", delivery.Route{{Try: fallback.Leg{Channel: fallback.SMS, Provider: "a", Sender: send}, Until: delivery.Accepted}})
			require.NoError(t, err)
			fill(t, s, armed-due, time.Hour)
			begin := time.Now().Add(2 * time.Second)
			var rs []delivery.Record
			for i := range due {
				rec, err := route.Record(code(fmt.Sprintf("due-%d", i)))
				require.NoError(t, err)
				rec.Due = begin.Add(time.Duration(i) * time.Second / time.Duration(rate))
				dues[rec.Key] = rec.Due
				rs = append(rs, rec)
			}
			_, err = s.Create(t.Context(), rs)
			require.NoError(t, err)
			ctx, stop := context.WithCancel(t.Context())
			var running sync.WaitGroup
			running.Go(func() { runner.Run(ctx) }) //nolint:errcheck // it ends with ctx
			select {
			case <-done:
			case <-time.After(time.Duration(due/rate)*time.Second + time.Minute):
				t.Error("not all were sent")
			}
			stop()
			running.Wait()
			mu.Lock()
			defer mu.Unlock()
			require.Len(t, lags, due)
			slices.Sort(lags)
			p50, p99 := lags[len(lags)/2], lags[len(lags)*99/100]
			t.Logf("%s: %d armed, %d due at %d a second: p50 %v, p99 %v, the latest %v", b.kind, armed, due, rate, p50, p99, lags[len(lags)-1])
			if heavy() {
				assert.Less(t, p99, time.Second)
			}
			assert.GreaterOrEqual(t, lags[0], -5*time.Millisecond, "sent before it was due")
		})
	}
}

// TestWaitingCostsNoMemory has many messages wait: they are in the database,
// not in the process.
func TestWaitingCostsNoMemory(t *testing.T) { //nolint:paralleltest // it measures
	n := 10_000
	if heavy() {
		n = 1_000_000
	}
	b := sqliteBackend(t)
	s := b.open(t)
	runner, err := delivery.New(delivery.Config{Store: s})
	require.NoError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { runner.Run(ctx) }) //nolint:errcheck // it ends with ctx
	defer running.Wait()
	defer stop()
	fill(t, s, 500, time.Hour) // what the first use costs is not counted
	before := memory(t)
	goroutines := runtime.NumGoroutine()
	rs := make([]delivery.Record, 500)
	body := bytes.Repeat([]byte("x"), 300)
	for i := 0; i < n; i += len(rs) {
		for k := range rs {
			rs[k] = record(fmt.Sprintf("w%07d", i+k), time.Hour)
			rs[k].Body = body
		}
		_, err := s.Create(t.Context(), rs)
		require.NoError(t, err)
	}
	time.Sleep(2 * time.Second) // it looks for what is due
	after := memory(t)
	t.Logf("%d waiting messages: %.1f MB more in the process, %d goroutines more", n, float64(after-before)/1e6, runtime.NumGoroutine()-goroutines)
	info, err := os.Stat(b.dsn)
	require.NoError(t, err)
	t.Logf("%d bytes of file for a message with a body of %d", int(info.Size())/n, len(body))
	assert.Less(t, after-before, 50_000_000)
	assert.LessOrEqual(t, runtime.NumGoroutine(), goroutines+4)
}

// memory is what the process has of the host's.
func memory(t *testing.T) int {
	t.Helper()
	debug.FreeOSMemory()
	if status, err := os.ReadFile("/proc/self/status"); err == nil {
		for line := range strings.Lines(string(status)) {
			if kb, ok := strings.CutPrefix(line, "VmRSS:"); ok {
				n, err := strconv.Atoi(strings.TrimSuffix(strings.TrimSpace(kb), " kB"))
				require.NoError(t, err)
				return n * 1024
			}
		}
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.Sys - m.HeapReleased) //nolint:gosec // far below
}
