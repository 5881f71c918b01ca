package webexconnect

import (
	"encoding/json"

	"github.com/cpaas-go/cpaas/internal/jsonx"
)

// Apple is a message on Apple Messages for Business.
//
// Source: https://developers.webexconnect.io/reference/apple-messages-for-business-apis
type Apple struct {
	// Type is "text", "richLink", "interactive", "invitation",
	// "typing_start" or "typing_end"; empty: by the content that is set.
	Type string `json:"type,omitempty"`

	// Text is the message. U+FFFC in it marks the place of each attachment.
	Text        string            `json:"text,omitempty"`
	Attachments []AppleAttachment `json:"attachments,omitempty"`

	RichLink    *AppleRichLink    `json:"richLinkData,omitempty"`
	Interactive *AppleInteractive `json:"interactiveData,omitempty"`

	// An invitation goes to phone numbers: see [AppleInvitation].
	WithImage         *bool  `json:"withImage,omitempty"`
	BrandName         string `json:"brandName,omitempty"`
	RequestIdentifier string `json:"requestIdentifier,omitempty"` // at most 100 characters
	Locale            string `json:"locale,omitempty"`            // empty: English (US)

	// Extra are members of the JSON object that this package does not know.
	Extra map[string]json.RawMessage `json:"-"`
}

// AppleAttachment is a file at a public URL.
type AppleAttachment struct {
	URL      string `json:"url"`
	MIMEType string `json:"mimeType"`
}

// AppleRichLink is a link with a preview.
type AppleRichLink struct {
	URL    string      `json:"url"`
	Title  string      `json:"title"`
	Assets AppleAssets `json:"assets"`
}

// AppleAssets are an image or a video.
type AppleAssets struct {
	Image *AppleAttachment `json:"image,omitempty"`
	Video *AppleAttachment `json:"video,omitempty"`
}

// AppleInteractive is a message to choose from, or another of Apple's
// interactive kinds.
type AppleInteractive struct {
	BID             string       `json:"bid,omitempty"`
	Data            *AppleData   `json:"data,omitempty"`
	UseLiveLayout   *bool        `json:"useLiveLayout,omitempty"` // nil: true
	ReceivedMessage *AppleBubble `json:"receivedMessage,omitempty"`
	ReplyMessage    *AppleBubble `json:"replyMessage,omitempty"`

	// Extra are members of the JSON object that this package does not know,
	// such as those of an iMessage app: "appId", "appName", "URL" and more.
	Extra map[string]json.RawMessage `json:"-"`
}

// AppleData is what to choose from: exactly one of ListPicker, Event,
// QuickReply, and the kinds that are passed as they are.
type AppleData struct {
	Version           string       `json:"version"` // "1.0"; "2.0" for authentication
	RequestIdentifier string       `json:"requestIdentifier"`
	Images            []AppleImage `json:"images,omitempty"`

	ListPicker *AppleListPicker `json:"listPicker,omitempty"`
	Event      *AppleEvent      `json:"event,omitempty"` // a time picker
	QuickReply *AppleQuickReply `json:"quick-reply,omitempty"`

	// Forms, authentication and payment, as the vendor's page shows them.
	Dynamic      json.RawMessage `json:"dynamic,omitempty"`
	Authenticate json.RawMessage `json:"authenticate,omitempty"`
	Payment      json.RawMessage `json:"payment,omitempty"`

	// Extra are members of the JSON object that this package does not know.
	Extra map[string]json.RawMessage `json:"-"`
}

// AppleImage is an image that others refer to. The vendor's page has it at a
// URL or, in its table, as data.
type AppleImage struct {
	Identifier string `json:"identifier"`
	URL        string `json:"url,omitempty"`
	Data       string `json:"data,omitempty"`
}

// AppleListPicker is a list to choose from.
type AppleListPicker struct {
	Sections []AppleSection `json:"sections"` // at most 20
}

// AppleSection is a part of a list.
type AppleSection struct {
	Title             string      `json:"title,omitempty"`
	MultipleSelection *bool       `json:"multipleSelection,omitempty"`
	Order             *int        `json:"order,omitempty"`
	Items             []AppleItem `json:"items"` // at most 20
}

