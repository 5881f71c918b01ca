package webexconnect

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cpaas-go/cpaas/internal/jsonx"
)

// wireRequest is a request as it is on the wire, letter case and all. Its
// parts are any when encoded, so that those with members of the caller's own
// can stand beside those without, which are encoded faster.
type wireRequest[C, D any] struct {
	AppID           string         `json:"appid,omitempty"`
	CorrelationID   string         `json:"correlationid,omitempty"`
	CallbackData    string         `json:"callbackData,omitempty"`
	NotifyURL       string         `json:"notifyurl,omitempty"`
	NotifyURLAuthID string         `json:"notifyurlAuthId,omitempty"`
	DeliveryChannel Channel        `json:"deliverychannel"`
	Expiry          string         `json:"expiry,omitempty"`
	Message         *Template      `json:"message,omitempty"`
	Channels        C              `json:"channels,omitempty"`
	ContactPolicy   *ContactPolicy `json:"contactPolicy,omitempty"`
	Options         *LinkOptions   `json:"options,omitempty"`
	Destination     D              `json:"destination"`
	GTRID           []string       `json:"gtrId,omitempty"`
	ICMessage       *string        `json:"icmessage,omitempty"`
}

type wireChannels[S, O any] struct {
	SMS           S              `json:"sms,omitempty"`
	Voice         *Voice         `json:"voice,omitempty"`
	AppMessaging  *InApp         `json:"appmessaging,omitempty"`
	Push          *Push          `json:"push,omitempty"`
	OTT           O              `json:"OTT-Messaging,omitempty"`
	Apple         *Apple         `json:"AppleBusinessChat,omitempty"`
	SmartLinks    []SmartLink    `json:"smartlinks,omitempty"`
	ContactPolicy *ContactPolicy `json:"contactPolicy,omitempty"`
}

type wireOTT struct {
	FB *Messenger `json:"fb,omitempty"`
	WA *WhatsApp  `json:"wa,omitempty"`
}

// wireSMS is an SMS without members of the caller's own.
type wireSMS struct {
	Text              string          `json:"text,omitempty"`
	SenderID          string          `json:"senderid,omitempty"`
	Type              SMSType         `json:"type,omitempty"`
	Body              string          `json:"body,omitempty"`
	Extras            *plainSMSExtras `json:"extras,omitempty"`
	SendLinkAsAppClip *bool           `json:"sendLinkAsAppClip,omitempty"`
	StoreRegion       string          `json:"storeRegion,omitempty"`
}

// Types without their MarshalJSON, which costs time.
type (
	plainSMS         SMS
	plainSMSExtras   SMSExtras
	plainDestination Destination
)

const wireTime = "2006-01-02T15:04:05.000Z"

// wire is what a request is encoded from, in one piece of memory.
type wire struct {
	request  wireRequest[any, any]
	channels wireChannels[any, any]
	sms      wireSMS
	one      [1]*plainDestination // nearly every request has one
}

// encode is r's JSON.
func (r *Request) encode(rules rules) ([]byte, error) {
	w := &wire{request: wireRequest[any, any]{
		AppID: r.AppID, CorrelationID: r.CorrelationID, CallbackData: r.CallbackData, NotifyURL: r.NotifyURL,
		NotifyURLAuthID: r.NotifyURLAuthID, DeliveryChannel: r.Channel, Message: r.Template, Options: r.Options,
		GTRID: r.GTRIDs, ICMessage: r.ICMessage,
	}}
	w.request.Destination = w.destination(r.Destinations)
	if !r.Expiry.IsZero() {
		w.request.Expiry = r.Expiry.UTC().Format(wireTime)
	}
	policy := r.ContactPolicy
	if rules.policyOnTop {
		w.request.ContactPolicy, policy = policy, nil
	}
	if err := w.setChannels(r, policy); err != nil {
		return nil, err
	}
	return jsonx.EncodeWith(&w.request, r.Extra)
}

