package capillary

import (
	"context"
	"encoding/json"
	"time"
)

// SMS is one text message to one mobile number.
//
// Source: https://docs.capillarytech.com/reference/send-communication-message
type SMS struct {
	// To is the recipient's mobile number: digits, in the examples with
	// country code and without "+", "919812345678". The vendor may put the
	// organisation's country code in front of one without. Required.
	To string

	// Body is the text. No maximum is documented. Required.
	Body string

	// ScheduledTime is when to send, in its own zone and to the second; zero:
	// now. What becomes of a time in the past is not documented, nor whether
	// the zone is honoured, nor how to cancel.
	ScheduledTime time.Time

	// Sender is a sender ID configured for the organisational unit; empty: the
	// organisation's default. The vendor's release notes say of an older SMS
	// API that a wrong one is silently replaced by the default.
	Sender string

	// Extra are members of the message that this package does not know. In XML
	// each is an element behind the others, and must be a string, a number or
	// a boolean.
	Extra map[string]json.RawMessage
}

// SMSResponse is Capillary's word about the text messages of a call. It prints
// what its Messages hold: do not log it.
type SMSResponse struct {
	Status   Status
	Messages []SMSResult // in an order that is not guaranteed to be the request's

	RequestID string // from the X-Cap-Requestid header
	Attempts  int    // requests made
	Raw       []byte `json:"-"` // the answer, JSON or XML
}

// SMSResult is one text message as the vendor repeats it. It holds and prints
// the phone number and the text: do not log it.
type SMSResult struct {
	Outcome

	To            string // perhaps rewritten: "8971345617" comes back as "918971345617"
	Body          string
	Sender        string // empty: the organisation's default
	ScheduledTime Time   // a time in the past, or none, may come back as now
}

// SendSMS submits text messages in one call. No largest number of messages is
// documented.
//
// The error is an [*Error]. It is [ErrMaybeAccepted] when Capillary may have
// taken some or all of the messages; the call is not repeated then. The response
// comes with the error when the vendor's answer names messages, whatever its HTTP
// status, and when it is a 2xx that could be read.
func (c *Client) SendSMS(ctx context.Context, messages ...SMS) (*SMSResponse, error) {
	r, err := send(ctx, c, &c.sms, messages)
	if r == nil || !r.hasResponse() {
		return nil, err
	}
	res := &SMSResponse{Status: r.answered(), RequestID: r.requestID(), Attempts: r.res.Attempts, Raw: r.res.Body}
	for i := range r.items {
		it := &r.items[i]
		m := it.message()
		res.Messages = append(res.Messages, SMSResult{
			Outcome: r.outcome(it), To: string(m.To), Body: string(m.Body), Sender: string(m.Sender),
			ScheduledTime: Time(m.ScheduledTime),
		})
	}
	return res, err
}

// Validate names everything that is wrong with m, by JSON path, as the first
// message of a call in JSON. The error is an [*Error].
func (m SMS) Validate() error { return validate("SendSMS", keySMS, []SMS{m}, false, false) }

func (m SMS) check(p *checker) {
	p.phone("to", m.To)
	p.required("body", m.Body)
	p.time(m.ScheduledTime)
	p.text("sender", m.Sender)
	p.extra(m.Extra, "to", "body", "sender")
}

func (m SMS) extra() map[string]json.RawMessage { return m.Extra }

type wireSMS struct {
	To            string         `json:"to"                      xml:"to"`
	Body          string         `json:"body"                    xml:"body"`
	ScheduledTime string         `json:"scheduledTime,omitempty" xml:"scheduled_time,omitempty"`
	Sender        string         `json:"sender,omitempty"        xml:"sender,omitempty"`
	Extra         []extraElement `json:"-"                       xml:"extra"`
}

func (m SMS) wire(c *Client) any {
	w := &wireSMS{To: m.To, Body: m.Body, ScheduledTime: writeTime(m.ScheduledTime), Sender: m.Sender}
	if c.xml {
		w.Extra = extraElements(m.Extra)
	}
	return w
}
