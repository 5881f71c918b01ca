package fallbacktest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cpaas-go/cpaas/fallback/delivery"
)

// TestStore is the suite that every delivery.Store must pass. open makes a
// Store that holds nothing.
func TestStore(t *testing.T, open func(*testing.T) delivery.Store) {
	t.Helper()
	for name, test := range map[string]func(storeTest){
		"create and get":              storeTest.create,
		"commit":                      storeTest.commit,
		"claim":                       storeTest.claim,
		"claim takes the longest due": storeTest.claimOrder,
		"two claims share nothing":    storeTest.claimTwice,
		"a claim ends":                storeTest.claimEnds,
		"receive":                     storeTest.receive,
		"receive twice":               storeTest.receiveTwice,
		"receive beats commit":        storeTest.receiveBeatsCommit,
		"park":                        storeTest.park,
		"park before create":          storeTest.parkBeforeCreate,
		"sweep":                       storeTest.sweep,
		"many at once":                storeTest.concurrent,
		"many keys and bodies":        storeTest.odd,
	} {
		t.Run(name, func(t *testing.T) { test(storeTest{t, open(t)}) })
	}
}

type storeTest struct {
	*testing.T

	s delivery.Store
}

func (t storeTest) ctx() context.Context { return t.Context() }

func (t storeTest) must(err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (t storeTest) want(ok bool, format string, args ...any) {
	t.Helper()
	if !ok {
		t.Errorf(format, args...)
	}
}

// record is due in d; negative: it was due.
func record(key string, d time.Duration) delivery.Record {
	return delivery.Record{Key: key, Fingerprint: [32]byte{1, 2, 3}, Due: time.Now().Add(d), Refs: []string{"r:" + key}, Body: []byte("body of " + key)}
}

func (t storeTest) add(rs ...delivery.Record) {
	t.Helper()
	fresh, err := t.s.Create(t.ctx(), rs)
	t.must(err)
	t.want(!slices.Contains(fresh, false), "not all of %d records are new", len(rs))
}

func (t storeTest) get(key string) delivery.Record {
	t.Helper()
	r, err := t.s.Get(t.ctx(), key)
	t.must(err)
	return r
}

func (t storeTest) claimed(limit int) []delivery.Record {
	t.Helper()
	rs, _, err := t.s.Claim(t.ctx(), time.Hour, limit)
	t.must(err)
	return rs
}

func (t storeTest) create() {
	a, b := record("a", time.Hour), record("b", time.Hour)
	b.Due, b.Forget = time.Time{}, time.Now().Add(time.Hour)
	t.add(a, b)
	got := t.get("a")
	t.want(got.Version == 1 && got.Fingerprint == a.Fingerprint && bytes.Equal(got.Body, a.Body) && slices.Equal(got.Refs, a.Refs), "got %+v", got)
	t.want(got.Due.Sub(a.Due).Abs() < time.Second, "due %v, want %v", got.Due, a.Due)
	t.want(len(got.Inbox) == 0, "inbox %q", got.Inbox)
	t.want(t.get("b").Due.IsZero(), "a finished record is due")

	changed := record("a", 0)
	changed.Body, changed.Fingerprint = []byte("other"), [32]byte{9}
	fresh, err := t.s.Create(t.ctx(), []delivery.Record{changed, record("c", time.Hour)})
	t.must(err)
	t.want(slices.Equal(fresh, []bool{false, true}), "fresh %v", fresh)
	t.want(bytes.Equal(t.get("a").Body, a.Body), "a known key was overwritten")

	_, err = t.s.Get(t.ctx(), "nobody")
	t.want(errors.Is(err, delivery.ErrNotFound), "an unknown key: %v", err)
}

func (t storeTest) commit() {
	t.add(record("a", time.Hour))
	r := t.get("a")
	r.Body, r.Refs, r.Due = []byte("new"), append(r.Refs, "i:x:1"), time.Now().Add(2*time.Hour)
	t.must(t.s.Commit(t.ctx(), r))
	got := t.get("a")
	t.want(got.Version == 2 && string(got.Body) == "new" && len(got.Refs) == 2, "got %+v", got)
	t.want(got.Due.Sub(r.Due).Abs() < time.Second, "due %v, want %v", got.Due, r.Due)

	r.Body = []byte("of somebody who did not look")
	t.want(errors.Is(t.s.Commit(t.ctx(), r), delivery.ErrStale), "a stale commit went through")
	t.want(string(t.get("a").Body) == "new", "a stale commit changed the record")

	r = t.get("a")
	r.Due, r.Forget = time.Time{}, time.Now().Add(time.Hour)
	t.must(t.s.Commit(t.ctx(), r))
	t.want(t.get("a").Due.IsZero(), "a finished record is due")
	t.want(len(t.claimed(10)) == 0, "a finished record was claimed")

	t.want(errors.Is(t.s.Commit(t.ctx(), delivery.Record{Key: "nobody", Version: 1}), delivery.ErrNotFound), "an unknown record was committed")
}

func (t storeTest) claim() {
	_, next, err := t.s.Claim(t.ctx(), time.Hour, 10)
	t.must(err)
	t.want(next < 0, "an empty store has something due in %v", next)

	t.add(record("due", -time.Second), record("later", time.Minute))
	rs, next, err := t.s.Claim(t.ctx(), time.Hour, 10)
	t.must(err)
	t.want(len(rs) == 1 && rs[0].Key == "due", "claimed %v", rs)
	t.want(rs[0].Version == 2 && string(rs[0].Body) == "body of due" && slices.Equal(rs[0].Refs, []string{"r:due"}), "claimed %+v", rs[0])
	t.want(next > 50*time.Second && next <= time.Minute, "next in %v", next)

	stale := rs[0]
	stale.Version = 1
	t.want(errors.Is(t.s.Commit(t.ctx(), stale), delivery.ErrStale), "who read before the claim may commit")
	t.must(t.s.Commit(t.ctx(), rs[0]))
}

func (t storeTest) claimOrder() {
	for i := range 5 {
		t.add(record(strconv.Itoa(i), -time.Duration(5-i)*time.Second))
	}
	var got []string
	for range 3 {
		for _, r := range t.claimed(2) {
			got = append(got, r.Key)
		}
	}
	slices.Sort(got[:2]) // the order within a claim does not matter
	slices.Sort(got[2:4])
	t.want(slices.Equal(got, []string{"0", "1", "2", "3", "4"}), "claimed in the order %v", got)
}

func (t storeTest) claimTwice() {
	for i := range 50 {
		t.add(record(strconv.Itoa(i), -time.Second))
	}
	var mu sync.Mutex
	seen := map[string]int{}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for {
				rs, _, err := t.s.Claim(t.ctx(), time.Hour, 7)
				if err != nil {
					t.Error(err)
					return
				}
				if len(rs) == 0 {
					return
				}
				mu.Lock()
				for _, r := range rs {
					seen[r.Key]++
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	// A claim that skips what another has locked may end early: the rest is
	// still there.
	for _, r := range t.claimed(100) {
		seen[r.Key]++
	}
	t.want(len(seen) == 50, "%d of 50 records were claimed", len(seen))
	for key, n := range seen {
		t.want(n == 1, "record %s was claimed %d times", key, n)
	}
}

func (t storeTest) claimEnds() {
	t.add(record("a", -time.Second))
	rs, _, err := t.s.Claim(t.ctx(), 50*time.Millisecond, 1)
	t.must(err)
	t.want(len(rs) == 1, "claimed %d", len(rs))
	t.want(len(t.claimed(1)) == 0, "a claimed record was claimed again at once")
	time.Sleep(80 * time.Millisecond)
	again := t.claimed(1)
	t.want(len(again) == 1, "a claim does not end")
	t.want(errors.Is(t.s.Commit(t.ctx(), rs[0]), delivery.ErrStale), "who lost its claim may commit")
	t.must(t.s.Commit(t.ctx(), again[0]))
}

func inbound(event string, refs ...string) delivery.Inbound {
	return delivery.Inbound{Event: event, Refs: refs, Body: []byte("receipt " + event)}
}

func (t storeTest) receive() {
	t.add(record("a", time.Hour), record("b", time.Hour))
	matched, err := t.s.Receive(t.ctx(), []delivery.Inbound{inbound("1", "x", "r:a"), inbound("2", "r:a"), inbound("3", "r:b")})
	t.must(err)
	slices.Sort(matched)
	t.want(slices.Equal(slices.Compact(matched), []string{"a", "b"}), "matched %v", matched)
	got := t.get("a")
	t.want(len(got.Inbox) == 2 && string(got.Inbox[0]) == "receipt 1" && string(got.Inbox[1]) == "receipt 2", "inbox %q", got.Inbox)
	rs := t.claimed(10)
	t.want(len(rs) == 2, "%d of 2 records are due", len(rs))
	for _, r := range rs {
		t.want(len(r.Inbox) > 0, "record %s was claimed without its inbox", r.Key)
		t.must(t.s.Commit(t.ctx(), r))
	}
	t.want(len(t.get("a").Inbox) == 0, "the inbox is not empty after a commit")
}

func (t storeTest) receiveTwice() {
	t.add(record("a", time.Hour))
	for range 3 {
		_, err := t.s.Receive(t.ctx(), []delivery.Inbound{inbound("1", "r:a"), inbound("1", "r:a")})
		t.must(err)
	}
	t.want(len(t.get("a").Inbox) == 1, "a repeated receipt was taken")
	t.must(t.s.Commit(t.ctx(), t.get("a")))
	_, err := t.s.Receive(t.ctx(), []delivery.Inbound{inbound("1", "r:a")})
	t.must(err)
	t.want(len(t.get("a").Inbox) == 0, "a repeated receipt was taken after a commit")
}

func (t storeTest) receiveBeatsCommit() {
	t.add(record("a", time.Hour))
	r := t.get("a")
	_, err := t.s.Receive(t.ctx(), []delivery.Inbound{inbound("1", "r:a")})
	t.must(err)
	t.want(errors.Is(t.s.Commit(t.ctx(), r), delivery.ErrStale), "a commit went over a receipt that its writer had not seen")
	t.want(len(t.get("a").Inbox) == 1, "the receipt is lost")
}

func (t storeTest) park() {
	t.add(record("a", time.Hour))
	matched, err := t.s.Receive(t.ctx(), []delivery.Inbound{inbound("1", "i:x:7")})
	t.must(err)
	t.want(len(matched) == 0, "matched %v", matched)
	r := t.get("a")
	version := r.Version
	r.Refs = append(r.Refs, "i:x:7")
	t.must(t.s.Commit(t.ctx(), r))
	got := t.get("a")
	t.want(len(got.Inbox) == 1 && string(got.Inbox[0]) == "receipt 1", "a parked receipt was not matched: %q", got.Inbox)
	t.want(got.Version == version+2, "version %d after %d: who wrote the record could commit over the parked receipt", got.Version, version)
	t.want(len(t.claimed(1)) == 1, "a record with a parked receipt is not due")
	r.Version = version + 1
	t.want(errors.Is(t.s.Commit(t.ctx(), r), delivery.ErrStale), "a commit went over a parked receipt")
}

func (t storeTest) parkBeforeCreate() {
	_, err := t.s.Receive(t.ctx(), []delivery.Inbound{inbound("1", "r:a"), inbound("2", "r:a")})
	t.must(err)
	t.add(record("a", time.Hour))
	got := t.get("a")
	t.want(len(got.Inbox) == 2, "parked receipts were not matched: %q", got.Inbox)
	t.want(got.Version > 1, "who made the record could commit over the parked receipts")
	t.want(len(t.claimed(1)) == 1, "a record with parked receipts is not due")
}

func (t storeTest) sweep() {
	old, kept, open := record("old", 0), record("kept", 0), record("open", time.Hour)
	old.Due, old.Forget = time.Time{}, time.Now().Add(-time.Second)
	kept.Due, kept.Forget = time.Time{}, time.Now().Add(time.Hour)
	t.add(old, kept, open)
	n, err := t.s.Sweep(t.ctx(), 10)
	t.must(err)
	t.want(n == 1, "%d records went", n)
	_, err = t.s.Get(t.ctx(), "old")
	t.want(errors.Is(err, delivery.ErrNotFound), "the old record: %v", err)
	t.get("kept")
	t.get("open")
	matched, err := t.s.Receive(t.ctx(), []delivery.Inbound{inbound("1", "r:old")})
	t.must(err)
	t.want(len(matched) == 0, "a deleted record was matched")
	for i := range 5 {
		r := record(strconv.Itoa(i), 0)
		r.Due, r.Forget = time.Time{}, time.Now().Add(-time.Second)
		t.add(r)
	}
	n, err = t.s.Sweep(t.ctx(), 3)
	t.must(err)
	t.want(n == 3, "%d records went, with a limit of 3", n)
}

// concurrent has writers and receipts meet on the same records: nothing that
// was received may be lost, and no commit may go over another.
func (t storeTest) concurrent() {
	const writers, receipts = 4, 25
	t.add(record("a", time.Hour))
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := range receipts {
				if _, err := t.s.Receive(t.ctx(), []delivery.Inbound{inbound(fmt.Sprintf("%d-%d", w, i), "r:a")}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	var mu sync.Mutex
	taken := map[string]int{}
	for range writers {
		wg.Go(func() {
			for range 50 {
				r, err := t.s.Get(t.ctx(), "a")
				if err != nil {
					t.Error(err)
					return
				}
				inbox := r.Inbox
				switch err := t.s.Commit(t.ctx(), r); {
				case err == nil:
					mu.Lock()
					for _, b := range inbox {
						taken[string(b)]++
					}
					mu.Unlock()
				case !errors.Is(err, delivery.ErrStale):
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	for _, b := range t.get("a").Inbox {
		taken[string(b)]++
	}
	t.want(len(taken) == writers*receipts, "%d of %d receipts are left", len(taken), writers*receipts)
	for b, n := range taken {
		t.want(n == 1, "%s was taken %d times", b, n)
	}
}

func (t storeTest) odd() {
	for _, key := range []string{"", " ", "a'b\"c;--", "ключ", strings.Repeat("k", 300)} {
		r := record(key, -time.Second)
		r.Body = []byte{0, 1, 2, 255}
		t.add(r)
		t.want(bytes.Equal(t.get(key).Body, r.Body), "key %q: the body changed", key)
	}
	t.want(len(t.claimed(10)) == 5, "not all odd keys were claimed")
}
