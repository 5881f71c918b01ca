// Command quickstart sends one message by RCS, else WhatsApp, else SMS, and
// shows every attempt.
//
// Without credentials it runs against the built-in fake of Deflector, with RCS
// and WhatsApp made to refuse. With DEFLECTOR_API_KEY it sends a real message
// to -to or CPAAS_TO, from DEFLECTOR_SENDER, with the templates
// DEFLECTOR_RCS_TEMPLATE and DEFLECTOR_WHATSAPP_TEMPLATE.
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"time"

	"github.com/cpaas-go/cpaas/deflector"
	"github.com/cpaas-go/cpaas/deflector/deflectortest"
	"github.com/cpaas-go/cpaas/fallback"
	"github.com/cpaas-go/cpaas/fallback/senders"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	code := run(ctx, os.Args[1:], os.Getenv, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run is the program. It returns 0 when the message was accepted, 1 when it
// was not, and 2 when the program was called wrongly.
func run(ctx context.Context, args []string, getenv func(string) string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("quickstart", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flow := flags.String("flow", "client", `who goes from channel to channel: "client" (this program) or "server" (Deflector)`)
	to := flags.String("to", getenv("CPAAS_TO"), `the recipient, E.164 with "+"`)
	if err := flags.Parse(args); err != nil {
		return 2
	}
	client, stop, err := connect(getenv, to, stdout)
	if err != nil {
		fmt.Fprintln(stderr, err)
		return 2
	}
	defer stop()

	netcore := senders.Deflector{Client: client, Templates: map[string]string{
		"welcome_card": cmp.Or(getenv("DEFLECTOR_RCS_TEMPLATE"), "welcome_card"),
		"welcome":      cmp.Or(getenv("DEFLECTOR_WHATSAPP_TEMPLATE"), "welcome"),
	}}
	sender := cmp.Or(getenv("DEFLECTOR_SENDER"), "ACMEIN")

	var route fallback.Route
	switch *flow {
	case "client":
		route = fallback.Route{netcore.RCS(), netcore.WhatsApp(), netcore.SMS(sender)}
	case "server":
		order := deflector.InOrder(deflector.RCS, deflector.WhatsApp, deflector.SMS)
		route = fallback.Route{netcore.Flow(order, sender)}
	default:
		fmt.Fprintf(stderr, "-flow is %q: want client or server\n", *flow)
		return 2
	}

	res, err := route.Send(ctx, fallback.Message{
		Key:      "quickstart-" + time.Now().UTC().Format("20060102T150405.000"),
		To:       fallback.Recipient{Phone: *to},
		Deadline: time.Now().Add(time.Minute),
		Text:     "Welcome to Acme, Asha.",
		Content: fallback.Contents{
			fallback.RCS:      fallback.Template{Name: "welcome_card", Vars: map[string]string{"NAME": "Asha"}},
			fallback.WhatsApp: fallback.Template{Name: "welcome", Locale: "en", Args: []string{"Asha"}},
		},
	})
	fmt.Fprint(stdout, res) // every attempt, whatever err is
	if err != nil {
		fmt.Fprintln(stderr, err)
		return 1
	}
	return 0
}

// connect is a client of the real service, or of the fake when there is
// nothing to reach the real one with.
func connect(getenv func(string) string, to *string, out io.Writer) (*deflector.Client, func(), error) {
	key, base := getenv("DEFLECTOR_API_KEY"), getenv("DEFLECTOR_BASE_URL")
	if key == "" && base == "" {
		fmt.Fprintln(out, "No DEFLECTOR_API_KEY: this runs against the built-in fake of Deflector, which refuses RCS and WhatsApp. Nobody gets a message.")
		fake := deflectortest.NewServer()
		fake.RefuseChannel(deflector.RCS, 400, deflector.CodeNoWhatsAppContact)
		fake.RefuseChannel(deflector.WhatsApp, 400, deflector.CodeNotOptedIn)
		*to = cmp.Or(*to, "+919812345678")
		return fake.Client(), fake.Close, nil
	}
	var missing []string
	if key == "" {
		missing = append(missing, "DEFLECTOR_API_KEY")
	}
	if *to == "" {
		missing = append(missing, "-to or CPAAS_TO")
	}
	if getenv("DEFLECTOR_SENDER") == "" {
		missing = append(missing, "DEFLECTOR_SENDER")
	}
	if missing != nil {
		return nil, nil, errors.New("missing: " + strings.Join(missing, ", "))
	}
	var opts []deflector.Option
	if base != "" {
		opts = append(opts, deflector.WithBaseURL(base))
	}
	client, err := deflector.New(key, opts...)
	return client, func() {}, err
}
