package senders

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"time"

	"github.com/cpaas-go/cpaas/fallback"
	"github.com/cpaas-go/cpaas/fallback/delivery"
	"github.com/cpaas-go/cpaas/internal/errs"
	"github.com/cpaas-go/cpaas/internal/transport"
	"github.com/cpaas-go/cpaas/webexconnect"
	v2 "github.com/cpaas-go/cpaas/webexconnect/v2"
)

// WebexConnect makes legs of a Webex Connect service.
//
//	channel    API  Text                     Template                  Mail
//	SMS        v1   text                     template, Vars            passed over
//	WhatsApp   v1   text, within 24 hours    template, Vars            passed over
//	                after the person wrote
//	Messenger  v1   text                     template, Vars            passed over
//	Voice      v1   passed over              promptid                  passed over
//	Speech     v2   read out                 passed over               passed over
//	RCS        v2   text                     template, Vars            passed over
//	Email      v2   passed over              template, Vars            subject, text, html
//
// Templates are the platform's own: a language is part of them, so Locale
// sets nothing, and their placeholders have names, so a template that has
// Args and no Vars is passed over. Class sets nothing: the API has no field
// for it. An SMS is of type Unicode when its text has a character that GSM
// 03.38 does not.
//
// Addresses are the phone number, with "+" except on WhatsApp. On Messenger
// it is the page-scoped id in Recipient.Other; without one the leg is passed
// over.
//
// Submission.Ref goes into the correlation id, and receipts carry it back;
// nothing refuses a repeated Ref. Submission.Expires becomes the expiry: no
// longest one is documented for v1, while v2 takes seven days, to which a
// later one is brought forward. The platform drops what it has not handed on
// by then; what a carrier has, it does not take back.
//
// Receipts prove, when the service or NotifyURL gets them all: SMS accepted
// and delivered; WhatsApp, Messenger and RCS also read; voice accepted, and
// answered as delivered; e-mail accepted and, with an AWS SES asset,
// delivered. A click counts as read.
type WebexConnect struct {
	Client *webexconnect.Client // for SMS, WhatsApp, Messenger and Voice
	V2     *v2.Client           // for RCS, Email and Speech
	Name   string               // of the account; empty: "webexconnect"

	// Templates are your template names to the platform's ids, for Voice to
	// its prompt ids; absent: the same.
	Templates map[string]string

	// NotifyURL is where the platform sends receipts; empty: as the service
	// says. NotifyURLAuthID is the Authorization that it has been given for
	// that.
	NotifyURL       string
	NotifyURLAuthID string

	// Verify checks that a callback is the vendor's; nil: every callback is
	// refused. webexconnect.Signature checks what is set up as an outbound
	// webhook; whether calls to NotifyURL are signed is not documented, for
	// those see Token.
	Verify func(*http.Request) error

	// Edit may change each request of v1 before it is sent, EditV2 each of
	// v2. SMS that differ in more than recipient and correlation id are not
	// sent in one call.
	Edit   func(*webexconnect.Request, fallback.Submission)
	EditV2 func(*v2.Request, fallback.Submission)
}

// SMS is the leg of text messages from a sender ID; empty: the service's.
func (w WebexConnect) SMS(from string) fallback.Leg {
	return w.leg(fallback.SMS, webexSMSLeg{webexLeg{WebexConnect: w, from: from, show: webexSMS, reports: webexDelivered}})
}

// WhatsApp is the leg of WhatsApp messages of an app, "a_…".
func (w WebexConnect) WhatsApp(appID string) fallback.Leg {
	return w.leg(fallback.WhatsApp, webexLeg{WebexConnect: w, from: appID, needsFrom: true, show: webexWhatsApp, reports: webexRead})
}

// Messenger is the leg of Facebook Messenger messages of an app.
func (w WebexConnect) Messenger(appID string) fallback.Leg {
	return w.leg(fallback.Messenger, webexLeg{WebexConnect: w, from: appID, needsFrom: true, show: webexMessenger, reports: webexRead})
}

