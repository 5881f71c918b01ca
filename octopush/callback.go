package octopush

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/cpaas-go/cpaas/internal/errs"
	"github.com/cpaas-go/cpaas/internal/jsonx"
)

// MaxCallback is how long the body of a callback may be, in bytes. The vendor
// documents no limit.
const MaxCallback = 1 << 20

// Event is a callback: one of its pointers is set, or none if it is of a kind
// that this version does not know. It is your own data: it holds phone numbers
// and texts.
//
// Which kind a callback is shows in its fields: stop_date is a Stop, status or
// delivery_date a Receipt, reception_date or answer_date a Reply. A field that
// is empty, 0 or a boolean is none.
//
// Source: https://dev.octopush.com/en/sms-gateway-api-documentation/callbacks/
type Event struct {
	Receipt *Receipt
	Reply   *Reply
	Stop    *Stop
	Raw     []byte // the body as received: JSON, or a form
}

// Status is what a [Receipt] says happened, as the vendor writes it. Words
// that this version does not know are possible.
type Status string

// The statuses of the page of all channels
// (https://dev.octopush.com/en/sms-gateway-api-documentation/callbacks/acknowledge-receipt).
// What they mean is not explained there; nor is there one for a message that
// was read.
const (
	StatusAck               Status = "ACK" // on its way
	StatusDelivered         Status = "DELIVERED"
	StatusNotDelivered      Status = "NOT_DELIVERED"
	StatusNotAllowed        Status = "NOT_ALLOWED"
	StatusUnknownDelivery   Status = "UNKNOWN_DELIVERY"
	StatusBadDestination    Status = "BAD_DESTINATION"
	StatusBlacklistedNumber Status = "BLACKLISTED_NUMBER" // the recipient opted out
	StatusUndefined         Status = "UNDEFINED"
)

// Statuses of the older page of voice SMS
// (https://dev.octopush.com/en/sms-gateway-api-documentation/webhook-sms-vocal-ar-acknowledge-receipt/).
const (
	StatusNotDeliverable Status = "NOT_DELIVERABLE"
	StatusBusy           Status = "BUSY"
	StatusRefused        Status = "REFUSED"
)

// Statuses that no page of the vendor's has, only other people's code.
const (
	StatusExpired      Status = "EXPIRED"
	StatusAntiFlooding Status = "ANTI_FLOODING"
)

// Date is a date and time as the vendor writes it, "2020-11-04 11:11:45". In
// which zone that is, it does not say.
type Date string

// In is d, taken to be in zone; nil is UTC. The error is that d is in no
// known form, or empty.
func (d Date) In(zone *time.Location) (time.Time, error) {
	if zone == nil {
		zone = time.UTC
	}
	for _, layout := range [...]string{time.DateTime, time.RFC3339} {
		if t, err := time.ParseInLocation(layout, strings.TrimSpace(string(d)), zone); err == nil {
			return t, nil
		}
	}
	return time.Time{}, errDate
}

var errDate = errors.New("octopush: not a date")

// Receipt is a delivery receipt. A request's RequestID does not come back: its
// message is found by ticket and number.
//
// Source: https://dev.octopush.com/en/sms-gateway-api-documentation/callbacks/acknowledge-receipt
type Receipt struct {
	Channel Channel // also of channels that this API does not send on; empty on the older page of voice SMS
	Ticket  string  // message_id: Response.Ticket
	Number  string  // the phone number; with "+" as documented, without it at times as others tell
	Status  Status
	Date    Date // delivery_date

	// Of calls. Documented as numbers on one page and as strings on another,
	// and read in either form, beside the rest or in meta_data.
	PressedKeys     string        // the keys that were pressed
	CallDuration    time.Duration // 0: not said
	ChargedDuration time.Duration // 0: not said

	MetaData json.RawMessage // meta_data, whose members are not documented; nil if there are none
}

// Reply is what a recipient answered.
//
// Source: https://dev.octopush.com/en/sms-gateway-api-documentation/inbounds/
type Reply struct {
	Channel Channel // if given: it is not documented for replies
	Ticket  string  // message_id of what was answered; empty if the vendor did not find it
	Number  string  // who answered
	Text    string
	SIMCard string // sim_card_number
	Date    Date   // reception_date, or answer_date as another page calls it
}

