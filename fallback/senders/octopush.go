package senders

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/cpaas-go/cpaas/fallback"
	"github.com/cpaas-go/cpaas/fallback/delivery"
	"github.com/cpaas-go/cpaas/internal/transport"
	"github.com/cpaas-go/cpaas/octopush"
)

// Octopush makes legs of an Octopush account.
//
//	channel   Text                Template                       Mail
//	SMS       text                passed over                    passed over
//	Voice     text, read out      passed over                    passed over
//	RCS       text, simple_text   passed over                    passed over
//	Email     text, no subject    template_name, with the        subject; HTML if there is
//	                              message's Text as text         any, else Text, as text
//
// An e-mail template has neither Locale nor values: one with Args or Vars is
// passed over, and so is one without a Text in the message, because the vendor
// wants a text with it.
//
// Class sets purpose: OTP and Transactional "alert", Promotional "wholesale".
// Submission.Ref is the request_id, which the vendor refuses for 24 hours when
// it is repeated; that refusal is ErrDuplicate, and means that the attempt was
// accepted. Texts that delivery's SendAll sends together, up to 500 in a call,
// have one request_id made of their Refs. There is neither expiry nor
// revocation.
//
//	receipts                                            prove
//	ACK                                                 accepted
//	DELIVERED                                           delivered
//	NOT_DELIVERED, NOT_DELIVERABLE, EXPIRED,
//	NOT_ALLOWED, ANTI_FLOODING, BUSY, REFUSED           failed
//	BAD_DESTINATION                                     failed, ErrInvalidRecipient
//	BLACKLISTED_NUMBER, and somebody's STOP             failed, ErrOptedOut
//	UNKNOWN_DELIVERY, UNDEFINED, other words, replies   nothing
//
// They do not carry the Ref, and a ticket may be that of many: a receipt's ID,
// and Ack.ID, is the ticket, a slash, and a hash of ticket and recipient. An
// answer without a ticket, which the vendor does not rule out for RCS, leaves
// Ack.ID empty, and its receipts find nothing.
type Octopush struct {
	Client *octopush.Client
	Name   string // of the account; empty: "octopush"

	// SMSType is the route of texts. Empty leaves the choice to the vendor.
	SMSType octopush.SMSType

	// Zone is where the clock of the dates in callbacks stands, which the
	// vendor does not say. Nil: receipts have no time.
	Zone *time.Location

	// Verify checks that a callback is the vendor's; nil: every callback is
	// refused. The vendor signs nothing: see Token.
	Verify func(*http.Request) error

	// These may change each request before it is sent.
	EditSMS   func(*octopush.SMSRequest, fallback.Submission)
	EditVoice func(*octopush.VoiceRequest, fallback.Submission)
	EditRCS   func(*octopush.RCSRequest, fallback.Submission)
	EditEmail func(*octopush.EmailRequest, fallback.Submission)
}

// SMS is the leg of text messages from a sender of 3 to 11 letters or digits;
// empty: the account's.
func (o Octopush) SMS(sender string) fallback.Leg {
	return o.leg(fallback.SMS, octopushBatch{octopushLeg{Octopush: o, from: sender, send: octopushLeg.sendSMS, check: octopushLeg.checkSMS}})
}

// Voice is the leg of calls that read the text out, from a sender of 3 to 11
// letters or digits; empty: the account's. Language and voice are the
// vendor's, unless EditVoice sets them.
func (o Octopush) Voice(sender string) fallback.Leg {
	return o.leg(fallback.Voice, octopushLeg{Octopush: o, from: sender, send: octopushLeg.sendVoice, check: octopushLeg.checkVoice})
}

// RCS is the leg of RCS texts from an agent, by its name in the account's
// settings; empty: the default agent. Cards and buttons are EditRCS's to add.
func (o Octopush) RCS(agent string) fallback.Leg {
	return o.leg(fallback.RCS, octopushLeg{Octopush: o, from: agent, send: octopushLeg.sendRCS, check: octopushLeg.checkRCS})
}

// Email is the leg of e-mails from an address; empty: the account's.
func (o Octopush) Email(from string) fallback.Leg {
	return o.leg(fallback.Email, octopushLeg{Octopush: o, from: from, send: octopushLeg.sendEmail, check: octopushLeg.checkEmail})
}

func (o Octopush) leg(ch fallback.Channel, s fallback.Sender) fallback.Leg {
	return fallback.Leg{Channel: ch, Provider: o.name(), Sender: s}
}

