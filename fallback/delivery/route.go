package delivery

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/cpaas-go/cpaas/fallback"
	"github.com/cpaas-go/cpaas/internal/cascade"
)

// Route is the order to try, and how long to wait at each stage. (A
// fallback.Route has no waits: it ends when a provider accepts.)
type Route []Stage

// Stage is one step and the wait for it.
type Stage struct {
	Try   fallback.Step
	Until Goal // zero: Delivered

	// Within is how long to wait, from acceptance, before the next stage is
	// tried. Zero: until the message's deadline.
	Within time.Duration
}

// Validate says all that is wrong with the route itself: what
// fallback.Route.Validate says, and every wait for a receipt that its leg
// cannot give.
func (r Route) Validate() error {
	var problems []error
	if len(r) == 0 {
		problems = append(problems, errors.New("delivery: route: no stage"))
	}
	for i, stage := range r {
		if stage.Within < 0 || stage.Until > Accepted {
			problems = append(problems, fmt.Errorf("delivery: route: stage %d: negative Within or unknown Until", i+1))
		}
		if err := (fallback.Route{stage.Try}).Validate(); err != nil {
			problems = append(problems, fmt.Errorf("delivery: route: stage %d: %w", i+1, err))
			continue
		}
		for _, alternatives := range stage.Try.Legs() {
			for _, leg := range alternatives {
				if stage.Until != Accepted && !capsOf(leg).proves(stage.Until) {
					problems = append(problems, fmt.Errorf("delivery: route: stage %d waits until %s, but leg %q of %s has no receipt that proves it",
						i+1, stage.Until, leg.Channel, leg.Provider))
				}
			}
		}
	}
	return errors.Join(problems...)
}

// capsOf is what a leg's Sender can do.
func capsOf(l fallback.Leg) Caps {
	if s, ok := l.Sender.(Limits); ok {
		return s.Limits()
	}
	return Caps{}
}

// proves reports whether receipts can prove g.
func (c Caps) proves(g Goal) bool {
	return slices.Contains(c.Reports, g) || g == Delivered && slices.Contains(c.Reports, Read)
}

func (g Goal) cascade() cascade.Goal {
	switch g {
	case Delivered:
		return cascade.Delivered
	case Read:
		return cascade.Read
	case Accepted:
	}
	return cascade.Accepted
}
