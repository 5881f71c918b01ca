package senders

import (
	"cmp"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/cpaas-go/cpaas/fallback"
	"github.com/cpaas-go/cpaas/fallback/delivery"
	"github.com/cpaas-go/cpaas/internal/phone"
)

// Token is a Verify for vendors that sign nothing: the secret is a parameter
// of the callback URL that you register with them, such as
// "https://acme.example/hooks/octopush?token=…". An empty secret refuses
// every callback. Keep the URL out of access logs.
func Token(param, secret string) func(*http.Request) error {
	return compare(secret, func(r *http.Request) string { return r.URL.Query().Get(param) })
}

// Header is a Verify for vendors that can be told to send a header of your
// own with every callback. An empty secret refuses every callback.
func Header(name, secret string) func(*http.Request) error {
	return compare(secret, func(r *http.Request) string { return r.Header.Get(name) })
}

func compare(secret string, of func(*http.Request) string) func(*http.Request) error {
	want := sha256.Sum256([]byte(secret))
	empty := secret == ""
	return func(r *http.Request) error {
		got := sha256.Sum256([]byte(of(r)))
		if empty || subtle.ConstantTimeCompare(want[:], got[:]) != 1 {
			return errors.New("callback without the right secret")
		}
		return nil
	}
}

// verified runs an adapter's Verify. Without one, every callback is refused.
func verified(r *http.Request, verify func(*http.Request) error) error {
	if verify == nil {
		return fmt.Errorf("%w: the adapter has no Verify", delivery.ErrUnverified)
	}
	if err := verify(r); err != nil {
		return fmt.Errorf("%w: %w", delivery.ErrUnverified, err)
	}
	return nil
}

// shows is what an adapter answers for content that its channel cannot show.
func shows(what string, got fallback.Content) error {
	return fmt.Errorf("%w: shows %s, not %s", fallback.ErrInvalidRequest, what, kind(got))
}

func kind(c fallback.Content) string {
	switch c.(type) {
	case nil:
		return "nothing"
	case fallback.Text:
		return "a text"
	case fallback.Template:
		return "a template"
	case fallback.Mail:
		return "an e-mail"
	}
	return fmt.Sprintf("%T", c)
}

// templateName is the vendor's name of a template.
func templateName(names map[string]string, name string) string {
	return cmp.Or(names[name], name)
}

// digits is an E.164 number without its "+", as many vendors want it.
func digits(e164 string) string { return strings.TrimPrefix(e164, "+") }

// ownRule makes a client's refusal of an address, before any request, that
// client's own: the legs of other providers may still use the address. What is
// nobody's number stays wrong for all of them.
func ownRule(err error, attempts int, to string) error {
	if attempts > 0 || !errors.Is(err, fallback.ErrInvalidRecipient) {
		return err
	}
	if _, _, ok := phone.Split(to); !ok && !strings.Contains(to, "@") {
		return err
	}
	return fmt.Errorf("%w: %s", fallback.ErrInvalidRequest, err.Error()) // not %w: it is no longer what it was
}

var errNoClient = errors.New("no Client")
