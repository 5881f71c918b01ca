package sqlstore_test

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cpaas-go/cpaas/fallback"
	"github.com/cpaas-go/cpaas/fallback/delivery"
	"github.com/cpaas-go/cpaas/fallback/delivery/sqlstore"
	"github.com/cpaas-go/cpaas/fallback/delivery/sqlstore/pgxlisten"
	"github.com/cpaas-go/cpaas/fallback/delivery/sqlstore/sqlite"
)

func record(key string, d time.Duration) delivery.Record {
	return delivery.Record{Key: key, Fingerprint: [32]byte{1, 2, 3}, Due: time.Now().Add(d), Refs: []string{"r:" + key}, Note: "waiting", Body: []byte("body of " + key)}
}

func inbound(event string, refs ...string) delivery.Inbound {
	return delivery.Inbound{Event: event, Refs: refs, Body: []byte("receipt " + event)}
}

func create(t *testing.T, s *sqlstore.Store, rs ...delivery.Record) {
	t.Helper()
	fresh, err := s.Create(t.Context(), rs)
	require.NoError(t, err)
	require.NotContains(t, fresh, false)
}

func TestMigrate(t *testing.T) {
	t.Parallel()
	backends(t, func(t *testing.T, b backend) {
		s := b.open(t)
		create(t, s, record("a", time.Hour))
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() { assert.NoError(t, s.Migrate(t.Context()), "again") })
		}
		wg.Wait()
		_, err := s.Get(t.Context(), "a")
		require.NoError(t, err)
		require.NoError(t, s.Check(t.Context()))

		_, err = s.DB().ExecContext(t.Context(), "INSERT INTO cpaas_schema (version) VALUES (99)")
		require.NoError(t, err)
		require.ErrorIs(t, s.Migrate(t.Context()), sqlstore.ErrSchema)
		require.ErrorIs(t, s.Check(t.Context()), sqlstore.ErrSchema)
		_, err = sqlstore.New(s.DB(), map[string]sqlstore.Dialect{"sqlite": sqlstore.SQLite, "postgres": sqlstore.Postgres}[b.kind])
		require.ErrorIs(t, err, sqlstore.ErrSchema)
		assert.Contains(t, err.Error(), "99")
	})
}

func TestMigrateFromSeveralReplicas(t *testing.T) {
	t.Parallel()
	b := postgresBackend(t)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			s, err := b.connect()
			if assert.NoError(t, err) {
				assert.NoError(t, s.Close())
			}
		})
	}
	wg.Wait()
}

func TestPostgresWithoutTables(t *testing.T) {
	t.Parallel()
	db, err := sql.Open("pgx", postgresBackend(t).dsn)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	s, err := sqlstore.New(db, sqlstore.Postgres)
	require.NoError(t, err, "New makes no tables, and wants none")
	err = s.Check(t.Context())
	require.ErrorIs(t, err, sqlstore.ErrSchema)
	assert.Contains(t, err.Error(), "Migrate")
}

func TestSQLiteFile(t *testing.T) {
	t.Parallel()
	b := sqliteBackend(t)
	_, err := sqlite.Open(b.dsn)
	require.ErrorIs(t, err, sqlstore.ErrSchema, "nobody asked for tables")
	s, err := sqlite.Open(b.dsn, sqlite.WithMigrate(), sqlite.WithNormalSync())
	require.NoError(t, err)
	_, err = sqlite.Open(b.dsn)
	require.ErrorIs(t, err, sqlite.ErrLocked)
	info, err := os.Stat(b.dsn)
	require.NoError(t, err)
	assert.Zero(t, info.Mode().Perm()&0o077, "others can read it")
	for pragma, want := range map[string]string{"synchronous": "1", "journal_mode": "wal"} {
		var got string
		require.NoError(t, s.DB().QueryRowContext(t.Context(), "PRAGMA "+pragma).Scan(&got))
		assert.Equal(t, want, got, pragma)
	}
	create(t, s, record("a", time.Hour))
	require.NoError(t, s.Close())

	s, err = sqlite.Open(b.dsn)
	require.NoError(t, err, "it was closed")
	var full string
	require.NoError(t, s.DB().QueryRowContext(t.Context(), "PRAGMA synchronous").Scan(&full))
	assert.Equal(t, "2", full)
	_, err = s.Get(t.Context(), "a")
	require.NoError(t, err)
	require.NoError(t, s.Close())

	for _, path := range []string{"", ":memory:", t.TempDir(), "/nowhere/at/all"} {
		_, err = sqlite.Open(path, sqlite.WithMigrate())
		require.Error(t, err, path)
	}
}

