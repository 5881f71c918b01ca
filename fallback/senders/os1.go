package senders

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/cpaas-go/cpaas/fallback"
	"github.com/cpaas-go/cpaas/fallback/delivery"
	"github.com/cpaas-go/cpaas/internal/transport"
	"github.com/cpaas-go/cpaas/os1"
)

// OS1 makes legs of an OS1 tenant.
//
//	channel    Text         Template         Mail
//	SMS        passed over  template, Vars   passed over
//	WhatsApp   passed over  template, Vars   passed over
//	Email      passed over  template, Vars   passed over
//
// Every send of the vendor's is by template. Its placeholders have names, so
// a template with Args and no Vars is passed over; Locale sets nothing, and
// neither does Class, for the API has no field for them. A phone number is
// taken apart by the ITU's list of country codes; the code is sent as in the
// samples of the vendor's page, "91" for SMS and "+91" for WhatsApp. There is
// neither expiry nor revocation, and nothing refuses a repeated Ref.
//
// Submission.Ref goes into callback.meta as "ref", if there is a CallbackURL.
// No page documents the body of a callback, its status words, or that meta
// comes back, so receipts prove nothing, and a route that waits for them is
// refused, unless AssumeReceipts says what you have seen. Ack.ID is the
// X-COREOS-REQUEST-ID of the call: no other id is documented.
type OS1 struct {
	Client    *os1.Client
	Name      string            // of the account; empty: "os1"
	Templates map[string]string // your template names to the vendor's; absent: the same

	// Providers are the names of the registered providers to send with;
	// absent: the tenant's default.
	Providers map[fallback.Channel]string

	// CallbackURL is where the vendor is to send receipts; empty: nowhere.
	CallbackURL string

	// AssumeReceipts makes receipts of callbacks: it says what each status
	// word, in any letter case, proves. Look at callbacks of your tenant
	// first. They must have the word as "status" and the Ref in "meta", both
	// at the top or in "data"; others, and other words, prove nothing. Nil:
	// there are no receipts.
	AssumeReceipts map[string]fallback.Outcome

	// Verify checks that a callback is the vendor's; nil: every callback is
	// refused. How the vendor signs is not documented: see Token.
	Verify func(*http.Request) error

	// Edit may change each request before it is sent.
	Edit func(*os1.SendRequest, fallback.Submission)
}

// SMS is the leg of text messages from a sender ID; empty: none is sent.
func (o OS1) SMS(senderID string) fallback.Leg {
	return o.leg(fallback.SMS, os1Leg{OS1: o, from: senderID, show: os1SMS})
}

// WhatsApp is the leg of WhatsApp messages from a number; empty: none is
// sent.
func (o OS1) WhatsApp(from string) fallback.Leg {
	return o.leg(fallback.WhatsApp, os1Leg{OS1: o, from: from, show: os1WhatsApp})
}

// Email is the leg of e-mails from an address; empty: none is sent.
func (o OS1) Email(from string) fallback.Leg {
	return o.leg(fallback.Email, os1Leg{OS1: o, from: from, show: os1Email})
}

func (o OS1) leg(ch fallback.Channel, l os1Leg) fallback.Leg {
	l.channel = ch
	return fallback.Leg{Channel: ch, Provider: o.provider(), Sender: l}
}

func (o OS1) provider() string { return cmp.Or(o.Name, "os1") }

// os1Leg is a Sender on one channel.
type os1Leg struct {
	OS1
	channel fallback.Channel
	from    string
	show    func(os1Leg, *os1.SendRequest, os1Content) error
}

// os1Content is what every channel's message has.
type os1Content struct {
	to       string
	template string
	provider *string
	data     map[string]any
}

var (
	errOS1Receipts = errors.New("AssumeReceipts needs a CallbackURL")
	errOS1Outcome  = errors.New("AssumeReceipts: a word can prove accepted, delivered, read or failed")
	errOS1Words    = errors.New("AssumeReceipts: a word proves two things, in other letter case")
	errOS1Args     = fmt.Errorf("%w: the template has Args, and no Vars by name", fallback.ErrInvalidRequest)
	errOS1NoProof  = errors.New("os1: no callback is documented: see senders.OS1.AssumeReceipts")
)

// Validate says what is wrong with the leg itself.
func (l os1Leg) Validate() error {
	switch {
	case l.Client == nil:
		return errNoClient
	case l.AssumeReceipts != nil && l.CallbackURL == "":
		return errOS1Receipts
	}
	words := map[string]fallback.Outcome{}
	for word, outcome := range l.AssumeReceipts {
		if !os1Proves(outcome) {
			return errOS1Outcome
		}
		word = strings.ToLower(word)
		if other, ok := words[word]; ok && other != outcome {
			return errOS1Words
		}
		words[word] = outcome
	}
	return nil
}

// os1Proves says whether a receipt can have an outcome.
func os1Proves(o fallback.Outcome) bool {
	switch o {
	case fallback.Accepted, fallback.Delivered, fallback.Read, fallback.Failed:
		return true
	case fallback.Pending, fallback.Unknown:
	}
	return false
}

// Check says whether the leg can show s.
func (l os1Leg) Check(s fallback.Submission) error {
	_, err := l.request(s)
	return err
}

