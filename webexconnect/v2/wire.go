package v2

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cpaas-go/cpaas/internal/jsonx"
)

// timeLayout is how the vendor writes times: UTC, to the millisecond.
const timeLayout = "2006-01-02T15:04:05.000Z"

// The message as it is on the wire, letter case and all.
type (
	wireMessage struct {
		Channel              Channel            `json:"channel"`
		From                 string             `json:"from"`
		To                   []wireDestination  `json:"to"`
		CC                   []string           `json:"cc,omitempty"`
		BCC                  []string           `json:"bcc,omitempty"`
		MultipleToRecipients *bool              `json:"multipleToRecipients,omitempty"`
		Substitutions        map[string]string  `json:"substitutions,omitempty"`
		SmartLinks           []wireSmartLink    `json:"smartlinks,omitempty"`
		Options              json.RawMessage    `json:"options,omitempty"`
		RequestedReceipts    []Receipt          `json:"requestedReceipts,omitempty"`
		Content              json.RawMessage    `json:"content,omitempty"`
		Template             *wireTemplate      `json:"template,omitempty"`
		SendAt               wireTime           `json:"sendAt,omitzero"`
		ExpireAt             wireTime           `json:"expireAt,omitzero"`
		Validity             wireSeconds        `json:"validity,omitzero"`
		BatchID              string             `json:"batchId,omitempty"`
		CorrelationID        string             `json:"correlationId,omitempty"`
		CallbackData         string             `json:"callbackData,omitempty"`
		NotifyURL            string             `json:"notifyUrl,omitempty"`
		NotifyURLAuthID      string             `json:"notifyUrlAuthId,omitempty"`
		ContactPolicy        *wireContactPolicy `json:"contactPolicy,omitempty"`
	}
	wireDestination struct {
		MSISDN        []string          `json:"msisdn,omitempty"`
		Email         []string          `json:"email,omitempty"`
		CorrelationID string            `json:"correlationId,omitempty"`
		Substitutions map[string]string `json:"substitutions,omitempty"`
	}
	wireSmartLink struct {
		ID       wireInt `json:"smartlinkId"`
		Validity wireInt `json:"validity"`
	}
	wireTemplate struct {
		ID      string `json:"id"`
		Subject string `json:"subject,omitempty"`
	}
	wireContactPolicy struct {
		Group             string `json:"contactPolicyGroup"`
		CheckConsent      bool   `json:"channelCheckConsent,omitempty"`
		ApplyFrequencyCap bool   `json:"channelApplyFrequencyCap,omitempty"`
	}
	wireOptions struct {
		FromName                string  `json:"fromName,omitempty"`
		TrackClicks             *onOff  `json:"trackClicks,omitempty"`
		TrackOpens              *onOff  `json:"trackOpens,omitempty"`
		ShortenLinks            *onOff  `json:"shortenLinks,omitempty"`
		Domain                  string  `json:"domain,omitempty"`
		Tag1                    string  `json:"tag1,omitempty"`
		Tag2                    string  `json:"tag2,omitempty"`
		AllowFallbackURL        *onOff  `json:"allowFallbackURL,omitempty"`
		ListUnsubscribeURL      string  `json:"listUnsubscribeUrl,omitempty"`
		UnsubscribeEmailAddress string  `json:"unsubscribeEmailAddress,omitempty"`
		UnsubscribeEmailSubject string  `json:"unsubscribeEmailSubject,omitempty"`
		SMSFallback             *onOff  `json:"smsFallback,omitempty"`
		SMSSenderID             string  `json:"smsSenderId,omitempty"`
		SMSText                 string  `json:"text,omitempty"`
		CarrierID               wireInt `json:"carrierId,omitempty"`
	}

	wireSMS struct {
		Type TextType `json:"type"`
		Text string   `json:"text"`
	}
	wireEmail struct {
		Type        EmailType        `json:"type"`
		Encoding    string           `json:"encoding,omitempty"`
		Subject     string           `json:"subject"`
		ReplyTo     string           `json:"replyTo,omitempty"`
		Text        string           `json:"text,omitempty"`
		HTML        string           `json:"html,omitempty"`
		Attachments []wireAttachment `json:"attachments,omitempty"`
	}
	wireAttachment struct {
		MIMEType string `json:"mimetype"`
		Name     string `json:"name"`
		URL      string `json:"mediaUrl"`
		CID      string `json:"cid,omitempty"`
	}
	wireMMS struct {
		Subject      string      `json:"subject"`
		FallbackText string      `json:"fallbacktext,omitempty"`
		Name         string      `json:"name,omitempty"`
		Slides       []wireSlide `json:"attachments"`
	}
	wireSlide struct {
		Type     SlideType `json:"type,omitempty"`
		Text     string    `json:"messageText,omitempty"`
		URL      string    `json:"mediaUrl,omitempty"`
		Duration int       `json:"duration,omitempty"`
	}
	wireVoice struct {
		Type      string `json:"type"`
		MediaID   string `json:"mediaId,omitempty"`
		Processor string `json:"ttsProcessor,omitempty"`
		Language  string `json:"language,omitempty"`
		Voice     string `json:"voice,omitempty"`
		Region    string `json:"region,omitempty"`
		Text      string `json:"text,omitempty"`
		VoiceType string `json:"voiceType,omitempty"`
		Gender    string `json:"gender,omitempty"`
	}
	wireRCS struct {
		Type            string           `json:"type"`
		Text            string           `json:"text,omitempty"`
		MediaContentURL string           `json:"mediaContentUrl,omitempty"`
		FileSize        int              `json:"fileSize,omitempty"`
		RichCard        *wireCard        `json:"richCard,omitempty"`
		Width           Width            `json:"width,omitempty"`
		Cards           []wireCard       `json:"cards,omitempty"`
		Event           string           `json:"event,omitempty"`
		MessageID       string           `json:"messageId,omitempty"`
		Suggestions     []wireSuggestion `json:"suggestions,omitempty"`
	}
	wireCard struct {
		Title              string           `json:"title"`
		Description        string           `json:"description,omitempty"`
		Orientation        Orientation      `json:"orientation,omitempty"`
		ThumbnailAlignment Alignment        `json:"thumbnailAlignment,omitempty"`
		Media              any              `json:"media"` // wireMedia, or wireCardMedia on a rich card
		Thumbnail          *wireThumbnail   `json:"thumbnail,omitempty"`
		Suggestions        []wireSuggestion `json:"suggestions,omitempty"`
	}
	wireMedia struct {
		URL      string `json:"url"`
		FileSize int    `json:"fileSize,omitempty"`
		Height   Height `json:"height"`
	}
	wireCardMedia struct { // the rich card spells the size in lower case
		URL      string `json:"url"`
		Height   Height `json:"height"`
		FileSize int    `json:"filesize,omitempty"`
	}
	wireThumbnail struct {
		URL         string `json:"url"`
		FileSize    int    `json:"fileSize,omitempty"`
		Height      Height `json:"height"`
		ContentType string `json:"contentType,omitempty"`
		Description string `json:"description,omitempty"`
	}
	wireSuggestion struct {
		Type         string   `json:"type"`
		Text         string   `json:"displayText"`
		Address      string   `json:"address,omitempty"`
		Latitude     *float64 `json:"latitude,omitempty"`
		Longitude    *float64 `json:"longitude,omitempty"`
		URL          string   `json:"url,omitempty"`
		Start        wireTime `json:"startTime,omitzero"`
		End          wireTime `json:"endTime,omitzero"`
		Title        string   `json:"meetingTitle,omitempty"`
		Description  string   `json:"meetingDescription,omitempty"`
		Phone        string   `json:"phone,omitempty"`
		PostbackData string   `json:"postbackData,omitempty"`
	}
)