func TestSQLiteOddPath(t *testing.T) {
	t.Parallel()
	path := t.TempDir() + "/a b?c#d%41.db"
	s, err := sqlite.Open(path, sqlite.WithMigrate())
	require.NoError(t, err)
	require.NoError(t, s.Close())
	info, err := os.Stat(path)
	require.NoError(t, err)
	assert.Positive(t, info.Size(), "the tables are in another file")
}

func TestOptions(t *testing.T) {
	t.Parallel()
	b := sqliteBackend(t)
	for name, opt := range map[string]sqlstore.Option{
		"listen": sqlstore.WithListen(nil), "seal": sqlstore.WithSeal(nil, nil), "parked": sqlstore.WithMaxParked(0),
		"reader": sqlstore.WithReader(nil), "close": sqlstore.WithClose(nil), "sqlite listens": sqlstore.WithListen(pgxlisten.Listen("")),
	} {
		_, err := b.connect(opt)
		require.Error(t, err, name)
	}
	_, err := sqlstore.New(nil, sqlstore.Postgres)
	require.Error(t, err)
}

// TestOddInput holds keys, references and events that a database's text cannot
// hold.
func TestOddInput(t *testing.T) {
	t.Parallel()
	backends(t, func(t *testing.T, b backend) {
		s := b.open(t)
		for i, key := range []string{"a\x00b", "\xff\xfe", `\x00`, `\xzz`, strings.Repeat("ж", 512)} {
			r := record(key, time.Hour)
			r.Refs = []string{"i:" + key, fmt.Sprintf("i:%d:", i) + strings.Repeat("long", 2000)}
			r.Note = "a\x00b\xff"
			create(t, s, r)
			got, err := s.Get(t.Context(), key)
			require.NoError(t, err)
			assert.Equal(t, key, got.Key)
			for n, ref := range r.Refs {
				matched, err := s.Receive(t.Context(), []delivery.Inbound{inbound(fmt.Sprintf("%d-%d\x00", i, n)+strings.Repeat("e", 3000), ref)})
				require.NoError(t, err)
				assert.Equal(t, []string{key}, matched)
			}
			got, err = s.Get(t.Context(), key)
			require.NoError(t, err)
			assert.Len(t, got.Inbox, 2)
			require.NoError(t, s.Commit(t.Context(), got))
		}
		_, err := s.Create(t.Context(), []delivery.Record{record("fine", 0), record(strings.Repeat("k", 1025), 0)})
		require.Error(t, err)
		_, err = s.Get(t.Context(), "fine")
		require.ErrorIs(t, err, delivery.ErrNotFound, "half of a refused call was stored")

		empty := delivery.Record{Key: "empty"}
		create(t, s, empty)
		got, err := s.Get(t.Context(), "empty")
		require.NoError(t, err)
		assert.Empty(t, got.Body)
		assert.Empty(t, got.Refs)
	})
}

// TestRefsGo has a record give up a reference.
func TestRefsGo(t *testing.T) {
	t.Parallel()
	backends(t, func(t *testing.T, b backend) {
		s := b.open(t)
		create(t, s, record("a", time.Hour))
		r, err := s.Get(t.Context(), "a")
		require.NoError(t, err)
		r.Refs = []string{"i:new"}
		require.NoError(t, s.Commit(t.Context(), r))
		for ref, want := range map[string][]string{"r:a": nil, "i:new": {"a"}} {
			matched, err := s.Receive(t.Context(), []delivery.Inbound{inbound(ref, ref)})
			require.NoError(t, err)
			assert.Equal(t, want, matched, ref)
		}
	})
}

