package webexconnect

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/cpaas-go/cpaas/internal/jsonx"
)

// wireRequest is what a request is decoded from. What writes it is
// Request.write.
type wireRequest struct {
	AppID           string          `json:"appid"`
	CorrelationID   string          `json:"correlationid"`
	CallbackData    string          `json:"callbackData"`
	NotifyURL       string          `json:"notifyurl"`
	NotifyURLAuthID string          `json:"notifyurlAuthId"`
	DeliveryChannel Channel         `json:"deliverychannel"`
	Expiry          string          `json:"expiry"`
	Message         *Template       `json:"message"`
	Channels        json.RawMessage `json:"channels"`
	ContactPolicy   *ContactPolicy  `json:"contactPolicy"`
	Options         *LinkOptions    `json:"options"`
	Destination     []Destination   `json:"destination"`
	GTRID           []string        `json:"gtrId"`
	ICMessage       *string         `json:"icmessage"`
}

type wireChannels struct {
	SMS           *SMS            `json:"sms"`
	Voice         *Voice          `json:"voice"`
	AppMessaging  *InApp          `json:"appmessaging"`
	Push          *Push           `json:"push"`
	OTT           json.RawMessage `json:"OTT-Messaging"`
	Apple         *Apple          `json:"AppleBusinessChat"`
	SmartLinks    []SmartLink     `json:"smartlinks"`
	ContactPolicy *ContactPolicy  `json:"contactPolicy"`
}

type wireOTT struct {
	FB *Messenger `json:"fb,omitempty"`
	WA *WhatsApp  `json:"wa,omitempty"`
}

// Types without their UnmarshalJSON.
type (
	plainSMS         SMS
	plainSMSExtras   SMSExtras
	plainDestination Destination
)

const wireTime = "2006-01-02T15:04:05.000Z"

// encode is r's JSON.
func (r *Request) encode(rules rules) ([]byte, error) {
	w := jsonx.NewWriter(1 << 10)
	r.write(w, rules)
	return w.Done()
}

// write writes r as it is on the wire, letter case and all.
func (r *Request) write(w *jsonx.Writer, rules rules) {
	at := w.Open('{')
	w.TextIf("appid", r.AppID)
	w.TextIf("correlationid", r.CorrelationID)
	w.TextIf("callbackData", r.CallbackData)
	w.TextIf("notifyurl", r.NotifyURL)
	w.TextIf("notifyurlAuthId", r.NotifyURLAuthID)
	w.Text("deliverychannel", string(r.Channel))
	if !r.Expiry.IsZero() {
		w.Text("expiry", r.Expiry.UTC().Format(wireTime))
	}
	w.AnyIf(r.Template != nil, "message", r.Template)
	policy := r.ContactPolicy
	if rules.policyOnTop {
		policy = nil
	}
	r.writeChannels(w, policy)
	if rules.policyOnTop && r.ContactPolicy != nil {
		r.ContactPolicy.write(w)
	}
	w.AnyIf(r.Options != nil, "options", r.Options)
	w.Name("destination")
	w.Open('[')
	for i := range r.Destinations {
		r.Destinations[i].write(w)
	}
	w.Close(']')
	w.TextsIf("gtrId", r.GTRIDs)
	if r.ICMessage != nil {
		w.Text("icmessage", *r.ICMessage)
	}
	w.CloseWith(at, r.Extra)
}

