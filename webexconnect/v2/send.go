package v2

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/cpaas-go/cpaas/internal/errs"
	"github.com/cpaas-go/cpaas/internal/redact"
	"github.com/cpaas-go/cpaas/internal/transport"
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
	Raw       json.RawMessage // the answer; it may repeat addresses and texts: do not log it
}

// Outcome is what one object of the answer says. Its texts are as received,
// and may hold what the vendor repeats of the request: do not log them.
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
	res := c.transport.Do(ctx, transport.Call{Endpoint: c.send, Body: body, Means: meansOfSend})
	if res.Kind != nil {
		return nil, c.fail(res, c.outcomes(ch, res))
	}
	return c.response(ch, res)
}

// meansOfSend is means for a send: what was taken is not sent again, whatever
// the status.
func meansOfSend(status int, body []byte) transport.Meaning {
	if status/100 != 2 && slices.ContainsFunc(readAnswer(body), answer.taken) {
		return transport.Taken
	}
	return means(status, body)
}

// means finds the answers that refuse a call with [CodeThrottled] or
// [CodeAuthenticationFailed].
func means(status int, body []byte) transport.Meaning {
	switch {
	case status == http.StatusBadRequest && refusesAll(body, CodeThrottled):
		return transport.Busy
	case !leavesOpen(status) && refusesAll(body, CodeAuthenticationFailed):
		return transport.Rejected
	}
	return transport.AsStatus
}

// refusesAll says that every object of an answer is refused with code.
func refusesAll(body []byte, code string) bool {
	if !bytes.Contains(body, []byte(code)) { // spares the reading of an ordinary answer
		return false
	}
	answers := readAnswer(body)
	return len(answers) > 0 && !slices.ContainsFunc(answers, func(a answer) bool { return a.code != code || a.taken() })
}

// response reads a complete 2xx answer.
func (c *Client) response(ch Channel, res transport.Result) (*Response, error) {
	out := &Response{
		Outcomes: c.outcomes(ch, res), RequestID: c.transport.ID(res.Header.Get("X-Request-Id")), Attempts: res.Attempts, Raw: res.Body,
	}
	refused, unclear := false, len(out.Outcomes) == 0
	for _, o := range out.Outcomes {
		switch {
		case o.Err == nil:
			out.MessageID = cmp.Or(out.MessageID, o.MessageID)
		case errors.Is(o.Err, errs.Decode):
			unclear = true
		default:
			refused = true
		}
	}
	switch {
	case unclear:
		res.Kind, res.Cause = errs.MaybeAccepted, errNoID
		e := c.fail(res, out.Outcomes)
		e.fault = c.transport.Fault(res)
		return nil, e
	case !refused:
		return out, nil
	case out.MessageID == "":
		return nil, c.fail(res, out.Outcomes)
	}
	return out, c.fail(res, out.Outcomes)
}

// outcomes reads what an answer of any status says; nil when that is nothing.
func (c *Client) outcomes(ch Channel, res transport.Result) []Outcome {
	answers := readAnswer(res.Body)
	if !slices.ContainsFunc(answers, func(a answer) bool { return a.taken() || a.refused() }) {
		return nil
	}
	out, words := make([]Outcome, len(answers)), (*redact.Words)(nil)
	for i, a := range answers {
		out[i] = Outcome{
			MessageID: a.messageID, CorrelationID: a.correlationID, Status: a.status, RequestedAt: readTime(a.requestTimestamp),
		}
		if a.accepted() {
			continue
		}
		if words == nil {
			words = c.transport.Words(res)
		}
		e := c.refusal(opSend, ch, res, words, a)
		if !a.refused() && res.Kind == nil {
			e.fault.Also = errs.Decode // neither an id nor a refusal
		}
		out[i].Err = e
	}
	return out
}

var errNoID = errors.New("the answer does not say that the request was taken")

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
