package octopush

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"iter"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/cpaas-go/cpaas/internal/errs"
	"github.com/cpaas-go/cpaas/internal/jsonx"
	"github.com/cpaas-go/cpaas/internal/problems"
	"github.com/cpaas-go/cpaas/internal/transport"
)

// Limits of the page.
const (
	MaxRecipients = 500  // in one call
	MaxText       = 1224 // code points
	MaxSubject    = 1000 // code points
)

// Channel is a channel that Octopush sends on.
type Channel string

// The documented channels.
const (
	SMS      Channel = "sms"
	VoiceSMS Channel = "voice_sms"
	RCS      Channel = "rcs"
	Email    Channel = "email"
	LiveChat Channel = "live_chat"
)

// Purpose says why a campaign is sent.
type Purpose string

// The documented purposes. Left out it is Wholesale, as another page of the
// vendor's says (https://dev.octopush.com/?p=4483), and a text to France
// without the STOP mention is then refused with [CodeStopMissing].
const (
	Alert     Purpose = "alert"     // transactional
	Wholesale Purpose = "wholesale" // marketing
)

// Response is Octopush's word that it took the request. It says nothing about
// delivery.
type Response struct {
	// Ticket is the vendor's id of the campaign, in receipts and for
	// [Client.Cancel]. It is what the answer calls ticket_number, sms_ticket
	// or vocal_ticket. Empty for live chat, and where Repeated; the answer to
	// RCS is not documented.
	Ticket string

	Contacts       int           // recipients that were taken
	Cost           float64       // of the campaign, in the unit of ResidualCredit
	SMSNeeded      int           // parts in all; only of SMS
	ResidualCredit float64       // left on the account; in euros, where the vendor says a unit at all
	Duration       time.Duration // how long the call is estimated to be; only of voice SMS
	Message        string        // the vendor's words, which the page does not explain

	// Repeated: an earlier attempt of this call got no answer and was
	// accepted, which the refusal of its RequestID proves. All above is
	// unknown, and Raw is the refusal.
	Repeated bool

	RequestID string          // from the X-Request-Id header, if there is one: not the request's RequestID
	Attempts  int             // requests made
	Raw       json.RawMessage // the answer; nil if it was empty
}

// Chunk is one call of a request that was sent in several.
type Chunk struct {
	First, Count int       // its recipients: Recipients[First : First+Count]
	RequestID    string    // its own
	Response     *Response // nil when it comes with an error
}

// campaign is any of the five requests, ready for the wire.
type campaign struct {
	op            string
	wire          wireRequest
	metadata      wireMetadata
	sendAt        time.Time
	extra         map[string]json.RawMessage
	extraMetadata map[string]json.RawMessage
}

// What a request is made of, in the order and with the names of the wire:
// see campaign.encode.
type (
	wireRequest struct {
		Channel        Channel
		Text           string
		Recipients     []wireContact
		Sender         string
		Purpose        Purpose
		ListName       string
		Simulate       *bool
		Track          *bool
		Optimize       *bool
		DeleteOptedOut *bool
		FilterOptedOut *bool
	}
	wireContact struct {
		Phone          string
		Email          string
		ConversationID string
	}
	wireMetadata struct {
		Type          string
		WithReplies   bool
		VoiceGender   VoiceGender
		VoiceLanguage VoiceLanguage
		PressedKeys   bool
		RequestID     string
		Service       EmailService
		From          string
		FromName      string
		Subject       string
		Template      string
		BodyFormat    BodyFormat
		Language      string
		MessageType   MessageType
		Cards         []json.RawMessage
		Actions       []json.RawMessage
	}
)

func phoneContacts(numbers []string) []wireContact {
	contacts := make([]wireContact, len(numbers))
	for i, n := range numbers {
		contacts[i].Phone = n
	}
	return contacts
}

// encode is the request's body. The campaign has been checked.
func (p *campaign) encode() ([]byte, error) {
	r := &p.wire
	w := jsonx.NewWriter(512 + len(r.Text) + 40*len(r.Recipients))
	at := w.Open('{')
	w.Text("channel", string(r.Channel))
	w.Text("text", r.Text)
	w.Name("recipients")
	w.Open('[')
	for i := range r.Recipients {
		c := &r.Recipients[i]
		w.Open('{')
		w.TextIf("phone_number", c.Phone)
		w.TextIf("email", c.Email)
		w.TextIf("conversation_id", c.ConversationID)
		w.Close('}')
	}
	w.Close(']')
	w.TextIf("sender", r.Sender)
	w.TextIf("send_at", writeTime(p.sendAt))
	w.TextIf("purpose", string(r.Purpose))
	w.TextIf("list_name", r.ListName)
	w.BoolIf("simulation_mode", r.Simulate)
	w.BoolIf("recipient_tracking", r.Track)
	w.BoolIf("auto_optimize_text", r.Optimize)
	w.BoolIf("auto_delete_optout_contacts", r.DeleteOptedOut)
	w.BoolIf("optout_filtering", r.FilterOptedOut)
	if err := p.writeMetadata(w); err != nil {
		return nil, fmt.Errorf("metadata: %w", err)
	}
	w.CloseWith(at, p.extra)
	return w.Done()
}

