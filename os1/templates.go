package os1

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"iter"
	"maps"
	"net/url"
	"strings"

	"github.com/google/go-querystring/query"

	"github.com/cpaas-go/cpaas/internal/errs"
	"github.com/cpaas-go/cpaas/internal/jsonx"
	"github.com/cpaas-go/cpaas/internal/problems"
	"github.com/cpaas-go/cpaas/internal/transport"
)

// Mode is the channel of a template.
type Mode string

// The modes of the page's samples. Their letter case is lost; write another
// if your tenant wants it.
const (
	ModeSMS      Mode = "sms"
	ModeEmail    Mode = "email"
	ModeWhatsApp Mode = "whatsapp"
)

// TemplateRequest creates a template: text with placeholders, "{{otp}}".
//
// Source: https://docs.getos1.com/messaging
type TemplateRequest struct {
	Name string `json:"name"` // what messages name it by; required
	Mode Mode   `json:"mode"` // required

	// Data is a [SMSTemplate], an [EmailTemplate] or a [WhatsAppTemplate],
	// whose Body is required.
	Data TemplateData `json:"data"`

	IsActive *bool    `json:"isActive,omitempty"`
	Tags     []string `json:"tags,omitzero"` // nil is left out, empty is []
}

// TemplateData is what a template holds, by channel.
type TemplateData interface {
	check(*checker)
	shape() shape
}

// SMSTemplate is a template of text messages.
type SMSTemplate struct {
	Body string `json:"body"`

	// ExternalRef is the template's id elsewhere, such as on India's DLT
	// registry, where it has 19 digits: text. Empty is left out.
	ExternalRef string `json:"externalRef,omitempty"`

	OriginationNumber string `json:"originationNumber,omitempty"` // "+123456789"; empty is left out

	// Extra are members of the JSON object that this package does not know.
	// The vendor's table has one that did not survive.
	Extra map[string]json.RawMessage `json:"-"`
}

// MarshalJSON is t with Extra.
func (t SMSTemplate) MarshalJSON() ([]byte, error) {
	type plain SMSTemplate
	return jsonx.EncodeWith(plain(t), t.Extra)
}

// UnmarshalJSON reads what MarshalJSON writes.
func (t *SMSTemplate) UnmarshalJSON(b []byte) error {
	type plain SMSTemplate
	var p plain
	if err := json.Unmarshal(b, &p); err != nil {
		return err
	}
	var err error
	p.Extra, err = unknown(b, smsTemplateShape)
	*t = SMSTemplate(p)
	return err
}

func (t SMSTemplate) shape() shape { return smsTemplateShape }

func (t SMSTemplate) check(c *checker) {
	c.at(problems.Required(t.Body), "data.body")
	c.at(problems.Text(t.ExternalRef), "data.externalRef")
	c.at(problems.Text(t.OriginationNumber), "data.originationNumber")
	c.at(extraProblem(t.Extra, smsTemplateShape), "data")
}

// EmailTemplate is a template of e-mails.
type EmailTemplate struct {
	Body    string `json:"body"`
	Subject string `json:"subject,omitempty"` // may have placeholders; empty is left out
	Format  string `json:"format,omitempty"`  // "text/plain" in the sample; "text/html" is likely; empty is left out

	// From is the sender's address. Nil leaves it out; the sample sends "".
	From *string `json:"from,omitempty"`
}

func (t EmailTemplate) shape() shape { return emailTemplateShape }

func (t EmailTemplate) check(c *checker) {
	c.at(problems.Required(t.Body), "data.body")
	c.at(problems.Text(t.Subject), "data.subject")
	c.at(problems.Text(t.Format), "data.format")
	c.at(optional(t.From), "data.from")
}

// WhatsAppTemplate is a template of WhatsApp messages.
type WhatsAppTemplate struct {
	Body        string           `json:"body"`
	ExternalRef string           `json:"externalRef,omitempty"` // seems to be the provider's id of it; empty is left out
	From        *string          `json:"from,omitempty"`        // the sender's number; nil leaves it out
	Media       *Media           `json:"media,omitempty"`
	Buttons     []TemplateButton `json:"buttons,omitzero"`
}

func (t WhatsAppTemplate) shape() shape { return whatsAppTemplateShape }

func (t WhatsAppTemplate) check(c *checker) {
	c.at(problems.Required(t.Body), "data.body")
	c.at(problems.Text(t.ExternalRef), "data.externalRef")
	c.at(optional(t.From), "data.from")
	c.media(t.Media, "data.media")
	for i, b := range t.Buttons {
		if b.URL != nil {
			c.Check(problems.Text(b.URL.Value), "data.buttons[%d].url.value", i)
		}
		if b.QuickReply != nil {
			c.Check(problems.Text(b.QuickReply.Value), "data.buttons[%d].quick_reply.value", i)
		}
	}
}