// Voice is the leg of calls that play a prompt, from a caller ID; empty: the
// service's.
func (w WebexConnect) Voice(cli string) fallback.Leg {
	return w.leg(fallback.Voice, webexLeg{WebexConnect: w, from: cli, show: webexVoice, reports: webexDelivered})
}

// Speech is the leg of calls that read the text out, from a number. voice
// says how; its Text is the message's.
func (w WebexConnect) Speech(from string, voice v2.VoiceSpeech) fallback.Leg {
	return w.leg(fallback.Voice, webexV2Leg{
		WebexConnect: w, from: from, show: webexSpeech(voice), reports: webexDelivered, receipts: webexVoiceReceipts,
	})
}

// RCS is the leg of RCS messages of an app, "a_…".
func (w WebexConnect) RCS(appID string) fallback.Leg {
	return w.leg(fallback.RCS, webexV2Leg{WebexConnect: w, from: appID, show: webexRCS, reports: webexRead, receipts: webexRCSReceipts})
}

// Email is the leg of e-mails from an address.
func (w WebexConnect) Email(from string) fallback.Leg {
	return w.leg(fallback.Email, webexV2Leg{WebexConnect: w, from: from, show: webexEmail, reports: webexDelivered, receipts: webexEmailReceipts})
}

func (w WebexConnect) leg(ch fallback.Channel, s fallback.Sender) fallback.Leg {
	return fallback.Leg{Channel: ch, Provider: w.provider(), Sender: s}
}

func (w WebexConnect) provider() string { return cmp.Or(w.Name, "webexconnect") }

// What receipts of a channel can prove.
var (
	webexDelivered = []delivery.Goal{delivery.Accepted, delivery.Delivered}
	webexRead      = []delivery.Goal{delivery.Accepted, delivery.Delivered, delivery.Read}
)

// The receipts that the legs of v2 ask for, so that nothing filters them.
var (
	webexRCSReceipts   = []v2.Receipt{v2.RCSSent, v2.RCSDelivered, v2.RCSRead, v2.RCSFailed}
	webexEmailReceipts = []v2.Receipt{
		v2.EmailSubmitted, v2.EmailDelivered, v2.EmailRead, v2.EmailBounce, v2.EmailNotVerified, v2.EmailInvalid,
		v2.EmailComplaint, v2.EmailFailed,
	}
	webexVoiceReceipts = []v2.Receipt{
		v2.VoiceOffered, v2.VoiceAccepted, v2.VoiceAnswered, v2.VoiceReleased, v2.VoiceRejected, v2.VoiceDisconnected, v2.VoiceDropped,
	}
)

const (
	// webexMaxTTL is v2's longest expiry. v1 documents none, and is not asked
	// for more.
	webexMaxTTL   = 7 * 24 * time.Hour
	webexMaxBatch = webexconnect.MaxDestinations
)

// webexLeg is a Sender on a channel of v1.
type webexLeg struct {
	WebexConnect

	from      string
	needsFrom bool
	show      func(webexLeg, fallback.Submission) (webexconnect.Request, error)
	reports   []delivery.Goal
}

// Validate says what is wrong with the leg itself.
func (l webexLeg) Validate() error {
	switch {
	case l.Client == nil:
		return errNoClient
	case l.needsFrom && l.from == "":
		return errNoApp
	}
	return nil
}

var (
	errNoV2   = errors.New("V2 is nil: this channel exists only in the second version of the API")
	errNoApp  = errors.New("the app ID is empty")
	errNoFrom = errors.New("who it is from is empty")
)

// Limits says what the channel can do.
func (l webexLeg) Limits() delivery.Caps {
	return delivery.Caps{Reports: l.reports, Echo: true, MaxTTL: webexMaxTTL}
}

// Check says whether the leg can show s.
func (l webexLeg) Check(s fallback.Submission) error {
	_, err := l.request(s)
	return err
}

