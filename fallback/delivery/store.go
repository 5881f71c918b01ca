package delivery

import (
	"context"
	"time"
)

// Store keeps messages under way. It never looks inside a Body. Every method
// is one transaction. fallbacktest.TestStore is the suite that every Store
// must pass.
type Store interface {
	// Create adds records, with Version 1 and an empty Inbox. fresh says which
	// of them are new; a record whose Key exists is left as it is. Parked
	// receipts of the new records' Refs are taken in as by Commit.
	Create(ctx context.Context, rs []Record) (fresh []bool, err error)

	// Claim takes up to limit records whose Due has come, by the store's
	// clock, the longest due first, and makes each due again after lease: a
	// claim that is never committed is somebody else's then. It raises their
	// Version. next is how long it is to the earliest Due of those it did not
	// take; negative: there is none.
	Claim(ctx context.Context, lease time.Duration, limit int) (rs []Record, next time.Duration, err error)

	// Commit replaces a record, raises its Version by one and empties its
	// Inbox. ErrStale unless r.Version is current, ErrNotFound if there is no
	// such record. If there are parked receipts of its Refs, they go into the
	// Inbox, make it due at once and raise its Version once more: who wrote it
	// has not seen them.
	Commit(ctx context.Context, r Record) error

	// Receive puts receipts into the inboxes of the records that have one of
	// their Refs, raises those records' Version and makes them due at once. A
	// receipt whose Event was received before is dropped. What matches nothing
	// is parked, for a time and up to a number that the store bounds. matched
	// are the Keys of the records.
	Receive(ctx context.Context, in []Inbound) (matched []string, err error)

	// Get reads a record with its Inbox. ErrNotFound if there is none.
	Get(ctx context.Context, key string) (Record, error)

	// Sweep deletes up to limit records whose Forget has come, and parked and
	// remembered receipts that are too old, and says how many records went.
	Sweep(ctx context.Context, limit int) (int, error)
}

// Waker is a Store that knows when something may have become due: by a
// receipt at another replica, say. The Runner looks at once when the channel
// yields, and otherwise at least every second. When it is closed, or Wake
// fails, Wake is called again a few seconds later; a nil channel never yields.
type Waker interface {
	Wake(ctx context.Context) (<-chan struct{}, error)
}

// Record is one message under way.
type Record struct {
	Key         string
	Fingerprint [32]byte // of what is to be sent: the same Key must have the same
	Version     int64
	Due         time.Time // when to look at it; zero: it is finished
	Forget      time.Time // when it may be deleted; zero: not yet
	Refs        []string  // a receipt with one of them belongs to it
	Note        string    // what it waits for, in words without recipient or content; for people who look into the store
	Body        []byte
	Inbox       [][]byte // receipts not yet taken in, in the order they came
}

// Inbound is one receipt on its way to a Record.
type Inbound struct {
	Refs  []string // it belongs to the record that has one of them
	Event string   // the same for the same event, however often it comes
	Body  []byte
}
