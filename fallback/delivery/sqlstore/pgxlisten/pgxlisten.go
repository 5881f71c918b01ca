// Package pgxlisten subscribes to Postgres channels through pgx, for
// sqlstore.WithListen.
package pgxlisten

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	firstWait = 100 * time.Millisecond
	maxWait   = 10 * time.Second
)

// Listen is a subscription for sqlstore.WithListen, on a connection of its
// own. dsn is pgx's connection string or URL; a pooler in between must pool
// sessions. A connection that breaks is made anew, and the channel then yields
// once, since something may have been missed. While there is none, it tries
// again, at least every ten seconds. The error is of a dsn that cannot be read.
func Listen(dsn string) func(ctx context.Context, channel string) (<-chan struct{}, error) {
	return func(ctx context.Context, channel string) (<-chan struct{}, error) {
		config, err := pgx.ParseConfig(dsn)
		if err != nil {
			return nil, fmt.Errorf("pgxlisten: %w", err)
		}
		out := make(chan struct{}, 1)
		go func() {
			defer close(out)
			for wait := firstWait; ; {
				if conn, err := connect(ctx, config, channel); err == nil {
					wait = firstWait
					yield(out)
					for _, err := conn.WaitForNotification(ctx); err == nil; _, err = conn.WaitForNotification(ctx) {
						yield(out)
					}
					end(ctx, conn)
				}
				if !sleep(ctx, wait) {
					return
				}
				wait = min(2*wait, maxWait)
			}
		}()
		return out, nil
	}
}

// yield has the reader look, once for all that it has not looked at yet.
func yield(out chan<- struct{}) {
	select {
	case out <- struct{}{}:
	default:
	}
}

func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

func connect(ctx context.Context, config *pgx.ConnConfig, channel string) (*pgx.Conn, error) {
	conn, err := pgx.ConnectConfig(ctx, config.Copy())
	if err != nil {
		return nil, err
	}
	if _, err := conn.Exec(ctx, "LISTEN "+pgx.Identifier{channel}.Sanitize()); err != nil {
		end(ctx, conn)
		return nil, err
	}
	return conn, nil
}

func end(ctx context.Context, conn *pgx.Conn) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	conn.Close(ctx) //nolint:errcheck // it is given up
}