// AppleItem is what can be chosen.
type AppleItem struct {
	Identifier      string `json:"identifier"`
	Title           string `json:"title"`
	Subtitle        string `json:"subtitle,omitempty"`
	Style           string `json:"style,omitempty"`
	ImageIdentifier string `json:"imageIdentifier,omitempty"`
	Order           *int   `json:"order,omitempty"`
}

// AppleEvent is an appointment whose time can be chosen.
type AppleEvent struct {
	Identifier     string         `json:"identifier,omitempty"`
	Title          string         `json:"title,omitempty"`
	TimezoneOffset *int           `json:"timezoneOffset,omitempty"` // minutes
	Timeslots      []AppleSlot    `json:"timeslots"`                // at most 10
	Location       *AppleLocation `json:"location,omitempty"`
}

// AppleSlot is a time that can be chosen.
type AppleSlot struct {
	Identifier string `json:"identifier"`
	StartTime  string `json:"startTime"` // ISO 8601, UTC
	Duration   int    `json:"duration"`  // seconds
}

// AppleLocation is where an appointment is.
type AppleLocation struct {
	Title     string   `json:"title,omitempty"`
	Latitude  float64  `json:"latitude"`
	Longitude float64  `json:"longitude"`
	Radius    *float64 `json:"radius,omitempty"`
}

// AppleQuickReply is a short list of answers.
type AppleQuickReply struct {
	SummaryText string                `json:"summaryText"`
	Items       []AppleQuickReplyItem `json:"items"` // 2 to 5
}

// AppleQuickReplyItem is one of them.
type AppleQuickReplyItem struct {
	Identifier string `json:"identifier"`
	Title      string `json:"title"`
}

// AppleBubble is how an interactive message, or its answer, looks.
type AppleBubble struct {
	Title             string `json:"title,omitempty"`    // at most 512 characters
	Subtitle          string `json:"subtitle,omitempty"` // at most 512 characters
	Style             string `json:"style,omitempty"`    // "icon", "small", "large"
	ImageIdentifier   string `json:"imageIdentifier,omitempty"`
	AlternateTitle    string `json:"alternateTitle,omitempty"`
	ImageTitle        string `json:"imageTitle,omitempty"`
	ImageSubtitle     string `json:"imageSubtitle,omitempty"`
	SecondarySubtitle string `json:"secondarySubtitle,omitempty"`
	TertiarySubtitle  string `json:"tertiarySubtitle,omitempty"`
}

// NewApple is a request for a message on Apple Messages for Business from the
// app appID. The page's prerequisite: a company registered with Apple, with
// Webex Connect as its service provider.
func NewApple(appID string, content Apple, to ...Destination) Request {
	return Request{Channel: ChannelApple, AppID: appID, Apple: &content, Destinations: to}
}

// AppleInvitation invites phone numbers ([ToPhone]) to a conversation, with
// the brand's image or without. Nothing reports its delivery.
func AppleInvitation(brandName string, withImage bool) Apple {
	return Apple{Type: appleInvitation, BrandName: brandName, WithImage: &withImage}
}

const (
	appleText        = "text"
	appleRichLink    = "richLink"
	appleInteractive = "interactive"
	appleInvitation  = "invitation"
)

// MarshalJSON is the content with its Extra.
func (a Apple) MarshalJSON() ([]byte, error) {
	type plain Apple
	return jsonx.EncodeWith(plain(*a.typed()), a.Extra)
}

// UnmarshalJSON reads what MarshalJSON writes.
func (a *Apple) UnmarshalJSON(b []byte) (err error) {
	type plain Apple
	*a = Apple{}
	a.Extra, err = decodeWith(b, (*plain)(a))
	return err
}

// MarshalJSON is the content with its Extra.
func (i AppleInteractive) MarshalJSON() ([]byte, error) {
	type plain AppleInteractive
	return jsonx.EncodeWith(plain(i), i.Extra)
}

// UnmarshalJSON reads what MarshalJSON writes.
func (i *AppleInteractive) UnmarshalJSON(b []byte) (err error) {
	type plain AppleInteractive
	*i = AppleInteractive{}
	i.Extra, err = decodeWith(b, (*plain)(i))
	return err
}

// MarshalJSON is the data with its Extra.
func (d AppleData) MarshalJSON() ([]byte, error) {
	type plain AppleData
	return jsonx.EncodeWith(plain(d), d.Extra)
}