// setChannels sets "channels", unless there is nothing in it.
func (w *wire) setChannels(r *Request, policy *ContactPolicy) error {
	ch := &w.channels
	*ch = wireChannels[any, any]{
		Voice: r.Voice, AppMessaging: r.InApp, Push: r.Push, Apple: r.Apple.typed(), SmartLinks: r.SmartLinks, ContactPolicy: policy,
	}
	empty := r.Voice == nil && r.InApp == nil && r.Push == nil && r.Apple == nil && len(r.SmartLinks) == 0 && policy == nil
	if m := r.SMS; m != nil {
		empty = false
		ch.SMS = m
		if len(m.Extra) == 0 && (m.Extras == nil || len(m.Extras.Extra) == 0) {
			w.sms = wireSMS{m.Text, m.SenderID, m.Type, m.Body, (*plainSMSExtras)(m.Extras), m.SendLinkAsAppClip, m.StoreRegion}
			ch.SMS = &w.sms
		}
	}
	if r.Messenger != nil || r.WhatsApp != nil || len(r.OTTExtra) > 0 {
		empty = false
		ott, err := jsonx.EncodeWith(wireOTT{r.Messenger, r.WhatsApp.typed()}, r.OTTExtra)
		if err != nil {
			return err
		}
		ch.OTT = json.RawMessage(ott)
	}
	switch {
	case len(r.ChannelsExtra) > 0:
		b, err := jsonx.EncodeWith(ch, r.ChannelsExtra)
		if err != nil {
			return err
		}
		w.request.Channels = json.RawMessage(b)
	case !empty:
		w.request.Channels = ch
	}
	return nil
}

// destination is "destination".
func (w *wire) destination(to []Destination) any {
	if slices.ContainsFunc(to, func(d Destination) bool { return len(d.Other) > 0 }) {
		return to
	}
	if len(to) == 1 {
		w.one[0] = (*plainDestination)(&to[0])
		return &w.one
	}
	plain := make([]*plainDestination, len(to))
	for i := range to {
		plain[i] = (*plainDestination)(&to[i])
	}
	return plain
}

// MarshalJSON is r as it is sent by a client without options.
func (r Request) MarshalJSON() ([]byte, error) { return r.encode(rules{}) }

// UnmarshalJSON reads what MarshalJSON or [WithContactPolicyTopLevel] write.
func (r *Request) UnmarshalJSON(b []byte) error {
	var w wireRequest[json.RawMessage, []Destination]
	extra, err := decodeWith(b, &w)
	if err != nil {
		return err
	}
	*r = Request{
		Channel: w.DeliveryChannel, AppID: w.AppID, Destinations: w.Destination, Template: w.Message, ContactPolicy: w.ContactPolicy,
		CorrelationID: w.CorrelationID, CallbackData: w.CallbackData, NotifyURL: w.NotifyURL, NotifyURLAuthID: w.NotifyURLAuthID,
		Options: w.Options, GTRIDs: w.GTRID, ICMessage: w.ICMessage, Extra: extra,
	}
	if w.Expiry != "" {
		if r.Expiry, err = parseTime(w.Expiry); err != nil {
			return err
		}
	}
	if len(w.Channels) == 0 {
		return nil
	}
	var ch wireChannels[*SMS, json.RawMessage]
	if r.ChannelsExtra, err = decodeWith(w.Channels, &ch); err != nil {
		return err
	}
	r.SMS, r.Voice, r.InApp, r.Push, r.Apple, r.SmartLinks = ch.SMS, ch.Voice, ch.AppMessaging, ch.Push, ch.Apple, ch.SmartLinks
	if ch.ContactPolicy != nil {
		r.ContactPolicy = ch.ContactPolicy
	}
	if len(ch.OTT) == 0 {
		return nil
	}
	var ott wireOTT
	r.OTTExtra, err = decodeWith(ch.OTT, &ott)
	r.Messenger, r.WhatsApp = ott.FB, ott.WA
	return err
}

// parseTime reads the times of the page, of which one has an offset without a
// leading zero, "+5:30".
func parseTime(s string) (time.Time, error) {
	if i := strings.LastIndexAny(s, "+-"); i > len("2006-01-02T15") && strings.IndexByte(s[i:], ':') == 2 {
		s = s[:i+1] + "0" + s[i+1:]
	}
	return time.Parse(time.RFC3339Nano, s)
}

// decodeWith decodes an object into v, a pointer to a struct, and returns
// the members that v has no field for.
func decodeWith(b []byte, v any) (map[string]json.RawMessage, error) {
	if err := json.Unmarshal(b, v); err != nil {
		return nil, err
	}
	var extra map[string]json.RawMessage
	if err := json.Unmarshal(b, &extra); err != nil {
		return nil, err
	}
	t := reflect.TypeOf(v).Elem()
	for field := range t.Fields() {
		delete(extra, tagName(field))
	}
	if len(extra) == 0 {
		return nil, nil //nolint:nilnil // no such members
	}
	return extra, nil
}

func tagName(f reflect.StructField) string {
	name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
	return name
}

// MarshalJSON is the destination with its Other identifiers.
func (d Destination) MarshalJSON() ([]byte, error) {
	extra := make(map[string]json.RawMessage, len(d.Other))
	for name, ids := range d.Other {
		b, err := jsonx.Encode(ids)
		if err != nil {
			return nil, err
		}
		extra[name] = b
	}
	return jsonx.EncodeWith(plainDestination(d), extra)
}