func (o Octopush) name() string { return cmp.Or(o.Name, "octopush") }

// octopushLeg is a Sender on one channel.
type octopushLeg struct {
	Octopush
	from  string
	send  func(octopushLeg, context.Context, fallback.Submission) (*octopush.Response, error)
	check func(octopushLeg, fallback.Submission) error
}

// Validate says what is wrong with the leg itself.
func (l octopushLeg) Validate() error {
	if l.Client == nil {
		return errNoClient
	}
	return nil
}

// Check says whether the leg can show s.
func (l octopushLeg) Check(s fallback.Submission) error { return l.check(l, s) }

// Send submits s.
func (l octopushLeg) Send(ctx context.Context, s fallback.Submission) (fallback.Ack, error) {
	res, err := l.send(l, transport.NoWait(ctx), s)
	return octopushAck(res, octopushRefusal(err, s.To), s.To)
}

// Limits is what Octopush is documented to do.
func (l octopushLeg) Limits() delivery.Caps {
	return delivery.Caps{Reports: []delivery.Goal{delivery.Accepted, delivery.Delivered}, Idempotent: 24 * time.Hour}
}

// octopushAck is what a leg makes of an answer.
func octopushAck(res *octopush.Response, err error, to string) (fallback.Ack, error) {
	switch {
	case err != nil:
		if e, ok := errors.AsType[*octopush.Error](err); ok { // what is in doubt may yet have receipts
			return fallback.Ack{ID: octopushID(e.Ticket, to)}, err
		}
		return fallback.Ack{}, err
	case res.Repeated:
		return fallback.Ack{}, errOctopushRepeated
	}
	return fallback.Ack{ID: octopushID(res.Ticket, to)}, nil
}

func octopushRefusal(err error, to string) error {
	if e, ok := errors.AsType[*octopush.Error](err); ok {
		return ownRule(err, e.Attempts, to)
	}
	return err
}

var errOctopushRepeated = fmt.Errorf("octopush: %w, by an attempt that got no answer: the ticket is not known", fallback.ErrDuplicate)

// octopushID is what receipts are found by: the ticket and a hash, because a
// ticket may be that of many, and a phone number has no place in an id. The
// vendor's callbacks do not always have the number's "+".
func octopushID(ticket, to string) string {
	if ticket == "" {
		return ""
	}
	to = strings.TrimSpace(to)
	if strings.Contains(to, "@") {
		to = strings.ToLower(to)
	} else {
		to = strings.TrimPrefix(to, "+")
	}
	sum := sha256.Sum256([]byte(ticket + "\n" + to))
	return ticket + "/" + hex.EncodeToString(sum[:8])
}

func octopushPurpose(c fallback.Class) octopush.Purpose {
	if c == fallback.Promotional {
		return octopush.Wholesale
	}
	return octopush.Alert
}

// octopushText is the text of a channel that shows nothing else.
func octopushText(channel string, s fallback.Submission) (string, error) {
	text, ok := s.Content.(fallback.Text)
	if !ok {
		return "", fmt.Errorf("octopush %s: %w", channel, shows("a text", s.Content))
	}
	return string(text), nil
}

func (l octopushLeg) sms(s fallback.Submission) (octopush.SMSRequest, error) {
	text, err := octopushText("SMS", s)
	if err != nil {
		return octopush.SMSRequest{}, err
	}
	r := octopush.SMSRequest{
		Recipients: []string{s.To}, Text: text, Sender: l.from, Purpose: octopushPurpose(s.Message.Class), RequestID: s.Ref, Type: l.SMSType,
	}
	if l.EditSMS != nil {
		l.EditSMS(&r, s)
	}
	return r, nil
}

func (l octopushLeg) checkSMS(s fallback.Submission) error {
	_, err := l.sms(s)
	return err
}

func (l octopushLeg) sendSMS(ctx context.Context, s fallback.Submission) (*octopush.Response, error) {
	r, err := l.sms(s)
	if err != nil {
		return nil, err
	}
	return l.Client.SendSMS(ctx, r)
}

func (l octopushLeg) voice(s fallback.Submission) (octopush.VoiceRequest, error) {
	text, err := octopushText("voice", s)
	if err != nil {
		return octopush.VoiceRequest{}, err
	}
	r := octopush.VoiceRequest{
		Recipients: []string{s.To}, Text: text, Sender: l.from, Purpose: octopushPurpose(s.Message.Class), RequestID: s.Ref,
		Type: octopush.VoiceTypeSMS,
	}
	if l.EditVoice != nil {
		l.EditVoice(&r, s)
	}
	return r, nil
}

