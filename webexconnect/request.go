package webexconnect

import (
	"encoding/json"
	"iter"
	"slices"
	"time"
)

// MaxDestinations is how many addresses a call takes, over all of its
// destination objects.
const MaxDestinations = 1000

// Channel is a value of deliverychannel.
type Channel string

// The documented channels. The page spells two of them in two ways; the
// constants with the plainer names are the forms of its channels' own pages.
const (
	ChannelSMS       Channel = "sms"
	ChannelVoice     Channel = "voice"
	ChannelInApp     Channel = "appmessaging" // in-app messaging and live chat
	ChannelRT        Channel = "rt"           // the same, in the page's sample and in notifications
	ChannelPush      Channel = "push"
	ChannelMessenger Channel = "fb"
	ChannelWhatsApp  Channel = "whatsapp"
	ChannelApple     Channel = "AppleBusinessChat"

	// ChannelAppleLow is [ChannelApple] in lower case, as the page's table and
	// notifications have it. Use it only if your tenant refuses ChannelApple,
	// with which all of the vendor's samples send.
	ChannelAppleLow Channel = "applebusinesschat"
)

// Request is one content for one or more destinations. Make it with the
// constructor of its channel ([NewSMS], [NewWhatsApp], …), which sets Channel,
// AppID and the content together, then set what else is wanted.
//
// Source: https://developers.webexconnect.io/reference/send-message-v1
type Request struct {
	// Channel is deliverychannel. Required.
	Channel Channel

	// AppID is the asset that sends: required on push, in-app, Messenger,
	// WhatsApp and Apple.
	AppID string

	// Destinations are who gets it: at least one, with up to
	// [MaxDestinations] addresses together.
	Destinations []Destination

	// The content: the one that matches Channel. It may be missing when
	// Template has a template.
	SMS       *SMS
	Voice     *Voice
	InApp     *InApp
	Push      *Push
	Messenger *Messenger
	WhatsApp  *WhatsApp
	Apple     *Apple

	// Template is "message": a template of the platform. What the channel's
	// content has comes before it.
	Template *Template

	// SmartLinks make links in the text: "{{link_5}}" is replaced by the link
	// 5. On SMS, in-app, Messenger and WhatsApp texts only.
	SmartLinks []SmartLink

	// ContactPolicy has consent or frequency checked before sending. See
	// [WithContactPolicyTopLevel] for its place.
	ContactPolicy *ContactPolicy

	// CorrelationID comes back in notifications; at most 50 bytes. A
	// destination's own overrides it. It does not make a repeat harmless.
	CorrelationID string

	// CallbackData comes back in notifications; at most 2000 characters (by
	// https://developers.webexconnect.io/reference/send-message-api-v1).
	CallbackData string

	// NotifyURL gets the notifications, instead of the service's own URL:
	// https, without spaces around it. With an invalid URL, says the page,
	// the vendor does not retry.
	NotifyURL string

	// NotifyURLAuthID is an authorization that is set up on the platform, by
	// which it identifies itself to NotifyURL. Not in the page; see
	// https://help.webexconnect.io/docs/authorization-for-outbound-webhook-and-contact-policy
	NotifyURLAuthID string

	// Expiry ends the request: messages are not pushed after it. It is sent
	// in UTC, to the millisecond. Zero is left out.
	Expiry time.Time

	// Options shorten and track links. Not in the page.
	Options *LinkOptions

	// GTRIDs is gtrId, which the page shows without saying what it is: as
	// many as Destinations, or none.
	GTRIDs []string

	// ICMessage is icmessage. The page shows "true" and says that the
	// platform itself sets it towards devices when several SDKs coexist. Nil
	// is left out; this package never sets it.
	ICMessage *string

	// Members that this package does not know: of the request's object, of
	// its "channels", and of "OTT-Messaging" in there (where the older
	// product had Twitter and WeChat).
	Extra         map[string]json.RawMessage
	ChannelsExtra map[string]json.RawMessage
	OTTExtra      map[string]json.RawMessage
}

