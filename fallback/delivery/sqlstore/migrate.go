package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// ErrSchema is a database whose tables this version of the package does not
// know: they are of a newer one, or Migrate has not run.
var ErrSchema = errors.New("sqlstore: schema")

// migrations are the steps from each version of the schema to the next.
var migrations = [][]string{{
	`CREATE TABLE cpaas_messages (
		key         TEXT PRIMARY KEY,
		fingerprint {blob} NOT NULL,
		version     BIGINT NOT NULL,
		due         BIGINT,
		forget      BIGINT,
		note        TEXT NOT NULL,
		refs        TEXT NOT NULL,
		inbox       TEXT NOT NULL,
		body        {blob} NOT NULL
	)`,
	`CREATE INDEX cpaas_messages_due ON cpaas_messages (due) WHERE due IS NOT NULL`,
	`CREATE INDEX cpaas_messages_forget ON cpaas_messages (forget) WHERE forget IS NOT NULL`,
	`CREATE TABLE cpaas_refs (ref TEXT PRIMARY KEY, key TEXT NOT NULL)`,
	`CREATE INDEX cpaas_refs_key ON cpaas_refs (key)`,
	`CREATE TABLE cpaas_events (event TEXT PRIMARY KEY, at BIGINT NOT NULL)`,
	`CREATE INDEX cpaas_events_at ON cpaas_events (at)`,
	`CREATE TABLE cpaas_parked (event TEXT PRIMARY KEY, refs TEXT NOT NULL, body TEXT NOT NULL, at BIGINT NOT NULL)`,
	`CREATE INDEX cpaas_parked_at ON cpaas_parked (at)`,
	`CREATE TABLE cpaas_parked_refs (ref TEXT NOT NULL, event TEXT NOT NULL, PRIMARY KEY (ref, event))`,
	`CREATE INDEX cpaas_parked_refs_event ON cpaas_parked_refs (event)`,
}}

// Migrate brings the tables to this version's schema, in one transaction. It
// does nothing if they are there, and waits for another replica's Migrate. It
// needs the right to create tables; the other methods do not. A newer schema
// is ErrSchema, and is left as it is.
func (s *Store) Migrate(ctx context.Context) error {
	return s.tx(ctx, func(tx *sql.Tx) error {
		if s.d.lock != "" {
			if _, err := tx.ExecContext(ctx, s.d.lock); err != nil {
				return err
			}
		}
		if _, err := tx.ExecContext(ctx, `CREATE TABLE IF NOT EXISTS cpaas_schema (version BIGINT NOT NULL)`); err != nil {
			return err
		}
		var version int
		if err := tx.QueryRowContext(ctx, `SELECT coalesce(max(version), 0) FROM cpaas_schema`).Scan(&version); err != nil {
			return err
		}
		if version > len(migrations) {
			return newer(version)
		}
		for _, steps := range migrations[version:] {
			for _, step := range steps {
				if _, err := tx.ExecContext(ctx, s.d.text(step)); err != nil {
					return err
				}
			}
			version++
			if _, err := tx.ExecContext(ctx, s.d.text(`INSERT INTO cpaas_schema (version) VALUES ($1)`), version); err != nil {
				return err
			}
		}
		return nil
	})
}

func newer(version int) error {
	return fmt.Errorf("%w: the database has version %d, this program knows versions up to %d: it needs a newer sqlstore", ErrSchema, version, len(migrations))
}

// Check says whether the tables are there and of this version: ErrSchema if
// they are not, or are of another.
func (s *Store) Check(ctx context.Context) error {
	version, err := s.version(ctx)
	switch {
	case err != nil:
		return err
	case version < len(migrations):
		return fmt.Errorf("%w: the database has version %d, this program needs version %d: run Migrate (SQLite: open it WithMigrate)", ErrSchema, version, len(migrations))
	}
	return refuseNewer(version)
}

func refuseNewer(version int) error {
	if version > len(migrations) {
		return newer(version)
	}
	return nil
}

// version is the schema's; 0: there is none.
func (s *Store) version(ctx context.Context) (int, error) {
	exists := `SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = 'cpaas_schema'`
	if !s.d.serial {
		exists = `SELECT CASE WHEN to_regclass('cpaas_schema') IS NULL THEN 0 ELSE 1 END`
	}
	var n int
	if err := s.db.QueryRowContext(ctx, exists).Scan(&n); err != nil || n == 0 {
		return 0, err
	}
	err := s.db.QueryRowContext(ctx, `SELECT coalesce(max(version), 0) FROM cpaas_schema`).Scan(&n)
	return n, err
}
