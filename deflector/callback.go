package deflector

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
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cpaas-go/cpaas/internal/errs"
	"github.com/cpaas-go/cpaas/internal/jsonx"
	"github.com/cpaas-go/cpaas/internal/redact"
)

// MaxCallback is how long the body of a callback may be, in bytes. The vendor
// documents no limit.
const MaxCallback = 1 << 20

// MaxEvents is how many events a callback may have. The vendor documents no
// limit; an event takes far more memory here than on the wire.
const MaxEvents = 10_000

// Event is one thing that the vendor says happened to a message. It is your
// own data: it holds phone numbers, also inside MessageID.
//
// The vendor does not say which callbacks Deflector makes. These are the
// documented callbacks of its products for RCS, for SMS that RCS fell back to,
// and for WhatsApp; the first two echo callbackData and tags, the last
// x-apiheader.
//
// Sources: https://emaildocs.netcorecloud.com/docs/rcs-webhooks,
// https://emaildocs.netcorecloud.com/docs/fallback-to-sms-webhooks,
// https://emaildocs.netcorecloud.com/reference/webhooks-v2
type Event struct {
	Channel     Channel // as given, if it is none of the constants
	LastChannel Channel // the channel tried before this one; empty on the first, and for WhatsApp

	Status    Status
	RawStatus string // the vendor's word; empty for clicks and what people write

	// CallbackData is [Message.CallbackData]: documented for RCS and SMS
	// events. In the vendor's sample of a click it is empty.
	CallbackData string

	// APIHeader is [WhatsAppMessage.APIHeader]: documented for WhatsApp events.
	APIHeader string

	// MessageID is the vendor's id of the message on this channel. How it
	// relates to [Response.MessageID] is not documented: find your message by
	// CallbackData or APIHeader.
	MessageID string

	// RequestID is the vendor's id of the request. Whether it is
	// [Response.MessageID] is not documented.
	RequestID string

	Recipient string   // the phone number, without "+"
	Sender    string   // the number of the WhatsApp sender
	Remarks   string   // why it failed, perhaps; see Err
	Tags      []string // [Message.Tags], in RCS and SMS events
	BotID     string   // of the RCS bot
	Type      string   // of the content: "Template", "Text"
	Source    string   // "source" of WhatsApp events: not a field of Deflector's

	// Time is when it happened, zero if that is not said or not understood.
	// The vendor writes seconds since 1970, as a number or a text, and in
	// older formats "2006-01-02 15:04:05" without saying in which zone: that
	// is taken as UTC unless [WithCallbackZone] says otherwise. RFC 3339,
	// which only third parties tell of, is read too.
	Time    time.Time
	RawTime string // as the vendor wrote it

	Click   *Click   // for StatusClicked
	Pricing *Pricing // in some WhatsApp events

	// Params are the parameters of a call of the native SMS webhook, nil for
	// other callbacks.
	Params url.Values

	// Raw is the event as received; nil if it came as URL parameters.
	Raw json.RawMessage
}

// Status is what an [Event] says happened.
type Status string

// The statuses. The vendor's words are read in any letter case; others than
// these are StatusUnknown, and found in Event.RawStatus.
const (
	StatusUnknown   Status = "unknown"
	StatusSent      Status = "sent"      // handed to the channel: not delivered
	StatusDelivered Status = "delivered" // on the device
	StatusRead      Status = "read"      // opened, where the person lets that be known
	StatusFailed    Status = "failed"    // see Event.Err
	StatusClicked   Status = "clicked"   // a button or link was tapped: see Event.Click
	StatusReceived  Status = "received"  // not about your message: the recipient wrote one, see ParseCallback
)

// Click is what a person tapped.
type Click struct {
	Type     string // "CLICK"
	Text     string // the label or the link
	Postback string // the button's own data
}

// Pricing is what a WhatsApp event says of the message's price. Which words
// there are is not known in full.
type Pricing struct {
	Billable bool
	Category string // "marketing", "utility", …
	Model    string
	Type     string
}

// Err is why the message failed; nil unless Status is StatusFailed. It matches
// (errors.Is) one of this package's Err values if Remarks give one of the
// vendor's codes, and none otherwise. It prints no phone number.
func (e Event) Err() error {
	if e.Status != StatusFailed {
		return nil
	}
	code := codeIn(e.Remarks)
	return &Error{
		Op: "Callback", Code: code, Message: redact.Line(cmp.Or(e.Remarks, "the message failed, no reason given")),
		fault: errs.Fault{Kind: answer{code: code, message: e.Remarks}.kind()},
	}
}

// CallbackOption changes how callbacks are read.
type CallbackOption func(*callbackConfig)

