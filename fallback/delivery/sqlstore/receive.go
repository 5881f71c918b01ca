package sqlstore

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"

	"github.com/cpaas-go/cpaas/fallback/delivery"
)

// maxIndex is the longest reference or event that is kept as it is.
const maxIndex = 512

// index is a reference or an event as it is looked up. What a provider sends
// may be long, or be no text for a database: its hash does as well.
func index(s string) string {
	if len(s) <= maxIndex && plain(s) {
		return s
	}
	h := sha256.Sum256([]byte(s))
	return `\h` + hex.EncodeToString(h[:])
}

func indexAll(refs []string) []string {
	out := make([]string, len(refs))
	for i, ref := range refs {
		out[i] = index(ref)
	}
	return out
}

// letter is a receipt on its way into an inbox.
type letter struct {
	event string
	refs  []string
	body  string // packed
}

// Receive puts receipts into inboxes: see [delivery.Store].
func (s *Store) Receive(ctx context.Context, in []delivery.Inbound) ([]string, error) {
	letters := make([]letter, len(in))
	for i := range in {
		body, err := s.pack(in[i].Body)
		if err != nil {
			return nil, err
		}
		letters[i] = letter{index(in[i].Event), indexAll(in[i].Refs), body}
	}
	var matched, parked []string
	err := s.tx(ctx, func(tx *sql.Tx) error {
		fresh, err := s.remember(ctx, tx, letters)
		if err != nil {
			return err
		}
		var left []letter
		if matched, left, err = s.deliver(ctx, tx, fresh); err != nil {
			return err
		}
		parked, err = s.park(ctx, tx, left)
		return err
	})
	if err != nil {
		return nil, err
	}
	if len(parked) > 0 {
		matched = append(matched, s.matchLate(ctx, parked)...)
	}
	if len(matched) > 0 {
		s.notify(ctx)
	}
	return matched, nil
}

// remember notes the events, and gives the letters whose event is new.
func (s *Store) remember(ctx context.Context, tx *sql.Tx, letters []letter) ([]letter, error) {
	events := make([]string, len(letters))
	for i := range letters {
		events[i] = letters[i].event
	}
	slices.Sort(events) // who gets the same must note them in the same order
	events = slices.Compact(events)
	values := make([][]any, len(events))
	for i, event := range events {
		values[i] = []any{event}
	}
	fresh := map[string]bool{}
	err := s.insert(ctx, tx, `INSERT INTO cpaas_events (event, at) VALUES `, `($, {now})`, ` ON CONFLICT DO NOTHING RETURNING event`,
		values, func(event string) { fresh[event] = true })
	if err != nil {
		return nil, err
	}
	var out []letter
	for _, l := range letters {
		if fresh[l.event] {
			delete(fresh, l.event)
			out = append(out, l)
		}
	}
	return out, nil
}

// deliver puts letters into the inboxes of the records that they match, and
// gives the rest.
func (s *Store) deliver(ctx context.Context, tx *sql.Tx, letters []letter) (matched []string, left []letter, err error) {
	var refs []string
	for _, l := range letters {
		refs = append(refs, l.refs...)
	}
	owner, err := s.owners(ctx, tx, refs)
	if err != nil {
		return nil, nil, err
	}
	byKey := map[string][]letter{}
	var keys []string
	for _, l := range letters {
		i := slices.IndexFunc(l.refs, func(ref string) bool { return owner[ref] != nil })
		if i < 0 {
			left = append(left, l)
			continue
		}
		key := *owner[l.refs[i]]
		if byKey[key] == nil {
			keys = append(keys, key)
		}
		byKey[key] = append(byKey[key], l)
	}
	slices.Sort(keys) // whoever changes several does it in the same order
	for _, key := range keys {
		var lines strings.Builder
		for _, l := range byKey[key] {
			lines.WriteString(l.body)
			lines.WriteByte('\n')
		}
		res, err := tx.ExecContext(ctx, s.text(shape{head: appendSQL}), key, lines.String())
		if err != nil {
			return nil, nil, err
		}
		n, err := res.RowsAffected()
		if err != nil {
			return nil, nil, err
		}
		if n == 0 { // it was just deleted
			left = append(left, byKey[key]...)
			continue
		}
		matched = append(matched, keyOut(key))
	}
	return matched, left, nil
}

