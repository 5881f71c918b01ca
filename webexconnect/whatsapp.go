package webexconnect

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/cpaas-go/cpaas/internal/jsonx"
)

// WhatsApp is a WhatsApp message: one kind of content. Free-form content is
// allowed only within 24 hours after the person wrote; outside, send a
// template: [NewWhatsAppTemplate].
//
// Source: https://developers.webexconnect.io/reference/whatsapp-apis
type WhatsApp struct {
	// Type names the kind of content; empty: by the field that is set. It is
	// left out with a template.
	Type string `json:"type,omitempty"`

	Text     *WhatsAppText     `json:"text,omitempty"`
	Audio    *WhatsAppMedia    `json:"audio,omitempty"`    // 16 MB: AAC, MP4, MPEG, AMR, OGG with opus
	Document *WhatsAppMedia    `json:"document,omitempty"` // 100 MB
	Image    *WhatsAppMedia    `json:"image,omitempty"`    // 5 MB: JPEG, PNG
	Video    *WhatsAppMedia    `json:"video,omitempty"`    // 16 MB: 3GPP, MP4 with H.264 and AAC
	Sticker  *WhatsAppMedia    `json:"sticker,omitempty"`  // WEBP: 100 KB, animated 500 KB
	Location *WhatsAppLocation `json:"location,omitempty"`
	Contacts []WhatsAppContact `json:"contacts,omitempty"`
	List     *WhatsAppList     `json:"list,omitempty"`
	Reply    *WhatsAppReply    `json:"reply,omitempty"`

	// IdentityKeyHash has the recipient's identity checked; a mismatch is
	// code 7862.
	IdentityKeyHash string `json:"identity_key_hash,omitempty"`

	// Extra are members of the JSON object that this package does not know,
	// such as the "hsm" that the vendor advises against.
	Extra map[string]json.RawMessage `json:"-"`
}

// WhatsAppText is plain text.
type WhatsAppText struct {
	Body       string `json:"body"` // at most 4096 characters
	PreviewURL *bool  `json:"preview_url,omitempty"`
}

// WhatsAppMedia is a file at a public URL that should end with the file's
// extension.
type WhatsAppMedia struct {
	URL      string `json:"url"`
	MIMEType string `json:"mimeType"`
	Filename string `json:"filename,omitempty"` // documents
	Caption  string `json:"caption,omitempty"`  // documents, images, videos
}

// WhatsAppLocation is a place.
type WhatsAppLocation struct {
	Longitude float64 `json:"longitude"`
	Latitude  float64 `json:"latitude"`
	Name      string  `json:"name,omitempty"`
	Address   string  `json:"address,omitempty"` // shown only with a Name
}

// WhatsAppContact is a contact card.
type WhatsAppContact struct {
	Name      WhatsAppName      `json:"name"`
	Birthday  string            `json:"birthday,omitempty"` // YYYY-MM-DD
	Org       *WhatsAppOrg      `json:"org,omitempty"`
	Addresses []WhatsAppAddress `json:"addresses,omitempty"`
	Emails    []WhatsAppEmail   `json:"emails,omitempty"`
	Phones    []WhatsAppPhone   `json:"phones,omitempty"`
	URLs      []WhatsAppURL     `json:"urls,omitempty"`
}

// WhatsAppName is a contact's name: FormattedName and at least one other.
type WhatsAppName struct {
	FormattedName string `json:"formatted_name"`
	FirstName     string `json:"first_name,omitempty"`
	LastName      string `json:"last_name,omitempty"`
	MiddleName    string `json:"middle_name,omitempty"`
	Prefix        string `json:"prefix,omitempty"`
	Suffix        string `json:"suffix,omitempty"`
}

// WhatsAppOrg is where a contact works.
type WhatsAppOrg struct {
	Company    string `json:"company,omitempty"`
	Department string `json:"department,omitempty"`
	Title      string `json:"title,omitempty"`
}

// WhatsAppAddress is a contact's address.
type WhatsAppAddress struct {
	Street      string `json:"street,omitempty"`
	City        string `json:"city,omitempty"`
	State       string `json:"state,omitempty"`
	ZIP         string `json:"zip,omitempty"`
	Country     string `json:"country,omitempty"`
	CountryCode string `json:"country_code,omitempty"`
	Type        string `json:"type,omitempty"` // "HOME", "WORK"
}

// WhatsAppEmail is a contact's e-mail address.
type WhatsAppEmail struct {
	Email string `json:"email,omitempty"`
	Type  string `json:"type,omitempty"` // "HOME", "WORK"
}

