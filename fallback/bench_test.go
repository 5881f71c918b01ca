package fallback_test

import (
	"context"
	"testing"

	"github.com/cpaas-go/cpaas/fallback"
)

var accept = fallback.SenderFunc(func(context.Context, fallback.Submission) (fallback.Ack, error) { return fallback.Ack{ID: "1"}, nil })

// BenchmarkOneStep is what a route costs above its sender's own time.
func BenchmarkOneStep(b *testing.B) {
	route := fallback.Route{fallback.Leg{Channel: fallback.SMS, Provider: "x", Sender: accept}}
	m := hello()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := route.Send(b.Context(), m); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkThreeSteps goes to the last of three steps.
func BenchmarkThreeSteps(b *testing.B) {
	refuse := fallback.SenderFunc(func(context.Context, fallback.Submission) (fallback.Ack, error) {
		return fallback.Ack{}, fallback.ErrNotOnChannel
	})
	route := fallback.Route{
		fallback.Leg{Channel: fallback.RCS, Provider: "x", Sender: refuse},
		fallback.Leg{Channel: fallback.WhatsApp, Provider: "x", Sender: refuse},
		fallback.Leg{Channel: fallback.SMS, Provider: "x", Sender: accept},
	}
	m := hello()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := route.Send(b.Context(), m); err != nil {
			b.Fatal(err)
		}
	}
}

// TestAllocations holds the bound of a one-step route.
func TestAllocations(t *testing.T) { //nolint:paralleltest // others would be counted
	route := fallback.Route{fallback.Leg{Channel: fallback.SMS, Provider: "x", Sender: accept}}
	m := hello()
	ctx := t.Context()
	if n := testing.AllocsPerRun(200, func() { route.Send(ctx, m) }); n > 12 { //nolint:errcheck // counted, not tested
		t.Errorf("%v allocations for a one-step route, want at most 12", n)
	}
}
