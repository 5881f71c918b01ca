package delivery_test

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/cpaas-go/cpaas/fallback"
	"github.com/cpaas-go/cpaas/fallback/delivery"
)

// The kinds of fault. A scenario has a rate for each.
const (
	faultRefuse       = "refuse"         // the provider refuses, for any reason
	faultNotOnChannel = "not on channel" // it refuses, because the person is not there
	faultAmbiguous    = "ambiguous"      // no complete answer
	faultAmbTaken     = "taken"          // share of those that were accepted all the same
	faultHang         = "hang"           // share of those that come as a timeout
	faultCrash        = "crash"          // the process ends
	faultCrashCall    = "crash at call"  // it ends before or after the provider's call
	faultStall        = "stall"          // the process stands still, perhaps beyond its lease
	faultStore        = "store error"    // the store fails and does nothing
	faultStoreLost    = "store answer"   // the store does it, and its answer is lost
	faultLost         = "receipt lost"
	faultTwice        = "receipt repeated"
	faultEarly        = "receipt early" // before the submit's answer
	faultLateReceipt  = "receipt late"  // out of order, by up to minutes
	faultSkew         = "skew"          // the provider's clock is wrong
	faultTail         = "long tail"     // delivered late, or never
	faultFailed       = "failed"        // not delivered, and a receipt says so
	faultLie          = "lie"           // a receipt says failed, and it is delivered
	faultOptOut       = "opt-out"       // a receipt says that the person wants no more
	faultRevoke       = "revoke"        // taking back fails, done or not
	faultConsent      = "consent"       // consent cannot be asked
	faultLimit        = "limit"         // the rate limit does not let it through
	faultNoTTL        = "no ttl"        // the provider does not keep its word to drop what expires
)

// scenario is one run of the simulator. Everything that happens in it follows
// from it.
type scenario struct {
	seed  uint64
	rates map[string]float64
	off   map[string]bool // points whose fault does not happen: for shrinking

	procs   int
	call    time.Duration
	stages  []stageSpec
	msgs    []msgSpec
	noStore []span // the store is down
	noProv  map[string][]span
	consent bool
	limit   bool
	quiet   span // the hours in which nothing may be sent

	fates bool // fates are those of the reference's comparison
}

type span struct{ from, to time.Duration }

func (s span) has(d time.Duration) bool { return d >= s.from && d < s.to }

type stageSpec struct {
	goal   delivery.Goal
	within time.Duration
	legs   []legSpec
}

type legSpec struct{ alts []altSpec }

// altSpec is one provider of a leg, and what it can do.
type altSpec struct {
	label    string // its place, before anything was shrunk
	provider string
	channel  fallback.Channel
	caps     delivery.Caps
	revoke   bool
	find     bool
	noID     bool // its answers carry no id

	rates map[string]float64 // over the scenario's
}

type msgSpec struct {
	id       int
	at       time.Duration
	class    fallback.Class
	once     bool
	deadline time.Duration // from at; 0: none
	cancel   time.Duration // when its owner cancels it; 0: never
	stop     time.Duration // when the person opts out elsewhere; 0: never
	again    time.Duration // when it is sent a second time; 0: never
	other    time.Duration // when its key is used for another message; 0: never
}

func (m msgSpec) key() string { return fmt.Sprintf("m%d", m.id) }

// draw is a number in [0,1) for a point of a seed. It depends on nothing else,
// so that what is taken away elsewhere leaves it as it is.
func draw(seed uint64, point string) float64 {
	h := seed ^ 14695981039346656037
	for i := range len(point) {
		h = (h ^ uint64(point[i])) * 1099511628211
	}
	h += 0x9e3779b97f4a7c15
	h = (h ^ h>>30) * 0xbf58476d1ce4e5b9
	h = (h ^ h>>27) * 0x94d049bb133111eb
	return float64((h^h>>31)>>11) / (1 << 53)
}

// dice makes a scenario of a seed.
type dice struct{ seed uint64 }

func (d dice) f(point string) float64              { return draw(d.seed, "make/"+point) }
func (d dice) n(point string, n int) int           { return int(d.f(point) * float64(n)) }
func (d dice) yes(point string, rate float64) bool { return d.f(point) < rate }