// Send submits s.
func (l os1Leg) Send(ctx context.Context, s fallback.Submission) (fallback.Ack, error) {
	req, err := l.request(s)
	if err != nil {
		return fallback.Ack{}, err
	}
	if l.Client == nil {
		return fallback.Ack{}, errors.Join(fallback.ErrInvalidRequest, errNoClient)
	}
	res, err := l.Client.Send(transport.NoWait(ctx), req)
	if e, ok := errors.AsType[*os1.Error](err); ok {
		err = ownRule(err, e.Attempts, s.To)
	}
	if err != nil {
		return fallback.Ack{}, err
	}
	return fallback.Ack{ID: res.RequestID}, nil
}

// Limits is what receipts are assumed to prove; nothing is documented.
func (l os1Leg) Limits() delivery.Caps {
	caps := delivery.Caps{Echo: len(l.AssumeReceipts) > 0}
	for _, proof := range []struct {
		outcome fallback.Outcome
		goal    delivery.Goal
	}{
		{fallback.Accepted, delivery.Accepted}, {fallback.Delivered, delivery.Delivered}, {fallback.Read, delivery.Read},
	} {
		for _, outcome := range l.AssumeReceipts {
			if outcome == proof.outcome {
				caps.Reports = append(caps.Reports, proof.goal)
				break
			}
		}
	}
	if slices.Contains(caps.Reports, delivery.Read) && !slices.Contains(caps.Reports, delivery.Delivered) { // what is read was delivered
		caps.Reports = append(caps.Reports, delivery.Delivered)
	}
	return caps
}

func (l os1Leg) request(s fallback.Submission) (os1.SendRequest, error) {
	var req os1.SendRequest
	template, ok := s.Content.(fallback.Template)
	if !ok {
		return req, fmt.Errorf("os1 %s: %w", l.channel, shows("a template", s.Content))
	}
	if len(template.Args) > 0 && len(template.Vars) == 0 {
		return req, fmt.Errorf("os1 %s: %w", l.channel, errOS1Args)
	}
	content := os1Content{to: s.To, template: templateName(l.Templates, template.Name)}
	if name, ok := l.Providers[l.channel]; ok {
		content.provider = &name
	}
	if template.Vars != nil {
		content.data = make(map[string]any, len(template.Vars))
		for name, value := range template.Vars {
			content.data[name] = value
		}
	}
	if err := l.show(l, &req, content); err != nil {
		return req, fmt.Errorf("os1 %s: %w", l.channel, err)
	}
	if l.CallbackURL != "" {
		req.Callback = &os1.Callback{URL: l.CallbackURL, Meta: map[string]any{"ref": s.Ref}}
	}
	if l.Edit != nil {
		l.Edit(&req, s)
	}
	return req, nil
}

// sender is what the leg sends from; nil for nothing.
func (l os1Leg) sender() *string {
	if l.from == "" {
		return nil
	}
	return &l.from
}

func os1SMS(l os1Leg, req *os1.SendRequest, c os1Content) error {
	to, err := os1.ParseE164(c.to)
	if err != nil {
		return err
	}
	req.SMS = []os1.SMSMessage{{
		SenderID: l.from, Template: c.template, Provider: c.provider, Data: c.data, To: []os1.Phone{to},
	}}
	return nil
}

func os1WhatsApp(l os1Leg, req *os1.SendRequest, c os1Content) error {
	to, err := os1.ParseE164(c.to)
	if err != nil {
		return err
	}
	to.CountryCode = "+" + to.CountryCode
	req.WhatsApp = []os1.WhatsAppMessage{{
		From: l.sender(), Template: c.template, Provider: c.provider, Data: c.data, To: []os1.Phone{to},
	}}
	return nil
}

func os1Email(l os1Leg, req *os1.SendRequest, c os1Content) error {
	req.Email = []os1.EmailMessage{{Template: c.template, Provider: c.provider, From: l.sender(), To: []string{c.to}, Data: c.data}}
	return nil
}

// Receipts reads a callback. Without AssumeReceipts every callback is
// refused.
func (o OS1) Receipts(r *http.Request) ([]delivery.Receipt, error) {
	if err := verified(r, o.Verify); err != nil {
		return nil, err
	}
	if o.AssumeReceipts == nil {
		return nil, errOS1NoProof
	}
	checked := os1.VerifierFunc(func(http.Header, []byte) error { return nil }) // above
	events, err := os1.ParseCallback(os1.DeliveryStatus, r, checked)
	if err != nil {
		return nil, err
	}
	var receipts []delivery.Receipt
	for _, e := range events {
		outcome, ok := o.proof(e.Status)
		ref := os1Ref(e.Meta)
		if !ok || ref == "" {
			continue
		}
		receipts = append(receipts, delivery.Receipt{Provider: o.provider(), Ref: ref, Outcome: outcome, Raw: e.Raw()})
	}
	return receipts, nil
}

// proof is what a status word proves.
func (o OS1) proof(word string) (fallback.Outcome, bool) {
	word = strings.TrimSpace(word)
	if word == "" {
		return fallback.Pending, false
	}
	for known, outcome := range o.AssumeReceipts {
		if strings.EqualFold(known, word) {
			return outcome, os1Proves(outcome)
		}
	}
	return fallback.Pending, false
}

// os1Ref is the Ref in a callback's meta.
func os1Ref(meta json.RawMessage) string {
	var m struct {
		Ref string `json:"ref"`
	}
	if json.Unmarshal(meta, &m) != nil {
		return ""
	}
	return m.Ref
}
