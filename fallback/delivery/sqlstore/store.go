package sqlstore

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/cpaas-go/cpaas/fallback/delivery"
)

// Bounds of what is kept beside the records, and of one statement.
const (
	parkedFor  = time.Hour
	eventsFor  = time.Hour
	maxParked  = 100_000
	maxKey     = 1024 // bytes; an index of Postgres takes no more than some 2,700
	maxRows    = 512  // in one statement
	newTimeout = 30 * time.Second
	crowded    = 10 * time.Millisecond // until the next look at what others have locked
)

// Store is a delivery.Store in a database. It is safe for concurrent use. One
// of Postgres may be shared by any number of replicas.
type Store struct {
	db, read   *sql.DB
	d          Dialect
	seal, open func([]byte) ([]byte, error)
	listen     func(context.Context, string) (<-chan struct{}, error)
	close      func() error
	maxParked  int

	texts     sync.Map // statements by their shape
	parked    atomic.Int64
	notifying atomic.Int32
}

var (
	_ delivery.Store = (*Store)(nil)
	_ delivery.Waker = (*Store)(nil)
)

// New is a Store in db, whose pool stays the caller's. It makes no tables: see
// [Store.Migrate]. It asks the database for its schema, within 30 seconds; a
// newer one is ErrSchema.
func New(db *sql.DB, d Dialect, opts ...Option) (*Store, error) {
	if db == nil || d.name == "" {
		return nil, errors.New("sqlstore: New: no database or dialect")
	}
	s := &Store{db: db, read: db, d: d, maxParked: maxParked}
	for _, opt := range opts {
		if err := opt(s); err != nil {
			return nil, err
		}
	}
	if s.listen != nil && d.notify == "" {
		return nil, fmt.Errorf("sqlstore: WithListen: %s has no channels", d)
	}
	ctx, cancel := context.WithTimeout(context.Background(), newTimeout)
	defer cancel()
	version, err := s.version(ctx)
	if err != nil {
		return nil, fmt.Errorf("sqlstore: %w", err)
	}
	if err := refuseNewer(version); err != nil {
		return nil, err
	}
	return s, nil
}

// DB is the database, for transactions with [Store.CreateTx]. With SQLite it
// has one connection: while a transaction of it is open, the Store waits.
func (s *Store) DB() *sql.DB { return s.db }

// Close ends what Open has opened. The database of New stays open.
func (s *Store) Close() error {
	if s.close == nil {
		return nil
	}
	return s.close()
}

// Wake yields when another replica says that something may have become due;
// nil without [WithListen].
func (s *Store) Wake(ctx context.Context) (<-chan struct{}, error) {
	if s.listen == nil {
		return nil, nil //nolint:nilnil // a nil channel never yields
	}
	return s.listen(ctx, Channel)
}

// tx runs f in a transaction.
func (s *Store) tx(ctx context.Context, f func(*sql.Tx) error) error {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("sqlstore: %w", err)
	}
	if err = f(tx); err == nil {
		err = tx.Commit()
	} else {
		tx.Rollback() //nolint:errcheck // what failed is said
	}
	if errors.Is(err, sql.ErrTxDone) && ctx.Err() != nil {
		err = ctx.Err() // it is why the transaction was over
	}
	return wrap(err)
}

func wrap(err error) error {
	if err == nil || errors.Is(err, delivery.ErrStale) || errors.Is(err, delivery.ErrNotFound) || strings.HasPrefix(err.Error(), "sqlstore: ") {
		return err
	}
	return fmt.Errorf("sqlstore: %w", err)
}

// conn is a transaction, or the database itself.
type conn interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// shape is a statement and its number of rows.
type shape struct {
	head, row, tail string
	n               int
}

// text is the statement of a shape. There are few shapes: see pieces.
func (s *Store) text(sh shape) string {
	if t, ok := s.texts.Load(sh); ok {
		return t.(string) //nolint:errcheck,forcetypeassert // nothing else is stored
	}
	t := s.d.text(rows(sh.head, sh.row, sh.tail, sh.n))
	s.texts.Store(sh, t)
	return t
}

