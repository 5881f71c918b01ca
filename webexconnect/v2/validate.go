package v2

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/cpaas-go/cpaas/internal/problems"
	"github.com/cpaas-go/cpaas/webexconnect/internal/wx"
)

// The vendor's limits.
const (
	maxAddresses     = 1000
	maxCallbackData  = 2000
	maxCorrelationID = 50 // bytes
	maxSMSText       = 4000
	maxHTML          = 500 << 10 // bytes
	maxMMSSubject    = 80
	maxSlides        = 9
	maxSlideText     = 4096
	maxSpeech        = 2000
	maxRCSText       = 1024
	maxAhead         = 7 * 24 * time.Hour
	maxSMSValidity   = 72 * time.Hour

	maxChips         = 10
	maxCardChips     = 4
	maxCarouselChips = 2
	minCards         = 2
)

// rules say which checks are on.
type rules struct {
	relaxed bool // no format checks
	e164    bool // recipients' numbers must be E.164 with "+"
}

// Validate names everything that is wrong with m, by JSON path. The error is
// an [*Error].
func (m Request) Validate() error { return m.validate(rules{}) }

func (m *Request) validate(r rules) error {
	var found problems.List
	m.check(&found, r)
	return invalid(opSend, found)
}

func (m *Request) check(found *problems.List, r rules) {
	var ch Channel
	m.Content = plain(m.Content)
	if m.Content == nil {
		found.Add("is missing: needs content or a template", "content")
	} else {
		ch = m.Content.Channel()
		found.Check(problems.OneOf(ch, ChannelSMS, ChannelEmail, ChannelRCS, ChannelMMS, ChannelVoice), "channel")
		if ch == "" {
			found.Add("is missing", "channel")
		}
		m.Content.check(found, r)
	}
	if ch == ChannelEmail {
		found.Check(addressProblem(m.From, r), "from")
	} else {
		found.Check(problems.Required(m.From), "from")
	}
	m.checkTo(found, ch, r)
	m.checkEmailOnly(found, ch, r)
	found.Check(substitutionsProblem(m.Substitutions), "substitutions")
	m.checkLinks(found, ch, r)
	m.checkTimes(found, ch, r)
	m.checkNotifications(found, ch, r)
	if p := m.ContactPolicy; p != nil {
		found.Check(problems.Required(p.Group), "contactPolicy.contactPolicyGroup")
		if !p.CheckConsent && !p.ApplyFrequencyCap {
			found.Add("needs channelCheckConsent or channelApplyFrequencyCap", "contactPolicy")
		}
	}
	found.Check(problems.Text(m.BatchID), "batchId")
	checkExtra(found, m.Extra, "", func() ([]byte, error) {
		plain := *m
		plain.Extra = nil
		if m.Options != nil {
			plain.Options = new(*m.Options)
			plain.Options.Extra = nil
		}
		return plain.encode()
	})
}

// checkExtra notes members that are not JSON, and those that are set twice.
// own is the object without them.
func checkExtra(found *problems.List, extra map[string]json.RawMessage, path string, own func() ([]byte, error)) {
	if len(extra) == 0 {
		return
	}
	found.Check(problems.Extra(extra), "%s", path)
	var set map[string]json.RawMessage
	if b, err := own(); err != nil || json.Unmarshal(b, &set) != nil {
		return // of no use yet: the rest has problems enough
	}
	for _, name := range slices.Sorted(maps.Keys(extra)) {
		if _, ok := set[name]; ok {
			found.Add("is set already; it is also in Extra", "%s", strings.TrimPrefix(path+"."+name, "."))
		}
	}
}

