package capillary

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/cpaas-go/cpaas/internal/errs"
	"github.com/cpaas-go/cpaas/internal/jsonx"
	"github.com/cpaas-go/cpaas/internal/problems"
	"github.com/cpaas-go/cpaas/internal/redact"
	"github.com/cpaas-go/cpaas/internal/transport"
)

// Status is the vendor's word about a whole call.
type Status struct {
	Success   bool
	Code      Code    // 200: all went well
	Message   string  // "Success"
	Total     int     // messages in the call; 0: not said
	Succeeded int     // messages taken; 0: none, or not said
	Warnings  []Issue // the call succeeded, something beside it did not
}

// Outcome is the vendor's word about one message. It says nothing about
// delivery.
type Outcome struct {
	// ID is nsAdminId, the platform's id of the message. It is in the answer
	// to an SMS in XML, and nowhere else.
	ID string

	// Status is the state of the message, "Queued". It is where ID is.
	Status string

	Errors   []Issue // why the message was not taken
	Warnings []Issue
}

// Err is why the message was not taken: its first error, or nil.
func (o Outcome) Err() error {
	if len(o.Errors) == 0 {
		return nil
	}
	return o.Errors[0]
}

// Time is a time as the vendor writes it: "2024-02-22T00:25:06+05:30" in JSON,
// "2024-02-22 00:25:06", without a zone, in XML. Empty is none.
type Time string

// Parse reads t. A text without a zone is in zone, most likely the cluster's,
// which the vendor does not say; nil is UTC. An older form with the name of a zone,
// "2012-08-05 22:00:00IST", is an error: such names are ambiguous.
func (t Time) Parse(zone *time.Location) (time.Time, error) {
	if at, err := time.Parse(time.RFC3339, string(t)); err == nil {
		return at, nil
	}
	if zone == nil {
		zone = time.UTC
	}
	at, err := time.ParseInLocation(time.DateTime, string(t), zone)
	if err != nil {
		return time.Time{}, errors.New("capillary: neither RFC 3339 nor a date and a time")
	}
	return at, nil
}

// timeLayout is RFC 3339 with the zone always in numbers, as the page's
// examples have it.
const timeLayout = "2006-01-02T15:04:05-07:00"

func writeTime(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Format(timeLayout)
}

// timeProblem is what is wrong with t as a time to send at, or "".
func timeProblem(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	_, offset := t.Zone()
	if year := t.Year(); year < 1 || year > 9999 || offset%60 != 0 || offset <= -24*3600 || offset >= 24*3600 {
		return "cannot be written in RFC 3339"
	}
	return ""
}

// message is a request of any channel.
type message interface {
	check(p *checker)
	wire(c *Client) any // its JSON without extra members; with them in XML
	extra() map[string]json.RawMessage
}

// checker collects what is wrong with one message of a call.
type checker struct {
	found   problems.List
	key     string // of the message: root.{key}[index]
	index   int
	relaxed bool
	xml     bool
}

// add notes a problem, if it is one.
func (p *checker) add(problem, name string) {
	if problem != "" {
		p.found.Add(problem, "root.%s[%d].%s", p.key, p.index, name)
	}
}

// addRecipient is add for the recipient's address.
func (p *checker) addRecipient(problem, name string) {
	if problem != "" {
		p.found.CheckRecipient(problem, "root.%s[%d].%s", p.key, p.index, name)
	}
}

// text checks a field that may be empty.
func (p *checker) text(name, s string) {
	problem := problems.Text(s)
	if problem == "" && p.xml {
		problem = xmlProblem(s)
	}
	p.add(problem, name)
}

// required checks a field that must be there.
func (p *checker) required(name, s string) {
	if s == "" {
		p.add("is missing", name)
		return
	}
	p.text(name, s)
}

// line is required for a field that is one line.
func (p *checker) line(name, s string) {
	p.required(name, s)
	if !p.relaxed && strings.ContainsAny(s, "\r\n") {
		p.add("must not have line breaks", name)
	}
}

// phone checks a recipient's mobile number.
func (p *checker) phone(name, s string) {
	problem := ""
	switch digits := strings.TrimPrefix(s, "+"); {
	case s == "":
		problem = "is missing"
	case problems.Text(s) != "":
		problem = problems.Text(s)
	case p.xml && xmlProblem(s) != "":
		problem = xmlProblem(s)
	case !p.relaxed && (digits == "" || strings.Trim(digits, "0123456789") != ""):
		problem = `must be digits, with or without "+" before them`
	}
	p.addRecipient(problem, name)
}

// addressProblem is what is wrong with s as an e-mail address, or "".
func (p *checker) addressProblem(s string) string {
	switch {
	case s == "":
		return "is missing"
	case problems.Text(s) != "":
		return problems.Text(s)
	case p.xml && xmlProblem(s) != "":
		return xmlProblem(s)
	case p.relaxed:
		return ""
	case strings.ContainsAny(s, "\r\n"):
		return "must not have line breaks"
	case strings.Contains(s, ","):
		return "must be one address, without a comma"
	}
	if local, domain, ok := strings.Cut(s, "@"); !ok || local == "" || domain == "" {
		return `must have an "@" between two parts`
	}
	return ""
}

