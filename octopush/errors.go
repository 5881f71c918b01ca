package octopush

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"iter"
	"log/slog"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cpaas-go/cpaas/internal/errs"
	"github.com/cpaas-go/cpaas/internal/jsonx"
	"github.com/cpaas-go/cpaas/internal/problems"
	"github.com/cpaas-go/cpaas/internal/transport"
)

// What an error of this package can be, for errors.Is.
var (
	ErrInvalidRequest     = errs.InvalidRequest     // refused by this client before sending, or by the vendor: repeating it changes nothing
	ErrInvalidRecipient   = errs.InvalidRecipient   // a recipient's address is wrong, or none of them is right
	ErrUnauthorized       = errs.Unauthorized       // the login or the key is wrong
	ErrForbidden          = errs.Forbidden          // the account may not do this
	ErrInsufficientCredit = errs.InsufficientCredit // top up; see Client.Balance
	ErrRateLimited        = errs.RateLimited        // the vendor's limit, or WithRateLimit's own: see Error.RetryAfter
	ErrContentRejected    = errs.ContentRejected    // change the text: a word is refused, or the STOP mention missing
	ErrDuplicate          = errs.Duplicate          // an earlier call had the same RequestID: it was sent before
	ErrUnavailable        = errs.Unavailable        // certainly not accepted; try later
	ErrMaybeAccepted      = errs.MaybeAccepted      // it may have been accepted: repeat it only with the same RequestID
	ErrDecode             = errs.Decode             // not understood: an answer (of a send, with ErrMaybeAccepted), or a callback
)

// Code is Octopush's own error code.
type Code int

// The codes that are known from the current API. The vendor publishes no list
// of them: where no page is named, only other people's code tells.
const (
	CodeNoValidRecipient    Code = 103  // ErrInvalidRecipient
	CodeInsufficientCredit  Code = 104  // ErrInsufficientCredit
	CodeInvalidSender       Code = 106  // ErrInvalidRequest
	CodeTextMissing         Code = 107  // ErrInvalidRequest
	CodeAccountNotValidated Code = 113  // ErrForbidden
	CodeStopMissing         Code = 121  // ErrContentRejected: marketing without the STOP mention. On the page
	CodeInvalidNumber       Code = 181  // ErrInvalidRecipient
	CodeDuplicateRequest    Code = 182  // ErrDuplicate: the RequestID was used in the last 24 hours
	CodeTextTooLong         Code = 189  // ErrInvalidRequest
	CodeWrongType           Code = 208  // ErrInvalidRequest: metadata.type
	CodeValidation          Code = 400  // as the codes in Error.Fields say, else ErrInvalidRequest. On the page
	CodeUnauthorized        Code = 401  // ErrUnauthorized
	CodeForbidden           Code = 403  // ErrForbidden
	CodeVoiceLanguage       Code = 442  // ErrInvalidRequest. On the page, in Error.Fields
	CodeTextRefused         Code = 1340 // ErrContentRejected: by an operator, for a word in text or sender
	CodeSenderRefused       Code = 1341 // ErrContentRejected: as CodeTextRefused; which is which is not known
	CodeInvalidEmail        Code = 2005 // ErrInvalidRecipient. On the page

	// CodeDuplicateLegacy is what the vendor's former API answered a repeated
	// RequestID with. Taken as CodeDuplicateRequest.
	CodeDuplicateLegacy Code = 120
)

// meaning is what a code says. settles: it would have been said of an earlier
// attempt at the same request too, so if that got no answer, it was not
// accepted. What depends on the moment does not settle that: the earlier
// attempt may have taken the last credit.
type meaning struct {
	kind    error
	settles bool
}