// wireTime is a time in timeLayout.
type wireTime time.Time

// IsZero says that there is no time.
func (t wireTime) IsZero() bool { return time.Time(t).IsZero() }

// MarshalJSON writes timeLayout.
func (t wireTime) MarshalJSON() ([]byte, error) {
	return []byte(time.Time(t).UTC().Format(`"` + timeLayout + `"`)), nil
}

// UnmarshalJSON reads RFC 3339, which timeLayout is a case of.
func (t *wireTime) UnmarshalJSON(b []byte) error {
	var s string
	if err := json.Unmarshal(b, &s); err != nil || s == "" {
		return err
	}
	parsed, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return errors.New("not a time")
	}
	*t = wireTime(parsed.UTC())
	return nil
}

// wireSeconds is a whole number of seconds as a string.
type wireSeconds time.Duration

// MarshalJSON writes the seconds.
func (d wireSeconds) MarshalJSON() ([]byte, error) {
	return strconv.AppendQuote(nil, strconv.FormatInt(int64(time.Duration(d)/time.Second), 10)), nil
}

const maxSeconds = int64(1<<63-1) / int64(time.Second)

// UnmarshalJSON reads a string, or a number.
func (d *wireSeconds) UnmarshalJSON(b []byte) error {
	var s jsonx.String
	if err := s.UnmarshalJSON(b); err != nil || s == "" {
		return err
	}
	n, err := strconv.ParseInt(string(s), 10, 64)
	if err != nil || n < 0 || n > maxSeconds {
		return errors.New("not a number of seconds")
	}
	*d = wireSeconds(time.Duration(n) * time.Second)
	return nil
}