// TemplateButton is a button of a WhatsApp template: one of its fields. Make
// it with [URLButton] or [QuickReply].
type TemplateButton struct {
	URL *ButtonValue `json:"url,omitempty"`

	// QuickReply may be spelled otherwise: the page has a separator between
	// its words, and which one is lost.
	QuickReply *ButtonValue `json:"quick_reply,omitempty"`
}

// ButtonValue is where a button leads, or what it says.
type ButtonValue struct {
	Value string `json:"value"`
}

// URLButton is a button that leads to url, "https://abc.com/{{1}}".
func URLButton(url string) TemplateButton { return TemplateButton{URL: &ButtonValue{url}} }

// QuickReply is a button that answers with text.
func QuickReply(text string) TemplateButton { return TemplateButton{QuickReply: &ButtonValue{text}} }

// Template is a template as OS1 tells of it. How it does is not documented:
// what is not there, or has another type than in [TemplateRequest], is empty.
type Template struct {
	ID                string // from "id", if there is one
	Name              string
	Mode              Mode
	Body              string
	Subject           string
	Format            string
	From              string
	ExternalRef       string
	OriginationNumber string
	Media             *Media
	Buttons           []TemplateButton
	IsActive          *bool
	Tags              []string

	raw kept[json.RawMessage]
}

// Raw is the template as it came in.
func (t Template) Raw() json.RawMessage { return t.raw.get() }

// readTemplate reads a template; ok is false for what is no object.
func readTemplate(raw json.RawMessage) (t Template, ok bool) {
	l := readLoose(raw)
	if l == nil {
		return t, false
	}
	data := l.object("data")
	t = Template{
		ID: l.text("id"), Name: l.text("name"), Mode: Mode(l.text("mode")),
		Body: data.text("body"), Subject: data.text("subject"), Format: data.text("format"), From: data.text("from"),
		ExternalRef: data.text("externalRef"), OriginationNumber: data.text("originationNumber"),
		raw: keep(raw),
	}
	if media := data.object("media"); media != nil {
		t.Media = &Media{}
		if d := media.object("document"); d != nil {
			t.Media.Document = &Document{URL: d.text("url"), Filename: d.text("filename")}
		}
		if i := media.object("image"); i != nil {
			t.Media.Image = &Image{URL: i.text("url")}
		}
	}
	for _, b := range items(data.get("buttons")) {
		button := readLoose(b)
		switch {
		case button["url"] != nil:
			t.Buttons = append(t.Buttons, URLButton(button.object("url").text("value")))
		case button.get("quick_reply") != nil:
			t.Buttons = append(t.Buttons, QuickReply(button.object("quick_reply").text("value")))
		}
	}
	var active bool
	if v := l.get("isActive"); v != nil && json.Unmarshal(v, &active) == nil {
		t.IsActive = &active
	}
	for _, tag := range items(l.get("tags")) {
		t.Tags = append(t.Tags, jsonx.Scalar(tag))
	}
	return t, true
}

// TemplateResponse is the answer to [Client.CreateTemplate] and
// [Client.GetTemplate].
type TemplateResponse struct {
	Template Template
	Meta
}

// CreateTemplate creates a template. Its path is a guess, see [Paths]. The
// error is an [*Error]; it is [ErrMaybeAccepted] when the template may have
// been created.
func (c *Client) CreateTemplate(ctx context.Context, req TemplateRequest) (*TemplateResponse, error) {
	op := c.ops.createTemplate
	if err := req.validate(op.Op); err != nil {
		return nil, err
	}
	meta, err := c.post(ctx, op, req, templateShape(req.Data.shape()))
	if err != nil {
		return nil, err
	}
	t, _ := readTemplate(meta.Data()) // perhaps it is only a name, or nothing
	return &TemplateResponse{Template: t, Meta: meta}, nil
}

// Validate names everything that is wrong with r, by JSON path. The error is
// an [*Error].
func (r TemplateRequest) Validate() error { return r.validate("CreateTemplate") }

func (r *TemplateRequest) validate(op string) error {
	var c checker
	c.at(problems.Required(r.Name), "name")
	c.at(problems.Required(string(r.Mode)), "mode")
	if r.Data == nil || nilPointer(r.Data) {
		c.at("is missing", "data.body")
	} else {
		r.Data.check(&c)
	}
	c.texts(r.Tags, "tags")
	return invalid(op, c.List)
}

// GetTemplate reads the template of that name. That it is found by its name
// is documented; the path is a guess, see [Paths].
func (c *Client) GetTemplate(ctx context.Context, name string) (*TemplateResponse, error) {
	op := c.ops.getTemplate
	var check checker
	check.at(problems.Required(name), "name")
	if err := invalid(op.Op, check.List); err != nil {
		return nil, err
	}
	meta, err := c.do(ctx, op, transport.Call{Args: []string{name}})
	if err != nil {
		return nil, err
	}
	raw := meta.Data()
	if list := items(raw); len(list) > 0 {
		raw = list[0]
	}
	t, ok := readTemplate(raw)
	if !ok {
		return nil, c.unreadable(op, meta, errNoData)
	}
	return &TemplateResponse{Template: t, Meta: meta}, nil
}

