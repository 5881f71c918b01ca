package octopush

import (
	"context"
	"encoding/json"
	"iter"
	"time"
)

// SMSType is the route of an SMS, metadata.type.
type SMSType string

// The documented types.
const (
	Premium SMSType = "sms_premium"
	LowCost SMSType = "sms_low_cost"
)

// SMSRequest is one SMS campaign.
//
// Source: https://octopush-api.readme.io/reference/post_public_apimulti_channelsend
type SMSRequest struct {
	Recipients []string  // phone numbers, "+33611223344"; 1 to 500
	Text       string    // 1 to 1224 code points
	Sender     string    // 3 to 11 letters or digits, if the account may; empty is left out
	SendAt     time.Time // when, to the second; zero is left out: now
	Purpose    Purpose   // empty is left out: marketing, see Alert
	ListName   string    // a contact list that the vendor makes of the recipients; empty is left out

	Simulate        *bool // nothing is sent, and the answer is made up; nil is left out
	TrackRecipients *bool // recipient_tracking: what comes back is not documented; nil is left out
	OptimizeText    *bool // false: the text stays as it is, also where that costs more; nil is left out: the page is not clear
	DeleteOptedOut  *bool // auto_delete_optout_contacts; nil is left out
	FilterOptedOut  *bool // optout_filtering. false in a transactional campaign: also to who opted out; nil is left out: true

	// RequestID is refused again for 24 hours, which makes the call safe to
	// repeat. No maximum length is documented. Empty is left out.
	RequestID string

	Type        SMSType // what it costs and where it arrives; empty is left out
	WithReplies bool    // lets recipients reply; false is left out. Another page says: mainland France, and Sender is replaced by a short number

	// Members of the JSON object, and of its metadata, that the request has
	// no field for. The server leaves out what it does not know.
	Extra, ExtraMetadata map[string]json.RawMessage
}

func (r SMSRequest) campaign() *campaign {
	return &campaign{
		op: "SendSMS", sendAt: r.SendAt, extra: r.Extra, extraMetadata: r.ExtraMetadata,
		wire: wireRequest{
			Channel: SMS, Text: r.Text, Recipients: phoneContacts(r.Recipients), Sender: r.Sender, Purpose: r.Purpose, ListName: r.ListName,
			Simulate: r.Simulate, Track: r.TrackRecipients, Optimize: r.OptimizeText,
			DeleteOptedOut: r.DeleteOptedOut, FilterOptedOut: r.FilterOptedOut,
		},
		metadata: wireMetadata{RequestID: r.RequestID, Type: string(r.Type), WithReplies: r.WithReplies},
	}
}

// Validate names everything that is wrong with r, by JSON path. It knows what
// the page says; the server refuses little of it and leaves the rest out. The
// error is an [*Error].
func (r SMSRequest) Validate() error { return r.campaign().validate(false) }

// SendSMS sends an SMS campaign.
//
// The error is an [*Error]. It is [ErrMaybeAccepted] when Octopush may have
// taken the request, also when a 2xx answer has no ticket and the request is
// not simulated; the call is repeated then only under a RequestID. An answer
// with a ticket and with errors is ErrMaybeAccepted too: see [Error.Ticket].
func (c *Client) SendSMS(ctx context.Context, r SMSRequest) (*Response, error) {
	return c.submit(ctx, r.campaign())
}

// SendSMSChunks sends an SMS campaign of any length in calls of size
// recipients, one after the other; 0 is [MaxRecipients]. The page advises 200
// to 500.
//
// All of r is checked before the first call: what is wrong comes as the only
// error. Else there is one Chunk for each call, with its error; a failed one
// does not stop the next, breaking off the loop does. Each call has a
// RequestID of its own, made of r's, its place and its recipients: the same r
// and size sent again within 24 hours give ErrDuplicate for the chunks that
// were taken, and send the others. Without a RequestID in r a random one takes
// its place. Ranging again over what SendSMSChunks returned is then the same,
// but another call of SendSMSChunks sends all of it again.
func (c *Client) SendSMSChunks(ctx context.Context, r SMSRequest, size int) iter.Seq2[Chunk, error] {
	return c.chunks(ctx, r.campaign(), size)
}
