package senders

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"

	"github.com/cpaas-go/cpaas/deflector"
	"github.com/cpaas-go/cpaas/fallback"
	"github.com/cpaas-go/cpaas/fallback/delivery"
	"github.com/cpaas-go/cpaas/internal/transport"
)

// Deflector makes legs of a Netcore Deflector account.
//
//	channel    Text         Template                     Mail
//	RCS        passed over  templateCode, Vars           passed over
//	WhatsApp   passed over  name, locale, Args           passed over
//	SMS        sms.Text     passed over                  passed over
//	Flow       as above, each channel of the flow from the message's content
//
// RCS names a template's placeholders, WhatsApp numbers them: one that has
// only the other's values is passed over.
//
// Class sets nothing: the API has no field for it. An address is the phone
// number without "+". Submission.Ref goes into callbackData and x-apiheader,
// and receipts carry it back; nothing refuses a repeated Ref, and there is
// neither expiry nor revocation.
//
// What the Client would refuse without a call is passed over, such as a number
// of fewer than 10 digits (see [deflector.WithRelaxedValidation]) and a
// WhatsApp template without Locale. With Edit, which may repair it, the attempt
// is made, and fails as ErrInvalidRequest: that Deflector does not take a
// number says nothing against it elsewhere.
//
//	receipts   prove
//	RCS        accepted, delivered, read
//	WhatsApp   accepted, delivered, read
//	SMS        accepted, delivered
//	Flow       what each of its channels can
type Deflector struct {
	Client    *deflector.Client
	Name      string            // of the account; empty: "deflector"
	Templates map[string]string // your template names to the vendor's; absent: the same
	Tags      []string          // for the vendor's reports

	// Verify checks that a callback is the vendor's; nil: every callback is
	// refused. The vendor signs nothing: see Token.
	Verify func(*http.Request) error

	// Edit may change each request before it is sent.
	Edit func(*deflector.Message, fallback.Submission)
}

// RCS is the leg of RCS templates.
func (d Deflector) RCS() fallback.Leg {
	return d.leg(fallback.RCS, deflectorLeg{flow: deflector.InOrder(deflector.RCS)})
}

// WhatsApp is the leg of WhatsApp templates.
func (d Deflector) WhatsApp() fallback.Leg {
	return d.leg(fallback.WhatsApp, deflectorLeg{flow: deflector.InOrder(deflector.WhatsApp)})
}

// SMS is the leg of text messages from a sender ID.
func (d Deflector) SMS(from string) fallback.Leg {
	return d.leg(fallback.SMS, deflectorLeg{flow: deflector.InOrder(deflector.SMS), from: from})
}

// Flow is one leg that leaves the order of channels to Deflector. The message
// needs content for every channel of the flow, and the recipient must be
// reached on every one by the same number: with another in Recipient.Other for
// one of them, or with one missing in Recipient.Only, the leg is passed over.
func (d Deflector) Flow(f deflector.Flow, smsFrom string) fallback.Leg {
	return d.leg("", deflectorLeg{flow: cloneFlow(f), from: smsFrom})
}

func (d Deflector) leg(ch fallback.Channel, l deflectorLeg) fallback.Leg {
	l.Deflector = d
	return fallback.Leg{Channel: ch, Provider: cmp.Or(d.Name, "deflector"), Sender: l}
}

// deflectorLeg is a Sender.
type deflectorLeg struct {
	Deflector
	flow deflector.Flow
	from string
}

// Validate says what is wrong with the leg itself.
func (l deflectorLeg) Validate() error {
	if l.Client == nil {
		return errNoClient
	}
	if len(l.flow) == 0 {
		return fmt.Errorf("%w: the flow is empty", fallback.ErrInvalidRequest)
	}
	for i, stage := range l.flow {
		if len(stage) == 0 {
			return fmt.Errorf("%w: stage %d of the flow is empty", fallback.ErrInvalidRequest, i+1)
		}
		for _, ch := range stage {
			switch {
			case deflectorChannels[ch] == "":
				return fmt.Errorf("%w: stage %d of the flow has a channel %q", fallback.ErrInvalidRequest, i+1, ch)
			case ch == deflector.SMS && l.from == "" && l.Edit == nil:
				return fmt.Errorf("%w: the sender ID of the SMS is empty", fallback.ErrInvalidRequest)
			}
		}
	}
	return nil
}

// Check says whether the leg can show s.
func (l deflectorLeg) Check(s fallback.Submission) error {
	s.Ref = cmp.Or(s.Ref, "ref") // it has none yet, and WhatsApp needs one
	m, err := l.message(s)
	if err != nil || l.Edit != nil { // Edit may repair it
		return err
	}
	return deflectorRefusal(l.Client.Validate(m), s.To)
}

// Send submits s.
func (l deflectorLeg) Send(ctx context.Context, s fallback.Submission) (fallback.Ack, error) {
	m, err := l.message(s)
	if err != nil {
		return fallback.Ack{}, err
	}
	if l.Edit != nil {
		l.Edit(&m, s)
	}
	res, err := l.Client.Send(transport.NoWait(ctx), m)
	if err != nil {
		return fallback.Ack{}, deflectorRefusal(err, s.To)
	}
	return fallback.Ack{ID: res.MessageID}, nil
}

func deflectorRefusal(err error, to string) error {
	if e, ok := errors.AsType[*deflector.Error](err); ok {
		return ownRule(err, e.Attempts, to)
	}
	return err
}