func (d dice) span(point string, from, to time.Duration) time.Duration {
	return from + time.Duration(d.f(point)*float64(to-from))
}

func (d dice) log(point string, from, to time.Duration) time.Duration {
	return time.Duration(float64(from) * math.Pow(float64(to)/float64(from), d.f(point)))
}

// random is the scenario of a seed.
func random(seed uint64) *scenario {
	d := dice{seed}
	sc := &scenario{
		seed: seed, rates: map[string]float64{}, off: map[string]bool{}, noProv: map[string][]span{},
		procs: 1 + d.n("procs", 3), call: []time.Duration{2 * time.Second, 10 * time.Second, 45 * time.Second}[d.n("call", 3)],
		consent: d.yes("consent", 0.3), limit: d.yes("limit", 0.2),
	}
	// Each kind of fault is absent in half of the scenarios, so that every
	// mixture comes up.
	for kind, most := range map[string]float64{
		faultRefuse: 0.6, faultNotOnChannel: 0.4, faultAmbiguous: 0.6, faultAmbTaken: 1, faultHang: 0.5,
		faultCrash: 0.1, faultCrashCall: 0.2, faultStall: 0.08, faultStore: 0.15, faultStoreLost: 0.15,
		faultLost: 0.5, faultTwice: 0.5, faultEarly: 0.5, faultLateReceipt: 0.5, faultSkew: 0.5,
		faultTail: 0.7, faultFailed: 0.5, faultLie: 0.1, faultOptOut: 0.1, faultRevoke: 0.5,
		faultConsent: 0.3, faultLimit: 0.3, faultNoTTL: 0.3,
	} {
		if d.yes("has/"+kind, 0.5) {
			sc.rates[kind] = most * d.f("rate/"+kind)
		}
	}
	for s := range 1 + d.n("stages", 4) {
		sc.stages = append(sc.stages, d.stage(s))
	}
	for i := range 1 + d.n("messages", 2) {
		sc.msgs = append(sc.msgs, d.message(i))
	}
	if d.yes("no store", 0.1) {
		from := d.span("no store/from", 0, 3*time.Minute)
		sc.noStore = append(sc.noStore, span{from, from + d.log("no store/for", time.Second, 2*time.Minute)})
	}
	if d.yes("outage", 0.2) {
		from := d.span("outage/from", 0, 3*time.Minute)
		sc.noProv["p"+fmt.Sprint(d.n("outage/who", 4))] = []span{{from, from + d.log("outage/for", time.Second, 5*time.Minute)}}
	}
	if d.yes("quiet", 0.1) {
		from := d.span("quiet/from", 0, 3*time.Minute)
		sc.quiet = span{from, from + d.log("quiet/for", time.Second, 10*time.Minute)}
	}
	return sc
}

func (d dice) stage(s int) stageSpec {
	at := fmt.Sprintf("s%d", s)
	st := stageSpec{goal: delivery.Delivered, within: d.log(at+"/within", 5*time.Second, 5*time.Minute)}
	switch r := d.f(at + "/goal"); {
	case r < 0.1:
		st.goal = delivery.Read
	case r < 0.2:
		st.goal = delivery.Accepted
	}
	if d.yes(at+"/forever", 0.1) {
		st.within = 0
	}
	legs := 1
	if d.yes(at+"/at once", 0.2) {
		legs += 1 + d.n(at+"/legs", 2)
	}
	for l := range legs {
		alts := 1
		if d.yes(fmt.Sprintf("%s.l%d/or", at, l), 0.3) {
			alts += 1 + d.n(fmt.Sprintf("%s.l%d/alts", at, l), 2)
		}
		ch := []fallback.Channel{fallback.RCS, fallback.WhatsApp, fallback.SMS, fallback.Email, fallback.Voice, ""}[d.n(fmt.Sprintf("%s.l%d/ch", at, l), 6)]
		var leg legSpec
		for a := range alts {
			leg.alts = append(leg.alts, d.alt(fmt.Sprintf("%s.l%d.a%d", at, l, a), ch, st.goal))
		}
		st.legs = append(st.legs, leg)
	}
	return st
}