func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	backends(t, func(t *testing.T, b backend) {
		s := b.open(t)
		var rs []delivery.Record
		for i := range 1300 {
			rs = append(rs, record(fmt.Sprint(i%1200), time.Hour))
		}
		// Several create the same, in different orders.
		var wg sync.WaitGroup
		var made atomic.Int64
		for n := range 4 {
			wg.Go(func() {
				mine := append(append([]delivery.Record(nil), rs[n*300:]...), rs[:n*300]...)
				fresh, err := s.Create(t.Context(), mine)
				if !assert.NoError(t, err) {
					return
				}
				for _, f := range fresh {
					if f {
						made.Add(1)
					}
				}
			})
		}
		wg.Wait()
		assert.EqualValues(t, 1200, made.Load())
		var in []delivery.Inbound
		for i := range 1200 {
			in = append(in, inbound(fmt.Sprint(i), "r:"+fmt.Sprint(i)))
		}
		matched, err := s.Receive(t.Context(), in)
		require.NoError(t, err)
		assert.Len(t, matched, 1200)
	})
}

// TestReceiptMeetsCommit has receipts come while the record is given the
// reference that they have: none may stay parked.
func TestReceiptMeetsCommit(t *testing.T) {
	t.Parallel()
	backends(t, func(t *testing.T, b backend) {
		s := b.open(t)
		n := 200
		for i := range n {
			key, ref := fmt.Sprintf("m%d", i), fmt.Sprintf("i:p:%d", i)
			create(t, s, record(key, time.Hour))
			r, err := s.Get(t.Context(), key)
			require.NoError(t, err)
			r.Refs = append(r.Refs, ref)
			var wg sync.WaitGroup
			wg.Go(func() { assert.NoError(t, s.Commit(t.Context(), r)) })
			wg.Go(func() {
				_, err := s.Receive(t.Context(), []delivery.Inbound{inbound(ref, ref)})
				assert.NoError(t, err)
			})
			wg.Wait()
			got, err := s.Get(t.Context(), key)
			require.NoError(t, err)
			require.Len(t, got.Inbox, 1, "run %d: the receipt is parked although its reference is known", i)
			require.EqualValues(t, 3, got.Version)
		}
		var parked int
		require.NoError(t, s.DB().QueryRowContext(t.Context(), "SELECT (SELECT count(*) FROM cpaas_parked) + (SELECT count(*) FROM cpaas_parked_refs)").Scan(&parked))
		assert.Zero(t, parked)
	})
}

// TestSweepMatches has a parked receipt whose reference is known, as when both
// who stored it and who stored the reference died just then.
func TestSweepMatches(t *testing.T) {
	t.Parallel()
	s := postgresBackend(t).open(t)
	_, err := s.Receive(t.Context(), []delivery.Inbound{inbound("1", "r:a")})
	require.NoError(t, err)
	r := record("a", time.Hour)
	r.Refs = nil
	create(t, s, r)
	_, err = s.DB().ExecContext(t.Context(), "INSERT INTO cpaas_refs (ref, key) VALUES ('r:a', 'a')")
	require.NoError(t, err)
	_, err = s.Sweep(t.Context(), 100)
	require.NoError(t, err)
	got, err := s.Get(t.Context(), "a")
	require.NoError(t, err)
	assert.Len(t, got.Inbox, 1)
}

