package capillary

import (
	"bytes"
	"cmp"
	"encoding/json"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/cpaas-go/cpaas/internal/jsonx"
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
		if a.items[i].message().ID != "" {
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

// readJSON reads every known form of a JSON answer: the page's, the older one
// in an OpenAPI description of the same operation, where everything is in
// "response", and the bare errors of a sibling API. A member of another type
// than expected is left out; the rest is read.
func readJSON(body []byte) answer {
	var o jsonx.Object
	if !o.Read(body) {
		return answer{}
	}
	status := readStatus(o.Get("status"))
	if status.empty() {
		var inner jsonx.Object
		if inner.Read(o.Get("response")) {
			return answerOf(&inner, readStatus(inner.Get("status")))
		}
	}
	return answerOf(&o, status)
}

func answerOf(o *jsonx.Object, status wireStatus) answer {
	a := answer{errors: readIssues(o.Get("errors"))}
	a.setStatus(&status)
	if code := scalarOf(o, "errorCode"); code != "" {
		a.errors = append(a.errors, Issue{Code: Code(code.number()), Message: string(scalarOf(o, "errorMessage"))})
	}
	a.status.Warnings = append(a.status.Warnings, readIssues(o.Get("warnings"))...)
	a.known = a.known || len(a.errors) > 0
	for _, name := range [...]string{"smsList", "emails", "whatsapp", "zalo"} {
		list, _ := jsonx.Elements(o.Get(name))
		for _, raw := range list {
			a.items = append(a.items, readItem(raw))
		}
	}
	for _, name := range [...]string{keySMS, keyEmail, keyWhatsApp, keyZalo} {
		for _, raw := range list(o.Get(name)) { // one message or several
			if m := readMessage(raw); m != nil {
				a.items = append(a.items, wireItem{Message: m})
			}
		}
	}
	for i := range a.items {
		a.items[i].gather()
	}
	return a
}

// wireStatus is the status of an answer of either encoding.
type wireStatus struct {
	Success, Code, Message scalar
	Count, SuccessCount    scalar
	Warnings               issues
}

func readStatus(raw json.RawMessage) wireStatus {
	var o, inner jsonx.Object // the inner one repeats what stands beside it
	if !o.Read(raw) {
		return wireStatus{}
	}
	inner.Read(o.Get("statusCode"))
	return wireStatus{
		Success:      cmp.Or(scalarOf(&o, "success"), scalarOf(&inner, "status")),
		Code:         cmp.Or(scalarOf(&o, "code"), scalarOf(&inner, "code")),
		Message:      cmp.Or(scalarOf(&o, "message"), scalarOf(&inner, "message")),
		Count:        cmp.Or(scalarOf(&o, "count"), scalarOf(&o, "totalCount")),
		SuccessCount: scalarOf(&o, "successCount"),
		Warnings:     append(readIssues(o.Get("warnings")), readIssues(o.Get("warningsAsStatusCode"))...),
	}
}

// wireItem is what an answer says of one message.
type wireItem struct {
	Message  *wireMessage // nil when it names none
	Errors   issues
	Warnings issues
}

func readItem(raw json.RawMessage) wireItem {
	var o jsonx.Object
	o.Read(raw)
	it := wireItem{Errors: readIssues(o.Get("errors")), Warnings: readIssues(o.Get("warnings"))}
	for _, name := range [...]string{keySMS, keyEmail, keyWhatsApp, keyZalo} {
		if it.Message = readMessage(o.Get(name)); it.Message != nil {
			break
		}
	}
	return it
}

// wireMessage has the fields of a message of every channel.
type wireMessage struct {
	To, Receiver, Body, Template, Sender, From, CC, BCC, Subject, ScheduledTime scalar

	LabelOfSender, SenderEmail, ReplyToEmail scalar

	ID, Status               scalar
	FileHandler, Attachments json.RawMessage
	ItemStatus               *wireItemStatus
	Errors                   issues
}

// wireItemStatus is how the vendor's v1.1 APIs speak of one item in general.
type wireItemStatus struct {
	Success, Code, Message scalar
}

// readMessage reads a message; nil if raw is none.
func readMessage(raw json.RawMessage) *wireMessage {
	var o, status jsonx.Object
	if !o.Read(raw) {
		return nil
	}
	m := &wireMessage{
		To: scalarOf(&o, "to"), Receiver: scalarOf(&o, "receiver"), Body: scalarOf(&o, "body"), Template: scalarOf(&o, "template"),
		Sender: scalarOf(&o, "sender"), From: scalarOf(&o, "from"), CC: scalarOf(&o, "cc"), BCC: scalarOf(&o, "bcc"),
		Subject: scalarOf(&o, "subject"), ScheduledTime: cmp.Or(scalarOf(&o, "scheduledTime"), scalarOf(&o, "scheduled_time")),
		LabelOfSender: scalarOf(&o, "labelOfSender"), SenderEmail: scalarOf(&o, "senderEmail"), ReplyToEmail: scalarOf(&o, "replyToEmail"),
		ID: cmp.Or(scalarOf(&o, "nsAdminId"), scalarOf(&o, "id")), Status: scalarOf(&o, "status"),
		FileHandler: o.Get("fileHandler"), Attachments: o.Get("attachments"), Errors: readIssues(o.Get("errors")),
	}
	if status.Read(o.Get("item_status")) {
		m.ItemStatus = &wireItemStatus{scalarOf(&status, "success"), scalarOf(&status, "code"), scalarOf(&status, "message")}
	}
	return m
}

// message is the message that an item is about; the zero one when it names
// none.
func (it *wireItem) message() *wireMessage {
	if it.Message == nil {
		return &wireMessage{}
	}
	return it.Message
}

// gather adds the errors that stand inside the message to the item's.
func (it *wireItem) gather() {
	m := it.message()
	it.Errors = append(it.Errors, m.Errors...)
	if s := m.ItemStatus; s != nil && s.Success != "" && !s.Success.truth() {
		it.Errors = append(it.Errors, Issue{Code: Code(s.Code.number()), Message: string(s.Message)})
	}
}

// empty reports whether the status says nothing.
func (w *wireStatus) empty() bool { return cmp.Or(w.Success, w.Code) == "" }

func (a *answer) setStatus(w *wireStatus) {
	a.status = Status{
		Success:   w.Success.truth(),
		Code:      Code(w.Code.number()),
		Message:   string(w.Message),
		Total:     int(w.Count.number()),
		Succeeded: int(w.SuccessCount.number()),
		Warnings:  w.Warnings,
	}
	a.counted = w.SuccessCount != ""
	a.known = !w.empty()
	if w.Success == "" {
		a.status.Success = slices.Contains([]Code{CodeOK, CodeMessageSent, CodeEmailSent}, a.status.Code)
	}
}

// scalar is a string, a number or a boolean: the vendor's forms disagree on
// which is which. Anything else is empty, so that no odd member makes an
// answer unreadable.
type scalar string

func scalarOf(o *jsonx.Object, name string) scalar { return scalar(jsonx.Scalar(o.Get(name))) }

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

// readIssues reads a list, one issue without a list, or nothing.
func readIssues(raw json.RawMessage) issues {
	var found issues
	for _, r := range list(raw) {
		if it, ok := issueOf(r); ok {
			found = append(found, it)
		}
	}
	return found
}

func issueOf(raw json.RawMessage) (found Issue, ok bool) {
	switch string(raw) {
	case "null", `""`, "{}", "[]", "false":
		return Issue{}, false
	}
	var o jsonx.Object
	if !o.Read(raw) {
		return Issue{Message: jsonx.Scalar(raw)}, true
	}
	return Issue{
		Code:    Code(cmp.Or(scalarOf(&o, "code"), scalarOf(&o, "errorCode")).number()),
		Message: string(cmp.Or(scalarOf(&o, "message"), scalarOf(&o, "errorMessage"))),
	}, true
}

// list is the elements of an array as they are; anything else is its own only
// element.
func list(raw json.RawMessage) []json.RawMessage {
	if len(raw) == 0 || string(raw) == "null" {
		return nil
	}
	if items, ok := jsonx.Elements(raw); ok {
		return items
	}
	return []json.RawMessage{raw}
}