// Send submits s.
func (l webexLeg) Send(ctx context.Context, s fallback.Submission) (fallback.Ack, error) {
	if l.Client == nil {
		return fallback.Ack{}, errors.Join(fallback.ErrInvalidRequest, errNoClient)
	}
	r, err := l.request(s)
	if err != nil {
		return fallback.Ack{}, err
	}
	res, err := l.Client.Send(transport.NoWait(ctx), r)
	if err != nil {
		return fallback.Ack{}, webexRefusal(err, s.To)
	}
	return fallback.Ack{ID: webexconnect.BaseTransID(res.TransID)}, nil
}

func webexRefusal(err error, to string) error {
	if e, ok := errors.AsType[*webexconnect.Error](err); ok {
		return ownRule(err, e.Attempts, to)
	}
	return err
}

func (l webexLeg) request(s fallback.Submission) (webexconnect.Request, error) {
	r, err := l.show(l, s)
	if err != nil {
		return r, fmt.Errorf("webexconnect %s: %w", s.Channel, err)
	}
	r.CorrelationID, r.Expiry = s.Ref, s.Expires
	r.NotifyURL, r.NotifyURLAuthID = l.NotifyURL, l.NotifyURLAuthID
	if l.Edit != nil {
		l.Edit(&r, s)
	}
	return r, nil
}

func webexSMS(l webexLeg, s fallback.Submission) (webexconnect.Request, error) {
	sms, to := webexconnect.SMS{SenderID: l.from}, webexconnect.ToPhone(s.To)
	switch c := s.Content.(type) {
	case fallback.Text:
		sms.Text = string(c)
		if !fitsGSM(sms.Text) {
			sms.Type = webexconnect.SMSUnicode
		}
		return webexconnect.NewSMS(sms, to), nil
	case fallback.Template:
		template, err := l.template(c)
		r := webexconnect.NewSMS(sms, to)
		r.Template = template
		return r, err
	}
	return webexconnect.Request{}, shows("a text or a template", s.Content)
}

func webexWhatsApp(l webexLeg, s fallback.Submission) (webexconnect.Request, error) {
	to := webexconnect.ToWhatsApp(digits(s.To))
	switch c := s.Content.(type) {
	case fallback.Text:
		return webexconnect.NewWhatsApp(l.from, webexconnect.WhatsApp{Text: &webexconnect.WhatsAppText{Body: string(c)}}, to), nil
	case fallback.Template:
		template, err := l.template(c)
		if err != nil {
			return webexconnect.Request{}, err
		}
		return webexconnect.NewWhatsAppTemplate(l.from, *template, to), nil
	}
	return webexconnect.Request{}, shows("a text or a template", s.Content)
}

func webexMessenger(l webexLeg, s fallback.Submission) (webexconnect.Request, error) {
	if strings.HasPrefix(s.To, "+") {
		return webexconnect.Request{}, fmt.Errorf("%w: a phone number is no address here", fallback.ErrInvalidRecipient)
	}
	to := webexconnect.ToMessenger(s.To)
	switch c := s.Content.(type) {
	case fallback.Text:
		return webexconnect.NewMessenger(l.from, webexconnect.Messenger{Text: string(c)}, to), nil
	case fallback.Template:
		template, err := l.template(c)
		return webexconnect.Request{
			Channel: webexconnect.ChannelMessenger, AppID: l.from, Template: template, Destinations: []webexconnect.Destination{to},
		}, err
	}
	return webexconnect.Request{}, shows("a text or a template", s.Content)
}

func webexVoice(l webexLeg, s fallback.Submission) (webexconnect.Request, error) {
	c, ok := s.Content.(fallback.Template)
	if !ok {
		return webexconnect.Request{}, shows("a template, whose name is a prompt's", s.Content)
	}
	if len(c.Args) > 0 || len(c.Vars) > 0 {
		return webexconnect.Request{}, fmt.Errorf("%w: a prompt has no placeholders", fallback.ErrInvalidRequest)
	}
	prompt := webexconnect.Voice{PromptID: templateName(l.Templates, c.Name), CLI: l.from}
	return webexconnect.NewVoice(prompt, webexconnect.ToPhone(s.To)), nil
}

