package octopush

import (
	"context"
	"encoding/json"

	"github.com/cpaas-go/cpaas/internal/errs"
	"github.com/cpaas-go/cpaas/internal/jsonx"
	"github.com/cpaas-go/cpaas/internal/problems"
	"github.com/cpaas-go/cpaas/internal/transport"
)

// CancelRequest names a campaign to cancel.
type CancelRequest struct {
	Channel Channel // any but LiveChat
	Ticket  string  // Response.Ticket, also of an SMS
}

// CancelResponse is Octopush's word that the campaign is cancelled.
type CancelResponse struct {
	RequestID string          // from the X-Request-Id header, if there is one
	Attempts  int             // requests made
	Raw       json.RawMessage // the answer; nil, as documented, if it was empty
}

type wireCancel struct {
	Channel Channel `json:"channel"`
	Ticket  string  `json:"ticket_number"`
}

// Validate names everything that is wrong with r, by JSON path. The error is
// an [*Error].
func (r CancelRequest) Validate() error {
	var found problems.List
	if r.Channel == "" {
		found.Add("is missing", "channel")
	}
	found.Check(problems.OneOf(r.Channel, SMS, VoiceSMS, RCS, Email), "channel")
	found.Check(problems.Required(r.Ticket), "ticket_number")
	return invalid("Cancel", found)
}

// Cancel takes back a campaign that waits: a draft, or one that is scheduled
// for more than 10 minutes from now. Only campaigns of fewer than 3 recipients
// can be cancelled, 1000 times a month for each API user.
//
// It is a call of its own, documented on another page of the vendor's. Where
// its parameters go the page does not print: they are the JSON body, as on
// the pages of the older calls that cancel. It is not repeated in doubt;
// [ErrMaybeAccepted] is then that the campaign may be cancelled, as it is of a
// 2xx with a code that means nothing known.
//
// Source: https://octopush-api.readme.io/reference/delete_public_apimulti_channelcancel
func (c *Client) Cancel(ctx context.Context, r CancelRequest) (*CancelResponse, error) {
	if err := r.Validate(); err != nil {
		return nil, err
	}
	body, err := jsonx.Encode(wireCancel(r))
	if err != nil {
		return nil, &Error{Op: "Cancel", Message: c.transport.Line(err.Error()), fault: errs.Fault{Kind: errs.InvalidRequest}}
	}
	res := c.transport.Do(ctx, transport.Call{Endpoint: c.cancel, Body: body})
	a := readAnswer(res.Body)
	a.ticket, a.contacts = "", 0 // those of the campaign: they say nothing of this call
	switch {
	case res.Kind != nil, a.refuses():
		return nil, c.refusal("Cancel", res, &a)
	case a.clear(), raw(res.Body) == nil:
		return &CancelResponse{RequestID: c.requestID(res), Attempts: res.Attempts, Raw: raw(res.Body)}, nil
	}
	return nil, c.unread("Cancel", res, &a, errs.MaybeAccepted)
}
