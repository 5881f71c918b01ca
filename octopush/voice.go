package octopush

import (
	"context"
	"encoding/json"
	"iter"
	"time"
)

// VoiceType is the type of a voice campaign, metadata.type.
type VoiceType string

// VoiceTypeSMS is the only documented type.
const VoiceTypeSMS VoiceType = "voice_sms"

// VoiceGender is the gender of the voice.
type VoiceGender string

// The documented genders. Not every language has both
// (https://dev.octopush.com/en/sms-gateway-api-documentation/voice-sms-api/send-voice-sms/).
const (
	Male   VoiceGender = "male"
	Female VoiceGender = "female"
)

// VoiceLanguage is the language that the text is read in. Any is sent: other
// pages of the vendor's name more than this one. What the server does not
// know it refuses with [CodeVoiceLanguage].
type VoiceLanguage string

// The languages of the page.
const (
	VoiceEnUS VoiceLanguage = "en-US"
	VoiceEnGB VoiceLanguage = "en-GB"
	VoiceElGR VoiceLanguage = "el-GR"
	VoicePlPL VoiceLanguage = "pl-PL"
	VoiceHuHU VoiceLanguage = "hu-HU"
	VoiceSvSE VoiceLanguage = "sv-SE"
	VoiceDeDE VoiceLanguage = "de-DE"
	VoiceEsES VoiceLanguage = "es-ES"
	VoiceEsLA VoiceLanguage = "es-LA"
	VoiceFrFR VoiceLanguage = "fr-FR"
	VoiceItIT VoiceLanguage = "it-IT"
	VoicePtBR VoiceLanguage = "pt-BR"
	VoiceRuRU VoiceLanguage = "ru-RU"
)

// VoiceRequest is one voice SMS campaign: calls in which the text is read out.
//
// Source: https://octopush-api.readme.io/reference/post_public_apimulti_channelsend
type VoiceRequest struct {
	Recipients []string  // phone numbers, "+33611223344"; 1 to 500
	Text       string    // 1 to 1224 code points
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

	Type        VoiceType     // empty is left out; the page's example has VoiceTypeSMS
	Gender      VoiceGender   // empty is left out
	Language    VoiceLanguage // empty is left out
	PressedKeys bool          // get_back_pressed_keys: receipts tell which keys were pressed; false is left out

	// Members of the JSON object, and of its metadata, that the request has
	// no field for. The server leaves out what it does not know.
	Extra, ExtraMetadata map[string]json.RawMessage
}

func (r VoiceRequest) campaign() *campaign {
	return &campaign{
		op: "SendVoice", sendAt: r.SendAt, extra: r.Extra, extraMetadata: r.ExtraMetadata,
		wire: wireRequest{
			Channel: VoiceSMS, Text: r.Text, Recipients: phoneContacts(r.Recipients), Sender: r.Sender, Purpose: r.Purpose, ListName: r.ListName,
			Simulate: r.Simulate, Track: r.TrackRecipients, Optimize: r.OptimizeText,
			DeleteOptedOut: r.DeleteOptedOut, FilterOptedOut: r.FilterOptedOut,
		},
		metadata: wireMetadata{
			RequestID: r.RequestID, Type: string(r.Type), VoiceGender: r.Gender, VoiceLanguage: r.Language, PressedKeys: r.PressedKeys,
		},
	}
}

// Validate is as [SMSRequest.Validate].
func (r VoiceRequest) Validate() error { return r.campaign().validate(false) }

// SendVoice sends a voice SMS campaign. Errors are as of [Client.SendSMS].
func (c *Client) SendVoice(ctx context.Context, r VoiceRequest) (*Response, error) {
	return c.submit(ctx, r.campaign())
}

// SendVoiceChunks is to SendVoice as [Client.SendSMSChunks] is to SendSMS.
func (c *Client) SendVoiceChunks(ctx context.Context, r VoiceRequest, size int) iter.Seq2[Chunk, error] {
	return c.chunks(ctx, r.campaign(), size)
}