func TestParkedAreBounded(t *testing.T) {
	t.Parallel()
	backends(t, func(t *testing.T, b backend) {
		s := b.open(t, sqlstore.WithMaxParked(20))
		for i := range 100 {
			_, err := s.Receive(t.Context(), []delivery.Inbound{inbound(fmt.Sprint(i), fmt.Sprintf("x:%d", i))})
			require.NoError(t, err)
		}
		count := func(table string) (n int) {
			require.NoError(t, s.DB().QueryRowContext(t.Context(), "SELECT count(*) FROM "+table).Scan(&n))
			return n
		}
		assert.LessOrEqual(t, count("cpaas_parked"), 23)
		r := record("late", time.Hour)
		r.Refs = []string{"x:99", "x:1"}
		create(t, s, r)
		got, err := s.Get(t.Context(), "late")
		require.NoError(t, err)
		assert.Equal(t, [][]byte{[]byte("receipt 99")}, got.Inbox, "the oldest go first")

		// What is too old goes, in more than one batch.
		for _, table := range []string{"cpaas_parked", "cpaas_events"} {
			_, err = s.DB().ExecContext(t.Context(), "UPDATE "+table+" SET at = at - 3700000000")
			require.NoError(t, err)
		}
		_, err = s.Receive(t.Context(), []delivery.Inbound{inbound("new", "x:new")})
		require.NoError(t, err)
		_, err = s.Sweep(t.Context(), 10)
		require.NoError(t, err)
		assert.Equal(t, 1, count("cpaas_parked"))
		assert.Equal(t, 1, count("cpaas_parked_refs"))
		assert.Equal(t, 1, count("cpaas_events"))
	})
}

func TestCreateTx(t *testing.T) {
	t.Parallel()
	backends(t, func(t *testing.T, b backend) {
		s := b.open(t)
		for _, commit := range []bool{false, true} {
			tx, err := s.DB().BeginTx(t.Context(), nil)
			require.NoError(t, err)
			_, err = tx.ExecContext(t.Context(), "CREATE TABLE orders (id TEXT)")
			require.NoError(t, err)
			fresh, err := s.CreateTx(t.Context(), tx, record("a", 0), record("b", 0))
			require.NoError(t, err)
			assert.Equal(t, []bool{true, true}, fresh)
			if commit {
				require.NoError(t, tx.Commit())
			} else {
				require.NoError(t, tx.Rollback())
			}
			rs, _, err := s.Claim(t.Context(), time.Hour, 10)
			require.NoError(t, err)
			assert.Len(t, rs, map[bool]int{false: 0, true: 2}[commit])
		}
	})
}

// TestOutbox sends what BoundRoute.Record has put into a transaction.
func TestOutbox(t *testing.T) {
	t.Parallel()
	backends(t, func(t *testing.T, b backend) {
		s := b.open(t)
		books := &ledger{}
		var runner *delivery.Runner
		send := provider(func(ctx context.Context, sub fallback.Submission) (fallback.Ack, error) {
			books.add(ctx, nil, "", "a", sub.Ref)
			return fallback.Ack{}, runner.Receive(ctx, deliveredReceipt("a", sub.Ref))
		})
		runner, err := delivery.New(delivery.Config{Store: s})
		require.NoError(t, err)
		route, err := runner.Bind("test", twoProviders(send, send))
		require.NoError(t, err)
		rec, err := route.Record(code("order-1"))
		require.NoError(t, err)
		tx, err := s.DB().BeginTx(t.Context(), nil)
		require.NoError(t, err)
		_, err = s.CreateTx(t.Context(), tx, rec)
		require.NoError(t, err)
		require.NoError(t, tx.Commit())

		ctx, stop := context.WithTimeout(t.Context(), time.Minute)
		var running sync.WaitGroup
		running.Go(func() { runner.Run(ctx) }) //nolint:errcheck // it ends with ctx
		defer running.Wait()
		defer stop()
		res, err := route.Wait(ctx, "order-1")
		require.NoError(t, err)
		assert.Equal(t, fallback.Delivered, res.Outcome)
		assert.Len(t, books.list(), 1)
	})
}

// gcm is a Seal and Open as an owner of a key would write them.
func gcm(t *testing.T) sqlstore.Option {
	t.Helper()
	key := make([]byte, 32)
	_, err := rand.Read(key)
	require.NoError(t, err)
	block, err := aes.NewCipher(key)
	require.NoError(t, err)
	aead, err := cipher.NewGCMWithRandomNonce(block)
	require.NoError(t, err)
	return sqlstore.WithSeal(
		func(b []byte) ([]byte, error) { return aead.Seal(nil, nil, b, nil), nil },
		func(b []byte) ([]byte, error) { return aead.Open(nil, nil, b, nil) })
}

