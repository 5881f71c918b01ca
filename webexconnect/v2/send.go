package v2

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/cpaas-go/cpaas/internal/errs"
	"github.com/cpaas-go/cpaas/internal/transport"
	"github.com/cpaas-go/cpaas/webexconnect/internal/wx"
)

// Response is the platform's word that it took the request. What becomes of
// the message comes as receipts, read by package webexconnect.
type Response struct {
	// MessageID is the platform's id of the first message that was accepted.
	MessageID string

	// Outcomes are all objects of the answer, in their order. The vendor
	// shows answers to one recipient only; whether several get one object or
	// many is not documented, so match by CorrelationID and not by place.
	Outcomes []Outcome

	RequestID string          // from the X-Request-Id header, if there is one: none is documented
	Attempts  int             // requests made
	Raw       json.RawMessage // the answer
}

// Outcome is what one object of the answer says.
type Outcome struct {
	MessageID     string    // the platform's id: transid in receipts, perhaps with "_0" behind it
	CorrelationID string    // yours
	Status        string    // "queued"
	RequestedAt   time.Time // when the platform took it; zero: not said
	Err           error     // an *Error when this one was refused, else nil
}

// Send submits a message to its recipients in one call.
//
// The error is an [*Error]. It is [ErrMaybeAccepted] when the platform may
// have taken the request, also when a 2xx answer has no id; the call is not
// repeated then. If the answer has several outcomes and not all were
// accepted, the Response comes beside the error: nobody whose outcome was
// accepted is to be sent to again.
func (c *Client) Send(ctx context.Context, r Request) (*Response, error) {
	if err := r.validate(c.rules); err != nil {
		return nil, err
	}
	body, err := r.encode()
	if err != nil {
		return nil, &Error{Op: opSend, Message: c.transport.Line(err.Error()), fault: errs.Fault{Kind: errs.InvalidRequest}}
	}
	ch := r.Content.Channel()
	res := c.transport.Do(ctx, transport.Call{Endpoint: c.send, Body: body, Means: means})
	if res.Kind != nil {
		return nil, c.fail(opSend, ch, res)
	}
	return c.response(ch, res)
}

// means finds the answer that refuses a call with [CodeThrottled].
func means(status int, body []byte) transport.Meaning {
	if status == http.StatusBadRequest && wx.Throttled(body) {
		return transport.Busy
	}
	return transport.AsStatus
}

// response reads a complete 2xx answer.
func (c *Client) response(ch Channel, res transport.Result) (*Response, error) {
	answers := readAnswer(res.Body)
	out := &Response{RequestID: c.transport.ID(res.Header.Get("X-Request-Id")), Attempts: res.Attempts, Raw: res.Body}
	words := c.transport.Words(res)
	var refused *Error
	for _, a := range answers {
		o := Outcome{
			MessageID: string(a.MessageID), CorrelationID: string(a.CorrelationID), Status: string(a.Status),
			RequestedAt: readTime(string(a.RequestTimestamp)),
		}
		switch {
		case a.accepted():
			if out.MessageID == "" {
				out.MessageID = o.MessageID
			}
		case a.refused():
			e := c.fail(opSend, ch, res)
			c.explain(e, words, ch, a)
			if refused == nil {
				refused = e
			}
			o.Err = e
		default: // neither an id nor a refusal
			return nil, c.unreadable(ch, res)
		}
		out.Outcomes = append(out.Outcomes, o)
	}
	switch {
	case len(answers) == 0:
		return nil, c.unreadable(ch, res)
	case refused == nil:
		return out, nil
	}
	whole := *refused
	whole.outcomes = func() []Outcome { return out.Outcomes }
	if out.MessageID == "" {
		whole.fault.Kind = kindOf(out.Outcomes)
		return nil, &whole
	}
	whole.fault.Kind, whole.fault.Also = errs.MaybeAccepted, nil
	whole.fault.Cause, whole.fault.Text = errPartly, errPartly.Error()
	return out, &whole
}

// kindOf is the sentinel of outcomes that are all refused: of several, what
// forbids sending again comes first.
func kindOf(outcomes []Outcome) error {
	all := make([]error, len(outcomes))
	for i := range outcomes {
		all[i] = outcomes[i].Err
	}
	r, _ := errs.ReasonOf(errors.Join(all...))
	return r.Err()
}

// unreadable is the error for a 2xx that does not say what became of the
// request.
func (c *Client) unreadable(ch Channel, res transport.Result) *Error {
	res.Kind, res.Cause = errs.MaybeAccepted, errNoID
	e := c.fail(opSend, ch, res)
	e.fault.Kind, e.fault.Also = errs.MaybeAccepted, errs.Decode
	return e
}

var (
	errNoID   = errors.New("the answer does not say that the request was taken")
	errPartly = errors.New("other recipients of the call were accepted")
)

// readTime reads the vendor's times: RFC 3339, in older samples without a
// zone. Zero when it is neither.
func readTime(s string) time.Time {
	for _, layout := range [...]string{time.RFC3339, "2006-01-02T15:04:05"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t
		}
	}
	return time.Time{}
}

func sameWord(a, b string) bool { return strings.EqualFold(strings.TrimSpace(a), b) }
