// Command receipts waits for delivery receipts: a stage that nobody reports on
// is passed over in silence, one that is reported failed is passed over at
// once, and the message ends when a receipt says that it was delivered.
//
// It runs against the built-in fakes of Deflector and Octopush, which call
// back to a real HTTP server that this program starts on loopback.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"sync"
	"time"

	"github.com/cpaas-go/cpaas/deflector"
	"github.com/cpaas-go/cpaas/deflector/deflectortest"
	"github.com/cpaas-go/cpaas/fallback"
	"github.com/cpaas-go/cpaas/fallback/delivery"
	"github.com/cpaas-go/cpaas/fallback/fallbacktest"
	"github.com/cpaas-go/cpaas/fallback/senders"
	"github.com/cpaas-go/cpaas/octopush"
	"github.com/cpaas-go/cpaas/octopush/octopushtest"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run is the program. It returns 0 when the message was delivered, 1 when it
// was not, and 2 when the program was called wrongly.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("receipts", flag.ContinueOnError)
	flags.SetOutput(stderr)
	within := flags.Duration("within", time.Second, "how long a stage waits for a receipt")
	if err := flags.Parse(args); err != nil {
		return 2
	}
	fmt.Fprintln(stdout, "This runs against the built-in fakes of Deflector and Octopush. Nobody gets a message.")
	res, err := send(ctx, *within, stdout)
	fmt.Fprintf(stdout, "\n%s", res)
	if err != nil {
		fmt.Fprintln(stderr, err)
		return 1
	}
	return 0
}

// send is a whole service for one message: providers, route, web hooks.
func send(ctx context.Context, within time.Duration, out io.Writer) (fallback.Result, error) {
	var none fallback.Result
	netcoreFake, octoFake := deflectortest.NewServer(), octopushtest.NewServer()
	defer netcoreFake.Close()
	defer octoFake.Close()

	const token = "a-long-random-secret" // from your configuration; it is part of the URLs that you register
	verify := senders.Token("token", token)
	netcore := senders.Deflector{Client: netcoreFake.Client(), Verify: verify}
	octo := senders.Octopush{Client: octoFake.Client(), Verify: verify}

	events := log.New(out, "", 0)               // Observe is called by several goroutines
	submitted := make(chan fallback.Attempt, 8) // for the phones, below
	runner, err := delivery.New(delivery.Config{
		Store: fallbacktest.VolatileStore(), // one that survives a restart in earnest
		Observe: func(e delivery.Event) {
			events.Printf("%-10s %s", e.Kind, e.Result.Outcome)
			if e.Kind == delivery.Submitted {
				submitted <- e.Result.Attempts[len(e.Result.Attempts)-1]
			}
		},
	})
	if err != nil {
		return none, err
	}
	welcome, err := runner.Bind("welcome", delivery.Route{
		{Try: netcore.RCS(), Within: within},
		{Try: netcore.WhatsApp(), Within: time.Hour},
		{Try: octo.SMS("ACME").Or(netcore.SMS("ACMEIN"))},
	})
	if err != nil {
		return none, err
	}

	// The server that the providers call back.
	mux := http.NewServeMux()
	mux.Handle("POST /hooks/deflector", runner.Receipts(netcore))
	mux.Handle("POST /hooks/octopush", runner.Receipts(octo))
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return none, err
	}
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	hooks := "http://" + listener.Addr().String() + "/hooks/"

	var work sync.WaitGroup
	defer work.Wait()
	defer server.Close() //nolint:errcheck // the program ends
	ctx, stop := context.WithTimeout(ctx, time.Minute)
	defer stop()
	work.Go(func() { server.Serve(listener) }) //nolint:errcheck // ended by Close
	work.Go(func() { runner.Run(ctx) })        //nolint:errcheck // ended by stop
	phones := phones{netcoreFake, octoFake, hooks, "?token=" + token}
	failed := make(chan error, 1)
	work.Go(func() { failed <- phones.answer(ctx, submitted) })

	m := fallback.Message{
		Key:  "welcome-42",
		To:   fallback.Recipient{Phone: "+919812345678"},
		Text: "Welcome to Acme, Asha.",
		Content: fallback.Contents{
			fallback.RCS:      fallback.Template{Name: "welcome_card", Vars: map[string]string{"NAME": "Asha"}},
			fallback.WhatsApp: fallback.Template{Name: "welcome", Locale: "en", Args: []string{"Asha"}},
		},
	}
	plan, err := welcome.Explain(m)
	if err != nil {
		return none, err
	}
	fmt.Fprintf(out, "\n%s\n", plan)
	if _, err := welcome.Send(ctx, m); err != nil { // accepted by the first provider: the rest is the Runner's
		return none, err
	}
	res, err := welcome.Wait(ctx, m.Key)
	stop()
	return res, errors.Join(err, <-failed)
}

// phones stands for the networks and the people: RCS is never heard of again,
// WhatsApp fails, the text message arrives.
type phones struct {
	netcore *deflectortest.Server
	octo    *octopushtest.Server
	hooks   string
	query   string
}

func (p phones) answer(ctx context.Context, submitted <-chan fallback.Attempt) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case a := <-submitted:
			if err := p.call(ctx, a); err != nil && ctx.Err() == nil {
				return err
			}
		}
	}
}

// call is what the providers call back about an attempt.
func (p phones) call(ctx context.Context, a fallback.Attempt) error {
	switch a.Channel {
	case fallback.WhatsApp:
		return p.netcore.Deliver(ctx, p.hooks+"deflector"+p.query, a.Ref, deflector.WhatsApp, deflector.StatusSent, deflector.StatusFailed)
	case fallback.SMS:
		accepted := p.octo.Accepted()
		for _, status := range []octopush.Status{octopush.StatusAck, octopush.StatusDelivered} {
			if err := p.octo.Deliver(ctx, p.hooks+"octopush"+p.query, accepted[len(accepted)-1].Receipt(0, status)); err != nil {
				return err
			}
		}
	default: // RCS: silence
	}
	return nil
}
