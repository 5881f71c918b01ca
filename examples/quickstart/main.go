// Command quickstart sends one message by RCS, else WhatsApp, else SMS, and
// shows every attempt.
//
// Without credentials it runs against the built-in fake of Deflector, with RCS
// and WhatsApp made to refuse. With DEFLECTOR_API_KEY it sends a real message
// to -to or CPAAS_TO, from DEFLECTOR_SENDER, with the templates
// DEFLECTOR_RCS_TEMPLATE (whose placeholder is NAME) and
// DEFLECTOR_WHATSAPP_TEMPLATE (in English, with one placeholder). A channel
// whose template is not given is passed over.
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
	netcore, stop, err := connect(getenv, to, stdout)
	if err != nil {
		fmt.Fprintln(stderr, err)
		return 2
	}
	defer stop()

	var order []deflector.Channel // those that there is something to show on
	content := fallback.Contents{}
	if netcore.rcsTemplate != "" {
		order = append(order, deflector.RCS)
		content[fallback.RCS] = fallback.Template{Name: netcore.rcsTemplate, Vars: map[string]string{"NAME": "Asha"}}
	}
	if netcore.whatsAppTemplate != "" {
		order = append(order, deflector.WhatsApp)
		content[fallback.WhatsApp] = fallback.Template{Name: netcore.whatsAppTemplate, Locale: "en", Args: []string{"Asha"}}
	}
	order = append(order, deflector.SMS)

	var route fallback.Route
	switch *flow {
	case "client":
		route = fallback.Route{netcore.RCS(), netcore.WhatsApp(), netcore.SMS(netcore.sender)}
	case "server":
		route = fallback.Route{netcore.Flow(deflector.InOrder(order...), netcore.sender)}
	default:
		fmt.Fprintf(stderr, "-flow is %q: want client or server\n", *flow)
		return 2
	}

	res, err := route.Send(ctx, fallback.Message{
		Key:      "quickstart-" + time.Now().UTC().Format("20060102T150405.000"),
		To:       fallback.Recipient{Phone: *to},
		Deadline: time.Now().Add(time.Minute),
		Text:     "Welcome to Acme, Asha.",
		Content:  content,
	})
	fmt.Fprint(stdout, res) // every attempt, whatever err is
	if err != nil {
		fmt.Fprintln(stderr, err)
		return 1
	}
	return 0
}

// account is a Deflector account, and what it has been registered with.
type account struct {
	senders.Deflector
	sender                        string
	rcsTemplate, whatsAppTemplate string // empty: none
}

// connect is an account of the real service, or of the fake when there is
// nothing to reach the real one with.
func connect(getenv func(string) string, to *string, out io.Writer) (account, func(), error) {
	a := account{
		sender: getenv("DEFLECTOR_SENDER"), rcsTemplate: getenv("DEFLECTOR_RCS_TEMPLATE"), whatsAppTemplate: getenv("DEFLECTOR_WHATSAPP_TEMPLATE"),
	}
	key, base := getenv("DEFLECTOR_API_KEY"), getenv("DEFLECTOR_BASE_URL")
	if key == "" && base == "" {
		fmt.Fprintln(out, "No DEFLECTOR_API_KEY: this runs against the built-in fake of Deflector, which refuses RCS and WhatsApp. Nobody gets a message.")
		fake := deflectortest.NewServer()
		fake.RefuseChannel(deflector.RCS, 400, deflector.CodeNoWhatsAppContact)
		fake.RefuseChannel(deflector.WhatsApp, 400, deflector.CodeNotOptedIn)
		*to = cmp.Or(*to, "+919812345678")
		a.Client, a.sender = fake.Client(), cmp.Or(a.sender, "ACMEIN")
		a.rcsTemplate, a.whatsAppTemplate = cmp.Or(a.rcsTemplate, "welcome_card"), cmp.Or(a.whatsAppTemplate, "welcome")
		return a, fake.Close, nil
	}
	var missing []string
	if key == "" {
		missing = append(missing, "DEFLECTOR_API_KEY")
	}
	if *to == "" {
		missing = append(missing, "-to or CPAAS_TO")
	}
	if a.sender == "" {
		missing = append(missing, "DEFLECTOR_SENDER")
	}
	if missing != nil {
		return a, nil, errors.New("missing: " + strings.Join(missing, ", "))
	}
	var opts []deflector.Option
	if base != "" {
		opts = append(opts, deflector.WithBaseURL(base))
	}
	var err error
	a.Client, err = deflector.New(key, opts...)
	return a, func() {}, err
}
