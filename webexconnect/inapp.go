package webexconnect

import (
	"encoding/json"

	"github.com/cpaas-go/cpaas/internal/jsonx"
)

// InApp is an in-app or live chat message. Its whole payload is limited to
// 4 KB, which the server checks.
//
// Source: https://developers.webexconnect.io/reference/live-chat-in-app-messaging-api
type InApp struct {
	// ThreadID is the conversation's thread. Required.
	ThreadID string `json:"thread_id,omitempty"`

	// Type is empty for a message, else "threadAlert", "typingStart" or
	// "typingStop".
	Type string `json:"type,omitempty"`

	Message *InAppMessage `json:"message,omitempty"`

	// Extras are for thread alerts; a message has its own.
	Extras map[string]any `json:"extras,omitzero"`

	// Notification is a push notification that comes with the message.
	Notification *InAppNotification `json:"notification,omitempty"`

	// Extra are members of the JSON object that this package does not know.
	Extra map[string]json.RawMessage `json:"-"`
}

// InAppMessage is a text or an attachment.
type InAppMessage struct {
	Text         string             `json:"text,omitempty"`
	Attachment   *InAppAttachment   `json:"attachment,omitempty"`
	QuickReplies *InAppQuickReplies `json:"quickReplies,omitempty"`

	// Extras are for the app. The vendor's live chat widget needs them, if
	// only empty; nil is left out.
	Extras map[string]any `json:"extras,omitzero"`
}

// InAppAttachment is a file, a place or a template.
type InAppAttachment struct {
	ContentType string `json:"contentType"` // "image", "video", "audio", "file", "location", "template"

	File     string `json:"file,omitempty"`     // URL
	Preview  string `json:"preview,omitempty"`  // JPEG in base64: required for video, possible for image
	Size     string `json:"size,omitempty"`     // bytes
	Duration string `json:"duration,omitempty"` // seconds

	Latitude  *float64 `json:"latitude,omitempty"`  // location
	Longitude *float64 `json:"longitude,omitempty"` // location

	TemplateType string         `json:"templateType,omitempty"` // template: "generic"
	Payload      *InAppTemplate `json:"payload,omitempty"`      // template
}

// InAppTemplate are cards.
type InAppTemplate struct {
	Reference string         `json:"reference,omitempty"`
	Elements  []InAppElement `json:"elements"` // 1 to 8
}

// InAppElement is a card.
type InAppElement struct {
	Title     string        `json:"title"`
	Subtitle  string        `json:"subtitle,omitempty"`
	ImageURLs []string      `json:"imageUrls,omitempty"` // at most 5
	Buttons   []InAppButton `json:"buttons,omitempty"`   // at most 3
}

// InAppButton opens a URL or posts a payload back.
type InAppButton struct {
	Type       string         `json:"type"`       // "webUrl", "templatePostback"
	Identifier string         `json:"identifier"` // letters and digits, its own in the message
	Title      string         `json:"title"`
	URL        string         `json:"url,omitempty"` // webUrl
	Payload    map[string]any `json:"payload,omitzero"`
}

// InAppQuickReplies are buttons under a message. The vendor's pages say 4 and
// 5 are the most; nothing is checked here.
type InAppQuickReplies struct {
	Reference string             `json:"reference,omitempty"`
	Options   []InAppQuickOption `json:"options"`
}

// InAppQuickOption is such a button.
type InAppQuickOption struct {
	Type       string         `json:"type"` // "quickReplyPostback"
	Identifier string         `json:"identifier"`
	Title      string         `json:"title"`
	ImageURL   *string        `json:"imageUrl,omitempty"`
	Payload    map[string]any `json:"payload,omitzero"`
}

// InAppNotification is a push notification that comes with a message.
type InAppNotification struct {
	Title       string              `json:"title"`
	Text        string              `json:"text"`
	Android     *InAppAndroidExtras `json:"android_extras,omitempty"`
	IOS         *InAppIOSExtras     `json:"ios_extras,omitempty"`
	Web         *InAppWebExtras     `json:"web_extras,omitempty"`
	Interactive *PushInteractive    `json:"interactive,omitempty"` // without device types
}

// InAppAndroidExtras are Android's.
type InAppAndroidExtras struct {
	CollapseKey string         `json:"collapse_key,omitempty"`
	Sound       string         `json:"sound,omitempty"`
	IconURL     string         `json:"iconurl,omitempty"`
	CustomTags  map[string]any `json:"customtags,omitzero"` // one example spells it "customtag"
	Action      *PushAction    `json:"notificationaction,omitempty"`
}