func (d dice) alt(label string, ch fallback.Channel, goal delivery.Goal) altSpec {
	a := altSpec{
		label: label, provider: fmt.Sprintf("p%d", d.n(label+"/provider", 4)), channel: ch,
		revoke: d.yes(label+"/revoke", 0.3), find: d.yes(label+"/find", 0.3), noID: d.yes(label+"/no id", 0.1),
	}
	a.caps.Echo = d.yes(label+"/echo", 0.6) || a.noID
	if d.yes(label+"/idempotent", 0.4) {
		a.caps.Idempotent = d.log(label+"/idempotent for", 10*time.Second, 24*time.Hour)
	}
	if d.yes(label+"/ttl", 0.4) {
		a.caps.MaxTTL = d.log(label+"/ttl most", 10*time.Second, 48*time.Hour)
	}
	switch {
	case goal == delivery.Read || d.yes(label+"/reads", 0.3):
		a.caps.Reports = []delivery.Goal{delivery.Accepted, delivery.Delivered, delivery.Read}
	case goal == delivery.Delivered || d.yes(label+"/reports", 0.5):
		a.caps.Reports = []delivery.Goal{delivery.Delivered}
	}
	return a
}

func (d dice) message(i int) msgSpec {
	at := fmt.Sprintf("m%d", i)
	m := msgSpec{
		id: i, at: d.span(at+"/at", 0, time.Minute), class: fallback.Class(d.n(at+"/class", 3)), //nolint:gosec // below 3
		once: d.yes(at+"/once", 0.2), deadline: d.log(at+"/deadline", 10*time.Second, 20*time.Minute),
	}
	if d.yes(at+"/no deadline", 0.1) {
		m.deadline = 0
	}
	for what, t := range map[string]*time.Duration{"cancel": &m.cancel, "stop": &m.stop, "again": &m.again, "other": &m.other} {
		if d.yes(at+"/"+what, 0.1) {
			*t = m.at + d.log(at+"/"+what+"/when", 10*time.Millisecond, 5*time.Minute)
		}
	}
	return m
}

// String is the scenario in words.
func (sc *scenario) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "seed %d: %d processes, a call takes up to %s", sc.seed, sc.procs, sc.call)
	if sc.consent {
		b.WriteString(", consent is asked")
	}
	if sc.limit {
		b.WriteString(", with a rate limit")
	}
	if sc.quiet.to > 0 {
		fmt.Fprintf(&b, ", quiet from %s to %s", sc.quiet.from, sc.quiet.to)
	}
	b.WriteByte('\n')
	for i, st := range sc.stages {
		fmt.Fprintf(&b, "  stage %d until %s within %s\n", i, st.goal, st.within)
		for l, leg := range st.legs {
			for _, a := range leg.alts {
				fmt.Fprintf(&b, "    leg %d: %s %s by %s: reports %v", l, a.label, a.channel, a.provider, a.caps.Reports)
				fmt.Fprintf(&b, ", echo %t, revoke %t, find %t, no id %t", a.caps.Echo, a.revoke, a.find, a.noID)
				if a.caps.Idempotent > 0 {
					fmt.Fprintf(&b, ", idempotent for %s", a.caps.Idempotent)
				}
				if a.caps.MaxTTL > 0 {
					fmt.Fprintf(&b, ", expires within %s", a.caps.MaxTTL)
				}
				b.WriteByte('\n')
			}
		}
	}
	for _, m := range sc.msgs {
		fmt.Fprintf(&b, "  %s at %s: %s, once %t, deadline %s, cancel %s, stop %s, again %s, other %s\n",
			m.key(), m.at, m.class, m.once, m.deadline, m.cancel, m.stop, m.again, m.other)
	}
	for _, kind := range slices.Sorted(maps.Keys(sc.rates)) {
		fmt.Fprintf(&b, "  %s: %.3f\n", kind, sc.rates[kind])
	}
	for _, s := range sc.noStore {
		fmt.Fprintf(&b, "  no store from %s to %s\n", s.from, s.to)
	}
	for _, p := range slices.Sorted(maps.Keys(sc.noProv)) {
		fmt.Fprintf(&b, "  no %s from %s to %s\n", p, sc.noProv[p][0].from, sc.noProv[p][0].to)
	}
	return b.String()
}

