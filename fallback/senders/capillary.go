package senders

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/cpaas-go/cpaas/capillary"
	"github.com/cpaas-go/cpaas/fallback"
	"github.com/cpaas-go/cpaas/fallback/delivery"
	"github.com/cpaas-go/cpaas/internal/transport"
)

// Capillary makes legs of a Capillary organisation.
//
//	channel    Text          Template      Mail
//	SMS        body          passed over   passed over
//	Email      passed over   passed over   subject; HTML if there is any, else Text, as body
//	WhatsApp   template      passed over   passed over
//	Zalo       template      passed over   passed over
//
// What the vendor calls the template of a WhatsApp or Zalo message is the text
// that the person gets, with everything filled in, so a [fallback.Template],
// which is a name and values, cannot be shown. Whether e-mail takes HTML as
// such is not documented.
//
// Class sets nothing: the API has no field for it. An address is the phone
// number without "+". The API has no field for a reference, so Submission.Ref
// is not sent: nothing refuses a repeat, and there is neither expiry nor
// revocation. Ack.ID is empty unless it is an SMS of a client with
// [capillary.WithXML]; no other answer has an id.
//
// The vendor has no receipts. Its legs prove no more than that a message was
// accepted, and may stand in a route of package delivery only with the goal
// Accepted. There is no batch either: the answer to several messages neither
// keeps their order nor repeats their recipients to the letter, so which of
// them was refused cannot be told for certain.
type Capillary struct {
	Client *capillary.Client
	Name   string // of the account; empty: "capillary"

	// These may change each request before it is sent.
	EditSMS      func(*capillary.SMS, fallback.Submission)
	EditEmail    func(*capillary.Email, fallback.Submission)
	EditWhatsApp func(*capillary.WhatsApp, fallback.Submission)
	EditZalo     func(*capillary.Zalo, fallback.Submission)
}

// SMS is the leg of text messages from a sender ID; empty: the organisation's
// default.
func (c Capillary) SMS(sender string) fallback.Leg {
	return c.leg(fallback.SMS, nil, func(s fallback.Submission) (submit, error) {
		text, ok := s.Content.(fallback.Text)
		if !ok {
			return nil, shows("a text", s.Content)
		}
		m := capillary.SMS{To: digits(s.To), Body: string(text), Sender: sender}
		if c.EditSMS != nil {
			c.EditSMS(&m, s)
		}
		if m.Body == "" {
			return nil, errCapillaryText
		}
		return func(ctx context.Context) (string, error) {
			res, err := c.Client.SendSMS(ctx, m)
			if err != nil || len(res.Messages) == 0 {
				return "", err
			}
			return res.Messages[0].ID, nil
		}, nil
	})
}

// Email is the leg of e-mails from an address, which only EditEmail can stand
// in for.
func (c Capillary) Email(from string) fallback.Leg {
	var problem error
	if from == "" && c.EditEmail == nil {
		problem = fmt.Errorf("%w: an e-mail needs the address that it is from", fallback.ErrInvalidRequest)
	}
	return c.leg(fallback.Email, problem, func(s fallback.Submission) (submit, error) {
		mail, ok := s.Content.(fallback.Mail)
		if !ok {
			return nil, shows("an e-mail", s.Content)
		}
		m := capillary.Email{To: s.To, From: from, Subject: mail.Subject, Body: cmp.Or(mail.HTML, mail.Text)}
		if c.EditEmail != nil {
			c.EditEmail(&m, s)
		}
		if m.From == "" || m.Subject == "" || m.Body == "" && !m.OmitBody {
			return nil, fmt.Errorf("%w: an e-mail needs a sender, a subject and a body", fallback.ErrInvalidRequest)
		}
		return func(ctx context.Context) (string, error) {
			_, err := c.Client.SendEmail(ctx, m)
			return "", err
		}, nil
	})
}

// WhatsApp is the leg of WhatsApp messages.
func (c Capillary) WhatsApp() fallback.Leg {
	return c.leg(fallback.WhatsApp, nil, func(s fallback.Submission) (submit, error) {
		text, ok := s.Content.(fallback.Text)
		if !ok {
			return nil, shows("a text", s.Content)
		}
		m := capillary.WhatsApp{Receiver: digits(s.To), Template: string(text)}
		if c.EditWhatsApp != nil {
			c.EditWhatsApp(&m, s)
		}
		if m.Template == "" {
			return nil, errCapillaryText
		}
		return func(ctx context.Context) (string, error) {
			_, err := c.Client.SendWhatsApp(ctx, m)
			return "", err
		}, nil
	})
}

// Zalo is the leg of Zalo messages.
func (c Capillary) Zalo() fallback.Leg {
	return c.leg(fallback.Zalo, nil, func(s fallback.Submission) (submit, error) {
		text, ok := s.Content.(fallback.Text)
		if !ok {
			return nil, shows("a text", s.Content)
		}
		m := capillary.Zalo{Receiver: digits(s.To), Template: string(text)}
		if c.EditZalo != nil {
			c.EditZalo(&m, s)
		}
		if m.Template == "" {
			return nil, errCapillaryText
		}
		return func(ctx context.Context) (string, error) {
			_, err := c.Client.SendZalo(ctx, m)
			return "", err
		}, nil
	})
}

var errCapillaryText = fmt.Errorf("%w: the text is empty", fallback.ErrInvalidRequest)

// leg makes a leg; problem is what is wrong with it, if anything.
func (c Capillary) leg(ch fallback.Channel, problem error, prepare func(fallback.Submission) (submit, error)) fallback.Leg {
	return fallback.Leg{
		Channel: ch, Provider: cmp.Or(c.Name, "capillary"),
		Sender: capillaryLeg{client: c.Client, channel: ch, problem: problem, prepare: prepare},
	}
}

// submit makes the call that a submission was made into, and returns the
// message's id, if there is one.
type submit func(context.Context) (id string, err error)

// capillaryLeg is a Sender on one channel.
type capillaryLeg struct {
	client  *capillary.Client
	channel fallback.Channel
	problem error
	prepare func(fallback.Submission) (submit, error)
}

// Validate says what is wrong with the leg itself.
func (l capillaryLeg) Validate() error {
	if l.client == nil {
		return errNoClient
	}
	return l.problem
}

// Check says whether the leg can show s.
func (l capillaryLeg) Check(s fallback.Submission) error {
	_, err := l.ready(s)
	return err
}

// Send submits s.
func (l capillaryLeg) Send(ctx context.Context, s fallback.Submission) (fallback.Ack, error) {
	if l.client == nil {
		return fallback.Ack{}, errors.Join(fallback.ErrInvalidRequest, errNoClient)
	}
	call, err := l.ready(s)
	if err != nil {
		return fallback.Ack{}, err
	}
	id, err := call(transport.NoWait(ctx))
	if e, ok := errors.AsType[*capillary.Error](err); ok {
		err = ownRule(err, e.Attempts, s.To)
	}
	if err != nil {
		return fallback.Ack{}, err
	}
	return fallback.Ack{ID: id}, nil
}

// Limits is what Capillary is documented to do: no receipts, no expiry, and no
// refusal of repeats.
func (l capillaryLeg) Limits() delivery.Caps { return delivery.Caps{MaxBatch: 1} }

func (l capillaryLeg) ready(s fallback.Submission) (submit, error) {
	call, err := l.prepare(s)
	if err != nil {
		return nil, fmt.Errorf("capillary %s: %w", l.channel, err)
	}
	return call, nil
}
