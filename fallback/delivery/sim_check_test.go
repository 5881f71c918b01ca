package delivery_test

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/cpaas-go/cpaas/fallback"
	"github.com/cpaas-go/cpaas/fallback/delivery"
	"github.com/cpaas-go/cpaas/fallback/fallbacktest"
	"github.com/cpaas-go/cpaas/internal/cascade"
)

// attempt is one of a State's.
type attempt struct {
	*cascade.Attempt

	ref string
}

func attempts(st *delivery.State) []attempt {
	out := make([]attempt, len(st.Attempts))
	for i := range st.Attempts {
		out[i] = attempt{&st.Attempts[i].Attempt, st.Attempts[i].Ref}
	}
	return out
}

// arrived reports whether an attempt has come to what its stage waits for.
func arrived(a attempt, goal delivery.Goal) bool {
	switch s := a.Status(); goal {
	case delivery.Delivered:
		return s == cascade.StatusDelivered || s == cascade.StatusRead
	case delivery.Read:
		return s == cascade.StatusRead
	case delivery.Accepted:
		return s == cascade.StatusAccepted || s == cascade.StatusDelivered || s == cascade.StatusRead
	}
	return false
}

// wrote checks what a process has just stored.
func (w *world) wrote(p *proc, rec delivery.Record) {
	next, err := delivery.Opened(rec)
	if err != nil {
		w.violate("I7", "%s cannot be read: %v", rec.Key, err)
		return
	}
	w.mu.Lock()
	prev, known := w.last[rec.Key]
	w.last[rec.Key] = next
	if next.Ended && !prev.Ended {
		w.ended[rec.Key] = w.now()
	}
	stopped := w.stopped[rec.Key]
	w.mu.Unlock()

	m := w.message(rec.Key)
	after := attempts(&next)
	tries := map[string]int{}
	if known {
		w.grown(rec.Key, &prev, &next)
		for _, a := range attempts(&prev) {
			if tries[a.ref] = a.Tries; a.Busy {
				tries[a.ref] = a.Tries
			}
		}
	}
	for i, a := range after {
		if !a.Busy || a.Tries <= tries[a.ref] {
			continue
		}
		w.log("%s: %s writes %s try %d ahead", p.name, rec.Key, a.ref, a.Tries)
		w.mu.Lock()
		w.written[a.ref] = max(w.written[a.ref], a.Tries)
		w.mu.Unlock()
		switch {
		case stopped:
			w.violate("I1", "%s: %s is submitted after Cancel has returned", rec.Key, a.ref)
		case prev.Cancelled:
			w.violate("I1", "%s: %s is submitted after the cancellation was stored", rec.Key, a.ref)
		case prev.Ended:
			w.violate("I1", "%s: %s is submitted after the end", rec.Key, a.ref)
		}
		for k, b := range after {
			if arrived(b, w.sc.stages[b.Stage].goal) {
				w.violate("I1", "%s: %s is submitted after the goal was reached by %s", rec.Key, a.ref, b.ref)
			}
			if b.Facts.Has(cascade.FactOptedOut) {
				w.violate("I1", "%s: %s is submitted after an opt-out", rec.Key, a.ref)
			}
			if k != i && (b.Stage != a.Stage || b.Leg == a.Leg) && (m.once || m.class == fallback.Promotional) &&
				(b.Status() == cascade.StatusUnsure || b.Status() == cascade.StatusBusy) {
				w.violate("I4", "%s: %s is submitted although %s may have been accepted", rec.Key, a.ref, b.ref)
			}
		}
		if repeats := w.sc.stages[a.Stage].legs[a.Leg].alts[a.Alt].caps.Idempotent; a.Facts.Has(cascade.FactUnsure) && repeats == 0 {
			w.violate("I2", "%s: %s is repeated, which its provider does not refuse", rec.Key, a.ref)
		}
	}
}

// grown checks that what was known is still known.
func (w *world) grown(key string, prev, next *delivery.State) {
	after := attempts(next)
	for _, a := range attempts(prev) {
		found := false
		for _, b := range after {
			if b.ref != a.ref {
				continue
			}
			found = true
			for f := range a.Facts {
				if a.Facts[f] != 0 && (b.Facts[f] == 0 || b.Facts[f] > a.Facts[f]) {
					w.violate("I7", "%s: fact %d of %s was forgotten", key, f, a.ref)
				}
			}
			if b.Tries < a.Tries {
				w.violate("I7", "%s: tries of %s were forgotten", key, a.ref)
			}
		}
		if !found && a.Tries > 0 {
			w.violate("I7", "%s: attempt %s was forgotten", key, a.ref)
		}
	}
	if prev.Cancelled && !next.Cancelled || prev.Ended && !next.Ended {
		w.violate("I7", "%s: its end was forgotten", key)
	}
	if prev.Ended && prev.Outcome >= fallback.Delivered && next.Outcome < fallback.Delivered {
		w.violate("I7", "%s was %s, and is %s", key, prev.Outcome, next.Outcome)
	}
}

