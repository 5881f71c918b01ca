package octopush

import (
	"context"
	"encoding/json"
	"iter"
	"time"
)

// MessageType is the kind of an RCS message, metadata.message_type.
type MessageType string

// The documented kinds.
const (
	SimpleText MessageType = "simple_text" // the default
	RichCard   MessageType = "rich_card"
)

// RCSRequest is one RCS campaign.
//
// Source: https://octopush-api.readme.io/reference/post_public_apimulti_channelsend
type RCSRequest struct {
	Recipients []string  // phone numbers, "+33611223344"; 1 to 500
	Text       string    // 1 to 1224 code points
	Sender     string    // the agent's name in the account's multichannel settings; empty is left out: the default agent
	SendAt     time.Time // when, to the second; zero is left out: now
	Purpose    Purpose   // empty is left out: marketing, see Alert
	ListName   string    // a contact list that the vendor makes of the recipients; empty is left out

	Simulate        *bool // nothing is sent, and the answer is made up; nil is left out
	TrackRecipients *bool // recipient_tracking: what comes back is not documented; nil is left out
	OptimizeText    *bool // false: the text stays as it is; nil is left out: the page is not clear
	DeleteOptedOut  *bool // auto_delete_optout_contacts; nil is left out
	FilterOptedOut  *bool // optout_filtering. false in a transactional campaign: also to who opted out; nil is left out: true

	// RequestID is refused again for 24 hours, which makes the call safe to
	// repeat. No maximum length is documented. Empty is left out.
	RequestID string

	WithReplies bool        // lets recipients reply; false is left out
	Type        MessageType // message_type; empty is left out: SimpleText

	// Cards are for RichCard, Actions (such as buttons) for all else. What
	// they are made of is not documented: each is JSON, sent as it is.
	Cards, Actions []json.RawMessage

	// Members of the JSON object, and of its metadata, that the request has
	// no field for. The server leaves out what it does not know.
	Extra, ExtraMetadata map[string]json.RawMessage
}

func (r RCSRequest) campaign() *campaign {
	return &campaign{
		op: "SendRCS", sendAt: r.SendAt, extra: r.Extra, extraMetadata: r.ExtraMetadata,
		wire: wireRequest{
			Channel: RCS, Text: r.Text, Recipients: phoneContacts(r.Recipients), Sender: r.Sender, Purpose: r.Purpose, ListName: r.ListName,
			Simulate: r.Simulate, Track: r.TrackRecipients, Optimize: r.OptimizeText,
			DeleteOptedOut: r.DeleteOptedOut, FilterOptedOut: r.FilterOptedOut,
		},
		metadata: wireMetadata{
			RequestID: r.RequestID, WithReplies: r.WithReplies, MessageType: r.Type, Cards: r.Cards, Actions: r.Actions,
		},
	}
}

// Validate is as [SMSRequest.Validate].
func (r RCSRequest) Validate() error { return r.campaign().validate(false) }

// SendRCS sends an RCS campaign. The account needs an agent, made in the back
// office and approved by Google; without Sender the account's default agent
// is used.
//
// Errors are as of [Client.SendSMS], but a 2xx without a ticket is a result,
// unless it has a code that is none of success: the answer to RCS is not
// documented.
func (c *Client) SendRCS(ctx context.Context, r RCSRequest) (*Response, error) {
	return c.submit(ctx, r.campaign())
}

// SendRCSChunks is to SendRCS as [Client.SendSMSChunks] is to SendSMS.
func (c *Client) SendRCSChunks(ctx context.Context, r RCSRequest, size int) iter.Seq2[Chunk, error] {
	return c.chunks(ctx, r.campaign(), size)
}
