package octopush

import (
	"context"
	"encoding/json"
	"iter"
	"time"
)

// EmailService is how an e-mail is sent, metadata.emailing_service. The page
// does not explain the two.
type EmailService string

// The documented services.
const (
	Mailbox EmailService = "mailbox"
	Gateway EmailService = "gateway"
)

// BodyFormat is what the text of an e-mail is, metadata.body_format.
type BodyFormat string

// The documented formats.
const (
	PlainText BodyFormat = "plain_text" // the default
	HTML      BodyFormat = "html"
)

// EmailRequest is one e-mail campaign.
//
// Source: https://octopush-api.readme.io/reference/post_public_apimulti_channelsend
type EmailRequest struct {
	Recipients []string  // e-mail addresses; 1 to 500
	Text       string    // 1 to 1224 code points, also with Template: the page makes no exception
	Sender     string    // 3 to 11 letters or digits, if the account may; empty is left out
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

	Service    EmailService // empty is left out
	From       string       // email_from, the sender's address; empty is left out
	FromName   string       // name_from; empty is left out
	Subject    string       // at most 1000 code points; empty is left out
	Template   string       // template_name, of the account; empty is left out
	BodyFormat BodyFormat   // of Text, not of Template; empty is left out: PlainText
	Language   string       // of the mention of how to unsubscribe; its form is not documented; empty is left out

	// Members of the JSON object, and of its metadata, that the request has
	// no field for. The server leaves out what it does not know.
	Extra, ExtraMetadata map[string]json.RawMessage
}

func (r EmailRequest) campaign() *campaign {
	contacts := make([]wireContact, len(r.Recipients))
	for i, address := range r.Recipients {
		contacts[i].Email = address
	}
	return &campaign{
		op: "SendEmail", sendAt: r.SendAt, extra: r.Extra, extraMetadata: r.ExtraMetadata,
		wire: wireRequest{
			Channel: Email, Text: r.Text, Recipients: contacts, Sender: r.Sender, Purpose: r.Purpose, ListName: r.ListName,
			Simulate: r.Simulate, Track: r.TrackRecipients, Optimize: r.OptimizeText,
			DeleteOptedOut: r.DeleteOptedOut, FilterOptedOut: r.FilterOptedOut,
		},
		metadata: wireMetadata{
			RequestID: r.RequestID, Service: r.Service, From: r.From, FromName: r.FromName, Subject: r.Subject,
			Template: r.Template, BodyFormat: r.BodyFormat, Language: r.Language,
		},
	}
}

// Validate is as [SMSRequest.Validate].
func (r EmailRequest) Validate() error { return r.campaign().validate(false) }

// SendEmail sends an e-mail campaign. Errors are as of [Client.SendSMS].
func (c *Client) SendEmail(ctx context.Context, r EmailRequest) (*Response, error) {
	return c.submit(ctx, r.campaign())
}

// SendEmailChunks is to SendEmail as [Client.SendSMSChunks] is to SendSMS.
func (c *Client) SendEmailChunks(ctx context.Context, r EmailRequest, size int) iter.Seq2[Chunk, error] {
	return c.chunks(ctx, r.campaign(), size)
}
