package webexconnect

import (
	"encoding/json"

	"github.com/cpaas-go/cpaas/internal/jsonx"
)

// Messenger is a Facebook Messenger message: exactly one of Text, Attachment
// and SenderAction, beside a template at most one.
//
// Source: https://developers.webexconnect.io/reference/facebook-messenger-api
type Messenger struct {
	Text         string               `json:"text,omitempty"`
	Attachment   *MessengerAttachment `json:"attachment,omitempty"`
	SenderAction string               `json:"sender_action,omitempty"` // "mark_seen", "typing_on", "typing_off"

	// NotificationType is "REGULAR" (the default) or "NO_PUSH"; an example
	// has "SILENT_PUSH" too.
	NotificationType string `json:"notification_type,omitempty"`

	// MessagingType is "RESPONSE", "UPDATE" or "MESSAGE_TAG". Tag is for the
	// last, and by now only "HUMAN_AGENT" works.
	MessagingType string `json:"messaging_type,omitempty"`
	Tag           string `json:"tag,omitempty"`

	QuickReplies []MessengerQuickReply `json:"quick_replies,omitempty"` // at most 10

	// Type is "conversation" in examples; what it means is not documented.
	Type string `json:"type,omitempty"`

	// Extra are members of the JSON object that this package does not know.
	Extra map[string]json.RawMessage `json:"-"`
}

// MessengerQuickReply is a button above the composer.
type MessengerQuickReply struct {
	ContentType string `json:"content_type"`      // "text" or "location"
	Title       string `json:"title,omitempty"`   // for text: at most 20 characters
	Payload     string `json:"payload,omitempty"` // for text: at most 1000 characters

	// ImageURL is optional by the table of the vendor's page, mandatory by a
	// warning on it.
	ImageURL string `json:"image_url,omitempty"`
}

// MessengerAttachment is a file or a template.
type MessengerAttachment struct {
	Type    string           `json:"type"` // "file", "image", "audio", "video", "template"
	Payload MessengerPayload `json:"payload"`
}

// MessengerPayload is what an attachment holds: a URL, or one of the
// templates "generic", "button" and "receipt".
type MessengerPayload struct {
	URL string `json:"url,omitempty"` // file, image, audio, video

	TemplateType string             `json:"template_type,omitempty"`
	Text         string             `json:"text,omitempty"`     // button
	Buttons      []MessengerButton  `json:"buttons,omitempty"`  // button: at most 3
	Elements     []MessengerElement `json:"elements,omitempty"` // generic: at most 10; receipt

	RecipientName string                `json:"recipient_name,omitempty"` // receipt
	OrderNumber   string                `json:"order_number,omitempty"`   // receipt
	Currency      string                `json:"currency,omitempty"`       // receipt
	PaymentMethod string                `json:"payment_method,omitempty"` // receipt
	Timestamp     string                `json:"timestamp,omitempty"`      // receipt
	OrderURL      string                `json:"order_url,omitempty"`      // receipt
	Address       *MessengerAddress     `json:"address,omitempty"`        // receipt
	Summary       *MessengerSummary     `json:"summary,omitempty"`        // receipt
	Adjustments   []MessengerAdjustment `json:"adjustments,omitempty"`    // receipt
}

// MessengerElement is a card of a generic template, or a line of a receipt.
type MessengerElement struct {
	Title    string            `json:"title"`              // generic: at most 80 characters
	Subtitle string            `json:"subtitle,omitempty"` // generic: at most 80 characters
	ItemURL  string            `json:"item_url,omitempty"` // generic
	ImageURL string            `json:"image_url,omitempty"`
	Buttons  []MessengerButton `json:"buttons,omitempty"`  // generic: at most 3
	Quantity int               `json:"quantity,omitempty"` // receipt
	Price    *float64          `json:"price,omitempty"`    // receipt
	Currency string            `json:"currency,omitempty"` // receipt
}

// MessengerButton opens a URL or posts a payload back.
type MessengerButton struct {
	Type    string `json:"type"` // "web_url", "postback"
	Title   string `json:"title"`
	URL     string `json:"url,omitempty"`
	Payload string `json:"payload,omitempty"`
}