// writeMetadata writes metadata, unless there is nothing in it.
func (p *campaign) writeMetadata(w *jsonx.Writer) error {
	m, before := &p.metadata, w.Len()
	w.Name("metadata")
	at := w.Open('{')
	w.TextIf("type", m.Type)
	w.TrueIf("with_replies", m.WithReplies)
	w.TextIf("voice_gender", string(m.VoiceGender))
	w.TextIf("voice_language", string(m.VoiceLanguage))
	w.TrueIf("get_back_pressed_keys", m.PressedKeys)
	w.TextIf("request_id", m.RequestID)
	w.TextIf("emailing_service", string(m.Service))
	w.TextIf("email_from", m.From)
	w.TextIf("name_from", m.FromName)
	w.TextIf("subject", m.Subject)
	w.TextIf("template_name", m.Template)
	w.TextIf("body_format", string(m.BodyFormat))
	w.TextIf("language", m.Language)
	w.TextIf("message_type", string(m.MessageType))
	w.AnyIf(len(m.Cards) > 0, "cards", m.Cards)
	w.AnyIf(len(m.Actions) > 0, "actions", m.Actions)
	w.CloseWith(at, p.extraMetadata)
	if w.Len() == at+len("{}") {
		w.Truncate(before)
	}
	return w.Err()
}

func writeTime(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return writable(at).Format("2006-01-02T15:04:05-07:00")
}

// writable is at, in UTC if the format has no room for its offset.
func writable(at time.Time) time.Time {
	const day = 24 * 60 * 60
	if _, offset := at.Zone(); offset%60 != 0 || offset <= -day || offset >= day {
		return at.UTC()
	}
	return at
}

// simulated reports whether the server is asked to do nothing.
func (p *campaign) simulated() bool { return p.wire.Simulate != nil && *p.wire.Simulate }

// ticketless reports whether an answer may lack a ticket: for live chat the
// page shows null, for RCS it shows nothing.
func (p *campaign) ticketless() bool {
	return p.wire.Channel == LiveChat || p.wire.Channel == RCS || p.simulated()
}

// submit checks p and sends it.
func (c *Client) submit(ctx context.Context, p *campaign) (*Response, error) {
	if err := p.validate(c.relaxed); err != nil {
		return nil, err
	}
	return c.call(ctx, p)
}

// call sends p, which has been checked.
func (c *Client) call(ctx context.Context, p *campaign) (*Response, error) {
	body, err := p.encode()
	if err != nil {
		return nil, &Error{Op: p.op, Message: c.transport.Line(err.Error()), fault: errs.Fault{Kind: errs.InvalidRequest}}
	}
	call := transport.Call{Endpoint: c.send, Body: body, Means: means}
	call.Op = p.op
	if p.metadata.RequestID != "" {
		call.Class = transport.Safe
	}
	res := c.transport.Do(ctx, call)
	a := readAnswer(res.Body)
	switch {
	case res.Kind != nil, a.refuses() && !a.taken(res.Status):
		e := c.refusal(p.op, res, &a)
		if res.Unsure && e.Is(errs.Duplicate) {
			return c.response(res, &answer{}, true), nil
		}
		return nil, e
	case a.refuses(): // some of it was taken, some was not
	case a.ticket != "", p.ticketless() && (a.clear() || raw(res.Body) == nil):
		return c.response(res, &a, false), nil
	}
	return nil, c.unread(p.op, res, &a, errs.MaybeAccepted)
}

// refusal is fail, for a call that changes something: when a 2xx says that
// the server could not do it, it may have done some of it.
func (c *Client) refusal(op string, res transport.Result, a *answer) *Error {
	e := c.fail(op, res, a)
	if res.Kind == nil && e.Is(errs.Unavailable) {
		return c.unread(op, res, a, errs.MaybeAccepted)
	}
	return e
}

func (c *Client) response(res transport.Result, a *answer, repeated bool) *Response {
	return &Response{
		Ticket: a.ticket, Contacts: a.contacts, Cost: a.cost, SMSNeeded: a.sms, ResidualCredit: a.credit, Duration: a.duration,
		Message: a.message, Repeated: repeated, RequestID: c.requestID(res), Attempts: res.Attempts, Raw: raw(res.Body),
	}
}