func (m *Request) checkTo(found *problems.List, ch Channel, r rules) {
	if len(m.To) == 0 {
		found.Add("is empty", "to")
	}
	total := 0
	for i := range m.To {
		d := &m.To[i]
		total += len(d.MSISDN) + len(d.Email)
		switch {
		case ch == ChannelEmail && len(d.MSISDN) > 0:
			found.Add("does not go with the channel: e-mail takes addresses", "to[%d].msisdn", i)
		case ch != ChannelEmail && len(d.Email) > 0:
			found.Add("does not go with the channel: it takes phone numbers", "to[%d].email", i)
		case ch == ChannelEmail && len(d.Email) == 0:
			found.Add("is empty", "to[%d].email", i)
		case ch != ChannelEmail && len(d.MSISDN) == 0:
			found.Add("is empty", "to[%d].msisdn", i)
		}
		for j, n := range d.MSISDN {
			found.CheckRecipient(numberProblem(n, r), "to[%d].msisdn[%d]", i, j)
		}
		for j, a := range d.Email {
			found.CheckRecipient(addressProblem(a, r), "to[%d].email[%d]", i, j)
		}
		found.Check(correlationProblem(d.CorrelationID, r), "to[%d].correlationId", i)
		found.Check(substitutionsProblem(d.Substitutions), "to[%d].substitutions", i)
	}
	if total > maxAddresses {
		found.Add("has more than 1000 addresses", "to")
	}
}

func (m *Request) checkEmailOnly(found *problems.List, ch Channel, r rules) {
	for i, a := range m.CC {
		found.CheckRecipient(addressProblem(a, r), "cc[%d]", i)
	}
	for i, a := range m.BCC {
		found.CheckRecipient(addressProblem(a, r), "bcc[%d]", i)
	}
	if ch == ChannelEmail {
		return
	}
	const only = "is for e-mail only"
	if len(m.CC) > 0 {
		found.Add(only, "cc")
	}
	if len(m.BCC) > 0 {
		found.Add(only, "bcc")
	}
	if m.MultipleToRecipients != nil {
		found.Add(only, "multipleToRecipients")
	}
}

var smartLinkToken = regexp.MustCompile(`\{\{smartlink_([0-9]+)\}\}`)

func (m *Request) checkLinks(found *problems.List, ch Channel, r rules) {
	if m.Options != nil {
		m.Options.check(found, ch, r)
	}
	if len(m.SmartLinks) > 0 && ch != ChannelSMS {
		found.Add("are for SMS only", "smartlinks")
	}
	known := map[string]bool{}
	for i, l := range m.SmartLinks {
		if l.ID <= 0 {
			found.Add("must be positive", "smartlinks[%d].smartlinkId", i)
		}
		if l.Validity <= 0 {
			found.Add("must be positive", "smartlinks[%d].validity", i)
		}
		known[strconv.Itoa(l.ID)] = true
	}
	text, ok := m.Content.(SMS)
	if !ok {
		return
	}
	for _, match := range smartLinkToken.FindAllStringSubmatch(text.Text, -1) {
		if !known[match[1]] {
			found.Add("lacks the link that content.text has in place", "smartlinks")
			return
		}
	}
}

