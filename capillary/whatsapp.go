package capillary

import (
	"context"
	"encoding/json"
	"time"
)

// WhatsApp is one WhatsApp message to one mobile number.
//
// Source: https://docs.capillarytech.com/reference/send-communication-message
type WhatsApp struct {
	// Receiver is the recipient's mobile number: digits, in the examples with
	// country code and without "+", "919812345678". Required.
	Receiver string

	// Template is the text that the person gets, with everything filled in: it
	// is not the name of a template. Whether it has to match an approved
	// template is not documented here. No maximum is. Required.
	Template string

	// ScheduledTime is when to send, in its own zone and to the second; zero:
	// now. What becomes of a time in the past is not documented, nor whether
	// the zone is honoured, nor how to cancel.
	ScheduledTime time.Time

	// Extra are members of the message that this package does not know. In XML
	// each is an element behind the others, and must be a string, a number or
	// a boolean.
	Extra map[string]json.RawMessage
}

// WhatsAppResponse is Capillary's word about the WhatsApp messages of a call.
// It prints what its Messages hold: do not log it.
type WhatsAppResponse struct {
	Status   Status
	Messages []WhatsAppResult // in an order that is not guaranteed to be the request's

	RequestID string // from the X-Cap-Requestid header
	Attempts  int    // requests made
	Raw       []byte `json:"-"` // the answer, JSON or XML
}

// WhatsAppResult is one WhatsApp message as the vendor repeats it. It holds and
// prints the phone number: do not log it.
type WhatsAppResult struct {
	Outcome

	Receiver      string
	Template      string
	ScheduledTime Time // a time in the past, or none, may come back as now
}

// SendWhatsApp submits WhatsApp messages in one call. No largest number of messages is
// documented.
//
// The error is an [*Error]. It is [ErrMaybeAccepted] when Capillary may have
// taken some or all of the messages; the call is not repeated then. The response
// comes with the error when the vendor's answer names messages, whatever its HTTP
// status, and when it is a 2xx that could be read.
func (c *Client) SendWhatsApp(ctx context.Context, messages ...WhatsApp) (*WhatsAppResponse, error) {
	r, err := send(ctx, c, &c.whatsApp, messages)
	if r == nil || !r.hasResponse() {
		return nil, err
	}
	res := &WhatsAppResponse{Status: r.answered(), RequestID: r.requestID(), Attempts: r.res.Attempts, Raw: r.res.Body}
	for i := range r.items {
		it := &r.items[i]
		m := it.message()
		res.Messages = append(res.Messages, WhatsAppResult{
			Outcome: r.outcome(it), Receiver: string(m.Receiver), Template: string(m.Template),
			ScheduledTime: Time(m.ScheduledTime),
		})
	}
	return res, err
}

// Validate names everything that is wrong with m, by JSON path, as the first
// message of a call in JSON. The error is an [*Error].
func (m WhatsApp) Validate() error {
	return validate("SendWhatsApp", keyWhatsApp, []WhatsApp{m}, false, false)
}

func (m WhatsApp) check(p *checker) {
	p.phone("receiver", m.Receiver)
	p.required("template", m.Template)
	p.time(m.ScheduledTime)
	p.extra(m.Extra, "receiver", "template")
}

func (m WhatsApp) extra() map[string]json.RawMessage { return m.Extra }

func (m WhatsApp) wire(c *Client) any {
	w := &wireTemplate{Receiver: m.Receiver, Template: m.Template, ScheduledTime: writeTime(m.ScheduledTime)}
	if c.xml {
		w.Extra = extraElements(m.Extra)
	}
	return w
}

// wireTemplate is a WhatsApp or a Zalo message.
type wireTemplate struct {
	Receiver      string         `json:"receiver"                xml:"receiver"`
	Template      string         `json:"template"                xml:"template"`
	ScheduledTime string         `json:"scheduledTime,omitempty" xml:"scheduled_time,omitempty"`
	Extra         []extraElement `json:"-"                       xml:"extra"`
}
