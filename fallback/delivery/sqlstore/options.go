package sqlstore

import (
	"context"
	"database/sql"
	"errors"
)

// Option changes how a Store works.
type Option func(*Store) error

// WithListen lets [delivery.Runner] look at once when another replica has
// taken in a receipt or has created what is due, instead of within a second.
// listen subscribes to a Postgres channel until ctx ends, and yields when
// something was said there; it yields once more after it had to connect again.
// pgxlisten.Listen is one.
func WithListen(listen func(ctx context.Context, channel string) (<-chan struct{}, error)) Option {
	return func(s *Store) error {
		if listen == nil {
			return errors.New("sqlstore: WithListen: nil")
		}
		s.listen = listen
		return nil
	}
}

// WithSeal encrypts what the database keeps of messages and receipts: bodies,
// inboxes and fingerprints. Keys, references (hashes, and providers' message
// ids), due times and notes stay readable: the database needs them. open gets
// what seal made, and must fail on anything else; both must be safe for
// concurrent use. Records that were stored without it, or under a key that
// open does not know, cannot be read.
func WithSeal(seal, open func([]byte) ([]byte, error)) Option {
	return func(s *Store) error {
		if seal == nil || open == nil {
			return errors.New("sqlstore: WithSeal: nil")
		}
		s.seal, s.open = seal, open
		return nil
	}
}

// WithMaxParked bounds how many receipts are kept that match no message: those
// that come before the provider's answer is stored, and those of messages that
// something else has sent. The oldest go first. Default 100,000. What matches
// nothing for an hour goes in any case.
func WithMaxParked(n int) Option {
	return func(s *Store) error {
		if n < 1 {
			return errors.New("sqlstore: WithMaxParked: less than 1")
		}
		s.maxParked = n
		return nil
	}
}

// WithReader has Get read through another pool of the same database: with
// SQLite, reads then do not wait for writes. A replica that lags behind must
// not be used.
func WithReader(db *sql.DB) Option {
	return func(s *Store) error {
		if db == nil {
			return errors.New("sqlstore: WithReader: nil")
		}
		s.read = db
		return nil
	}
}

// WithClose has [Store.Close] call f.
func WithClose(f func() error) Option {
	return func(s *Store) error {
		if f == nil {
			return errors.New("sqlstore: WithClose: nil")
		}
		s.close = f
		return nil
	}
}
