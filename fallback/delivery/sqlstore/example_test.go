package sqlstore_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/cpaas-go/cpaas/fallback"
	"github.com/cpaas-go/cpaas/fallback/delivery"
	"github.com/cpaas-go/cpaas/fallback/delivery/sqlstore"
	"github.com/cpaas-go/cpaas/fallback/delivery/sqlstore/pgxlisten"
	"github.com/cpaas-go/cpaas/fallback/delivery/sqlstore/sqlite"
	"github.com/cpaas-go/cpaas/fallback/fallbacktest"
)

// Replicas of a service share a Postgres.
func ExampleNew() {
	open := func(ctx context.Context, dsn string) (*sqlstore.Store, error) {
		db, err := sql.Open("pgx", dsn) // import _ "github.com/jackc/pgx/v5/stdlib"
		if err != nil {
			return nil, err
		}
		store, err := sqlstore.New(db, sqlstore.Postgres, sqlstore.WithListen(pgxlisten.Listen(dsn))) //nolint:contextcheck // it has its own limit
		if err != nil {
			return nil, errors.Join(err, db.Close())
		}
		err = store.Migrate(ctx) // or in your deployment
		return store, err
	}
	_, err := open(context.Background(), "port=none")
	fmt.Println(err != nil)
	// Output: true
}

// An order and the message about it are stored together, or not at all.
func ExampleStore_CreateTx() {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir) //nolint:errcheck // a temporary folder
	store, err := sqlite.Open(filepath.Join(dir, "messages.db"), sqlite.WithMigrate())
	if err != nil {
		fmt.Println(err)
		return
	}
	defer store.Close() //nolint:errcheck // every commit is on the disk

	sms := fallbacktest.Accepting()
	runner, err := delivery.New(delivery.Config{Store: store})
	if err != nil {
		fmt.Println(err)
		return
	}
	orders, err := runner.Bind("orders", delivery.Route{{Try: sms.On(fallback.SMS), Until: delivery.Accepted}})
	if err != nil {
		fmt.Println(err)
		return
	}
	place := func(ctx context.Context, id string) error {
		record, err := orders.Record(fallback.Message{
			Key: id, To: fallback.Recipient{Phone: "+919812345678"}, Text: "We have your order.",
		})
		if err != nil {
			return err
		}
		tx, err := store.DB().BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		defer tx.Rollback() //nolint:errcheck // does nothing after a commit
		if _, err := tx.ExecContext(ctx, "CREATE TABLE orders (id TEXT); INSERT INTO orders VALUES (?)", id); err != nil {
			return err
		}
		if _, err := store.CreateTx(ctx, tx, record); err != nil {
			return err
		}
		return tx.Commit()
	}

	ctx, stop := context.WithTimeout(context.Background(), 10*time.Second)
	done := make(chan struct{})
	go func() {
		defer close(done)
		runner.Run(ctx) //nolint:errcheck // it ends with ctx
	}()
	if err := place(ctx, "order-1001"); err != nil {
		fmt.Println(err)
	}
	res, err := orders.Wait(ctx, "order-1001")
	fmt.Println(res.Outcome, err)
	stop()
	<-done
	// Output: accepted <nil>
}