// raw is an answer, nil if it is empty: what is no JSON could not be encoded.
func raw(body []byte) json.RawMessage {
	if len(bytes.TrimSpace(body)) == 0 {
		return nil
	}
	return body
}

// chunks sends p in calls of size recipients. All of it is checked first. The
// random base is that of the iterator: ranging over it again repeats the calls.
func (c *Client) chunks(ctx context.Context, p *campaign, size int) iter.Seq2[Chunk, error] {
	if size == 0 {
		size = MaxRecipients
	}
	base := cmp.Or(p.metadata.RequestID, rand.Text())
	return func(yield func(Chunk, error) bool) {
		var found problems.List
		if size < 0 || size > MaxRecipients {
			found.Add(fmt.Sprintf("must be 1 to %d", MaxRecipients), "size")
		}
		p.check(&found, c.relaxed)
		if err := invalid(p.op, found); err != nil {
			yield(Chunk{Count: len(p.wire.Recipients)}, err)
			return
		}
		all := p.wire.Recipients
		for first := 0; first < len(all); first += size {
			part := *p
			part.wire.Recipients = all[first:min(first+size, len(all))]
			part.metadata.RequestID = chunkID(base, first, part.wire.Recipients)
			chunk := Chunk{First: first, Count: len(part.wire.Recipients), RequestID: part.metadata.RequestID}
			var err error
			chunk.Response, err = c.call(ctx, &part)
			if !yield(chunk, err) {
				return
			}
		}
	}
}

// chunkID is the RequestID of a chunk: another for other recipients, so that
// a list that has changed is not taken for the one that was sent.
func chunkID(base string, first int, contacts []wireContact) string {
	h := sha256.New()
	for _, contact := range contacts {
		h.Write(fmt.Appendf(nil, "%q %q %q\n", contact.Phone, contact.Email, contact.ConversationID))
	}
	return fmt.Sprintf("%s-%d-%x", base, first, h.Sum(nil)[:8])
}

// validate is the error for all that is wrong with p, or nil.
func (p *campaign) validate(relaxed bool) error {
	var found problems.List
	if len(p.wire.Recipients) > MaxRecipients {
		found.Add(fmt.Sprintf("has more than %d entries", MaxRecipients), "recipients")
	}
	p.check(&found, relaxed)
	return invalid(p.op, found)
}

// check notes all that is wrong with p but the number of recipients.
func (p *campaign) check(found *problems.List, relaxed bool) {
	w := &p.wire
	found.Check(textProblem(w.Text), "text")
	if len(w.Recipients) == 0 {
		found.Add("is empty", "recipients")
	}
	for i := range w.Recipients {
		w.Recipients[i].check(found, i, w.Channel, relaxed)
	}
	found.Check(senderProblem(w.Sender, w.Channel, relaxed), "sender")
	if year := writable(p.sendAt).Year(); year < 0 || year > 9999 {
		found.Add("must have a year of four digits", "send_at")
	}
	found.Check(problems.OneOf(w.Purpose, Alert, Wholesale), "purpose")
	found.Check(problems.Text(w.ListName), "list_name")
	p.metadata.check(found, w.Channel, relaxed)
	found.Check(problems.Extra(p.extraMetadata), "metadata")
	found.Check(problems.Extra(p.extra), "")
	checkExtra(found, p.extraMetadata, "metadata.", metadataFields[w.Channel])
	checkExtra(found, p.extra, "", outerFields)
}

// The members that requests have fields for, by their names on the wire:
// outside of metadata all have the same.
var (
	outerFields = strings.Fields(`channel text recipients sender send_at purpose list_name simulation_mode recipient_tracking
		auto_optimize_text auto_delete_optout_contacts optout_filtering metadata`)
	metadataFields = map[Channel][]string{
		SMS:      strings.Fields("type with_replies request_id"),
		VoiceSMS: strings.Fields("type voice_gender voice_language get_back_pressed_keys request_id"),
		RCS:      strings.Fields("with_replies message_type cards actions request_id"),
		Email:    strings.Fields("emailing_service email_from name_from subject template_name body_format language request_id"),
		LiveChat: {"request_id"},
	}
)

// checkExtra notes members of the caller's own that a field is for, also when
// it is empty: they would go by none of the field's rules.
func checkExtra(found *problems.List, extra map[string]json.RawMessage, path string, fields []string) {
	if len(extra) == 0 {
		return
	}
	for _, name := range fields {
		if _, ok := extra[name]; ok {
			found.Add("has a field of the request, and is not for Extra", "%s", path+name)
		}
	}
}