// codes is the one place that knows what a code means. The vendor's list for
// the former API is in it, because the numbers known from the current one
// agree with it but for the duplicate.
//
// Source of the former ones: https://octopush.com/en/sms-gateway-api-documentation/return-codes/
// and https://github.com/octopush/octopush-sms-python
var codes = map[Code]meaning{
	CodeNoValidRecipient:    {errs.InvalidRecipient, true},
	CodeInsufficientCredit:  {errs.InsufficientCredit, false},
	CodeInvalidSender:       {errs.InvalidRequest, true},
	CodeTextMissing:         {errs.InvalidRequest, true},
	CodeAccountNotValidated: {errs.Forbidden, true},
	CodeStopMissing:         {errs.ContentRejected, true},
	CodeInvalidNumber:       {errs.InvalidRecipient, true},
	CodeDuplicateRequest:    {errs.Duplicate, true},
	CodeDuplicateLegacy:     {errs.Duplicate, true},
	CodeTextTooLong:         {errs.InvalidRequest, true},
	CodeWrongType:           {errs.InvalidRequest, true},
	CodeUnauthorized:        {errs.Unauthorized, true},
	CodeForbidden:           {errs.Forbidden, true},
	CodeVoiceLanguage:       {errs.InvalidRequest, true},
	CodeTextRefused:         {errs.ContentRejected, true},
	CodeSenderRefused:       {errs.ContentRejected, true},
	CodeInvalidEmail:        {errs.InvalidRecipient, true},

	http.StatusTooManyRequests: {errs.RateLimited, false}, // the status again, under another one

	// Seen on the current API as refusals whose meaning is not known.
	134: {errs.InvalidRequest, false},
	139: {errs.InvalidRequest, false},
	142: {errs.InvalidRequest, false},
	438: {errs.Unavailable, false}, // is said to pass

	// Known from the former API only.
	100: {errs.InvalidRequest, true},      // not a POST
	101: {errs.Unauthorized, true},        // wrong credentials
	102: {errs.InvalidRequest, true},      // over 160 characters
	105: {errs.InsufficientCredit, false}, // an order is not paid yet
	108: {errs.Unauthorized, true},        // no login
	109: {errs.Unauthorized, true},        // no password
	110: {errs.InvalidRequest, true},      // no recipients' list
	111: {errs.InvalidRequest, true},      // recipients not chosen
	112: {errs.InvalidRequest, true},      // no quality chosen
	114: {errs.Forbidden, true},           // account under investigation
	115: {errs.InvalidRequest, true},      // as many parameters as recipients
	116: {errs.InvalidRequest, true},      // needs a contact list
	117: {errs.InvalidRecipient, true},    // no number of the list is right
	118: {errs.InvalidRequest, true},      // test not confirmed
	119: {errs.InvalidRequest, true},      // over 160 characters for this type
	122: {errs.ContentRejected, true},     // STOP mention of the standard type
	123: {errs.InvalidRequest, true},      // no checksum
	124: {errs.InvalidRequest, true},      // wrong checksum
	125: {errs.Unavailable, false},        // not defined
	126: {errs.Unavailable, false},        // another campaign waits for approval
	127: {errs.Unavailable, false},        // another campaign is being processed
	128: {errs.InvalidRequest, false},     // too many tries for this campaign
	129: {errs.InvalidRequest, false},     // campaign being built
	130: {errs.InvalidRequest, false},     // campaign not finished
	131: {errs.InvalidRequest, false},     // campaign not found
	132: {errs.InvalidRequest, false},     // campaign sent already
	133: {errs.InvalidRequest, false},     // batch id used already
	150: {errs.InvalidRecipient, true},    // no country has this prefix
	151: {errs.InvalidRecipient, true},    // country not served: other countries are
	152: {errs.InvalidRequest, true},      // no low cost to this country
	153: {errs.Unavailable, false},        // route congested
	201: {errs.Forbidden, true},           // option to be asked for
	202: {errs.InvalidRequest, true},      // account to credit
	203: {errs.InvalidRequest, false},     // tokens in use
	204: {errs.InvalidRequest, true},      // wrong token
	205: {errs.InvalidRequest, true},      // too little to transfer
	206: {errs.Unavailable, false},        // credit being transferred
	207: {errs.Forbidden, true},           // no access to the feature
	209: {errs.InvalidRecipient, true},    // not allowed to send to this user: to others it is
	210: {errs.InvalidRequest, true},      // no such sub-account
	300: {errs.Forbidden, true},           // lists not allowed
	301: {errs.InvalidRequest, false},     // too many lists
	302: {errs.InvalidRequest, false},     // list exists: the first attempt may have made it
	303: {errs.InvalidRequest, false},     // no such list
	304: {errs.InvalidRequest, false},     // list full
	305: {errs.InvalidRequest, true},      // too many contacts
	306: {errs.InvalidRequest, true},      // unknown action
	308: {errs.InvalidRequest, true},      // file
	500: {errs.Unavailable, false},        // cannot be processed
	501: {errs.Unavailable, false},        // connection
}