func TestSeal(t *testing.T) {
	t.Parallel()
	backends(t, func(t *testing.T, b backend) {
		s, err := b.connect(gcm(t))
		require.NoError(t, err)
		secrets := []string{"+919812345678", "4821 is your code", "a receipt's words", string(bytes.Repeat([]byte{0xAB}, 32))}
		r := record("order-1", time.Hour)
		r.Body, r.Fingerprint = []byte(strings.Join(secrets[:2], " ")), [32]byte([]byte(secrets[3]))
		create(t, s, r)
		for _, ref := range []string{"r:order-1", "nobody's"} {
			in := inbound(ref, ref)
			in.Body = []byte(secrets[2])
			_, err := s.Receive(t.Context(), []delivery.Inbound{in})
			require.NoError(t, err)
		}
		got, err := s.Get(t.Context(), "order-1")
		require.NoError(t, err)
		assert.Equal(t, r.Body, got.Body)
		assert.Equal(t, r.Fingerprint, got.Fingerprint)
		assert.Equal(t, [][]byte{[]byte(secrets[2])}, got.Inbox)
		got.Refs = append(got.Refs, "nobody's")
		require.NoError(t, s.Commit(t.Context(), got))
		got, err = s.Get(t.Context(), "order-1")
		require.NoError(t, err)
		assert.Equal(t, [][]byte{[]byte(secrets[2])}, got.Inbox, "a parked receipt")

		var dump []byte
		if b.kind == "sqlite" {
			for _, end := range []string{"", "-wal"} {
				part, err := os.ReadFile(b.dsn + end)
				require.NoError(t, err)
				dump = append(dump, part...)
			}
		} else {
			for _, table := range []string{"cpaas_messages", "cpaas_parked", "cpaas_refs"} {
				var text []byte
				require.NoError(t, s.DB().QueryRowContext(t.Context(),
					"SELECT coalesce(string_agg(CAST(x AS TEXT), ''), '') FROM "+table+" x").Scan(&text))
				dump = append(dump, text...)
			}
			secrets[1], secrets[3] = fmt.Sprintf("%x", secrets[1]), fmt.Sprintf("%x", secrets[3]) // as bytes are printed
		}
		assert.Contains(t, string(dump), "order-1")
		for _, secret := range secrets {
			assert.NotContains(t, string(dump), secret)
		}
		require.NoError(t, s.Close())

		other, err := b.connect(gcm(t)) // another key
		require.NoError(t, err)
		_, err = other.Get(t.Context(), "order-1")
		require.Error(t, err)
		require.NoError(t, other.Close())
	})
}

// TestUnreadable has one record that cannot be read: the others go on.
func TestUnreadable(t *testing.T) {
	t.Parallel()
	backends(t, func(t *testing.T, b backend) {
		s := b.open(t, gcm(t))
		create(t, s, record("bad", -time.Hour), record("good", -time.Second))
		_, err := s.DB().ExecContext(t.Context(), "UPDATE cpaas_messages SET body = fingerprint WHERE key = 'bad'")
		require.NoError(t, err)
		rs, _, err := s.Claim(t.Context(), time.Hour, 10)
		require.NoError(t, err)
		require.Len(t, rs, 1)
		assert.Equal(t, "good", rs[0].Key)
		_, err = s.DB().ExecContext(t.Context(), "UPDATE cpaas_messages SET due = 1 WHERE key = 'bad'")
		require.NoError(t, err)
		_, _, err = s.Claim(t.Context(), time.Hour, 10)
		require.Error(t, err, "there is only that one")
		_, err = s.Get(t.Context(), "bad")
		require.Error(t, err)
	})
}

