package token

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/cpaas-go/cpaas/internal/testutil"
	"github.com/cpaas-go/cpaas/internal/transport"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// issuer gives out numbered tokens that live for life (zero: for ever), each
// after a second.
type issuer struct {
	life time.Duration
	n    atomic.Int32
	err  error
}

func (s *issuer) fetch(ctx context.Context) (Token, error) {
	n := s.n.Add(1)
	select {
	case <-time.After(time.Second):
	case <-ctx.Done():
		return Token{}, context.Cause(ctx)
	}
	if s.err != nil {
		return Token{}, s.err
	}
	t := Token{Value: "token-" + strconv.Itoa(int(n))}
	if s.life > 0 {
		t.Expires = time.Now().Add(s.life)
	}
	return t, nil
}

func get(t testing.TB, c *Cache, want string) {
	t.Helper()
	if got, err := c.Get(t.Context()); got != want || err != nil {
		t.Errorf("%q, %v; not %q", got, err, want)
	}
}

// TestOneFlight: however many need it, one fetches.
func TestOneFlight(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &issuer{}
		c := &Cache{Fetch: s.fetch}
		var wg sync.WaitGroup
		for range 50 {
			wg.Go(func() { get(t, c, "token-1") })
		}
		wg.Wait()
		time.Sleep(1000 * time.Hour)
		get(t, c, "token-1")
		if n := s.n.Load(); n != 1 {
			t.Errorf("%d were fetched", n)
		}
	})
}

// TestReplacedEarly: before it ends, but not before half of its life.
func TestReplacedEarly(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ life, early, good time.Duration }{
		{time.Hour, time.Minute, 59 * time.Minute},
		{time.Hour, 0, time.Hour},
		{time.Minute, time.Hour, 30 * time.Second}, // else each call would fetch one
	} {
		synctest.Test(t, func(t *testing.T) {
			s := &issuer{life: c.life}
			cache := &Cache{Fetch: s.fetch, Early: c.early}
			get(t, cache, "token-1")
			time.Sleep(c.good - time.Nanosecond)
			get(t, cache, "token-1")
			time.Sleep(time.Nanosecond)
			get(t, cache, "token-2")
		})
	}
}

// TestAlreadyOver: it is given to those who waited, and not kept.
func TestAlreadyOver(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		n := 0
		c := &Cache{Early: time.Minute, Fetch: func(context.Context) (Token, error) {
			n++
			return Token{Value: "late-" + strconv.Itoa(n), Expires: time.Now().Add(-time.Second)}, nil
		}}
		get(t, c, "late-1")
		get(t, c, "late-2")
	})
}

func TestDrop(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &issuer{}
		c := &Cache{Fetch: s.fetch}
		c.Drop("nothing there yet")
		get(t, c, "token-1")
		c.Drop("another")
		get(t, c, "token-1")
		c.Drop("token-1")
		get(t, c, "token-2")
		c.Drop("token-1") // by a call that was slow: the current one stays
		get(t, c, "token-2")
	})
}

func TestErrorsAreNotKept(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &issuer{err: errors.New("no")}
		c := &Cache{Fetch: s.fetch}
		if _, err := c.Get(t.Context()); !errors.Is(err, s.err) {
			t.Error(err)
		}
		s.err = nil
		get(t, c, "token-2")
		c.Drop("token-2")
		s.err = errors.New("no")
		if v, err := c.Get(t.Context()); err == nil {
			t.Errorf("the dropped one is back: %s", v)
		}
	})
}

// TestWaitersLeave: each with its own context, and the fetch goes on for the
// others, also when the one leaves who began it.
func TestWaitersLeave(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &issuer{}
		c := &Cache{Fetch: s.fetch}
		why := errors.New("the shop closed")
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(300*time.Millisecond, func() { cancel(why) })
		var wg sync.WaitGroup
		begin := time.Now()
		wg.Go(func() {
			if _, err := c.Get(ctx); !errors.Is(err, why) || time.Since(begin) != 300*time.Millisecond {
				t.Errorf("%v after %v", err, time.Since(begin))
			}
		})
		synctest.Wait()
		wg.Go(func() { get(t, c, "token-1") })
		wg.Wait()
		if n := s.n.Load(); n != 1 || time.Since(begin) != time.Second {
			t.Errorf("%d fetched in %v", n, time.Since(begin))
		}
	})
}