func (p *checker) time(t time.Time) {
	p.add(timeProblem(t), "scheduledTime")
}

// extra checks members of the caller's own. own are the names that the message
// has a field for, whether it is set or not, apart from the time's.
func (p *checker) extra(extra map[string]json.RawMessage, own ...string) {
	if len(extra) == 0 {
		return
	}
	problem := problems.Extra(extra)
	if problem == "" && p.xml {
		problem = xmlExtraProblem(extra)
	}
	when := "scheduledTime"
	if p.xml {
		when = "scheduled_time"
	}
	for _, name := range append(own, when) {
		if _, ok := extra[name]; ok && problem == "" {
			problem = fmt.Sprintf("extra field %q has a field of its own", name)
		}
	}
	p.found.Check(problem, "root.%s[%d]", p.key, p.index)
}

// validate is what is wrong with the messages of a call.
func validate[M message](op, key string, messages []M, relaxed, inXML bool) error {
	p := checker{key: key, relaxed: relaxed, xml: inXML}
	if len(messages) == 0 {
		p.found.Add("has no message", "root.%s", key)
	}
	for i, m := range messages {
		p.index = i
		m.check(&p)
	}
	return invalid(op, p.found)
}

// encode is the body of a call. The messages have been checked.
func encode[M message](c *Client, key string, messages []M) ([]byte, error) {
	wire := make([]any, len(messages))
	for i, m := range messages {
		wire[i] = m.wire(c)
		if extra := m.extra(); !c.xml && len(extra) > 0 {
			object, err := jsonx.EncodeWith(wire[i], extra)
			if err != nil {
				return nil, err
			}
			wire[i] = json.RawMessage(object)
		}
	}
	if c.xml {
		return encodeXML(key, wire)
	}
	var w struct {
		Root wireRoot `json:"root"`
	}
	switch key {
	case keySMS:
		w.Root.SMS = wire
	case keyEmail:
		w.Root.Email = wire
	case keyWhatsApp:
		w.Root.WhatsApp = wire
	case keyZalo:
		w.Root.Zalo = wire
	}
	return jsonx.Encode(&w)
}

// wireRoot is the request in JSON. One of its members is there.
type wireRoot struct {
	SMS      []any `json:"sms,omitempty"`
	Email    []any `json:"email,omitempty"`
	WhatsApp []any `json:"whatsappMessage,omitempty"`
	Zalo     []any `json:"zaloMessage,omitempty"`
}

// reply is what a call came to, and what its answer says.
type reply struct {
	answer
	sent      int // messages in the call
	res       transport.Result
	transport *transport.Client
	words     *redact.Words // made when there is something to show
}

// do makes a call of so many messages. Every answer is read once.
func (c *Client) do(ctx context.Context, call transport.Call, sent int) *reply {
	r := &reply{sent: sent, transport: c.transport}
	call.Means = r.means
	r.res = c.transport.Do(ctx, call)
	if r.res.Kind != nil { // the last answer may have been none, or not a complete one
		r.answer = readAnswer(r.res.Status, r.res.Body)
	}
	return r
}

// hasResponse reports whether there is a response to return, perhaps with an
// error: a known 2xx answer, or one that names messages.
func (r *reply) hasResponse() bool {
	return r.known && (r.res.Status/100 == 2 || len(r.items) > 0)
}

func (r *reply) requestID() string { return requestID(r.transport, r.res.Header) }

// shown is found, fit to be shown.
func (r *reply) shown(found issues) []Issue {
	if len(found) == 0 {
		return nil
	}
	out := make([]Issue, 0, min(len(found), maxIssues))
	for _, issue := range found[:cap(out)] {
		out = append(out, Issue{Code: issue.Code, Message: r.line(issue.Message)})
	}
	return out
}

// line is the vendor's words on one line, without what they quote of the
// request.
func (r *reply) line(said string) string {
	if r.words == nil {
		r.words = r.transport.Words(r.res)
	}
	return r.words.Line(said)
}

// send makes a call. The reply is nil when none was made.
func send[M message](ctx context.Context, c *Client, ch *channel, messages []M) (*reply, error) {
	op, sent := ch.endpoint.Op, len(messages)
	if err := validate(op, ch.key, messages, c.relaxed, c.xml); err != nil {
		return nil, err
	}
	body, err := encode(c, ch.key, messages)
	if err != nil {
		return nil, c.unencodable(op, err)
	}
	r := c.do(ctx, transport.Call{Endpoint: ch.endpoint, Body: body}, sent)
	switch {
	case r.res.Kind != nil || r.verdict(sent) != accepted:
		return r, c.fail(op, r)
	case r.xml && ch.key == keySMS && r.ids() < sent: // the documented answer has an id for each
		e := c.fail(op, r)
		e.fault.Also = errs.Decode
		return r, e
	}
	return r, nil
}

// outcome is the part of a result that every channel has.
func (r *reply) outcome(it *wireItem) Outcome {
	m := it.message()
	return Outcome{ID: string(m.ID), Status: string(m.Status), Errors: r.shown(it.Errors), Warnings: r.shown(it.Warnings)}
}

// answered is the status of the call, fit to be shown.
func (r *reply) answered() Status {
	s := r.status
	s.Warnings = r.shown(s.Warnings)
	return s
}
