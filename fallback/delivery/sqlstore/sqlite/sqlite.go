// Package sqlite keeps the messages of package delivery in a SQLite file, for
// one process on one host. It brings a SQLite in Go: nothing has to be
// installed, and nothing runs beside the program.
//
//	store, err := sqlite.Open("/var/lib/acme/messages.db", sqlite.WithMigrate())
//
// The file must be on a real disk of this host: not on a network file system,
// and not on a volume that ends with the container. A second process that
// opens it is refused; for several replicas, use Postgres.
package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"time"

	_ "modernc.org/sqlite" // registers the driver "sqlite"

	"github.com/cpaas-go/cpaas/fallback/delivery/sqlstore"
)

// ErrLocked is a file that another process, or another Store of this one, has
// open.
var ErrLocked = errors.New("sqlite: the file is open in another process")

// busyWait is how long a connection waits for another one.
const busyWait = 10 * time.Second

// readers is how many may read at once.
const readers = 4

type config struct {
	sync    string
	migrate bool
	store   []sqlstore.Option
}

// Option changes how a file is opened.
type Option func(*config)

// WithMigrate has Open run [sqlstore.Store.Migrate]. Without it, Open refuses a
// file whose tables are not there or are older with [sqlstore.ErrSchema]: for
// deployments in which a step of its own opens the file with WithMigrate.
func WithMigrate() Option { return func(c *config) { c.migrate = true } }

// WithNormalSync lets the operating system write to the disk when it likes
// (PRAGMA synchronous = NORMAL), which is some times faster. The end of the
// process loses nothing. But a power cut or a crash of the host may lose the
// last commits, and with them the note that an attempt was under way: that
// message is then sent a second time, and nothing says so. The default is
// FULL: each commit is on the disk before it returns.
func WithNormalSync() Option { return func(c *config) { c.sync = "NORMAL" } }

// WithStore passes options on to [sqlstore.New].
func WithStore(opts ...sqlstore.Option) Option {
	return func(c *config) { c.store = append(c.store, opts...) }
}

// Open opens the file, or makes it, readable by its owner only. Close the
// Store to let another process have it. Beside the file there are path-wal and
// path-shm while it is open, and path.lock, whose lock ends with the process
// however it ends.
func Open(path string, opts ...Option) (*sqlstore.Store, error) {
	c := config{sync: "FULL"}
	for _, opt := range opts {
		opt(&c)
	}
	if path == "" || path == ":memory:" {
		return nil, errors.New("sqlite: Open: no file; to keep nothing, use fallbacktest.VolatileStore")
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("sqlite: %w", err)
	}
	unlock, err := lock(path + ".lock")
	if err != nil {
		return nil, err
	}
	s, err := open(path, c, unlock)
	if err != nil {
		return nil, errors.Join(err, unlock())
	}
	return s, nil
}

func open(path string, c config, unlock func() error) (*sqlstore.Store, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600) //nolint:gosec // the caller's path
	if err != nil {
		return nil, fmt.Errorf("sqlite: %w", err)
	}
	if err := file.Close(); err != nil {
		return nil, fmt.Errorf("sqlite: %w", err)
	}
	// secure_delete: what is dropped is overwritten, not only forgotten.
	write, err := pool(path, "immediate", 1, "journal_mode(WAL)", "synchronous("+c.sync+")", "secure_delete(1)")
	if err != nil {
		return nil, err
	}
	if err := write.PingContext(context.Background()); err != nil { // makes it WAL before others read
		return nil, errors.Join(fmt.Errorf("sqlite: %w", err), write.Close())
	}
	read, err := pool(path, "deferred", readers, "query_only(1)")
	if err != nil {
		return nil, errors.Join(err, write.Close())
	}
	closeAll := func() error { return errors.Join(read.Close(), write.Close()) }
	opts := slices.Concat([]sqlstore.Option{sqlstore.WithReader(read), sqlstore.WithClose(func() error {
		return errors.Join(closeAll(), unlock())
	})}, c.store)
	s, err := sqlstore.New(write, sqlstore.SQLite, opts...)
	if err != nil {
		return nil, errors.Join(err, closeAll())
	}
	if c.migrate {
		err = s.Migrate(context.Background())
	} else {
		err = s.Check(context.Background())
	}
	if err != nil {
		return nil, errors.Join(err, closeAll())
	}
	return s, nil
}

// pool is connections that begin their transactions as txlock says.
func pool(path, txlock string, size int, pragmas ...string) (*sql.DB, error) {
	query := url.Values{"_txlock": {txlock}, "_pragma": {fmt.Sprintf("busy_timeout(%d)", busyWait.Milliseconds())}}
	for _, p := range pragmas {
		query.Add("_pragma", p)
	}
	file := url.URL{Scheme: "file", Opaque: (&url.URL{Path: filepath.ToSlash(path)}).EscapedPath(), RawQuery: query.Encode()}
	db, err := sql.Open("sqlite", file.String())
	if err != nil {
		return nil, fmt.Errorf("sqlite: %w", err)
	}
	db.SetMaxOpenConns(size)
	db.SetMaxIdleConns(size)
	return db, nil
}
