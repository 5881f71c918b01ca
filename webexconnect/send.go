package webexconnect

import (
	"bytes"
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
	Raw       json.RawMessage // the answer as received; it may repeat addresses and texts: do not log it
}

// Outcome is one entry of an answer.
type Outcome struct {
	Code          string // [CodeQueued], or why not
	Description   string // the vendor's words: "Queued", "Queued in burst mode"; masked as Error.Message if it was refused
	TransID       string // comes back in notifications, perhaps with "_0" behind it: see [BaseTransID]
	CorrelationID string // the vendor's echo as received, often empty
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
	return c.do(ctx, c.send, body, func(int) Channel { return channel }, func(int) bool { return true })
}

// SendBatch submits several complete requests in one call: a content of its
// own for each. Together they may have up to 1000 destinations. Errors are as
// [Client.Send]'s. When all outcomes were accepted, but there is neither one
// for each request nor one for each address, both results are set too, and
// the error is [ErrMaybeAccepted].
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
	channelOf := func(i int) Channel {
		if i < len(requests) {
			return requests[i].Channel
		}
		return ""
	}
	return c.do(ctx, c.sendBatch, body, channelOf, func(outcomes int) bool {
		return outcomes == len(requests) || outcomes == addresses(requests)
	})
}

// addresses is how many addresses requests have together.
func addresses(requests []Request) int {
	n := 0
	for i := range requests {
		for j := range requests[i].Destinations {
			n += requests[i].Destinations[j].addresses()
		}
	}
	return n
}

func (c *Client) notEncoded(op string, err error) error {
	return &Error{Op: op, Message: c.transport.Line(err.Error()), fault: errs.Fault{Kind: errs.InvalidRequest}}
}

// do makes a call. whole says whether so many outcomes are all that there are
// to be.
func (c *Client) do(ctx context.Context, to transport.Endpoint, body []byte, channelOf func(int) Channel, whole func(int) bool) (*Response, error) {
	res := c.transport.Do(ctx, transport.Call{Endpoint: to, Body: body, Means: means})
	outcomes := c.outcomes(to.Op, channelOf, res)
	if res.Kind != nil {
		return nil, c.fail(to.Op, res, outcomes)
	}
	out := &Response{
		Outcomes: outcomes, RequestID: c.transport.ID(res.Header.Get("X-Request-Id")), Attempts: res.Attempts, Raw: res.Body,
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
	case !refused && whole(len(outcomes)):
		return out, nil
	case !refused:
		res.Kind, res.Cause = errs.MaybeAccepted, errNotAll
		return out, c.fail(to.Op, res, outcomes)
	case out.TransID != "":
		return out, c.fail(to.Op, res, outcomes)
	default:
		return nil, c.fail(to.Op, res, outcomes)
	}
}

// means looks for what an answer's codes say beyond its status: that a part of
// the call was or may have been accepted, whatever the status, or that every
// part was refused because there were too many, or for the credentials; the
// vendor sends both with status 200.
func means(status int, body []byte) transport.Meaning {
	if status == http.StatusOK && !bytes.Contains(body, []byte(CodeThrottled)) && !bytes.Contains(body, []byte(CodeAuthenticationFailed)) {
		return transport.AsStatus // spares the reading of an ordinary answer
	}
	entries := wx.Entries(body)
	throttled, rejected := 0, 0
	for _, e := range entries {
		switch e.Code {
		case CodeThrottled:
			throttled++
		case CodeAuthenticationFailed:
			rejected++
		default:
			if e.Code == CodeQueued || wx.Kind(wx.V1, "", e.Code) == errs.MaybeAccepted { //nolint:errorlint // the very value
				return transport.Taken
			}
		}
	}
	switch {
	case len(entries) == 0 || !codesCount(status):
		return transport.AsStatus
	case throttled == len(entries):
		return transport.Busy
	case rejected == len(entries):
		return transport.Rejected
	}
	return transport.AsStatus
}

var (
	errNoID   = errors.New("the answer does not say that the request was taken")
	errNotAll = errors.New("the answer does not say that all requests were taken")
)

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