// Destination is one object of destination: addresses of one kind and, if
// wanted, a correlation id for them. Whether kinds may be mixed in one object
// is not documented, except for WAID and BSUID.
type Destination struct {
	MSISDN        []string `json:"msisdn,omitempty"`     // phone numbers, E.164 with "+"; older tenants take others
	CustomerID    []string `json:"customerid,omitempty"` // of the platform's profiles, any channel
	UserID        []string `json:"userid,omitempty"`     // push, in-app and live chat; not in the page
	Email         []string `json:"email,omitempty"`
	AndroidPushID []string `json:"android_pushid,omitempty"`
	IOSPushID     []string `json:"ios_pushid,omitempty"`
	HMSPushID     []string `json:"hms_pushid,omitempty"` // not in the page
	ChromePushID  []string `json:"chrome_pushid,omitempty"`
	FirefoxPushID []string `json:"firefox_pushid,omitempty"` // not in the page
	SafariPushID  []string `json:"safari_pushid,omitempty"`
	PSID          []string `json:"psid,omitempty"`      // Messenger
	WAID          []string `json:"waid,omitempty"`      // WhatsApp: id, phone number, or a normalised form
	BSUID         []string `json:"bsuid,omitempty"`     // WhatsApp: business-scoped user id; not in the page
	ABCUserID     []string `json:"abcUserId,omitempty"` // Apple's opaque id
	TwitterID     []string `json:"twitterid,omitempty"` // older product only
	WeChatID      []string `json:"wechatID,omitempty"`  // older product only

	// CorrelationID overrides Request.CorrelationID; at most 50 bytes.
	CorrelationID string `json:"correlationid,omitempty"`

	// Other are identifiers of kinds that this package does not know.
	Other map[string][]string `json:"-"`
}

// ToPhone is a destination of phone numbers, for SMS, voice and Apple
// invitations.
func ToPhone(msisdn ...string) Destination { return Destination{MSISDN: msisdn} }

// ToWhatsApp is a destination of WhatsApp ids or phone numbers.
func ToWhatsApp(waid ...string) Destination { return Destination{WAID: waid} }

// ToMessenger is a destination of page-scoped ids.
func ToMessenger(psid ...string) Destination { return Destination{PSID: psid} }

// ToUser is a destination of app users, for push, in-app and live chat.
func ToUser(userID ...string) Destination { return Destination{UserID: userID} }

// ToCustomer is a destination of profiles of the platform.
func ToCustomer(customerID ...string) Destination { return Destination{CustomerID: customerID} }

// ToApple is a destination of Apple's opaque user ids.
func ToApple(abcUserID ...string) Destination { return Destination{ABCUserID: abcUserID} }

// kindNames are the names of what kinds returns.
var kindNames = [...]string{
	"msisdn", "customerid", "userid", "email", "android_pushid", "ios_pushid", "hms_pushid", "chrome_pushid", "firefox_pushid",
	"safari_pushid", "psid", "waid", "bsuid", "abcUserId", "twitterid", "wechatID",
}

// kinds are the identifiers of d, but for Other.
func (d *Destination) kinds() [len(kindNames)]*[]string {
	return [...]*[]string{
		&d.MSISDN, &d.CustomerID, &d.UserID, &d.Email, &d.AndroidPushID, &d.IOSPushID, &d.HMSPushID, &d.ChromePushID, &d.FirefoxPushID,
		&d.SafariPushID, &d.PSID, &d.WAID, &d.BSUID, &d.ABCUserID, &d.TwitterID, &d.WeChatID,
	}
}

// addresses is how many addresses d has.
func (d *Destination) addresses() int {
	n := 0
	for _, ids := range d.kinds() {
		n += len(*ids)
	}
	for _, ids := range d.Other {
		n += len(ids)
	}
	return n
}