// wireInt is a number that some of the vendor's tables call a string.
type wireInt int

// UnmarshalJSON reads a number, or a string.
func (i *wireInt) UnmarshalJSON(b []byte) error {
	var s jsonx.String
	if err := s.UnmarshalJSON(b); err != nil || s == "" {
		return err
	}
	n, err := strconv.Atoi(string(s))
	if err != nil {
		return errors.New("not a whole number")
	}
	*i = wireInt(n)
	return nil
}

// onOff is a boolean that is written as a string in most samples.
type onOff struct{ on, asString bool }

func (o onOff) MarshalJSON() ([]byte, error) {
	if o.asString {
		return strconv.AppendQuote(nil, strconv.FormatBool(o.on)), nil
	}
	return strconv.AppendBool(nil, o.on), nil
}

func (o *onOff) UnmarshalJSON(b []byte) error {
	var s jsonx.String
	if err := s.UnmarshalJSON(b); err != nil {
		return err
	}
	switch s {
	case "true", "false":
		o.on, o.asString = s == "true", b[0] == '"'
		return nil
	}
	return errors.New("neither true nor false")
}

// asBool and asText are the two spellings of an optional boolean.
func asBool(b *bool) *onOff {
	if b == nil {
		return nil
	}
	return &onOff{on: *b}
}

func asText(b *bool) *onOff {
	if b == nil {
		return nil
	}
	return &onOff{on: *b, asString: true}
}

func (o *onOff) value() *bool {
	if o == nil {
		return nil
	}
	return new(o.on)
}

// MarshalJSON is the request's body, whether or not the message is valid.
func (m Request) MarshalJSON() ([]byte, error) { return m.encode() }

func (m *Request) encode() ([]byte, error) {
	m.Content = plain(m.Content)
	if m.Content == nil {
		return nil, errors.New("content: none")
	}
	w := wireMessage{
		Channel: m.Content.Channel(), From: m.From, To: make([]wireDestination, len(m.To)), CC: m.CC, BCC: m.BCC,
		MultipleToRecipients: m.MultipleToRecipients, Substitutions: m.Substitutions, RequestedReceipts: m.RequestedReceipts,
		SendAt: wireTime(m.SendAt), ExpireAt: wireTime(m.ExpireAt), Validity: wireSeconds(m.Validity), BatchID: m.BatchID,
		CorrelationID: m.CorrelationID, CallbackData: m.CallbackData, NotifyURL: m.NotifyURL, NotifyURLAuthID: m.NotifyURLAuthID,
		ContactPolicy: (*wireContactPolicy)(m.ContactPolicy),
	}
	for i, d := range m.To {
		w.To[i] = wireDestination(d)
	}
	for _, l := range m.SmartLinks {
		w.SmartLinks = append(w.SmartLinks, wireSmartLink{wireInt(l.ID), wireInt(l.Validity)})
	}
	var err error
	if m.Options != nil {
		if w.Options, err = m.Options.encode(w.Channel); err != nil {
			return nil, err
		}
	}
	if t, ok := m.Content.(Template); ok {
		w.Template = &wireTemplate{t.ID, t.Subject}
	} else {
		body, err := m.Content.body()
		if err != nil {
			return nil, err
		}
		if w.Content, err = jsonx.Encode(body); err != nil {
			return nil, err
		}
	}
	return jsonx.EncodeWith(w, m.Extra)
}

