package os1

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/cpaas-go/cpaas/internal/jsonx"
	"github.com/cpaas-go/cpaas/internal/phone"
	"github.com/cpaas-go/cpaas/internal/problems"
)

// MaxEmailRecipients is how many addresses to, cc and bcc of one e-mail may
// have together. The page says "the maximum size of recipients"; that it is
// counted for each object is a reading of it.
const MaxEmailRecipients = 50

// SendRequest is one call of [Client.Send]: messages of any channel, each to
// any number of people. Several objects make a bulk; channels may be mixed,
// which the form of the request allows and no page mentions.
//
// Names of more than one word are lowerCamelCase, see [WithSpelling].
//
// Source: https://docs.getos1.com/messaging
type SendRequest struct {
	SMS      []SMSMessage      `json:"sms,omitempty"`
	Email    []EmailMessage    `json:"email,omitempty"`
	WhatsApp []WhatsAppMessage `json:"whatsapp,omitempty"`

	// Callback is where delivery status is to be sent. Nil: nowhere.
	Callback *Callback `json:"callback,omitempty"`
}

// Callback is where OS1 is to report what became of messages.
type Callback struct {
	URL string `json:"url"` // absolute

	// Meta is for your own use. Nil is left out, empty is {}. Whether it comes
	// back is not documented.
	Meta map[string]any `json:"meta,omitzero"`
}

// Phone is a recipient's phone number in two parts, sent as given. The page's
// samples write the country code as "1", "91" and "+91".
type Phone struct {
	CountryCode string `json:"countryCode"`
	Number      string `json:"number"`
}

// ParseE164 takes a number in international format, "+919812345600", apart by
// the ITU's list of country codes. It has to have its "+", or a national number
// would be taken for that of another country, and 7 to 15 digits in all;
// nothing else may be in it. CountryCode has no "+": put one in front where you
// want it. The error is an [*Error], [ErrInvalidRecipient], and does not show
// the number.
func ParseE164(number string) (Phone, error) {
	code, national, ok := phone.Parse(number)
	if !ok {
		var c checker
		c.CheckRecipient(`is not "+", an assigned country code and 7 to 15 digits in all`, "number")
		return Phone{}, invalid("ParseE164", c.List)
	}
	return Phone{CountryCode: code, Number: national}, nil
}

// SMSMessage is a text message from a template.
type SMSMessage struct {
	SenderID string `json:"senderId,omitempty"` // "DLHVRY"; empty is left out

	// Template is the template's name. Required.
	Template string `json:"template"`

	// Provider is the name of a registered provider. Nil leaves it out: the
	// default one. new("") sends "".
	Provider *string `json:"provider,omitempty"`

	// OriginationNumber is the number to send from, "+18005551234": with a
	// Pinpoint provider a toll-free number or a ten-digit long code. Empty is
	// left out.
	OriginationNumber string `json:"originationNumber,omitempty"`

	// Data are the values of the template's placeholders, by name: text in
	// every sample. Nil is left out, empty is {}.
	Data map[string]any `json:"data,omitzero"`

	// To are the recipients, at least one. The limit of 50 of e-mails may be
	// meant for text messages too; that is left to the service.
	To []Phone `json:"to"`
}

// EmailMessage is an e-mail from a template.
type EmailMessage struct {
	// Template is the template's name. Required.
	Template string `json:"template"`

	// Provider is the name of a registered provider. Nil leaves it out; the
	// page's samples send "".
	Provider *string `json:"provider,omitempty"`

	// From is the sender's address. Nil leaves it out; a sample sends "".
	From *string `json:"from,omitempty"`

	// To, CC and BCC are addresses, together at most [MaxEmailRecipients]. To
	// has at least one. The page names cc and bcc in a note and shows neither.
	To  []string `json:"to"`
	CC  []string `json:"cc,omitempty"`
	BCC []string `json:"bcc,omitempty"`

	// Data are the values of the template's placeholders, by name: text in
	// every sample. Nil is left out, empty is {}.
	Data map[string]any `json:"data,omitzero"`

	// Extra are members of the JSON object that this package does not know.
	// The vendor's table has about four that did not survive.
	Extra map[string]json.RawMessage `json:"-"`
}

// MarshalJSON is m with Extra.
func (m EmailMessage) MarshalJSON() ([]byte, error) {
	type plain EmailMessage
	return jsonx.EncodeWith(plain(m), m.Extra)
}

// UnmarshalJSON reads what MarshalJSON writes.
func (m *EmailMessage) UnmarshalJSON(b []byte) error {
	type plain EmailMessage
	var p plain
	if err := json.Unmarshal(b, &p); err != nil {
		return err
	}
	var err error
	p.Extra, err = unknown(b, emailShape)
	*m = EmailMessage(p)
	return err
}

// WhatsAppMessage is a WhatsApp message from a template.
type WhatsAppMessage struct {
	From *string `json:"from,omitempty"` // the sender's number; nil leaves it out

	// Template is the template's name. Required.
	Template string `json:"template"`

	// Provider is the name of a registered provider, without which there is
	// no WhatsApp. Nil leaves it out, as a sample does: the tenant's default.
	Provider *string `json:"provider,omitempty"`

	// Data are the values of the template's placeholders, by name: text in
	// every sample. Nil is left out, empty is {}.
	Data map[string]any `json:"data,omitzero"`

	Media   *Media       `json:"media,omitempty"`
	Buttons []SendButton `json:"buttons,omitzero"`

	// To are the recipients, at least one.
	To []Phone `json:"to"`
}