// Split is r in parts of at most size addresses each, in order; size is
// [MaxDestinations] when it is not between 1 and that. Correlation ids stay
// with their destinations, GTRIDs with theirs; a destination of more than
// size addresses is divided. One that mixes kinds of identifiers is kept
// whole, because what belongs together in it is not known. The parts share
// everything else with r.
//
//	for part := range r.Split(0) {
//		res, err := client.Send(ctx, part)
//	}
func (r Request) Split(size int) iter.Seq[Request] {
	if size < 1 || size > MaxDestinations {
		size = MaxDestinations
	}
	return func(yield func(Request) bool) {
		if len(r.Destinations) == 0 { // for Send to refuse
			yield(r)
			return
		}
		part, n := r.part(), 0
		flush := func() bool {
			if n == 0 {
				return true
			}
			full := part
			part, n = r.part(), 0
			return yield(full)
		}
		for i := range r.Destinations {
			for piece := range r.Destinations[i].pieces(size, size-n) {
				if n > 0 && n+piece.addresses() > size && !flush() {
					return
				}
				part.Destinations = append(part.Destinations, piece)
				if len(r.GTRIDs) == len(r.Destinations) {
					part.GTRIDs = append(part.GTRIDs, r.GTRIDs[i])
				}
				n += max(1, piece.addresses())
				if n >= size && !flush() {
					return
				}
			}
		}
		flush()
	}
}

// part is r without its destinations. GTRIDs that do not match them are left
// for Validate to refuse.
func (r *Request) part() Request {
	p := *r
	p.Destinations = nil
	if len(r.GTRIDs) == len(r.Destinations) {
		p.GTRIDs = nil
	}
	return p
}

// pieces are d in pieces of at most size addresses, the first of at most
// first.
func (d *Destination) pieces(size, first int) iter.Seq[Destination] {
	return func(yield func(Destination) bool) {
		var only *[]string
		for _, ids := range d.kinds() {
			if len(*ids) > 0 {
				if only != nil {
					yield(*d)
					return
				}
				only = ids
			}
		}
		if only == nil || len(d.Other) > 0 {
			yield(*d)
			return
		}
		whole, rest := *d, *only
		for limit := first; len(rest) > 0; limit = size {
			take := min(limit, len(rest))
			piece := whole
			for _, ids := range piece.kinds() {
				if len(*ids) > 0 {
					*ids = slices.Clip(rest[:take])
				}
			}
			rest = rest[take:]
			if !yield(piece) {
				return
			}
		}
	}
}

// SmartLink is a link of the platform's Smart Links.
type SmartLink struct {
	LinkID int `json:"linkid"` // required

	// Validity is how long the link lives, in minutes; the unit stands only
	// in the older product's documentation. 0 is left out.
	Validity int `json:"validity,omitempty"`
}

// ContactPolicy has the platform's Contact Policy app decide whether a
// message is sent. At least one of its flags must be set.
type ContactPolicy struct {
	// Group is the group's id. Required.
	Group string `json:"contactPolicyGroup,omitempty"`

	// CheckConsent requires an opt-in: without one, [ErrOptedOut].
	CheckConsent bool `json:"channelCheckConsent,omitempty"`

	// ApplyFrequencyCap enforces the group's cap: over it,
	// [ErrFrequencyCapped].
	ApplyFrequencyCap bool `json:"channelApplyFrequencyCap,omitempty"`
}

// LinkOptions shorten links in texts and track clicks on them, on SMS,
// in-app, Messenger and WhatsApp. The vendor enables this for a tenant.
//
// Source: https://developers.webexconnect.io/reference/send-message-api-v1
type LinkOptions struct {
	TrackClicks  *bool // nil: false
	ShortenLinks *bool // nil: false; a short link lives 180 days

	// Domain of the short links, "https://s.example.com". Required.
	Domain string

	Tag1, Tag2 string // for reports

	// AllowFallbackURL sends the long link when shortening fails.
	AllowFallbackURL *bool
}

// Template is a template of the platform, with its parameters.
//
// Source: https://developers.webexconnect.io/reference/send-message-v1; for
// WhatsApp https://developers.webexconnect.io/reference/whatsapp-template-messages
type Template struct {
	// ID is the template's id on the platform. Required.
	ID string `json:"template"`

	// Parameters by the names that the template has. Values are strings; for
	// WhatsApp also what [MediaParameter], [DateTimeParameter],
	// [CurrencyParameter], [URLParameter], [QuickReplyParameter] and
	// [OTPParameter] make, or anything that encodes as JSON.
	Parameters map[string]any `json:"parameters,omitempty"`
}
