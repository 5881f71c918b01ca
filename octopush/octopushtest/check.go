package octopushtest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/cpaas-go/cpaas/octopush"
)

// checked is a send request and what is wrong with it.
type checked struct {
	code    octopush.Code // of the whole request; 0: none
	message string
	errors  map[string]fieldErr // by field

	accepted   Accepted
	recipients int
	requestID  string
	simulated  bool
	sendAt     time.Time
}

type members map[string]json.RawMessage

// Where the page puts each member, and metadata on which channels.
var (
	channels  = []string{"sms", "voice_sms", "rcs", "email", "live_chat"}
	topLevel  = strings.Fields(`channel text recipients sender send_at purpose list_name simulation_mode recipient_tracking auto_optimize_text auto_delete_optout_contacts optout_filtering metadata`)
	languages = strings.Fields(`en-US en-GB el-GR pl-PL hu-HU sv-SE de-DE es-ES es-LA fr-FR it-IT pt-BR ru-RU`)
	metadata  = map[string][]string{
		"type": {"sms", "voice_sms"}, "with_replies": channels, "request_id": channels,
		"voice_gender": {"voice_sms"}, "voice_language": {"voice_sms"}, "get_back_pressed_keys": {"voice_sms"},
		"emailing_service": {"email"}, "email_from": {"email"}, "name_from": {"email"}, "subject": {"email"},
		"template_name": {"email"}, "body_format": {"email"}, "language": {"email"},
		"message_type": {"rcs"}, "cards": {"rcs"}, "actions": {"rcs"},
	}
	contactOf = map[string][]string{
		"sms": {"phone_number"}, "voice_sms": {"phone_number"}, "rcs": {"phone_number"}, "email": {"email"},
		"live_chat": {"phone_number", "email", "conversation_id"},
	}
)

var (
	isSender = regexp.MustCompile(`^[A-Za-z0-9]{3,11}$`).MatchString
	isPhone  = regexp.MustCompile(`^\+[0-9]+$`).MatchString
	isEmail  = regexp.MustCompile(`^[^@\s]+@[^@\s]+$`).MatchString
	isUUID   = regexp.MustCompile(`^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$`).MatchString
)

// check reads a send request.
func check(body []byte) checked {
	var c checked
	m := c.object(body)
	channel := c.oneOf(m, "channel", true, channels...)
	if len(c.errors) > 0 {
		return c
	}
	c.accepted.Channel = octopush.Channel(channel)
	for name := range m {
		if _, inner := metadata[name]; inner {
			c.wrong(name, octopush.CodeValidation, "belongs into metadata.")
		}
	}
	text := c.text(m, "text", false)
	switch n := utf8.RuneCountInString(text); {
	case n == 0:
		c.wrong("text", octopush.CodeTextMissing, "is missing.")
	case n > octopush.MaxText:
		c.wrong("text", octopush.CodeTextTooLong, "is too long.")
	}
	contacts := c.contacts(m["recipients"], channel)
	c.recipients = len(contacts)
	sender := c.text(m, "sender", false)
	if m["sender"] != nil && channel != "rcs" && !isSender(sender) {
		c.wrong("sender", octopush.CodeInvalidSender, "must be 3 to 11 letters or digits.")
	}
	if at := c.text(m, "send_at", false); at != "" {
		var err error
		if c.sendAt, err = time.Parse(time.RFC3339, at); err != nil {
			c.wrong("send_at", octopush.CodeValidation, "must be an ISO 8601 date with an offset.")
		}
	}
	purpose := c.oneOf(m, "purpose", false, "alert", "wholesale")
	c.simulated = c.boolean(m, "simulation_mode") == "true"
	meta := c.metadata(m["metadata"], channel)
	if channel == "sms" && purpose != "alert" && !strings.Contains(text, "STOP") && slices.ContainsFunc(contacts, isFrench) {
		c.code, c.message = octopush.CodeStopMissing, "Mention STOP is missing."
	}
	c.requestID = toText(meta["request_id"])
	c.convert(m, meta, contacts)
	return c
}