// insert runs a statement over rows of values, in pieces whose sizes are
// powers of two, so that drivers can keep the few prepared. got is called for
// each string that it returns.
func (s *Store) insert(ctx context.Context, c conn, head, row, tail string, values [][]any, got func(string)) error {
	for len(values) > 0 {
		n := maxRows
		for n > len(values) {
			n /= 2
		}
		var args []any
		for _, v := range values[:n] {
			args = append(args, v...)
		}
		values = values[n:]
		query := s.text(shape{head, row, tail, n})
		if got == nil {
			if _, err := c.ExecContext(ctx, query, args...); err != nil {
				return err
			}
			continue
		}
		if err := each(ctx, c, query, args, func(r *sql.Rows) error {
			var v string
			if err := r.Scan(&v); err != nil {
				return err
			}
			got(v)
			return nil
		}); err != nil {
			return err
		}
	}
	return nil
}

// in runs a statement that ends in a list of values, in pieces. The last
// value fills a piece up to a power of two.
func (s *Store) in(ctx context.Context, c conn, head, tail string, values []string, scan func(*sql.Rows) error) error {
	for len(values) > 0 {
		n := min(maxRows, len(values))
		size := 1
		for size < n {
			size *= 2
		}
		args := make([]any, size)
		for i := range args {
			args[i] = values[min(i, n-1)]
		}
		values = values[n:]
		query := s.text(shape{head + "(", "$", ")" + tail, size})
		if scan == nil {
			if _, err := c.ExecContext(ctx, query, args...); err != nil {
				return err
			}
			continue
		}
		if err := each(ctx, c, query, args, scan); err != nil {
			return err
		}
	}
	return nil
}

// each has scan read each row of a query.
func each(ctx context.Context, c conn, query string, args []any, scan func(*sql.Rows) error) error {
	r, err := c.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer r.Close() //nolint:errcheck // Err says what went wrong
	for r.Next() {
		if err := scan(r); err != nil {
			return err
		}
	}
	return r.Err()
}

