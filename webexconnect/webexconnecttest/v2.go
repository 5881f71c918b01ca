package webexconnecttest

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/cpaas-go/cpaas/internal/fake"
	"github.com/cpaas-go/cpaas/webexconnect"
	v2 "github.com/cpaas-go/cpaas/webexconnect/v2"
)

// v2State is what the server knows of v2. Server.mu guards it.
type v2State struct {
	accepted []json.RawMessage
	messages map[string]v2Message
}

// v2Message is an accepted message, for Get.
type v2Message struct {
	at   time.Time
	body json.RawMessage
}

// ClientV2 is a client of the API's second version, with the right service
// key. It panics if an option is wrong.
//
// What the server checks of v2 are the rules of the vendor's pages for Send
// Message v2, of every request:
//
//   - POST to /v2/messages, GET to /v2/messages/ and an id (404 and 405
//     otherwise)
//   - credentials as of v1: 401 with nothing otherwise
//   - Content-Type application/json and a UTF-8 JSON object without null, with
//     nothing behind it
//   - documented names in their letter case, values of the types that the
//     vendor's tables or samples have; other names are let through, as this
//     module's Extra fields send them
//   - channel sms, email, rcs, mms or voice; a from; at least one object in
//     to, each with an msisdn or, for e-mail, an email, and up to 1000
//     addresses over all
//   - content or a template with its id, not both; the type and the mandatory
//     fields of each content and each suggestion, with their words
//   - not both expireAt and validity; times as the vendor writes them; sendAt
//     and expireAt up to 7 days ahead
//
// Then everything that package v2 knows of limits, with its code: a client
// with relaxed validation is checked here.
//
// A request is answered with 201 and one object, whatever the number of
// recipients, because no page shows more; its correlationId is the first
// recipient's. A wrong one is answered with 400, a code and a message. Get
// finds what was accepted, by the first recipient, as "Submitted".
func (s *Server) ClientV2(opts ...v2.Option) *v2.Client {
	client, err := v2.New("", webexconnect.ServiceKey(ServiceKey), append([]v2.Option{v2.WithBaseURL(s.URL)}, opts...)...)
	if err != nil {
		panic(err)
	}
	return client
}

// AcceptedV2 is the v2 requests accepted so far, in order.
func (s *Server) AcceptedV2() []v2.Request {
	s.mu.Lock()
	raw := slices.Clone(s.v2.accepted)
	s.mu.Unlock()
	out := make([]v2.Request, len(raw))
	for i := range raw {
		if err := json.Unmarshal(raw[i], &out[i]); err != nil {
			panic(err) // it was decoded when it was accepted
		}
	}
	return out
}

// RefuseV2 refuses the request as v2 does, with status 400 and a code. The
// request is not looked at, and nothing is accepted.
func RefuseV2(code string) Answer {
	return fake.Respond(http.StatusBadRequest, "application/json", encode(refusedV2{code, describeV2(code)}))
}

// RejectV2 answers 201 with the status "Rejected", as the vendor says that
// voice does. The request is not looked at, and nothing is accepted.
func RejectV2() Answer {
	return fake.Respond(http.StatusCreated, "application/json",
		encode(acceptedV2{RequestTimestamp: v2Time(time.Now()), MessageID: refusedID, Status: "Rejected"}))
}

type refusedV2 struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

type acceptedV2 struct {
	RequestTimestamp string `json:"requestTimestamp"`
	MessageID        string `json:"messageId"`
	CorrelationID    string `json:"correlationId"`
	Status           string `json:"status"`
}

func describeV2(code string) string {
	if text := webexconnect.CodeText(webexconnect.SurfaceV2, "", code); text != "" {
		return text
	}
	return "refused"
}

func v2Time(t time.Time) string { return t.UTC().Format(v2Layout) }

const (
	v2Path   = "/v2/messages"
	v2Layout = "2006-01-02T15:04:05.000Z"
)

