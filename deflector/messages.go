package deflector

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/cpaas-go/cpaas/internal/errs"
	"github.com/cpaas-go/cpaas/internal/jsonx"
	"github.com/cpaas-go/cpaas/internal/problems"
	"github.com/cpaas-go/cpaas/internal/transport"
)

// Channel is a channel that Deflector can send on.
type Channel string

// The documented channels, spelled as on the wire.
const (
	RCS      Channel = "RCS"
	WhatsApp Channel = "WhatsApp"
	SMS      Channel = "SMS"
)

// Flow is the order that Deflector tries channels in: stages one after the
// other, the channels of a stage at once. How long a stage may take, and what
// counts as its failure, is not documented.
type Flow [][]Channel

// InOrder is a flow that tries one channel after the other.
func InOrder(channels ...Channel) Flow {
	f, own := make(Flow, len(channels)), slices.Clone(channels)
	for i := range own {
		f[i] = own[i : i+1 : i+1]
	}
	return f
}

// AtOnce is a flow that sends on every channel at the same time: the person
// may get, and you may pay for, each of them.
func AtOnce(channels ...Channel) Flow { return Flow{slices.Clone(channels)} }

// Message is one element of the request's root array: the same content for
// one or more recipients, and the order of channels.
//
// Source: https://emaildocs.netcorecloud.com/reference/deflector-send-message-api
type Message struct {
	// To are the recipients: MSISDNs in international format without "+",
	// "919812345678". At least one; no maximum is documented. A sibling API
	// takes 10 to 15 digits, see [WithRelaxedValidation].
	To []string

	// CallbackData comes back in RCS and SMS events. Empty is left out.
	CallbackData string

	// Tags are for the vendor's reports. Empty is left out.
	Tags []string

	// The content of each channel. A channel in Flow must have one; content
	// of a channel that is not in Flow is allowed.
	RCS      *RCSTemplate
	WhatsApp []WhatsAppMessage
	SMS      *SMSText

	Flow Flow

	// Extra are members of the JSON object that this package does not know.
	// A member that another field sets is refused.
	Extra map[string]json.RawMessage
}

// RCSTemplate is an approved RCS template.
type RCSTemplate struct {
	// Code is templateCode. In the page's example it is the template's name.
	Code string

	// Attributes are the values of the template's placeholders, by name. They
	// must match the template, which only the server can check.
	Attributes map[string]string

	// Type is the kind of content; empty is "template", the only kind.
	Type string
}

// WhatsAppMessage is one WhatsApp message.
type WhatsAppMessage struct {
	// APIHeader is x-apiheader, an id of your own: "used for tracking and
	// idempotency", and carried by WhatsApp events. Required.
	APIHeader string

	// Templates are the templates to send, usually one.
	Templates []WhatsAppTemplate

	// Type is message_type; empty is "template", the only kind.
	Type string

	// RecipientType is recipient_type; empty is "individual", the only kind.
	RecipientType string

	// Extra are members of the JSON object that this package does not know.
	Extra map[string]json.RawMessage
}

// WhatsAppTemplate is an approved WhatsApp template.
type WhatsAppTemplate struct {
	Name string

	// Attributes are the values of the template's placeholders, in order.
	// They must match the template, which only the server can check.
	Attributes []string

	// Locale is the template's language, "en".
	Locale string

	// Policy says how the language is chosen; empty is "deterministic". A
	// sibling API also knows "fallback".
	Policy string
}

// OnWhatsApp is the WhatsApp content of a [Message]: templates under one
// x-apiheader.
func OnWhatsApp(apiHeader string, templates ...WhatsAppTemplate) []WhatsAppMessage {
	return []WhatsAppMessage{{APIHeader: apiHeader, Templates: templates}}
}

// SMSText is a plain text message.
type SMSText struct {
	// From is the sender ID that the recipient sees. In India it is a
	// registered header.
	From string

	// Text is the message. In India it must equal a registered template to
	// the letter. No maximum is documented.
	Text string
}

// Response is Deflector's word that it took the request. It says nothing
// about delivery.
type Response struct {
	// MessageID is the vendor's id of the request. With several messages in a
	// call, whether there is one id or many is not documented: see Raw.
	MessageID string

	RequestID string          // from the X-Request-Id header, if there is one
	Attempts  int             // requests made
	Raw       json.RawMessage // the answer
}