func isFrench(contact members) bool { return strings.HasPrefix(toText(contact["phone_number"]), "+33") }

func (c *checked) metadata(raw json.RawMessage, channel string) members {
	if raw == nil {
		return nil
	}
	m := c.member(raw, "metadata")
	for name := range m {
		if on, known := metadata[name]; known && !slices.Contains(on, channel) {
			c.wrong(name, octopush.CodeValidation, "is not of this channel.")
		} else if slices.Contains(topLevel, name) {
			c.wrong(name, octopush.CodeValidation, "does not belong into metadata.")
		}
	}
	if channel == "voice_sms" {
		c.oneOf(m, "type", false, "voice_sms")
	} else {
		c.oneOf(m, "type", false, "sms_premium", "sms_low_cost")
	}
	c.oneOf(m, "voice_gender", false, "male", "female")
	if language := c.text(m, "voice_language", false); m["voice_language"] != nil && !slices.Contains(languages, language) {
		c.wrong("voice_language", octopush.CodeVoiceLanguage, "Voice language not supported.")
	}
	c.oneOf(m, "emailing_service", false, "mailbox", "gateway")
	c.oneOf(m, "body_format", false, "plain_text", "html")
	kind := c.oneOf(m, "message_type", false, "simple_text", "rich_card")
	for _, name := range []string{"request_id", "email_from", "name_from", "subject", "template_name", "language"} {
		c.text(m, name, false)
	}
	if utf8.RuneCountInString(toText(m["subject"])) > octopush.MaxSubject {
		c.wrong("subject", octopush.CodeValidation, "is too long.")
	}
	if from := toText(m["email_from"]); m["email_from"] != nil && !isEmail(from) {
		c.wrong("email_from", octopush.CodeValidation, "must be an e-mail address.")
	}
	c.boolean(m, "with_replies")
	c.boolean(m, "get_back_pressed_keys")
	for _, name := range []string{"cards", "actions"} {
		if m[name] != nil && m[name][0] != '[' {
			c.wrong(name, octopush.CodeValidation, "must be an array.")
		}
	}
	if m["cards"] != nil && kind != "rich_card" {
		c.wrong("cards", octopush.CodeValidation, "is for rich_card.")
	}
	if m["actions"] != nil && kind == "rich_card" {
		c.wrong("actions", octopush.CodeValidation, "is for simple_text.")
	}
	return m
}

func (c *checked) contacts(raw json.RawMessage, channel string) []members {
	var contacts []members
	if raw == nil || json.Unmarshal(raw, &contacts) != nil || len(contacts) == 0 {
		c.wrong("recipients", octopush.CodeNoValidRecipient, "must be an array of contacts.")
		return nil
	}
	if len(contacts) > octopush.MaxRecipients {
		c.wrong("recipients", octopush.CodeValidation, "has too many contacts.")
	}
	for _, contact := range contacts {
		given := 0
		for name, valid := range map[string]func(string) bool{"phone_number": isPhone, "email": isEmail, "conversation_id": isUUID} {
			if contact[name] == nil {
				continue
			}
			given++
			switch {
			case !slices.Contains(contactOf[channel], name):
				c.wrong("recipients", octopush.CodeValidation, name+" is not of this channel.")
			case valid(toText(contact[name])):
			case name == "email" && channel == "email":
				c.code, c.message = octopush.CodeInvalidEmail, "[destination email] field should be valid."
			default:
				c.wrong("recipients", octopush.CodeInvalidNumber, name+" is wrong.")
			}
		}
		if given == 0 {
			c.wrong("recipients", octopush.CodeNoValidRecipient, "[recipients] field does not contain any valid recipient.")
		}
	}
	return contacts
}

// wrong notes that a field is wrong; the first word on it counts.
func (c *checked) wrong(field string, code octopush.Code, message string) {
	if c.errors == nil {
		c.errors = map[string]fieldErr{}
	}
	if _, ok := c.errors[field]; !ok {
		c.errors[field] = fieldErr{code, message}
	}
}