// WhatsAppPhone is a contact's phone number.
type WhatsAppPhone struct {
	Phone string `json:"phone,omitempty"`
	Type  string `json:"type,omitempty"` // "CELL", "MAIN", "IPHONE", "HOME", "WORK"
	WAID  string `json:"wa_id,omitempty"`
}

// WhatsAppURL is a contact's web address.
type WhatsAppURL struct {
	URL  string `json:"url,omitempty"`
	Type string `json:"type,omitempty"` // "HOME", "WORK"
}

// WhatsAppList is a list to choose from.
type WhatsAppList struct {
	Header *WhatsAppHeader    `json:"header,omitempty"` // of type "text"
	Body   WhatsAppBody       `json:"body"`             // at most 1024 characters
	Footer *WhatsAppBody      `json:"footer,omitempty"`
	Action WhatsAppListAction `json:"action"`
}

// WhatsAppListAction is the button that opens a list, and the list.
type WhatsAppListAction struct {
	Button   string            `json:"button"`   // at most 20 characters
	Sections []WhatsAppSection `json:"sections"` // 1 to 10
}

// WhatsAppSection is a part of a list.
type WhatsAppSection struct {
	// Title is at most 24 characters; required when there are several
	// sections.
	Title string        `json:"title,omitempty"`
	Rows  []WhatsAppRow `json:"rows"` // at least 1; 10 over all sections
}

// WhatsAppRow is what can be chosen.
type WhatsAppRow struct {
	ID          string `json:"id"`
	Title       string `json:"title"`
	Description string `json:"description,omitempty"`
}

// WhatsAppReply is a message with buttons.
type WhatsAppReply struct {
	Header *WhatsAppHeader     `json:"header,omitempty"`
	Body   WhatsAppBody        `json:"body"`             // at most 1024 characters
	Footer *WhatsAppBody       `json:"footer,omitempty"` // at most 60 characters
	Action WhatsAppReplyAction `json:"action"`
}

// WhatsAppReplyAction holds the buttons.
type WhatsAppReplyAction struct {
	Buttons []WhatsAppButton `json:"buttons"` // 1 to 3
}

// WhatsAppButton is a button that replies.
type WhatsAppButton struct {
	Type  string              `json:"type"` // "reply"
	Reply WhatsAppButtonReply `json:"reply"`
}

// WhatsAppButtonReply is what a button shows and what comes back.
type WhatsAppButtonReply struct {
	ID    string `json:"id"`
	Title string `json:"title"`
}

// ReplyButton is a button that shows title and sends id back.
func ReplyButton(id, title string) WhatsAppButton {
	return WhatsAppButton{Type: "reply", Reply: WhatsAppButtonReply{ID: id, Title: title}}
}

// WhatsAppHeader is above a body: one of Text, Document, Video and Image, as
// Type says.
type WhatsAppHeader struct {
	Type     string               `json:"type"`           // "text", "document", "video", "image"
	Text     string               `json:"text,omitempty"` // at most 60 characters
	Document *WhatsAppHeaderMedia `json:"document,omitempty"`
	Video    *WhatsAppHeaderMedia `json:"video,omitempty"`
	Image    *WhatsAppHeaderMedia `json:"image,omitempty"`
}

// WhatsAppHeaderMedia is a file in a header.
type WhatsAppHeaderMedia struct {
	URL      string            `json:"url"`
	Provider *WhatsAppProvider `json:"provider,omitempty"`
	Filename string            `json:"filename,omitempty"` // documents
}

// WhatsAppProvider is who serves a file.
type WhatsAppProvider struct {
	Name string `json:"name"`
}

// WhatsAppBody is a text.
type WhatsAppBody struct {
	Text string `json:"text"`
}

// NewWhatsApp is a request for a WhatsApp message. The page's prerequisite:
// WhatsApp's approval of the business, whose app's id appID is.
func NewWhatsApp(appID string, content WhatsApp, to ...Destination) Request {
	return Request{Channel: ChannelWhatsApp, AppID: appID, WhatsApp: &content, Destinations: to}
}

// NewWhatsAppTemplate is a request for a WhatsApp template. All of its
// parameters are mandatory, which only the server can check. The page's
// prerequisite is [NewWhatsApp]'s.
//
// Source: https://developers.webexconnect.io/reference/whatsapp-template-messages
func NewWhatsAppTemplate(appID string, template Template, to ...Destination) Request {
	return Request{Channel: ChannelWhatsApp, AppID: appID, Template: &template, Destinations: to}
}

// MediaParameter is the header of a template, under the name "image", "video"
// or "document"; filename is for the last.
func MediaParameter(link, filename string) any {
	m := map[string]any{"link": link}
	if filename != "" {
		m["filename"] = filename
	}
	return m
}

