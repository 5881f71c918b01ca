package capillary

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// answer is any answer of the operation, of either encoding and every known
// form.
type answer struct {
	known   bool // it says whether the call succeeded
	xml     bool
	status  Status
	counted bool   // status.Succeeded was said
	errors  issues // about the whole call
	items   []wireItem
}

// verdict is what became of the messages of a call.
type verdict uint8

const (
	unknown  verdict = iota // the answer does not say
	accepted                // all of them were taken
	refused                 // none was
	partly                  // some were
	unsure                  // the answer contradicts itself
)

// verdict judges a call of so many messages.
func (a *answer) verdict(sent int) verdict {
	if !a.known {
		return unknown
	}
	s, failed := a.status, 0
	for i := range a.items {
		if len(a.items[i].Errors) > 0 {
			failed++
		}
	}
	total := max(sent, s.Total)
	troubled := s.Code == CodePartial || failed > 0 || len(a.errors) > 0
	taken := 0
	switch {
	case s.Success && !troubled && (!a.counted || s.Succeeded >= total):
		return accepted
	case a.counted && s.Success && !troubled && s.Succeeded == 0:
		return unsure // a success of which nothing came
	case a.counted:
		taken = s.Succeeded
	case failed > 0 && (s.Success || s.Code == CodePartial || failed < len(a.items)):
		taken = max(total, len(a.items)) - failed
	case s.Success || s.Code == CodePartial:
		return unsure
	}
	switch {
	case taken <= 0:
		return refused
	case taken < total:
		return partly
	}
	return unsure
}

// ids is how many messages the answer gives an id.
func (a *answer) ids() int {
	n := 0
	for i := range a.items {
		if a.items[i].message().id() != "" {
			n++
		}
	}
	return n
}

// readAnswer reads an answer: XML or JSON, whatever was asked for. What is of
// no known form is not known.
func readAnswer(body []byte) answer {
	body = bytes.TrimSpace(bytes.TrimPrefix(body, []byte("\xef\xbb\xbf")))
	switch {
	case len(body) == 0:
		return answer{}
	case body[0] == '<':
		return readXML(body)
	case body[0] == '{':
		return readJSON(body)
	}
	// The vendor prints its gateway's refusals as "HttpStatusCode=403
	// errorMessage=… errorCode=4000"; whether they come like that is not
	// documented.
	var a answer
	if found := errorCode.FindSubmatch(body[:min(len(body), 4<<10)]); found != nil {
		a.known = true
		a.status.Code = Code(scalar(found[1]).number())
	}
	return a
}

var errorCode = regexp.MustCompile(`(?i)\berrorCode\s*[=:]\s*"?([0-9]{3,5})\b`)

func readJSON(body []byte) answer {
	var w wireAnswer
	if err := json.Unmarshal(body, &w); err != nil {
		// A member of another type than expected is left out; the rest is read.
		if _, ok := errors.AsType[*json.UnmarshalTypeError](err); !ok {
			return answer{}
		}
	}
	return w.answer()
}

// wireAnswer holds every known form of a JSON answer: the page's, the older
// one in an OpenAPI description of the same operation, where everything is in
// "response", and the bare errors of a sibling API.
type wireAnswer struct {
	Response     *wireAnswer `json:"response"`
	Status       wireStatus  `json:"status"`
	Errors       issues      `json:"errors"`
	Warnings     issues      `json:"warnings"`
	ErrorCode    scalar      `json:"errorCode"`
	ErrorMessage scalar      `json:"errorMessage"`

	SMSList  []wireItem `json:"smsList"`
	Emails   []wireItem `json:"emails"`
	WhatsApp []wireItem `json:"whatsapp"`
	Zalo     []wireItem `json:"zalo"`

	SMS             wireMessages `json:"sms"`
	Email           wireMessages `json:"email"`
	WhatsAppMessage wireMessages `json:"whatsappMessage"`
	ZaloMessage     wireMessages `json:"zaloMessage"`
}

type wireStatus struct {
	Success              scalar    `json:"success"`
	Code                 scalar    `json:"code"`
	Message              scalar    `json:"message"`
	Count                scalar    `json:"count"`
	TotalCount           scalar    `json:"totalCount"`
	SuccessCount         scalar    `json:"successCount"`
	StatusCode           wireInner `json:"statusCode"`
	Warnings             issues    `json:"warnings"`
	WarningsAsStatusCode issues    `json:"warningsAsStatusCode"`
}