// ListTemplatesOptions are the query of [Client.ListTemplates]. None is
// documented for templates: other services of the platform page either by
// Limit and Offset or by Limit and NextPage.
type ListTemplatesOptions struct {
	Limit    int    `url:"limit,omitempty"`    // templates in a page; zero is left out
	Offset   int    `url:"offset,omitempty"`   // templates to pass over; zero is left out
	NextPage string `url:"nextPage,omitempty"` // TemplatePage.NextPage of the page before
	Select   string `url:"select,omitempty"`   // which members to tell
	Query    string `url:"query,omitempty"`    // a filter
	SortKey  string `url:"sortKey,omitempty"`
	SortBy   string `url:"sortBy,omitempty"`

	// Extra are further parameters. They replace those above of the same name.
	Extra url.Values `url:"-"`
}

// TemplatePage is one page of a list.
type TemplatePage struct {
	Templates []Template
	NextPage  string // of the list's meta; empty: it has none
	Total     int    // totalElements of the list's meta; 0: it has none

	Meta
}

// ListTemplates lists the templates of the tenant, or a page of them. Its
// path is a guess, see [Paths]. The answer may be a list, or an object that
// holds meta and a list.
func (c *Client) ListTemplates(ctx context.Context, opts ListTemplatesOptions) (*TemplatePage, error) {
	op := c.ops.listTemplates
	values, err := query.Values(opts)
	if err != nil {
		return nil, &Error{Op: op.Op, Message: c.transport.Line(err.Error()), fault: errs.Fault{Kind: errs.InvalidRequest}}
	}
	maps.Copy(values, opts.Extra)
	meta, err := c.do(ctx, op, transport.Call{Query: values.Encode()})
	if err != nil {
		return nil, err
	}
	page, ok := readTemplatePage(meta.Data())
	if !ok {
		return nil, c.unreadable(op, meta, errNoData)
	}
	page.Meta = meta
	return page, nil
}

// readTemplatePage reads either style of list.
func readTemplatePage(data json.RawMessage) (*TemplatePage, bool) {
	page := &TemplatePage{}
	var list []json.RawMessage
	switch trimmed := bytes.TrimSpace(data); {
	case bytes.HasPrefix(trimmed, []byte("[")):
		list = items(trimmed)
	case bytes.HasPrefix(trimmed, []byte("{")):
		l := readLoose(trimmed)
		named := l.get("templates")
		if named == nil {
			named = onlyList(l)
		}
		if named == nil {
			return nil, false
		}
		list = items(named)
		meta := l.object("meta")
		if more := meta.text("hasNextPage"); !strings.EqualFold(more, "false") {
			page.NextPage = meta.text("nextPage")
		}
		if err := json.Unmarshal(meta.get("totalElements"), &page.Total); err != nil || page.Total < 0 {
			page.Total = 0
		}
	default:
		return nil, false
	}
	for _, raw := range list {
		if t, ok := readTemplate(raw); ok {
			page.Templates = append(page.Templates, t)
		}
	}
	return page, true
}

// onlyList is the list that l holds, whatever its name, if there is one only.
func onlyList(l loose) json.RawMessage {
	var found json.RawMessage
	for _, v := range l {
		if bytes.HasPrefix(v, []byte("[")) {
			if found != nil {
				return nil
			}
			found = v
		}
	}
	return found
}

var errNoProgress = errors.New("the list does not move on: a page came twice")

// AllTemplates goes through every page of [Client.ListTemplates]: by
// NextPage, else by Offset as far as the list's total. A list that tells
// neither is one page. The error, if there is one, comes last; a page or a
// NextPage that comes twice is one.
func (c *Client) AllTemplates(ctx context.Context, opts ListTemplatesOptions) iter.Seq2[Template, error] {
	return func(yield func(Template, error) bool) {
		opts := opts // every iteration begins anew
		var before json.RawMessage
		seen := map[string]bool{} // every NextPage
		for {
			page, err := c.ListTemplates(ctx, opts)
			if err == nil && (len(page.Templates) > 0 && bytes.Equal(page.Data(), before) || seen[page.NextPage]) {
				err = c.unreadable(c.ops.listTemplates, page.Meta, errNoProgress)
			}
			if err != nil {
				yield(Template{}, err)
				return
			}
			for _, t := range page.Templates {
				if !yield(t, nil) {
					return
				}
			}
			before = page.Data()
			opts.Offset += len(page.Templates)
			switch {
			case page.NextPage != "": // also behind an empty page
				seen[page.NextPage] = true
				opts.NextPage, opts.Offset = page.NextPage, 0
			case len(page.Templates) == 0:
				return
			case opts.NextPage != "" || opts.Offset >= page.Total:
				return
			}
		}
	}
}