// UnmarshalJSON reads what MarshalJSON writes.
func (d *AppleData) UnmarshalJSON(b []byte) (err error) {
	type plain AppleData
	*d = AppleData{}
	d.Extra, err = decodeWith(b, (*plain)(d))
	return err
}

// typed is a with its Type.
func (a *Apple) typed() *Apple {
	if a == nil || a.Type != "" {
		return a
	}
	with := *a
	switch {
	case a.RichLink != nil:
		with.Type = appleRichLink
	case a.Interactive != nil:
		with.Type = appleInteractive
	case a.BrandName != "":
		with.Type = appleInvitation
	case a.Text != "":
		with.Type = appleText
	}
	return &with
}

func (c *checker) apple(a *Apple, template bool, at string) {
	a = a.typed()
	c.required(at+".type", a.Type)
	switch a.Type {
	case appleText:
		if !template {
			c.required(at+".text", a.Text)
		}
	case appleRichLink, "richlink":
		if a.RichLink == nil && !template {
			c.add(at+".richLinkData", "is missing")
		}
	case appleInteractive:
		if a.Interactive == nil && !template {
			c.add(at+".interactiveData", "is missing")
		}
	case appleInvitation:
		c.required(at+".brandName", a.BrandName)
		if a.WithImage == nil {
			c.add(at+".withImage", "is missing")
		}
		c.chars(at+".requestIdentifier", a.RequestIdentifier, 100)
	}
	for i, m := range a.Attachments {
		c.required(at+".attachments"+index(i)+".url", m.URL)
		c.required(at+".attachments"+index(i)+".mimeType", m.MIMEType)
	}
	if l := a.RichLink; l != nil {
		at := at + ".richLinkData"
		c.required(at+".url", l.URL)
		c.required(at+".title", l.Title)
		if l.Assets.Image == nil && l.Assets.Video == nil {
			c.add(at+".assets", "needs an image or a video")
		}
	}
	if a.Interactive != nil {
		c.appleInteractive(a.Interactive, at+".interactiveData")
	}
}

func (c *checker) appleInteractive(i *AppleInteractive, at string) {
	for _, b := range []struct {
		name   string
		bubble *AppleBubble
	}{{".receivedMessage", i.ReceivedMessage}, {".replyMessage", i.ReplyMessage}} {
		if b.bubble != nil {
			c.chars(at+b.name+".title", b.bubble.Title, 512)
			c.chars(at+b.name+".subtitle", b.bubble.Subtitle, 512)
			c.oneOf(at+b.name+".style", b.bubble.Style, "icon", "small", "large")
		}
	}
	switch {
	case i.Data != nil:
		c.appleData(i.Data, at+".data")
	case len(i.Extra) == 0:
		c.add(at+".data", "is missing")
	}
}

func (c *checker) appleData(d *AppleData, at string) {
	c.required(at+".version", d.Version)
	c.required(at+".requestIdentifier", d.RequestIdentifier)
	given := 0
	for _, has := range []bool{
		d.ListPicker != nil, d.Event != nil, d.QuickReply != nil, len(d.Dynamic) > 0, len(d.Authenticate) > 0, len(d.Payment) > 0,
	} {
		if has {
			given++
		}
	}
	if given > 1 || given == 0 && len(d.Extra) == 0 {
		c.add(at, "needs exactly one kind of content")
	}
	if l := d.ListPicker; l != nil {
		at := at + ".listPicker.sections"
		if len(l.Sections) == 0 {
			c.add(at, "is empty")
		}
		c.atMost(at, len(l.Sections), 20)
		for i, s := range l.Sections {
			c.atMost(at+index(i)+".items", len(s.Items), 20)
		}
	}
	if e := d.Event; e != nil {
		if len(e.Timeslots) == 0 {
			c.add(at+".event.timeslots", "is empty")
		}
		c.atMost(at+".event.timeslots", len(e.Timeslots), 10)
	}
	if q := d.QuickReply; q != nil {
		at := at + ".quick-reply"
		c.required(at+".summaryText", q.SummaryText)
		if len(q.Items) < 2 || len(q.Items) > 5 {
			c.add(at+".items", "must have 2 to 5 items")
		}
		for i, item := range q.Items {
			c.required(at+".items"+index(i)+".identifier", item.Identifier)
			c.required(at+".items"+index(i)+".title", item.Title)
		}
	}
}
