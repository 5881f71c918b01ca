// Command otp sends a one-time code by RCS, else WhatsApp, else SMS: the same
// code on every channel, and nothing once it is no longer of use.
//
// Without credentials it runs against the built-in fake of Deflector, with RCS
// and WhatsApp made to refuse. With DEFLECTOR_API_KEY it sends a real code to
// -to or CPAAS_TO, from DEFLECTOR_SENDER, with the templates "otp_card" (RCS)
// and "otp" (WhatsApp) of the account.
package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/big"
	"os"
	"os/signal"
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

// run is the program. It returns 0 when the code was accepted, 1 when it was
// not, and 2 when the program was called wrongly.
func run(ctx context.Context, args []string, getenv func(string) string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("otp", flag.ContinueOnError)
	flags.SetOutput(stderr)
	to := flags.String("to", getenv("CPAAS_TO"), `the recipient, E.164 with "+"`)
	valid := flags.Duration("valid", 2*time.Minute, "how long the code is of use")
	if err := flags.Parse(args); err != nil {
		return 2
	}
	client, stop, err := connect(getenv, to, stdout)
	if err != nil {
		fmt.Fprintln(stderr, err)
		return 2
	}
	defer stop()
	code, err := newCode()
	if err != nil {
		fmt.Fprintln(stderr, err)
		return 1
	}

	netcore := senders.Deflector{Client: client}
	route := fallback.Route{netcore.RCS(), netcore.WhatsApp(), netcore.SMS(cmp.Or(getenv("DEFLECTOR_SENDER"), "ACMEIN"))}
	m := message(*to, code, time.Now().Add(*valid))

	plan, err := route.Explain(m) // what would happen, without sending
	if err != nil {
		fmt.Fprintln(stderr, err)
		return 1
	}
	fmt.Fprintf(stdout, "The order:\n%s\nWhat happened:\n", plan)
	res, err := route.Send(ctx, m)
	fmt.Fprint(stdout, res) // every attempt, whatever err is
	switch {
	case errors.Is(err, fallback.ErrInvalidRecipient):
		fmt.Fprintln(stderr, "that is no phone number")
		return 1
	case err != nil:
		fmt.Fprintln(stderr, err)
		return 1
	}
	return 0
}

// message shows the same code on every channel. Repeated with the same Key, it
// is the same message: somebody who asks twice gets a new Key with a new code.
func message(to, code string, deadline time.Time) fallback.Message {
	return fallback.Message{
		Key:      "login-" + time.Now().UTC().Format("20060102T150405.000"),
		Class:    fallback.OTP,
		To:       fallback.Recipient{Phone: to},
		Deadline: deadline,
		Text:     code + " is your Acme code.",
		Content: fallback.Contents{
			fallback.RCS:      fallback.Template{Name: "otp_card", Vars: map[string]string{"CODE": code}},
			fallback.WhatsApp: fallback.Template{Name: "otp", Locale: "en", Args: []string{code}},
		},
	}
}

// newCode is six digits.
func newCode() (string, error) {
	n, err := rand.Int(rand.Reader, big.NewInt(1_000_000))
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%06d", n), nil
}

// connect is a client of the real service, or of the fake when there is
// nothing to reach the real one with.
func connect(getenv func(string) string, to *string, out io.Writer) (*deflector.Client, func(), error) {
	key, base := getenv("DEFLECTOR_API_KEY"), getenv("DEFLECTOR_BASE_URL")
	switch {
	case key == "" && base == "":
		fmt.Fprintln(out, "No DEFLECTOR_API_KEY: this runs against the built-in fake of Deflector, which refuses RCS and WhatsApp. Nobody gets a message.")
		fake := deflectortest.NewServer()
		fake.RefuseChannel(deflector.RCS, 400, deflector.CodeNoWhatsAppContact)
		fake.RefuseChannel(deflector.WhatsApp, 400, deflector.CodeNotOptedIn)
		*to = cmp.Or(*to, "+919812345678")
		return fake.Client(), fake.Close, nil
	case key == "":
		return nil, nil, errors.New("missing: DEFLECTOR_API_KEY")
	case *to == "":
		return nil, nil, errors.New("missing: -to or CPAAS_TO")
	case getenv("DEFLECTOR_SENDER") == "":
		return nil, nil, errors.New("missing: DEFLECTOR_SENDER")
	}
	var opts []deflector.Option
	if base != "" {
		opts = append(opts, deflector.WithBaseURL(base))
	}
	client, err := deflector.New(key, opts...)
	return client, func() {}, err
}