func (l octopushLeg) checkVoice(s fallback.Submission) error {
	_, err := l.voice(s)
	return err
}

func (l octopushLeg) sendVoice(ctx context.Context, s fallback.Submission) (*octopush.Response, error) {
	r, err := l.voice(s)
	if err != nil {
		return nil, err
	}
	return l.Client.SendVoice(ctx, r)
}

func (l octopushLeg) rcs(s fallback.Submission) (octopush.RCSRequest, error) {
	text, err := octopushText("RCS", s)
	if err != nil {
		return octopush.RCSRequest{}, err
	}
	r := octopush.RCSRequest{
		Recipients: []string{s.To}, Text: text, Sender: l.from, Purpose: octopushPurpose(s.Message.Class), RequestID: s.Ref,
	}
	if l.EditRCS != nil {
		l.EditRCS(&r, s)
	}
	return r, nil
}

func (l octopushLeg) checkRCS(s fallback.Submission) error {
	_, err := l.rcs(s)
	return err
}

func (l octopushLeg) sendRCS(ctx context.Context, s fallback.Submission) (*octopush.Response, error) {
	r, err := l.rcs(s)
	if err != nil {
		return nil, err
	}
	return l.Client.SendRCS(ctx, r)
}

func (l octopushLeg) email(s fallback.Submission) (octopush.EmailRequest, error) {
	r := octopush.EmailRequest{
		Recipients: []string{s.To}, From: l.from, Purpose: octopushPurpose(s.Message.Class), RequestID: s.Ref,
	}
	switch content := s.Content.(type) {
	case fallback.Text:
		r.Text = string(content)
	case fallback.Mail:
		r.Subject, r.Text = content.Subject, content.Text
		if content.HTML != "" {
			r.Text, r.BodyFormat = content.HTML, octopush.HTML
		}
	case fallback.Template:
		if len(content.Args) > 0 || len(content.Vars) > 0 {
			return r, fmt.Errorf("octopush e-mail: %w: a template takes no values", fallback.ErrInvalidRequest)
		}
		if s.Message.Text == "" {
			return r, fmt.Errorf("octopush e-mail: %w: a template needs the message's Text", fallback.ErrInvalidRequest)
		}
		r.Template, r.Text = content.Name, s.Message.Text
	default:
		return r, fmt.Errorf("octopush e-mail: %w", shows("a text, an e-mail or a template", s.Content))
	}
	if l.EditEmail != nil {
		l.EditEmail(&r, s)
	}
	return r, nil
}

func (l octopushLeg) checkEmail(s fallback.Submission) error {
	_, err := l.email(s)
	return err
}

func (l octopushLeg) sendEmail(ctx context.Context, s fallback.Submission) (*octopush.Response, error) {
	r, err := l.email(s)
	if err != nil {
		return nil, err
	}
	return l.Client.SendEmail(ctx, r)
}

// octopushBatch is the SMS leg that sends many in one call.
type octopushBatch struct{ octopushLeg }

// Limits is what Octopush is documented to do.
func (l octopushBatch) Limits() delivery.Caps {
	caps := l.octopushLeg.Limits()
	caps.MaxBatch = octopush.MaxRecipients
	return caps
}

// octopushCall is one call of a batch.
type octopushCall struct {
	request octopush.SMSRequest
	places  []int // of its submissions in the batch
}

// SendBatch submits those together whose requests differ in the recipient
// only. The request_id is a hash of their Refs, in any order: the same batch
// repeated within 24 hours is refused whole, and is then ErrDuplicate. Who of
// them the vendor leaves out, for having opted out, only receipts tell.
func (l octopushBatch) SendBatch(ctx context.Context, batch []fallback.Submission) []delivery.BatchResult {
	results := make([]delivery.BatchResult, len(batch))
	var calls []*octopushCall
	open := map[string]*octopushCall{}
	for i, s := range batch {
		r, err := l.sms(s)
		if err != nil {
			results[i].Err = err
			continue
		}
		kind, shared := octopushKind(r, s)
		c := open[kind]
		switch {
		case shared && c != nil && slices.Contains(c.request.Recipients, s.To): // one ticket cannot tell the two apart
			c, shared = nil, false
		case !shared || c != nil && len(c.places) == octopush.MaxRecipients:
			c = nil
		}
		if c == nil {
			c = &octopushCall{request: r}
			calls = append(calls, c)
			if shared {
				open[kind] = c
			}
		} else {
			c.request.Recipients = append(c.request.Recipients, s.To)
		}
		c.places = append(c.places, i)
	}
	for _, c := range calls {
		if len(c.places) > 1 {
			c.request.RequestID = octopushBatchID(batch, c.places)
		}
		res, err := l.Client.SendSMS(transport.NoWait(ctx), c.request)
		refusal := octopushRefusal(err, batch[c.places[0]].To) // one value: it is that of all
		for _, i := range c.places {
			results[i].Ack, results[i].Err = octopushAck(res, refusal, batch[i].To)
		}
	}
	return results
}