// Send submits messages in one call.
//
// The error is an [*Error]. It is [ErrMaybeAccepted] when Deflector may have
// taken the request, also when a 2xx answer has no id; the call is not
// repeated then.
func (c *Client) Send(ctx context.Context, messages ...Message) (*Response, error) {
	if err := validate(messages, c.relaxed); err != nil {
		return nil, err
	}
	body, err := encode(messages)
	if err != nil {
		return nil, &Error{Op: "Send", Message: c.transport.Line(err.Error()), fault: errs.Fault{Kind: errs.InvalidRequest}}
	}
	res := c.transport.Do(ctx, transport.Call{Endpoint: c.send, Body: body, Means: means})
	a := readAnswer(res.Body)
	switch {
	case res.Kind != nil || a.rejected():
	case a.accepted():
		return &Response{
			MessageID: a.messageID, RequestID: c.transport.ID(res.Header.Get("X-Request-Id")),
			Attempts: res.Attempts, Raw: res.Body,
		}, nil
	default: // an id and an error, or neither
		res.Kind, res.Cause = errs.MaybeAccepted, errNoID
	}
	return nil, c.fail("Send", res, a)
}

var errNoID = errors.New("the answer does not say that the request was taken")

// Validate names everything that is wrong with m, by JSON path: what the
// vendor's page says, and what [WithRelaxedValidation] switches off. The error
// is an [*Error].
func (m Message) Validate() error { return validate([]Message{m}, false) }

// Validate names everything for which Send would refuse messages without a
// call: as [Message.Validate], but with c's options.
func (c *Client) Validate(messages ...Message) error { return validate(messages, c.relaxed) }

func validate(messages []Message, relaxed bool) error {
	var found problems.List
	if len(messages) == 0 {
		found.Add("no message", "")
	}
	for i := range messages {
		messages[i].check(&found, i, relaxed)
	}
	return invalid("Send", found)
}

func (m *Message) check(found *problems.List, i int, relaxed bool) {
	if len(m.To) == 0 {
		found.Add("is empty", "[%d].to", i)
	}
	for j, phone := range m.To {
		found.CheckRecipient(phoneProblem(phone, relaxed), "[%d].to[%d].phoneNumber", i, j)
	}
	found.Check(problems.Text(m.CallbackData), "[%d].callbackData", i)
	for j, tag := range m.Tags {
		found.Check(problems.Text(tag), "[%d].tags[%d]", i, j)
	}
	for j := range m.WhatsApp {
		m.WhatsApp[j].check(found, i, j)
	}
	if m.RCS != nil {
		m.RCS.check(found, i)
	}
	if m.SMS != nil {
		found.Check(problems.Required(m.SMS.From), "[%d].sms.From", i)
		found.Check(problems.Required(m.SMS.Text), "[%d].sms.Text", i)
	}
	m.checkFlow(found, i)
	if len(m.Extra) > 0 {
		checkExtra(found, m.Extra, m.members(), "[%d]", i)
	}
}

func (m *Message) checkFlow(found *problems.List, i int) {
	const missing = "is missing: the flow has the channel"
	if len(m.Flow) == 0 {
		found.Add("is empty", "[%d].flow", i)
	}
	for j, stage := range m.Flow {
		if len(stage) == 0 {
			found.Add("is empty", "[%d].flow[%d]", i, j)
		}
		for k, channel := range stage {
			switch {
			case channel == RCS && m.RCS == nil:
				found.Add(missing, "[%d].rcs", i)
			case channel == WhatsApp && len(m.WhatsApp) == 0:
				found.Add(missing, "[%d].whatsapp", i)
			case channel == SMS && m.SMS == nil:
				found.Add(missing, "[%d].sms", i)
			case channel != RCS && channel != WhatsApp && channel != SMS:
				found.Add(`must be "WhatsApp", "RCS" or "SMS"`, "[%d].flow[%d][%d].channel", i, j, k)
			}
		}
	}
}

func (r *RCSTemplate) check(found *problems.List, i int) {
	found.Check(problems.OneOf(r.Type, typeTemplate), "[%d].rcs.content.type", i)
	found.Check(problems.Required(r.Code), "[%d].rcs.content.templateCode", i)
	for name, value := range r.Attributes {
		if problem := cmp.Or(problems.Text(name), problems.Text(value)); problem != "" {
			found.Add(problem, "[%d].rcs.content.attributes", i)
			break
		}
	}
}

func (m *WhatsAppMessage) check(found *problems.List, i, j int) {
	const path = "[%d].whatsapp.message[%d]"
	found.Check(problems.Required(m.APIHeader), path+".x-apiheader", i, j)
	found.Check(problems.OneOf(m.Type, typeTemplate), path+".message_type", i, j)
	found.Check(problems.OneOf(m.RecipientType, typeIndividual), path+".recipient_type", i, j)
	if len(m.Templates) == 0 {
		found.Add("is empty", path+".type_template", i, j)
	}
	for k, t := range m.Templates {
		found.Check(problems.Required(t.Name), path+".type_template[%d].name", i, j, k)
		found.Check(problems.Required(t.Locale), path+".type_template[%d].language.locale", i, j, k)
		found.Check(problems.Text(t.Policy), path+".type_template[%d].language.policy", i, j, k)
		for l, a := range t.Attributes {
			found.Check(problems.Text(a), path+".type_template[%d].attributes[%d]", i, j, k, l)
		}
	}
	checkExtra(found, m.Extra, whatsAppMembers, path, i, j)
}