// Error is a call that Octopush refused, or that failed on the way. It prints
// no key, phone number or message text.
type Error struct {
	Op         string        // "SendSMS", "Cancel"
	StatusCode int           // 0: no answer, or refused before it was sent
	Code       Code          // the vendor's code; 0: none. It may be the status again
	Message    string        // the vendor's words on one line, numbers and addresses masked: they vary for one code
	RequestID  string        // of the X-Request-Id header, if there is one: not the request's RequestID
	RetryAfter time.Duration // how long to wait, as the vendor or WithRateLimit says; 0: not said
	Attempts   int           // requests made; 0: none
	Fields     []FieldError  // the fields that are wrong; of an answer, the first 32

	// Ticket is the campaign that the answer to a send names beside what is
	// wrong, in receipts and for Client.Cancel: some recipients may have been
	// taken, and the error is ErrMaybeAccepted. Mostly empty.
	Ticket string

	codes []Code // of all fields, also of those behind Fields
	fault errs.Fault
}

// FieldError is one wrong field.
type FieldError struct {
	Path    string // JSON path, "recipients[0].phone_number"; in an answer, the vendor's name, "voice_language"
	Code    Code   // the vendor's code; 0: none, or found before any call
	Message string
}

// Error is the error on one line.
func (e *Error) Error() string { return e.detail().Text() }

// GoString is as Error, so that %#v shows no more than %v.
func (e *Error) GoString() string { return e.Error() }

// Unwrap is what went wrong on the way, such as context.DeadlineExceeded.
func (e *Error) Unwrap() error { return e.fault.Cause }

// Is reports whether e is target, one of this package's Err values.
func (e *Error) Is(target error) bool { return e.fault.Is(target) }

// HasCode reports whether the vendor gave code, for the request or for one of
// its fields.
func (e *Error) HasCode(code Code) bool {
	return e.Code == code || slices.Contains(e.codes, code) ||
		slices.ContainsFunc(e.Fields, func(f FieldError) bool { return f.Code == code })
}

// RetryDelay is RetryAfter, for code that knows no vendor: the runners of
// package fallback read it through an interface with this method.
func (e *Error) RetryDelay() time.Duration { return e.RetryAfter }

// LogValue is the error as attributes.
func (e *Error) LogValue() slog.Value { return e.detail().LogValue() }

// RawBody is the beginning of the vendor's answer, at most 64 KiB. It may
// hold phone numbers and message texts: do not log it.
func (e *Error) RawBody() []byte { return e.fault.RawBody() }

func (e *Error) detail() errs.Detail {
	d := errs.Detail{
		Provider: "octopush", Op: e.Op, StatusCode: e.StatusCode, Code: strconv.Itoa(int(e.Code)), Message: e.Message,
		RequestID: e.RequestID, RetryAfter: e.RetryAfter, Attempts: e.Attempts, Kind: e.fault.Kind, Cause: e.fault.Text,
	}
	if e.StatusCode == 0 {
		return d // Message has the fields already
	}
	for _, f := range e.Fields {
		field := f.Path
		if f.Code != 0 {
			field += " (" + strconv.Itoa(int(f.Code)) + ")"
		}
		if f.Message != "" {
			field += " " + f.Message
		}
		d.Message = strings.TrimPrefix(d.Message+"; "+strings.TrimSpace(field), "; ")
	}
	return d
}