const appendSQL = `UPDATE cpaas_messages SET inbox = inbox || CAST($2 AS TEXT), version = version + 1, due = {now} WHERE key = $1`

// owners are the stored keys of the records that have references.
func (s *Store) owners(ctx context.Context, c conn, refs []string) (map[string]*string, error) {
	owner := map[string]*string{}
	err := s.in(ctx, c, `SELECT ref, key FROM cpaas_refs WHERE ref IN `, ``, refs, func(r *sql.Rows) error {
		var ref, key string
		err := r.Scan(&ref, &key)
		owner[ref] = &key
		return err
	})
	return owner, err
}

// park keeps letters that match nothing, and gives their references.
func (s *Store) park(ctx context.Context, tx *sql.Tx, letters []letter) (refs []string, err error) {
	if len(letters) == 0 {
		return nil, nil
	}
	var parked, pairs [][]any
	for i, l := range letters {
		all, err := json.Marshal(l.refs)
		if err != nil {
			return nil, err
		}
		parked = append(parked, []any{l.event, string(all), l.body, i})
		unique := slices.Compact(slices.Sorted(slices.Values(l.refs)))
		for _, ref := range unique {
			pairs = append(pairs, []any{ref, l.event})
		}
		refs = append(refs, unique...)
	}
	// An event that was forgotten may come again while its receipt is parked.
	if err := s.insert(ctx, tx, `INSERT INTO cpaas_parked (event, refs, body, at) VALUES `, `($, $, $, {now} + CAST($ AS BIGINT))`, ` ON CONFLICT DO NOTHING`, parked, nil); err != nil {
		return nil, err
	}
	if err := s.insert(ctx, tx, `INSERT INTO cpaas_parked_refs (ref, event) VALUES `, `($, $)`, ` ON CONFLICT DO NOTHING`, pairs, nil); err != nil {
		return nil, err
	}
	if often := int64(min(256, 1+s.maxParked/10)); s.parked.Add(int64(len(letters))) >= often {
		s.parked.Store(0)
		return refs, s.trim(ctx, tx)
	}
	return refs, nil
}

// trim deletes the oldest parked receipts beyond their number.
func (s *Store) trim(ctx context.Context, c conn) error {
	return s.unpark(ctx, c, `SELECT event FROM cpaas_parked WHERE event IN (SELECT event FROM cpaas_parked ORDER BY at DESC, event LIMIT 1000 OFFSET `+
		`CAST($1 AS BIGINT)) {skip}`, s.maxParked)
}

// unpark deletes the parked receipts that a query names.
func (s *Store) unpark(ctx context.Context, c conn, query string, args ...any) error {
	var events []string
	if err := each(ctx, c, s.text(shape{head: query}), args, func(r *sql.Rows) error {
		var event string
		err := r.Scan(&event)
		events = append(events, event)
		return err
	}); err != nil {
		return err
	}
	return s.drop(ctx, c, events)
}

func (s *Store) drop(ctx context.Context, c conn, events []string) error {
	if err := s.in(ctx, c, `DELETE FROM cpaas_parked_refs WHERE event IN `, ``, events, nil); err != nil {
		return err
	}
	return s.in(ctx, c, `DELETE FROM cpaas_parked WHERE event IN `, ``, events, nil)
}

// match puts parked receipts that have one of the references into the inboxes
// of the records that they match by now.
func (s *Store) match(ctx context.Context, tx *sql.Tx, refs []string) ([]string, error) {
	if len(refs) == 0 {
		return nil, nil
	}
	var letters []letter
	seen := map[string]bool{}
	if err := s.in(ctx, tx, `SELECT event, refs, body FROM cpaas_parked WHERE event IN (SELECT event FROM cpaas_parked_refs WHERE ref IN `,
		`) ORDER BY at, event {skip}`, refs, func(r *sql.Rows) error {
			var l letter
			var all string
			if err := r.Scan(&l.event, &all, &l.body); err != nil {
				return err
			}
			if seen[l.event] {
				return nil
			}
			seen[l.event] = true
			letters = append(letters, l)
			return json.Unmarshal([]byte(all), &letters[len(letters)-1].refs)
		}); err != nil || len(letters) == 0 {
		return nil, err
	}
	matched, left, err := s.deliver(ctx, tx, letters)
	if err != nil {
		return nil, err
	}
	var events []string
	for _, l := range letters {
		if !slices.ContainsFunc(left, func(o letter) bool { return o.event == l.event }) {
			events = append(events, l.event)
		}
	}
	return matched, s.drop(ctx, tx, events)
}

