package sqlstore_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cpaas-go/cpaas/fallback"
	"github.com/cpaas-go/cpaas/fallback/delivery"
)

// The messages of these tests go first through provider a, which is silent,
// then through b.
const (
	killCall   = 300 * time.Millisecond
	killLease  = 2 * killCall
	killWithin = 150 * time.Millisecond
	killHold   = 100 * time.Millisecond

	// killBound is how long a message may take to its end after a kill: until
	// the dead process' lease is over, and a second, and what it waits for.
	killBound = killLease + time.Second + killWithin + killHold
)

// labels are the points at which a process kills itself: before or after the
// n-th use of its store, or of a provider.
var labels = []string{
	"before create 1", "after create 1", // the first attempt is stored as under way
	"before call 1", "during call 1", "after call 1",
	"before commit 1", "after commit 1", // its verdict
	"after claim 1",                     // its time is over
	"before commit 2", "after commit 2", // the second attempt is under way
	"before call 2", "during call 2", "after call 2",
	"before commit 3", "after commit 3",
	"before receive 1", "after receive 1", // its receipt
	"before commit 4", "after commit 4", // the end
	"any time",
}

// child is a process that kills itself, as its environment says.
type child struct {
	label string
	mu    sync.Mutex
	seen  map[string]int
}

const childVariable = "SQLSTORE_TEST_CHILD"

func (c *child) point(name string) {
	c.mu.Lock()
	c.seen[name]++
	here := fmt.Sprintf("%s %d", name, c.seen[name])
	c.mu.Unlock()
	if here == c.label {
		die()
	}
}

func die() {
	syscall.Kill(os.Getpid(), syscall.SIGKILL) //nolint:errcheck // it cannot fail
	select {}
}

// killing is a store that has points before and after its methods.
type killing struct {
	delivery.Store

	c *child
}

func (k killing) Create(ctx context.Context, rs []delivery.Record) ([]bool, error) {
	k.c.point("before create")
	defer k.c.point("after create")
	return k.Store.Create(ctx, rs)
}

func (k killing) Commit(ctx context.Context, r delivery.Record) error {
	k.c.point("before commit")
	defer k.c.point("after commit")
	return k.Store.Commit(ctx, r)
}

func (k killing) Receive(ctx context.Context, in []delivery.Inbound) ([]string, error) {
	k.c.point("before receive")
	defer k.c.point("after receive")
	return k.Store.Receive(ctx, in)
}

func (k killing) Claim(ctx context.Context, lease time.Duration, limit int) ([]delivery.Record, time.Duration, error) {
	rs, next, err := k.Store.Claim(ctx, lease, limit)
	if len(rs) > 0 {
		k.c.point("after claim")
	}
	return rs, next, err
}

// provider is a sender whose receipts carry the reference.
type provider func(ctx context.Context, s fallback.Submission) (fallback.Ack, error)

func (p provider) Send(ctx context.Context, s fallback.Submission) (fallback.Ack, error) {
	return p(ctx, s)
}

func (provider) Limits() delivery.Caps {
	return delivery.Caps{Reports: []delivery.Goal{delivery.Delivered}, Echo: true}
}

func twoProviders(a, b provider) delivery.Route {
	return delivery.Route{
		{Try: fallback.Leg{Channel: fallback.RCS, Provider: "a", Sender: a}, Within: killWithin},
		{Try: fallback.Leg{Channel: fallback.SMS, Provider: "b", Sender: b}},
	}
}

func killConfig(s delivery.Store) delivery.Config {
	return delivery.Config{Store: s, Call: killCall, Hold: map[fallback.Class]time.Duration{fallback.OTP: killHold}}
}

func code(key string) fallback.Message {
	return fallback.Message{Key: key, Class: fallback.OTP, To: fallback.Recipient{Phone: "+919812345678"}, Text: "4821 is your code."}
}