// invalid is the error for a request that is refused before it is sent.
func invalid(op string, found problems.List) error {
	if len(found.Problems) == 0 {
		return nil
	}
	e := &Error{Op: op, Message: found.String(), fault: errs.Fault{Kind: found.Kind()}}
	for _, p := range found.Problems {
		e.Fields = append(e.Fields, FieldError{Path: p.Path, Message: p.Message})
	}
	return e
}

// fail is the error for a call that came to res, whose body was read as a.
func (c *Client) fail(op string, res transport.Result, a *answer) *Error {
	if res.Kind == nil && res.Unsure { // a refusal in a 2xx, after an attempt of unknown fate
		res.Kind = errs.MaybeAccepted
	}
	e := &Error{
		Op: op, StatusCode: res.Status, RequestID: c.requestID(res), Ticket: a.ticket,
		RetryAfter: res.RetryAfter, Attempts: res.Attempts, fault: c.transport.Fault(res),
	}
	c.explain(e, res, a)
	return e
}

// unread is the error for a 2xx that does not say what it should. kind is
// what that leaves of the call.
func (c *Client) unread(op string, res transport.Result, a *answer, kind error) *Error {
	res.Kind, res.Cause = kind, errUnread
	e := c.fail(op, res, a)
	e.fault.Kind, e.fault.Also = kind, errs.Decode
	return e
}

var errUnread = errors.New("the answer does not say what it is documented to say")

func (c *Client) requestID(res transport.Result) string {
	return c.transport.ID(res.Header.Get("X-Request-Id"))
}

// explain takes over what the vendor says. What its code means comes before
// what the status means, unless there is doubt that the code does not settle.
func (c *Client) explain(e *Error, res transport.Result, a *answer) {
	words := c.transport.Words(res)
	e.Code, e.Message, e.codes = a.code, words.Line(a.message), a.codes
	for _, f := range a.fields {
		e.Fields = append(e.Fields, FieldError{Path: words.Line(f.Path), Code: f.Code, Message: words.Line(f.Message)})
	}
	m, known := a.meaning(e.StatusCode)
	switch {
	case e.StatusCode == http.StatusTooManyRequests, a.taken(e.StatusCode):
	case known && !m.settles && e.Is(errs.MaybeAccepted):
		e.fault.Also = m.kind
	case known:
		e.fault.Kind, e.fault.Also = m.kind, nil
	case e.fault.Kind == nil: // refused in a 2xx, for a reason that is not known
		e.fault.Kind = errs.InvalidRequest
	}
}

// means says what an answer to a send says that its status does not: whatever
// went wrong, a ticket is that of a campaign.
func means(status int, body []byte) transport.Meaning {
	if status/100 == 2 {
		return transport.AsStatus // Client.call looks into it
	}
	if a := readAnswer(body); a.taken(status) {
		return transport.Taken
	}
	return transport.AsStatus
}

// answer is any answer of Octopush to a send or a cancel.
type answer struct {
	object bool // it is a JSON object; all else is the zero answer

	ticket   string
	contacts int
	cost     float64
	sms      int
	credit   float64
	duration time.Duration

	code    Code
	odd     bool // there is a code, or an error, that cannot be read
	message string
	fields  []FieldError // at most maxFields
	codes   []Code       // of all fields, each once
}

// taken reports whether an answer with this status gives reason to believe
// that some of a send was taken. The refusal of a duplicate does not: what it
// tells is of the first.
func (a *answer) taken(status int) bool {
	if a.ticket == "" && (a.contacts == 0 || status/100 != 2) {
		return false
	}
	m, _ := a.meaning(status)
	return !errors.Is(m.kind, errs.Duplicate)
}

// refuses reports whether a 2xx says that the call failed: by a code that is
// known as a refusal's, by errors of fields, or by a code that is a status of
// the kind 4xx, as the page's 400, with words to it. Of 408 HTTP says that
// nobody knows.
func (a *answer) refuses() bool {
	_, known := a.meaning(http.StatusOK)
	return known || len(a.fields) > 0 ||
		a.code/100 == 4 && a.code != http.StatusRequestTimeout && strings.TrimSpace(a.message) != ""
}

