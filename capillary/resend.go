package capillary

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"strings"

	"github.com/cpaas-go/cpaas/internal/errs"
	"github.com/cpaas-go/cpaas/internal/jsonx"
	"github.com/cpaas-go/cpaas/internal/problems"
	"github.com/cpaas-go/cpaas/internal/transport"
)

// ResendRequest names a message to send once more. It is of the vendor's v2
// API, which is JSON only.
//
// Source: https://docs.capillarytech.com/reference/post_v2-communications-resend
type ResendRequest struct {
	// MessageID is the platform's id of the message, a number such as
	// "1746061653596". [Outcome.ID] looks like it, but no page says that it is
	// one. Required.
	MessageID string
}

// ResendResponse is Capillary's word that it sends a message once more.
type ResendResponse struct {
	OrgID                string
	UndeliveredMessageID string // the message that was not delivered
	ResentMessageID      string // the one that is sent for it
	Warnings             []Issue

	RequestID string          // from the X-Cap-Requestid header
	Attempts  int             // requests made
	Raw       json.RawMessage // the answer
}

// Resend has a message that was not delivered sent once more, as a new
// message. It is an operation of the vendor's v2 API, in JSON whatever
// [WithXML] says; what makes a message eligible is not documented. A message
// that is not found is [ErrInvalidRequest] with [CodeUnknownMessage].
//
// The error is an [*Error]. It is [ErrMaybeAccepted] when Capillary may have
// taken the request, also when a 2xx answer names no new message, or names one
// and says that it failed; the call is not repeated then.
func (c *Client) Resend(ctx context.Context, r ResendRequest) (*ResendResponse, error) {
	const op = "Resend"
	if err := r.Validate(); err != nil {
		return nil, err
	}
	body, err := jsonx.Encode(struct {
		MessageID json.Number `json:"messageId"`
	}{json.Number(r.MessageID)})
	if err != nil {
		return nil, c.unencodable(op, err)
	}
	got := &reply{sent: 1, transport: c.transport}
	call := transport.Call{Endpoint: c.resend, Header: jsonHeader(), Body: body, Means: func(status int, body []byte) transport.Meaning {
		if resentID(body) != "" {
			return transport.Taken
		}
		return got.means(status, body)
	}}
	got.res = c.transport.Do(ctx, call)
	got.answer = readAnswer(got.res.Status, got.res.Body)
	resent, v := resentID(got.res.Body), got.verdict(1)
	switch {
	case resent == "" && (got.res.Kind != nil || v == refused):
		e := c.fail(op, got)
		e.Partial = false
		return nil, e
	case resent == "" || got.res.Kind != nil || v != unknown && v != accepted:
		got.res.Kind, got.res.Cause = errs.MaybeAccepted, cmp.Or(got.res.Cause, errNotResent)
		e := c.fail(op, got)
		e.fault.Kind, e.fault.Also, e.Partial = errs.MaybeAccepted, errs.Decode, false
		return nil, e
	}
	var o jsonx.Object
	o.Read(got.res.Body)
	return &ResendResponse{
		OrgID: jsonx.Scalar(o.Get("orgId")), UndeliveredMessageID: jsonx.Scalar(o.Get("undeliveredMessageId")), ResentMessageID: resent,
		Warnings: got.shown(got.status.Warnings), RequestID: got.requestID(), Attempts: got.res.Attempts, Raw: got.res.Body,
	}, nil
}

// resentID is the id of the new message: a whole number, not 0.
func resentID(body []byte) string {
	var o jsonx.Object
	o.Read(body)
	id := jsonx.Scalar(o.Get("resentMessageId"))
	if strings.Trim(id, "0") == "" || strings.Trim(id, "0123456789") != "" {
		return ""
	}
	return id
}

var errNotResent = errors.New("the answer does not say for certain that the message is sent again")

// Validate says what is wrong with r. The error is an [*Error].
func (r ResendRequest) Validate() error {
	var found problems.List
	switch s := r.MessageID; {
	case s == "":
		found.Add("is missing", "messageId")
	case strings.Trim(s, "0123456789") != "" || s[0] == '0' || len(s) > 18:
		found.Add("must be a number without leading zeros, of at most 18 digits", "messageId")
	}
	return invalid("Resend", found)
}