func (l deflectorLeg) message(s fallback.Submission) (deflector.Message, error) {
	m := deflector.Message{To: []string{digits(s.To)}, CallbackData: s.Ref, Tags: slices.Clone(l.Tags), Flow: cloneFlow(l.flow)}
	for _, stage := range l.flow {
		for _, ch := range stage {
			content := s.Content
			if s.Channel == "" {
				if err := reaches(s, deflectorChannels[ch]); err != nil {
					return m, fmt.Errorf("deflector %s: %w", ch, err)
				}
				content = s.Message.ContentFor(deflectorChannels[ch])
			}
			if err := l.show(&m, ch, content, s.Ref); err != nil {
				return m, fmt.Errorf("deflector %s: %w", ch, err)
			}
		}
	}
	return m, nil
}

// reaches says whether s, which goes to one number on several channels, may go
// to it on ch.
func reaches(s fallback.Submission, ch fallback.Channel) error {
	to := s.Message.To
	if to.Only != nil && !slices.Contains(to.Only, ch) {
		return fmt.Errorf("%w: the recipient is not to be reached on it", fallback.ErrInvalidRequest)
	}
	if other := to.Other[ch]; other != "" && digits(other) != digits(s.To) {
		return fmt.Errorf("%w: the recipient has another number there than on the rest of the flow", fallback.ErrInvalidRequest)
	}
	return nil
}

// cloneFlow is a flow that Edit may change.
func cloneFlow(f deflector.Flow) deflector.Flow {
	own := slices.Clone(f)
	for i := range own {
		own[i] = slices.Clone(own[i])
	}
	return own
}

var deflectorChannels = map[deflector.Channel]fallback.Channel{
	deflector.RCS: fallback.RCS, deflector.WhatsApp: fallback.WhatsApp, deflector.SMS: fallback.SMS,
}

// show puts content into the block of a channel.
func (l deflectorLeg) show(m *deflector.Message, ch deflector.Channel, content fallback.Content, ref string) error {
	template, isTemplate := content.(fallback.Template)
	switch ch {
	case deflector.RCS:
		switch {
		case !isTemplate:
			return shows("a template", content)
		case len(template.Args) > 0 && len(template.Vars) == 0:
			return errDeflectorVars
		}
		m.RCS = &deflector.RCSTemplate{Code: templateName(l.Templates, template.Name), Attributes: maps.Clone(template.Vars)}
	case deflector.WhatsApp:
		switch {
		case !isTemplate:
			return shows("a template", content)
		case len(template.Vars) > 0 && len(template.Args) == 0:
			return errDeflectorArgs
		}
		m.WhatsApp = deflector.OnWhatsApp(ref, deflector.WhatsAppTemplate{
			Name: templateName(l.Templates, template.Name), Locale: template.Locale, Attributes: slices.Clone(template.Args),
		})
	case deflector.SMS:
		text, ok := content.(fallback.Text)
		if !ok {
			return shows("a text", content)
		}
		m.SMS = &deflector.SMSText{From: l.from, Text: string(text)}
	}
	return nil
}

var (
	errDeflectorVars = fmt.Errorf("%w: the template has Args, and no Vars by name", fallback.ErrInvalidRequest)
	errDeflectorArgs = fmt.Errorf("%w: the template has Vars, and no Args in order", fallback.ErrInvalidRequest)
)

// Limits is what Deflector is documented to do: there is no maximum to be
// known, no expiry, and nothing that refuses a repeat.
func (l deflectorLeg) Limits() delivery.Caps {
	reports := []delivery.Goal{delivery.Accepted, delivery.Delivered, delivery.Read}
	for _, stage := range l.flow {
		if slices.Contains(stage, deflector.SMS) {
			reports = reports[:2] // a phone does not tell that a text was read
		}
	}
	return delivery.Caps{Reports: reports, Echo: true}
}

// Receipts reads a callback. A click proves that the message was read. Of the
// vendor's other words, of replies and of the native SMS webhook no receipt is
// made: they prove nothing.
//
// A receipt has the Ref that callbackdata holds, else x-apiheader; an event
// with neither, such as the vendor's sample of a click, gives none. Its ID
// stays empty: how the ids of events relate to the one of the answer is not
// documented, and theirs hold phone numbers.
func (d Deflector) Receipts(r *http.Request) ([]delivery.Receipt, error) {
	if err := verified(r, d.Verify); err != nil {
		return nil, err
	}
	events, err := deflector.ParseCallback(r)
	if err != nil {
		return nil, err
	}
	var receipts []delivery.Receipt
	for _, e := range events {
		ref, outcome := cmp.Or(e.CallbackData, e.APIHeader), deflectorOutcomes[e.Status]
		if ref == "" || outcome == fallback.Pending {
			continue
		}
		receipts = append(receipts, delivery.Receipt{
			Provider: cmp.Or(d.Name, "deflector"), Ref: ref, Channel: deflectorChannels[e.Channel],
			Outcome: outcome, Err: e.Err(), At: e.Time, Raw: e.Raw,
		})
	}
	return receipts, nil
}

// deflectorOutcomes is what an event's status proves.
var deflectorOutcomes = map[deflector.Status]fallback.Outcome{
	deflector.StatusSent:      fallback.Accepted,
	deflector.StatusDelivered: fallback.Delivered,
	deflector.StatusRead:      fallback.Read,
	deflector.StatusClicked:   fallback.Read,
	deflector.StatusFailed:    fallback.Failed,
}