// clear reports whether a 2xx has no code that speaks against it: none, 0, as
// a page of the vendor's shows it, or a status of HTTP's for success. What
// else comes is nobody's to guess.
func (a *answer) clear() bool {
	switch int(a.code) {
	case 0, http.StatusOK, http.StatusCreated, http.StatusAccepted, http.StatusNoContent:
		return a.object && !a.odd
	}
	return false
}

// meaning is what the codes of a say together. A code that is the status
// again says nothing, unless it is one of the page's two; nor does, in a 2xx,
// one that is a status of that kind.
func (a *answer) meaning(status int) (m meaning, known bool) {
	again := int(a.code) == status && status/100 != 4 || a.code/100 == 2 && status/100 == 2
	if m, known = codes[a.code]; known && !again {
		return m, true
	}
	m, known = meaning{}, false
	mixed := false
	for _, code := range a.codes {
		field, ok := codes[code]
		switch {
		case !ok:
			mixed = true
		case errors.Is(field.kind, errs.Duplicate):
			return field, true
		case !known:
			m, known = field, true
		default:
			mixed = mixed || !errors.Is(m.kind, field.kind)
			m.settles = m.settles || field.settles
		}
	}
	if known && mixed {
		m.kind = errs.InvalidRequest
	}
	return m, known
}

const (
	maxFields     = 32
	maxFieldDepth = 4
	maxFieldReads = 1024 // two for each recipient
)

// readAnswer reads an answer. Nothing in it that has another type than
// expected keeps the rest from being read.
func readAnswer(body []byte) answer {
	var o jsonx.Object
	if !o.Read(body) {
		return answer{}
	}
	number := func(name string) number { return toNumber(o.Get(name)) }
	a := answer{
		object:   true,
		ticket:   cmp.Or(toTicket(o.Get("ticket_number")), toTicket(o.Get("sms_ticket")), toTicket(o.Get("vocal_ticket"))), // the last of the former voice call
		contacts: number("number_of_contacts").int(),
		cost:     float64(number("total_cost")),
		sms:      number("number_of_sms_needed").int(),
		credit:   float64(number("residual_credit")),
		duration: number("estimated_duration").seconds(),
		message:  toText(o.Get("message")),
	}
	a.code, a.odd = toCode(o.Get("code"))
	switch string(o.Get("error")) { // of another form than the page's
	case "", "null", "false", "0", `""`, "[]", "{}":
	default:
		a.odd, a.message = true, cmp.Or(a.message, jsonx.Scalar(o.Get("error")))
	}
	if raw := o.Get("errors"); len(raw) > 0 {
		r := readFields(raw)
		a.fields, a.codes, a.odd = r.fields, r.codes, a.odd || r.odd
	}
	return a
}

// toTicket is a ticket: text, or a number. "", 0 and false are how PHP writes
// that there is none.
func toTicket(raw json.RawMessage) string {
	if len(raw) == 0 || raw[0] != '"' && toNumber(raw) == 0 {
		return ""
	}
	ticket := jsonx.Scalar(raw)
	if strings.TrimSpace(ticket) == "" {
		return ""
	}
	return ticket
}

// toCode is a code. odd: there is one, but no number.
func toCode(raw json.RawMessage) (code Code, odd bool) {
	if len(raw) == 0 {
		return 0, false
	}
	switch s := strings.TrimSpace(toText(raw)); s {
	case "", "false":
		return 0, len(raw) > len("{}") && raw[0] == '{'
	default:
		f, err := strconv.ParseFloat(s, 64)
		code = Code(number(f).int())
		return code, err != nil || float64(code) != f
	}
}

// fieldReader reads the errors by field: {"field": {"code": …, "message": …}},
// or any nesting of that; a message may also stand alone. The PHP of the
// server may write {} as [], and what is empty says nothing. What is deeper or
// more than any answer has is left, and odd.
type fieldReader struct {
	fields []FieldError
	codes  []Code
	odd    bool
	reads  int
}

func readFields(raw json.RawMessage) fieldReader {
	var r fieldReader
	r.read("", raw, 0)
	return r
}