func (o *Options) check(found *problems.List, ch Channel, r rules) {
	texts := map[string]string{
		"domain": o.Domain, "tag1": o.Tag1, "tag2": o.Tag2, "fromName": o.FromName, "listUnsubscribeUrl": o.ListUnsubscribeURL,
		"unsubscribeEmailAddress": o.UnsubscribeEmailAddress, "unsubscribeEmailSubject": o.UnsubscribeEmailSubject,
		"smsSenderId": o.SMSSenderID, "text": o.SMSText,
	}
	for _, name := range slices.Sorted(maps.Keys(texts)) {
		found.Check(problems.Text(texts[name]), "options.%s", name)
	}
	only := func(set bool, on Channel, name string) {
		if set && ch != on {
			found.Add("is for "+string(on)+" only", "options.%s", name)
		}
	}
	only(o.FromName != "", ChannelEmail, "fromName")
	only(o.TrackOpens != nil, ChannelEmail, "trackOpens")
	only(o.ListUnsubscribeURL != "", ChannelEmail, "listUnsubscribeUrl")
	only(o.UnsubscribeEmailAddress != "", ChannelEmail, "unsubscribeEmailAddress")
	only(o.UnsubscribeEmailSubject != "", ChannelEmail, "unsubscribeEmailSubject")
	only(o.SMSFallback != nil, ChannelRCS, "smsFallback")
	only(o.SMSSenderID != "", ChannelRCS, "smsSenderId")
	only(o.SMSText != "", ChannelRCS, "text")
	only(o.CarrierID != 0, ChannelRCS, "carrierId")
	if o.SMSFallback != nil && *o.SMSFallback {
		if o.SMSSenderID == "" {
			found.Add("is missing: smsFallback needs it", "options.smsSenderId")
		}
		if o.SMSText == "" {
			found.Add("is missing: smsFallback needs it", "options.text")
		}
	}
	found.Check(tooLong(o.SMSText, maxRCSText), "options.text")
	if ch == ChannelVoice || ch == ChannelMMS {
		if o.TrackClicks != nil || o.ShortenLinks != nil || o.AllowFallbackURL != nil || o.Domain+o.Tag1+o.Tag2 != "" {
			found.Add("has link settings, which the channel does not have", "options")
		}
	}
	if shortens := o.ShortenLinks != nil && *o.ShortenLinks; !r.relaxed && o.Domain == "" && (shortens || ch == ChannelSMS) {
		found.Add("is missing: shortened links, and any options of an SMS, need it", "options.domain")
	}
	checkExtra(found, o.Extra, "options", func() ([]byte, error) {
		plain := *o
		plain.Extra = nil
		return plain.encode(ch)
	})
}

func (m *Request) checkTimes(found *problems.List, ch Channel, r rules) {
	if !m.ExpireAt.IsZero() && m.Validity != 0 {
		found.Add("must not come with expireAt", "validity")
	}
	switch {
	case m.Validity < 0, m.Validity%time.Second != 0:
		found.Add("must be a positive number of whole seconds", "validity")
	case m.Validity > maxSMSValidity && ch == ChannelSMS:
		found.Add("must be at most 72 hours", "validity")
	}
	checkTime(found, "sendAt", m.SendAt, r)
	checkTime(found, "expireAt", m.ExpireAt, r)
}

func checkTime(found *problems.List, path string, t time.Time, r rules) {
	switch {
	case t.IsZero():
	case t.UTC().Year() < 1 || t.UTC().Year() > 9999:
		found.Add("cannot be written", "%s", path)
	case !r.relaxed && time.Until(t) > maxAhead: // rests on this machine's clock
		found.Add("must be at most 7 days ahead", "%s", path)
	}
}

func (m *Request) checkNotifications(found *problems.List, ch Channel, r rules) {
	found.Check(correlationProblem(m.CorrelationID, r), "correlationId")
	found.Check(cmp.Or(problems.Text(m.CallbackData), tooLong(m.CallbackData, maxCallbackData)), "callbackData")
	found.Check(notifyURLProblem(m.NotifyURL, r), "notifyUrl")
	found.Check(problems.Text(m.NotifyURLAuthID), "notifyUrlAuthId")
	for i, word := range m.RequestedReceipts {
		known, ok := receipts[ch]
		switch {
		case problems.Required(string(word)) != "":
			found.Add(problems.Required(string(word)), "requestedReceipts[%d]", i)
		case ok && !r.relaxed && !slices.Contains(known, strings.ToLower(string(word))):
			found.Add("is not a receipt of the channel", "requestedReceipts[%d]", i)
		}
	}
}

func (t Template) check(found *problems.List, _ rules) {
	found.Check(problems.Required(t.ID), "template.id")
	found.Check(problems.Text(t.Subject), "template.subject")
	if t.Subject != "" && t.On != ChannelEmail {
		found.Add("is for e-mail only", "template.subject")
	}
}

