package webexconnect

import (
	"bytes"
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/cpaas-go/cpaas/internal/errs"
	"github.com/cpaas-go/cpaas/internal/jsonx"
	"github.com/cpaas-go/cpaas/internal/redact"
	"github.com/cpaas-go/cpaas/webexconnect/internal/wx"
)

// MaxCallback is the longest callback that is read, in bytes.
const MaxCallback = 1 << 20

// Callback is what Webex Connect calls back with: one of Notification and
// Inbound is set. Values are as received; empty ones are usual, and fields
// that this package does not know are in Raw.
type Callback struct {
	Notification *Notification
	Inbound      *Inbound
	Raw          json.RawMessage // as received; may hold addresses and texts: do not log it
}

// Notification says what became of a message, on any channel of either
// version of the API. Notifications may come late, twice, or in any order.
//
// Source: https://developers.webexconnect.io/reference/outbound-webhooks-api-ref
// and its pages for the channels.
type Notification struct {
	// TransID is the transaction's id, as Outcome.TransID or with a suffix
	// such as "_0": see [BaseTransID].
	TransID       string
	CorrelationID string // Request.CorrelationID or the destination's own
	CallbackData  string // Request.CallbackData
	SubTransID    string // of a flow's node; empty for API sends

	Channel         Channel // in the vendor's letter case of the day: "SMS", "sms", "rt"
	Code            string  // see [CodeText] with [SurfaceReceipt]
	Description     string  // for a click, the URL and the IP address
	Status          string  // "Delivered", "Un-Delivered", "ANSWERED", …
	AdditionalInfo  string  // the provider's words; for a click, the browser
	Destination     string
	DestinationType string // "msisdn", "waid", "emailid", …; may be empty

	// At is when it happened, in the tenant's zone; zero when TimeStamp, as
	// received, cannot be read or has no zone, as in the vendor's older
	// examples.
	At        time.Time
	TimeStamp string

	MessageCount    string // SMS: segments
	Carrier         string // SMS, RCS
	ServiceProvider string // RCS
	PushID          string // push
	DeviceID        string // push
	WAID            string // WhatsApp
	BSUID           string // WhatsApp
	WAIDNormalized  string // WhatsApp
	IdentityKeyHash string // WhatsApp

	Interaction     map[string]string // push, read: "Button_Pressed", "pushref", "MessageRef"
	InteractiveData map[string]string // in-app, clicked: "identifier", "type", "title", "url"

	// TransInfo is a voice call's XML beside the notification.
	TransInfo string
}

// State is what a notification proves.
type State uint8

// The states. The zero State proves nothing.
const (
	StateUnknown State = iota
	StateSent          // on its way
	StateDelivered
	StateRead // read, opened or clicked
	StateFailed
	StateOptedOut // a complaint, or unsubscribed
)

// String is the state as a word.
func (s State) String() string {
	switch s {
	case StateUnknown:
		return "unknown"
	case StateSent:
		return "sent"
	case StateDelivered:
		return "delivered"
	case StateRead:
		return "read"
	case StateFailed:
		return "failed"
	case StateOptedOut:
		return "opted out"
	}
	return "unknown"
}

// State is what n proves: by its code where that is one of the four that all
// channels share, else by its status, which examples of the vendor's
// contradict now and then.
func (n *Notification) State() State {
	switch n.Code {
	case CodeSubmitted:
		return StateSent
	case CodeDelivered:
		return StateDelivered
	case CodeRead, CodeClicked:
		return StateRead
	}
	status := strings.ToLower(n.Status)
	switch strings.NewReplacer("-", "", " ", "", "_", "").Replace(status) {
	case "submitted", "submited", "sent":
		return StateSent
	case "delivered":
		return StateDelivered
	case "read", "clicked", "opened":
		return StateRead
	case "failed", "undelivered", "bounce", "bounced", "invalid", "notverified":
		return StateFailed
	case "complaint", "complained", "unsubscribe", "unsubscribed":
		return StateOptedOut
	}
	if wx.Channel(string(n.Channel)) != wx.Voice {
		return StateUnknown
	}
	switch status {
	case "answered":
		return StateDelivered
	case "rejected", "dropped":
		return StateFailed
	case "offered", "accepted", "released", "disconnected", "trombone_connected", "trombone_released":
		return StateSent
	}
	return StateUnknown
}