// Media is what a WhatsApp message shows besides its text. OS1 fetches it by
// URL, so its size and kind are not checked here.
type Media struct {
	Document *Document `json:"document,omitempty"`
	Image    *Image    `json:"image,omitempty"`
}

// Document is a pdf, doc or docx of at most 100 MB.
type Document struct {
	URL string `json:"url"`

	// Filename is the name to show. Empty is left out. The page's spelling is
	// "filename" or "fileName".
	Filename string `json:"filename,omitempty"`
}

// Image is a jpg, jpeg or png of at most 5 MB.
type Image struct {
	URL string `json:"url"`
}

// SendButton is a button of a one-way WhatsApp message. In templates it is a
// [TemplateButton], in two-way messages a [ReplyButton].
type SendButton struct {
	URL *TrackURL `json:"url,omitempty"`
}

// TrackURL is where a [SendButton] leads, "https://example.com/track/{{orderId}}".
type TrackURL struct {
	URL string `json:"trackUrl"`
}

// TrackButton is a button that leads to url.
func TrackButton(url string) SendButton { return SendButton{URL: &TrackURL{URL: url}} }

// SendResponse is OS1's word that it took the messages. What it says in its
// data is not documented, nor whether there is an id: see [Meta.Data]. It
// says nothing about delivery.
type SendResponse struct {
	Meta
}

// Send submits messages in one call.
//
// Its path is a guess, see [Paths]. The error is an [*Error]. It is
// [ErrMaybeAccepted] when OS1 may have taken the request, also when a 2xx
// answer cannot be read or holds both data and an error; the call is not
// repeated then. X-COREOS-REQUEST-ID is the same when a call is repeated, but
// no page says that OS1 would refuse it.
func (c *Client) Send(ctx context.Context, req SendRequest) (*SendResponse, error) {
	op := c.ops.send
	if err := op.configured(); err != nil {
		return nil, err
	}
	if err := req.validate(op.Op, c.relaxed); err != nil {
		return nil, err
	}
	meta, err := c.post(ctx, op, &req, sendShape)
	if err != nil {
		return nil, err
	}
	return &SendResponse{meta}, nil
}

// Validate names everything that is wrong with r, by JSON path. The error is
// an [*Error].
func (r SendRequest) Validate() error { return r.validate("Send", false) }

func (r *SendRequest) validate(op string, relaxed bool) error {
	c := checker{relaxed: relaxed}
	if r.count() == 0 {
		c.at("no message", "")
	}
	r.check(&c)
	return invalid(op, c.List)
}

func (r *SendRequest) count() int { return len(r.SMS) + len(r.Email) + len(r.WhatsApp) }

func (r *SendRequest) check(c *checker) {
	for i := range r.SMS {
		r.SMS[i].check(c, i)
	}
	for i := range r.Email {
		r.Email[i].check(c, i)
	}
	for i := range r.WhatsApp {
		r.WhatsApp[i].check(c, i)
	}
	c.callback(r.Callback)
}

func (m *SMSMessage) check(c *checker, i int) {
	const list = "sms"
	c.in(problems.Text(m.SenderID), list, i, "senderId")
	c.in(problems.Required(m.Template), list, i, "template")
	c.in(optional(m.Provider), list, i, "provider")
	c.in(problems.Text(m.OriginationNumber), list, i, "originationNumber")
	c.in(valuesProblem(m.Data), list, i, "data")
	c.phones(m.To, list, i)
}

func (m *EmailMessage) check(c *checker, i int) {
	const list = "email"
	c.in(problems.Required(m.Template), list, i, "template")
	c.in(optional(m.Provider), list, i, "provider")
	c.in(optional(m.From), list, i, "from")
	c.in(valuesProblem(m.Data), list, i, "data")
	if len(m.To) == 0 {
		c.in("is empty", list, i, "to")
	}
	if n := len(m.To) + len(m.CC) + len(m.BCC); n > MaxEmailRecipients {
		c.in(fmt.Sprintf("with cc and bcc has %d addresses, more than %d", n, MaxEmailRecipients), list, i, "to")
	}
	c.addresses(m.To, "to", i)
	c.addresses(m.CC, "cc", i)
	c.addresses(m.BCC, "bcc", i)
	if problem := extraProblem(m.Extra, emailShape); problem != "" {
		c.Add(problem, "email[%d]", i)
	}
}

func (m *WhatsAppMessage) check(c *checker, i int) {
	const list = "whatsapp"
	c.in(optional(m.From), list, i, "from")
	c.in(problems.Required(m.Template), list, i, "template")
	c.in(optional(m.Provider), list, i, "provider")
	c.in(valuesProblem(m.Data), list, i, "data")
	if m.Media != nil {
		c.media(m.Media, fmt.Sprintf("%s[%d].media", list, i))
	}
	for j, b := range m.Buttons {
		if b.URL != nil {
			c.Check(problems.Text(b.URL.URL), "%s[%d].buttons[%d].url.trackUrl", list, i, j)
		}
	}
	c.phones(m.To, list, i)
}
