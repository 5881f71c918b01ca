package octopush

import (
	"context"
	"encoding/json"
	"iter"
	"time"
)

// LiveChatRecipient is a person in live chat. At least one field is needed.
// The server looks for the conversation first, then for the phone number or
// the e-mail address.
type LiveChatRecipient struct {
	Phone          string // "+33611223344"; empty is left out
	Email          string // empty is left out
	ConversationID string // a UUID; the page asks for version 4, which its own example is not; empty is left out
}

// LiveChatRequest is one live chat message.
//
// Source: https://octopush-api.readme.io/reference/post_public_apimulti_channelsend
type LiveChatRequest struct {
	Recipients []LiveChatRecipient // 1 to 500, of which the server must know at least one
	Text       string              // 1 to 1224 code points
	Sender     string              // 3 to 11 letters or digits, if the account may; empty is left out
	SendAt     time.Time           // when, to the second; zero is left out: now
	Purpose    Purpose             // empty is left out
	ListName   string              // a contact list that the vendor makes of the recipients; empty is left out

	Simulate        *bool // nothing is sent, and the answer is made up; nil is left out
	TrackRecipients *bool // recipient_tracking: what comes back is not documented; nil is left out
	OptimizeText    *bool // false: the text stays as it is; nil is left out: the page is not clear
	DeleteOptedOut  *bool // auto_delete_optout_contacts; nil is left out
	FilterOptedOut  *bool // optout_filtering. false in a transactional campaign: also to who opted out; nil is left out: true

	// RequestID is refused again for 24 hours, which makes the call safe to
	// repeat. No maximum length is documented. Empty is left out.
	RequestID string

	// Members of the JSON object, and of its metadata, that the request has
	// no field for. The server leaves out what it does not know.
	Extra, ExtraMetadata map[string]json.RawMessage
}

func (r LiveChatRequest) campaign() *campaign {
	contacts := make([]wireContact, len(r.Recipients))
	for i, person := range r.Recipients {
		contacts[i] = wireContact(person)
	}
	return &campaign{
		op: "SendLiveChat", sendAt: r.SendAt, extra: r.Extra, extraMetadata: r.ExtraMetadata,
		wire: wireRequest{
			Channel: LiveChat, Text: r.Text, Recipients: contacts, Sender: r.Sender, Purpose: r.Purpose, ListName: r.ListName,
			Simulate: r.Simulate, Track: r.TrackRecipients, Optimize: r.OptimizeText,
			DeleteOptedOut: r.DeleteOptedOut, FilterOptedOut: r.FilterOptedOut,
		},
		metadata: wireMetadata{RequestID: r.RequestID},
	}
}

// Validate is as [SMSRequest.Validate].
func (r LiveChatRequest) Validate() error { return r.campaign().validate(false) }

// SendLiveChat sends a live chat message. Errors are as of [Client.SendSMS],
// but a 2xx without a ticket is a result, unless it has a code that is none of
// success: the page shows null.
func (c *Client) SendLiveChat(ctx context.Context, r LiveChatRequest) (*Response, error) {
	return c.submit(ctx, r.campaign())
}

// SendLiveChatChunks is to SendLiveChat as [Client.SendSMSChunks] is to
// SendSMS.
func (c *Client) SendLiveChatChunks(ctx context.Context, r LiveChatRequest, size int) iter.Seq2[Chunk, error] {
	return c.chunks(ctx, r.campaign(), size)
}
