package sqlstore_test

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cpaas-go/cpaas/fallback"
	"github.com/cpaas-go/cpaas/fallback/delivery"
	"github.com/cpaas-go/cpaas/fallback/delivery/sqlstore"
)

// These compare the Store with the bare statements that the same work needs,
// through the same driver, in turns. "ratio" is the Store's share of the bare
// statements' throughput: 1 is no overhead.

// race times two ways of doing the same in turns.
func race(b *testing.B, per int, store, bare func(i int)) {
	b.Helper()
	var took [2]time.Duration
	i := 0
	for b.Loop() {
		begun := time.Now()
		store(i)
		middle := time.Now()
		bare(i)
		took[0] += middle.Sub(begun)
		took[1] += time.Since(middle)
		i++
	}
	b.ReportMetric(float64(took[1])/float64(took[0]), "ratio")
	b.ReportMetric(float64(i*per)/took[0].Seconds(), "store/s")
	b.ReportMetric(float64(i*per)/took[1].Seconds(), "bare/s")
}

// eachBackend runs a benchmark on each kind of database, with a second one for
// the bare statements.
func eachBackend(b *testing.B, f func(b *testing.B, s *sqlstore.Store, bare *sql.DB, d func(string) string)) {
	b.Helper()
	b.Run("sqlite", func(b *testing.B) {
		f(b, sqliteBackend(b).open(b), sqliteBackend(b).open(b).DB(), func(q string) string {
			return strings.NewReplacer("$", "?", "NOW", "CAST(unixepoch('subsec') * 1000000 AS INTEGER)", "LOCK", "").Replace(q)
		})
	})
	b.Run("postgres", func(b *testing.B) {
		f(b, postgresBackend(b).open(b), postgresBackend(b).open(b).DB(), func(q string) string {
			return strings.NewReplacer("NOW", "CAST(extract(epoch FROM statement_timestamp()) * 1000000 AS BIGINT)", "LOCK", "FOR UPDATE SKIP LOCKED").Replace(q)
		})
	})
}

func benchRecord(i int, due time.Duration) delivery.Record {
	r := record(fmt.Sprintf("m%09d", i), due)
	r.Body = bytes.Repeat([]byte("x"), 600)
	return r
}

// bareCreate is the statements of Create.
func bareCreate(b *testing.B, db *sql.DB, d func(string) string, rs []delivery.Record) {
	b.Helper()
	tx, err := db.BeginTx(b.Context(), nil)
	require.NoError(b, err)
	var message, ref []any
	var messages, refs strings.Builder
	for i, r := range rs {
		if i > 0 {
			messages.WriteByte(',')
			refs.WriteByte(',')
		}
		n := 6 * i
		fmt.Fprintf(&messages, "($%d, $%d, 1, NOW + CAST($%d AS BIGINT), $%d, $%d, '', $%d)", n+1, n+2, n+3, n+4, n+5, n+6)
		message = append(message, r.Key, r.Fingerprint[:], time.Until(r.Due).Microseconds(), r.Note, `["`+r.Refs[0]+`"]`, r.Body)
		fmt.Fprintf(&refs, "($%d, $%d)", 2*i+1, 2*i+2)
		ref = append(ref, r.Refs[0], r.Key)
	}
	_, err = tx.ExecContext(b.Context(), d("INSERT INTO cpaas_messages (key, fingerprint, version, due, note, refs, inbox, body) VALUES "+messages.String()), message...)
	require.NoError(b, err)
	_, err = tx.ExecContext(b.Context(), d("INSERT INTO cpaas_refs (ref, key) VALUES "+refs.String()), ref...)
	require.NoError(b, err)
	require.NoError(b, tx.Commit())
}

func BenchmarkCreate(b *testing.B) {
	for _, size := range []int{1, 500} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			eachBackend(b, func(b *testing.B, s *sqlstore.Store, bare *sql.DB, d func(string) string) {
				b.Helper()
				batch := func(i int) []delivery.Record {
					rs := make([]delivery.Record, size)
					for n := range rs {
						rs[n] = benchRecord(i*size+n, time.Hour)
					}
					return rs
				}
				race(b, size, func(i int) {
					_, err := s.Create(b.Context(), batch(i))
					require.NoError(b, err)
				}, func(i int) { bareCreate(b, bare, d, batch(i)) })
			})
		})
	}
}

func BenchmarkReceive(b *testing.B) {
	eachBackend(b, func(b *testing.B, s *sqlstore.Store, bare *sql.DB, d func(string) string) {
		b.Helper()
		const n = 2000
		for i := 0; i < n; i += 500 {
			var rs []delivery.Record
			for k := range 500 {
				rs = append(rs, benchRecord(i+k, time.Hour))
			}
			_, err := s.Create(b.Context(), rs)
			require.NoError(b, err)
			bareCreate(b, bare, d, rs)
		}
		ref := func(i int) string { return fmt.Sprintf("r:m%09d", i%n) }
		race(b, 1, func(i int) {
			_, err := s.Receive(b.Context(), []delivery.Inbound{inbound(fmt.Sprint(i), ref(i))})
			require.NoError(b, err)
		}, func(i int) {
			tx, err := bare.BeginTx(b.Context(), nil)
			require.NoError(b, err)
			_, err = tx.ExecContext(b.Context(), d("INSERT INTO cpaas_events (event, at) VALUES ($1, NOW)"), fmt.Sprint(i))
			require.NoError(b, err)
			var key string
			require.NoError(b, tx.QueryRowContext(b.Context(), d("SELECT key FROM cpaas_refs WHERE ref = $1"), ref(i)).Scan(&key))
			_, err = tx.ExecContext(b.Context(), d("UPDATE cpaas_messages SET inbox = inbox || CAST($2 AS TEXT), version = version + 1, due = NOW WHERE key = $1"), key, "cmVjZWlwdCAxMjM0NQ==\n")
			require.NoError(b, err)
			require.NoError(b, tx.Commit())
		})
	})
}

