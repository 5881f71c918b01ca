package v2

import (
	"encoding/json"
	"time"
)

// Channel is a channel of Send Message v2.
type Channel string

// The documented channels.
const (
	ChannelSMS   Channel = "sms"
	ChannelEmail Channel = "email"
	ChannelRCS   Channel = "rcs"
	ChannelMMS   Channel = "mms"
	ChannelVoice Channel = "voice"
)

// Request is one call: the same content for up to 1000 recipients. It encodes
// as the body of the call, and decodes from it.
//
// Source: https://developers.webexconnect.io/reference/send-message-v2
type Request struct {
	// From is who it comes from. SMS: a sender ID, a short code, or a number
	// without "+". E-mail: an address on a domain that is registered. RCS:
	// the app ID of the RCS asset. MMS and voice: a number of the account.
	From string

	// To are the recipients. All objects together may hold 1000 addresses,
	// subject to the calls per second of the tenant. Give each recipient an
	// object, with a CorrelationID, to tell their receipts apart.
	To []Destination

	// Content is what is sent, and decides the channel: [SMS], [Email],
	// [MMS], [VoiceMedia], [VoiceSpeech], [RCSText], [RCSMedia], [RCSCard],
	// [RCSCarousel], [RCSTyping], [RCSMarkRead], a [Template] of any channel, or
	// [RawContent]; or a pointer to one, of which a nil one is no content.
	Content Content

	// Substitutions are the values of "$(name)" in the content, for every
	// recipient; those of a [Destination] come first. In RCS they work in
	// texts only.
	Substitutions map[string]string

	// CC and BCC are for e-mail only. Empty is left out.
	CC, BCC []string

	// MultipleToRecipients is for e-mail only: true sends one e-mail that
	// names all of To, and the answer has one id for all of them; otherwise
	// everybody gets an e-mail of their own, those in CC and BCC too. Nil is
	// left out.
	MultipleToRecipients *bool

	Options *Options

	// SmartLinks replace "{{smartlink_<id>}}" in the text of an SMS.
	SmartLinks []SmartLink

	// SendAt schedules the message, at most 7 days ahead. Zero: now.
	SendAt time.Time

	// ExpireAt is when the platform drops the message if it has not handed
	// it on, at most 7 days ahead. Not together with Validity. Zero: none.
	ExpireAt time.Time

	// Validity is how long the message may take, in whole seconds, counted
	// from SendAt if there is one. For SMS the operator's network drops it
	// then, too, and the longest is 72 hours. Zero: none.
	Validity time.Duration

	// BatchID names a scheduled batch. Where the vendor shows scheduling it
	// is marked as mandatory, but on no other page.
	BatchID string

	// RequestedReceipts are the receipts that NotifyURL gets; empty: as the
	// service says. The constants differ from channel to channel.
	RequestedReceipts []Receipt

	// CorrelationID comes back in the answer and in receipts, unless the
	// [Destination] has its own. Only the pages of MMS and voice have it
	// here. At most 50 bytes: v1's limit, v2's pages name none.
	CorrelationID string

	// CallbackData comes back in receipts. At most 2000 characters.
	CallbackData string

	// NotifyURL is where receipts go, before what the service says: https, or
	// for tests http to loopback, without spaces.
	NotifyURL string

	// NotifyURLAuthID is the ID of an Authorization that the platform has
	// been given for NotifyURL.
	NotifyURLAuthID string

	ContactPolicy *ContactPolicy

	// Extra are members of the JSON object that this package does not know,
	// or leaves out when they are empty.
	Extra map[string]json.RawMessage
}

// Destination is one or more recipients that share a correlation ID and
// substitutions.
type Destination struct {
	// MSISDN are phone numbers in E.164, for every channel but e-mail. With
	// "+E.164" switched on in the tenant each must begin with "+". They are
	// neither checked nor changed unless the client has [WithE164Check].
	MSISDN []string

	// Email are addresses, for e-mail only. An address has at most 320
	// characters, 64 of them before the "@" and 255 behind it.
	Email []string

	// CorrelationID comes back in the answer and in receipts. At most 50
	// bytes: v1's limit, v2's pages name none.
	CorrelationID string

	// Substitutions are the values of "$(name)", before the message's.
	Substitutions map[string]string
}

// ToPhone is a destination of phone numbers.
func ToPhone(numbers ...string) Destination { return Destination{MSISDN: numbers} }

// ToEmail is a destination of e-mail addresses.
func ToEmail(addresses ...string) Destination { return Destination{Email: addresses} }