// octopushKind is equal for requests that differ in the recipient only. ok is
// false for one that EditSMS made another message of: it is sent alone.
func octopushKind(r octopush.SMSRequest, s fallback.Submission) (kind string, ok bool) {
	if len(r.Recipients) != 1 || r.Recipients[0] != s.To || r.RequestID != s.Ref || s.Ref == "" {
		return "", false
	}
	r.Recipients, r.RequestID = nil, ""
	b, err := json.Marshal(r) //nolint:musttag // it is only compared with its like
	return string(b), err == nil
}

func octopushBatchID(batch []fallback.Submission, places []int) string {
	refs := make([]string, len(places))
	for i, place := range places {
		refs[i] = batch[place].Ref
	}
	slices.Sort(refs)
	h := sha256.New()
	for _, ref := range refs {
		h.Write([]byte(ref + "\n"))
	}
	return "batch-" + hex.EncodeToString(h.Sum(nil)[:16])
}

// Receipts reads a callback. What proves nothing, and what has no ticket to
// be found by, gives no receipt.
func (o Octopush) Receipts(r *http.Request) ([]delivery.Receipt, error) {
	if err := verified(r, o.Verify); err != nil {
		return nil, err
	}
	e, err := octopush.ParseCallback(r)
	if err != nil {
		return nil, err
	}
	receipt := delivery.Receipt{Provider: o.name(), Raw: e.Raw}
	var date octopush.Date
	switch {
	case e.Receipt != nil:
		proof := octopushProofs[octopush.Status(strings.ToUpper(strings.TrimSpace(string(e.Receipt.Status))))]
		receipt.ID, receipt.Channel = octopushID(e.Receipt.Ticket, e.Receipt.Number), octopushChannel(e.Receipt.Channel)
		receipt.Outcome, receipt.Err, date = proof.outcome, proof.err, e.Receipt.Date
	case e.Stop != nil:
		receipt.ID, receipt.Channel = octopushID(e.Stop.Ticket, e.Stop.Number), octopushChannel(e.Stop.Channel)
		receipt.Outcome, receipt.Err, date = fallback.Failed, fallback.ErrOptedOut, e.Stop.Date
	}
	if receipt.ID == "" || receipt.Outcome == fallback.Pending {
		return nil, nil
	}
	if o.Zone != nil {
		if at, err := date.In(o.Zone); err == nil {
			receipt.At = at
		}
	}
	return []delivery.Receipt{receipt}, nil
}

// octopushChannel is the channel of a callback: of those without a leg, as the
// vendor calls it.
func octopushChannel(c octopush.Channel) fallback.Channel {
	if c == octopush.VoiceSMS {
		return fallback.Voice
	}
	return fallback.Channel(c)
}

type octopushProof struct {
	outcome fallback.Outcome
	err     error
}

// octopushProofs is what a receipt's status proves.
var octopushProofs = map[octopush.Status]octopushProof{
	octopush.StatusAck:               {fallback.Accepted, nil},
	octopush.StatusDelivered:         {fallback.Delivered, nil},
	octopush.StatusNotDelivered:      {fallback.Failed, nil},
	octopush.StatusNotDeliverable:    {fallback.Failed, nil},
	octopush.StatusExpired:           {fallback.Failed, nil},
	octopush.StatusNotAllowed:        {fallback.Failed, nil},
	octopush.StatusAntiFlooding:      {fallback.Failed, nil},
	octopush.StatusBusy:              {fallback.Failed, nil},
	octopush.StatusRefused:           {fallback.Failed, nil},
	octopush.StatusBadDestination:    {fallback.Failed, fallback.ErrInvalidRecipient},
	octopush.StatusBlacklistedNumber: {fallback.Failed, fallback.ErrOptedOut},
}