func (s *Server) serveV2(w http.ResponseWriter, r *http.Request) {
	id, one := strings.CutPrefix(r.URL.Path, v2Path+"/")
	method := http.MethodPost
	if one {
		method = http.MethodGet
	}
	switch {
	case !one && r.URL.Path != v2Path, one && (id == "" || strings.Contains(id, "/")):
		w.WriteHeader(http.StatusNotFound)
	case r.Method != method:
		w.Header().Set("Allow", method)
		w.WriteHeader(http.StatusMethodNotAllowed)
	case credentialOf(r.Header) != credentialGood:
		w.WriteHeader(http.StatusUnauthorized)
	case one:
		s.getV2(w, id)
	default:
		s.sendV2(w, r)
	}
}

func answerV2(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	if _, err := io.WriteString(w, encode(body)); err != nil {
		return // the client is gone
	}
}

func (s *Server) sendV2(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	sub, err := readV2(r.Header, body)
	if err != nil {
		code := "7004"
		if why, ok := errors.AsType[*refusal](err); ok {
			code = why.code
		}
		answerV2(w, http.StatusBadRequest, refusedV2{code, describeV2(code) + " - " + err.Error()})
		return
	}
	if code := s.refusalOf(sub.recipients); code != "" {
		answerV2(w, http.StatusBadRequest, refusedV2{code, describeV2(code)})
		return
	}
	now := time.Now()
	sub.transID = s.newID()
	s.mu.Lock()
	s.v2.accepted = append(s.v2.accepted, body)
	if s.v2.messages == nil {
		s.v2.messages = map[string]v2Message{}
	}
	s.v2.messages[sub.transID] = v2Message{now, body}
	s.mu.Unlock()
	s.remember(sub)
	answerV2(w, http.StatusCreated, acceptedV2{v2Time(now), sub.transID, sub.recipients[0].correlationID, "queued"})
}