// TestClaimThatEnds ends a claim's context while it reads: nothing stays
// claimed.
func TestClaimThatEnds(t *testing.T) {
	t.Parallel()
	backends(t, func(t *testing.T, b backend) {
		ctx, stop := context.WithCancel(t.Context())
		var opened atomic.Int64
		same := func(b []byte) ([]byte, error) { return b, nil }
		s := b.open(t, sqlstore.WithSeal(same, func(b []byte) ([]byte, error) {
			if opened.Add(1) == 10 {
				stop()
			}
			return b, nil
		}))
		fill(t, s, 100, -time.Second)
		_, _, err := s.Claim(ctx, time.Hour, 100)
		require.ErrorIs(t, err, context.Canceled)
		// A server may need a moment to see that it is over.
		require.Eventually(t, func() bool {
			rs, _, err := s.Claim(t.Context(), time.Nanosecond, 100)
			return assert.NoError(t, err) && len(rs) == 100 && rs[0].Version == 2
		}, time.Minute, 10*time.Millisecond)
	})
}

func TestSealFails(t *testing.T) {
	t.Parallel()
	broken := errors.New("no key")
	s := sqliteBackend(t).open(t, sqlstore.WithSeal(func([]byte) ([]byte, error) { return nil, broken }, func([]byte) ([]byte, error) { return nil, broken }))
	_, err := s.Create(t.Context(), []delivery.Record{record("a", 0)})
	require.ErrorIs(t, err, broken)
	_, err = s.Receive(t.Context(), []delivery.Inbound{inbound("1", "r:a")})
	require.ErrorIs(t, err, broken)
	require.ErrorIs(t, s.Commit(t.Context(), record("a", 0)), broken)
}

// TestWake has a receipt at one replica wake another.
func TestWake(t *testing.T) {
	t.Parallel()
	b := postgresBackend(t)
	one, two := b.open(t, sqlstore.WithListen(pgxlisten.Listen(b.dsn))), b.open(t)
	wake, err := one.Wake(t.Context())
	require.NoError(t, err)
	quiet, err := two.Wake(t.Context())
	require.NoError(t, err)
	assert.Nil(t, quiet)
	create(t, two, record("a", time.Hour))
	// Other schemas' words come through the same channel: look until it is due.
	_, err = two.Receive(t.Context(), []delivery.Inbound{inbound("1", "r:a")})
	require.NoError(t, err)
	end := time.After(time.Minute)
	for {
		select {
		case <-wake:
		case <-end:
			t.Fatal("nobody woke it")
		}
		rs, _, err := one.Claim(t.Context(), time.Hour, 1)
		require.NoError(t, err)
		if len(rs) == 1 {
			return
		}
	}
}

// TestListenAgain breaks the connection that listens.
func TestListenAgain(t *testing.T) {
	t.Parallel()
	b := postgresBackend(t)
	s := b.open(t)
	name := fmt.Sprintf("again_%d", time.Now().UnixNano())
	ctx, stop := context.WithCancel(t.Context())
	out, err := pgxlisten.Listen(with(b.dsn, "application_name", name))(ctx, "c_"+name)
	require.NoError(t, err)
	<-out // it looks once at the start
	var killed bool
	require.NoError(t, s.DB().QueryRowContext(t.Context(), "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1", name).Scan(&killed))
	require.True(t, killed)
	select {
	case <-out:
	case <-time.After(time.Minute):
		t.Fatal("it did not connect again")
	}
	_, err = s.DB().ExecContext(t.Context(), "SELECT pg_notify($1, '')", "c_"+name)
	require.NoError(t, err)
	<-out
	stop()
	for range out { // it is closed
	}
	_, err = pgxlisten.Listen("port=none")(t.Context(), "c")
	require.Error(t, err)
}

// TestListenWithoutDatabase has no database to begin with.
func TestListenWithoutDatabase(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer stop()
	out, err := pgxlisten.Listen("host=127.0.0.1 port=1")(ctx, "c")
	require.NoError(t, err, "it goes on trying")
	for range out {
		t.Error("it yields")
	}
}

