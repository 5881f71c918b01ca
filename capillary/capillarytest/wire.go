package capillarytest

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/cpaas-go/cpaas/capillary"
)

// problem is what is wrong with a call or a message.
type problem struct {
	code    capillary.Code
	message string
}

func invalid(what string) *problem { return &problem{capillary.CodeInvalidInput, what} }

// channel is what the page says of one channel.
type channel struct {
	key       string   // of the messages under root
	fields    []string // in the order of the page's table
	recipient string
	check     func(*message) *problem
	record    func(*Accepted, *message)

	// Of answers: the containers and the fields of a message, in order. In
	// XML the message is deeper by one.
	listJSON, listXML, dataXML string
	echoJSON, echoXML          []string
}

const scheduled = "scheduledTime" // of a message, whatever the encoding calls it

var (
	sms = &channel{
		key: "sms", fields: []string{"to", "body", scheduled, "sender"}, recipient: "to",
		check: checkSMS, record: recordSMS,
		listJSON: "smsList", listXML: "messages", dataXML: "smsData",
		echoJSON: []string{"to", "body", scheduled, "sender"},
		echoXML:  []string{"status", "nsAdminId", "sender", "to", "body", scheduled},
	}
	email = &channel{
		key: "email", fields: []string{"to", "cc", "bcc", "from", "subject", "body", scheduled}, recipient: "to",
		check: checkEmail, record: recordEmail,
		listJSON: "emails", listXML: "emails", dataXML: "emailData",
		echoJSON: []string{
			"to", "body", scheduled, "cc", "bcc", "from", "subject", "fileHandler", "attachments",
			"labelOfSender", "senderEmail", "replyToEmail",
		},
		echoXML: []string{"from", "to", "cc", "bcc", "subject", scheduled},
	}
	whatsApp = &channel{
		key: "whatsappMessage", fields: []string{"receiver", "template", scheduled}, recipient: "receiver",
		check: checkWhatsApp, record: recordWhatsApp,
		listJSON: "whatsapp", listXML: "whatsapp", dataXML: "whatsappData",
		echoJSON: []string{scheduled, "template", "receiver"},
		echoXML:  []string{"template", "receiver", scheduled},
	}
	zalo = &channel{
		key: "zaloMessage", fields: []string{"receiver", "template", scheduled}, recipient: "receiver",
		check: checkZalo, record: recordZalo,
		listJSON: "zalo", listXML: "zalo", dataXML: "zaloData",
		echoJSON: []string{scheduled, "receiver", "template"},
		echoXML:  []string{"template", "receiver", scheduled},
	}
	channels = map[string]*channel{"sms": sms, "email": email, "whatsapp": whatsApp, "zalo": zalo}
)

// message is one message of a request.
type message struct {
	fields      map[string]string // those that are there
	attachments []capillary.Attachment
	scheduled   time.Time

	problem *problem
	id      string // once it is accepted
}

var noMessage = &problem{capillary.CodeNoMessage, "no communication, or an invalid body"}

// parseJSON reads a request in JSON.
func parseJSON(ch *channel, body []byte) ([]*message, *problem) {
	if !utf8.Valid(body) || !json.Valid(body) || repeats(body) {
		return nil, noMessage
	}
	var top map[string]map[string][]map[string]json.RawMessage
	if json.Unmarshal(body, &top) != nil || len(top) != 1 || len(top["root"]) != 1 || len(top["root"][ch.key]) == 0 {
		return nil, noMessage
	}
	var messages []*message
	for _, members := range top["root"][ch.key] {
		m := &message{fields: map[string]string{}}
		for name, value := range members {
			if name == "attachments" && ch == email {
				var p *problem
				if m.attachments, p = attachmentsJSON(value); p != nil {
					return nil, p
				}
				continue
			}
			var text *string
			if !slices.Contains(ch.fields, name) || json.Unmarshal(value, &text) != nil || text == nil {
				return nil, invalid("a field that is not the channel's, or not text")
			}
			m.fields[name] = *text
		}
		if p := ch.examine(m); p != nil {
			return nil, p
		}
		messages = append(messages, m)
	}
	return messages, nil
}

// examine checks m; the problem is the whole call's.
func (ch *channel) examine(m *message) *problem {
	if at, ok := m.fields[scheduled]; ok {
		var err error
		if m.scheduled, err = time.Parse(time.RFC3339, at); err != nil {
			return invalid("a time that is not ISO 8601")
		}
	}
	m.problem = ch.check(m)
	return nil
}