// UnmarshalJSON reads what MarshalJSON writes.
func (d *Destination) UnmarshalJSON(b []byte) error {
	*d = Destination{}
	extra, err := decodeWith(b, (*plainDestination)(d))
	if err != nil {
		return err
	}
	for name, raw := range extra {
		var ids []string
		if err := json.Unmarshal(raw, &ids); err != nil {
			return fmt.Errorf("destination: %q is not a list of strings", name)
		}
		if d.Other == nil {
			d.Other = make(map[string][]string, len(extra))
		}
		d.Other[name] = ids
	}
	return nil
}

// MarshalJSON is the content with its Extra.
func (s SMS) MarshalJSON() ([]byte, error) { return jsonx.EncodeWith(plainSMS(s), s.Extra) }

// UnmarshalJSON reads what MarshalJSON writes.
func (s *SMS) UnmarshalJSON(b []byte) (err error) {
	*s = SMS{}
	s.Extra, err = decodeWith(b, (*plainSMS)(s))
	return err
}

// MarshalJSON is the extras with their Extra.
func (s SMSExtras) MarshalJSON() ([]byte, error) {
	return jsonx.EncodeWith(plainSMSExtras(s), s.Extra)
}

// UnmarshalJSON reads what MarshalJSON writes.
func (s *SMSExtras) UnmarshalJSON(b []byte) (err error) {
	*s = SMSExtras{}
	s.Extra, err = decodeWith(b, (*plainSMSExtras)(s))
	return err
}

// MarshalJSON is the content with its Extra.
func (v Voice) MarshalJSON() ([]byte, error) {
	type plain Voice
	return jsonx.EncodeWith(plain(v), v.Extra)
}

// UnmarshalJSON reads what MarshalJSON writes.
func (v *Voice) UnmarshalJSON(b []byte) (err error) {
	type plain Voice
	*v = Voice{}
	v.Extra, err = decodeWith(b, (*plain)(v))
	return err
}

// UnmarshalJSON takes numbers, as the page has them, and strings, as another
// page of the vendor's has them.
func (l *SmartLink) UnmarshalJSON(b []byte) error {
	var w struct {
		LinkID   jsonx.String `json:"linkid"`
		Validity jsonx.String `json:"validity"`
	}
	if err := json.Unmarshal(b, &w); err != nil {
		return err
	}
	*l = SmartLink{}
	for _, n := range []struct {
		from jsonx.String
		to   *int
	}{{w.LinkID, &l.LinkID}, {w.Validity, &l.Validity}} {
		if n.from == "" {
			continue
		}
		v, err := strconv.Atoi(string(n.from))
		if err != nil {
			return errors.New("smart link: not a whole number")
		}
		*n.to = v
	}
	return nil
}

// wireLinkOptions has booleans as strings, as every example of the vendor's.
type wireLinkOptions struct {
	TrackClicks      jsonx.String `json:"trackClicks,omitempty"`
	ShortenLinks     jsonx.String `json:"shortenLinks,omitempty"`
	Domain           string       `json:"domain"`
	Tag1             string       `json:"tag1,omitempty"`
	Tag2             string       `json:"tag2,omitempty"`
	AllowFallbackURL jsonx.String `json:"allowFallbackURL,omitempty"`
}

// MarshalJSON writes booleans as strings, as every example of the vendor's.
func (o LinkOptions) MarshalJSON() ([]byte, error) {
	return jsonx.Encode(wireLinkOptions{
		flag(o.TrackClicks), flag(o.ShortenLinks), o.Domain, o.Tag1, o.Tag2, flag(o.AllowFallbackURL),
	})
}

// UnmarshalJSON takes booleans also as such.
func (o *LinkOptions) UnmarshalJSON(b []byte) error {
	var w wireLinkOptions
	if err := json.Unmarshal(b, &w); err != nil {
		return err
	}
	*o = LinkOptions{
		TrackClicks: unflag(w.TrackClicks), ShortenLinks: unflag(w.ShortenLinks),
		Domain: w.Domain, Tag1: w.Tag1, Tag2: w.Tag2, AllowFallbackURL: unflag(w.AllowFallbackURL),
	}
	return nil
}

func flag(b *bool) jsonx.String {
	if b == nil {
		return ""
	}
	return jsonx.String(strconv.FormatBool(*b))
}

func unflag(s jsonx.String) *bool {
	if s == "" {
		return nil
	}
	return new(strings.EqualFold(string(s), "true") || strings.EqualFold(string(s), "yes"))
}
