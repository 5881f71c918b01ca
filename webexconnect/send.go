package webexconnect

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"github.com/cpaas-go/cpaas/internal/errs"
	"github.com/cpaas-go/cpaas/internal/jsonx"
	"github.com/cpaas-go/cpaas/internal/problems"
	"github.com/cpaas-go/cpaas/internal/transport"
	"github.com/cpaas-go/cpaas/webexconnect/internal/wx"
)

// Response is the vendor's word that it queued the request. It says nothing
// about delivery.
type Response struct {
	// TransID is the transaction id of the first outcome that was accepted.
	TransID string

	// Outcomes are all outcomes, in the order of the answer. How many there
	// are for one request with several destinations, and how they go with
	// them, is not documented: the published answers have one for each
	// request. Destinations are told apart by correlation id, where the
	// answer has one.
	Outcomes []Outcome

	RequestID string          // from the X-Request-Id header, if there is one
	Attempts  int             // requests made
	Raw       json.RawMessage // the answer
}

// Outcome is one entry of an answer.
type Outcome struct {
	Code          string // [CodeQueued], or why not
	Description   string // the vendor's words: "Queued", "Queued in burst mode"
	TransID       string // comes back in notifications, perhaps with "_0" behind it: see [BaseTransID]
	CorrelationID string // the vendor's echo, often empty
	Err           error  // an [*Error]; nil: accepted
}

// Send submits a request: one content for up to 1000 destinations. See
// [Request.Split] for more.
//
// The error is an [*Error], and nil only if every outcome was accepted. When
// some were and others were not, which the vendor does not rule out, both
// results are set and the error is [ErrMaybeAccepted]: do not repeat the
// call, look at the outcomes. It is ErrMaybeAccepted too, without a response,
// when the vendor may have taken the request but no readable answer says so.
//
// Source: https://developers.webexconnect.io/reference/send-message-v1
func (c *Client) Send(ctx context.Context, r Request) (*Response, error) {
	const op = "Send"
	if err := validate(op, c.rules, &r); err != nil {
		return nil, err
	}
	body, err := r.encode(c.rules)
	if err != nil {
		return nil, c.notEncoded(op, err)
	}
	channel := r.Channel // all of r would be kept for it
	return c.do(ctx, c.send, body, func(int) Channel { return channel })
}

// SendBatch submits several complete requests in one call: a content of its
// own for each. Together they may have up to 1000 destinations. Errors are as
// [Client.Send]'s.
//
// Source: https://developers.webexconnect.io/reference/api-faqs
func (c *Client) SendBatch(ctx context.Context, requests []Request) (*Response, error) {
	const op = "SendBatch"
	if err := validateBatch(op, c.rules, requests); err != nil {
		return nil, err
	}
	bodies := make([]json.RawMessage, len(requests))
	for i := range requests {
		var err error
		if bodies[i], err = requests[i].encode(c.rules); err != nil {
			return nil, c.notEncoded(op, err)
		}
	}
	body, err := jsonx.Encode(bodies)
	if err != nil {
		return nil, c.notEncoded(op, err)
	}
	return c.do(ctx, c.sendBatch, body, func(i int) Channel {
		if i < len(requests) {
			return requests[i].Channel
		}
		return ""
	})
}

func (c *Client) notEncoded(op string, err error) error {
	return &Error{Op: op, Message: c.transport.Line(err.Error()), fault: errs.Fault{Kind: errs.InvalidRequest}}
}

func (c *Client) do(ctx context.Context, to transport.Endpoint, body []byte, channelOf func(int) Channel) (*Response, error) {
	res := c.transport.Do(ctx, transport.Call{Endpoint: to, Body: body, Means: means})
	outcomes := c.outcomes(to.Op, channelOf, res)
	if res.Kind != nil {
		return nil, c.fail(to.Op, res, outcomes)
	}
	out := &Response{
		Outcomes: outcomes, RequestID: c.transport.Line(res.Header.Get("X-Request-Id")), Attempts: res.Attempts, Raw: res.Body,
	}
	refused, noID := false, false
	for _, o := range outcomes {
		switch {
		case o.Err != nil:
			refused = true
		case o.TransID == "":
			noID = true
		case out.TransID == "":
			out.TransID = o.TransID
		}
	}
	switch {
	case len(outcomes) == 0 || noID:
		res.Kind, res.Cause = errs.MaybeAccepted, errNoID
		e := c.fail(to.Op, res, outcomes)
		e.fault.Kind, e.fault.Also = errs.MaybeAccepted, errs.Decode
		return nil, e
	case !refused:
		return out, nil
	case out.TransID != "":
		return out, c.fail(to.Op, res, outcomes)
	default:
		return nil, c.fail(to.Op, res, outcomes)
	}
}

// means finds the answer that refuses every part of a call with code 7020,
// which the vendor sends with status 200.
func means(status int, body []byte) transport.Meaning {
	if status == http.StatusOK && wx.Throttled(body) {
		return transport.Busy
	}
	return transport.AsStatus
}

var errNoID = errors.New("the answer does not say that the request was taken")

// Validate names everything that is wrong with r, by its JSON path. It knows
// what the vendor's pages say. The error is an [*Error].
func (r Request) Validate() error { return validate("Send", rules{}, &r) }

func validate(op string, rules rules, r *Request) error {
	var found problems.List
	c := checker{found: &found, rules: rules}
	c.request(r)
	c.count()
	return invalid(op, found)
}

func validateBatch(op string, rules rules, requests []Request) error {
	var found problems.List
	c := checker{found: &found, rules: rules}
	if len(requests) == 0 {
		c.add("", "no request")
	}
	for i := range requests {
		c.at = index(i)
		c.request(&requests[i])
	}
	c.at = ""
	c.count()
	return invalid(op, found)
}