func (o *Options) encode(ch Channel) ([]byte, error) {
	clicks := asText
	if ch == ChannelEmail { // the one channel whose samples have a boolean
		clicks = asBool
	}
	return jsonx.EncodeWith(wireOptions{
		FromName: o.FromName, TrackClicks: clicks(o.TrackClicks), TrackOpens: asBool(o.TrackOpens),
		ShortenLinks: asText(o.ShortenLinks), Domain: o.Domain, Tag1: o.Tag1, Tag2: o.Tag2,
		AllowFallbackURL: asText(o.AllowFallbackURL), ListUnsubscribeURL: o.ListUnsubscribeURL,
		UnsubscribeEmailAddress: o.UnsubscribeEmailAddress, UnsubscribeEmailSubject: o.UnsubscribeEmailSubject,
		SMSFallback: asBool(o.SMSFallback), SMSSenderID: o.SMSSenderID, SMSText: o.SMSText, CarrierID: wireInt(o.CarrierID),
	}, o.Extra)
}

func (Template) body() (any, error) { return nil, errors.New("a template has no content") }

func (c RawContent) body() (any, error) {
	if !json.Valid(c.JSON) {
		return nil, errors.New("content: not JSON")
	}
	return c.JSON, nil
}

func (c SMS) body() (any, error) { return wireSMS{cmp.Or(c.Type, TypeText), c.Text}, nil }

func (c Email) body() (any, error) {
	w := wireEmail{
		Type: c.kind(), Encoding: c.Encoding, Subject: c.Subject, ReplyTo: c.ReplyTo, Text: c.Text, HTML: c.HTML,
	}
	for _, a := range c.Attachments {
		w.Attachments = append(w.Attachments, wireAttachment(a))
	}
	return w, nil
}

// kind is the type, given or by the parts.
func (c Email) kind() EmailType {
	if c.Type == "" && c.HTML != "" {
		return TypeHTML
	}
	return cmp.Or(c.Type, TypePlain)
}

func (c MMS) body() (any, error) {
	w := wireMMS{Subject: c.Subject, FallbackText: c.FallbackText, Name: c.Name, Slides: make([]wireSlide, len(c.Slides))}
	for i, s := range c.Slides {
		w.Slides[i] = wireSlide(s)
	}
	return w, nil
}

const (
	voiceMedia  = "media"
	voiceSpeech = "TTS"
	neural      = "Neural"
	azure       = "Azure"

	rcsText     = "text"
	rcsMedia    = "media"
	rcsCard     = "standalone"
	rcsCarousel = "carousel"
	rcsEvent    = "agentEvent"
	rcsTyping   = "IS_TYPING"
	rcsRead     = "READ"
)

func (c VoiceMedia) body() (any, error) { return wireVoice{Type: voiceMedia, MediaID: c.MediaID}, nil }

func (c VoiceSpeech) body() (any, error) {
	return wireVoice{
		Type: voiceSpeech, Processor: cmp.Or(c.Processor, azure), Language: c.Language, Voice: c.Voice, Region: c.Region,
		Text: c.Text, VoiceType: cmp.Or(c.Type, neural), Gender: c.Gender,
	}, nil
}

func (c RCSText) body() (any, error) {
	return wireRCS{Type: rcsText, Text: c.Text, Suggestions: suggestions(c.Suggestions)}, nil
}

func (c RCSMedia) body() (any, error) {
	return wireRCS{
		Type: rcsMedia, MediaContentURL: c.URL, FileSize: c.FileSize, Suggestions: suggestions(c.Suggestions),
	}, nil
}