// template is c as a template of v1.
func (w WebexConnect) template(c fallback.Template) (*webexconnect.Template, error) {
	if err := onlyVars(c); err != nil {
		return nil, err
	}
	t := &webexconnect.Template{ID: templateName(w.Templates, c.Name)}
	if len(c.Vars) > 0 {
		t.Parameters = make(map[string]any, len(c.Vars))
		for name, value := range c.Vars {
			t.Parameters[name] = value
		}
	}
	return t, nil
}

func onlyVars(c fallback.Template) error {
	if len(c.Args) > 0 && len(c.Vars) == 0 {
		return fmt.Errorf("%w: the template has Args, but placeholders have names here: it needs Vars", fallback.ErrInvalidRequest)
	}
	return nil
}

// webexSMSLeg is a webexLeg that takes batches.
type webexSMSLeg struct{ webexLeg }

// Limits says what SMS can do.
func (l webexSMSLeg) Limits() delivery.Caps {
	caps := l.webexLeg.Limits()
	caps.MaxBatch = webexMaxBatch
	return caps
}

// SendBatch submits the messages in as few calls as they allow: up to 1000
// that differ in recipient and correlation id only go together. A call that
// is refused for what is one person's matter is divided until it is known
// whose.
func (l webexSMSLeg) SendBatch(ctx context.Context, all []fallback.Submission) []delivery.BatchResult {
	results := make([]delivery.BatchResult, len(all))
	var calls []*webexCall
	for i, s := range all {
		if l.Client == nil {
			results[i].Err = errors.Join(fallback.ErrInvalidRequest, errNoClient)
			continue
		}
		r, err := l.request(s)
		if err != nil {
			results[i].Err = err
			continue
		}
		calls = webexJoin(calls, r, i)
	}
	for _, c := range calls {
		l.sendCall(ctx, c, results)
	}
	for i, s := range all {
		results[i].Err = webexRefusal(results[i].Err, s.To)
	}
	return results
}

// webexCall is a request for several submissions: its destinations are
// theirs, in the order of members.
type webexCall struct {
	request webexconnect.Request // without destinations and correlation ID
	to      []webexconnect.Destination
	members []int
}

// webexJoin adds a submission's request to the call that it fits, or a new one.
func webexJoin(calls []*webexCall, r webexconnect.Request, member int) []*webexCall {
	to, ref := r.Destinations, r.CorrelationID
	r.Destinations, r.CorrelationID = nil, ""
	if len(to) != 1 { // an Edit's doing: for itself
		r.CorrelationID = ref
		return append(calls, &webexCall{request: r, to: to, members: []int{member}})
	}
	to[0].CorrelationID = cmp.Or(to[0].CorrelationID, ref)
	for _, c := range calls {
		if len(c.members) < webexMaxBatch && len(c.to) == len(c.members) && reflect.DeepEqual(c.request, r) {
			c.to, c.members = append(c.to, to[0]), append(c.members, member)
			return calls
		}
	}
	return append(calls, &webexCall{request: r, to: []webexconnect.Destination{to[0]}, members: []int{member}})
}

// sendCall makes a call and says what became of its members.
func (l webexSMSLeg) sendCall(ctx context.Context, c *webexCall, results []delivery.BatchResult) {
	r := c.request
	r.Destinations = c.to
	res, err := l.Client.Send(transport.NoWait(ctx), r)
	var outcomes []webexconnect.Outcome
	if res != nil {
		outcomes = res.Outcomes
	} else if e, ok := errors.AsType[*webexconnect.Error](err); ok {
		outcomes = e.Outcomes()
	}
	if len(c.members) == 1 {
		i := c.members[0]
		if results[i].Err = err; err == nil {
			results[i].ID = webexconnect.BaseTransID(res.TransID)
		}
		return
	}
	if c.apart(outcomes, results) {
		return
	}
	for _, i := range c.members {
		results[i].Err = err
	}
	if aboutPerson(err) {
		half := len(c.members) / 2
		l.sendCall(ctx, &webexCall{request: c.request, to: c.to[:half], members: c.members[:half]}, results)
		l.sendCall(ctx, &webexCall{request: c.request, to: c.to[half:], members: c.members[half:]}, results)
	}
}