// getV2 answers as the vendor's one example does.
func (s *Server) getV2(w http.ResponseWriter, id string) {
	s.mu.Lock()
	m, ok := s.v2.messages[id]
	s.mu.Unlock()
	if !ok {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	sub, err := checkV2(m.body)
	if err != nil {
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	var sent object
	if err := json.Unmarshal(m.body, &sent); err != nil {
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	out := map[string]any{
		"clientId": 1117, "groupId": 1387, "teamId": 1992, "version": "2.0", "direction": "outbound", "numSegments": "1",
		"status": "Submitted", "messageId": id, "requestTimestamp": v2Time(m.at), "to": sub.recipients[0].address,
		"toType": sub.recipients[0].kind, "correlationId": sub.recipients[0].correlationID, "requestedReceipts": []string{},
	}
	for _, name := range []string{"channel", "from", "content", "options", "notifyUrl", "callbackData", "requestedReceipts"} {
		if value, ok := sent[name]; ok {
			out[name] = value
		}
	}
	answerV2(w, http.StatusOK, out)
}

func readV2(h http.Header, body []byte) (submission, error) {
	if media, _, err := mime.ParseMediaType(h.Get("Content-Type")); err != nil || media != "application/json" {
		return submission{}, refuse("7000", "Content-Type is not application/json")
	}
	if !utf8.Valid(body) || !json.Valid(body) {
		return submission{}, refuse("7000", "not JSON")
	}
	if err := noNull(json.NewDecoder(bytes.NewReader(body))); err != nil {
		return submission{}, err
	}
	sub, err := checkV2(body)
	if err != nil {
		return submission{}, err
	}
	var r v2.Request
	if json.Unmarshal(body, &r) != nil {
		return submission{}, refuse("7004", "a value is of the wrong type")
	}
	if err := r.Validate(); err != nil {
		return submission{}, refuse("7004", "%v", err)
	}
	return sub, nil
}

// The documented names, for their letter case.
var (
	v2Names = strings.Fields("channel from to cc bcc multipleToRecipients substitutions smartlinks options requestedReceipts " +
		"content template sendAt expireAt validity batchId correlationId callbackData notifyUrl notifyUrlAuthId contactPolicy")
	v2ToNames       = strings.Fields("msisdn email correlationId substitutions")
	v2OptionNames   = strings.Fields("fromName trackClicks trackOpens shortenLinks domain tag1 tag2 allowFallbackURL listUnsubscribeUrl unsubscribeEmailAddress unsubscribeEmailSubject smsFallback smsSenderId text carrierId")
	v2ContentNames  = strings.Fields("type text encoding subject replyTo html attachments fallbacktext name mediaId ttsProcessor language voice region voiceType gender mediaContentUrl fileSize richCard width cards event messageId suggestions")
	v2LinkNames     = strings.Fields("smartlinkId validity")
	v2TemplateNames = strings.Fields("id subject")
	v2CardNames     = strings.Fields("title description orientation thumbnailAlignment media thumbnail suggestions")
	v2ChipNames     = strings.Fields("type displayText postbackData address latitude longitude url startTime endTime meetingTitle meetingDescription phone")
	v2FileNames     = strings.Fields("mimetype type name mediaUrl cid messageText duration")
)

// checkV2 checks one request and says what notifications of it are made of.
func checkV2(raw json.RawMessage) (submission, error) {
	c := v2Check{}
	o := c.object("request", raw, v2Names)
	channel := c.word(o, "channel", "sms", "email", "rcs", "mms", "voice")
	c.required(o, "from")
	sub := submission{channel: channel, callbackData: c.text(o, "callbackData"), notifyURL: c.text(o, "notifyUrl")}
	sub.recipients = c.to(o, channel, c.text(o, "correlationId"))
	for _, name := range []string{"batchId", "notifyUrlAuthId"} {
		c.text(o, name)
	}
	for _, name := range []string{"cc", "bcc", "requestedReceipts"} {
		c.texts(o, name)
	}
	c.boolean(o, "multipleToRecipients")
	c.substitutions(o)
	c.times(o)
	c.options(o)
	for _, link := range c.list(o, "smartlinks") {
		l := c.object("smartlinks", link, v2LinkNames)
		c.number(l, "smartlinkId", true)
		c.number(l, "validity", true)
	}
	if policy, ok := o["contactPolicy"]; ok {
		p := c.object("contactPolicy", policy, policyNames)
		c.required(p, "contactPolicyGroup")
		c.boolean(p, "channelCheckConsent")
		c.boolean(p, "channelApplyFrequencyCap")
	}
	content, hasContent := o["content"]
	template, hasTemplate := o["template"]
	switch {
	case hasContent == hasTemplate:
		c.fail("7003", "exactly one of content and template")
	case hasTemplate:
		t := c.object("template", template, v2TemplateNames)
		c.required(t, "id")
		c.text(t, "subject")
	default:
		c.content(channel, c.object("content", content, v2ContentNames))
	}
	return sub, c.err
}

// v2Check keeps the first thing that is wrong.
type v2Check struct{ err error }

func (c *v2Check) fail(code, format string, args ...any) {
	if c.err == nil {
		c.err = refuse(code, format, args...)
	}
}

func (c *v2Check) object(at string, raw json.RawMessage, names []string) object {
	o, err := open(at, raw, names)
	if err != nil && c.err == nil {
		c.err = err
	}
	return o
}

// member decodes a member into v; false when it is absent or of another type.
func (c *v2Check) member(o object, name string, v any) bool {
	raw, ok := o[name]
	if ok && json.Unmarshal(raw, v) != nil {
		c.fail("7004", "%s", name)
		return false
	}
	return ok
}

func (c *v2Check) text(o object, name string) (s string) {
	c.member(o, name, &s)
	return s
}

func (c *v2Check) required(o object, name string) string {
	s := c.text(o, name)
	if s == "" {
		c.fail("7003", "%s", name)
	}
	return s
}

func (c *v2Check) word(o object, name string, allowed ...string) string {
	s := c.required(o, name)
	if !slices.Contains(allowed, s) {
		c.fail("7004", "%s", name)
	}
	return s
}

func (c *v2Check) texts(o object, name string) (all []string) {
	c.member(o, name, &all)
	if slices.Contains(all, "") {
		c.fail("7004", "%s", name)
	}
	return all
}

func (c *v2Check) list(o object, name string) (all []json.RawMessage) {
	c.member(o, name, &all)
	return all
}

func (c *v2Check) boolean(o object, name string) {
	var b bool
	c.member(o, name, &b)
}

// onOff is a boolean, which most samples write as a text.
func (c *v2Check) onOff(o object, name string) {
	if raw, ok := o[name]; ok && !slices.Contains([]string{`true`, `false`, `"true"`, `"false"`}, string(raw)) {
		c.fail("7004", "%s", name)
	}
}

// number is a number: tables call some of them strings, samples do not.
func (c *v2Check) number(o object, name string, required bool) {
	var n float64
	if !c.member(o, name, &n) && required {
		c.fail("7003", "%s", name)
	}
}

func (c *v2Check) substitutions(o object) {
	var values map[string]string
	c.member(o, "substitutions", &values)
}

func (c *v2Check) to(o object, channel, correlationID string) (all []recipient) {
	kind, other := "msisdn", "email"
	if channel == "email" {
		kind, other = other, kind
	}
	for _, raw := range c.list(o, "to") {
		d := c.object("to", raw, v2ToNames)
		addresses := c.texts(d, kind)
		if len(addresses) == 0 {
			c.fail("7003", "%s", kind)
		}
		if _, ok := d[other]; ok {
			c.fail("7004", "%s", other)
		}
		c.substitutions(d)
		id := c.text(d, "correlationId")
		if id == "" {
			id = correlationID
		}
		for _, address := range addresses {
			all = append(all, recipient{address, kind, id})
		}
	}
	switch {
	case len(all) == 0:
		c.fail("7003", "to")
	case len(all) > 1000:
		c.fail("7009", "%d destinations", len(all))
	}
	return all
}

func (c *v2Check) times(o object) {
	for _, name := range []string{"sendAt", "expireAt"} {
		if s, ok := o[name]; ok {
			t, err := time.Parse(`"`+v2Layout+`"`, string(s))
			if err != nil || time.Until(t) > 7*24*time.Hour {
				c.fail("7004", "%s", name)
			}
		}
	}
	if _, ok := o["validity"]; ok {
		seconds := c.text(o, "validity")
		if seconds == "" || strings.Trim(seconds, "0123456789") != "" {
			c.fail("7004", "validity")
		}
		if _, both := o["expireAt"]; both {
			c.fail("7004", "validity beside expireAt")
		}
	}
}

func (c *v2Check) options(o object) {
	raw, ok := o["options"]
	if !ok {
		return
	}
	opts := c.object("options", raw, v2OptionNames)
	for _, name := range []string{
		"fromName", "domain", "tag1", "tag2", "listUnsubscribeUrl", "unsubscribeEmailAddress", "unsubscribeEmailSubject", "smsSenderId", "text",
	} {
		c.text(opts, name)
	}
	for _, name := range []string{"trackClicks", "trackOpens", "shortenLinks", "allowFallbackURL"} {
		c.onOff(opts, name)
	}
	c.boolean(opts, "smsFallback")
	c.number(opts, "carrierId", false)
}

func (c *v2Check) content(channel string, o object) {
	switch channel {
	case "sms":
		c.word(o, "type", "text", "unicode")
		c.required(o, "text")
	case "email":
		c.email(o)
	case "mms":
		c.required(o, "subject")
		c.text(o, "fallbacktext")
		c.text(o, "name")
		slides := c.list(o, "attachments")
		if len(slides) == 0 {
			c.fail("7003", "attachments")
		}
		for _, raw := range slides {
			slide := c.object("attachments", raw, v2FileNames)
			for _, name := range []string{"type", "messageText", "mediaUrl"} {
				c.text(slide, name)
			}
			c.number(slide, "duration", false)
		}
	case "voice":
		if c.word(o, "type", "media", "TTS") == "media" {
			c.required(o, "mediaId")
			return
		}
		c.word(o, "ttsProcessor", "Azure")
		c.word(o, "voiceType", "Neural")
		for _, name := range []string{"language", "voice", "region", "text", "gender"} {
			c.required(o, name)
		}
	case "rcs":
		c.rcs(o)
	}
}

func (c *v2Check) email(o object) {
	c.required(o, "subject")
	c.text(o, "replyTo")
	c.text(o, "encoding")
	if c.word(o, "type", "text", "html") == "html" {
		c.required(o, "html")
		c.text(o, "text")
	} else {
		c.required(o, "text")
	}
	for _, raw := range c.list(o, "attachments") {
		file := c.object("attachments", raw, v2FileNames)
		for _, name := range []string{"mimetype", "name", "mediaUrl"} {
			c.required(file, name)
		}
		c.text(file, "cid")
	}
}

func (c *v2Check) rcs(o object) {
	c.chips(o, 10)
	switch c.word(o, "type", "text", "media", "standalone", "carousel", "agentEvent") {
	case "text":
		c.required(o, "text")
	case "media":
		c.required(o, "mediaContentUrl")
		c.number(o, "fileSize", false)
	case "standalone":
		if _, ok := o["richCard"]; !ok {
			c.fail("7003", "richCard")
			return
		}
		card := c.card(o["richCard"], "filesize", 4)
		c.word(card, "orientation", "HORIZONTAL", "VERTICAL")
		c.word(card, "thumbnailAlignment", "LEFT", "RIGHT")
		if raw, ok := card["thumbnail"]; ok {
			c.media(raw, "fileSize")
		}
	case "carousel":
		c.word(o, "width", "SMALL", "MEDIUM")
		cards := c.list(o, "cards")
		if len(cards) < 2 {
			c.fail("7004", "cards")
		}
		for _, raw := range cards {
			c.card(raw, "fileSize", 2)
		}
	case "agentEvent":
		if c.word(o, "event", "IS_TYPING", "READ") == "READ" {
			c.required(o, "messageId")
		}
	}
}

// card is a card whose medium spells its size so.
func (c *v2Check) card(raw json.RawMessage, size string, chips int) object {
	card := c.object("card", raw, v2CardNames)
	c.required(card, "title")
	c.text(card, "description")
	if _, ok := card["media"]; !ok {
		c.fail("7003", "media")
		return card
	}
	c.media(card["media"], size)
	c.chips(card, chips)
	return card
}

func (c *v2Check) media(raw json.RawMessage, size string) {
	m := c.object("media", raw, []string{"url", "height", size, "contentType", "description"})
	c.required(m, "url")
	c.word(m, "height", "SHORT", "MEDIUM", "TALL")
	c.number(m, size, false)
}

func (c *v2Check) chips(o object, most int) {
	chips := c.list(o, "suggestions")
	if len(chips) > most {
		c.fail("7004", "suggestions")
	}
	for _, raw := range chips {
		chip := c.object("suggestions", raw, v2ChipNames)
		c.required(chip, "displayText")
		c.text(chip, "postbackData")
		switch c.word(chip, "type", "reply", "viewLocation", "shareLocation", "openUrl", "calendarEvent", "dialPhone") {
		case "viewLocation":
			c.number(chip, "latitude", true)
			c.number(chip, "longitude", true)
		case "openUrl":
			c.required(chip, "url")
		case "calendarEvent":
			for _, name := range []string{"startTime", "endTime", "meetingTitle"} {
				c.required(chip, name)
			}
		case "dialPhone":
			c.required(chip, "phone")
		}
	}
}