// Stop is somebody's wish to get nothing more.
//
// Source: https://dev.octopush.com/en/sms-gateway-api-documentation/opt-out-management/
type Stop struct {
	Channel Channel // if given: it is not documented for this
	Ticket  string  // message_id of what was answered; others tell that it may be empty
	Number  string  // whose wish it is
	Text    string
	Date    Date // stop_date
}

// CallbackOption changes how callbacks are read.
type CallbackOption func(*callbackConfig)

type callbackConfig struct {
	verify func(*http.Request) bool
}

// WithCallbackSecret refuses callbacks whose URL does not have secret as its
// query parameter param. Register the URL with it:
// "https://acme.example/hooks/octopush?token=…", and keep it out of access
// logs. It is the only proof there is: the vendor signs nothing. An empty
// param or secret refuses every callback.
func WithCallbackSecret(param, secret string) CallbackOption {
	want := sha256.Sum256([]byte(secret))
	usable := param != "" && secret != ""
	return func(c *callbackConfig) {
		c.verify = func(r *http.Request) bool {
			if r.URL == nil || !usable {
				return false
			}
			got := sha256.Sum256([]byte(r.URL.Query().Get(param)))
			return subtle.ConstantTimeCompare(got[:], want[:]) == 1
		}
	}
}

// ErrUnverified is a callback without the secret of [WithCallbackSecret].
var ErrUnverified = errs.Unverified

var (
	errCallbackMethod = fmt.Errorf("octopush: callback: %w: not a POST", errs.Decode)
	errCallbackLong   = fmt.Errorf("octopush: callback: %w: longer than 1 MiB", errs.Decode)
	errCallbackForm   = fmt.Errorf("octopush: callback: %w: neither a JSON object nor a form", errs.Decode)
)

// ParseCallback reads a callback: a JSON object, as the vendor's samples have
// it, or a form, which only third parties tell of. Members and statuses that
// this version does not know are no error. Without [WithCallbackSecret] it
// believes whoever calls.
//
// The error is [ErrUnverified], matches [ErrDecode], or is one of reading the
// body; it shows nothing of the callback. The body is read to its end, at most
// [MaxCallback] bytes, and can be read again from r.
func ParseCallback(r *http.Request, opts ...CallbackOption) (Event, error) {
	var c callbackConfig
	for _, opt := range opts {
		if opt != nil {
			opt(&c)
		}
	}
	if r.Method != http.MethodPost {
		return Event{}, errCallbackMethod
	}
	if c.verify != nil && !c.verify(r) {
		return Event{}, ErrUnverified
	}
	body, err := readCallback(r)
	if err != nil {
		return Event{}, err
	}
	mediaType, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	return parseCallback(body, err == nil && mediaType == "application/x-www-form-urlencoded")
}

// readCallback reads the body and puts it back.
func readCallback(r *http.Request) ([]byte, error) {
	if r.Body == nil {
		return nil, nil
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, MaxCallback+1))
	if err != nil {
		return nil, fmt.Errorf("octopush: callback: %w", err)
	}
	if len(body) > MaxCallback {
		return nil, errCallbackLong
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	return body, nil
}

// parseCallback reads a body. JSON is known by its brace, whatever the
// Content-Type says.
func parseCallback(body []byte, isForm bool) (Event, error) {
	var f fields
	switch trimmed := bytes.TrimSpace(body); {
	case len(trimmed) > 0 && trimmed[0] == '{':
		if json.Unmarshal(trimmed, &f) != nil {
			return Event{}, errCallbackForm
		}
	case isForm && len(trimmed) > 0:
		form, err := url.ParseQuery(string(trimmed))
		if err != nil {
			return Event{}, errCallbackForm
		}
		f = formFields(form)
	default:
		return Event{}, errCallbackForm
	}
	e := Event{Raw: body}
	switch {
	case f.given("stop_date") != "":
		e.Stop = &Stop{
			Channel: Channel(f.text("channel")), Ticket: f.text("message_id"), Number: f.text("number"),
			Text: f.text("text"), Date: Date(f.given("stop_date")),
		}
	case f.given("status") != "", f.given("delivery_date") != "":
		e.Receipt = f.receipt()
	case f.given("reception_date") != "", f.given("answer_date") != "":
		e.Reply = &Reply{
			Channel: Channel(f.text("channel")), Ticket: f.text("message_id"), Number: f.text("number"),
			Text: f.text("text"), SIMCard: f.text("sim_card_number"),
			Date: Date(cmp.Or(f.given("reception_date"), f.given("answer_date"))),
		}
	}
	return e, nil
}