func BenchmarkCommit(b *testing.B) {
	eachBackend(b, func(b *testing.B, s *sqlstore.Store, bare *sql.DB, d func(string) string) {
		b.Helper()
		r := benchRecord(0, time.Hour)
		_, err := s.Create(b.Context(), []delivery.Record{r})
		require.NoError(b, err)
		bareCreate(b, bare, d, []delivery.Record{r})
		race(b, 1, func(i int) {
			r.Version = int64(i + 1)
			require.NoError(b, s.Commit(b.Context(), r))
		}, func(i int) {
			tx, err := bare.BeginTx(b.Context(), nil)
			require.NoError(b, err)
			var refs string
			require.NoError(b, tx.QueryRowContext(b.Context(), d("SELECT refs FROM cpaas_messages WHERE key = $1"), r.Key).Scan(&refs))
			_, err = tx.ExecContext(b.Context(), d(`UPDATE cpaas_messages SET version = version + 1, due = NOW + CAST($3 AS BIGINT), note = $4, refs = $5, body = $6, inbox = ''
				WHERE key = $1 AND version = $2`), r.Key, i+1, time.Until(r.Due).Microseconds(), r.Note, refs, r.Body)
			require.NoError(b, err)
			require.NoError(b, tx.Commit())
		})
	})
}

func BenchmarkClaim(b *testing.B) {
	eachBackend(b, func(b *testing.B, s *sqlstore.Store, bare *sql.DB, d func(string) string) {
		b.Helper()
		const size = 200
		n := 20 * size
		fill(b, s, n, -time.Hour)
		for i := 0; i < n; i += 500 {
			var rs []delivery.Record
			for k := range 500 {
				rs = append(rs, benchRecord(i+k, -time.Hour))
			}
			bareCreate(b, bare, d, rs)
		}
		// A negative lease: they stay due.
		const lease = -time.Minute
		race(b, size, func(int) {
			rs, _, err := s.Claim(b.Context(), lease, size)
			require.NoError(b, err)
			require.Len(b, rs, size)
		}, func(int) {
			rows, err := bare.QueryContext(b.Context(), d(`WITH c AS (SELECT key FROM cpaas_messages WHERE due <= NOW ORDER BY due LIMIT $2 LOCK)
				UPDATE cpaas_messages SET version = version + 1, due = NOW + CAST($1 AS BIGINT)
				WHERE key IN (SELECT key FROM c) RETURNING key, fingerprint, version, due, forget, note, refs, inbox, body`), lease.Microseconds(), size)
			require.NoError(b, err)
			defer rows.Close() //nolint:errcheck // Err says what went wrong
			got := 0
			for rows.Next() {
				var key, note, refs, inbox string
				var fingerprint, body []byte
				var version int64
				var due, forget sql.NullInt64
				require.NoError(b, rows.Scan(&key, &fingerprint, &version, &due, &forget, &note, &refs, &inbox, &body))
				got++
			}
			require.NoError(b, rows.Err())
			require.Equal(b, size, got)
		})
	})
}

// BenchmarkEndToEnd sends messages through a provider that takes 5 ms and whose
// receipt comes at once, 64 at a time: four commits a message.
func BenchmarkEndToEnd(b *testing.B) {
	eachBackend(b, func(b *testing.B, s *sqlstore.Store, _ *sql.DB, _ func(string) string) {
		b.Helper()
		var runner *delivery.Runner
		var receipts sync.WaitGroup
		send := provider(func(ctx context.Context, sub fallback.Submission) (fallback.Ack, error) {
			time.Sleep(5 * time.Millisecond)
			receipts.Go(func() { runner.Receive(context.WithoutCancel(ctx), deliveredReceipt("a", sub.Ref)) }) //nolint:errcheck // the benchmark would not end
			return fallback.Ack{ID: "id-" + sub.Ref}, nil
		})
		runner, err := delivery.New(delivery.Config{Store: s, Workers: 32})
		require.NoError(b, err)
		route, err := runner.Bind("bench", delivery.Route{{Try: fallback.Leg{Channel: fallback.SMS, Provider: "a", Sender: send}}})
		require.NoError(b, err)
		ctx, stop := context.WithCancel(b.Context())
		var running sync.WaitGroup
		running.Go(func() { runner.Run(ctx) }) //nolint:errcheck // it ends with ctx
		var n atomic.Int64
		b.SetParallelism(32)
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				m := code(fmt.Sprintf("m%d", n.Add(1)))
				if _, err := route.Send(ctx, m); err != nil {
					b.Error(err)
					return
				}
				if _, err := route.Wait(ctx, m.Key); err != nil {
					b.Error(err)
					return
				}
			}
		})
		b.ReportMetric(float64(n.Load())/b.Elapsed().Seconds(), "msg/s")
		receipts.Wait()
		stop()
		running.Wait()
	})
}