func attachmentsJSON(value json.RawMessage) ([]capillary.Attachment, *problem) {
	wrong := invalid("attachments that are not the page's")
	wrapper, ok := exactly(value, "attachment")
	var files []json.RawMessage
	if !ok || json.Unmarshal(wrapper["attachment"], &files) != nil {
		return nil, wrong
	}
	out := []capillary.Attachment{}
	for _, file := range files {
		fields, ok := exactly(file, "file_name", "file_type", "file_data", "file_encoding_type")
		for _, raw := range fields {
			ok = ok && len(raw) > 0 && raw[0] == '"'
		}
		if !ok {
			return nil, wrong
		}
		out = append(out, capillary.Attachment{
			FileName: text(fields["file_name"]), FileType: text(fields["file_type"]),
			FileData: text(fields["file_data"]), FileEncodingType: text(fields["file_encoding_type"]),
		})
	}
	return out, nil
}

// repeats reports whether an object of valid JSON has a member twice.
func repeats(body []byte) bool {
	dec := json.NewDecoder(bytes.NewReader(body))
	var open []map[string]bool // the members so far; nil in an array
	key := false
	for {
		t, err := dec.Token()
		if err != nil {
			return false
		}
		object := len(open) > 0 && open[len(open)-1] != nil
		switch delim := t.(type) {
		case json.Delim:
			switch delim {
			case '{':
				open, key = append(open, map[string]bool{}), true
				continue
			case '[':
				open = append(open, nil)
				key = false
				continue
			}
			open = open[:len(open)-1]
			key = len(open) > 0 && open[len(open)-1] != nil
			continue
		case string:
			if object && key {
				if open[len(open)-1][delim] {
					return true
				}
				open[len(open)-1][delim] = true
				key = false
				continue
			}
		}
		key = object
	}
}

// element is an XML element.
type element struct {
	name     string
	text     string
	children []*element
}

func (e *element) onlyText() bool { return len(e.children) == 0 }

func (e *element) onlyElements() bool { return strings.TrimSpace(e.text) == "" }

var errDocument = errors.New("a document type, an attribute, or not one element")

// readElement reads a document.
func readElement(body []byte) (*element, error) {
	dec := xml.NewDecoder(bytes.NewReader(body))
	top := &element{}
	stack := []*element{top}
	for {
		token, err := dec.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		last := stack[len(stack)-1]
		switch t := token.(type) {
		case xml.StartElement:
			if len(t.Attr) > 0 || t.Name.Space != "" || len(stack) > 16 {
				return nil, errDocument
			}
			e := &element{name: t.Name.Local}
			last.children = append(last.children, e)
			stack = append(stack, e)
		case xml.EndElement:
			stack = stack[:len(stack)-1]
		case xml.CharData:
			last.text += string(t)
		case xml.Directive:
			return nil, errDocument
		}
	}
	if len(top.children) != 1 || !top.onlyElements() {
		return nil, errDocument
	}
	return top.children[0], nil
}

// parseXML reads a request in XML.
func parseXML(ch *channel, body []byte) ([]*message, *problem) {
	root, err := readElement(body)
	if err != nil || root.name != "root" || len(root.children) == 0 || !root.onlyElements() {
		return nil, noMessage
	}
	var messages []*message
	for _, e := range root.children {
		if e.name != ch.key || !e.onlyElements() {
			return nil, noMessage
		}
		m := &message{fields: map[string]string{}}
		for _, field := range e.children {
			if p := ch.field(m, field); p != nil {
				return nil, p
			}
		}
		if p := ch.examine(m); p != nil {
			return nil, p
		}
		messages = append(messages, m)
	}
	return messages, nil
}

// field takes over an element of a message.
func (ch *channel) field(m *message, e *element) *problem {
	if e.name == "attachments" && ch == email && m.attachments == nil && e.onlyElements() {
		for _, file := range e.children {
			a, ok := attachmentXML(file)
			if !ok {
				return invalid("attachments that are not the page's")
			}
			m.attachments = append(m.attachments, a)
		}
		return nil
	}
	name := e.name
	switch name {
	case "scheduled_time":
		name = scheduled
	case scheduled:
		name = ""
	}
	if _, twice := m.fields[name]; twice || !slices.Contains(ch.fields, name) || !e.onlyText() {
		return invalid("a field that is not the channel's, is there twice, or is not text")
	}
	m.fields[name] = e.text
	return nil
}