// TestSkew has two replicas whose clocks differ: what one stores with a delay
// has the same delay for the other, whatever its clock says. The clock of a
// replica is in no statement, so one is enough to show it.
func TestSkew(t *testing.T) {
	t.Parallel()
	backends(t, func(t *testing.T, b backend) {
		s := b.open(t)
		create(t, s, record("a", 90*time.Second))
		var due int64
		require.NoError(t, s.DB().QueryRowContext(t.Context(), "SELECT due FROM cpaas_messages").Scan(&due))
		var now int64
		clock := map[string]string{"sqlite": "SELECT CAST(unixepoch('subsec') * 1000000 AS INTEGER)", "postgres": "SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS BIGINT)"}[b.kind]
		require.NoError(t, s.DB().QueryRowContext(t.Context(), clock).Scan(&now))
		assert.InDelta(t, 90*time.Second, time.Duration(due-now)*time.Microsecond, float64(5*time.Second))

		// The database's time goes on an hour.
		_, err := s.DB().ExecContext(t.Context(), "UPDATE cpaas_messages SET due = due - 3600000000")
		require.NoError(t, err)
		got, err := s.Get(t.Context(), "a")
		require.NoError(t, err)
		assert.InDelta(t, 90*time.Second-time.Hour, time.Until(got.Due), float64(5*time.Second))
		rs, _, err := s.Claim(t.Context(), time.Hour, 1)
		require.NoError(t, err)
		assert.Len(t, rs, 1)
	})
}

// down is a store that fails while it is told to.
type down struct {
	delivery.Store

	now atomic.Bool
}

var errDown = errors.New("the store is down")

func (d *down) Create(ctx context.Context, rs []delivery.Record) ([]bool, error) {
	if d.now.Load() {
		return nil, errDown
	}
	return d.Store.Create(ctx, rs)
}

func (d *down) Commit(ctx context.Context, r delivery.Record) error {
	if d.now.Load() {
		return errDown
	}
	return d.Store.Commit(ctx, r)
}

func (d *down) Claim(ctx context.Context, lease time.Duration, limit int) ([]delivery.Record, time.Duration, error) {
	if d.now.Load() {
		return nil, 0, errDown
	}
	return d.Store.Claim(ctx, lease, limit)
}

func (d *down) Receive(ctx context.Context, in []delivery.Inbound) ([]string, error) {
	if d.now.Load() {
		return nil, errDown
	}
	return d.Store.Receive(ctx, in)
}

func (d *down) Get(ctx context.Context, key string) (delivery.Record, error) {
	if d.now.Load() {
		return delivery.Record{}, errDown
	}
	return d.Store.Get(ctx, key)
}

// TestStoreDown takes the store away during calls: nothing is sent again.
func TestStoreDown(t *testing.T) {
	t.Parallel()
	outage := 2 * time.Second
	if heavy() {
		outage = 30 * time.Second
	}
	backends(t, func(t *testing.T, b backend) {
		const messages = 50
		store := &down{Store: b.open(t)}
		books := &ledger{}
		inCall := make(chan struct{}, messages)
		answer := make(chan struct{})
		send := provider(func(ctx context.Context, sub fallback.Submission) (fallback.Ack, error) {
			books.add(ctx, nil, "", "a", sub.Ref)
			inCall <- struct{}{}
			<-answer
			return fallback.Ack{ID: "id-" + sub.Ref}, nil
		})
		runner, err := delivery.New(delivery.Config{Store: store})
		require.NoError(t, err)
		route, err := runner.Bind("test", delivery.Route{{Try: fallback.Leg{Channel: fallback.SMS, Provider: "a", Sender: send}}})
		require.NoError(t, err)
		ctx, stop := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { runner.Run(ctx) }) //nolint:errcheck // it ends with ctx
		defer running.Wait()
		defer stop()
		var sending sync.WaitGroup
		for i := range messages {
			sending.Go(func() {
				_, err := route.Send(ctx, code(fmt.Sprint(i)))
				assert.NoError(t, err)
			})
		}
		for range messages {
			<-inCall
		}
		store.now.Store(true)
		close(answer)
		_, err = route.Send(ctx, code("another"))
		require.ErrorIs(t, err, errDown, "what cannot be stored is not sent")
		refs := books.list()
		_, ref, _ := strings.Cut(refs[0], " ")
		require.ErrorIs(t, runner.Receive(ctx, deliveredReceipt("a", ref)), errDown)
		time.Sleep(outage)
		store.now.Store(false)
		sending.Wait()
		for _, line := range refs {
			_, ref, _ := strings.Cut(line, " ")
			require.NoError(t, runner.Receive(ctx, deliveredReceipt("a", ref)))
		}
		for i := range messages {
			res, err := route.Wait(ctx, fmt.Sprint(i))
			require.NoError(t, err)
			assert.Equal(t, fallback.Delivered, res.Outcome)
			assert.False(t, res.PossibleDuplicate)
		}
		assert.Len(t, books.list(), messages, "something was sent again")
	})
}

