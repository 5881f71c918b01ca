package os1

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/cpaas-go/cpaas/internal/errs"
	"github.com/cpaas-go/cpaas/internal/jsonx"
)

// Kind says which of the URLs that you gave to OS1 an event came to. No page
// says how to tell events apart by their content: give each its own URL.
type Kind string

// The kinds. They are words of this package, not of the vendor's.
const (
	DeliveryStatus Kind = "delivery_status" // to SendRequest.Callback
	AcceptedReply  Kind = "accepted_reply"  // to AcceptedResponse.Webhook
	InboundReply   Kind = "inbound_reply"   // to Webhooks.DefaultInbound
	TwoWayStatus   Kind = "two_way_status"  // to Webhooks.Status
	InvalidReply   Kind = "invalid_reply"   // to Webhooks.InvalidResponse
)

// Event is one callback. No body of the messaging service's callbacks is
// documented: the fields are what callbacks of the platform's container
// service have, and where parts of your own request may come back. What is
// not there is empty.
//
// Source: https://docs.getos1.com/asynchronous-apis
type Event struct {
	Kind Kind

	TenantID string // "tenantId"
	Type     string // "eventType" or "type"
	Service  string // "service"
	Status   string // "status", at the top or in "data"
	Reason   string // "reason", at the top or in "data"

	Data    json.RawMessage // "data"
	Meta    json.RawMessage // "meta", at the top, in "data" or in "callback": perhaps Callback.Meta
	Context json.RawMessage // "context", at the top or in "data": perhaps TwoWayRequest.Context

	raw kept[json.RawMessage]
}

// Raw is the event as it came in. It may hold phone numbers, texts and
// secrets: do not log it.
func (e Event) Raw() json.RawMessage { return e.raw.get() }

// MaxCallback is how long the body of a callback may be, in bytes. The vendor
// documents no limit.
const MaxCallback = 1 << 20

// ErrUnverified is a callback that its verifier does not believe.
var ErrUnverified = errs.Unverified

var (
	errCallbackMethod = fmt.Errorf("os1: callback: %w: not a POST", errs.Decode)
	errCallbackLong   = fmt.Errorf("os1: callback: %w: longer than 1 MiB", errs.Decode)
	errCallbackForm   = fmt.Errorf("os1: callback: %w: neither an object nor a list of them", errs.Decode)
)

// ParseCallback verifies and reads one callback that came to the URL of that
// kind: one JSON object, or a list of them. A nil verify refuses every
// callback.
//
// The error is [ErrUnverified], matches [ErrDecode], or is one of reading the
// body; it shows nothing of the callback. The body is read to its end, at most
// [MaxCallback] bytes, and can be read again from r.
func ParseCallback(kind Kind, r *http.Request, verify Verifier) ([]Event, error) {
	if r.Method != http.MethodPost {
		return nil, errCallbackMethod
	}
	var body []byte
	if r.Body != nil {
		var err error
		if body, err = io.ReadAll(io.LimitReader(r.Body, MaxCallback+1)); err != nil {
			return nil, fmt.Errorf("os1: callback: %w", err)
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
	}
	if len(body) > MaxCallback {
		return nil, errCallbackLong
	}
	if verify == nil {
		return nil, fmt.Errorf("%w: no verifier", ErrUnverified)
	}
	if err := verify.Verify(r.Header, body); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnverified, err)
	}
	return readEvents(kind, body)
}

// readEvents reads the body of a callback.
func readEvents(kind Kind, body []byte) ([]Event, error) {
	objects := []json.RawMessage{body}
	if bytes.HasPrefix(bytes.TrimSpace(body), []byte("[")) {
		if objects = items(body); objects == nil {
			return nil, errCallbackForm
		}
	}
	events := make([]Event, 0, len(objects))
	for _, raw := range objects {
		l := readLoose(raw)
		if l == nil {
			return nil, errCallbackForm
		}
		data := l.object("data")
		either := func(name string) json.RawMessage {
			if v := l.get(name); v != nil {
				return v
			}
			return data.get(name)
		}
		meta := either("meta")
		if meta == nil {
			meta = l.object("callback").get("meta")
		}
		events = append(events, Event{
			Kind: kind, TenantID: l.text("tenantId"), Type: l.text("eventType", "type"), Service: l.text("service"),
			Status: jsonx.Scalar(either("status")), Reason: jsonx.Scalar(either("reason")),
			Data: l.get("data"), Meta: meta, Context: either("context"), raw: keep(raw),
		})
	}
	return events, nil
}

// Handler answers the callbacks that come to the URL of that kind and hands
// each [Event] to fn, one after the other: 200 with an empty body if fn
// returned nil for all of them, 500 if it did not for one, which still gets to
// see the others. A callback that verify refuses is answered 401, others that
// [ParseCallback] refuses 400, 405 or 413.
//
// The vendor wants 200 or 202. Whether it calls again otherwise, and whether
// it ever repeats or reorders callbacks, is not documented: let fn bear both.
func Handler(kind Kind, verify Verifier, fn func(context.Context, Event) error) http.Handler {
	if fn == nil {
		panic("os1: Handler: no function") //nolint:forbidigo // the program is wrong, as with http.HandleFunc(nil)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		events, err := ParseCallback(kind, r, verify)
		status := http.StatusOK
		switch {
		case err == nil:
		case errors.Is(err, ErrUnverified):
			status = http.StatusUnauthorized
		case errors.Is(err, errCallbackMethod):
			w.Header().Set("Allow", http.MethodPost)
			status = http.StatusMethodNotAllowed
		case errors.Is(err, errCallbackLong):
			status = http.StatusRequestEntityTooLarge
		default:
			status = http.StatusBadRequest
		}
		for _, e := range events {
			if fn(r.Context(), e) != nil {
				status = http.StatusInternalServerError
			}
		}
		w.WriteHeader(status)
	})
}
