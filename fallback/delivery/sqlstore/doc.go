// Package sqlstore keeps the messages of package delivery in a database:
// Postgres for any number of replicas, or SQLite, by its subpackage sqlite,
// for one process.
//
//	store, err := sqlite.Open("messages.db", sqlite.WithMigrate())
//	runner, err := delivery.New(delivery.Config{Store: store})
//
//	db, err := sql.Open("pgx", dsn) // the driver is yours
//	store, err := sqlstore.New(db, sqlstore.Postgres, sqlstore.WithListen(pgxlisten.Listen(dsn)))
//	err = store.Migrate(ctx)
//
// # Tables
//
// [Store.Migrate] makes them; nothing else does. All names begin with cpaas_.
// On Postgres they are made in, and found by, the connection's search_path.
// It may run twice, and from several replicas at once. A schema that is newer
// than this version of the package is refused with [ErrSchema].
//
// # Time
//
// Due times go into the database as delays, are kept by its clock, and come
// back as delays. Replicas whose clocks differ agree on what is due.
//
// # What is waiting, and why
//
//	SELECT key, note, due FROM cpaas_messages WHERE due IS NOT NULL ORDER BY due
//
// due is in microseconds since 1970, by the database's clock: on Postgres,
// to_timestamp(due / 1e6); on SQLite, datetime(due / 1e6, 'unixepoch'). note
// names no recipient and no content.
//
// # What is in the tables
//
// The columns body and inbox, and the parked receipts' body, hold recipients
// and contents; [WithSeal] encrypts them. When a message is finished its
// content is dropped, and after [delivery.Config].Keep the rest. Keys are
// stored as they are: keep phone numbers out of them.
//
// # One transaction with your own data
//
// [Store.CreateTx] puts messages into a transaction of yours (an outbox): they
// are sent if it commits, and were never there if it does not.
package sqlstore
