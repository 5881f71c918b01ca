// Package example is what the example programs of the providers share: the
// command line, the choice between the fake and the real service, and the
// printing of requests without secrets.
package example

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"slices"
	"strings"
	"time"
)

// Exit statuses.
const (
	exitOK      = 0
	exitFailed  = 1 // the send was refused, or failed
	exitMisused = 2 // an unknown name, or a variable that is missing
)

// Program is the example program of one provider.
type Program struct {
	Provider string // "deflector", also in upper case the prefix of BASE_URL's variable

	// Credentials are the sets of environment variables of which one must be
	// complete to reach the real service.
	Credentials [][]string

	// SecretHeaders are headers whose values are never printed, besides
	// Authorization and Cookie: those that carry tokens fetched at run time.
	SecretHeaders []string

	// Secrets are values in the examples themselves that are never printed,
	// such as sample passwords: real ones may take their place.
	Secrets []string

	// RealHosts are the domains of the vendor. A BASE_URL inside one of them
	// is the real service too: the page's sample recipients are not used.
	RealHosts []string

	// Host says that the service can be reached without a BASE_URL. It may
	// read other variables, such as a region; nil: the client knows its host.
	Host func(getenv func(string) string) (baseURL string, err error)

	// Fake starts the built-in fake server and says its URL and credentials.
	Fake func() (baseURL string, credentials map[string]string, stop func())

	// Examples are the requests, by name.
	Examples []Example
}

// Example is one request.
type Example struct {
	Name string

	// Run sends the request and returns the result to print. Samples are the
	// recipients of the vendor's page, replaced when Session.To is set.
	Run func(context.Context, Session) (result any, err error)

	// NoRecipient: the example reaches nobody, so it may go to the real
	// service as it is.
	NoRecipient bool
}

// Session is what an Example needs to make its client.
type Session struct {
	BaseURL string              // empty: the vendor's own
	Getenv  func(string) string // the environment, or the fake's credentials
	HTTP    *http.Client        // prints what it sends
	To      string              // the recipient to use instead of the page's; empty: the page's
	Real    bool                // it is the vendor's own service
	Out     io.Writer

	secrets []string // never printed
}