func attachmentXML(e *element) (a capillary.Attachment, ok bool) {
	if e.name != "attachment" || !e.onlyElements() {
		return a, false
	}
	to := map[string]*string{
		"file_name": &a.FileName, "file_type": &a.FileType, "file_data": &a.FileData, "file_encoding_type": &a.FileEncodingType,
	}
	for _, c := range e.children {
		target := to[c.name]
		if target == nil || !c.onlyText() {
			return a, false
		}
		*target = c.text
		delete(to, c.name)
	}
	return a, true
}

// phone reports whether s is digits, perhaps behind "+".
func phone(s string) bool {
	digits := strings.TrimPrefix(s, "+")
	return digits != "" && strings.Trim(digits, "0123456789") == ""
}

// address reports whether s has an "@" between two parts, and is one address.
func address(s string) bool {
	local, domain, ok := strings.Cut(s, "@")
	return ok && !strings.Contains(s, ",") && strings.TrimSpace(local) != "" && strings.TrimSpace(domain) != ""
}

func checkSMS(m *message) *problem {
	if !phone(m.fields["to"]) || m.fields["body"] == "" {
		return &problem{capillary.CodeRecipientOrBody, "mobile number or body of the message is missing"}
	}
	return nil
}

func checkEmail(m *message) *problem {
	body, given := m.fields["body"]
	switch {
	case m.fields["subject"] == "":
		return &problem{capillary.CodeSubjectMissing, "the e-mail has no subject"}
	case given && body == "":
		return invalid("the body is empty")
	}
	for _, name := range []string{"to", "from"} {
		if !address(m.fields[name]) {
			return &problem{capillary.CodeInvalidEmail, "invalid e-mail address"}
		}
	}
	for _, name := range []string{"cc", "bcc"} {
		if m.fields[name] == "" {
			continue
		}
		for one := range strings.SplitSeq(m.fields[name], ",") {
			if !address(one) {
				return &problem{capillary.CodeInvalidEmail, "invalid e-mail address"}
			}
		}
	}
	for _, a := range m.attachments {
		if p := checkAttachment(a); p != nil {
			return p
		}
	}
	return nil
}

func checkAttachment(a capillary.Attachment) *problem {
	switch {
	case a.FileData == "":
		return invalid("an attachment without data")
	case a.FileEncodingType == "" && (image(a.FileType) || image(path.Ext(a.FileName))):
		return invalid("an image without an encoding type")
	case a.FileEncodingType == "":
		return nil
	case a.FileEncodingType != capillary.Base64:
		return invalid("an encoding type that is not base64")
	}
	if _, err := base64.StdEncoding.DecodeString(a.FileData); err != nil {
		return invalid("file data that is not base64")
	}
	return nil
}

// image reports whether a file type or the end of a name is an image's.
func image(kind string) bool {
	kind = strings.TrimPrefix(strings.TrimPrefix(strings.ToLower(kind), "image/"), ".")
	return slices.Contains([]string{"jpg", "jpeg", "png", "gif"}, kind)
}

func checkWhatsApp(m *message) *problem {
	if !phone(m.fields["receiver"]) {
		return &problem{capillary.CodeForbidden, "receiver is missing"}
	}
	return checkZalo(m)
}

func checkZalo(m *message) *problem {
	if !phone(m.fields["receiver"]) || m.fields["template"] == "" {
		return invalid("receiver or template is missing")
	}
	return nil
}

func recordSMS(to *Accepted, m *message) {
	to.SMS = append(to.SMS, capillary.SMS{
		To: m.fields["to"], Body: m.fields["body"], Sender: m.fields["sender"], ScheduledTime: m.scheduled,
	})
}

func recordEmail(to *Accepted, m *message) {
	e := capillary.Email{
		To: m.fields["to"], CC: m.copies("cc"), BCC: m.copies("bcc"), From: m.fields["from"], Subject: m.fields["subject"],
		Body: m.fields["body"], Attachments: m.attachments, ScheduledTime: m.scheduled,
	}
	_, given := m.fields["body"]
	e.OmitBody = !given
	to.Emails = append(to.Emails, e)
}

// copies is the addresses of cc or bcc: nil when it is not there.
func (m *message) copies(name string) []string {
	s, ok := m.fields[name]
	switch {
	case !ok:
		return nil
	case s == "":
		return []string{}
	}
	return strings.Split(s, ",")
}

func recordWhatsApp(to *Accepted, m *message) {
	to.WhatsApp = append(to.WhatsApp, capillary.WhatsApp{
		Receiver: m.fields["receiver"], Template: m.fields["template"], ScheduledTime: m.scheduled,
	})
}