// apart tells the members apart by the correlation ids of the outcomes; false:
// these name none of them. A member that is not named, where another is, may
// have been accepted, and so may one that is named with different outcomes.
//
// An id is kept only if no other is the same without its suffix: receipts may
// come without one, and would be anybody's. They are matched by correlation
// id then.
func (c *webexCall) apart(outcomes []webexconnect.Outcome, results []delivery.BatchResult) bool {
	byRef, ids, named := map[string]webexconnect.Outcome{}, map[string]int{}, false
	for _, o := range outcomes {
		ids[webexconnect.BaseTransID(o.TransID)]++
		if other, twice := byRef[o.CorrelationID]; twice && (errors.Is(other.Err, errNotNamed) || (other.Err == nil) != (o.Err == nil)) {
			o.Err = errNotNamed
		}
		byRef[o.CorrelationID] = o
	}
	delete(byRef, "")
	for _, to := range c.to {
		_, known := byRef[to.CorrelationID]
		named = named || known
	}
	if !named {
		return false
	}
	for n, i := range c.members {
		o, known := byRef[c.to[n].CorrelationID]
		switch id := webexconnect.BaseTransID(o.TransID); {
		case !known:
			results[i].Err = errNotNamed
		case o.Err != nil:
			results[i].Err = o.Err
		case ids[id] == 1:
			results[i].ID = id
		}
	}
	return true
}

var errNotNamed = fmt.Errorf("webexconnect: %w: the answer does not say what became of this message", fallback.ErrMaybeAccepted)

// aboutPerson says that a call was refused, and for what is one recipient's
// matter.
func aboutPerson(err error) bool {
	r, ok := errs.ReasonOf(err)
	if !ok {
		return false
	}
	switch r {
	case errs.ReasonInvalidRecipient, errs.ReasonNotOnChannel, errs.ReasonOptedOut, errs.ReasonFrequencyCapped:
		return true
	default:
		return false
	}
}

// webexV2Leg is a Sender on a channel of v2.
type webexV2Leg struct {
	WebexConnect

	from     string
	show     func(webexV2Leg, fallback.Submission) (v2.Request, error)
	reports  []delivery.Goal
	receipts []v2.Receipt
}

// Validate says what is wrong with the leg itself.
func (l webexV2Leg) Validate() error {
	switch {
	case l.V2 == nil:
		return errNoV2
	case l.from == "":
		return errNoFrom
	}
	return nil
}

// Limits says what the channel can do.
func (l webexV2Leg) Limits() delivery.Caps {
	return delivery.Caps{Reports: l.reports, Echo: true, MaxTTL: webexMaxTTL}
}

// Check says whether the leg can show s.
func (l webexV2Leg) Check(s fallback.Submission) error {
	_, err := l.request(s)
	return err
}

// Send submits s.
func (l webexV2Leg) Send(ctx context.Context, s fallback.Submission) (fallback.Ack, error) {
	if l.V2 == nil {
		return fallback.Ack{}, errors.Join(fallback.ErrInvalidRequest, errNoV2)
	}
	r, err := l.request(s)
	if err != nil {
		return fallback.Ack{}, err
	}
	res, err := l.V2.Send(transport.NoWait(ctx), r)
	if e, ok := errors.AsType[*v2.Error](err); ok {
		err = ownRule(err, e.Attempts, s.To)
	}
	if err != nil {
		return fallback.Ack{}, err
	}
	return fallback.Ack{ID: webexconnect.BaseTransID(res.MessageID)}, nil
}

func (l webexV2Leg) request(s fallback.Submission) (v2.Request, error) {
	r, err := l.show(l, s)
	if err != nil {
		return r, fmt.Errorf("webexconnect %s: %w", s.Channel, err)
	}
	to := v2.Destination{CorrelationID: s.Ref}
	if s.Channel == fallback.Email {
		to.Email = []string{s.To}
	} else {
		to.MSISDN = []string{s.To}
	}
	r.From, r.To = l.from, []v2.Destination{to}
	r.ExpireAt = s.Expires
	if latest := time.Now().Add(webexMaxTTL); r.ExpireAt.After(latest) {
		r.ExpireAt = latest
	}
	if l.NotifyURL != "" {
		r.NotifyURL, r.NotifyURLAuthID, r.RequestedReceipts = l.NotifyURL, l.NotifyURLAuthID, l.receipts
	}
	if l.EditV2 != nil {
		l.EditV2(&r, s)
	}
	return r, nil
}