// MessengerAddress is where a receipt's order goes.
type MessengerAddress struct {
	Street1    string `json:"street_1"`
	Street2    string `json:"street_2,omitempty"`
	City       string `json:"city"`
	PostalCode string `json:"postal_code"`
	State      string `json:"state"`
	Country    string `json:"country"`
}

// MessengerSummary is what a receipt adds up to.
type MessengerSummary struct {
	Subtotal     *float64 `json:"subtotal,omitempty"`
	ShippingCost *float64 `json:"shipping_cost,omitempty"`
	TotalTax     *float64 `json:"total_tax,omitempty"`
	TotalCost    float64  `json:"total_cost"`
}

// MessengerAdjustment is a discount of a receipt.
type MessengerAdjustment struct {
	Name   string   `json:"name,omitempty"`
	Amount *float64 `json:"amount,omitempty"`
}

// NewMessenger is a request for a Facebook Messenger message. The page's
// prerequisite: to be an administrator of the Facebook page, and to have
// registered it as an app, whose id appID is.
func NewMessenger(appID string, content Messenger, to ...Destination) Request {
	return Request{Channel: ChannelMessenger, AppID: appID, Messenger: &content, Destinations: to}
}

// MarshalJSON is the content with its Extra.
func (m Messenger) MarshalJSON() ([]byte, error) {
	type plain Messenger
	return jsonx.EncodeWith(plain(m), m.Extra)
}

// UnmarshalJSON reads what MarshalJSON writes.
func (m *Messenger) UnmarshalJSON(b []byte) (err error) {
	type plain Messenger
	*m = Messenger{}
	m.Extra, err = decodeWith(b, (*plain)(m))
	return err
}

func (c *checker) messenger(m *Messenger, template bool, at string) {
	given := 0
	for _, has := range []bool{m.Text != "", m.Attachment != nil, m.SenderAction != ""} {
		if has {
			given++
		}
	}
	switch {
	case given > 1:
		c.add(at, "has more than one of text, attachment and sender_action")
	case given == 0 && !template:
		c.add(at, "needs one of text, attachment and sender_action")
	}
	if a := m.Attachment; a != nil {
		c.attachment(a, at+".attachment")
	}
	c.atMost(at+".quick_replies", len(m.QuickReplies), 10)
	for i, q := range m.QuickReplies {
		at := at + ".quick_replies" + index(i)
		c.required(at+".content_type", q.ContentType)
		if q.ContentType == "text" {
			c.required(at+".title", q.Title)
			c.required(at+".payload", q.Payload)
		}
		c.chars(at+".title", q.Title, 20)
		c.chars(at+".payload", q.Payload, 1000)
	}
}

func (c *checker) attachment(a *MessengerAttachment, at string) {
	c.required(at+".type", a.Type)
	p := &a.Payload
	at += ".payload"
	if a.Type != "template" {
		c.required(at+".url", p.URL)
		return
	}
	c.required(at+".template_type", p.TemplateType)
	switch p.TemplateType {
	case "generic":
		c.atMost(at+".elements", len(p.Elements), 10)
	case "button":
		c.required(at+".text", p.Text)
	case "receipt":
		c.required(at+".recipient_name", p.RecipientName)
		c.required(at+".order_number", p.OrderNumber)
		c.required(at+".currency", p.Currency)
		c.required(at+".payment_method", p.PaymentMethod)
		if p.Summary == nil {
			c.add(at+".summary", "is missing")
		}
	}
	if p.TemplateType != "button" && len(p.Elements) == 0 {
		c.add(at+".elements", "is empty")
	}
	c.messengerButtons(p.Buttons, at)
	for i, e := range p.Elements {
		at := at + ".elements" + index(i)
		c.required(at+".title", e.Title)
		if p.TemplateType == "generic" {
			c.chars(at+".title", e.Title, 80)
			c.chars(at+".subtitle", e.Subtitle, 80)
		}
		c.messengerButtons(e.Buttons, at)
	}
}

func (c *checker) messengerButtons(buttons []MessengerButton, at string) {
	c.atMost(at+".buttons", len(buttons), 3)
	for i, b := range buttons {
		at := at + ".buttons" + index(i)
		c.required(at+".type", b.Type)
		c.required(at+".title", b.Title)
		switch b.Type {
		case "web_url":
			c.required(at+".url", b.URL)
		case "postback":
			c.required(at+".payload", b.Payload)
		}
	}
}