// TestLimit: a fetch that hangs ends.
func TestLimit(t *testing.T) {
	t.Parallel()
	for limit, want := range map[time.Duration]time.Duration{0: 30 * time.Second, 5 * time.Second: 5 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			begin := time.Now()
			c := &Cache{Limit: limit, Fetch: func(ctx context.Context) (Token, error) {
				<-ctx.Done()
				return Token{}, ctx.Err()
			}}
			if _, err := c.Get(t.Context()); !errors.Is(err, context.DeadlineExceeded) || time.Since(begin) != want {
				t.Errorf("%v after %v", err, time.Since(begin))
			}
		})
	}
}

// TestValuesReachFetch: what a call carries in its context goes along.
func TestValuesReachFetch(t *testing.T) {
	t.Parallel()
	type mark struct{}
	c := &Cache{Fetch: func(ctx context.Context) (Token, error) { return Token{Value: fmt.Sprint(ctx.Value(mark{}))}, nil }}
	if got, err := c.Get(context.WithValue(t.Context(), mark{}, "here")); got != "here" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
}

// TestNothingShows of a token, and what is to be masked is told.
func TestNothingShows(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &issuer{life: time.Hour}
		c := &Cache{Fetch: s.fetch}
		if got := c.Secrets(); got != nil {
			t.Errorf("%q", got)
		}
		get(t, c, "token-1")
		synctest.Wait() // for the goroutine that fetched
		testutil.NoLeak(t, c, "token-1")
		if got := c.Secrets(); len(got) != 1 || got[0] != "token-1" {
			t.Errorf("%q", got)
		}
		c.Drop("token-1")
		if got := c.Secrets(); len(got) != 1 {
			t.Errorf("a dropped token is no secret: %q", got)
		}
	})
}

// TestReplacedIsMasked: a call that was made with a token may end after the
// token was replaced.
func TestReplacedIsMasked(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &issuer{}
		c := &Cache{Fetch: s.fetch}
		for n := range maxBefore + 3 {
			value := "token-" + strconv.Itoa(n+1)
			get(t, c, value)
			if secrets := c.Secrets(); secrets[0] != value || len(secrets) != min(n, maxBefore)+1 {
				t.Errorf("after %s: %v", value, secrets)
			}
			c.Drop(value)
		}
		if secrets := c.Secrets(); secrets[1] != "token-6" {
			t.Errorf("%v", secrets)
		}
	})
}

// TestNoWaitJoinsNobody: who must not wait does not wait for a fetch that may.
func TestNoWaitJoinsNobody(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := &Cache{Fetch: func(ctx context.Context) (Token, error) {
			if transport.Waits(ctx) {
				time.Sleep(10 * time.Second) // the server asked for it
			}
			return Token{Value: "t"}, nil
		}}
		go c.Get(t.Context()) //nolint:errcheck // is given the same
		synctest.Wait()
		begin := time.Now()
		if got, err := c.Get(transport.NoWait(t.Context())); got != "t" || err != nil {
			t.Errorf("%q, %v", got, err)
		}
		if took := time.Since(begin); took != 0 {
			t.Errorf("waited %v", took)
		}
		time.Sleep(time.Minute)
	})
}

// TestEndsByTheWallClock: the monotonic clock stops while a host is suspended,
// a token's life does not.
func TestEndsByTheWallClock(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &issuer{life: time.Hour}
		c := &Cache{Fetch: s.fetch}
		get(t, c, "token-1")
		if strings.Contains(c.renew.String(), "m=") {
			t.Errorf("%v has a monotonic reading", c.renew)
		}
	})
}