// members are the members of the JSON object that m itself sets.
func (m *Message) members() []string {
	set := []string{"to", "flow"}
	if m.CallbackData != "" {
		set = append(set, "callbackData")
	}
	if len(m.Tags) > 0 {
		set = append(set, "tags")
	}
	if len(m.WhatsApp) > 0 {
		set = append(set, "whatsapp")
	}
	if m.RCS != nil {
		set = append(set, "rcs")
	}
	if m.SMS != nil {
		set = append(set, "sms")
	}
	return set
}

var whatsAppMembers = []string{"x-apiheader", "message_type", "recipient_type", "type_template"}

func checkExtra(found *problems.List, extra map[string]json.RawMessage, set []string, path string, args ...any) {
	if len(extra) == 0 {
		return
	}
	found.Check(problems.Extra(extra), path, args...)
	for _, name := range slices.Sorted(maps.Keys(extra)) {
		if slices.Contains(set, name) {
			found.Add("is set already; it is also in Extra", path+".%s", append(slices.Clip(args), any(name))...)
		}
	}
}

// phoneProblem is what is wrong with s as a phone number, or "".
func phoneProblem(s string, relaxed bool) string {
	switch {
	case s == "":
		return "is missing"
	case s[0] == '+':
		return `must not begin with "+"`
	case strings.Trim(s, "0123456789") != "":
		return "must be digits only"
	case relaxed:
		return ""
	case s[0] == '0':
		return "must begin with the country code"
	case len(s) < 10 || len(s) > 15:
		return "must have 10 to 15 digits"
	}
	return ""
}

const (
	typeTemplate        = "template"
	typeIndividual      = "individual"
	policyDeterministic = "deterministic"
)

// encode is the request's body. The messages have been checked.
func encode(messages []Message) ([]byte, error) {
	w := jsonx.NewWriter(1 << 10)
	w.Open('[')
	for i := range messages {
		messages[i].write(w)
	}
	w.Close(']')
	return w.Done()
}

// write writes m as it is on the wire, letter case and all.
func (m *Message) write(w *jsonx.Writer) {
	at := w.Open('{')
	w.Name("to")
	w.Open('[')
	for _, phone := range m.To {
		w.Open('{')
		w.Text("phoneNumber", phone)
		w.Close('}')
	}
	w.Close(']')
	w.TextIf("callbackData", m.CallbackData)
	w.TextsIf("tags", m.Tags)
	if len(m.WhatsApp) > 0 {
		w.Name("whatsapp")
		w.Open('{')
		w.Name("message")
		w.Open('[')
		for i := range m.WhatsApp {
			m.WhatsApp[i].write(w)
		}
		w.Close(']')
		w.Close('}')
	}
	if m.RCS != nil {
		w.Name("rcs")
		m.RCS.write(w)
	}
	if m.SMS != nil {
		w.Name("sms")
		w.Open('{')
		w.Text("From", m.SMS.From)
		w.Text("Text", m.SMS.Text)
		w.Close('}')
	}
	w.Name("flow")
	w.Open('[')
	for _, stage := range m.Flow {
		w.Open('[')
		for _, channel := range stage {
			w.Open('{')
			w.Text("channel", string(channel))
			w.Close('}')
		}
		w.Close(']')
	}
	w.Close(']')
	w.CloseWith(at, m.Extra)
}

func (r *RCSTemplate) write(w *jsonx.Writer) {
	w.Open('{')
	w.Name("content")
	w.Open('{')
	w.Text("type", cmp.Or(r.Type, typeTemplate))
	w.Text("templateCode", r.Code)
	w.Name("attributes")
	w.StringMap(r.Attributes)
	w.Close('}')
	w.Close('}')
}

func (m *WhatsAppMessage) write(w *jsonx.Writer) {
	at := w.Open('{')
	w.Text("x-apiheader", m.APIHeader)
	w.Text("message_type", cmp.Or(m.Type, typeTemplate))
	w.Text("recipient_type", cmp.Or(m.RecipientType, typeIndividual))
	w.Name("type_template")
	w.Open('[')
	for i := range m.Templates {
		t := &m.Templates[i]
		w.Open('{')
		w.Text("name", t.Name)
		w.Texts("attributes", t.Attributes)
		w.Name("language")
		w.Open('{')
		w.Text("locale", t.Locale)
		w.Text("policy", cmp.Or(t.Policy, policyDeterministic))
		w.Close('}')
		w.Close('}')
	}
	w.Close(']')
	w.CloseWith(at, m.Extra)
}
