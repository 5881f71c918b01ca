package delivery_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cpaas-go/cpaas/fallback"
	"github.com/cpaas-go/cpaas/fallback/delivery"
	"github.com/cpaas-go/cpaas/fallback/senders"
)

// compared is a scenario of the comparison of designs: RCS, WhatsApp, SMS,
// with the same faults for each of them. The rates are assumptions; only the
// difference between the designs means anything.
func compared(seed uint64, can []altSpec) *scenario {
	sc := &scenario{
		seed: seed, fates: true, procs: 1, call: 10 * time.Second,
		rates: map[string]float64{
			faultRefuse: 0.01, faultAmbiguous: 0.01, faultAmbTaken: 0.5, faultCrashCall: 0.005,
			faultLost: 0.01, faultTwice: 0.1, faultEarly: 0.05,
		},
		msgs: []msgSpec{{deadline: 10 * time.Minute}},
	}
	for i, leg := range []struct {
		within       time.Duration
		absent, tail float64
	}{{time.Minute, 0.35, 0.15}, {time.Minute, 0.15, 0.12}, {2 * time.Minute, 0, 0.03}} {
		alt := can[i]
		alt.label = fmt.Sprintf("s%d", i)
		alt.provider = fmt.Sprintf("p%d", i)
		alt.rates = map[string]float64{faultNotOnChannel: leg.absent, faultTail: leg.tail}
		sc.stages = append(sc.stages, stageSpec{within: leg.within, legs: []legSpec{{alts: []altSpec{alt}}}})
	}
	return sc
}

// ideal is providers that can do everything.
func ideal() []altSpec {
	caps := delivery.Caps{Reports: []delivery.Goal{delivery.Delivered}, Echo: true, Idempotent: 24 * time.Hour, MaxTTL: 48 * time.Hour}
	return []altSpec{
		{channel: fallback.RCS, caps: caps, revoke: true},
		{channel: fallback.WhatsApp, caps: caps, revoke: true},
		{channel: fallback.SMS, caps: caps, revoke: true},
	}
}

// realFive is what this module's adapters say of their providers: RCS by
// Deflector, WhatsApp by Webex Connect, SMS by Octopush.
func realFive(t *testing.T) []altSpec {
	t.Helper()
	var out []altSpec
	for _, leg := range []fallback.Leg{
		senders.Deflector{}.RCS(), senders.WebexConnect{}.WhatsApp("15550001111"), senders.Octopush{}.SMS("ACME"),
	} {
		limits, ok := leg.Sender.(delivery.Limits)
		if !ok {
			t.Fatalf("the leg of %s says nothing of its limits", leg.Provider)
		}
		_, revoke := leg.Sender.(delivery.Revoker)
		_, find := leg.Sender.(delivery.Finder)
		out = append(out, altSpec{channel: leg.Channel, caps: limits.Limits(), revoke: revoke, find: find})
	}
	return out
}

// naive is a design of the kind that is usually built.
type naive struct {
	w      *world
	m      *msgSpec
	mu     sync.Mutex
	id     string
	status fallback.Outcome
	news   chan struct{}
}

// submit is one submission, by a process that sends again what it was at when
// it ended.
func (n *naive) submit(stage int) error {
	w, alt := n.w, &n.w.sc.stages[stage].legs[0].alts[0]
	for try := 0; ; try++ {
		point := fmt.Sprintf("call/%s/%s/%d", n.m.key(), alt.label, try+1)
		if w.spend(w.sc.rates[faultCrashCall], faultCrashCall, point+"/before") {
			w.pause(point+"/boot", time.Second, 10*time.Second)
			continue
		}
		w.mu.Lock()
		w.calls[point]++
		w.mu.Unlock()
		w.pause(point+"/way", time.Millisecond, 200*time.Millisecond)
		a := w.submit(alt, stage, 0, n.m, point, time.Time{}, point)
		w.pause(point+"/answer", time.Millisecond, 300*time.Millisecond)
		if w.spend(w.sc.rates[faultCrashCall], faultCrashCall, point+"/after") {
			w.pause(point+"/boot", time.Second, 10*time.Second)
			continue
		}
		if a.err == nil {
			n.mu.Lock()
			n.id, n.status = a.id, fallback.Accepted
			n.mu.Unlock()
		}
		return a.err
	}
}