// Err is why the message failed, an [*Error] that matches the Err value of
// the code on the channel, or none if the code has none; nil when State is
// neither StateFailed nor StateOptedOut. It shows Description without the
// recipient's addresses and ids.
func (n *Notification) Err() error {
	state := n.State()
	if state != StateFailed && state != StateOptedOut {
		return nil
	}
	who := []string{n.Destination, n.WAID, n.BSUID, n.PushID, n.DeviceID}
	e := &Error{
		Op: "Notification", Code: redact.Line(n.Code, who...), Message: redact.Line(n.Description, who...),
		RequestID: cmp.Or(wx.ID(n.TransID), redact.Line(n.TransID, who...)),
		fault:     errs.Fault{Kind: CodeError(SurfaceReceipt, n.Channel, n.Code)},
	}
	if state == StateOptedOut {
		e.fault.Kind = errs.OptedOut
	}
	if e.Message == "" {
		e.Message = CodeText(SurfaceReceipt, n.Channel, n.Code)
	}
	return e
}

// BaseTransID is a transaction id without what is behind its last "_", if that
// is digits only: the "_0" that some channels put behind it in notifications,
// but also the "_1", "_2", … that the outcomes of [Client.SendBatch] have of
// their own. Compare those ids whole first. An id without such a suffix, or
// with nothing in front of it, stays.
func BaseTransID(id string) string {
	i := strings.LastIndexByte(id, '_')
	if i <= 0 || i == len(id)-1 || strings.Trim(id[i+1:], "0123456789") != "" {
		return id
	}
	return id[:i]
}

// Inbound is a message or an event from a person: a flat object, in which
// most of what is nested is JSON in a string. See Decode.
//
// Source: https://developers.webexconnect.io/reference/outbound-webhooks-api-ref
// and its pages for the channels.
type Inbound struct {
	Channel string // "SMS", "WhatsApp", "Rtm", "Facebook Messenger", "rcs", "AppleBusinessChat", "email"
	Event   string // "MO", "postback", "OnPostback", "SUBSCRIBE", …; empty on SMS
	TID     string // the transaction's id
	AppID   string
	UserID  string
	Message string // the text

	// At is when it came in; zero when TimeStamp, as received, cannot be read
	// or has no zone.
	At        time.Time
	TimeStamp string

	// Who wrote, by channel. On SMS the vendor's page is not clear about
	// which of OA and DA is the person.
	OA, DA    string // SMS
	MSISDN    string // RCS
	WAID      string // WhatsApp
	BSUID     string // WhatsApp
	PSID      string // Messenger
	ABCUserID string // Apple
	From      string // e-mail

	fields map[string]json.RawMessage
}

// Fields are the names of the members as received, sorted.
func (in *Inbound) Fields() []string { return slices.Sorted(maps.Keys(in.fields)) }

// Get is a member as text: a string as it is, anything else as JSON; "" when
// there is none. Its name is in the vendor's letter case.
func (in *Inbound) Get(name string) string {
	raw := in.fields[name]
	var s jsonx.String
	if json.Unmarshal(raw, &s) == nil {
		return string(s)
	}
	return string(raw)
}

// Decode decodes a member into v, also when it is JSON in a string. A member
// that is absent or empty leaves v as it is.
func (in *Inbound) Decode(name string, v any) error {
	raw := in.fields[name]
	var inner string
	if json.Unmarshal(raw, &inner) == nil {
		raw = []byte(inner)
	}
	if len(bytes.TrimSpace(raw)) == 0 {
		return nil
	}
	if json.Unmarshal(raw, v) != nil {
		return fmt.Errorf("webexconnect: inbound: %q is not the JSON that was asked for", name)
	}
	return nil
}

// ParseCallback reads a callback, of at most [MaxCallback] bytes. It verifies
// nothing: see [Signature]. The body can be read again from r. The error
// matches [ErrDecode], or is one of reading the body; it shows nothing of the
// callback.
func ParseCallback(r *http.Request) (Callback, error) {
	body, err := readCallback(r)
	if err != nil {
		return Callback{}, err
	}
	return parseCallback(body)
}

var (
	errTooLong    = fmt.Errorf("webexconnect: callback: %w: longer than 1 MiB", errs.Decode)
	errNoCallback = fmt.Errorf("webexconnect: callback: %w: neither a notification nor an inbound event", errs.Decode)
)

func readCallback(r *http.Request) ([]byte, error) {
	if r.Body == nil { // not from a server
		r.Body = http.NoBody
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, MaxCallback+1))
	if err != nil {
		return nil, fmt.Errorf("webexconnect: callback: %w", err)
	}
	if len(body) > MaxCallback {
		return nil, errTooLong
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	return body, nil
}