// Main runs the program with the process's arguments and exits.
func (p Program) Main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	code := p.Run(ctx, os.Args[1:], os.Getenv, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// Run runs the program and returns its exit status.
func (p Program) Run(ctx context.Context, args []string, getenv func(string) string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet(p.Provider, flag.ContinueOnError)
	flags.SetOutput(stderr)
	to := flags.String("to", getenv("CPAAS_TO"), "the recipient, instead of the one of the vendor's page")
	flags.Usage = func() {
		say(stderr, "usage: %s [-to recipient] list | %s\n", p.Provider, strings.Join(p.names(), " | "))
	}
	name, err := parse(flags, args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return exitOK
	case err != nil:
		return exitMisused
	case name == "" || flags.NArg() > 0:
		flags.Usage()
		return exitMisused
	}
	if name == "list" {
		for _, n := range p.names() {
			say(stdout, "%s\n", n)
		}
		return exitOK
	}
	i := slices.IndexFunc(p.Examples, func(e Example) bool { return e.Name == name })
	if i < 0 {
		say(stderr, "unknown example %q\n", name)
		flags.Usage()
		return exitMisused
	}
	session, stop, err := p.session(*to, p.Examples[i].NoRecipient, getenv, stdout)
	if err != nil {
		say(stderr, "%v\n", err)
		return exitMisused
	}
	defer stop()
	result, err := p.Examples[i].Run(ctx, session)
	if misuse, ok := errors.AsType[Misuse](err); ok {
		say(stderr, "%s\n", string(misuse))
		return exitMisused
	}
	if err != nil {
		say(stdout, "< %s\n", mask(err.Error(), session.secrets))
		return exitFailed
	}
	say(stdout, "< %s\n", mask(show(result), session.secrets))
	return exitOK
}

// parse takes the name out of args; flags may stand before or behind it.
func parse(flags *flag.FlagSet, args []string) (name string, err error) {
	if err := flags.Parse(args); err != nil || flags.NArg() == 0 {
		return "", err
	}
	name = flags.Arg(0)
	return name, flags.Parse(flags.Args()[1:])
}

// Misuse is an error that is the user's of the program, such as a variable
// that is missing.
type Misuse string

// Error is the error.
func (m Misuse) Error() string { return string(m) }

func (p Program) names() []string {
	var names []string
	for _, e := range p.Examples {
		names = append(names, e.Name)
	}
	return names
}

// session decides where to send: with neither base URL nor credentials to the
// fake, else never.
func (p Program) session(to string, noRecipient bool, getenv func(string) string, out io.Writer) (Session, func(), error) {
	baseVar := strings.ToUpper(p.Provider) + "_BASE_URL"
	base := getenv(baseVar)
	complete, begun := p.credentials(getenv)
	if base == "" && !begun {
		baseURL, credentials, stop := p.Fake()
		say(out, "No %s and no credentials: this runs against the built-in fake of %s. Nobody gets a message.\n", baseVar, p.Provider)
		get := func(name string) string {
			if v, ok := credentials[name]; ok {
				return v
			}
			return getenv(name)
		}
		secrets := append(slices.Collect(maps.Values(credentials)), p.Secrets...)
		return Session{BaseURL: baseURL, Getenv: get, HTTP: p.printing(out, secrets), To: to, Out: out, secrets: secrets}, stop, nil
	}
	if !complete {
		return Session{}, nil, Misuse("missing: " + p.missing(getenv))
	}
	if base == "" && p.Host != nil {
		host, err := p.Host(getenv)
		if err != nil {
			return Session{}, nil, err
		}
		base = host
	}
	if p.isReal(getenv(baseVar)) && to == "" && !noRecipient {
		return Session{}, nil, Misuse("this would reach the real service with the sample recipient of the vendor's page: give -to or CPAAS_TO")
	}
	secrets := slices.Clone(p.Secrets)
	for _, set := range p.Credentials {
		for _, name := range set {
			secrets = append(secrets, getenv(name))
		}
	}
	return Session{
		BaseURL: base, Getenv: getenv, HTTP: p.printing(out, secrets), To: to, Real: p.isReal(getenv(baseVar)), Out: out, secrets: secrets,
	}, func() {}, nil
}

// isReal says whether base, the value of BASE_URL, is the vendor's service.
func (p Program) isReal(base string) bool {
	if base == "" {
		return true
	}
	u, err := url.Parse(base)
	if err != nil {
		return false // the client will refuse it
	}
	host := strings.TrimSuffix(strings.ToLower(u.Hostname()), ".")
	return slices.ContainsFunc(p.RealHosts, func(domain string) bool {
		return host == domain || strings.HasSuffix(host, "."+domain)
	})
}

// credentials says whether a set is complete, and whether any is begun.
func (p Program) credentials(getenv func(string) string) (complete, begun bool) {
	for _, set := range p.Credentials {
		n := 0
		for _, name := range set {
			if getenv(name) != "" {
				n++
			}
		}
		complete = complete || n == len(set)
		begun = begun || n > 0
	}
	return complete, begun
}

// missing names the variables that are missing: of the set that is begun,
// else of every set.
func (p Program) missing(getenv func(string) string) string {
	var all []string
	for _, set := range p.Credentials {
		var absent []string
		for _, name := range set {
			if getenv(name) == "" {
				absent = append(absent, name)
			}
		}
		if len(absent) < len(set) {
			return strings.Join(absent, ", ")
		}
		all = append(all, strings.Join(set, " and "))
	}
	return strings.Join(all, ", or ")
}

// printing is an http.Client that prints every request before it is sent.
func (p Program) printing(out io.Writer, secrets []string) *http.Client {
	hidden := map[string]bool{"Authorization": true, "Proxy-Authorization": true, "Cookie": true}
	for _, name := range p.SecretHeaders {
		hidden[http.CanonicalHeaderKey(name)] = true
	}
	return &http.Client{Transport: printer{out, secrets, hidden}, Timeout: time.Minute}
}

type printer struct {
	out     io.Writer
	secrets []string
	hidden  map[string]bool // headers, by their canonical names
}

// RoundTrip prints r without the secrets and sends it.
func (p printer) RoundTrip(r *http.Request) (*http.Response, error) {
	var body []byte
	if r.Body != nil {
		var err error
		body, err = io.ReadAll(r.Body)
		r.Body.Close()
		if err != nil {
			return nil, err
		}
		r = r.Clone(r.Context())
		r.Body = io.NopCloser(bytes.NewReader(body))
	}
	var b strings.Builder
	fmt.Fprintf(&b, "> %s %s\n", r.Method, r.URL.RequestURI())
	for _, name := range slices.Sorted(maps.Keys(r.Header)) {
		value := strings.Join(r.Header[name], ", ")
		if p.hidden[http.CanonicalHeaderKey(name)] {
			value = "***"
		}
		fmt.Fprintf(&b, "> %s: %s\n", name, value)
	}
	if len(body) > 0 {
		var pretty bytes.Buffer
		if json.Indent(&pretty, body, "", "  ") == nil {
			body = pretty.Bytes()
		}
		fmt.Fprintf(&b, "%s\n", body)
	}
	say(p.out, "%s", mask(b.String(), p.secrets))
	return http.DefaultTransport.RoundTrip(r)
}

// say prints; there is nobody to tell if that fails.
func say(w io.Writer, format string, args ...any) {
	fmt.Fprintf(w, format, args...)
}

// mask is text without the secrets, as they are and as JSON writes them. A
// "secret" of three characters would take ordinary words with it.
func mask(text string, secrets []string) string {
	for _, secret := range secrets {
		if len(secret) > 3 {
			quoted := show(secret)
			quoted = quoted[1 : len(quoted)-1]
			text = strings.NewReplacer(secret, "***", quoted, "***").Replace(text)
		}
	}
	return text
}

// show is a result as indented JSON.
func show(result any) string {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(result); err != nil {
		return fmt.Sprintf("%+v", result)
	}
	return strings.TrimSuffix(b.String(), "\n")
}