// begins checks a call that begins.
func (w *world) begins(s *simSender, m *msgSpec, sub fallback.Submission, point string) {
	now := time.Now()
	w.log("%s: %s begins, with %s", s.p.name, point, sub.Ref)
	rec, err := w.store.Get(s.p.ctx, m.key())
	w.mu.Lock()
	other := w.inFlight[sub.Ref]
	w.inFlight[sub.Ref] = s.p
	w.calls[sub.Ref]++
	calls, written := w.calls[sub.Ref], w.written[sub.Ref]
	dead := other != nil && other.dead
	w.mu.Unlock()
	if other != nil && !dead {
		w.violate("I2", "%s begins while %s is calling with %s", point, other.name, sub.Ref)
	}
	if m.deadline > 0 && !now.Before(w.start.Add(m.at+m.deadline)) {
		w.violate("I1", "%s begins after the deadline", point)
	}
	if calls > written {
		w.violate("I10", "%s begins call %d of %s, and %d were written ahead", point, calls, sub.Ref, written)
	}
	if err != nil {
		w.violate("I10", "%s begins, and the store has no %s: %v", point, m.key(), err)
		return
	}
	st, err := delivery.Opened(rec)
	if err != nil {
		w.violate("I10", "%s: %v", point, err)
		return
	}
	for _, a := range st.Attempts {
		if a.Ref == sub.Ref && a.Busy {
			if a.Lease <= now.UnixNano() {
				w.violate("I2", "%s begins after its lease", point)
			}
			return
		}
	}
	w.violate("I10", "%s begins, and the store does not say so", point)
}

// open reports whether something is still to come, and whether it is too late.
func (w *world) open(since time.Duration) (open, late bool) {
	for i := range w.sc.msgs {
		key := w.sc.msgs[i].key()
		rec, err := w.store.Get(context.Background(), key)
		if err != nil {
			continue // it never got there
		}
		w.mu.Lock()
		st := w.last[key]
		w.mu.Unlock()
		if st.Ended && len(rec.Inbox) == 0 && !calling(&st) {
			continue
		}
		open = true
		late = late || w.now() > max(w.limit(&st), since+w.lease*faultBudget)+time.Hour+w.waste()
	}
	return open, late
}

func (w *world) waste() time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.lost
}

// calling reports whether a call is written down as under way.
func calling(st *delivery.State) bool {
	for _, a := range st.Attempts {
		if a.Busy {
			return true
		}
	}
	return false
}

// limit is when a message must have ended.
func (w *world) limit(st *delivery.State) time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	out := time.Unix(0, st.Deadline).Sub(w.start) + w.hold + 3*time.Second + w.lease*time.Duration(1+faultBudget-w.budget) + w.lost
	for _, s := range w.sc.noStore {
		out += s.to - s.from
	}
	return out + time.Minute
}

// judge checks how all of it came out.
func (w *world) judge() {
	judge := func(store delivery.Store) *proc {
		p := &proc{w: w, name: "referee"}
		p.ctx, p.die = context.Background(), func() {}
		p.bind(store)
		return p
	}
	r := judge(w.store)
	w.breakers()
	for i := range w.sc.msgs {
		m := &w.sc.msgs[i]
		rec, err := w.store.Get(r.ctx, m.key())
		if err != nil {
			continue
		}
		st, err := delivery.Opened(rec)
		if err != nil {
			w.violate("I7", "%s: %v", m.key(), err)
			continue
		}
		if at, limit := w.ended[m.key()], w.limit(&st); !st.Ended || at > limit {
			w.violate("I6", "%s ends at %s, and had to by %s: ended %t, held %q", m.key(), at, limit, st.Ended, st.Held)
			continue
		}
		if calling(&st) {
			w.violate("I6", "%s is left with a call under way", m.key())
		}
		res := w.result(r, m)
		w.log("%s", res)
		w.truth(m, &st, res)
		if len(w.given[m.key()]) > 0 && draw(w.sc.seed, "converge/"+m.key()) < 0.3 {
			w.converge(judge, m, rec, res)
		}
	}
}

func (w *world) result(p *proc, m *msgSpec) fallback.Result {
	res, err := p.route.Wait(p.ctx, m.key())
	if (res.Outcome == fallback.Failed || res.Outcome == fallback.Unknown) == (err == nil) {
		w.violate("I6", "%s is %s with the error %v", m.key(), res.Outcome, err)
	}
	return res
}