func (r *fieldReader) read(path string, raw json.RawMessage, depth int) {
	if r.reads++; depth > maxFieldDepth || r.reads > maxFieldReads {
		r.odd = true
		return
	}
	switch raw[0] {
	case '{':
		r.object(path, raw, depth)
	case '[':
		items, ok := jsonx.Elements(raw)
		r.odd = r.odd || !ok
		for _, item := range items[:min(len(items), maxFieldReads)] {
			r.read(path, item, depth+1)
		}
	case '"':
		r.add(FieldError{Path: path, Message: toText(raw)})
	default:
		r.odd = r.odd || raw[0] == 't' || toNumber(raw) != 0
	}
}

// object reads the error of one field, or those of several by their names.
func (r *fieldReader) object(path string, raw json.RawMessage, depth int) {
	var o jsonx.Object
	if !o.Read(raw) {
		r.odd = true
		return
	}
	if code, message := o.Get("code"), o.Get("message"); isScalar(code) || path != "" && isScalar(message) {
		n, odd := toCode(code)
		r.odd = r.odd || odd
		r.add(FieldError{Path: cmp.Or(path, toText(o.Get("field"))), Code: n, Message: toText(message)})
		return
	}
	for name, value := range members(raw) {
		r.read(strings.TrimPrefix(path+"."+name, "."), value, depth+1)
		if r.reads > maxFieldReads {
			return
		}
	}
}

// members are the members of an object, in its order; none of one that
// jsonx.Object does not read.
func members(object json.RawMessage) iter.Seq2[string, json.RawMessage] {
	return func(yield func(string, json.RawMessage) bool) {
		var o jsonx.Object
		if !o.Read(object) {
			return
		}
		d := json.NewDecoder(bytes.NewReader(object))
		if _, err := d.Token(); err != nil { // the brace
			return
		}
		for d.More() {
			name, err := d.Token()
			if err != nil {
				return
			}
			var value json.RawMessage
			if err := d.Decode(&value); err != nil {
				return
			}
			text, _ := name.(string)
			if !yield(text, value) {
				return
			}
		}
	}
}

func (r *fieldReader) add(f FieldError) {
	if f.Code == 0 && strings.TrimSpace(f.Message) == "" {
		return
	}
	if len(r.fields) < maxFields {
		r.fields = append(r.fields, f)
	}
	if !slices.Contains(r.codes, f.Code) {
		r.codes = append(r.codes, f.Code)
	}
}

func isScalar(raw json.RawMessage) bool {
	return len(raw) > 0 && raw[0] != '{' && raw[0] != '[' && raw[0] != 'n'
}

// toText is a JSON scalar as text; of an array, its scalars with commas. raw
// is JSON, or nothing.
func toText(raw json.RawMessage) string {
	items, ok := jsonx.Elements(raw)
	if !ok {
		return jsonx.Scalar(raw)
	}
	texts := make([]string, len(items))
	for i, item := range items {
		texts[i] = jsonx.Scalar(item)
	}
	return strings.Join(texts, ",")
}

// number is a number that may come as a string. What is none is 0.
type number float64

func toNumber(raw json.RawMessage) number {
	n, _ := readNumber(raw)
	return n
}

// readNumber is toNumber; ok is false when raw is no number, or nothing.
func readNumber(raw json.RawMessage) (n number, ok bool) {
	if len(raw) == 0 {
		return 0, false
	}
	f, err := strconv.ParseFloat(strings.TrimSpace(string(bytes.Trim(raw, `"`))), 64)
	if err != nil || math.IsNaN(f) || math.IsInf(f, 0) {
		return 0, false
	}
	return number(f), true
}

// int is n as an int; 0 when it is none.
func (n number) int() int {
	if f := float64(n); f == math.Trunc(f) && math.Abs(f) <= 1<<31 {
		return int(f)
	}
	return 0
}

// seconds is n seconds; 0 when that makes no sense.
func (n number) seconds() time.Duration {
	const most = 7 * 24 * 60 * 60
	if n < 0 || n > most {
		return 0
	}
	return time.Duration(float64(n) * float64(time.Second))
}