func (c RawContent) check(found *problems.List, _ rules) {
	if _, err := c.body(); err != nil || !bytes.HasPrefix(bytes.TrimSpace(c.JSON), []byte("{")) || !utf8.Valid(c.JSON) {
		found.Add("is not a JSON object", "content")
	}
}

func (c SMS) check(found *problems.List, _ rules) {
	found.Check(cmp.Or(problems.Required(c.Text), tooLong(c.Text, maxSMSText)), "content.text")
	found.Check(problems.OneOf(c.Type, TypeText, TypeUnicode), "content.type")
}

func (c Email) check(found *problems.List, r rules) {
	found.Check(problems.OneOf(c.Type, TypePlain, TypeHTML), "content.type")
	found.Check(problems.Required(c.Subject), "content.subject")
	found.Check(problems.Text(c.Text), "content.text")
	found.Check(problems.Text(c.HTML), "content.html")
	switch c.kind() {
	case TypePlain:
		if c.Text == "" {
			found.Add("is missing", "content.text")
		}
	case TypeHTML:
		if c.HTML == "" && !r.relaxed { // a sample with attachments goes without it
			found.Add("is missing", "content.html")
		}
	}
	if len(c.HTML) > maxHTML {
		found.Add("is over 500 KB", "content.html")
	}
	if c.ReplyTo != "" {
		found.Check(addressProblem(c.ReplyTo, r), "content.replyTo")
	}
	found.Check(problems.Text(c.Encoding), "content.encoding")
	for i, a := range c.Attachments {
		found.Check(problems.Required(a.MIMEType), "content.attachments[%d].mimetype", i)
		found.Check(problems.Required(a.Name), "content.attachments[%d].name", i)
		found.Check(linkProblem(a.URL, r), "content.attachments[%d].mediaUrl", i)
		found.Check(problems.Text(a.CID), "content.attachments[%d].cid", i)
	}
}

func (c MMS) check(found *problems.List, r rules) {
	found.Check(cmp.Or(problems.Required(c.Subject), tooLong(c.Subject, maxMMSSubject)), "content.subject")
	found.Check(problems.Text(c.FallbackText), "content.fallbacktext")
	found.Check(problems.Text(c.Name), "content.name")
	switch {
	case len(c.Slides) == 0:
		found.Add("is empty", "content.attachments")
	case len(c.Slides) > maxSlides:
		found.Add("has more than 9 slides", "content.attachments")
	}
	for i, s := range c.Slides {
		path := fmt.Sprintf("content.attachments[%d]", i)
		found.Check(cmp.Or(problems.Text(s.Text), tooLong(s.Text, maxSlideText)), "%s.messageText", path)
		found.Check(problems.Text(string(s.Type)), "%s.type", path)
		switch {
		case s.URL == "" && s.Text == "":
			found.Add("has neither text nor a file", "%s", path)
		case s.URL != "":
			found.Check(linkProblem(s.URL, r), "%s.mediaUrl", path)
			found.Check(problems.Required(string(s.Type)), "%s.type", path)
		}
		if !r.relaxed {
			found.Check(problems.OneOf(s.Type, SlideImage, SlideVideo, SlideAudio, SlideCalendar, SlideContact, SlidePDF), "%s.type", path)
		}
		if s.Duration < 0 {
			found.Add("is negative", "%s.duration", path)
		}
	}
}

func (c VoiceMedia) check(found *problems.List, _ rules) {
	found.Check(problems.Required(c.MediaID), "content.mediaId")
}

func (c VoiceSpeech) check(found *problems.List, _ rules) {
	found.Check(cmp.Or(problems.Required(c.Text), tooLong(c.Text, maxSpeech)), "content.text")
	found.Check(problems.Required(c.Language), "content.language")
	found.Check(problems.Required(c.Voice), "content.voice")
	found.Check(problems.Required(c.Region), "content.region")
	found.Check(problems.Required(c.Gender), "content.gender")
	found.Check(problems.OneOf(c.Type, neural), "content.voiceType")
	found.Check(problems.OneOf(c.Processor, azure), "content.ttsProcessor")
}

