package sqlstore

import (
	"strconv"
	"strings"
)

// Dialect is a kind of database.
type Dialect struct {
	name   string
	now    string // microseconds since 1970, the same throughout a statement
	blob   string // type of bytes
	skip   string // what passes over rows that others have locked
	lock   string // what lets one migration run at a time
	notify string // what wakes the listeners

	// serial: transactions that write take turns from their first statement,
	// so that what one of them has read stays true until its end.
	serial bool
}

// Postgres is PostgreSQL 12 or later, for any number of replicas. The driver
// is the caller's, and must be one that takes parameters as $1: pgx, say.
//
// Its transactions run at the connection's default level, which must be READ
// COMMITTED, as it is unless it was changed. A pooler between must pool
// sessions, or the driver must not use prepared statements.
var Postgres = Dialect{
	name:   "postgres",
	now:    "CAST(extract(epoch FROM statement_timestamp()) * 1000000 AS BIGINT)",
	blob:   "BYTEA",
	skip:   "FOR UPDATE SKIP LOCKED",
	lock:   "SELECT pg_advisory_xact_lock(7163519852)",
	notify: "SELECT pg_notify('" + Channel + "', '')",
}

// SQLite is SQLite 3.42 or later, for one process. Package sqlite opens it as
// it must be; with another driver, see to the same: one connection that
// begins its transactions with BEGIN IMMEDIATE.
var SQLite = Dialect{
	name:   "sqlite",
	now:    "CAST(unixepoch('subsec') * 1000000 AS INTEGER)",
	blob:   "BLOB",
	serial: true,
}

// Channel is the Postgres channel on which replicas tell each other that
// something has become due.
const Channel = "cpaas_delivery"

// String is the kind's name.
func (d Dialect) String() string { return d.name }

// text is a statement as the dialect writes it.
func (d Dialect) text(s string) string {
	s = strings.NewReplacer("{now}", d.now, "{blob}", d.blob, "{skip}", d.skip).Replace(s)
	if d.serial {
		s = strings.ReplaceAll(s, "$", "?")
	}
	return s
}

// rows is a statement with n rows of values between head and tail. Each $ of
// row is the next parameter.
func rows(head, row, tail string, n int) string {
	var b strings.Builder
	b.WriteString(head)
	param := 0
	for i := range n {
		if i > 0 {
			b.WriteString(", ")
		}
		for k, part := range strings.Split(row, "$") {
			if k > 0 {
				param++
				b.WriteString("$" + strconv.Itoa(param))
			}
			b.WriteString(part)
		}
	}
	b.WriteString(tail)
	return b.String()
}