func webexRCS(l webexV2Leg, s fallback.Submission) (v2.Request, error) {
	switch c := s.Content.(type) {
	case fallback.Text:
		return v2.Request{Content: v2.RCSText{Text: string(c)}}, nil
	case fallback.Template:
		return l.templateV2(v2.ChannelRCS, c)
	}
	return v2.Request{}, shows("a text or a template", s.Content)
}

func webexEmail(l webexV2Leg, s fallback.Submission) (v2.Request, error) {
	switch c := s.Content.(type) {
	case fallback.Mail:
		return v2.Request{Content: v2.Email{Subject: c.Subject, Text: c.Text, HTML: c.HTML}}, nil
	case fallback.Template:
		return l.templateV2(v2.ChannelEmail, c)
	}
	return v2.Request{}, shows("an e-mail or a template", s.Content)
}

func webexSpeech(voice v2.VoiceSpeech) func(webexV2Leg, fallback.Submission) (v2.Request, error) {
	return func(_ webexV2Leg, s fallback.Submission) (v2.Request, error) {
		c, ok := s.Content.(fallback.Text)
		if !ok {
			return v2.Request{}, shows("a text", s.Content)
		}
		speech := voice
		speech.Text = string(c)
		return v2.Request{Content: speech}, nil
	}
}

// templateV2 is c as a template of v2.
func (w WebexConnect) templateV2(ch v2.Channel, c fallback.Template) (v2.Request, error) {
	if err := onlyVars(c); err != nil {
		return v2.Request{}, err
	}
	return v2.Request{Content: v2.Template{On: ch, ID: templateName(w.Templates, c.Name)}, Substitutions: c.Vars}, nil
}

// Receipts reads a callback: of either version of the API, on any channel.
// Inbound messages give none, nor does HEAD, with which the platform tries a
// URL out before it takes it.
func (w WebexConnect) Receipts(r *http.Request) ([]delivery.Receipt, error) {
	if r.Method == http.MethodHead {
		return nil, nil
	}
	if err := verified(r, w.Verify); err != nil {
		return nil, err
	}
	c, err := webexconnect.ParseCallback(r)
	if err != nil {
		return nil, err
	}
	n := c.Notification
	if n == nil {
		return nil, nil
	}
	outcome, ok := webexOutcomes[n.State()]
	if !ok {
		return nil, nil
	}
	return []delivery.Receipt{{
		Provider: w.provider(), Ref: n.CorrelationID, ID: webexconnect.BaseTransID(n.TransID), Channel: webexChannel(n.Channel),
		Outcome: outcome, Err: n.Err(), At: n.At, Raw: c.Raw,
	}}, nil
}

var webexOutcomes = map[webexconnect.State]fallback.Outcome{
	webexconnect.StateSent:      fallback.Accepted,
	webexconnect.StateDelivered: fallback.Delivered,
	webexconnect.StateRead:      fallback.Read,
	webexconnect.StateFailed:    fallback.Failed,
	webexconnect.StateOptedOut:  fallback.Failed,
}

// webexChannel is the channel that a notification names, in any letter case.
func webexChannel(ch webexconnect.Channel) fallback.Channel {
	switch name := strings.ToLower(string(ch)); name {
	case string(webexconnect.ChannelMessenger):
		return fallback.Messenger
	default: // sms, whatsapp, voice, rcs and email are called the same
		return fallback.Channel(name)
	}
}

// gsm are the characters of GSM 03.38, basic and extended.
const gsm = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?" +
	"¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà" + "\f^{}\\[~]|€"

// fitsGSM says whether a text needs no Unicode.
func fitsGSM(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return !strings.ContainsRune(gsm, r) })
}

var (
	_ delivery.Source  = WebexConnect{}
	_ delivery.Batcher = webexSMSLeg{}
)
