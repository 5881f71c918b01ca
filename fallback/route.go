package fallback

import "slices"

// Route is the order to try. Routes join with append.
type Route []Step

// Step is one element of a Route: a [Leg], or what [AtOnce] makes of several.
type Step interface {
	Legs() [][]Leg // the legs taken at once, each with its alternatives in order

	step()
}

// Leg is one provider on one channel.
type Leg struct {
	Channel  Channel // empty: the Sender orders the channels by itself
	Provider string  // unique for each provider account, which nothing checks: "octopush", "octopush-it"
	Sender   Sender

	or []Leg
}

// Or adds providers of the same channel to try, in order, when l's provider
// does not take the message. They are not tried when it is the person who
// cannot be reached on the channel, or the content that is refused.
func (l Leg) Or(more ...Leg) Leg {
	l.or = append(slices.Clip(l.or), more...)
	return l
}

// Legs is l and its alternatives.
func (l Leg) Legs() [][]Leg {
	alternatives := make([]Leg, 0, 1+len(l.or))
	first := l
	first.or = nil
	alternatives = append(alternatives, first)
	for _, alt := range l.or {
		alternatives = append(alternatives, alt.Legs()[0]...)
	}
	return [][]Leg{alternatives}
}

func (Leg) step() {}

type group []Leg

func (g group) Legs() [][]Leg {
	var legs [][]Leg
	for _, l := range g {
		legs = append(legs, l.Legs()...)
	}
	return legs
}

func (group) step() {}

// AtOnce is a step that takes several legs together; one that is accepted is
// enough.
func AtOnce(a, b Leg, more ...Leg) Step { return append(group{a, b}, more...) }
