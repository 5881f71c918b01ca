// Package token keeps a credential that expires: one at a time is fetched,
// early, however many callers need it.
package token

import (
	"context"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/cpaas-go/cpaas/internal/transport"
)

// Token is a credential and when it ends.
type Token struct {
	Value   string
	Expires time.Time // zero: never
}

// Cache holds the current Token. It is safe for concurrent use and prints
// nothing of it.
type Cache struct {
	// Fetch gets a new Token. It runs under a context that no single caller
	// ends, bounded by Limit.
	Fetch func(context.Context) (Token, error)
	Early time.Duration // how long before its end a Token is replaced; at most half of its life
	Limit time.Duration // how long a Fetch may take; zero: 30 seconds

	flight  singleflight.Group
	mu      sync.Mutex
	token   func() Token    // in a closure, out of reach of printing; nil: none yet
	before  func() []string // the last values that were replaced, newest first; nil: none
	renew   time.Time       // when it is to be replaced; zero: never
	dropped bool
}

// maxBefore is how many replaced values are still masked: calls that were made
// with them may be under way.
const maxBefore = 4

// Get is the current Token's value, fetched if there is none.
func (c *Cache) Get(ctx context.Context) (string, error) {
	if t, ok := c.current(); ok {
		return t.Value, nil
	}
	key := "waits" // who does not wait must not join who does
	if !transport.Waits(ctx) {
		key = "does not wait"
	}
	wait := c.flight.DoChan(key, func() (any, error) {
		if t, ok := c.current(); ok { // fetched between the two looks
			return t.Value, nil
		}
		limit := c.Limit
		if limit == 0 {
			limit = 30 * time.Second
		}
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), limit)
		defer cancel()
		t, err := c.Fetch(ctx)
		if err != nil {
			return "", err
		}
		c.keep(t)
		return t.Value, nil
	})
	select {
	case r := <-wait:
		if r.Err != nil {
			return "", r.Err
		}
		return r.Val.(string), nil //nolint:errcheck // the function above returns nothing else
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
}

func (c *Cache) keep(t Token) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if all := c.values(); len(all) > 0 && all[0] != t.Value {
		all = all[:min(len(all), maxBefore)]
		c.before = func() []string { return all }
	}
	c.token, c.dropped, c.renew = func() Token { return t }, false, time.Time{}
	if !t.Expires.IsZero() {
		c.renew = t.Expires.Add(-min(c.Early, time.Until(t.Expires)/2)).Round(0) // by the wall clock: the other stops while a host is suspended
	}
}

func (c *Cache) current() (Token, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.token == nil || c.dropped || !c.renew.IsZero() && !time.Now().Before(c.renew) {
		return Token{}, false
	}
	return c.token(), true
}

// Drop forgets value, if it is still the current one, so that the next Get
// fetches another.
func (c *Cache) Drop(value string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.token != nil && c.token().Value == value {
		c.dropped = true
	}
}

// Secrets are the last values, dropped or not, for masking.
func (c *Cache) Secrets() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.values()
}

func (c *Cache) values() []string {
	if c.token == nil {
		return nil
	}
	all := []string{c.token().Value}
	if c.before != nil {
		all = append(all, c.before()...)
	}
	return all
}