func (c RCSCard) body() (any, error) {
	return wireRCS{Type: rcsCard, RichCard: &wireCard{
		Title: c.Title, Description: c.Description, Orientation: c.Orientation, ThumbnailAlignment: c.ThumbnailAlignment,
		Media:     wireCardMedia{c.Media.URL, c.Media.Height, c.Media.FileSize},
		Thumbnail: thumbnail(c.Thumbnail), Suggestions: suggestions(c.Suggestions),
	}}, nil
}

// thumbnail has Thumbnail's fields in the order of the wire.
func thumbnail(t *Thumbnail) *wireThumbnail {
	if t == nil {
		return nil
	}
	return &wireThumbnail{t.URL, t.FileSize, t.Height, t.ContentType, t.Description}
}

func (c RCSCarousel) body() (any, error) {
	w := wireRCS{Type: rcsCarousel, Width: c.Width, Cards: make([]wireCard, len(c.Cards)), Suggestions: suggestions(c.Suggestions)}
	for i, card := range c.Cards {
		w.Cards[i] = wireCard{
			Title: card.Title, Description: card.Description, Suggestions: suggestions(card.Suggestions),
			Media: wireMedia{card.Media.URL, card.Media.FileSize, card.Media.Height},
		}
	}
	return w, nil
}

func (RCSTyping) body() (any, error) { return wireRCS{Type: rcsEvent, Event: rcsTyping}, nil }

func (c RCSMarkRead) body() (any, error) {
	return wireRCS{Type: rcsEvent, Event: rcsRead, MessageID: c.MessageID}, nil
}

func suggestions(list []Suggestion) []wireSuggestion {
	var out []wireSuggestion
	for _, s := range list {
		if s = plain(s); s != nil {
			out = append(out, s.suggestion())
		}
	}
	return out
}

const (
	suggestReply    = "reply"
	suggestView     = "viewLocation"
	suggestShare    = "shareLocation"
	suggestURL      = "openUrl"
	suggestCalendar = "calendarEvent"
	suggestDial     = "dialPhone"
)

func (s Reply) suggestion() wireSuggestion {
	return wireSuggestion{Type: suggestReply, Text: s.Text, PostbackData: s.PostbackData}
}

func (s ViewLocation) suggestion() wireSuggestion {
	return wireSuggestion{
		Type: suggestView, Text: s.Text, PostbackData: s.PostbackData, Address: s.Address,
		Latitude: &s.Latitude, Longitude: &s.Longitude,
	}
}

func (s ShareLocation) suggestion() wireSuggestion {
	return wireSuggestion{Type: suggestShare, Text: s.Text, PostbackData: s.PostbackData}
}

func (s OpenURL) suggestion() wireSuggestion {
	return wireSuggestion{Type: suggestURL, Text: s.Text, PostbackData: s.PostbackData, URL: s.URL}
}

func (s CalendarEvent) suggestion() wireSuggestion {
	return wireSuggestion{
		Type: suggestCalendar, Text: s.Text, PostbackData: s.PostbackData, Start: wireTime(s.Start), End: wireTime(s.End),
		Title: s.Title, Description: s.Description,
	}
}

func (s DialPhone) suggestion() wireSuggestion {
	return wireSuggestion{Type: suggestDial, Text: s.Text, PostbackData: s.PostbackData, Phone: s.Phone}
}

// UnmarshalJSON reads a request's body. Content that has members this package
// does not know becomes [RawContent], other unknown members become Extra.
func (m *Request) UnmarshalJSON(b []byte) error {
	var w wireMessage
	if err := json.Unmarshal(b, &w); err != nil {
		return err
	}
	out := Request{
		From: w.From, CC: w.CC, BCC: w.BCC, MultipleToRecipients: w.MultipleToRecipients, Substitutions: w.Substitutions,
		RequestedReceipts: w.RequestedReceipts, SendAt: time.Time(w.SendAt), ExpireAt: time.Time(w.ExpireAt),
		Validity: time.Duration(w.Validity), BatchID: w.BatchID, CorrelationID: w.CorrelationID, CallbackData: w.CallbackData,
		NotifyURL: w.NotifyURL, NotifyURLAuthID: w.NotifyURLAuthID, ContactPolicy: (*ContactPolicy)(w.ContactPolicy),
	}
	for _, d := range w.To {
		out.To = append(out.To, Destination(d))
	}
	for _, l := range w.SmartLinks {
		out.SmartLinks = append(out.SmartLinks, SmartLink{int(l.ID), int(l.Validity)})
	}
	if bytes.Equal(w.Content, null) {
		w.Content = nil
	}
	switch {
	case w.Template != nil && len(w.Content) > 0:
		return errors.New("both content and template")
	case w.Template != nil:
		out.Content = Template{On: w.Channel, ID: w.Template.ID, Subject: w.Template.Subject}
	case len(w.Content) > 0:
		out.Content = decodeContent(w.Channel, w.Content)
	default:
		return errors.New("neither content nor template")
	}
	if len(w.Options) > 0 && !bytes.Equal(w.Options, null) {
		var err error
		if out.Options, err = decodeOptions(w.Options); err != nil {
			return err
		}
	}
	var err error
	if out.Extra, err = unknown(b, messageNames); err != nil {
		return err
	}
	*m = out
	return nil
}