func (c *checked) object(body []byte) members {
	switch {
	case !valid(body):
		c.wrong("body", octopush.CodeValidation, "must be UTF-8 JSON.")
		return nil
	case repeats(json.NewDecoder(bytes.NewReader(body))):
		c.wrong("body", octopush.CodeValidation, "has a member twice.")
		return nil
	}
	return c.member(body, "body")
}

// repeats reports whether an object in the next value, which is valid JSON,
// has a member twice: decoders take the last one silently.
func repeats(d *json.Decoder) bool {
	t, err := d.Token()
	open, ok := t.(json.Delim)
	if err != nil || !ok {
		return false
	}
	seen := map[string]bool{}
	for d.More() {
		if open == '{' {
			t, err := d.Token()
			name, ok := t.(string)
			if err != nil || !ok || seen[name] {
				return true
			}
			seen[name] = true
		}
		if repeats(d) {
			return true
		}
	}
	_, err = d.Token() // the closing bracket
	return err != nil
}

// member is an object without null members.
func (c *checked) member(raw json.RawMessage, field string) members {
	var m members
	if json.Unmarshal(raw, &m) != nil || m == nil {
		c.wrong(field, octopush.CodeValidation, "must be an object.")
	}
	for name, value := range m {
		if string(value) == "null" {
			c.wrong(name, octopush.CodeValidation, "must not be null.")
		}
	}
	return m
}

// text is a string member.
func (c *checked) text(m members, name string, required bool) string {
	raw := m[name]
	if raw == nil {
		if required {
			c.wrong(name, octopush.CodeValidation, "is missing.")
		}
		return ""
	}
	if raw[0] != '"' {
		c.wrong(name, octopush.CodeValidation, "must be a string.")
	}
	return toText(raw)
}

func (c *checked) oneOf(m members, name string, required bool, allowed ...string) string {
	s := c.text(m, name, required)
	if m[name] != nil && !slices.Contains(allowed, s) {
		code := octopush.CodeValidation
		if name == "type" {
			code = octopush.CodeWrongType
		}
		c.wrong(name, code, fmt.Sprintf("must be one of %q.", allowed))
	}
	return s
}

// boolean is a boolean member as its JSON; "" if it is not there.
func (c *checked) boolean(m members, name string) string {
	raw := string(m[name])
	if raw != "" && raw != "true" && raw != "false" {
		c.wrong(name, octopush.CodeValidation, "must be a boolean.")
	}
	return raw
}

func (c *checked) flag(m members, name string) *bool {
	switch c.boolean(m, name) {
	case "true":
		return new(true)
	case "false":
		return new(false)
	}
	return nil
}

func toText(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) != nil {
		return ""
	}
	return s
}

func list(raw json.RawMessage) []json.RawMessage {
	var items []json.RawMessage
	if json.Unmarshal(raw, &items) != nil {
		return nil
	}
	return items
}

// extra is the members that the page does not have.
func extra(m members, known func(string) bool) map[string]json.RawMessage {
	var out map[string]json.RawMessage
	for name, raw := range m {
		if !known(name) {
			if out == nil {
				out = map[string]json.RawMessage{}
			}
			out[name] = raw
		}
	}
	return out
}