// Create adds records: see [delivery.Store]. A key that is longer than 1,024
// bytes is refused, and with it the call.
func (s *Store) Create(ctx context.Context, rs []delivery.Record) ([]bool, error) {
	var fresh []bool
	var refs []string
	err := s.tx(ctx, func(tx *sql.Tx) error {
		var err error
		if fresh, refs, err = s.create(ctx, tx, rs); err == nil && s.d.serial {
			_, err = s.match(ctx, tx, refs)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	s.matchLate(ctx, refs)
	if slices.ContainsFunc(rs, dueNow) {
		s.notify(ctx)
	}
	return fresh, nil
}

func dueNow(r delivery.Record) bool { return !r.Due.IsZero() && time.Until(r.Due) <= 0 }

// CreateTx adds records as Create does, in a transaction of the caller's: they
// exist if it commits. The records come from [delivery.BoundRoute.Record]; a
// Runner makes their first attempt after the commit, on Postgres with
// [WithListen] at once, else within a second. On Postgres commits that wake
// others take turns, for the moment they take.
//
// tx must be of the same database, and of SQLite's one connection: begin it
// with [Store.DB], and call nothing else of the Store before its end.
func (s *Store) CreateTx(ctx context.Context, tx *sql.Tx, rs ...delivery.Record) ([]bool, error) {
	fresh, refs, err := s.create(ctx, tx, rs)
	if err != nil {
		return nil, wrap(err)
	}
	if _, err := s.match(ctx, tx, refs); err != nil {
		return nil, wrap(err)
	}
	if s.d.notify != "" && slices.ContainsFunc(rs, dueNow) {
		if _, err := tx.ExecContext(ctx, s.d.notify); err != nil {
			return nil, wrap(err)
		}
	}
	return fresh, nil
}

// create adds records, and says under which references the new ones are
// found.
func (s *Store) create(ctx context.Context, tx *sql.Tx, rs []delivery.Record) (fresh []bool, refs []string, err error) {
	fresh = make([]bool, len(rs))
	// Two that create the same keys must take them in the same order.
	order := make([]int, len(rs))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return strings.Compare(rs[a].Key, rs[b].Key) })
	values := make([][]any, len(rs))
	for at, i := range order {
		r := &rs[i]
		if len(r.Key) > maxKey {
			return nil, nil, fmt.Errorf("sqlstore: record %d: a key of %d bytes, at most %d are taken", i, len(r.Key), maxKey)
		}
		row, err := s.row(r)
		if err != nil {
			return nil, nil, err
		}
		values[at] = append([]any{keyIn(r.Key)}, row...)
	}
	created := make(map[string]bool, len(rs))
	err = s.insert(ctx, tx,
		`INSERT INTO cpaas_messages (key, fingerprint, due, forget, note, refs, body, version, inbox) VALUES `,
		`($, $, {now} + CAST($ AS BIGINT), {now} + CAST($ AS BIGINT), $, $, $, 1, '')`,
		` ON CONFLICT DO NOTHING RETURNING key`,
		values, func(key string) { created[keyOut(key)] = true })
	if err != nil {
		return nil, nil, err
	}
	owner := map[string]string{}
	for _, i := range order {
		if r := &rs[i]; created[r.Key] {
			fresh[i] = true
			delete(created, r.Key) // another of the same key is not new
			for _, ref := range r.Refs {
				owner[index(ref)] = r.Key
			}
		}
	}
	refs, err = s.own(ctx, tx, owner)
	return fresh, refs, err
}

// own makes records be found by references.
func (s *Store) own(ctx context.Context, tx *sql.Tx, owner map[string]string) ([]string, error) {
	refs := make([]string, 0, len(owner))
	for ref := range owner {
		refs = append(refs, ref)
	}
	slices.Sort(refs)
	values := make([][]any, len(refs))
	for i, ref := range refs {
		values[i] = []any{ref, keyIn(owner[ref])}
	}
	return refs, s.insert(ctx, tx, `INSERT INTO cpaas_refs (ref, key) VALUES `, `($, $)`,
		` ON CONFLICT (ref) DO UPDATE SET key = excluded.key`, values, nil)
}

// row is what is stored of a record beside its key: fingerprint, due, forget,
// note, refs, body.
func (s *Store) row(r *delivery.Record) ([]any, error) {
	sum, body := r.Fingerprint[:], r.Body
	if s.seal != nil {
		// A fingerprint could be guessed at: of a code, say.
		var err error
		if body, err = s.seal(slices.Concat(sum, body)); err != nil {
			return nil, fmt.Errorf("sqlstore: seal: %w", err)
		}
		sum = nil
	}
	refs, err := json.Marshal(r.Refs)
	if err != nil {
		return nil, err
	}
	return []any{bytesIn(sum), delay(r.Due), delay(r.Forget), strings.ToValidUTF8(strings.ReplaceAll(r.Note, "\x00", ""), ""), string(refs), bytesIn(body)}, nil
}

// bytesIn is b, not NULL.
func bytesIn(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

// delay is how long it is to t, in microseconds; nil if t is zero.
func delay(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return time.Until(t).Microseconds()
}

// after is the time that is a delay away.
func after(now time.Time, d sql.NullInt64) time.Time {
	if !d.Valid {
		return time.Time{}
	}
	return now.Add(time.Duration(d.Int64) * time.Microsecond)
}

// columns are what scan reads.
const columns = `key, fingerprint, version, due - {now}, forget - {now}, note, refs, inbox, body`

// scan reads a row. bad: it was read, but it does not say what it should.
func (s *Store) scan(rows *sql.Rows) (r delivery.Record, bad, err error) {
	var sum []byte
	var due, forget sql.NullInt64
	var refs, inbox string
	if err := rows.Scan(&r.Key, &sum, &r.Version, &due, &forget, &r.Note, &refs, &inbox, &r.Body); err != nil {
		return r, nil, err
	}
	now := time.Now()
	r.Key, r.Due, r.Forget = keyOut(r.Key), after(now, due), after(now, forget)
	bad = s.decode(&r, sum, refs, inbox)
	return r, bad, nil
}

// decode reads what a row says.
func (s *Store) decode(r *delivery.Record, sum []byte, refs, inbox string) error {
	if err := json.Unmarshal([]byte(refs), &r.Refs); err != nil {
		return fmt.Errorf("the references of a record cannot be read: %w", err)
	}
	if s.open != nil {
		body, err := s.open(r.Body)
		if err != nil {
			return fmt.Errorf("open: %w", err)
		}
		if len(body) < len(r.Fingerprint) {
			return errors.New("open: too short to be a record")
		}
		sum, r.Body = body[:len(r.Fingerprint)], body[len(r.Fingerprint):]
	}
	copy(r.Fingerprint[:], sum)
	for line := range strings.Lines(inbox) {
		body, err := s.unpack(strings.TrimSuffix(line, "\n"))
		if err != nil {
			return err
		}
		r.Inbox = append(r.Inbox, body)
	}
	return nil
}

// pack is a receipt as a line of an inbox.
func (s *Store) pack(body []byte) (string, error) {
	if s.seal != nil {
		var err error
		if body, err = s.seal(body); err != nil {
			return "", fmt.Errorf("sqlstore: seal: %w", err)
		}
	}
	return base64.StdEncoding.EncodeToString(body), nil
}

func (s *Store) unpack(line string) ([]byte, error) {
	body, err := base64.StdEncoding.DecodeString(line)
	if err != nil {
		return nil, fmt.Errorf("an inbox cannot be read: %w", err)
	}
	if s.open != nil {
		if body, err = s.open(body); err != nil {
			return nil, fmt.Errorf("open: %w", err)
		}
	}
	return body, nil
}

// keyIn is a key as a database's text, which on Postgres must be valid UTF-8
// without zero bytes.
func keyIn(key string) string {
	if plain(key) && !strings.HasPrefix(key, `\x`) {
		return key
	}
	return `\x` + hex.EncodeToString([]byte(key))
}

func keyOut(stored string) string {
	if digits, ok := strings.CutPrefix(stored, `\x`); ok {
		if key, err := hex.DecodeString(digits); err == nil {
			return string(key)
		}
	}
	return stored
}

func plain(s string) bool { return utf8.ValidString(s) && strings.IndexByte(s, 0) < 0 }

// Claim takes what is due: see [delivery.Store]. On Postgres it passes over
// what others are changing just now; they are due again in a moment. A record
// that cannot be read is left until its lease ends; it is an error only if
// there is no other.
func (s *Store) Claim(ctx context.Context, lease time.Duration, limit int) ([]delivery.Record, time.Duration, error) {
	var rs []delivery.Record
	var unreadable error
	taken := 0
	// In a transaction: a claim that ctx ends has not happened.
	err := s.tx(ctx, func(tx *sql.Tx) error {
		return each(ctx, tx, s.text(shape{head: claimSQL}), []any{lease.Microseconds(), max(0, limit)}, func(r *sql.Rows) error {
			rec, bad, err := s.scan(r)
			taken++
			if bad != nil {
				unreadable = bad
			} else {
				rs = append(rs, rec)
			}
			return err
		})
	})
	switch {
	case err != nil:
		return nil, 0, err
	case unreadable != nil && len(rs) == 0:
		return nil, 0, wrap(unreadable)
	case taken > 0 && taken == limit:
		return rs, 0, nil // there may be more: look at once
	}
	next := time.Duration(-1)
	err = each(ctx, s.db, s.text(shape{head: nextSQL}), nil, func(r *sql.Rows) error {
		var us int64
		err := r.Scan(&us)
		next = max(time.Duration(us)*time.Microsecond, crowded)
		return err
	})
	if err != nil {
		next = time.Second // the claims hold
	}
	return rs, next, nil
}

const (
	claimSQL = `WITH c AS (SELECT key FROM cpaas_messages WHERE due <= {now} ORDER BY due LIMIT $2 {skip})
		UPDATE cpaas_messages SET version = version + 1, due = {now} + CAST($1 AS BIGINT)
		WHERE key IN (SELECT key FROM c) RETURNING ` + columns
	nextSQL = `SELECT due - {now} FROM cpaas_messages WHERE due IS NOT NULL ORDER BY due LIMIT 1`
)

// Commit replaces a record: see [delivery.Store].
func (s *Store) Commit(ctx context.Context, r delivery.Record) error {
	row, err := s.row(&r)
	if err != nil {
		return err
	}
	args := append([]any{keyIn(r.Key), r.Version}, row...)
	var added []string
	err = s.tx(ctx, func(tx *sql.Tx) error {
		added = nil
		old, ok, err := s.replace(ctx, tx, args)
		if err != nil {
			return err
		}
		if !ok {
			return s.missing(ctx, tx, r.Key)
		}
		owner := map[string]string{}
		for _, ref := range r.Refs {
			if !slices.Contains(old, ref) {
				owner[index(ref)] = r.Key
			}
		}
		if added, err = s.own(ctx, tx, owner); err != nil {
			return err
		}
		for _, ref := range old {
			if slices.Contains(r.Refs, ref) {
				continue
			}
			if _, err := tx.ExecContext(ctx, s.text(shape{head: `DELETE FROM cpaas_refs WHERE ref = $1 AND key = $2`}), index(ref), keyIn(r.Key)); err != nil {
				return err
			}
		}
		if s.d.serial {
			_, err = s.match(ctx, tx, added)
		}
		return err
	})
	if err != nil {
		return err
	}
	s.matchLate(ctx, added)
	return nil
}

// replace writes a record, if its version is current, and gives the
// references that it had.
func (s *Store) replace(ctx context.Context, tx *sql.Tx, args []any) (old []string, ok bool, err error) {
	read := func(r *sql.Rows) error {
		var refs string
		if err := r.Scan(&refs); err != nil {
			return err
		}
		ok = true
		return json.Unmarshal([]byte(refs), &old)
	}
	if !s.d.serial {
		err = each(ctx, tx, s.text(shape{head: replaceSQL}), args, read)
		return old, ok, err
	}
	err = each(ctx, tx, s.text(shape{head: `SELECT refs FROM cpaas_messages WHERE key = $1 AND version = $2`}), args[:2], read)
	if err == nil && ok {
		_, err = tx.ExecContext(ctx, s.text(shape{head: updateSQL}), args...)
	}
	return old, ok, err
}

const (
	setSQL = `SET version = version + 1, fingerprint = $3, due = {now} + CAST($4 AS BIGINT), forget = {now} + CAST($5 AS BIGINT),
		note = $6, refs = $7, body = $8, inbox = ''`
	updateSQL  = `UPDATE cpaas_messages ` + setSQL + ` WHERE key = $1 AND version = $2`
	replaceSQL = `UPDATE cpaas_messages ` + setSQL + `
		FROM (SELECT key AS old_key, refs AS old_refs FROM cpaas_messages WHERE key = $1 AND version = $2 FOR UPDATE) old
		WHERE key = old_key AND version = $2 RETURNING old_refs`
)

// missing is why a record was not replaced.
func (s *Store) missing(ctx context.Context, c conn, key string) error {
	err := delivery.ErrNotFound
	if e := each(ctx, c, s.text(shape{head: `SELECT 1 FROM cpaas_messages WHERE key = $1`}), []any{keyIn(key)}, func(*sql.Rows) error {
		err = delivery.ErrStale
		return nil
	}); e != nil {
		return e
	}
	return err
}

// Get reads a record: see [delivery.Store].
func (s *Store) Get(ctx context.Context, key string) (delivery.Record, error) {
	var rec delivery.Record
	found := false
	err := each(ctx, s.read, s.text(shape{head: `SELECT ` + columns + ` FROM cpaas_messages WHERE key = $1`}), []any{keyIn(key)}, func(r *sql.Rows) error {
		var bad, err error
		rec, bad, err = s.scan(r)
		found = true
		return cmp.Or(err, bad)
	})
	switch {
	case err != nil:
		return delivery.Record{}, wrap(err)
	case !found:
		return delivery.Record{}, delivery.ErrNotFound
	}
	return rec, nil
}

// notify tells other replicas that something may be due. One at a time does,
// and once more for all that came meanwhile. Whoever is not told looks within
// a second.
func (s *Store) notify(ctx context.Context) {
	if s.d.notify == "" || s.notifying.Add(1) > 1 {
		return
	}
	for {
		seen := s.notifying.Load()
		s.db.ExecContext(ctx, s.d.notify) //nolint:errcheck // polling is the floor
		if s.notifying.CompareAndSwap(seen, 0) {
			return
		}
	}
}
