package delivery

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/cpaas-go/cpaas/fallback"
	"github.com/cpaas-go/cpaas/internal/cascade"
	"github.com/cpaas-go/cpaas/internal/errs"
	"github.com/cpaas-go/cpaas/internal/redact"
)

// BoundRoute is a route with a Runner behind it. Its Send has the signature of
// fallback.Route's.
type BoundRoute struct {
	r     *Runner
	name  string
	goals []Stage            // Until and Within of each stage
	legs  [][][]fallback.Leg // stage, leg, alternative
}

// Send stores m, makes the first attempt, and goes on as long as attempts are
// refused: the Result is Pending while receipts are awaited. After a nil error
// the message is the Runner's, whatever becomes of this process. Ending ctx
// ends the waiting, not the attempt: a call once begun is finished, and the
// error is ctx's.
//
// A Key that was used before makes Send report what became of that message;
// used for another message, it is [ErrKeyReused]. An error that is neither
// that, a *fallback.Error nor ctx's is the Store's. If the Result has no
// attempts then, the message may not be stored: nothing was sent, and nothing
// will be unless it is. Sending again with the same Key is safe.
func (b *BoundRoute) Send(ctx context.Context, m fallback.Message) (fallback.Result, error) {
	if err := context.Cause(ctx); err != nil {
		return fallback.Result{Key: m.Key}, err
	}
	j, err := b.job(m)
	if err != nil {
		return fallback.Result{Key: m.Key}, err
	}
	type answer struct {
		res fallback.Result
		err error
	}
	done := make(chan answer, 1)
	key := j.rec.Key // the goroutine may read the record anew
	go func() {
		res, err := j.run(context.WithoutCancel(ctx))
		if errors.Is(err, errExists) {
			res, err = b.known(context.WithoutCancel(ctx), j)
		}
		b.r.poke() // it is due at some time, perhaps before anything else
		done <- answer{res, err}
	}()
	select {
	case a := <-done:
		return a.res, a.err
	case <-ctx.Done():
		return fallback.Result{Key: key}, context.Cause(ctx)
	}
}

// Record is m as a Store keeps it, due at once: for a Store that can put it
// into a transaction of the caller's own, such as sqlstore's CreateTx. Whoever
// runs the Runner makes the first attempt.
func (b *BoundRoute) Record(m fallback.Message) (Record, error) {
	j, err := b.job(m)
	if err != nil {
		return Record{}, err
	}
	j.rec.Due, j.st.Held = time.Now(), "waiting for the first attempt"
	err = j.encode()
	return j.rec, err
}

// job is what the route means for m.
func (b *BoundRoute) job(m fallback.Message) (*job, error) {
	if m.Key == "" {
		m.Key = cascade.Key()
	}
	m.Deadline = m.Deadline.UTC()                                                                             // JSON has no seconds for a zone
	m.To.Other, m.To.Only, m.Content = maps.Clone(m.To.Other), slices.Clone(m.To.Only), maps.Clone(m.Content) // the caller may change his
	for ch, content := range m.Content {
		if t, ok := content.(fallback.Template); ok {
			t.Args, t.Vars = slices.Clone(t.Args), maps.Clone(t.Vars)
			m.Content[ch] = t
		}
	}
	j := &job{r: b.r, rec: Record{Key: m.Key}}
	var err error
	if j.rec.Fingerprint, err = fingerprint(b.name, m); err != nil {
		return nil, fmt.Errorf("delivery: %w", err)
	}
	deadline := m.Deadline
	if deadline.IsZero() {
		deadline = time.Now().Add(DefaultDeadline)
	}
	j.st = state{Route: b.name, Message: &m, Class: m.Class, Once: m.AtMostOnce, Deadline: cascade.Nano(deadline)}
	addresses := map[string]uint8{}
	for i, legs := range b.legs {
		stage := storedStage{Goal: b.goals[i].Until, Within: b.goals[i].Within}
		for _, alternatives := range legs {
			alts := make([]storedAlt, len(alternatives))
			for k, leg := range alternatives {
				alts[k] = plan(leg, m, addresses)
			}
			stage.Legs = append(stage.Legs, alts)
		}
		j.st.Stages = append(j.st.Stages, stage)
	}
	return j, nil
}

// plan is what one leg means for m.
func plan(leg fallback.Leg, m fallback.Message, addresses map[string]uint8) storedAlt {
	caps := capsOf(leg)
	_, revoke := leg.Sender.(Revoker)
	_, find := leg.Sender.(Finder)
	alt := storedAlt{
		Provider: leg.Provider, Channel: leg.Channel,
		Repeat: caps.Idempotent, Echo: caps.Echo, MaxTTL: caps.MaxTTL, Find: find, Revoke: revoke,
	}
	sub, err := leg.Prepare(m)
	if err != nil {
		alt.Skip = redact.Line(err.Error())
		alt.Bad, _ = errs.ReasonOf(err)
	}
	n, ok := addresses[sub.To]
	if !ok {
		n = uint8(min(len(addresses), 255))
		addresses[sub.To] = n
	}
	alt.Address = n
	return alt
}