// Options are a channel's extra settings. What stands at a field of which
// channel is the only one that documents it. A nil *bool, 0 or "" is left out.
type Options struct {
	// TrackClicks asks for "clicked" receipts. Default false. SMS and RCS:
	// of shortened links; e-mail: of links in HTML, with AWS SES only.
	TrackClicks *bool

	// TrackOpens asks for "read" receipts. E-mail with AWS SES only.
	TrackOpens *bool

	// ShortenLinks shortens https links in the content for 180 days. It
	// needs Domain.
	ShortenLinks *bool

	// Domain is where shortened links lead, "https://s.example.com". SMS
	// wants it whenever there are Options.
	Domain string

	Tag1, Tag2 string // for the vendor's reports on links

	// AllowFallbackURL sends the long link when it cannot be shortened.
	AllowFallbackURL *bool

	FromName string // e-mail: shown beside From

	// Your own List-Unsubscribe of an e-mail, instead of the platform's: you
	// then handle unsubscriptions yourself, and no receipt tells of them.
	// That they belong into the options is how the vendor's table reads; no
	// sample shows them.
	ListUnsubscribeURL      string
	UnsubscribeEmailAddress string
	UnsubscribeEmailSubject string

	// SMSFallback has the platform send SMSText from SMSSenderID when RCS
	// fails. RCS only; both are mandatory with it, SMSText has at most 1024
	// characters. It is the vendor's own fallback, without a word about
	// which of the two messages arrived.
	SMSFallback *bool
	SMSSenderID string
	SMSText     string

	// CarrierID spares the lookup of the recipient's carrier. RCS only.
	CarrierID int

	// Extra are members of the JSON object that this package does not know.
	Extra map[string]json.RawMessage
}

// SmartLink is a link made on the platform, put in place of
// "{{smartlink_<ID>}}". SMS only.
type SmartLink struct {
	ID       int
	Validity int // until when it works; the unit is not documented for v2, in v1 it is minutes
}

// ContactPolicy has the platform check consent or frequency before it sends.
// The tenant needs the Contact Policy app.
type ContactPolicy struct {
	Group string // the group's ID

	// At least one must be true.
	CheckConsent      bool // send only to who opted in
	ApplyFrequencyCap bool // send only below the group's cap
}

// Receipt is a kind of receipt, spelled as the channel spells it.
type Receipt string

// Receipts of SMS and MMS. Clicked is SMS only.
const (
	SMSSubmitted Receipt = "SUBMITTED"
	SMSSent      Receipt = "SENT" // legacy: as SMSSubmitted, which the vendor prefers
	SMSDelivered Receipt = "DELIVERED"
	SMSClicked   Receipt = "CLICKED"
	SMSFailed    Receipt = "FAILED"
)

// Receipts of RCS.
const (
	RCSSent      Receipt = "Sent"
	RCSDelivered Receipt = "Delivered"
	RCSRead      Receipt = "Read"
	RCSClicked   Receipt = "Clicked"
	RCSFailed    Receipt = "Failed"
)

// Receipts of e-mail. With an SMTP server instead of AWS SES there is
// EmailSubmitted only, and a plain text never gets EmailRead.
const (
	EmailSubmitted   Receipt = "submitted"
	EmailDelivered   Receipt = "delivered"
	EmailRead        Receipt = "read"
	EmailClicked     Receipt = "clicked"
	EmailBounce      Receipt = "bounce" // some samples have "bounced"
	EmailNotVerified Receipt = "not verified"
	EmailInvalid     Receipt = "invalid"
	EmailComplaint   Receipt = "complaint"
	EmailFailed      Receipt = "failed"
)

// Receipts of voice.
const (
	VoiceOffered      Receipt = "offered"
	VoiceAccepted     Receipt = "accepted"
	VoiceAnswered     Receipt = "answered"
	VoiceReleased     Receipt = "released" // ended by the platform
	VoiceRejected     Receipt = "rejected" // by the network or the person, or busy
	VoiceDisconnected Receipt = "disconnected"
	VoiceDropped      Receipt = "dropped" // a technical error
)

// receipts are the documented words of each channel, in lower case.
var receipts = map[Channel][]string{
	ChannelSMS: {"submitted", "sent", "delivered", "clicked", "failed"},
	// The metadata of the MMS page has READ, too.
	ChannelMMS:   {"submitted", "sent", "delivered", "clicked", "failed", "read"},
	ChannelRCS:   {"submitted", "sent", "delivered", "read", "clicked", "failed"},
	ChannelEmail: {"submitted", "delivered", "read", "clicked", "bounce", "bounced", "not verified", "invalid", "complaint", "failed"},
	ChannelVoice: {"offered", "accepted", "answered", "released", "rejected", "disconnected", "dropped"},
}