// clone is a copy that shares nothing that shrinking changes.
func (sc *scenario) clone() *scenario {
	c := *sc
	c.rates, c.off, c.noProv = maps.Clone(sc.rates), maps.Clone(sc.off), maps.Clone(sc.noProv)
	c.msgs, c.noStore = slices.Clone(sc.msgs), slices.Clone(sc.noStore)
	c.stages = slices.Clone(sc.stages)
	for i := range c.stages {
		c.stages[i].legs = slices.Clone(c.stages[i].legs)
		for l := range c.stages[i].legs {
			c.stages[i].legs[l].alts = slices.Clone(c.stages[i].legs[l].alts)
		}
	}
	return &c
}

// smaller is every scenario that has one thing less. fired are the faults that
// happened.
func (sc *scenario) smaller(fired []string) []*scenario {
	var out []*scenario
	less := func(f func(c *scenario)) {
		c := sc.clone()
		f(c)
		out = append(out, c)
	}
	if len(sc.msgs) > 1 {
		for i := range sc.msgs {
			less(func(c *scenario) { c.msgs = slices.Delete(c.msgs, i, i+1) })
		}
	}
	for _, kind := range slices.Sorted(maps.Keys(sc.rates)) {
		less(func(c *scenario) { delete(c.rates, kind) })
	}
	if len(sc.stages) > 1 {
		for i := range sc.stages {
			less(func(c *scenario) { c.stages = slices.Delete(c.stages, i, i+1) })
		}
	}
	for i, st := range sc.stages {
		for l, leg := range st.legs {
			if len(st.legs) > 1 {
				less(func(c *scenario) { c.stages[i].legs = slices.Delete(c.stages[i].legs, l, l+1) })
			}
			for a, alt := range leg.alts {
				at := func(c *scenario) *altSpec { return &c.stages[i].legs[l].alts[a] }
				if len(leg.alts) > 1 {
					less(func(c *scenario) {
						c.stages[i].legs[l].alts = slices.Delete(c.stages[i].legs[l].alts, a, a+1)
					})
				}
				if alt.revoke {
					less(func(c *scenario) { at(c).revoke = false })
				}
				if alt.find {
					less(func(c *scenario) { at(c).find = false })
				}
				if alt.caps.Idempotent > 0 {
					less(func(c *scenario) { at(c).caps.Idempotent = 0 })
				}
				if alt.caps.MaxTTL > 0 {
					less(func(c *scenario) { at(c).caps.MaxTTL = 0 })
				}
				if alt.caps.Echo && !alt.noID {
					less(func(c *scenario) { at(c).caps.Echo = false })
				}
			}
		}
	}
	for i, m := range sc.msgs {
		for _, f := range []func(*msgSpec) *time.Duration{
			func(m *msgSpec) *time.Duration { return &m.cancel }, func(m *msgSpec) *time.Duration { return &m.stop },
			func(m *msgSpec) *time.Duration { return &m.again }, func(m *msgSpec) *time.Duration { return &m.other },
		} {
			if *f(&m) != 0 {
				less(func(c *scenario) { *f(&c.msgs[i]) = 0 })
			}
		}
	}
	if sc.procs > 1 {
		less(func(c *scenario) { c.procs-- })
	}
	if sc.consent {
		less(func(c *scenario) { c.consent = false })
	}
	if sc.limit {
		less(func(c *scenario) { c.limit = false })
	}
	if sc.quiet.to > 0 {
		less(func(c *scenario) { c.quiet = span{} })
	}
	if len(sc.noStore) > 0 {
		less(func(c *scenario) { c.noStore = nil })
	}
	if len(sc.noProv) > 0 {
		less(func(c *scenario) { c.noProv = nil })
	}
	for _, point := range fired {
		less(func(c *scenario) { c.off[point] = true })
	}
	return out
}