func parseCallback(body []byte) (Callback, error) {
	var top struct {
		Info      json.RawMessage `json:"deliveryInfoNotification"`
		TransInfo lenient         `json:"deliveryTransInfo"`
	}
	if json.Unmarshal(body, &top) != nil {
		return Callback{}, errNoCallback
	}
	var err error
	c := Callback{Raw: bytes.Clone(body)}
	if len(top.Info) > 0 {
		c.Notification, err = parseNotification(top.Info, string(top.TransInfo))
	} else {
		c.Inbound, err = parseInbound(body)
	}
	if err != nil {
		return Callback{}, err
	}
	return c, nil
}

// What decides what a notification means must be text or a number. All else
// is taken as it comes.

// wireIDs are beside deliveryInfo, in one example of the vendor's inside.
type wireIDs struct {
	TransID       jsonx.String `json:"transid"`
	SubTransID    lenient      `json:"subtid"`
	CorrelationID jsonx.String `json:"correlationid"`
	CallbackData  lenient      `json:"callbackData"`
}

type wireInfo struct {
	wireIDs
	TimeStamp       lenient      `json:"timeStamp"`
	Description     lenient      `json:"Description"`
	Code            jsonx.String `json:"code"`
	MessageCount    lenient      `json:"messageCount"`
	DeliveryChannel lenient      `json:"deliveryChannel"`
	AdditionalInfo  lenient      `json:"additionalInfo"`
	Destination     lenient      `json:"destination"`
	DestinationType lenient      `json:"destinationType"`
	DeliveryStatus  jsonx.String `json:"deliveryStatus"`
	PushID          lenient      `json:"pushId"`
	DeviceID        lenient      `json:"deviceid"`
	WAID            lenient      `json:"waid"`
	BSUID           lenient      `json:"bsuid"`
	WAIDNormalized  lenient      `json:"waidNormalized"`
	IdentityKeyHash lenient      `json:"identityKeyHash"`
	Interaction     lenientMap   `json:"interaction"`
	InteractiveData lenientMap   `json:"interactiveData"`
}

func parseNotification(b []byte, transInfo string) (*Notification, error) {
	var w struct {
		wireIDs
		Info            *wireInfo `json:"deliveryInfo"`
		Carrier         lenient   `json:"carrier"`
		ServiceProvider lenient   `json:"serviceProvider"`
	}
	if json.Unmarshal(b, &w) != nil || w.Info == nil {
		return nil, errNoCallback
	}
	i := w.Info
	n := &Notification{
		TransID: string(cmp.Or(w.TransID, i.TransID)), CorrelationID: string(cmp.Or(w.CorrelationID, i.CorrelationID)),
		CallbackData: string(cmp.Or(w.CallbackData, i.CallbackData)), SubTransID: string(cmp.Or(w.SubTransID, i.SubTransID)),
		Channel: Channel(i.DeliveryChannel), Code: string(i.Code), Description: string(i.Description),
		Status: string(i.DeliveryStatus), AdditionalInfo: string(i.AdditionalInfo),
		Destination: string(i.Destination), DestinationType: string(i.DestinationType),
		TimeStamp: string(i.TimeStamp), MessageCount: string(i.MessageCount),
		Carrier: string(w.Carrier), ServiceProvider: string(w.ServiceProvider),
		PushID: string(i.PushID), DeviceID: string(i.DeviceID), WAID: string(i.WAID), BSUID: string(i.BSUID),
		WAIDNormalized: string(i.WAIDNormalized), IdentityKeyHash: string(i.IdentityKeyHash),
		Interaction: i.Interaction, InteractiveData: i.InteractiveData, TransInfo: transInfo,
	}
	if n.Code == "" && n.Status == "" {
		return nil, errNoCallback
	}
	n.At, _ = parseTime(n.TimeStamp) // zero when it cannot be read
	return n, nil
}

func parseInbound(body []byte) (*Inbound, error) {
	in := &Inbound{}
	if json.Unmarshal(body, &in.fields) != nil {
		return nil, errNoCallback
	}
	// The first name that is there: examples differ in letter case and, for
	// one, in spelling.
	get := func(names ...string) string {
		for _, name := range names {
			if v := in.Get(name); v != "" {
				return v
			}
		}
		return ""
	}
	in.Channel, in.Event, in.TID = get("channel", "Channel"), get("event", "Event"), get("tid", "TID")
	if in.Channel == "" && in.Event == "" && in.TID == "" {
		return nil, errNoCallback
	}
	in.AppID, in.UserID, in.Message = get("appId", "appid"), get("userId", "userld", "userid"), get("message", "textMessage")
	in.OA, in.DA, in.MSISDN, in.WAID, in.BSUID = get("oa"), get("da"), get("msisdn"), get("waid"), get("bsuid")
	in.PSID, in.ABCUserID, in.From = get("psid"), get("abcUserId"), get("from")
	in.TimeStamp = get("ts", "datetime")
	in.At, _ = parseTime(in.TimeStamp) // zero when it cannot be read
	return in, nil
}