type callbackConfig struct {
	verify func(*http.Request) bool
	zone   *time.Location
}

// WithCallbackHeader refuses callbacks without the header that the vendor's
// dashboard can be told to send with each. It is the only proof there is: the
// vendor signs nothing. An empty name or value refuses every callback.
//
// Source: https://emaildocs.netcorecloud.com/docs/rcs-settings
func WithCallbackHeader(name, value string) CallbackOption {
	want := sha256.Sum256([]byte(value))
	return func(c *callbackConfig) {
		c.verify = func(r *http.Request) bool {
			got := sha256.Sum256([]byte(r.Header.Get(name)))
			return name != "" && value != "" && subtle.ConstantTimeCompare(got[:], want[:]) == 1
		}
	}
}

// WithCallbackZone says in which zone the vendor means times without one. The
// default is UTC; none is documented.
func WithCallbackZone(zone *time.Location) CallbackOption {
	return func(c *callbackConfig) {
		if zone != nil {
			c.zone = zone
		}
	}
}

// ErrUnverified is a callback without the header of [WithCallbackHeader].
var ErrUnverified = errs.Unverified

var (
	errCallbackMethod = fmt.Errorf("deflector: callback: %w: neither POST nor GET", errs.Decode)
	errCallbackLong   = fmt.Errorf("deflector: callback: %w: longer than 1 MiB", errs.Decode)
	errCallbackMany   = fmt.Errorf("deflector: callback: %w: more than 10,000 events", errs.Decode)
	errCallbackForm   = fmt.Errorf("deflector: callback: %w: of no known form", errs.Decode)
)

// ParseCallback reads a callback. Without [WithCallbackHeader] it believes
// whoever calls: callbacks are then not authenticated at all.
//
// It reads
//
//   - an array of RCS and SMS events, or a single one
//   - WhatsApp's delivery_status
//   - WhatsApp's incoming_message, what people write: StatusReceived, with the
//     person as Sender and, in a reply, the message replied to by APIHeader.
//     The rest is in Raw: nobody documents it
//   - the native SMS webhook, as a GET, a form or JSON. Only its id is
//     documented, reqid or request_ID: the event has it as RequestID, is
//     StatusUnknown without a Time, and has everything in Params
//
// Members and statuses that this version does not know are no error, but an
// event without a single member that it knows is: that is no callback. HEAD,
// and GET without a native webhook's id, are the vendor checking the URL: they
// give no event and no error, verified or not.
//
// The error is [ErrUnverified], matches [ErrDecode], or is one of reading the
// body; it shows nothing of the callback. The body is read to its end, at most
// [MaxCallback] bytes with at most [MaxEvents] events, and can be read again
// from r.
func ParseCallback(r *http.Request, opts ...CallbackOption) ([]Event, error) {
	c := callbackConfig{zone: time.UTC}
	for _, opt := range opts {
		if opt != nil {
			opt(&c)
		}
	}
	var query url.Values
	if r.URL != nil {
		query = r.URL.Query()
	}
	switch r.Method {
	case http.MethodHead:
		return nil, nil
	case http.MethodGet:
		if nativeID(query) == "" {
			return nil, nil
		}
	case http.MethodPost:
	default:
		return nil, errCallbackMethod
	}
	if c.verify != nil && !c.verify(r) {
		return nil, ErrUnverified
	}
	if r.Method == http.MethodGet {
		return []Event{nativeEvent(query)}, nil
	}
	body, err := readCallback(r)
	if err != nil {
		return nil, err
	}
	switch body = bytes.TrimSpace(body); {
	case len(body) > 0 && (body[0] == '[' || body[0] == '{'):
		return c.parseJSON(body)
	case len(body) > 0:
		form, err := url.ParseQuery(string(body))
		if err != nil || nativeID(form) == "" {
			return nil, errCallbackForm
		}
		return []Event{nativeEvent(form)}, nil
	case nativeID(query) != "":
		return []Event{nativeEvent(query)}, nil
	}
	return nil, errCallbackForm
}

// readCallback reads the body and puts it back.
func readCallback(r *http.Request) ([]byte, error) {
	if r.Body == nil {
		return nil, nil
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, MaxCallback+1))
	if err != nil {
		return nil, fmt.Errorf("deflector: callback: %w", err)
	}
	if len(body) > MaxCallback {
		return nil, errCallbackLong
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	return body, nil
}

