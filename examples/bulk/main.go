// Command bulk sends to ten thousand people, shows its progress, and writes
// what became of each. Interrupted, it would go on where it stopped when run
// again, with a store that survives and the same keys.
//
// It runs against the built-in fakes of Webex Connect and Octopush: a batch of
// the first is refused, and so are two people.
package main

import (
	"context"
	"encoding/csv"
	"errors"
	"flag"
	"fmt"
	"io"
	"iter"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"github.com/cpaas-go/cpaas/fallback"
	"github.com/cpaas-go/cpaas/fallback/delivery"
	"github.com/cpaas-go/cpaas/fallback/fallbacktest"
	"github.com/cpaas-go/cpaas/fallback/senders"
	"github.com/cpaas-go/cpaas/octopush/octopushtest"
	"github.com/cpaas-go/cpaas/webexconnect/webexconnecttest"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run is the program. It returns 0 when everybody has an outcome, 1 when not,
// and 2 when the program was called wrongly.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("bulk", flag.ContinueOnError)
	flags.SetOutput(stderr)
	people := flags.Int("people", 10_000, "how many to send to")
	report := flags.String("report", filepath.Join(os.TempDir(), "cpaas-bulk-report.csv"), "where to write what became of each")
	if err := flags.Parse(args); err != nil {
		return 2
	}
	fmt.Fprintln(stdout, "This runs against the built-in fakes of Webex Connect and Octopush. Nobody gets a message.")
	file, err := os.Create(*report)
	if err != nil {
		fmt.Fprintln(stderr, err)
		return 2
	}
	err = errors.Join(send(ctx, *people, file, stdout), file.Close())
	if err != nil {
		fmt.Fprintln(stderr, err)
		return 1
	}
	fmt.Fprintln(stdout, "What became of each is in", *report)
	return 0
}

func send(ctx context.Context, people int, report, out io.Writer) error {
	webexFake, octoFake := webexconnecttest.NewServer(), octopushtest.NewServer()
	defer webexFake.Close()
	defer octoFake.Close()
	for _, i := range []int{1234, 4321} {
		webexFake.RefuseRecipient(phone(i), "7203") // no such subscriber
	}
	webexFake.Next(webexconnecttest.Throttled()) // the first call is one too many for it
	webex, octo := senders.WebexConnect{Client: webexFake.Client()}, senders.Octopush{Client: octoFake.Client()}

	runner, err := delivery.New(delivery.Config{Store: fallbacktest.VolatileStore()})
	if err != nil {
		return err
	}
	sale, err := runner.Bind("sale", delivery.Route{{Try: webex.SMS("ACME").Or(octo.SMS("ACME")), Until: delivery.Accepted}})
	if err != nil {
		return err
	}
	var work sync.WaitGroup
	defer work.Wait()
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	work.Go(func() { runner.Run(ctx) }) //nolint:errcheck // ended by stop

	rows := csv.NewWriter(report)
	if err := rows.Write([]string{"key", "outcome", "provider", "id", "possible duplicate", "error"}); err != nil {
		return err
	}
	begin := time.Now()
	count := map[fallback.Outcome]int{}
	by := map[string]int{}
	done := 0
	for res, err := range sale.SendAll(ctx, messages(people)) {
		why := ""
		if err != nil {
			why = err.Error()
			fmt.Fprintln(out, res.Key+":", why)
		}
		row := []string{res.Key, res.Outcome.String(), res.Provider, res.ID, strconv.FormatBool(res.PossibleDuplicate), why}
		if err := rows.Write(row); err != nil {
			return err
		}
		count[res.Outcome]++
		if res.Provider != "" {
			by[res.Provider]++
		}
		if done++; done%1000 == 0 || done == people {
			fmt.Fprintf(out, "%6d of %d: %v\n", done, people, count)
		}
	}
	rows.Flush()
	if err := rows.Error(); err != nil {
		return err
	}
	fmt.Fprintf(out, "%d in %v, by provider: %v; calls: %d and %d\n",
		done, time.Since(begin).Round(time.Millisecond), by, len(webexFake.Requests()), len(octoFake.Requests()))
	if done < people {
		return fmt.Errorf("stopped after %d of %d: %w", done, people, context.Cause(ctx))
	}
	return nil
}

// messages is a message to each. The key is the person's in your own list, not
// their number: it shows in logs.
func messages(people int) iter.Seq[fallback.Message] {
	return func(yield func(fallback.Message) bool) {
		for i := range people {
			if !yield(fallback.Message{
				Key:   fmt.Sprintf("sale-2026-%05d", i),
				Class: fallback.Promotional,
				To:    fallback.Recipient{Phone: phone(i)},
				Text:  "Ten per cent off until Sunday. STOP to 36111",
			}) {
				return
			}
		}
	}
}

func phone(i int) string { return fmt.Sprintf("+4477009%05d", i) }