// submitOnly is design A: who accepts has delivered.
func (n *naive) submitOnly() {
	for s := range n.w.sc.stages {
		if n.submit(s) == nil {
			n.tell(fallback.Delivered)
			return
		}
	}
	n.tell(fallback.Failed)
}

// statusColumn is design B: it waits for receipts, which set the status of the
// last submission; every error goes on to the next channel.
func (n *naive) statusColumn() {
	for s, stage := range n.w.sc.stages {
		if n.w.now() >= n.m.at+n.m.deadline {
			break
		}
		if n.submit(s) != nil {
			continue
		}
		silence := time.NewTimer(stage.within)
		for waiting := true; waiting; {
			select {
			case <-n.news:
			case <-silence.C:
				waiting = false
			}
			switch n.told() {
			case fallback.Delivered:
				return
			case fallback.Failed:
				waiting = false
			case fallback.Pending, fallback.Unknown, fallback.Accepted, fallback.Read:
			}
		}
		silence.Stop()
	}
	if n.told() != fallback.Delivered {
		n.tell(fallback.Failed)
	}
}

func (n *naive) tell(status fallback.Outcome) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.status = status
}

func (n *naive) told() fallback.Outcome {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.status
}

// receive is the callback of design B.
func (n *naive) receive(r delivery.Receipt) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if r.ID != n.id {
		return true // no such message: a receipt that comes before the answer is stored is lost
	}
	n.status = r.Outcome
	select {
	case n.news <- struct{}{}:
	default:
	}
	return true
}

// tally is what a design has come to.
type tally struct {
	messages, reached, double, wrong, unknown, late, submits, violations atomic.Int64
}

func (c *tally) add(w *world, told fallback.Outcome, asked time.Time) {
	end := w.start.Add(w.sc.msgs[0].deadline)
	arrived, late := 0, false
	reached, known := false, false
	for _, x := range w.copies {
		if x.delivered.IsZero() {
			continue
		}
		arrived++
		late = late || x.delivered.After(end)
		reached = reached || !x.delivered.After(end)
		known = known || !x.delivered.After(asked)
	}
	count := func(n *atomic.Int64, yes bool) {
		if yes {
			n.Add(1)
		}
	}
	c.messages.Add(1)
	count(&c.reached, reached)
	count(&c.double, arrived > 1)
	count(&c.late, late)
	switch told {
	case fallback.Delivered, fallback.Read:
		count(&c.wrong, !known)
	case fallback.Failed, fallback.Accepted: // it says that it is not known to have arrived
		count(&c.wrong, reached)
	case fallback.Pending, fallback.Unknown:
		c.unknown.Add(1)
	}
	for _, n := range w.calls {
		c.submits.Add(int64(n))
	}
	c.violations.Add(int64(len(w.broken)))
}

func (c *tally) rate(n *atomic.Int64) float64 {
	return 100 * float64(n.Load()) / float64(c.messages.Load())
}

// design runs one message in the way of a design. It gives what its owner is
// told a minute after the deadline, and when that was.
type design func(w *world) (told fallback.Outcome, asked time.Time)

func designA(w *world) (fallback.Outcome, time.Time) {
	n := &naive{w: w, m: &w.sc.msgs[0]}
	w.naive = func(delivery.Receipt) bool { return true }
	return n.run(n.submitOnly)
}

func designB(w *world) (fallback.Outcome, time.Time) {
	n := &naive{w: w, m: &w.sc.msgs[0], news: make(chan struct{}, 1)}
	w.naive = n.receive
	return n.run(n.statusColumn)
}

func (n *naive) run(f func()) (told fallback.Outcome, asked time.Time) {
	n.w.goOutside(f)
	time.Sleep(n.m.deadline + time.Minute)
	told, asked = n.told(), time.Now()
	n.w.settle()
	return told, asked
}