// lenient is a string, or whatever JSON stands in its place.
type lenient string

func (l *lenient) UnmarshalJSON(b []byte) error {
	var s jsonx.String
	if json.Unmarshal(b, &s) == nil {
		*l = lenient(s)
	} else {
		*l = lenient(b)
	}
	return nil
}

// lenientMap is an object, also as JSON in a string; anything else is none.
type lenientMap map[string]string

func (m *lenientMap) UnmarshalJSON(b []byte) error {
	var inner string
	if json.Unmarshal(b, &inner) == nil {
		b = []byte(inner)
	}
	var members map[string]lenient
	if json.Unmarshal(b, &members) == nil && len(members) > 0 {
		*m = make(lenientMap, len(members))
		for name, value := range members {
			(*m)[name] = string(value)
		}
	}
	return nil
}

// ErrUnverified is a callback that is not signed with the secret of
// [Signature].
var ErrUnverified = errs.Unverified

// Signature verifies the header x-hub-signature: the hexadecimal HMAC of the
// body under the hub secret, with SHA-256 or SHA-512, with or without
// "sha256=" or "sha512=" before it. The function that it returns reads the
// request's body and puts it back. An empty secret refuses every callback.
//
// The vendor documents the header for outbound webhooks, the ones that are
// set up on the platform with a secret. Whether calls to a request's
// NotifyURL carry it is not documented: for those, set NotifyURLAuthID and
// check what it sends, or put a secret into the URL.
//
// Source: https://help.webexconnect.io/docs/outbound-webhooks
func Signature(secret string) func(*http.Request) error {
	return signature(secret, func(body []byte) []byte { return body })
}

// CompactSignature is [Signature] over the body without white space between
// its tokens: the vendor's example strips it before signing. Use it only if
// Signature refuses what is genuine.
func CompactSignature(secret string) func(*http.Request) error {
	return signature(secret, func(body []byte) []byte {
		var b bytes.Buffer
		if json.Compact(&b, body) != nil {
			return body
		}
		return b.Bytes()
	})
}

func signature(secret string, signed func([]byte) []byte) func(*http.Request) error {
	return func(r *http.Request) error {
		body, err := readCallback(r)
		if err != nil {
			return err
		}
		if secret == "" || !signedWith(r.Header.Get("X-Hub-Signature"), secret, signed(body)) {
			return ErrUnverified
		}
		return nil
	}
}

// signedWith checks a signature header. Which hash it is, its length tells;
// a prefix must agree.
func signedWith(header, secret string, body []byte) bool {
	name, digits, prefixed := strings.Cut(strings.TrimSpace(header), "=")
	if !prefixed {
		name, digits = "", name
	}
	got, err := hex.DecodeString(digits)
	if err != nil {
		return false
	}
	var h func() hash.Hash
	switch {
	case len(got) == sha256.Size && (!prefixed || strings.EqualFold(name, "sha256")):
		h = sha256.New
	case len(got) == sha512.Size && (!prefixed || strings.EqualFold(name, "sha512")):
		h = sha512.New
	default:
		return false
	}
	mac := hmac.New(h, []byte(secret))
	mac.Write(body)
	return hmac.Equal(got, mac.Sum(nil))
}

// Handler receives callbacks: fn takes over those that verify says are the
// vendor's (nil refuses every one; see [Signature]). It answers 200
// with an empty body once fn returned nil, 500 when fn failed, so that the
// vendor tries again, 401 to what is not verified, 400 to what cannot be
// read, and 405 to other methods than POST and HEAD, with which the platform
// tries a URL out.
//
// The vendor waits 10 seconds, tries again 3 times, and only after some
// statuses: fn should store the callback and return.
func Handler(fn func(context.Context, Callback) error, verify func(*http.Request) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.Method {
		case http.MethodHead:
			return
		case http.MethodPost:
		default:
			w.Header().Set("Allow", "HEAD, POST")
			w.WriteHeader(http.StatusMethodNotAllowed)
			return
		}
		body, err := readCallback(r)
		if err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		if verify == nil || verify(r) != nil {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		c, err := parseCallback(body)
		if err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		if fn(r.Context(), c) != nil {
			w.WriteHeader(http.StatusInternalServerError)
		}
	})
}
