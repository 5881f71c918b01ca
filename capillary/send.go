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

// reply is an answer with what belongs to every response.
type reply struct {
	answer
	known     bool // an answer of a known form came, perhaps with an error
	requestID string
	attempts  int
	raw       []byte
	words     *redact.Words
}

// send makes a call.
func send[M message](ctx context.Context, c *Client, ch *channel, messages []M) (reply, error) {
	op, sent := ch.endpoint.Op, len(messages)
	if err := validate(op, ch.key, messages, c.relaxed, c.xml); err != nil {
		return reply{}, err
	}
	body, err := encode(c, ch.key, messages)
	if err != nil {
		return reply{}, c.unencodable(op, err)
	}
	res := c.transport.Do(ctx, transport.Call{Endpoint: ch.endpoint, Body: body, Means: means})
	r := reply{answer: readAnswer(res.Body)}
	if r.answer.known && res.Kind == nil {
		r.known, r.requestID, r.attempts, r.raw = true, requestID(c.transport, res.Header), res.Attempts, res.Body
		r.words = c.transport.Words(res)
		r.status.Warnings = shown(r.words, r.status.Warnings)
	}
	if !r.known || r.verdict(sent) != accepted {
		return r, c.fail(op, res, &r.answer, sent)
	}
	if r.xml && ch.key == keySMS && r.ids() < sent { // the documented answer has an id for each
		e := c.fail(op, res, &r.answer, sent)
		e.fault.Also = errs.Decode
		return r, e
	}
	return r, nil
}

// outcome is the part of a result that every channel has.
func (r *reply) outcome(it *wireItem) Outcome {
	m := it.message()
	return Outcome{
		ID: string(m.ID), Status: string(m.Status), Errors: shown(r.words, it.Errors), Warnings: shown(r.words, it.Warnings),
	}
}