// InAppIOSExtras are those of iOS.
type InAppIOSExtras struct {
	AttachmentURL string      `json:"attachmenturl,omitempty"`
	CollapseKey   string      `json:"collapse_key,omitempty"`
	Sound         string      `json:"sound,omitempty"`
	Badge         string      `json:"badge,omitempty"`
	Action        *PushAction `json:"notificationaction,omitempty"`
}

// InAppWebExtras are those of browsers.
type InAppWebExtras struct {
	CollapseKey string `json:"collapsekey,omitempty"`
	Action      string `json:"action,omitempty"`
	URL         string `json:"url,omitempty"`
}

// NewInApp is a request for an in-app or live chat message from the app
// appID. The page's prerequisite: the vendor's SDK in the app or website.
func NewInApp(appID string, content InApp, to ...Destination) Request {
	return Request{Channel: ChannelInApp, AppID: appID, InApp: &content, Destinations: to}
}

// MarshalJSON is the content with its Extra.
func (a InApp) MarshalJSON() ([]byte, error) {
	type plain InApp
	return jsonx.EncodeWith(plain(a), a.Extra)
}

// UnmarshalJSON reads what MarshalJSON writes.
func (a *InApp) UnmarshalJSON(b []byte) (err error) {
	type plain InApp
	*a = InApp{}
	a.Extra, err = decodeWith(b, (*plain)(a))
	return err
}

func (c *checker) inApp(a *InApp, template bool, at string) {
	c.required(at+".thread_id", a.ThreadID)
	if a.Type == "" && a.Message == nil && !template {
		c.add(at+".message", "is missing")
	}
	if m := a.Message; m != nil {
		c.inAppMessage(m, at+".message")
	}
	if n := a.Notification; n != nil {
		at += ".notification"
		c.required(at+".title", n.Title)
		c.required(at+".text", n.Text)
		if n.Interactive != nil {
			if len(n.Interactive.DeviceTypes) > 0 {
				c.add(at+".interactive.device_types", "is not for in-app messages")
			}
			c.interactive(n.Interactive, at+".interactive")
		}
	}
}

func (c *checker) inAppMessage(m *InAppMessage, at string) {
	if m.Text == "" && m.Attachment == nil {
		c.add(at, "needs a text or an attachment")
	}
	if q := m.QuickReplies; q != nil {
		for i, o := range q.Options {
			at := at + ".quickReplies.options" + index(i)
			c.required(at+".type", o.Type)
			c.required(at+".identifier", o.Identifier)
			c.required(at+".title", o.Title)
		}
	}
	a := m.Attachment
	if a == nil {
		return
	}
	at += ".attachment"
	c.required(at+".contentType", a.ContentType)
	c.oneOf(at+".contentType", a.ContentType, "image", "video", "audio", "file", "location", "template")
	switch a.ContentType {
	case "image", "video", "audio", "file":
		c.required(at+".file", a.File)
		if a.ContentType == "video" {
			c.required(at+".preview", a.Preview)
		}
	case "location":
		if a.Latitude == nil || a.Longitude == nil {
			c.add(at, "needs latitude and longitude")
		}
	case "template":
		c.inAppTemplate(a.Payload, at+".payload")
	}
}

func (c *checker) inAppTemplate(t *InAppTemplate, at string) {
	if t == nil || len(t.Elements) == 0 {
		c.add(at+".elements", "is empty")
		return
	}
	c.atMost(at+".elements", len(t.Elements), 8)
	seen := map[string]bool{}
	for i, e := range t.Elements {
		at := at + ".elements" + index(i)
		c.required(at+".title", e.Title)
		c.atMost(at+".imageUrls", len(e.ImageURLs), 5)
		c.atMost(at+".buttons", len(e.Buttons), 3)
		for j, b := range e.Buttons {
			at := at + ".buttons" + index(j)
			c.required(at+".type", b.Type)
			c.required(at+".identifier", b.Identifier)
			c.required(at+".title", b.Title)
			if b.Type == "webUrl" {
				c.required(at+".url", b.URL)
			}
			if b.Identifier != "" && seen[b.Identifier] {
				c.add(at+".identifier", "is used twice")
			}
			seen[b.Identifier] = true
		}
	}
}