// wireInner repeats what stands beside it.
type wireInner struct {
	Status  scalar `json:"status"`
	Code    scalar `json:"code"`
	Message scalar `json:"message"`
}

type wireItem struct {
	SMS             *wireMessage `json:"sms"`
	Email           *wireMessage `json:"email"`
	WhatsAppMessage *wireMessage `json:"whatsappMessage"`
	ZaloMessage     *wireMessage `json:"zaloMessage"`
	Errors          issues       `json:"errors"`
	Warnings        issues       `json:"warnings"`
}

// wireMessage has the fields of a message of every channel.
type wireMessage struct {
	To               scalar          `json:"to"`
	Receiver         scalar          `json:"receiver"`
	Body             scalar          `json:"body"`
	Template         scalar          `json:"template"`
	Sender           scalar          `json:"sender"`
	From             scalar          `json:"from"`
	CC               scalar          `json:"cc"`
	BCC              scalar          `json:"bcc"`
	Subject          scalar          `json:"subject"`
	ScheduledTime    scalar          `json:"scheduledTime"`
	ScheduledTimeOld scalar          `json:"scheduled_time"`
	LabelOfSender    scalar          `json:"labelOfSender"`
	SenderEmail      scalar          `json:"senderEmail"`
	ReplyToEmail     scalar          `json:"replyToEmail"`
	NSAdminID        scalar          `json:"nsAdminId"`
	ID               scalar          `json:"id"`
	Status           scalar          `json:"status"`
	FileHandler      json.RawMessage `json:"fileHandler"`
	Attachments      json.RawMessage `json:"attachments"`
	ItemStatus       *wireItemStatus `json:"item_status"`
	Errors           issues          `json:"errors"`
}

// wireItemStatus is how the vendor's v1.1 APIs speak of one item in general.
type wireItemStatus struct {
	Success scalar `json:"success"`
	Code    scalar `json:"code"`
	Message scalar `json:"message"`
}

func (m *wireMessage) id() scalar { return cmp.Or(m.NSAdminID, m.ID) }

func (m *wireMessage) scheduled() scalar { return cmp.Or(m.ScheduledTime, m.ScheduledTimeOld) }

// wireMessages is one message or several.
type wireMessages []wireMessage

// UnmarshalJSON takes an object or an array of objects.
func (m *wireMessages) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '[' {
		return json.Unmarshal(b, (*[]wireMessage)(m))
	}
	if len(b) == 0 || b[0] != '{' {
		return nil
	}
	*m = make(wireMessages, 1)
	return json.Unmarshal(b, &(*m)[0])
}

func (w *wireAnswer) answer() answer {
	if w.Response != nil && w.Status.empty() {
		return w.Response.answer()
	}
	a := answer{errors: w.Errors}
	a.setStatus(&w.Status)
	if w.ErrorCode != "" {
		a.errors = append(a.errors, Issue{Code: Code(w.ErrorCode.number()), Message: string(w.ErrorMessage)})
	}
	a.status.Warnings = append(a.status.Warnings, w.Warnings...)
	a.known = a.known || len(a.errors) > 0
	for _, list := range [...][]wireItem{w.SMSList, w.Emails, w.WhatsApp, w.Zalo} {
		if a.items == nil {
			a.items = list
		} else {
			a.items = append(a.items, list...)
		}
	}
	for _, list := range [...]wireMessages{w.SMS, w.Email, w.WhatsAppMessage, w.ZaloMessage} {
		for i := range list {
			a.items = append(a.items, wireItem{SMS: &list[i]})
		}
	}
	for i := range a.items {
		a.items[i].gather()
	}
	return a
}

// message is the message that an item is about; the zero one when it names
// none.
func (it *wireItem) message() *wireMessage {
	if m := cmp.Or(it.SMS, it.Email, it.WhatsAppMessage, it.ZaloMessage); m != nil {
		return m
	}
	return &wireMessage{}
}

// gather adds the errors that stand inside the message to the item's.
func (it *wireItem) gather() {
	m := cmp.Or(it.SMS, it.Email, it.WhatsAppMessage, it.ZaloMessage)
	if m == nil {
		return
	}
	it.Errors = append(it.Errors, m.Errors...)
	if s := m.ItemStatus; s != nil && s.Success != "" && !s.Success.truth() {
		it.Errors = append(it.Errors, Issue{Code: Code(s.Code.number()), Message: string(s.Message)})
	}
}

