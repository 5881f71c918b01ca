// Command durable shows that a message outlives the process that sent it.
//
// It starts itself a second time, as a replica that keeps its messages in
// SQLite. The replica submits by RCS and waits for a receipt; there it is ended
// with kill -9. A third process finds the message, goes on to SMS when RCS
// stays silent, and takes in the receipt.
//
// With CPAAS_TEST_POSTGRES_DSN, a connection string of a Postgres in which it
// may make a schema, two replicas then share a database: one submits, and the
// receipt comes to the other.
//
// Everything runs against the built-in fake of Deflector: nobody gets a
// message. It takes no arguments.
package main

import (
	"bufio"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"

	"github.com/cpaas-go/cpaas/deflector"
	"github.com/cpaas-go/cpaas/deflector/deflectortest"
	"github.com/cpaas-go/cpaas/fallback"
	"github.com/cpaas-go/cpaas/fallback/delivery"
	"github.com/cpaas-go/cpaas/fallback/delivery/sqlstore"
	"github.com/cpaas-go/cpaas/fallback/delivery/sqlstore/pgxlisten"
	"github.com/cpaas-go/cpaas/fallback/delivery/sqlstore/sqlite"
	"github.com/cpaas-go/cpaas/fallback/senders"
)

// What a replica is told by the program that starts it.
const (
	roleVariable = "DURABLE_ROLE" // submit, resume or receive
	fakeVariable = "DURABLE_DEFLECTOR"
	fileVariable = "DURABLE_SQLITE"
	dsnVariable  = "DURABLE_POSTGRES"
)

const (
	key    = "order-1001"
	secret = "a-secret-of-the-callback-url"
	within = 2 * time.Second // how long RCS has
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	var code int
	if role := os.Getenv(roleVariable); role != "" {
		code = replica(ctx, role, os.Stdin, os.Stdout, os.Stderr)
	} else {
		code = run(ctx, os.Args[1:], os.Getenv, os.Stdout, os.Stderr)
	}
	stop()
	os.Exit(code)
}