// writeChannels writes "channels", unless there is nothing in it.
func (r *Request) writeChannels(w *jsonx.Writer, policy *ContactPolicy) {
	before := w.Len()
	w.Name("channels")
	at := w.Open('{')
	if r.SMS != nil {
		w.Name("sms")
		r.SMS.write(w)
	}
	w.AnyIf(r.Voice != nil, "voice", r.Voice)
	w.AnyIf(r.InApp != nil, "appmessaging", r.InApp)
	w.AnyIf(r.Push != nil, "push", r.Push)
	if r.Messenger != nil || r.WhatsApp != nil || len(r.OTTExtra) > 0 {
		w.Name("OTT-Messaging")
		at := w.Open('{')
		w.AnyIf(r.Messenger != nil, "fb", r.Messenger)
		w.AnyIf(r.WhatsApp != nil, "wa", r.WhatsApp)
		w.CloseWith(at, r.OTTExtra)
	}
	w.AnyIf(r.Apple != nil, "AppleBusinessChat", r.Apple)
	if len(r.SmartLinks) > 0 {
		w.Name("smartlinks")
		w.Open('[')
		for _, l := range r.SmartLinks {
			w.Open('{')
			w.Name("linkid")
			w.Int(l.LinkID)
			if l.Validity != 0 {
				w.Name("validity")
				w.Int(l.Validity)
			}
			w.Close('}')
		}
		w.Close(']')
	}
	if policy != nil {
		policy.write(w)
	}
	w.CloseWith(at, r.ChannelsExtra)
	if w.Len() == at+len("{}") {
		w.Truncate(before)
	}
}

func (p *ContactPolicy) write(w *jsonx.Writer) {
	w.Name("contactPolicy")
	w.Open('{')
	w.TextIf("contactPolicyGroup", p.Group)
	w.TrueIf("channelCheckConsent", p.CheckConsent)
	w.TrueIf("channelApplyFrequencyCap", p.ApplyFrequencyCap)
	w.Close('}')
}

func (d *Destination) write(w *jsonx.Writer) {
	at := w.Open('{')
	for i, ids := range d.kinds() {
		w.TextsIf(kindNames[i], *ids)
	}
	w.TextIf("correlationid", d.CorrelationID)
	var other map[string]json.RawMessage
	for name, ids := range d.Other {
		if other == nil {
			other = make(map[string]json.RawMessage, len(d.Other))
		}
		var list jsonx.Writer
		list.Strings(ids)
		other[name], _ = list.Done() // strings cannot fail
	}
	w.CloseWith(at, other)
}

func (s *SMS) write(w *jsonx.Writer) {
	at := w.Open('{')
	w.TextIf("text", s.Text)
	w.TextIf("senderid", s.SenderID)
	w.TextIf("type", string(s.Type))
	w.TextIf("body", s.Body)
	if s.Extras != nil {
		w.Name("extras")
		s.Extras.write(w)
	}
	w.BoolIf("sendLinkAsAppClip", s.SendLinkAsAppClip)
	w.TextIf("storeRegion", s.StoreRegion)
	w.CloseWith(at, s.Extra)
}

func (s *SMSExtras) write(w *jsonx.Writer) {
	at := w.Open('{')
	w.TextIf("dlt_templateid", s.DLTTemplateID)
	w.CloseWith(at, s.Extra)
}

// MarshalJSON is r as it is sent by a client without options.
func (r Request) MarshalJSON() ([]byte, error) { return r.encode(rules{}) }

// UnmarshalJSON reads what MarshalJSON or [WithContactPolicyTopLevel] write.
func (r *Request) UnmarshalJSON(b []byte) error {
	var w wireRequest
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
	var ch wireChannels
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
	w := jsonx.NewWriter(64)
	d.write(w)
	return w.Done()
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
func (s SMS) MarshalJSON() ([]byte, error) {
	w := jsonx.NewWriter(256)
	s.write(w)
	return w.Done()
}

// UnmarshalJSON reads what MarshalJSON writes.
func (s *SMS) UnmarshalJSON(b []byte) (err error) {
	*s = SMS{}
	s.Extra, err = decodeWith(b, (*plainSMS)(s))
	return err
}

// MarshalJSON is the extras with their Extra.
func (s SMSExtras) MarshalJSON() ([]byte, error) {
	w := jsonx.NewWriter(64)
	s.write(w)
	return w.Done()
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