func giveUp(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

// childMain sends one message, until it dies.
func childMain() {
	c := &child{label: os.Getenv(childVariable), seen: map[string]int{}}
	store, err := backend{os.Getenv("CHILD_KIND"), os.Getenv("CHILD_DSN")}.connect()
	if err != nil {
		giveUp(err)
	}
	var runner *delivery.Runner
	call := func(name string) provider {
		return func(ctx context.Context, s fallback.Submission) (fallback.Ack, error) {
			c.point("before call")
			ack, err := c.call(ctx, name, s)
			c.point("after call")
			if err == nil && name == "b" {
				time.AfterFunc(20*time.Millisecond, func() {
					runner.Receive(context.WithoutCancel(ctx), deliveredReceipt(name, s.Ref)) //nolint:errcheck // the process ends
				})
			}
			return ack, err
		}
	}
	runner, err = delivery.New(killConfig(killing{store, c}))
	if err != nil {
		giveUp(err)
	}
	route, err := runner.Bind("test", twoProviders(call("a"), call("b")))
	if err != nil {
		giveUp(err)
	}
	if d, err := time.ParseDuration(os.Getenv("CHILD_AFTER")); err == nil {
		time.AfterFunc(d, die)
	}
	go runner.Run(context.Background()) //nolint:errcheck // the process ends
	if _, err := route.Send(context.Background(), code(os.Getenv("CHILD_KEY"))); err != nil {
		giveUp(err)
	}
	res, err := route.Wait(context.Background(), os.Getenv("CHILD_KEY"))
	fmt.Println(res.Outcome, res.Channel, err)
}

// call submits to the parent's server, and may die before its answer is
// complete.
func (c *child) call(ctx context.Context, name string, s fallback.Submission) (fallback.Ack, error) {
	form := url.Values{"provider": {name}, "ref": {s.Ref}}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, os.Getenv("CHILD_URL")+"?"+form.Encode(), http.NoBody)
	if err != nil {
		return fallback.Ack{}, fallback.ErrUnavailable
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return fallback.Ack{}, fmt.Errorf("%w: %w", fallback.ErrMaybeAccepted, err)
	}
	defer res.Body.Close()
	c.point("during call") // it has the head of the answer
	id, err := io.ReadAll(res.Body)
	if err != nil {
		return fallback.Ack{}, fmt.Errorf("%w: %w", fallback.ErrMaybeAccepted, err)
	}
	return fallback.Ack{ID: string(id)}, nil
}

func deliveredReceipt(provider, ref string) delivery.Receipt {
	return delivery.Receipt{Provider: provider, Ref: ref, EventID: "delivered " + ref, Outcome: fallback.Delivered}
}

// ledger is what the providers were asked to send.
type ledger struct {
	mu   sync.Mutex
	refs []string // "provider ref"
	bad  []string
	hang chan struct{} // when not nil: answers wait for it
}

func (l *ledger) add(ctx context.Context, store delivery.Store, key, provider, ref string) {
	l.mu.Lock()
	l.refs = append(l.refs, provider+" "+ref)
	l.mu.Unlock()
	if store == nil {
		return
	}
	// The attempt must have been stored before it was made.
	if rec, err := store.Get(ctx, key); err != nil || !strings.Contains(string(rec.Body), ref) {
		l.mu.Lock()
		l.bad = append(l.bad, provider+" "+ref)
		l.mu.Unlock()
	}
}

func (l *ledger) list() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]string(nil), l.refs...)
}

// serve is the provider of a child.
func (l *ledger) serve(t *testing.T, store delivery.Store, key string) *httptest.Server {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ref := r.FormValue("ref")
		l.add(r.Context(), store, key, r.FormValue("provider"), ref)
		http.NewResponseController(w).Flush() //nolint:errcheck // the child may be dead
		if l.hang != nil {
			<-l.hang
		}
		io.WriteString(w, "id-"+ref) //nolint:errcheck // the child may be dead
	}))
	t.Cleanup(server.Close)
	return server
}