// run is the program. It returns 0 when everything went as it should, 1 when
// it did not, and 2 when it was called wrongly.
func run(ctx context.Context, args []string, getenv func(string) string, stdout, stderr io.Writer) int {
	if len(args) > 0 {
		fmt.Fprintln(stderr, "durable takes no arguments")
		return 2
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	fmt.Fprintln(stdout, "This runs against the built-in fake of Deflector. Nobody gets a message.")
	if err := killed(ctx, stdout, stderr); err != nil {
		fmt.Fprintln(stderr, "after kill -9:", err)
		return 1
	}
	dsn := getenv("CPAAS_TEST_POSTGRES_DSN")
	if dsn == "" {
		fmt.Fprintln(stdout, "\nNo CPAAS_TEST_POSTGRES_DSN: two replicas with Postgres are not shown.")
		return 0
	}
	if err := shared(ctx, dsn, stdout, stderr); err != nil {
		fmt.Fprintln(stderr, "two replicas:", err)
		return 1
	}
	return 0
}

// killed ends a process while its message waits, and has another go on.
func killed(ctx context.Context, stdout, stderr io.Writer) error {
	vendor := deflectortest.NewServer()
	defer vendor.Close()
	dir, err := os.MkdirTemp("", "durable")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // a temporary folder
	env := []string{fakeVariable + "=" + vendor.URL, fileVariable + "=" + filepath.Join(dir, "messages.db")}

	fmt.Fprintln(stdout, "\nOne process submits, and is ended while it waits:")
	first, err := start(ctx, "submit", env, stderr)
	if err != nil {
		return err
	}
	defer first.end()
	if err := first.print(stdout, "waiting"); err != nil {
		return err
	}
	if err := first.cmd.Process.Kill(); err != nil {
		return err
	}
	first.cmd.Wait() //nolint:errcheck // it was killed
	fmt.Fprintln(stdout, "  kill -9")

	fmt.Fprintln(stdout, "Another process finds the message and goes on:")
	second, err := start(ctx, "resume", env, stderr)
	if err != nil {
		return err
	}
	defer second.end()
	// RCS stays silent, so SMS follows. Its receipt goes to who is there now.
	sms, err := accepted(ctx, vendor, 2)
	if err != nil {
		return err
	}
	if err := vendor.Deliver(ctx, second.hook, sms.CallbackData, deflector.SMS); err != nil {
		return err
	}
	if err := second.print(stdout, "end"); err != nil {
		return err
	}
	if err := second.cmd.Wait(); err != nil {
		return err
	}
	all := vendor.Accepted()
	if len(all) != 2 || all[0].RCS == nil || all[1].SMS == nil {
		return fmt.Errorf("the vendor has accepted %d messages, want one by RCS and one by SMS", len(all))
	}
	fmt.Fprintln(stdout, "The vendor has seen each attempt once, and delivered one.")
	return nil
}

// shared has one replica submit and another take in the receipt.
func shared(ctx context.Context, dsn string, stdout, stderr io.Writer) error {
	db, err := sql.Open("pgx", dsn)
	if err != nil {
		return err
	}
	defer db.Close() //nolint:errcheck // nothing is under way
	schema := fmt.Sprintf("durable_%d", os.Getpid())
	if _, err := db.ExecContext(ctx, "CREATE SCHEMA "+schema); err != nil {
		return err
	}
	defer db.ExecContext(context.WithoutCancel(ctx), "DROP SCHEMA "+schema+" CASCADE") //nolint:errcheck // nothing more can be done

	vendor := deflectortest.NewServer()
	defer vendor.Close()
	env := []string{fakeVariable + "=" + vendor.URL, dsnVariable + "=" + in(dsn, schema)}

	fmt.Fprintln(stdout, "\nTwo replicas share a Postgres. One submits, the receipt comes to the other:")
	other, err := start(ctx, "receive", env, stderr)
	if err != nil {
		return err
	}
	defer other.end()
	first, err := start(ctx, "submit", env, stderr)
	if err != nil {
		return err
	}
	defer first.end()
	if err := first.print(stdout, "waiting"); err != nil {
		return err
	}
	rcs, err := accepted(ctx, vendor, 1)
	if err != nil {
		return err
	}
	if err := vendor.Deliver(ctx, other.hook, rcs.CallbackData, deflector.RCS); err != nil {
		return err
	}
	if err := first.print(stdout, "end"); err != nil {
		return err
	}
	if err := first.cmd.Wait(); err != nil {
		return err
	}
	if n := len(vendor.Accepted()); n != 1 {
		return fmt.Errorf("the vendor has accepted %d messages, want 1", n)
	}
	return nil
}

// in is a connection string or URL with a schema.
func in(dsn, schema string) string {
	switch {
	case !strings.Contains(dsn, "://"):
		return dsn + " search_path=" + schema
	case strings.Contains(dsn, "?"):
		return dsn + "&search_path=" + schema
	}
	return dsn + "?search_path=" + schema
}

// accepted is the n-th message that the vendor has accepted.
func accepted(ctx context.Context, vendor *deflectortest.Server, n int) (deflector.Message, error) {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		if all := vendor.Accepted(); len(all) >= n {
			return all[n-1], nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return deflector.Message{}, fmt.Errorf("the vendor has accepted %d messages, want %d: %w", len(vendor.Accepted()), n, ctx.Err())
		}
	}
}

// process is a replica that was started.
type process struct {
	cmd   *exec.Cmd
	stdin io.Closer
	lines *bufio.Scanner
	hook  string // where it takes callbacks
}

// start starts this program as a replica, and waits until it listens.
func start(ctx context.Context, role string, env []string, stderr io.Writer) (*process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, self) //nolint:gosec // this program
	cmd.Env = append(append(os.Environ(), roleVariable+"="+role), env...)
	cmd.Stderr = stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	p := &process{cmd: cmd, stdin: stdin, lines: bufio.NewScanner(stdout)}
	if p.lines.Scan() {
		if hook, ok := strings.CutPrefix(p.lines.Text(), "listening on "); ok {
			p.hook = hook
			return p, nil
		}
	}
	p.end()
	return nil, errors.New("a replica did not start")
}

