package webexconnect

import (
	"encoding/json"
	"slices"

	"github.com/cpaas-go/cpaas/internal/jsonx"
)

// Push is a push notification: for Android, iOS, browsers, or several of
// them. Its whole payload is limited to 4 KB, which the server checks.
//
// Source: https://developers.webexconnect.io/reference/push-api
type Push struct {
	Android     *PushAndroid     `json:"android,omitempty"`
	IOS         *PushIOS         `json:"ios,omitempty"`
	Web         *PushWeb         `json:"web,omitempty"`
	Interactive *PushInteractive `json:"interactive,omitempty"` // not for browsers

	// Extra are members of the JSON object that this package does not know.
	Extra map[string]json.RawMessage `json:"-"`
}

// PushAndroid is what Android shows.
type PushAndroid struct {
	Title  string             `json:"title,omitempty"`
	Text   string             `json:"text"`
	Extras *PushAndroidExtras `json:"extras,omitempty"`
}

// PushAndroidExtras are Android's.
type PushAndroidExtras struct {
	CollapseKey    string         `json:"collapse_key,omitempty"`
	TimeToLive     string         `json:"time_to_live,omitempty"` // seconds, at most 28 days
	CustomTags     map[string]any `json:"customtags,omitzero"`    // "imageurl" is reserved
	IconURL        string         `json:"iconurl,omitempty"`
	ChannelID      string         `json:"notificationChannelId,omitempty"`
	Action         *PushAction    `json:"notificationaction,omitempty"`
	Sound          string         `json:"sound,omitempty"`            // the vendor has given it up
	DelayWhileIdle string         `json:"delay_while_idle,omitempty"` // the vendor has given it up
}

// PushIOS is what iOS shows.
type PushIOS struct {
	Title  string         `json:"title,omitempty"`
	Text   string         `json:"text"`
	Extras *PushIOSExtras `json:"extras,omitempty"`
}

// PushIOSExtras are those of iOS.
type PushIOSExtras struct {
	Badge         string         `json:"badge,omitempty"`
	Sound         string         `json:"sound,omitempty"`        // "default", or a file of the app
	TimeToLive    string         `json:"time_to_live,omitempty"` // seconds, at most 30 days
	CustomTags    map[string]any `json:"customtags,omitzero"`
	CollapseKey   string         `json:"collapse_key,omitempty"` // through Firebase only
	AttachmentURL string         `json:"attachmenturl,omitempty"`
	Action        *PushAction    `json:"notificationaction,omitempty"`
}

// PushWeb is what browsers show.
type PushWeb struct {
	Platforms  []string       `json:"platform_types"` // "chrome", "firefox", "safari"; at least one
	Title      string         `json:"title,omitempty"`
	Text       string         `json:"text"`
	URL        string         `json:"url,omitempty"`
	ActionText string         `json:"actiontext,omitempty"` // Safari
	Extras     *PushWebExtras `json:"extras,omitempty"`
}

// PushWebExtras are those of browsers.
type PushWebExtras struct {
	CollapseKey string         `json:"collapse_key,omitempty"`
	TimeToLive  string         `json:"time_to_live,omitempty"` // seconds; the vendor's page has two limits
	CustomTags  map[string]any `json:"customtags,omitzero"`
}

// PushAction is what opening a notification does.
type PushAction struct {
	Action string `json:"action"`          // "OPEN_URL", "OPENWEBVIEW", "DEEPLINK", "OPEN_HTML", "OPEN_APP"
	Value  string `json:"value,omitempty"` // not with OPEN_APP
}

// PushInteractive is a notification with buttons.
type PushInteractive struct {
	// Category names the buttons, "DOUBLE_YES_NO": one of [PushCategories].
	Category string `json:"category"`

	// Reference comes back in notifications that something was read.
	Reference string `json:"pushref,omitempty"`

	// DeviceTypes are "ios" and "android". Required on push, not allowed on
	// in-app messages.
	DeviceTypes []string `json:"device_types,omitempty"`

	Actions []PushButton `json:"actions"`
}

// PushButton is what a button does.
type PushButton struct {
	// Position is 1 or 2.
	Position int `json:"pos"`

	// Action is "DISMISS", "OPEN_URL", "OPEN_APP", "DEEPLINK", "OPENWEBVIEW"
	// or "SHARE"; in-app messages have replies too, which the vendor's page
	// spells in two ways.
	Action string `json:"action"`

	Value      string `json:"value,omitempty"` // required with OPEN_URL, DEEPLINK, OPENWEBVIEW and SHARE
	Identifier string `json:"identifier,omitempty"`
}