func (c RCSText) check(found *problems.List, r rules) {
	found.Check(cmp.Or(problems.Required(c.Text), tooLong(c.Text, maxRCSText)), "content.text")
	checkSuggestions(found, "content.suggestions", c.Suggestions, maxChips, r)
}

func (c RCSMedia) check(found *problems.List, r rules) {
	found.Check(linkProblem(c.URL, r), "content.mediaContentUrl")
	found.Check(sizeProblem(c.FileSize), "content.fileSize")
	checkSuggestions(found, "content.suggestions", c.Suggestions, maxChips, r)
}

func (c RCSCard) check(found *problems.List, r rules) {
	const path = "content.richCard"
	found.Check(problems.Required(c.Title), path+".title")
	found.Check(problems.Text(c.Description), path+".description")
	found.Check(cmp.Or(problems.Required(string(c.Orientation)), problems.OneOf(c.Orientation, Horizontal, Vertical)), path+".orientation")
	found.Check(cmp.Or(problems.Required(string(c.ThumbnailAlignment)), problems.OneOf(c.ThumbnailAlignment, Left, Right)),
		path+".thumbnailAlignment")
	checkMedia(found, path+".media", c.Media.URL, c.Media.Height, c.Media.FileSize, r)
	if t := c.Thumbnail; t != nil {
		checkMedia(found, path+".thumbnail", t.URL, t.Height, t.FileSize, r)
		found.Check(problems.Text(t.ContentType), path+".thumbnail.contentType")
		found.Check(problems.Text(t.Description), path+".thumbnail.description")
	}
	checkSuggestions(found, path+".suggestions", c.Suggestions, maxCardChips, r)
}

func (c RCSCarousel) check(found *problems.List, r rules) {
	found.Check(cmp.Or(problems.Required(string(c.Width)), problems.OneOf(c.Width, WidthSmall, WidthMedium)), "content.width")
	if len(c.Cards) < minCards {
		found.Add("needs at least two cards", "content.cards")
	}
	for i, card := range c.Cards {
		path := fmt.Sprintf("content.cards[%d]", i)
		found.Check(problems.Required(card.Title), "%s.title", path)
		found.Check(problems.Text(card.Description), "%s.description", path)
		checkMedia(found, path+".media", card.Media.URL, card.Media.Height, card.Media.FileSize, r)
		checkSuggestions(found, path+".suggestions", card.Suggestions, maxCarouselChips, r)
	}
	checkSuggestions(found, "content.suggestions", c.Suggestions, maxChips, r)
}

func (RCSTyping) check(*problems.List, rules) {}

func (c RCSMarkRead) check(found *problems.List, _ rules) {
	found.Check(problems.Required(c.MessageID), "content.messageId")
}

func checkMedia(found *problems.List, path, link string, h Height, size int, r rules) {
	found.Check(linkProblem(link, r), "%s.url", path)
	found.Check(cmp.Or(problems.Required(string(h)), problems.OneOf(h, HeightShort, HeightMedium, HeightTall)), "%s.height", path)
	found.Check(sizeProblem(size), "%s.fileSize", path)
}

func checkSuggestions(found *problems.List, path string, list []Suggestion, most int, r rules) {
	if len(list) > most {
		found.Add(fmt.Sprintf("has more than %d", most), "%s", path)
	}
	for i, s := range list {
		at := fmt.Sprintf("%s[%d]", path, i)
		s = plain(s)
		if s == nil {
			found.Add("is nil", "%s", at)
			continue
		}
		s.checkSuggestion(found, at, r)
	}
}

func checkChip(found *problems.List, path, text, postback string) {
	found.Check(problems.Required(text), "%s.displayText", path)
	found.Check(problems.Text(postback), "%s.postbackData", path)
}

func (s Reply) checkSuggestion(found *problems.List, path string, _ rules) {
	checkChip(found, path, s.Text, s.PostbackData)
}