// end ends the process, if it has not ended.
func (p *process) end() {
	p.stdin.Close()      //nolint:errcheck // it may have ended
	p.cmd.Process.Kill() //nolint:errcheck // it may have ended
	p.cmd.Wait()         //nolint:errcheck // it may have ended
}

// print prints what the process says until it says a word.
func (p *process) print(out io.Writer, until string) error {
	for p.lines.Scan() {
		if p.lines.Text() == until {
			return nil
		}
		fmt.Fprintln(out, "  "+p.lines.Text())
	}
	return errors.New("a replica ended too soon")
}

// replica is the program as a service would have it: a store, a runner, a
// route, and an address for callbacks.
func replica(ctx context.Context, role string, stdin io.Reader, stdout, stderr io.Writer) int {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	go func() { // it ends with the program that has started it
		io.Copy(io.Discard, stdin) //nolint:errcheck // so does this
		stop()
	}()
	if err := serve(ctx, role, stdout); err != nil {
		fmt.Fprintln(stderr, err)
		return 1
	}
	return 0
}

func serve(ctx context.Context, role string, stdout io.Writer) error {
	store, err := open(ctx)
	if err != nil {
		return err
	}
	defer store.Close() //nolint:errcheck // every commit is on the disk
	client, err := deflector.New(deflectortest.APIKey, deflector.WithBaseURL(os.Getenv(fakeVariable)))
	if err != nil {
		return err
	}
	netcore := senders.Deflector{Client: client, Verify: senders.Token("token", secret)}
	runner, err := delivery.New(delivery.Config{Store: store, Call: 2 * time.Second})
	if err != nil {
		return err
	}
	orders, err := runner.Bind("orders", delivery.Route{
		{Try: netcore.RCS(), Within: within},
		{Try: netcore.SMS("ACMEIN")},
	})
	if err != nil {
		return err
	}

	var lc net.ListenConfig
	listener, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := &http.Server{Handler: runner.Receipts(netcore), ReadHeaderTimeout: 5 * time.Second}
	go server.Serve(listener) //nolint:errcheck // it is closed below
	defer server.Close()      //nolint:errcheck // the process ends
	running, stop := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		runner.Run(running) //nolint:errcheck // it ends with its context
	}()
	defer func() { stop(); <-done }()
	fmt.Fprintf(stdout, "listening on http://%s/?token=%s\n", listener.Addr(), secret)

	if role == "receive" {
		<-ctx.Done()
		return nil
	}
	if role == "submit" {
		res, err := orders.Send(ctx, fallback.Message{
			Key:     key,
			To:      fallback.Recipient{Phone: "+919812345678"},
			Text:    "Your order is on its way.",
			Content: fallback.Contents{fallback.RCS: fallback.Template{Name: "order_card", Vars: map[string]string{"ORDER": "1001"}}},
		})
		if err != nil {
			return err
		}
		fmt.Fprintln(stdout, strings.TrimSpace(res.String()))
		fmt.Fprintln(stdout, "waiting")
	}
	res, err := orders.Wait(ctx, key)
	if err != nil {
		return err
	}
	fmt.Fprintln(stdout, strings.TrimSpace(res.String()))
	fmt.Fprintln(stdout, "end")
	return nil
}

// open opens the store: a file, or a database that replicas share.
func open(ctx context.Context) (*sqlstore.Store, error) {
	dsn := os.Getenv(dsnVariable)
	if dsn == "" {
		return sqlite.Open(os.Getenv(fileVariable), sqlite.WithMigrate()) //nolint:contextcheck // it opens a file
	}
	db, err := sql.Open("pgx", dsn)
	if err != nil {
		return nil, err
	}
	store, err := sqlstore.New(db, sqlstore.Postgres, sqlstore.WithListen(pgxlisten.Listen(dsn)), sqlstore.WithClose(db.Close)) //nolint:contextcheck // it has its own limit
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	if err := store.Migrate(ctx); err != nil {
		return nil, errors.Join(err, store.Close())
	}
	return store, nil
}
