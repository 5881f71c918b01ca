package capillary

import (
	"bytes"
	"cmp"
	"encoding/json"
	"math"
	"net/http"
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
	odd     bool   // success was said in a word that is no boolean, or twice and not alike
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
	troubled := a.odd || s.Code == CodePartial || failed > 0 || len(a.errors) > 0
	taken := 0 // unless it says otherwise
	switch {
	case s.Success && !troubled && (!a.counted || s.Succeeded >= total):
		return accepted
	case a.counted:
		taken = s.Succeeded
	case failed > 0 && (s.Success || s.Code == CodePartial || failed < len(a.items)):
		taken = max(total, len(a.items)) - failed
	}
	switch {
	case taken > 0 && taken < total:
		return partly
	case taken <= 0 && !a.promises(failed):
		return refused
	}
	return unsure
}

// promises reports whether something in the answer speaks for a message that
// was taken: a success, the code of one or of a part of one, an id, or errors
// at some messages only. Odd words may mean anything.
func (a *answer) promises(failed int) bool {
	good := func(code Code) bool { return code == CodePartial || succeeds(code) }
	return a.odd || a.status.Success || good(a.status.Code) || a.ids() > 0 || failed > 0 && failed < len(a.items) ||
		slices.ContainsFunc(a.errors, func(issue Issue) bool { return good(issue.Code) })
}

// ids is how many messages the answer gives an id.
func (a *answer) ids() int {
	n := 0
	for i := range a.items {
		if strings.Trim(string(a.items[i].message().ID), "0") != "" { // 0 is none
			n++
		}
	}
	return n
}

// readAnswer reads an answer that came with an HTTP status: XML or JSON,
// whatever was asked for. What is of no known form is not known.
func readAnswer(status int, body []byte) answer {
	body = bytes.TrimSpace(bytes.TrimPrefix(body, []byte("\xef\xbb\xbf")))
	switch {
	case len(body) == 0:
		return answer{}
	case body[0] == '<':
		return readXML(body)
	case body[0] == '{':
		return readJSON(body)
	}
	// The vendor prints two refusals of its gateway as "HttpStatusCode=403
	// errorMessage=… errorCode=4000"; whether they come like that is not
	// documented. Beside another status the words prove nothing.
	var a answer
	if found := errorCode.FindSubmatch(body[:min(len(body), 4<<10)]); found != nil {
		code := Code(scalar(found[1]).number())
		if status == http.StatusForbidden && code == CodeNotAuthorized ||
			status == http.StatusServiceUnavailable && code == CodeAuthorizationUnavailable {
			a.known, a.status.Code = true, code
		}
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
			a := answerOf(&inner, readStatus(inner.Get("status")))
			a.note(&o)
			return a
		}
	}
	return answerOf(&o, status)
}

// answerOf is the zero answer, not known, when o names more messages than are
// read.
func answerOf(o *jsonx.Object, status wireStatus) answer {
	var a answer
	a.setStatus(&status)
	a.note(o)
	for _, name := range [...]string{"smsList", "emails", "whatsapp", "zalo"} {
		all, ok := elements(o.Get(name)) // several messages, or one
		if !ok || len(a.items)+len(all) > maxElements {
			return answer{}
		}
		for _, raw := range all {
			a.addItem(raw)
		}
	}
	for _, name := range [...]string{keySMS, keyEmail, keyWhatsApp, keyZalo} {
		all, ok := elements(o.Get(name))
		if !ok || len(a.items)+len(all) > maxElements {
			return answer{}
		}
		for _, raw := range all {
			if m := readMessage(raw); m != nil {
				it := wireItem{Message: m}
				it.gather()
				a.items = append(a.items, it)
			}
		}
	}
	return a
}

// note adds the errors and warnings about the whole call that stand in o.
func (a *answer) note(o *jsonx.Object) {
	a.errors = append(a.errors, readIssues(o.Get("errors"))...)
	if code := scalarOf(o, "errorCode"); strings.Trim(string(code), "0") != "" {
		a.errors = append(a.errors, Issue{Code: Code(code.number()), Message: string(scalarOf(o, "errorMessage"))})
	}
	a.status.Warnings = append(a.status.Warnings, readIssues(o.Get("warnings"))...)
	a.known = a.known || len(a.errors) > 0
}