func (s ViewLocation) checkSuggestion(found *problems.List, path string, _ rules) {
	checkChip(found, path, s.Text, s.PostbackData)
	found.Check(problems.Text(s.Address), "%s.address", path)
	if !(s.Latitude >= -90 && s.Latitude <= 90) { // also refuses NaN
		found.Add("must be between -90 and 90", "%s.latitude", path)
	}
	if !(s.Longitude >= -180 && s.Longitude <= 180) {
		found.Add("must be between -180 and 180", "%s.longitude", path)
	}
}

func (s ShareLocation) checkSuggestion(found *problems.List, path string, _ rules) {
	checkChip(found, path, s.Text, s.PostbackData)
}

func (s OpenURL) checkSuggestion(found *problems.List, path string, r rules) {
	checkChip(found, path, s.Text, s.PostbackData)
	found.Check(linkProblem(s.URL, r), "%s.url", path)
}

func (s CalendarEvent) checkSuggestion(found *problems.List, path string, _ rules) {
	checkChip(found, path, s.Text, s.PostbackData)
	if s.Start.IsZero() {
		found.Add("is missing", "%s.startTime", path)
	}
	if s.End.IsZero() {
		found.Add("is missing", "%s.endTime", path)
	}
	found.Check(problems.Required(s.Title), "%s.meetingTitle", path)
	found.Check(problems.Text(s.Description), "%s.meetingDescription", path)
}

func (s DialPhone) checkSuggestion(found *problems.List, path string, _ rules) {
	checkChip(found, path, s.Text, s.PostbackData)
	found.Check(problems.Required(s.Phone), "%s.phone", path)
}

func tooLong(s string, most int) string {
	if len(s) > most && utf8.RuneCountInString(s) > most {
		return fmt.Sprintf("is over %d characters", most)
	}
	return ""
}

func sizeProblem(n int) string {
	if n < 0 {
		return "is negative"
	}
	return ""
}

func correlationProblem(s string, r rules) string {
	if len(s) > maxCorrelationID && !r.relaxed {
		return "is over 50 bytes"
	}
	return problems.Text(s)
}

func substitutionsProblem(m map[string]string) string {
	for name, value := range m {
		if problem := cmp.Or(problems.Required(name), problems.Text(value)); problem != "" {
			return "has a name or value that is empty or not valid UTF-8"
		}
	}
	return ""
}

func numberProblem(s string, r rules) string {
	if s == "" || !r.e164 {
		return problems.Required(s)
	}
	return wx.E164Problem(s)
}

func addressProblem(s string, r rules) string {
	if s == "" || r.relaxed {
		return problems.Required(s)
	}
	return emailProblem(s)
}

// emailProblem is what is wrong with s as a bare address, or "". The lengths
// are those that the vendor's code 7524 names.
func emailProblem(s string) string {
	at := strings.LastIndexByte(s, '@')
	switch {
	case problems.Text(s) != "":
		return problems.Text(s)
	case at < 1 || at == len(s)-1 || strings.ContainsAny(s, " \t\r\n<>,;"):
		return "is not an e-mail address"
	case at > 64 || len(s)-at-1 > 255 || len(s) > 320:
		return "is too long for an e-mail address"
	}
	return ""
}

func notifyURLProblem(s string, r rules) string {
	if problem := problems.Text(s); problem != "" || s == "" || r.relaxed {
		return problem
	}
	return wx.NotifyURLProblem(s)
}

// linkProblem is what is wrong with s as a link that is required, or "".
func linkProblem(s string, r rules) string {
	if problem := problems.Required(s); problem != "" || r.relaxed {
		return problem
	}
	u, err := url.Parse(s)
	if err != nil || u.Scheme == "" || strings.ContainsFunc(s, isSpace) {
		return "is not an absolute URL"
	}
	return ""
}

func isSpace(r rune) bool { return r <= ' ' }