// convert makes the typed request.
func (c *checked) convert(m, meta members, contacts []members) {
	var (
		get      = func(name string) string { return c.text(m, name, false) }
		inner    = func(name string) string { return toText(meta[name]) }
		simulate = c.flag(m, "simulation_mode")
		track    = c.flag(m, "recipient_tracking")
		optimize = c.flag(m, "auto_optimize_text")
		remove   = c.flag(m, "auto_delete_optout_contacts")
		filter   = c.flag(m, "optout_filtering")
		replies  = string(meta["with_replies"]) == "true"
		keys     = string(meta["get_back_pressed_keys"]) == "true"
		outer    = extra(m, func(name string) bool { return slices.Contains(topLevel, name) })
		deep     = extra(meta, func(name string) bool { _, ok := metadata[name]; return ok })
		to       = make([]string, len(contacts))
		people   = make([]octopush.LiveChatRecipient, len(contacts))
		purpose  = octopush.Purpose(get("purpose"))
	)
	for i, contact := range contacts {
		people[i] = octopush.LiveChatRecipient{
			Phone: toText(contact["phone_number"]), Email: toText(contact["email"]), ConversationID: toText(contact["conversation_id"]),
		}
		to[i] = people[i].Phone + people[i].Email
	}
	switch c.accepted.Channel {
	case octopush.SMS:
		c.accepted.SMS = &octopush.SMSRequest{
			Recipients: to, Text: get("text"), Sender: get("sender"), SendAt: c.sendAt, Purpose: purpose, ListName: get("list_name"),
			Simulate: simulate, TrackRecipients: track, OptimizeText: optimize, DeleteOptedOut: remove, FilterOptedOut: filter,
			RequestID: inner("request_id"), Type: octopush.SMSType(inner("type")), WithReplies: replies, Extra: outer, ExtraMetadata: deep,
		}
	case octopush.VoiceSMS:
		c.accepted.Voice = &octopush.VoiceRequest{
			Recipients: to, Text: get("text"), Sender: get("sender"), SendAt: c.sendAt, Purpose: purpose, ListName: get("list_name"),
			Simulate: simulate, TrackRecipients: track, OptimizeText: optimize, DeleteOptedOut: remove, FilterOptedOut: filter,
			RequestID: inner("request_id"), Type: octopush.VoiceType(inner("type")), Gender: octopush.VoiceGender(inner("voice_gender")),
			Language: octopush.VoiceLanguage(inner("voice_language")), PressedKeys: keys, Extra: outer,
			ExtraMetadata: withReplies(deep, meta),
		}
	case octopush.RCS:
		c.accepted.RCS = &octopush.RCSRequest{
			Recipients: to, Text: get("text"), Sender: get("sender"), SendAt: c.sendAt, Purpose: purpose, ListName: get("list_name"),
			Simulate: simulate, TrackRecipients: track, OptimizeText: optimize, DeleteOptedOut: remove, FilterOptedOut: filter,
			RequestID: inner("request_id"), WithReplies: replies, Type: octopush.MessageType(inner("message_type")),
			Cards: list(meta["cards"]), Actions: list(meta["actions"]), Extra: outer, ExtraMetadata: deep,
		}
	case octopush.Email:
		c.accepted.Email = &octopush.EmailRequest{
			Recipients: to, Text: get("text"), Sender: get("sender"), SendAt: c.sendAt, Purpose: purpose, ListName: get("list_name"),
			Simulate: simulate, TrackRecipients: track, OptimizeText: optimize, DeleteOptedOut: remove, FilterOptedOut: filter,
			RequestID: inner("request_id"), Service: octopush.EmailService(inner("emailing_service")), From: inner("email_from"),
			FromName: inner("name_from"), Subject: inner("subject"), Template: inner("template_name"),
			BodyFormat: octopush.BodyFormat(inner("body_format")), Language: inner("language"), Extra: outer,
			ExtraMetadata: withReplies(deep, meta),
		}
	case octopush.LiveChat:
		c.accepted.LiveChat = &octopush.LiveChatRequest{
			Recipients: people, Text: get("text"), Sender: get("sender"), SendAt: c.sendAt, Purpose: purpose, ListName: get("list_name"),
			Simulate: simulate, TrackRecipients: track, OptimizeText: optimize, DeleteOptedOut: remove, FilterOptedOut: filter,
			RequestID: inner("request_id"), Extra: outer, ExtraMetadata: withReplies(deep, meta),
		}
	}
}

// withReplies keeps with_replies where the request has no field for it.
func withReplies(extra map[string]json.RawMessage, meta members) map[string]json.RawMessage {
	raw := meta["with_replies"]
	if raw == nil {
		return extra
	}
	if extra == nil {
		extra = map[string]json.RawMessage{}
	}
	extra["with_replies"] = raw
	return extra
}