// wireStatus is the status of an answer of either encoding.
type wireStatus struct {
	Success, Code, Message scalar
	Again                  scalar // success, said a second time
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
		Again:        scalarOf(&inner, "status"),
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

// addItem adds an element of a list of messages, if it is an object.
func (a *answer) addItem(raw json.RawMessage) {
	var o jsonx.Object
	if !o.Read(raw) {
		return
	}
	it := wireItem{Errors: readIssues(o.Get("errors")), Warnings: readIssues(o.Get("warnings"))}
	for _, name := range [...]string{keySMS, keyEmail, keyWhatsApp, keyZalo} {
		if it.Message = readMessage(o.Get(name)); it.Message != nil {
			break
		}
	}
	it.add(readItemStatus(o.Get("item_status")))
	it.gather()
	a.items = append(a.items, it)
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

func readItemStatus(raw json.RawMessage) *wireItemStatus {
	var o jsonx.Object
	if !o.Read(raw) {
		return nil
	}
	return &wireItemStatus{scalarOf(&o, "success"), scalarOf(&o, "code"), scalarOf(&o, "message")}
}

// readMessage reads a message; nil if raw is none.
func readMessage(raw json.RawMessage) *wireMessage {
	var o jsonx.Object
	if !o.Read(raw) {
		return nil
	}
	return &wireMessage{
		To: scalarOf(&o, "to"), Receiver: scalarOf(&o, "receiver"), Body: scalarOf(&o, "body"), Template: scalarOf(&o, "template"),
		Sender: scalarOf(&o, "sender"), From: scalarOf(&o, "from"), CC: scalarOf(&o, "cc"), BCC: scalarOf(&o, "bcc"),
		Subject: scalarOf(&o, "subject"), ScheduledTime: cmp.Or(scalarOf(&o, "scheduledTime"), scalarOf(&o, "scheduled_time")),
		LabelOfSender: scalarOf(&o, "labelOfSender"), SenderEmail: scalarOf(&o, "senderEmail"), ReplyToEmail: scalarOf(&o, "replyToEmail"),
		ID: cmp.Or(scalarOf(&o, "nsAdminId"), scalarOf(&o, "id")), Status: scalarOf(&o, "status"),
		FileHandler: o.Get("fileHandler"), Attachments: o.Get("attachments"), Errors: readIssues(o.Get("errors")),
		ItemStatus: readItemStatus(o.Get("item_status")),
	}
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
	it.add(m.ItemStatus)
}

// add adds a status, if there is one and it is not a success, to the item's
// errors.
func (it *wireItem) add(s *wireItemStatus) {
	if s == nil {
		return
	}
	code := Code(s.Code.number())
	if success, _ := s.Success.truth(); success || s.Success == "" && (code == 0 || succeeds(code)) {
		return
	}
	it.Errors = append(it.Errors, Issue{Code: code, Message: string(s.Message)})
}

// empty reports whether the status says nothing.
func (w *wireStatus) empty() bool { return cmp.Or(w.Success, w.Code) == "" }

func (a *answer) setStatus(w *wireStatus) {
	success, said := w.Success.truth()
	again, twice := w.Again.truth()
	total, _ := w.Count.whole()
	succeeded, counted := w.SuccessCount.whole()
	a.status = Status{
		Success:   success,
		Code:      Code(w.Code.number()),
		Message:   string(w.Message),
		Total:     int(total),
		Succeeded: int(succeeded),
		Warnings:  w.Warnings,
	}
	a.counted = counted
	a.odd = w.Success != "" && !said || twice && again != success
	a.known = said || a.status.Code != 0
	if !said {
		a.status.Success = succeeds(a.status.Code)
	}
}

// succeeds reports whether code alone means that all went well.
func succeeds(code Code) bool {
	return code == CodeOK || code == CodeMessageSent || code == CodeEmailSent
}

// scalar is a string, a number or a boolean: the vendor's forms disagree on
// which is which. Anything else is empty, so that no odd member makes an
// answer unreadable.
type scalar string

func scalarOf(o *jsonx.Object, name string) scalar { return scalar(jsonx.Scalar(o.Get(name))) }

// truth is s as a boolean; said is false when it is none.
func (s scalar) truth() (value, said bool) {
	switch {
	case s == "1" || strings.EqualFold(string(s), "true"):
		return true, true
	case s == "0" || strings.EqualFold(string(s), "false"):
		return false, true
	}
	return false, false
}

// whole is s as a whole number from 0 to 2^31, also when it is written as
// 500.0; ok is false when it is none.
func (s scalar) whole() (n int64, ok bool) {
	f, err := strconv.ParseFloat(strings.TrimSpace(string(s)), 64)
	if err != nil || !(f >= 0 && f <= math.MaxInt32) || f != math.Trunc(f) {
		return 0, false
	}
	return int64(f), true
}

// number is s as a whole number; 0 when it is none.
func (s scalar) number() int64 {
	n, _ := s.whole()
	return n
}

// issues is a list of errors or warnings. Their form in the answers of this
// operation is shown nowhere, so whatever is there counts as one.
type issues []Issue

// readIssues reads a list, one issue without a list, or nothing.
func readIssues(raw json.RawMessage) issues {
	var found issues
	for _, r := range list(raw) {
		if len(found) == maxIssues {
			break
		}
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

// elements are those of an array, or raw itself where it is none, as they are.
// ok is false when there are more than are read.
func elements(raw json.RawMessage) (all []json.RawMessage, ok bool) {
	switch {
	case len(raw) == 0 || string(raw) == "null":
		return nil, true
	case raw[0] == '[':
		return jsonx.Elements(raw)
	}
	return []json.RawMessage{raw}, true
}

// list is as elements; an array of more than are read is its own only element.
func list(raw json.RawMessage) []json.RawMessage {
	all, ok := elements(raw)
	if !ok {
		return []json.RawMessage{raw}
	}
	return all
}
