package webexconnect

import (
	"encoding/hex"
	"encoding/json"
)

// SMSType is the type of an SMS.
type SMSType string

// The types of SMS. A newer page of the vendor's leaves Flash out.
const (
	SMSText    SMSType = "1" // the default
	SMSFlash   SMSType = "2"
	SMSBinary  SMSType = "3"
	SMSUnicode SMSType = "4"
)

// SMS is a text message.
//
// Source: https://developers.webexconnect.io/reference/send-message-v1; what
// is said to come from elsewhere,
// https://developers.webexconnect.io/reference/send-message-api-v1
type SMS struct {
	// Text is at most 1024 characters. Required, unless Type is SMSBinary or
	// the request has a template. "{{link_5}}" is replaced by the smart link
	// 5 of Request.SmartLinks.
	Text string `json:"text,omitempty"`

	// SenderID is what the recipient sees: a number, a short code or letters,
	// set up for the service. The vendor's newer page makes it mandatory.
	SenderID string `json:"senderid,omitempty"`

	// Type is empty for SMSText.
	Type SMSType `json:"type,omitempty"`

	// Body is the content of SMSBinary, hexadecimal: see [BinarySMS].
	Body string `json:"body,omitempty"`

	Extras *SMSExtras `json:"extras,omitempty"`

	// SendLinkAsAppClip and StoreRegion, which is for it, are for Apple's App
	// Clips. Not in the page. An empty StoreRegion is "US".
	SendLinkAsAppClip *bool  `json:"sendLinkAsAppClip,omitempty"`
	StoreRegion       string `json:"storeRegion,omitempty"`

	// Extra are members of the JSON object that this package does not know.
	Extra map[string]json.RawMessage `json:"-"`
}

// SMSExtras are what single countries want.
type SMSExtras struct {
	// DLTTemplateID is the id of the registered template, for SMS in India.
	DLTTemplateID string `json:"dlt_templateid,omitempty"`

	// Extra are members of the JSON object that this package does not know.
	Extra map[string]json.RawMessage `json:"-"`
}

// NewSMS is a request for an SMS. The page's prerequisite: a sender ID.
func NewSMS(content SMS, to ...Destination) Request {
	return Request{Channel: ChannelSMS, SMS: &content, Destinations: to}
}

// BinarySMS is an SMS of type SMSBinary with payload as its body.
func BinarySMS(senderID string, payload []byte) SMS {
	return SMS{SenderID: senderID, Type: SMSBinary, Body: hex.EncodeToString(payload)}
}

// Voice is a call: exactly one of CallFlowID, PromptID and Media, beside a
// template at most one.
//
// Source: https://developers.webexconnect.io/reference/send-message-v1
type Voice struct {
	// CallFlowID is a flow of the flow builder.
	CallFlowID string `json:"callflowid,omitempty"`

	// PromptID is an audio file uploaded under Tools > Voice media.
	PromptID string `json:"promptid,omitempty"`

	// Media is the name of an uploaded file. The page has it in an example
	// and in its notes, but not in its table.
	Media string `json:"media,omitempty"`

	// CLI is the number that calls; empty: the service's.
	CLI string `json:"cli,omitempty"`

	// Extra are members of the JSON object that this package does not know.
	Extra map[string]json.RawMessage `json:"-"`
}

// NewVoice is a request for a call. The page's prerequisite: a voice-enabled
// long code, which is the caller ID.
func NewVoice(content Voice, to ...Destination) Request {
	return Request{Channel: ChannelVoice, Voice: &content, Destinations: to}
}