func decodeOptions(b []byte) (*Options, error) {
	var w wireOptions
	if err := json.Unmarshal(b, &w); err != nil {
		return nil, fmt.Errorf("options: %w", err)
	}
	extra, err := unknown(b, optionNames)
	return &Options{
		TrackClicks: w.TrackClicks.value(), TrackOpens: w.TrackOpens.value(), ShortenLinks: w.ShortenLinks.value(),
		Domain: w.Domain, Tag1: w.Tag1, Tag2: w.Tag2, AllowFallbackURL: w.AllowFallbackURL.value(), FromName: w.FromName,
		ListUnsubscribeURL: w.ListUnsubscribeURL, UnsubscribeEmailAddress: w.UnsubscribeEmailAddress,
		UnsubscribeEmailSubject: w.UnsubscribeEmailSubject, SMSFallback: w.SMSFallback.value(), SMSSenderID: w.SMSSenderID,
		SMSText: w.SMSText, CarrierID: int(w.CarrierID), Extra: extra,
	}, err
}

var null = []byte("null")

// The members that encode knows, in lower case, as encoding/json matches them.
var (
	messageNames = strings.Fields("channel from to cc bcc multipletorecipients substitutions smartlinks options " +
		"requestedreceipts content template sendat expireat validity batchid correlationid callbackdata notifyurl " +
		"notifyurlauthid contactpolicy")
	optionNames = strings.Fields("fromname trackclicks trackopens shortenlinks domain tag1 tag2 allowfallbackurl " +
		"listunsubscribeurl unsubscribeemailaddress unsubscribeemailsubject smsfallback smssenderid text carrierid")
)

// unknown are the members of an object that are not among names.
func unknown(b []byte, names []string) (map[string]json.RawMessage, error) {
	var all map[string]json.RawMessage
	if err := json.Unmarshal(b, &all); err != nil {
		return nil, err
	}
	maps.DeleteFunc(all, func(name string, _ json.RawMessage) bool { return slices.Contains(names, strings.ToLower(name)) })
	if len(all) == 0 {
		return nil, nil //nolint:nilnil // no members, no error
	}
	return all, nil
}

// decodeContent is the typed content, or the raw one if the type would lose
// something.
func decodeContent(ch Channel, b json.RawMessage) Content {
	var c Content
	switch ch {
	case ChannelSMS:
		var w wireSMS
		if strictly(b, &w) {
			c = SMS{Text: w.Text, Type: w.Type}
		}
	case ChannelEmail:
		var w wireEmail
		if strictly(b, &w) {
			c = w.content()
		}
	case ChannelMMS:
		var w wireMMS
		if strictly(b, &w) {
			c = w.content()
		}
	case ChannelVoice:
		var w wireVoice
		if strictly(b, &w) {
			c = w.content()
		}
	case ChannelRCS:
		var w wireRCSIn
		if strictly(b, &w) {
			c = w.content()
		}
	}
	if c == nil {
		return RawContent{On: ch, JSON: b}
	}
	return c
}

// strictly decodes b if it has no other members than v.
func strictly(b []byte, v any) bool {
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	return d.Decode(v) == nil
}