func designOurs(w *world) (told fallback.Outcome, asked time.Time) {
	w.goOutside(func() {
		time.Sleep(w.sc.msgs[0].deadline + time.Minute)
		p := &proc{w: w, name: "owner"}
		p.bind(w.store)
		ctx, end := context.WithCancel(context.Background())
		end()
		res, err := p.route.Wait(ctx, w.sc.msgs[0].key())
		if _, final := errors.AsType[*fallback.Error](err); err != nil && !final && !errors.Is(err, context.Canceled) {
			w.violate("I8", "lost: %v", err)
		}
		w.mu.Lock()
		told, asked = res.Outcome, time.Now()
		w.mu.Unlock()
	})
	w.run()
	w.mu.Lock()
	defer w.mu.Unlock()
	return told, asked
}

// TestDesigns compares the design of this package with the two that are
// usually built, under the same faults. That those show the failures that are
// known of them proves that the simulator can see them.
//
//	go test ./fallback/delivery -run TestDesigns -v
func TestDesigns(t *testing.T) {
	t.Parallel()
	n := min(simCascades(t), 50_000)
	five := realFive(t)
	names := []string{"A: accepted is delivered", "B: status column", "ours, ideal providers", "ours, real providers"}
	runs := []design{designA, designB, designOurs, designOurs}
	can := [][]altSpec{ideal(), ideal(), ideal(), five}
	tallies := make([]tally, len(names))
	t.Cleanup(func() {
		var b strings.Builder
		fmt.Fprintf(&b, "%d messages each\n| design | reached %% | double %% | wrong report %% | unknown %% | late %% | submits/message |\n|---|---|---|---|---|---|---|\n", n)
		for i := range tallies {
			c := &tallies[i]
			fmt.Fprintf(&b, "| %s | %.1f | %.2f | %.2f | %.2f | %.2f | %.2f |\n", names[i], c.rate(&c.reached), c.rate(&c.double), c.rate(&c.wrong),
				c.rate(&c.unknown), c.rate(&c.late), float64(c.submits.Load())/float64(c.messages.Load()))
		}
		t.Log(b.String())
		a, bb, o, r := &tallies[0], &tallies[1], &tallies[2], &tallies[3]
		within := func(what string, got, from, to float64) {
			chance := 3 * math.Sqrt(max(to, 0)*max(100-to, 0)/float64(n)) // three standard deviations
			if n >= 50_000 {
				chance = 0
			}
			if got < from-chance || got > to+chance {
				t.Errorf("%s: %.2f, not between %.2f and %.2f", what, got, from, to)
			}
		}
		within("A, wrong reports", a.rate(&a.wrong), 6, 12)
		within("A, reached", a.rate(&a.reached), 88, 94)
		within("B, doubles", bb.rate(&bb.double), 10, 20)
		within("B, wrong reports", bb.rate(&bb.wrong), 0.3, 2)
		within("ours with ideal providers, doubles", o.rate(&o.double), 0, 1)
		within("ours with ideal providers, wrong reports", o.rate(&o.wrong), 0, 0.25)
		within("ours with ideal providers, reached", o.rate(&o.reached), 98.5, 100)
		within("ours with real providers, reached", r.rate(&r.reached), 99, 100)
		within("ours, violations", float64(o.violations.Load()+r.violations.Load()), 0, 0)
	})
	var next atomic.Int64
	for i := range runtime.GOMAXPROCS(0) {
		t.Run(fmt.Sprintf("worker %d", i), func(t *testing.T) {
			t.Parallel()
			for {
				k := int(next.Add(1) - 1)
				if k >= n*len(names) {
					return
				}
				d := k % len(names)
				sc := compared(uint64(k/len(names)), can[d]) //nolint:gosec // not negative
				synctest.Test(t, func(*testing.T) {
					w := newWorld(sc)
					told, asked := runs[d](w)
					tallies[d].add(w, told, asked)
					if d >= 2 && len(w.broken) > 0 {
						t.Errorf("seed %d: %s: %s", sc.seed, w.broken[0].inv, w.broken[0].text)
					}
				})
			}
		})
	}
}