func recordZalo(to *Accepted, m *message) {
	to.Zalo = append(to.Zalo, capillary.Zalo{
		Receiver: m.fields["receiver"], Template: m.fields["template"], ScheduledTime: m.scheduled,
	})
}

// status is the vendor's word about the whole call.
type status struct {
	message          string
	code             int
	success          bool
	count, succeeded int
}

func judge(messages []*message) status {
	s := status{message: "Success", code: 200, success: true, count: len(messages)}
	for _, m := range messages {
		if m.problem == nil {
			s.succeeded++
		}
	}
	switch {
	case s.succeeded == 0:
		s.message, s.code, s.success = "All requests have failed due to errors", 500, false
	case s.succeeded < s.count:
		s.message, s.code = "Some requests have failed", 201
	}
	return s
}

// echo is a field of a message as an answer repeats it.
func (m *message) echo(name, timeLayout string) string {
	switch name {
	case scheduled:
		at := m.scheduled
		if at.IsZero() {
			at = time.Now()
		}
		return at.Format(timeLayout)
	case "status":
		return "Queued"
	case "nsAdminId":
		return m.id
	case "to":
		if to := m.fields["to"]; len(to) == 10 && phone(to) {
			return "91" + to // a national number, in the country of the page's examples
		}
	case "labelOfSender":
		return "Inventory"
	case "senderEmail":
		return "sender@example.com"
	case "replyToEmail":
		return "reply@example.com"
	}
	return m.fields[name]
}

func (ch *channel) answerJSON(messages []*message) []byte {
	var b strings.Builder
	str := func(s string) {
		quoted, err := json.Marshal(s)
		if err != nil { // a string
			panic(err)
		}
		b.Write(quoted)
	}
	s := judge(messages)
	outcome := `"message":"` + s.message + `","code":` + strconv.Itoa(s.code)
	ok := strconv.FormatBool(s.success)
	b.WriteString(`{"status":{"count":` + strconv.Itoa(s.count) + `,"statusCode":{"status":` + ok + `,` + outcome +
		`},"successCount":` + strconv.Itoa(s.succeeded) + `,"warnings":[],"warningsAsStatusCode":[],` + outcome +
		`,"success":` + ok + `},"` + ch.listJSON + `":[`)
	messages = slices.Clone(messages)
	slices.Reverse(messages)
	for i, m := range messages {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(`{"` + ch.key + `":{`)
		for j, name := range ch.echoJSON {
			if j > 0 {
				b.WriteByte(',')
			}
			str(name)
			b.WriteByte(':')
			if name == "fileHandler" || name == "attachments" {
				b.WriteString("[]")
				continue
			}
			str(m.echo(name, time.RFC3339))
		}
		b.WriteString(`},"errors":[`)
		if m.problem != nil {
			b.WriteString(`{"status":false,"code":` + strconv.Itoa(int(m.problem.code)) + `,"message":`)
			str(m.problem.message)
			b.WriteByte('}')
		}
		b.WriteString(`],"warnings":[]}`)
	}
	b.WriteString("]}")
	return []byte(b.String())
}

func (ch *channel) answerXML(messages []*message) []byte {
	var b bytes.Buffer
	text := func(name, s string) {
		b.WriteString("<" + name + ">")
		xml.EscapeText(&b, []byte(s)) //nolint:errcheck // a buffer takes everything
		b.WriteString("</" + name + ">")
	}
	s := judge(messages)
	b.WriteString("<response><status>")
	text("message", s.message)
	text("code", strconv.Itoa(s.code))
	text("success", strconv.FormatBool(s.success))
	text("totalCount", strconv.Itoa(s.count))
	text("successCount", strconv.Itoa(s.succeeded))
	b.WriteString("</status><" + ch.listXML + ">")
	for _, m := range messages {
		b.WriteString("<" + ch.dataXML + "><" + ch.key + ">")
		for _, name := range ch.echoXML {
			if m.problem != nil && (name == "status" || name == "nsAdminId") {
				continue
			}
			text(name, m.echo(name, time.DateTime))
		}
		b.WriteString("</" + ch.key + ">")
		if m.problem != nil {
			b.WriteString("<errors><error>")
			text("code", strconv.Itoa(int(m.problem.code)))
			text("message", m.problem.message)
			b.WriteString("</error></errors>")
		}
		b.WriteString("</" + ch.dataXML + ">")
	}
	b.WriteString("</" + ch.listXML + "></response>")
	return b.Bytes()
}