// truth checks a result against what really happened.
func (w *world) truth(m *msgSpec, st *delivery.State, res fallback.Result) {
	if res.Outcome == fallback.Pending {
		w.violate("I6", "%s has ended, and is pending", m.key())
	}
	var mine []*letter
	for _, x := range w.copies {
		if x.msg == m {
			mine = append(mine, x)
		}
	}
	honest := !w.lies[m.key()]
	got := false
	for i, x := range mine {
		if x.delivered.IsZero() {
			continue
		}
		got = got || x.alt.provider == res.Provider && x.alt.channel == res.Channel
		for _, y := range mine[:i] {
			if y.delivered.IsZero() || y.stage == x.stage && y.leg != x.leg || !honest {
				continue
			}
			if !res.PossibleDuplicate && !res.Duplicate {
				w.violate("I5", "%s arrived by %s and by %s, and nothing says so", m.key(), y.alt.label, x.alt.label)
			}
		}
		if honest && res.Outcome == fallback.Failed {
			w.violate("I5", "%s arrived by %s, and is reported as certainly failed", m.key(), x.alt.label)
		}
	}
	if res.Outcome >= fallback.Delivered && !got {
		w.violate("I7", "%s is reported as %s by %s, where it did not arrive", m.key(), res.Outcome, res.Provider)
	}
	for _, r := range w.given[m.key()] {
		w.takenIn(m, st, r)
	}
	as := attempts(st)
	for i, a := range as {
		for _, b := range as[:i] {
			if a.Stage == b.Stage && a.Leg != b.Leg {
				continue
			}
			if a.Status() >= cascade.StatusDelivered && b.Status() >= cascade.StatusDelivered && !res.Duplicate {
				w.violate("I5", "%s is known to have arrived twice, and is not marked", m.key())
			}
			if b.Status() == cascade.StatusUnsure && a.Status() != cascade.StatusRefused && !res.PossibleDuplicate {
				w.violate("I5", "%s went on after an attempt of unknown fate, and is not marked", m.key())
			}
		}
	}
}

// takenIn checks that a receipt, once its provider was told that it is stored,
// has found its attempt.
func (w *world) takenIn(m *msgSpec, st *delivery.State, r delivery.Receipt) {
	fact := cascade.FactDelivered
	switch r.Outcome {
	case fallback.Read:
		fact = cascade.FactRead
	case fallback.Delivered:
	case fallback.Pending, fallback.Failed, fallback.Unknown, fallback.Accepted:
		return
	}
	for _, a := range st.Attempts {
		mine := r.Ref != "" && a.Ref == r.Ref || r.ID != "" && a.ID == r.ID && w.sc.stages[a.Stage].legs[a.Leg].alts[a.Alt].provider == r.Provider
		if mine && !a.Facts.Has(fact) {
			w.violate("I3", "%s: %s says %s, which was stored and is not taken in", m.key(), r.EventID, r.Outcome)
		}
	}
}

// converge checks that the receipts, in another order and repeated, come to
// the same result.
func (w *world) converge(judge func(delivery.Store) *proc, m *msgSpec, rec delivery.Record, want fallback.Result) {
	for round := range 2 {
		store := fallbacktest.VolatileStore()
		p := judge(store)
		if _, err := store.Create(p.ctx, []delivery.Record{rec}); err != nil {
			w.violate("I3", "%s: %v", m.key(), err)
			return
		}
		given := w.given[m.key()]
		for n := range 2 * len(given) {
			r := given[int(draw(w.sc.seed, fmt.Sprintf("converge/%d/%d", round, n))*float64(len(given)))]
			r.EventID = fmt.Sprintf("again/%d", n)
			if err := p.r.Receive(p.ctx, r); err != nil {
				w.violate("I3", "%s: %v", m.key(), err)
				return
			}
		}
		if got := w.result(p, m); got.String() != want.String() {
			w.violate("I3", "%s: with the same receipts again:\n%s\nwas\n%s", m.key(), got, want)
		}
	}
}

// breakers checks that they counted only what speaks about the provider.
func (w *world) breakers() {
	for _, p := range w.all {
		for _, st := range w.sc.stages {
			for _, leg := range st.legs {
				for _, alt := range leg.alts {
					failed, open := p.r.BreakerOf(alt.provider, alt.channel)
					if (failed > 0 || open) && w.blamed[p.name+"/"+alt.provider+"/"+string(alt.channel)] == 0 {
						w.violate("I9", "the breaker of %s on %s counts what is not the provider's", alt.provider, alt.channel)
					}
				}
			}
		}
	}
}

// settle waits until nothing more happens: no letter and no receipt is on its
// way, every message has ended, and every receipt is taken in.
func (w *world) settle() {
	since := w.now()
	for {
		w.mu.Lock()
		busy := w.outside > 0
		w.mu.Unlock()
		if busy {
			since = w.now()
		} else if open, late := w.open(since); !open || late {
			return
		}
		time.Sleep(7 * time.Second)
	}
}

// summary is all about a run that went wrong.
func (w *world) summary() string {
	var b strings.Builder
	b.WriteString(w.sc.String())
	for _, line := range w.trace {
		b.WriteString("    " + line + "\n")
	}
	for _, v := range w.broken {
		fmt.Fprintf(&b, "  %s: %s\n", v.inv, v.text)
	}
	return b.String()
}