func startChild(t *testing.T, b backend, key, label string, after time.Duration, server string) (*exec.Cmd, *strings.Builder) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^$")
	cmd.Env = append(os.Environ(), childVariable+"="+label, "CHILD_KIND="+b.kind, "CHILD_DSN="+b.dsn, "CHILD_KEY="+key, "CHILD_URL="+server)
	if after > 0 {
		cmd.Env = append(cmd.Env, "CHILD_AFTER="+after.String())
	}
	out := &strings.Builder{}
	cmd.Stdout, cmd.Stderr = out, out
	require.NoError(t, cmd.Start())
	return cmd, out
}

// heavy reports whether the long form of a test is wanted.
func heavy() bool { return os.Getenv("CPAAS_TEST_FULL") != "" }

// TestKill kills a process at each point, and has another go on: nothing is
// lost, nothing is sent twice unless the result says so.
func TestKill(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("no SIGKILL")
	}
	rounds := 1
	if heavy() {
		rounds = 11
	}
	backends(t, func(t *testing.T, b backend) {
		slots := make(chan struct{}, 3)
		var mu sync.Mutex
		var took []time.Duration
		marked := 0
		for round := range rounds {
			for i, label := range labels {
				t.Run(fmt.Sprintf("%s/%d", label, round), func(t *testing.T) {
					t.Parallel()
					slots <- struct{}{}
					defer func() { <-slots }()
					own := b.another(t)
					d, double := killOnce(t, own, label, time.Duration(round*len(labels)+i)*1300*time.Microsecond, (round+i)%2 == 0)
					mu.Lock()
					defer mu.Unlock()
					took = append(took, d)
					if double {
						marked++
					}
				})
			}
		}
		t.Cleanup(func() {
			if len(took) == 0 {
				return
			}
			slices.Sort(took)
			p95 := took[len(took)*95/100]
			t.Logf("%s: %d runs, %d with a second submission, all of them marked; ended after the kill: p50 %v, p95 %v, the slowest %v",
				b.kind, len(took), marked, took[len(took)/2], p95, took[len(took)-1])
			if heavy() { // otherwise the host is busy with other tests
				assert.LessOrEqual(t, p95, killBound)
			}
		})
	})
}