// DateTimeParameter is a moment, shown as the recipient's language has it, or
// else as fallback.
func DateTimeParameter(fallback string, at time.Time) any {
	return map[string]any{"type": "date_time", "fallback_value": fallback, "timestamp": strconv.FormatInt(at.Unix(), 10)}
}

// CurrencyParameter is an amount in thousandths of the currency, shown as the
// recipient's language has it, or else as fallback.
func CurrencyParameter(currency string, thousandths int64, fallback string) any {
	return map[string]any{
		"type": "currency", "currency_code": currency, "amount_1000": strconv.FormatInt(thousandths, 10), "fallback_value": fallback,
	}
}

// URLParameter is what follows the fixed part of a button's URL.
func URLParameter(payload string) any { return map[string]any{"type": "url", "payload": payload} }

// OTPParameter is the code of an authentication template, under the name
// "otp": at most 15 characters, no spaces.
func OTPParameter(code string) any { return map[string]any{"type": "otp", "value": code} }

// QuickReplyParameter are the buttons of a template, at most 3, under the
// name "quickReply".
func QuickReplyParameter(buttons ...TemplateButton) any { return buttons }

// TemplateButton is a quick reply of a template.
type TemplateButton struct {
	Text    string `json:"button_text"`
	Payload string `json:"payload"`
}

// MarshalJSON is the content with its Extra.
func (w WhatsApp) MarshalJSON() ([]byte, error) {
	type plain WhatsApp
	return jsonx.EncodeWith(plain(*w.typed()), w.Extra)
}

// UnmarshalJSON reads what MarshalJSON writes.
func (w *WhatsApp) UnmarshalJSON(b []byte) (err error) {
	type plain WhatsApp
	*w = WhatsApp{}
	w.Extra, err = decodeWith(b, (*plain)(w))
	return err
}

// typed is w with its Type.
func (w *WhatsApp) typed() *WhatsApp {
	if w == nil || w.Type != "" {
		return w
	}
	if kinds := w.kinds(); len(kinds) == 1 {
		with := *w
		with.Type = kinds[0]
		return &with
	}
	return w
}

// kinds are the kinds of content that w has.
func (w *WhatsApp) kinds() []string {
	var kinds []string
	for _, k := range []struct {
		name string
		has  bool
	}{
		{"text", w.Text != nil},
		{"audio", w.Audio != nil},
		{"document", w.Document != nil},
		{"image", w.Image != nil},
		{"video", w.Video != nil},
		{"sticker", w.Sticker != nil},
		{"location", w.Location != nil},
		{"contacts", len(w.Contacts) > 0},
		{"list", w.List != nil},
		{"reply", w.Reply != nil},
	} {
		if k.has {
			kinds = append(kinds, k.name)
		}
	}
	return kinds
}

func (c *checker) whatsApp(w *WhatsApp, template bool, at string) {
	kinds := w.kinds()
	_, raw := w.Extra[w.Type]
	switch {
	case len(kinds) > 1:
		c.add(at, "needs exactly one kind of content")
	case len(kinds) == 1 && w.Type != "" && w.Type != kinds[0]:
		c.add(at+".type", "does not match the content")
	case len(kinds) == 0 && !raw && !(template && w.Type == ""):
		c.add(at, "has no content")
	}
	if w.Text != nil {
		c.required(at+".text.body", w.Text.Body)
		c.chars(at+".text.body", w.Text.Body, 4096)
	}
	for _, m := range []struct {
		name  string
		media *WhatsAppMedia
	}{{"audio", w.Audio}, {"document", w.Document}, {"image", w.Image}, {"video", w.Video}, {"sticker", w.Sticker}} {
		if m.media == nil {
			continue
		}
		c.required(at+"."+m.name+".url", m.media.URL)
		c.required(at+"."+m.name+".mimeType", m.media.MIMEType)
		if m.media.Caption != "" && (m.name == "audio" || m.name == "sticker") {
			c.add(at+"."+m.name+".caption", "is not for this kind of media")
		}
	}
	for i := range w.Contacts {
		c.contact(&w.Contacts[i], at+".contacts"+index(i))
	}
	if w.List != nil {
		c.list(w.List, at+".list")
	}
	if w.Reply != nil {
		c.reply(w.Reply, at+".reply")
	}
}