func (c *wireContact) check(found *problems.List, i int, channel Channel, relaxed bool) {
	phone, email := channel != Email, channel == Email // required
	if channel == LiveChat {
		phone, email = c.Phone != "", c.Email != ""
		if *c == (wireContact{}) {
			found.CheckRecipient("needs phone_number, email or conversation_id", "recipients[%d]", i)
		}
		if c.ConversationID != "" {
			found.CheckRecipient(uuidProblem(c.ConversationID, relaxed), "recipients[%d].conversation_id", i)
		}
	}
	if phone {
		found.CheckRecipient(phoneProblem(c.Phone, relaxed), "recipients[%d].phone_number", i)
	}
	if email {
		found.CheckRecipient(emailProblem(c.Email, relaxed), "recipients[%d].email", i)
	}
}

func (m *wireMetadata) check(found *problems.List, channel Channel, relaxed bool) {
	if channel == VoiceSMS {
		found.Check(problems.OneOf(m.Type, string(VoiceTypeSMS)), "metadata.type")
	} else {
		found.Check(problems.OneOf(m.Type, string(Premium), string(LowCost)), "metadata.type")
	}
	found.Check(problems.OneOf(m.VoiceGender, Male, Female), "metadata.voice_gender")
	found.Check(problems.Text(string(m.VoiceLanguage)), "metadata.voice_language")
	found.Check(problems.Text(m.RequestID), "metadata.request_id")
	found.Check(problems.OneOf(m.Service, Mailbox, Gateway), "metadata.emailing_service")
	if m.From != "" {
		found.Check(emailProblem(m.From, relaxed), "metadata.email_from")
	}
	found.Check(problems.Text(m.FromName), "metadata.name_from")
	found.Check(problems.Text(m.Subject), "metadata.subject")
	if utf8.RuneCountInString(m.Subject) > MaxSubject {
		found.Add(fmt.Sprintf("has more than %d characters", MaxSubject), "metadata.subject")
	}
	found.Check(problems.Text(m.Template), "metadata.template_name")
	found.Check(problems.OneOf(m.BodyFormat, PlainText, HTML), "metadata.body_format")
	found.Check(problems.Text(m.Language), "metadata.language")
	found.Check(problems.OneOf(m.MessageType, SimpleText, RichCard), "metadata.message_type")
	if len(m.Cards) > 0 && m.MessageType != RichCard {
		found.Add(fmt.Sprintf("is only for message_type %q", RichCard), "metadata.cards")
	}
	if len(m.Actions) > 0 && m.MessageType == RichCard {
		found.Add(fmt.Sprintf("is not for message_type %q", RichCard), "metadata.actions")
	}
	for i, card := range m.Cards {
		found.Check(rawProblem(card), "metadata.cards[%d]", i)
	}
	for i, action := range m.Actions {
		found.Check(rawProblem(action), "metadata.actions[%d]", i)
	}
}

func textProblem(s string) string {
	if problem := problems.Required(s); problem != "" {
		return problem
	}
	if utf8.RuneCountInString(s) > MaxText {
		return fmt.Sprintf("has more than %d characters", MaxText)
	}
	return ""
}

// senderProblem is what is wrong with a sender, or "". For RCS it is the name
// of an agent, of which no rule is known.
func senderProblem(s string, channel Channel, relaxed bool) string {
	if s == "" || channel == RCS || relaxed {
		return problems.Text(s)
	}
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') {
			return "must be 3 to 11 letters or digits"
		}
	}
	if len(s) < 3 || len(s) > 11 {
		return "must be 3 to 11 letters or digits"
	}
	return ""
}

func phoneProblem(s string, relaxed bool) string {
	if s == "" || relaxed {
		return problems.Required(s)
	}
	if len(s) < 2 || s[0] != '+' || strings.Trim(s[1:], "0123456789") != "" {
		return `must be "+" and digits`
	}
	return ""
}

func emailProblem(s string, relaxed bool) string {
	if problem := problems.Required(s); problem != "" || relaxed {
		return problem
	}
	local, domain, _ := strings.Cut(s, "@")
	if local == "" || domain == "" || strings.ContainsAny(s, " \t\r\n<>,;") || strings.Contains(domain, "@") {
		return "must be an e-mail address"
	}
	return ""
}

// uuidProblem looks at the syntax only: the page asks for version 4, which
// its own example is not.
func uuidProblem(s string, relaxed bool) string {
	if relaxed {
		return problems.Text(s)
	}
	ok := len(s) == 36
	for i := 0; ok && i < len(s); i++ {
		if c := s[i]; i == 8 || i == 13 || i == 18 || i == 23 {
			ok = c == '-'
		} else {
			ok = c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
		}
	}
	if !ok {
		return "must be a UUID"
	}
	return ""
}

func rawProblem(raw json.RawMessage) string {
	if !utf8.Valid(raw) || !json.Valid(raw) {
		return "is not JSON"
	}
	return ""
}