// Handler answers the vendor's callbacks and hands each [Event] to fn, one
// after the other: 200 with an empty body if fn returned nil for all of them,
// 500 if it did not for one, which still gets to see the others. Whether the
// vendor then calls again, and whether it ever repeats or reorders callbacks,
// is not documented: let fn bear both.
//
// Without [WithCallbackHeader] anybody who knows the URL can make up events.
// With it, a callback without the header is answered 401. What [ParseCallback]
// refuses is answered 400, 405 or 413; the checks of the URL 200.
func Handler(fn func(context.Context, Event) error, opts ...CallbackOption) http.Handler {
	if fn == nil {
		panic("deflector: Handler: no function") //nolint:forbidigo // the program is wrong, as with http.HandleFunc(nil)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		events, err := ParseCallback(r, opts...)
		status := http.StatusOK
		switch {
		case err == nil:
		case errors.Is(err, ErrUnverified):
			status = http.StatusUnauthorized
		case errors.Is(err, errCallbackMethod):
			w.Header().Set("Allow", "GET, HEAD, POST")
			status = http.StatusMethodNotAllowed
		case errors.Is(err, errCallbackLong), errors.Is(err, errCallbackMany):
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

// parseJSON reads a callback that is a JSON array or object.
func (c callbackConfig) parseJSON(body []byte) ([]Event, error) {
	if !json.Valid(body) {
		return nil, errCallbackForm
	}
	items, ok := list(body)
	if !ok {
		return nil, errCallbackMany
	}
	var events []Event
	for _, item := range items {
		o := members(item)
		parts, read := []json.RawMessage{item}, callbackConfig.event
		if raw := o.get("delivery_status"); given(raw) {
			parts, ok = list(raw)
			read = callbackConfig.whatsAppEvent
		} else if raw := o.get("incoming_message"); given(raw) {
			parts, ok = list(raw)
			read = callbackConfig.incoming
		} else if o.isNative() {
			read = callbackConfig.native
		}
		if !ok || len(events)+len(parts) > MaxEvents {
			return nil, errCallbackMany
		}
		for _, raw := range parts {
			e, known := read(c, members(raw))
			if !known {
				return nil, errCallbackForm
			}
			e.Raw = bytes.Clone(raw) // raw is part of the whole body
			events = append(events, e)
		}
	}
	return events, nil
}

// list is the elements of an array; anything else is its own only element. ok
// is false for an array that is too long.
func list(raw json.RawMessage) (items []json.RawMessage, ok bool) {
	if !given(raw) {
		return nil, true
	}
	if raw[0] != '[' {
		return []json.RawMessage{raw}, true
	}
	return jsonx.Elements(raw)
}

// event is an RCS or SMS event. known is false if o has no member of one.
func (c callbackConfig) event(o object) (e Event, known bool) {
	e = Event{
		Channel:      channel(o.text("channel")),
		LastChannel:  channel(o.text("last_channel")),
		RawStatus:    o.text("status"),
		CallbackData: o.text("callbackdata"),
		APIHeader:    o.text("x-apiheader"),
		MessageID:    o.text("message_id"),
		RequestID:    o.text("requestid"),
		Recipient:    o.text("mobile"),
		Remarks:      o.text("remarks"),
		BotID:        o.text("nc_bot_id"),
		Type:         o.text("type"),
	}
	e.Status = status(e.RawStatus)
	tags, _ := list(o.get("tags"))
	for _, tag := range tags {
		e.Tags = append(e.Tags, jsonx.Scalar(tag))
	}
	if click := members(o.get("click_data")); len(click) > 0 {
		e.Click = &Click{Type: click.text("type"), Text: click.text("text"), Postback: click.text("postbackData")}
		if e.Status != StatusFailed {
			e.Status = StatusClicked
		}
	}
	e.RawTime, e.Time = c.when(o.get("event_time"))
	return e, o.hasOne("channel", "last_channel", "status", "callbackdata", "x-apiheader", "message_id", "requestid", "mobile", "remarks",
		"nc_bot_id", "type", "tags", "click_data", "event_time")
}

// whatsAppEvent is an element of delivery_status.
func (c callbackConfig) whatsAppEvent(o object) (e Event, known bool) {
	e = Event{
		Channel:      WhatsApp,
		RawStatus:    o.text("status"),
		CallbackData: o.text("callbackdata"),
		APIHeader:    o.text("x-apiheader"),
		MessageID:    o.text("ncmessage_id"),
		Recipient:    o.text("recipient"),
		Sender:       o.text("phoneNumber"),
		Remarks:      o.text("status_remark"),
		Source:       o.text("source"),
	}
	e.Status = status(e.RawStatus)
	if p := members(o.get("pricing")); len(p) > 0 {
		e.Pricing = &Pricing{
			Billable: p.text("billable") == "true", Category: p.text("category"), Model: p.text("pricing_model"), Type: p.text("type"),
		}
	}
	e.RawTime, e.Time = c.when(o.get("received_at"))
	return e, o.hasOne("status", "callbackdata", "x-apiheader", "ncmessage_id", "recipient", "phoneNumber", "status_remark", "source",
		"pricing", "received_at")
}

// incoming is an element of incoming_message, whose members only third
// parties tell of.
func (c callbackConfig) incoming(o object) (e Event, known bool) {
	e = Event{
		Channel:   WhatsApp,
		Status:    StatusReceived,
		APIHeader: members(o.get("context")).text("x-apiheader"),
		MessageID: o.text("message_id"),
		Recipient: o.text("to"),
		Sender:    o.text("from"),
		Type:      o.text("message_type"),
	}
	e.RawTime, e.Time = c.when(o.get("received_at"))
	return e, o.hasOne("context", "message_id", "to", "from", "message_type", "received_at")
}

// native is a call of the native SMS webhook, which o has the id of.
func (callbackConfig) native(o object) (e Event, known bool) { return nativeEvent(o.params()), true }

// nativeEvent is a call of the native SMS webhook.
func nativeEvent(params url.Values) Event {
	return Event{Channel: SMS, Status: StatusUnknown, RequestID: nativeID(params), Params: params}
}

// nativeID is the one parameter of the native SMS webhook that is known.
func nativeID(params url.Values) string {
	return cmp.Or(params.Get("reqid"), params.Get("request_ID"))
}

// channel is a channel in any letter case.
func channel(s string) Channel {
	for _, known := range [...]Channel{RCS, WhatsApp, SMS} {
		if strings.EqualFold(s, string(known)) {
			return known
		}
	}
	return Channel(s)
}

// status is what a word of the vendor's means. The word for a click is not
// documented: "Clicked", and "SMS Clicked" as the name of the event.
func status(word string) Status {
	word = strings.ToLower(strings.TrimSpace(word))
	switch s := Status(word); s {
	case StatusSent, StatusDelivered, StatusRead, StatusFailed, StatusClicked:
		return s
	case StatusUnknown, StatusReceived:
	}
	if word == "click" || strings.HasSuffix(word, " clicked") {
		return StatusClicked
	}
	return StatusUnknown
}

// when reads a time in any of its forms.
func (c callbackConfig) when(raw json.RawMessage) (string, time.Time) {
	s := strings.TrimSpace(jsonx.Scalar(raw))
	const year9999 = 253402300800
	if n, err := strconv.ParseFloat(s, 64); err == nil {
		if !(n > 0 && n < year9999) { // also refuses NaN
			return s, time.Time{}
		}
		sec, frac := math.Modf(n)
		return s, time.Unix(int64(sec), int64(frac*1e9)).UTC()
	}
	for _, layout := range [...]string{time.DateTime, time.RFC3339, "2006-01-02T15:04:05Z0700", "2006-01-02T15:04:05"} {
		if t, err := time.ParseInLocation(layout, s, c.zone); err == nil {
			return s, t
		}
	}
	return s, time.Time{}
}

// object is the members of a JSON object. Unlike a struct it takes each
// member by itself: one of an unexpected type spoils no other.
type object map[string]json.RawMessage

// members is the members of raw; nil if it is no object.
func members(raw json.RawMessage) object {
	var o object
	if len(raw) == 0 || json.Unmarshal(raw, &o) != nil {
		return nil
	}
	return o
}

// get is a member by its name, or by its name in another letter case: the
// vendor's own case varies ("callbackData", "callbackdata").
func (o object) get(name string) json.RawMessage {
	if raw, ok := o[name]; ok {
		return raw
	}
	found := ""
	for other := range o {
		if strings.EqualFold(name, other) && (found == "" || other < found) {
			found = other
		}
	}
	return o[found]
}

func (o object) text(name string) string { return jsonx.Scalar(o.get(name)) }

// hasOne reports whether o has one of these members, of whatever value.
func (o object) hasOne(names ...string) bool {
	return slices.ContainsFunc(names, func(name string) bool { return o.get(name) != nil })
}

// isNative reports whether o is of the native SMS webhook: it has that one's
// id, and neither id of the events above.
func (o object) isNative() bool {
	native := cmp.Or(jsonx.Scalar(o["reqid"]), jsonx.Scalar(o["request_ID"])) != ""
	return native && !given(o.get("requestid")) && !given(o.get("message_id"))
}

// params is the members as parameters: texts as they are, others as JSON.
func (o object) params() url.Values {
	params := make(url.Values, len(o))
	for name, raw := range o {
		s := jsonx.Scalar(raw)
		if raw[0] == '{' || raw[0] == '[' {
			s = string(raw)
		}
		params[name] = []string{s}
	}
	return params
}
