package fallbacktest

import (
	"cmp"
	"container/heap"
	"context"
	"slices"
	"sync"
	"time"

	"github.com/cpaas-go/cpaas/fallback/delivery"
)

// Bounds of what a VolatileStore remembers beside its records.
const (
	maxParked = 10_000
	parkedFor = time.Hour
	eventsFor = time.Hour
	maxEvents = 1_000_000
)

// VolatileStore is a delivery.Store that forgets everything when the process
// ends: for tests, and for messages that need not survive a restart.
func VolatileStore() delivery.Store {
	return &volatile{
		records: map[string]*held{}, refs: map[string]string{}, events: map[string]time.Time{}, parked: map[string][]*parked{},
	}
}

type volatile struct {
	mu      sync.Mutex
	records map[string]*held
	refs    map[string]string // to keys
	due     dueHeap
	events  map[string]time.Time
	parked  map[string][]*parked // by ref
	order   []*parked            // oldest first
}

// held is a record in the store.
type held struct {
	rec   delivery.Record
	place int // in the heap; -1: not due any more
}

// parked is a receipt that matched nothing yet.
type parked struct {
	in   delivery.Inbound
	at   time.Time
	gone bool
}

func (v *volatile) Create(_ context.Context, rs []delivery.Record) ([]bool, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	fresh := make([]bool, len(rs))
	for i, r := range rs {
		if v.records[r.Key] != nil {
			continue
		}
		fresh[i] = true
		r.Version = 1
		h := &held{rec: clone(r), place: -1}
		h.rec.Inbox = nil
		v.records[r.Key] = h
		v.index(h)
		v.schedule(h)
	}
	return fresh, nil
}

// index makes h be found by its refs, and takes parked receipts of them in.
func (v *volatile) index(h *held) {
	for _, ref := range h.rec.Refs {
		if v.refs[ref] == h.rec.Key {
			continue
		}
		v.refs[ref] = h.rec.Key
		for _, p := range v.parked[ref] {
			if !p.gone {
				p.gone = true
				h.rec.Inbox = append(h.rec.Inbox, p.in.Body)
				h.rec.Due = time.Now()
				h.rec.Version++ // who wrote it has not seen them
			}
		}
		delete(v.parked, ref)
	}
}

// schedule puts h where its Due belongs.
func (v *volatile) schedule(h *held) {
	switch {
	case h.rec.Due.IsZero() && h.place >= 0:
		heap.Remove(&v.due, h.place)
	case h.rec.Due.IsZero():
	case h.place >= 0:
		heap.Fix(&v.due, h.place)
	default:
		heap.Push(&v.due, h)
	}
}

func (v *volatile) Claim(_ context.Context, lease time.Duration, limit int) ([]delivery.Record, time.Duration, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	now := time.Now()
	var rs []delivery.Record
	for len(rs) < limit && len(v.due) > 0 && !v.due[0].rec.Due.After(now) {
		h := v.due[0]
		h.rec.Version++
		h.rec.Due = now.Add(lease)
		heap.Fix(&v.due, 0)
		rs = append(rs, clone(h.rec))
	}
	if len(v.due) == 0 {
		return rs, -1, nil
	}
	return rs, max(0, v.due[0].rec.Due.Sub(now)), nil
}

func (v *volatile) Commit(_ context.Context, r delivery.Record) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	h := v.records[r.Key]
	if h == nil {
		return delivery.ErrNotFound
	}
	if h.rec.Version != r.Version {
		return delivery.ErrStale
	}
	for _, ref := range h.rec.Refs {
		if !slices.Contains(r.Refs, ref) {
			delete(v.refs, ref)
		}
	}
	h.rec = clone(r)
	h.rec.Version++
	h.rec.Inbox = nil
	v.index(h)
	v.schedule(h)
	return nil
}

func (v *volatile) Receive(_ context.Context, in []delivery.Inbound) ([]string, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	now := time.Now()
	var matched []string
	for _, i := range in {
		if _, seen := v.events[i.Event]; seen {
			continue
		}
		if len(v.events) < maxEvents {
			v.events[i.Event] = now
		}
		i.Body = slices.Clone(i.Body)
		i.Refs = slices.Clone(i.Refs)
		h := v.match(i.Refs)
		if h == nil {
			v.park(i, now)
			continue
		}
		h.rec.Inbox = append(h.rec.Inbox, i.Body)
		h.rec.Version++
		h.rec.Due = now
		v.schedule(h)
		matched = append(matched, h.rec.Key)
	}
	return matched, nil
}

func (v *volatile) match(refs []string) *held {
	for _, ref := range refs {
		if key, ok := v.refs[ref]; ok {
			return v.records[key]
		}
	}
	return nil
}

// park keeps a receipt that matches nothing; the oldest makes room.
func (v *volatile) park(i delivery.Inbound, now time.Time) {
	if len(v.order) >= maxParked {
		v.unpark(1)
	}
	p := &parked{in: i, at: now}
	v.order = append(v.order, p)
	for _, ref := range i.Refs {
		v.parked[ref] = append(v.parked[ref], p)
	}
}

// unpark forgets the n oldest parked receipts.
func (v *volatile) unpark(n int) {
	for _, p := range v.order[:n] {
		p.gone = true
		for _, ref := range p.in.Refs {
			left := slices.DeleteFunc(v.parked[ref], func(q *parked) bool { return q == p })
			if v.parked[ref] = left; len(left) == 0 {
				delete(v.parked, ref)
			}
		}
	}
	v.order = slices.Delete(v.order, 0, n)
}

func (v *volatile) Get(_ context.Context, key string) (delivery.Record, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	h := v.records[key]
	if h == nil {
		return delivery.Record{}, delivery.ErrNotFound
	}
	return clone(h.rec), nil
}

func (v *volatile) Sweep(_ context.Context, limit int) (int, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	now := time.Now()
	n := 0
	for key, h := range v.records {
		if n == limit {
			break
		}
		if h.rec.Forget.IsZero() || h.rec.Forget.After(now) {
			continue
		}
		for _, ref := range h.rec.Refs {
			delete(v.refs, ref)
		}
		if h.place >= 0 {
			heap.Remove(&v.due, h.place)
		}
		delete(v.records, key)
		n++
	}
	old, _ := slices.BinarySearchFunc(v.order, now.Add(-parkedFor), func(p *parked, t time.Time) int { return p.at.Compare(t) })
	v.unpark(old)
	for event, at := range v.events {
		if now.Sub(at) > eventsFor {
			delete(v.events, event)
		}
	}
	return n, nil
}

func clone(r delivery.Record) delivery.Record {
	r.Refs = slices.Clone(r.Refs)
	r.Body = slices.Clone(r.Body)
	r.Inbox = slices.Clone(r.Inbox)
	return r
}

// dueHeap is the records that are due some time, the earliest first.
type dueHeap []*held

func (d dueHeap) Len() int { return len(d) }

func (d dueHeap) Less(i, j int) bool {
	return cmp.Or(d[i].rec.Due.Compare(d[j].rec.Due), cmp.Compare(d[i].rec.Key, d[j].rec.Key)) < 0
}

func (d dueHeap) Swap(i, j int) {
	d[i], d[j] = d[j], d[i]
	d[i].place, d[j].place = i, j
}

func (d *dueHeap) Push(x any) {
	h := x.(*held) //nolint:forcetypeassert,errcheck // nothing else is pushed
	h.place = len(*d)
	*d = append(*d, h)
}

func (d *dueHeap) Pop() any {
	old := *d
	h := old[len(old)-1]
	old[len(old)-1] = nil
	*d = old[:len(old)-1]
	h.place = -1
	return h
}