// matchLate is match after the transaction that stored references, or parked
// receipts of them. On Postgres a receipt and the record that it belongs to
// may be stored at the same time, neither seeing the other; but whoever looks
// after its own commit sees the other's, or is seen. Should both fail at that,
// Sweep looks again.
func (s *Store) matchLate(ctx context.Context, refs []string) []string {
	if s.d.serial || len(refs) == 0 {
		return nil
	}
	hit := false
	err := s.in(ctx, s.db, `SELECT p.event FROM cpaas_parked_refs p JOIN cpaas_refs r ON r.ref = p.ref WHERE p.ref IN `, ` LIMIT 1`, refs, func(*sql.Rows) error {
		hit = true
		return nil
	})
	if err != nil || !hit {
		return nil
	}
	var matched []string
	if s.tx(ctx, func(tx *sql.Tx) error {
		var err error
		matched, err = s.match(ctx, tx, refs)
		return err
	}) != nil {
		return nil
	}
	return matched
}

// Sweep deletes what is old: see [delivery.Store]. What is beside records goes
// in batches of limit too, up to a hundred of them.
func (s *Store) Sweep(ctx context.Context, limit int) (int, error) {
	n, err := s.sweepRecords(ctx, limit)
	if err != nil {
		return 0, err
	}
	if err := s.sweepEvents(ctx, limit); err != nil {
		return n, wrap(err)
	}
	err = s.tx(ctx, func(tx *sql.Tx) error {
		if err := s.unpark(ctx, tx, `SELECT event FROM cpaas_parked WHERE at < {now} - CAST($1 AS BIGINT) ORDER BY at LIMIT $2 {skip}`,
			parkedFor.Microseconds(), 10*limit); err != nil {
			return err
		}
		return s.trim(ctx, tx)
	})
	if err != nil || s.d.serial {
		return n, err
	}
	var lost []string
	if err := each(ctx, s.db, `SELECT DISTINCT p.ref FROM cpaas_parked_refs p JOIN cpaas_refs r ON r.ref = p.ref LIMIT 500`, nil, func(r *sql.Rows) error {
		var ref string
		err := r.Scan(&ref)
		lost = append(lost, ref)
		return err
	}); err != nil {
		return n, wrap(err)
	}
	if len(s.matchLate(ctx, lost)) > 0 {
		s.notify(ctx)
	}
	return n, nil
}

func (s *Store) sweepRecords(ctx context.Context, limit int) (int, error) {
	var keys []string
	err := s.tx(ctx, func(tx *sql.Tx) error {
		keys = nil
		if err := each(ctx, tx, s.text(shape{head: `SELECT key FROM cpaas_messages WHERE forget <= {now} ORDER BY forget LIMIT $1 {skip}`}),
			[]any{limit}, func(r *sql.Rows) error {
				var key string
				err := r.Scan(&key)
				keys = append(keys, key)
				return err
			}); err != nil {
			return err
		}
		if err := s.in(ctx, tx, `DELETE FROM cpaas_refs WHERE key IN `, ``, keys, nil); err != nil {
			return err
		}
		return s.in(ctx, tx, `DELETE FROM cpaas_messages WHERE key IN `, ``, keys, nil)
	})
	return len(keys), err
}

func (s *Store) sweepEvents(ctx context.Context, limit int) error {
	query := s.text(shape{head: `DELETE FROM cpaas_events WHERE event IN (SELECT event FROM cpaas_events WHERE at < {now} - CAST($1 AS BIGINT) ORDER BY at LIMIT $2 {skip})`})
	for range 100 {
		res, err := s.db.ExecContext(ctx, query, eventsFor.Microseconds(), limit)
		if err != nil {
			return err
		}
		n, err := res.RowsAffected()
		if err != nil || n < int64(limit) {
			return err
		}
	}
	return nil
}