// UnmarshalJSON takes the position also as a string, as the vendor's table
// has it.
func (b *PushButton) UnmarshalJSON(data []byte) error {
	var w struct {
		Position   json.RawMessage `json:"pos"`
		Action     string          `json:"action"`
		Value      string          `json:"value"`
		Identifier string          `json:"identifier"`
	}
	if err := json.Unmarshal(data, &w); err != nil {
		return err
	}
	*b = PushButton{Action: w.Action, Value: w.Value, Identifier: w.Identifier}
	if len(w.Position) == 0 {
		return nil
	}
	return json.Unmarshal(slices.DeleteFunc(w.Position, func(c byte) bool { return c == '"' }), &b.Position)
}

// PushCategories are the documented categories of buttons; the last four are
// for in-app messages only.
func PushCategories() []string {
	return []string{
		"SINGLE_DISMISS", "SINGLE_OPEN", "SINGLE_SUBSCRIBE", "SINGLE_UNSUBSCRIBE", "SINGLE_SHARE", "SINGLE_DEEPLINK", "SINGLE_REPLY",
		"DOUBLE_YES_NO", "DOUBLE_ACCEPT_CANCEL", "DOUBLE_SHARE_CANCEL", "DOUBLE_SHOPNOW_CANCEL", "DOUBLE_LATER_NOW",
		"DOUBLE_PLAY_NOW_PLAY_LATER", "DOUBLE_OK_LEARN_MORE", "DOUBLE_SUBSCRIBE_UNSUBSCRIBE", "DOUBLE_BUY_NOW_BUY_LATER", "DOUBLE_LIKE_SHARE",
		"DOUBLE_REPLY_DISMISS", "DOUBLE_REPLY_NO_DISMISS", "DOUBLE_REPLY_YES_DISMISS", "DOUBLE_REPLY_YES_NO",
	}
}

const inAppCategories = 4

// NewPush is a request for a push notification from the app appID. The page's
// prerequisite: the vendor's SDK in the app or website.
func NewPush(appID string, content Push, to ...Destination) Request {
	return Request{Channel: ChannelPush, AppID: appID, Push: &content, Destinations: to}
}

// MarshalJSON is the content with its Extra.
func (p Push) MarshalJSON() ([]byte, error) {
	type plain Push
	return jsonx.EncodeWith(plain(p), p.Extra)
}

// UnmarshalJSON reads what MarshalJSON writes.
func (p *Push) UnmarshalJSON(b []byte) (err error) {
	type plain Push
	*p = Push{}
	p.Extra, err = decodeWith(b, (*plain)(p))
	return err
}

func (c *checker) push(p *Push, template bool, at string) {
	if p.Android == nil && p.IOS == nil && p.Web == nil && !template {
		c.add(at, "needs android, ios or web")
	}
	if p.Android != nil {
		c.required(at+".android.text", p.Android.Text)
	}
	if p.IOS != nil {
		c.required(at+".ios.text", p.IOS.Text)
	}
	if w := p.Web; w != nil {
		c.required(at+".web.text", w.Text)
		if len(w.Platforms) == 0 {
			c.add(at+".web.platform_types", "is empty")
		}
		for i, platform := range w.Platforms {
			c.required(at+".web.platform_types"+index(i), platform)
			c.oneOf(at+".web.platform_types"+index(i), platform, "chrome", "firefox", "safari")
		}
	}
	if i := p.Interactive; i != nil {
		at += ".interactive"
		categories := PushCategories()
		c.oneOf(at+".category", i.Category, categories[:len(categories)-inAppCategories]...)
		if len(i.DeviceTypes) == 0 {
			c.add(at+".device_types", "is empty")
		}
		for j, device := range i.DeviceTypes {
			c.required(at+".device_types"+index(j), device)
			c.oneOf(at+".device_types"+index(j), device, "ios", "android")
			if slices.Contains(i.DeviceTypes[:j], device) {
				c.add(at+".device_types"+index(j), "is given twice")
			}
		}
		c.interactive(i, at)
	}
}

// interactive checks what push and in-app messages have in common.
func (c *checker) interactive(i *PushInteractive, at string) {
	c.required(at+".category", i.Category)
	c.oneOf(at+".category", i.Category, PushCategories()...)
	if len(i.Actions) == 0 {
		c.add(at+".actions", "is empty")
	}
	seen := map[int]bool{}
	for j, b := range i.Actions {
		at := at + ".actions" + index(j)
		switch {
		case b.Position != 1 && b.Position != 2:
			c.add(at+".pos", "must be 1 or 2")
		case seen[b.Position]:
			c.add(at+".pos", "is used twice")
		}
		seen[b.Position] = true
		c.required(at+".action", b.Action)
		switch b.Action {
		case "OPEN_URL", "DEEPLINK", "OPENWEBVIEW", "SHARE":
			c.required(at+".value", b.Value)
		}
	}
}