func (w wireEmail) content() Content {
	c := Email{Subject: w.Subject, Text: w.Text, HTML: w.HTML, Type: w.Type, ReplyTo: w.ReplyTo, Encoding: w.Encoding}
	for _, a := range w.Attachments {
		c.Attachments = append(c.Attachments, EmailAttachment(a))
	}
	return c
}

func (w wireMMS) content() Content {
	c := MMS{Subject: w.Subject, FallbackText: w.FallbackText, Name: w.Name}
	for _, s := range w.Slides {
		c.Slides = append(c.Slides, Slide(s))
	}
	return c
}

func (w wireVoice) content() Content {
	switch w.Type {
	case voiceMedia:
		return VoiceMedia{MediaID: w.MediaID}
	case voiceSpeech:
		return VoiceSpeech{
			Text: w.Text, Language: w.Language, Voice: w.Voice, Region: w.Region, Gender: w.Gender,
			Type: w.VoiceType, Processor: w.Processor,
		}
	}
	return nil
}

// wireRCSIn is wireRCS with cards that can be decoded. Both spellings of the
// size of a file fit: names are matched in any letter case.
type (
	wireRCSIn struct {
		wireRCS

		RichCard *wireCardIn  `json:"richCard"`
		Cards    []wireCardIn `json:"cards"`
	}
	wireCardIn struct {
		wireCard

		Media wireMedia `json:"media"`
	}
)

func (w wireRCSIn) content() Content {
	chips, ok := readSuggestions(w.Suggestions)
	if !ok {
		return nil
	}
	switch w.Type {
	case rcsText:
		return RCSText{Text: w.Text, Suggestions: chips}
	case rcsMedia:
		return RCSMedia{URL: w.MediaContentURL, FileSize: w.FileSize, Suggestions: chips}
	case rcsCard:
		if w.RichCard != nil && chips == nil {
			return w.RichCard.card()
		}
	case rcsCarousel:
		c := RCSCarousel{Width: w.Width, Suggestions: chips}
		for _, card := range w.Cards {
			full, ok := card.card().(RCSCard)
			if !ok || full.Orientation != "" || full.ThumbnailAlignment != "" || full.Thumbnail != nil {
				return nil
			}
			c.Cards = append(c.Cards, CarouselCard{full.Title, full.Description, full.Media, full.Suggestions})
		}
		return c
	case rcsEvent:
		switch w.Event {
		case rcsTyping:
			return RCSTyping{}
		case rcsRead:
			return RCSMarkRead{MessageID: w.MessageID}
		}
	}
	return nil
}

func (w wireCardIn) card() Content {
	chips, ok := readSuggestions(w.Suggestions)
	if !ok {
		return nil
	}
	c := RCSCard{
		Title: w.Title, Description: w.Description, Orientation: w.Orientation, ThumbnailAlignment: w.ThumbnailAlignment,
		Media: CardMedia{URL: w.Media.URL, Height: w.Media.Height, FileSize: w.Media.FileSize}, Suggestions: chips,
	}
	if t := w.Thumbnail; t != nil {
		c.Thumbnail = &Thumbnail{URL: t.URL, Height: t.Height, FileSize: t.FileSize, ContentType: t.ContentType, Description: t.Description}
	}
	return c
}

func readSuggestions(list []wireSuggestion) (out []Suggestion, ok bool) {
	for _, w := range list {
		var s Suggestion
		switch w.Type {
		case suggestReply:
			s = Reply{w.Text, w.PostbackData}
		case suggestView:
			if w.Latitude == nil || w.Longitude == nil {
				return nil, false
			}
			s = ViewLocation{w.Text, w.PostbackData, w.Address, *w.Latitude, *w.Longitude}
		case suggestShare:
			s = ShareLocation{w.Text, w.PostbackData}
		case suggestURL:
			s = OpenURL{w.Text, w.PostbackData, w.URL}
		case suggestCalendar:
			s = CalendarEvent{w.Text, w.PostbackData, time.Time(w.Start), time.Time(w.End), w.Title, w.Description}
		case suggestDial:
			s = DialPhone{w.Text, w.PostbackData, w.Phone}
		default:
			return nil, false
		}
		out = append(out, s)
	}
	return out, true
}
