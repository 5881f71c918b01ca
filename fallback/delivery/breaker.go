package delivery

import (
	"errors"
	"sync"
	"time"

	"github.com/cpaas-go/cpaas/fallback"
	"github.com/cpaas-go/cpaas/internal/errs"
)

// Breaker is when a provider is left alone on a channel: when, within Window,
// at least MinCalls were made and at least Rate of them failed for reasons of
// the provider's own. After Cooldown one message is tried. What speaks about
// a person or a content never counts. Wrong credentials and missing credit
// open at once.
type Breaker struct {
	Window   time.Duration // zero: 30 seconds
	Cooldown time.Duration // zero: 30 seconds
	MinCalls int           // zero: 20
	Rate     float64       // above 0, at most 1; zero: 0.5
}

func (b *Breaker) defaults() error {
	if b.Window < 0 || b.Cooldown < 0 || b.MinCalls < 0 || b.Rate < 0 || b.Rate > 1 {
		return errors.New("delivery: Config.Breaker: negative, or a Rate above 1")
	}
	if b.Window == 0 {
		b.Window = 30 * time.Second
	}
	if b.Cooldown == 0 {
		b.Cooldown = 30 * time.Second
	}
	if b.MinCalls == 0 {
		b.MinCalls = 20
	}
	if b.Rate == 0 {
		b.Rate = 0.5
	}
	return nil
}

// breakers are the breakers of all providers, by provider and channel.
type breakers struct {
	cfg Breaker
	mu  sync.Mutex
	all map[line]*breaker
}

type line struct {
	provider string
	channel  fallback.Channel
}

type breaker struct {
	begun         time.Time // of the window
	calls, failed int
	open          bool
	probe         time.Time // when open: from then on one call is let through
	probing       time.Time // when one is under way: when it began
	alerted       time.Time // when somebody was last told to act
}

func (b *breakers) get(l line) *breaker {
	if b.all == nil {
		b.all = map[line]*breaker{}
	}
	x := b.all[l]
	if x == nil {
		x = &breaker{}
		b.all[l] = x
	}
	return x
}

// shut reports whether nothing should be sent on l now, and when its probe is.
func (b *breakers) shut(l line, now time.Time) (bool, time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	x := b.all[l]
	if x == nil || !x.open {
		return false, time.Time{}
	}
	if now.Before(x.probe) {
		return true, x.probe
	}
	if !x.probing.IsZero() && now.Before(x.probing.Add(b.cfg.Cooldown)) {
		return true, x.probing.Add(b.cfg.Cooldown)
	}
	return false, time.Time{}
}

// admit reports whether a call may be made now, and makes it the probe if the
// breaker is open. forced: there is nobody else to try.
func (b *breakers) admit(l line, now time.Time, forced bool) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	x := b.all[l]
	if x == nil || !x.open {
		return true
	}
	free := !now.Before(x.probe) && (x.probing.IsZero() || !now.Before(x.probing.Add(b.cfg.Cooldown)))
	if !free && !forced {
		return false
	}
	x.probing = now
	return true
}

// ofProvider reports whether a reason speaks about the provider, and not about
// the person, the content, or our own haste; whether it speaks against it; and
// whether somebody must act.
func ofProvider(r errs.Reason) (about, failed, must bool) {
	switch r {
	case errs.None, errs.ReasonDuplicate:
		return true, false, false
	case errs.ReasonUnavailable, errs.ReasonMaybeAccepted:
		return true, true, false
	case errs.ReasonUnauthorized, errs.ReasonForbidden, errs.ReasonInsufficientCredit:
		return true, true, true
	default:
		return false, false, false
	}
}

// verdict takes in what a call came to. alert: somebody must act on it, and was
// not told within the cooldown.
func (b *breakers) verdict(l line, r errs.Reason, now time.Time) (alert bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	x := b.get(l)
	about, failed, must := ofProvider(r)
	if !about { // another call may be the probe
		x.probing = time.Time{}
		return false
	}
	if must && !now.Before(x.alerted.Add(b.cfg.Cooldown)) {
		x.alerted, alert = now, true
	}
	if x.open {
		x.probing = time.Time{}
		if failed {
			x.probe = now.Add(b.cfg.Cooldown)
			return alert
		}
		*x = breaker{alerted: x.alerted}
		return false
	}
	if now.Sub(x.begun) > b.cfg.Window {
		x.begun, x.calls, x.failed = now, 0, 0
	}
	x.calls++
	if failed {
		x.failed++
	}
	if must || x.calls >= b.cfg.MinCalls && float64(x.failed) >= b.cfg.Rate*float64(x.calls) {
		*x = breaker{open: true, probe: now.Add(b.cfg.Cooldown), alerted: x.alerted}
	}
	return alert
}