// known is what became of a message whose key exists.
func (b *BoundRoute) known(ctx context.Context, j *job) (fallback.Result, error) {
	rec, err := b.r.cfg.Store.Get(ctx, j.rec.Key)
	if err != nil {
		return fallback.Result{Key: j.rec.Key}, err
	}
	if rec.Fingerprint != j.rec.Fingerprint {
		return fallback.Result{Key: j.rec.Key}, fmt.Errorf("%w: %s", ErrKeyReused, j.rec.Key)
	}
	return b.r.read(rec)
}

// read is what a record says, and its error if it is finished.
func (r *Runner) read(rec Record) (fallback.Result, error) {
	j, err := r.open(rec)
	if err != nil {
		return fallback.Result{Key: rec.Key}, err
	}
	j.absorb()
	if j.st.Ended {
		j.decision = cascade.Look(j.st.plan(&r.cfg, nil), j.st.seen())
		j.decision.Why = j.st.Why
	}
	return j.outcome()
}

const pollWait = time.Second

// Wait returns when the message is no longer Pending, with the error that Send
// would have returned for its outcome. [ErrNotFound] if the Store has none;
// the Result so far and ctx's error when ctx ends first.
func (b *BoundRoute) Wait(ctx context.Context, key string) (fallback.Result, error) {
	box := newMailbox()
	for {
		b.r.watch(key, box)
		rec, err := b.r.cfg.Store.Get(ctx, key)
		if err != nil {
			b.r.unwatch(key, box)
			return fallback.Result{Key: key}, err
		}
		res, err := b.r.read(rec)
		if res.Outcome != fallback.Pending {
			b.r.unwatch(key, box)
			return res, err
		}
		timer := time.NewTimer(pollWait) // it may finish in another process
		select {
		case <-box.ready:
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			b.r.unwatch(key, box)
			return res, context.Cause(ctx)
		}
		timer.Stop()
		b.r.unwatch(key, box)
	}
}

// Cancel stops a message from going on: once it has returned, no attempt begins
// any more, and one that was under way, also one that waits for a slot in
// SendAll, is the last. What was accepted is taken back where its provider can.
// [ErrNotFound] if the Store has none; one that has ended is left as it is.
func (b *BoundRoute) Cancel(ctx context.Context, key string) (fallback.Result, error) {
	rec, err := b.r.cfg.Store.Get(ctx, key)
	if err != nil {
		return fallback.Result{Key: key}, err
	}
	j, err := b.r.open(rec)
	if err != nil {
		return fallback.Result{Key: key}, err
	}
	if j.st.Ended {
		return b.r.read(rec)
	}
	j.cancel = true
	return j.run(ctx)
}

// Explain says what Send would do with m, and why, without sending. An error
// is of content that cannot be stored.
func (b *BoundRoute) Explain(m fallback.Message) (fallback.Plan, error) {
	j, err := b.job(m)
	if err != nil {
		return nil, err
	}
	tried := b.rehearse(j)
	var out fallback.Plan
	for i := range j.st.Stages {
		s := &j.st.Stages[i]
		for l := range s.Legs {
			for k := range s.Legs[l] {
				alt := &s.Legs[l][k]
				planned := fallback.Planned{Step: i + 1, Channel: alt.Channel, Provider: alt.Provider, Skipped: alt.Skip, Wait: s.Goal.String()}
				if s.Within > 0 && s.Goal != Accepted {
					planned.Wait += " within " + s.Within.String()
				}
				if planned.Skipped == "" && !tried[[3]int{i, l, k}] {
					planned.Skipped = "never reached"
				}
				out = append(out, planned)
			}
		}
	}
	return out, nil
}

// rehearse runs Decide with nobody accepting, and says what would be tried.
func (b *BoundRoute) rehearse(j *job) map[[3]int]bool {
	p := j.st.plan(&b.r.cfg, nil)
	p.Tries = 0
	tried := map[[3]int]bool{}
	var as []cascade.Attempt
	for {
		d := cascade.Decide(p, as, cascade.State{}, time.Now().UnixNano())
		if d.Do != cascade.Send {
			return tried
		}
		tried[[3]int{d.Stage, d.Leg, d.Alt}] = true
		a := cascade.Attempt{Stage: d.Stage, Leg: d.Leg, Alt: d.Alt, Tries: 1, Refused: errs.ReasonUnavailable}
		a.Note(cascade.FactRefused, 1, a.Refused)
		as = append(as, a)
	}
}

// sameContent is equal for submissions that one call of a Batcher may carry.
func sameContent(s fallback.Submission) string {
	b, err := json.Marshal(struct {
		Type    string           `json:"type"`
		Content fallback.Content `json:"content"`
		Class   fallback.Class   `json:"class"`
		Expires time.Time        `json:"expires"`
	}{fmt.Sprintf("%T", s.Content), s.Content, s.Message.Class, s.Expires})
	if err != nil {
		return s.Ref // alone
	}
	return string(b)
}
