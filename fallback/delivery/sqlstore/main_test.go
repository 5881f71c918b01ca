package sqlstore_test

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/cpaas-go/cpaas/fallback/delivery"
	"github.com/cpaas-go/cpaas/fallback/delivery/sqlstore"
	"github.com/cpaas-go/cpaas/fallback/delivery/sqlstore/sqlite"
	"github.com/cpaas-go/cpaas/fallback/fallbacktest"
)

const dsnVariable = "CPAAS_TEST_POSTGRES_DSN"

func TestMain(m *testing.M) {
	if os.Getenv(childVariable) != "" {
		childMain()
		return
	}
	goleak.VerifyTestMain(m)
}

// backend is a database that a test gets for itself.
type backend struct {
	kind string
	dsn  string // of Postgres, with the test's schema; or the file's path
}

// backends runs a test on each kind of database.
func backends(t *testing.T, f func(*testing.T, backend)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		f(t, sqliteBackend(t))
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		f(t, postgresBackend(t))
	})
}

func sqliteBackend(tb testing.TB) backend {
	tb.Helper()
	return backend{"sqlite", filepath.Join(tb.TempDir(), "m.db")}
}

var schemas atomic.Int64

// postgresBackend is a schema of its own, dropped at the end.
func postgresBackend(tb testing.TB) backend {
	tb.Helper()
	dsn := os.Getenv(dsnVariable)
	if dsn == "" {
		tb.Skip(dsnVariable + " is not set: nothing is tested on Postgres")
	}
	schema := fmt.Sprintf("t%d_%d", os.Getpid(), schemas.Add(1))
	admin, err := sql.Open("pgx", dsn)
	require.NoError(tb, err)
	_, err = admin.ExecContext(tb.Context(), "CREATE SCHEMA "+schema)
	require.NoError(tb, err)
	tb.Cleanup(func() {
		_, err := admin.ExecContext(context.WithoutCancel(tb.Context()), "DROP SCHEMA "+schema+" CASCADE")
		require.NoError(tb, err)
		require.NoError(tb, admin.Close())
	})
	return backend{"postgres", with(dsn, "search_path", schema)}
}

// with adds a setting to a connection string or URL.
func with(dsn, name, value string) string {
	switch {
	case !strings.Contains(dsn, "://"):
		return dsn + " " + name + "=" + value
	case strings.Contains(dsn, "?"):
		return dsn + "&" + name + "=" + value
	}
	return dsn + "?" + name + "=" + value
}

// another is a database of the same kind.
func (b backend) another(tb testing.TB) backend {
	tb.Helper()
	if b.kind == "sqlite" {
		return sqliteBackend(tb)
	}
	return postgresBackend(tb)
}

// open opens the store, migrated.
func (b backend) open(tb testing.TB, opts ...sqlstore.Option) *sqlstore.Store {
	tb.Helper()
	s, err := b.connect(opts...)
	require.NoError(tb, err)
	tb.Cleanup(func() { require.NoError(tb, s.Close()) })
	return s
}

// connect is open without a test.
func (b backend) connect(opts ...sqlstore.Option) (*sqlstore.Store, error) {
	if b.kind == "sqlite" {
		return sqlite.Open(b.dsn, sqlite.WithMigrate(), sqlite.WithStore(opts...))
	}
	db, err := sql.Open("pgx", b.dsn)
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(16)
	db.SetMaxIdleConns(16)
	s, err := sqlstore.New(db, sqlstore.Postgres, append(opts, sqlstore.WithClose(db.Close))...)
	if err != nil {
		return nil, err
	}
	err = s.Migrate(context.Background())
	return s, err
}

func TestConformance(t *testing.T) {
	t.Parallel()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		fallbacktest.TestStore(t, func(t *testing.T) delivery.Store { t.Helper(); return sqliteBackend(t).open(t) })
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		fallbacktest.TestStore(t, func(t *testing.T) delivery.Store { t.Helper(); return postgresBackend(t).open(t) })
	})
}