func (c *checker) contact(w *WhatsAppContact, at string) {
	n := w.Name
	c.required(at+".name.formatted_name", n.FormattedName)
	if n.FirstName == "" && n.LastName == "" && n.MiddleName == "" && n.Prefix == "" && n.Suffix == "" {
		c.add(at+".name", "needs one more name than formatted_name")
	}
	if _, err := time.Parse(time.DateOnly, w.Birthday); w.Birthday != "" && err != nil {
		c.add(at+".birthday", "is not YYYY-MM-DD")
	}
	for i, a := range w.Addresses {
		c.oneOf(at+".addresses"+index(i)+".type", a.Type, "HOME", "WORK")
	}
	for i, e := range w.Emails {
		c.oneOf(at+".emails"+index(i)+".type", e.Type, "HOME", "WORK")
	}
	for i, p := range w.Phones {
		c.oneOf(at+".phones"+index(i)+".type", p.Type, "CELL", "MAIN", "IPHONE", "HOME", "WORK")
	}
	for i, u := range w.URLs {
		c.oneOf(at+".urls"+index(i)+".type", u.Type, "HOME", "WORK")
	}
}

func (c *checker) list(l *WhatsAppList, at string) {
	if l.Header != nil {
		if l.Header.Type != "text" {
			c.add(at+".header.type", `must be "text"`)
		}
		c.header(l.Header, at+".header")
	}
	c.required(at+".body.text", l.Body.Text)
	c.chars(at+".body.text", l.Body.Text, 1024)
	c.required(at+".action.button", l.Action.Button)
	c.chars(at+".action.button", l.Action.Button, 20)
	sections := l.Action.Sections
	at += ".action.sections"
	if len(sections) == 0 {
		c.add(at, "is empty")
	}
	c.atMost(at, len(sections), 10)
	rows := 0
	for i, s := range sections {
		at := at + index(i)
		if len(sections) > 1 {
			c.required(at+".title", s.Title)
		}
		c.chars(at+".title", s.Title, 24)
		if len(s.Rows) == 0 {
			c.add(at+".rows", "is empty")
		}
		for j, r := range s.Rows {
			c.required(at+".rows"+index(j)+".id", r.ID)
			c.required(at+".rows"+index(j)+".title", r.Title)
		}
		rows += len(s.Rows)
	}
	if rows > 10 {
		c.add(at, "has more than 10 rows")
	}
}

func (c *checker) reply(r *WhatsAppReply, at string) {
	if r.Header != nil {
		c.header(r.Header, at+".header")
	}
	c.required(at+".body.text", r.Body.Text)
	c.chars(at+".body.text", r.Body.Text, 1024)
	if r.Footer != nil {
		c.chars(at+".footer.text", r.Footer.Text, 60)
	}
	at += ".action.buttons"
	if len(r.Action.Buttons) == 0 {
		c.add(at, "is empty")
	}
	c.atMost(at, len(r.Action.Buttons), 3)
	for i, b := range r.Action.Buttons {
		if b.Type != "reply" {
			c.add(at+index(i)+".type", `must be "reply"`)
		}
		c.required(at+index(i)+".reply.id", b.Reply.ID)
		c.required(at+index(i)+".reply.title", b.Reply.Title)
	}
}

func (c *checker) header(h *WhatsAppHeader, at string) {
	media := map[string]*WhatsAppHeaderMedia{"document": h.Document, "video": h.Video, "image": h.Image}
	given := 0
	for _, m := range media {
		if m != nil {
			given++
		}
	}
	if h.Text != "" {
		given++
	}
	m, isMedia := media[h.Type]
	switch {
	case h.Type != "text" && !isMedia:
		c.add(at+".type", `must be "text", "document", "video" or "image"`)
	case given != 1 || isMedia && m == nil || h.Type == "text" && h.Text == "":
		c.add(at, "needs exactly the content that its type names")
	case isMedia:
		c.required(at+"."+h.Type+".url", m.URL)
	}
	c.chars(at+".text", h.Text, 60)
}

// template checks what the vendor's pages say of parameters of WhatsApp
// templates.
func (c *checker) whatsAppTemplate(t *Template) {
	const at = "message.parameters."
	switch buttons := t.Parameters["quickReply"].(type) {
	case []TemplateButton:
		c.atMost(at+"quickReply", len(buttons), 3)
	case []any:
		c.atMost(at+"quickReply", len(buttons), 3)
	}
	if otp, ok := t.Parameters["otp"].(map[string]any); ok {
		value, _ := otp["value"].(string)
		if value == "" || utf8.RuneCountInString(value) > 15 || strings.ContainsFunc(value, func(r rune) bool {
			return slices.Contains([]rune{' ', '\t', '\n', '\r'}, r)
		}) {
			c.add(at+"otp.value", "must have 1 to 15 characters and no spaces")
		}
	}
}