// fields are the members of a callback. Each is taken by itself, so that one
// of an unexpected type spoils no other.
type fields map[string]json.RawMessage

// formFields is a form as fields: "a[b]" is b within a, as PHP writes it.
func formFields(form url.Values) fields {
	f := fields{}
	nested := map[string]map[string]string{}
	for name := range form {
		outer, inner, ok := strings.Cut(strings.TrimSuffix(name, "]"), "[")
		if !ok || outer == "" {
			f[name] = quote(form.Get(name))
			continue
		}
		if nested[outer] == nil {
			nested[outer] = map[string]string{}
		}
		nested[outer][inner] = form.Get(name)
	}
	for outer, members := range nested {
		f[outer] = quote(members)
	}
	return f
}

func quote(v any) json.RawMessage {
	b, err := json.Marshal(v)
	if err != nil { // strings cannot fail
		return nil
	}
	return b
}

func (f fields) text(name string) string { return toText(f[name]) }

// given is text, unless it says that there is nothing: "", 0 or a boolean.
func (f fields) given(name string) string {
	s := jsonx.Scalar(f[name])
	switch strings.ToLower(strings.TrimSpace(s)) {
	case "", "0", "null", "false", "true":
		return ""
	}
	return s
}

func (f fields) receipt() *Receipt {
	r := &Receipt{
		Channel: Channel(f.text("channel")), Ticket: f.text("message_id"), Number: f.text("number"),
		Status: Status(f.given("status")), Date: Date(f.given("delivery_date")),
	}
	var inner fields
	if raw := f["meta_data"]; len(raw) > 0 && raw[0] == '"' { // JSON within a form
		f["meta_data"] = json.RawMessage(toText(raw))
	}
	if raw := f["meta_data"]; json.Unmarshal(raw, &inner) == nil && len(inner) > 0 {
		r.MetaData = raw
	}
	r.PressedKeys = cmp.Or(f.text("pressed_keys_code"), inner.text("pressed_keys_code"))
	r.CallDuration = cmp.Or(toNumber(f["call_duration"]), toNumber(inner["call_duration"])).seconds()
	r.ChargedDuration = cmp.Or(toNumber(f["charged_duration"]), toNumber(inner["charged_duration"])).seconds()
	return r
}

// Handler answers the vendor's callbacks and hands each [Event] to fn: 200
// with an empty body, as the vendor asks for, if fn returned nil, and 500 if
// it did not. The vendor wants the answer within a second: let fn note the
// event and do the work later. Whether it calls again after a 500, and whether
// it ever repeats or reorders callbacks, is not documented: let fn bear both.
//
// Without [WithCallbackSecret] anybody who knows the URL can make up events.
// With it, a callback without the secret is answered 401. What [ParseCallback]
// refuses is answered 400, 405 or 413.
func Handler(fn func(context.Context, Event) error, opts ...CallbackOption) http.Handler {
	if fn == nil {
		panic("octopush: Handler: no function") //nolint:forbidigo // the program is wrong, as with http.HandleFunc(nil)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		e, err := ParseCallback(r, opts...)
		switch {
		case err == nil && fn(r.Context(), e) == nil:
			w.WriteHeader(http.StatusOK)
		case err == nil:
			w.WriteHeader(http.StatusInternalServerError)
		case errors.Is(err, ErrUnverified):
			w.WriteHeader(http.StatusUnauthorized)
		case errors.Is(err, errCallbackMethod):
			w.Header().Set("Allow", http.MethodPost)
			w.WriteHeader(http.StatusMethodNotAllowed)
		case errors.Is(err, errCallbackLong):
			w.WriteHeader(http.StatusRequestEntityTooLarge)
		default:
			w.WriteHeader(http.StatusBadRequest)
		}
	})
}