// empty reports whether the status says nothing.
func (w *wireStatus) empty() bool {
	return cmp.Or(w.Success, w.Code, w.StatusCode.Status, w.StatusCode.Code) == ""
}

func (a *answer) setStatus(w *wireStatus) {
	success := cmp.Or(w.Success, w.StatusCode.Status)
	code := cmp.Or(w.Code, w.StatusCode.Code)
	a.status = Status{
		Success:   success.truth(),
		Code:      Code(code.number()),
		Message:   string(cmp.Or(w.Message, w.StatusCode.Message)),
		Total:     int(cmp.Or(w.Count, w.TotalCount).number()),
		Succeeded: int(w.SuccessCount.number()),
		Warnings:  append(w.Warnings, w.WarningsAsStatusCode...),
	}
	a.counted = w.SuccessCount != ""
	a.known = !w.empty()
	if success == "" {
		a.status.Success = slices.Contains([]Code{CodeOK, CodeMessageSent, CodeEmailSent}, a.status.Code)
	}
}

// scalar is a string, a number or a boolean: the vendor's forms disagree on
// which is which. Anything else is empty, so that no odd member makes an
// answer unreadable.
type scalar string

// UnmarshalJSON takes anything.
func (s *scalar) UnmarshalJSON(b []byte) error {
	for _, frequent := range [...]string{"200", "1", "true", "false", "0"} { // not to allocate them
		if string(b) == frequent {
			*s = scalar(frequent)
			return nil
		}
	}
	switch {
	case len(b) == 0 || b[0] == '{' || b[0] == '[' || string(b) == "null":
		*s = ""
	case string(b) == `"Success"`:
		*s = "Success"
	case b[0] != '"':
		*s = scalar(b)
	case bytes.IndexByte(b, '\\') < 0 && utf8.Valid(b):
		*s = scalar(b[1 : len(b)-1])
	default:
		return json.Unmarshal(b, (*string)(s))
	}
	return nil
}

// truth is s as a boolean.
func (s scalar) truth() bool { return strings.EqualFold(string(s), "true") || s == "1" }

// number is s as a whole number from 0 to 2^31, also when it is written as
// 500.0; anything else is 0.
func (s scalar) number() int64 {
	f, err := strconv.ParseFloat(strings.TrimSpace(string(s)), 64)
	if err != nil || !(f >= 0 && f <= math.MaxInt32) || f != math.Trunc(f) {
		return 0
	}
	return int64(f)
}

// issues is a list of errors or warnings. Their form in the answers of this
// operation is shown nowhere, so whatever is there counts as one.
type issues []Issue

// UnmarshalJSON takes a list, one issue without a list, or nothing.
func (l *issues) UnmarshalJSON(b []byte) error {
	if string(b) == "[]" {
		return nil
	}
	var raw []json.RawMessage
	if json.Unmarshal(b, &raw) != nil {
		raw = []json.RawMessage{b}
	}
	for _, r := range raw {
		if found, ok := issueOf(r); ok {
			*l = append(*l, found)
		}
	}
	return nil
}

func issueOf(raw json.RawMessage) (found Issue, ok bool) {
	switch string(raw) {
	case "null", `""`, "{}", "[]", "false":
		return Issue{}, false
	}
	var w struct {
		Code         scalar `json:"code"`
		Message      scalar `json:"message"`
		ErrorCode    scalar `json:"errorCode"`
		ErrorMessage scalar `json:"errorMessage"`
	}
	if json.Unmarshal(raw, &w) == nil {
		return Issue{
			Code:    Code(cmp.Or(w.Code, w.ErrorCode).number()),
			Message: string(cmp.Or(w.Message, w.ErrorMessage)),
		}, true
	}
	var text scalar
	if json.Unmarshal(raw, &text) != nil {
		return Issue{}, true
	}
	return Issue{Message: string(text)}, true
}

// list is the elements of an array as they are; anything else is its own only
// element.
func list(raw json.RawMessage) []json.RawMessage {
	if len(raw) == 0 || string(raw) == "null" {
		return nil
	}
	var items []json.RawMessage
	if json.Unmarshal(raw, &items) != nil {
		return []json.RawMessage{raw}
	}
	return items
}