// killOnce is one run. lost: the receipt of what the dead process submitted to
// provider a never comes.
func killOnce(t *testing.T, b backend, label string, after time.Duration, lost bool) (took time.Duration, double bool) {
	t.Helper()
	const key = "order-1"
	books := &ledger{}
	var reader delivery.Store
	if b.kind == "postgres" {
		reader = b.open(t)
	}
	server := books.serve(t, reader, key)
	if label != "any time" {
		after = 0
	}
	cmd, out := startChild(t, b, key, label, after, server.URL)
	err := cmd.Wait()
	died := time.Now()
	exit, ok := errors.AsType[*exec.ExitError](err)
	killed := ok && signalOf(exit) == syscall.SIGKILL
	require.True(t, killed || label == "any time", "the process did not die at %q: %v %s", label, err, out)

	first := books.list()
	store := b.open(t)
	var runner *delivery.Runner
	local := func(name string) provider {
		return func(ctx context.Context, s fallback.Submission) (fallback.Ack, error) {
			books.add(ctx, store, key, name, s.Ref)
			if name == "b" {
				go runner.Receive(context.WithoutCancel(ctx), deliveredReceipt(name, s.Ref)) //nolint:errcheck // the test fails without it
			}
			return fallback.Ack{ID: "id-" + s.Ref}, nil
		}
	}
	runner, err = delivery.New(killConfig(store))
	require.NoError(t, err)
	route, err := runner.Bind("test", twoProviders(local("a"), local("b")))
	require.NoError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { runner.Run(ctx) }) //nolint:errcheck // it ends with ctx
	defer running.Wait()
	defer stop()
	for _, line := range first {
		name, ref, _ := strings.Cut(line, " ")
		if name == "b" || !lost {
			require.NoError(t, runner.Receive(ctx, deliveredReceipt(name, ref)))
		}
	}
	if _, err := store.Get(ctx, key); errors.Is(err, delivery.ErrNotFound) {
		// Its owner was never told that it was taken.
		assert.Empty(t, first, "something was sent that is not stored")
		assert.Contains(t, []string{"before create 1", "any time"}, label, "the message is lost")
		_, err := route.Send(ctx, code(key))
		require.NoError(t, err)
	}
	wait, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	res, err := route.Wait(wait, key)
	took = time.Since(died)
	require.NoError(t, err, "%v", res)
	all := books.list()
	if lost && !slices.ContainsFunc(all, func(line string) bool { return strings.HasPrefix(line, "b ") }) {
		assert.Equal(t, fallback.Accepted, res.Outcome, "%v", res) // the process died when it was about to call b
	} else {
		assert.Equal(t, fallback.Delivered, res.Outcome, "%v", res)
	}
	if heavy() {
		assert.LessOrEqual(t, took, killBound+3*time.Second, "it took too long to go on")
	}

	times := map[string]int{}
	for _, line := range all {
		times[line]++
		assert.Equal(t, 1, times[line], "an attempt was repeated: %v", all)
	}
	assert.LessOrEqual(t, len(all), 2)
	assert.Empty(t, books.bad, "attempts that were not stored before they were made")
	if len(all) > 1 {
		assert.True(t, res.PossibleDuplicate || res.Duplicate, "a second submission is not marked: %v", res)
	}
	return took, len(all) > 1
}

func signalOf(e *exec.ExitError) syscall.Signal {
	if status, ok := e.Sys().(syscall.WaitStatus); ok {
		return status.Signal()
	}
	return -1
}

// TestPaused stops a process beyond its lease: what its successor found stands.
func TestPaused(t *testing.T) {
	t.Parallel()
	b := postgresBackend(t)
	const key = "order-1"
	books := &ledger{hang: make(chan struct{})}
	store := b.open(t)
	server := books.serve(t, store, key)
	cmd, out := startChild(t, b, key, "never", 0, server.URL)
	require.Eventually(t, func() bool { return len(books.list()) == 1 }, time.Minute, time.Millisecond)
	require.NoError(t, cmd.Process.Signal(syscall.SIGSTOP))

	var runner *delivery.Runner
	local := func(name string) provider {
		return func(ctx context.Context, s fallback.Submission) (fallback.Ack, error) {
			books.add(ctx, store, key, name, s.Ref)
			go runner.Receive(context.WithoutCancel(ctx), deliveredReceipt(name, s.Ref)) //nolint:errcheck // the test fails without it
			return fallback.Ack{}, nil
		}
	}
	runner, err := delivery.New(killConfig(store))
	require.NoError(t, err)
	route, err := runner.Bind("test", twoProviders(local("a"), local("b")))
	require.NoError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { runner.Run(ctx) }) //nolint:errcheck // it ends with ctx
	defer running.Wait()
	defer stop()
	wait, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	res, err := route.Wait(wait, key)
	require.NoError(t, err)
	require.Equal(t, fallback.SMS, res.Channel)

	close(books.hang) // the first provider did accept
	require.NoError(t, cmd.Process.Signal(syscall.SIGCONT))
	require.NoError(t, cmd.Wait(), "%s", out)
	assert.Contains(t, out.String(), "delivered sms", "the paused process reports something else")
	res, err = route.Wait(wait, key)
	require.NoError(t, err)
	assert.Equal(t, fallback.Delivered, res.Outcome)
	assert.Equal(t, fallback.SMS, res.Channel)
	assert.True(t, res.PossibleDuplicate)
	assert.Len(t, books.list(), 2, "the paused process submitted something again")
}