// TestFourWorkers has four replicas claim what is due: nothing twice.
func TestFourWorkers(t *testing.T) {
	t.Parallel()
	b := postgresBackend(t)
	n := 5_000
	if heavy() {
		n = 100_000
	}
	fill(t, b.open(t), n, -time.Second)
	var mu sync.Mutex
	seen := make(map[string]int, n)
	begun := time.Now()
	var wg sync.WaitGroup
	for range 4 {
		s := b.open(t)
		wg.Go(func() {
			for empty := 0; empty < 3; {
				rs, _, err := s.Claim(t.Context(), time.Hour, 200)
				if !assert.NoError(t, err) {
					return
				}
				if len(rs) == 0 {
					empty++ // the rest may be locked by another just now
				}
				mu.Lock()
				for i := range rs {
					seen[rs[i].Key]++
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	t.Logf("four workers claimed %d in %v", len(seen), time.Since(begun))
	assert.Len(t, seen, n)
	for key, times := range seen {
		if times != 1 {
			t.Errorf("%s was claimed %d times", key, times)
		}
	}
}

// fill stores n records that are due in d.
func fill(tb testing.TB, s delivery.Store, n int, d time.Duration) {
	tb.Helper()
	rs := make([]delivery.Record, 0, 500)
	body := bytes.Repeat([]byte("x"), 600)
	for i := range n {
		r := record(fmt.Sprintf("m%07d", i), d)
		r.Body = body
		if rs = append(rs, r); len(rs) == cap(rs) || i == n-1 {
			_, err := s.Create(tb.Context(), rs)
			require.NoError(tb, err)
			rs = rs[:0]
		}
	}
}

// TestWaitingQuery runs the query of the package's documentation.
func TestWaitingQuery(t *testing.T) {
	t.Parallel()
	backends(t, func(t *testing.T, b backend) {
		s := b.open(t)
		create(t, s, record("a", time.Hour), delivery.Record{Key: "done"})
		at := map[string]string{"sqlite": "datetime(due / 1e6, 'unixepoch')", "postgres": "to_timestamp(due / 1e6)"}[b.kind]
		var key, note, due string
		require.NoError(t, s.DB().QueryRowContext(t.Context(), "SELECT key, note, "+at+" FROM cpaas_messages WHERE due IS NOT NULL ORDER BY due").Scan(&key, &note, &due))
		assert.Equal(t, []string{"a", "waiting"}, []string{key, note})
		assert.Contains(t, due, fmt.Sprint(time.Now().UTC().Year()))
	})
}

// TestSQLiteClosed: a file that was closed can be opened, also while children
// of the process begin, which have its open files for a moment.
func TestSQLiteClosed(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("no forks")
	}
	path := filepath.Join(t.TempDir(), "messages.db")
	done := make(chan struct{})
	var children sync.WaitGroup
	for range 2 {
		children.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
					assert.NoError(t, exec.Command("true").Run())
				}
			}
		})
	}
	for range 200 {
		s, err := sqlite.Open(path, sqlite.WithMigrate(), sqlite.WithNormalSync())
		if !assert.NoError(t, err) {
			break
		}
		assert.NoError(t, s.Close())
	}
	close(done)
	children.Wait()
}
