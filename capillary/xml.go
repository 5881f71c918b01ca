package capillary

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/cpaas-go/cpaas/internal/jsonx"
)

// Bounds for answers: the depth of XML, whose examples on the page are five
// elements deep, and the elements of XML or the messages of JSON.
const (
	maxDepth    = 32
	maxElements = 100_000
)

// node is an XML element.
type node struct {
	name     string
	text     []byte
	children []*node
}

var errXML = errors.New("not an answer in XML")

// parseXML reads an XML document. It takes no document type, so no entities
// but the five of XML itself, and no more elements, nor deeper ones, than an
// answer can have.
func parseXML(body []byte) (*node, error) {
	dec := xml.NewDecoder(bytes.NewReader(body))
	top := &node{}
	stack := []*node{top}
	elements := 0
	for {
		token, err := dec.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("%w: %w", errXML, err)
		}
		last := stack[len(stack)-1]
		switch t := token.(type) {
		case xml.StartElement:
			if elements++; elements > maxElements || len(stack) > maxDepth {
				return nil, fmt.Errorf("%w: too many elements, or too deep", errXML)
			}
			n := &node{name: t.Name.Local}
			last.children = append(last.children, n)
			stack = append(stack, n)
		case xml.EndElement:
			stack = stack[:len(stack)-1]
		case xml.CharData:
			if len(stack) > 1 {
				last.text = append(last.text, t...)
			}
		case xml.Directive:
			return nil, fmt.Errorf("%w: it has a document type", errXML)
		}
	}
	if len(top.children) != 1 {
		return nil, fmt.Errorf("%w: not one element", errXML)
	}
	return top.children[0], nil
}

// child is the first child of a name; the zero node when there is none.
func (n *node) child(name string) *node {
	if i := slices.IndexFunc(n.children, func(c *node) bool { return c.name == name }); i >= 0 {
		return n.children[i]
	}
	return &node{}
}

// value is the text of the first child of one of the names that has any.
func (n *node) value(names ...string) scalar {
	for _, name := range names {
		if text := strings.TrimSpace(string(n.child(name).text)); text != "" {
			return scalar(text)
		}
	}
	return ""
}

// raw is the text of a child as it is.
func (n *node) raw(name string) scalar { return scalar(n.child(name).text) }

func readXML(body []byte) answer {
	root, err := parseXML(body)
	if err != nil || root.name != "response" {
		return answer{}
	}
	a := answer{xml: true}
	if s := root.child("status"); s.name != "" {
		a.setStatus(&wireStatus{
			Success: s.value("success"), Code: s.value("code"), Message: s.value("message"),
			Count: s.value("count", "totalCount"), SuccessCount: s.value("successCount"),
			Warnings: s.issuesIn("warnings"),
		})
	}
	a.collect(root)
	a.errors = append(a.errors, root.issuesIn("errors")...)
	a.status.Warnings = append(a.status.Warnings, root.issuesIn("warnings")...)
	a.known = a.known || len(a.errors) > 0
	return a
}

// collect adds the messages in and under n: an element that is a message, or
// one that is made for it ("smsData") with the errors beside it.
func (a *answer) collect(n *node) {
	for _, c := range n.children {
		switch c.name {
		case "status", "errors", "warnings":
		case keySMS, keyEmail, keyWhatsApp, keyZalo:
			it := wireItem{Message: c.message()}
			it.gather()
			a.items = append(a.items, it)
		case "smsData", "emailData", "whatsappData", "zaloData":
			before := len(a.items)
			a.collect(c)
			if len(a.items) == before {
				a.items = append(a.items, wireItem{})
			}
			it := &a.items[before]
			it.Errors = append(it.Errors, c.issuesIn("errors")...)
			it.Warnings = append(it.Warnings, c.issuesIn("warnings")...)
			it.add(c.itemStatus())
		default:
			a.errors = append(a.errors, c.issuesIn("errors")...)
			a.collect(c)
		}
	}
}

func (n *node) message() *wireMessage {
	return &wireMessage{
		To: n.value("to"), Receiver: n.value("receiver"), Body: n.raw("body"), Template: n.raw("template"),
		Sender: n.value("sender"), From: n.value("from"), CC: n.value("cc"), BCC: n.value("bcc"), Subject: n.raw("subject"),
		ScheduledTime: n.value("scheduledTime", "scheduled_time"), LabelOfSender: n.value("labelOfSender"),
		SenderEmail: n.value("senderEmail"), ReplyToEmail: n.value("replyToEmail"),
		ID: n.value("nsAdminId", "id"), Status: n.value("status"), Errors: n.issuesIn("errors"),
		ItemStatus: n.itemStatus(),
	}
}

func (n *node) itemStatus() *wireItemStatus {
	s := n.child("item_status")
	if s.name == "" {
		return nil
	}
	return &wireItemStatus{Success: s.value("success"), Code: s.value("code"), Message: s.value("message")}
}

// issuesIn is the errors or warnings in every child of a name.
func (n *node) issuesIn(name string) issues {
	var found issues
	for _, c := range n.children {
		if c.name == name {
			found = append(found, c.issues()...)
		}
	}
	return found
}

// issues is the errors or warnings in n, whose form is shown nowhere: n is
// one itself if it has a code or a message, else each of its children is one.
func (n *node) issues() issues {
	code, message := n.value("code", "errorCode"), n.value("message", "errorMessage")
	switch {
	case code != "" || message != "":
		return issues{{Code: Code(code.number()), Message: string(message)}}
	case len(n.children) == 0:
		if text := strings.TrimSpace(string(n.text)); text != "" && text != "[]" {
			return issues{{Message: text}}
		}
		return nil
	}
	var found issues
	for _, c := range n.children {
		inner := c.issues()
		if len(inner) == 0 {
			inner = issues{{}}
		}
		found = append(found, inner...)
	}
	return found
}

// extraElement is a member of a caller's own as an element.
type extraElement struct {
	XMLName xml.Name
	Text    string `xml:",chardata"`
}

// extraElements are the members that must be strings, numbers or booleans.
func extraElements(extra map[string]json.RawMessage) []extraElement {
	var out []extraElement
	for _, name := range slices.Sorted(maps.Keys(extra)) {
		text := jsonx.Scalar(bytes.TrimSpace(extra[name]))
		out = append(out, extraElement{XMLName: xml.Name{Local: name}, Text: text})
	}
	return out
}

// xmlProblem is what is wrong with s as text in XML, or "". The encoder would
// replace the characters silently.
func xmlProblem(s string) string {
	for _, r := range s {
		if !xmlCharacter(r) {
			return "has a character that XML cannot carry"
		}
	}
	return ""
}

// xmlCharacter reports whether XML 1.0 has r.
func xmlCharacter(r rune) bool {
	return r == '\t' || r == '\n' || r == '\r' ||
		r >= 0x20 && r <= 0xD7FF || r >= 0xE000 && r <= 0xFFFD || r >= 0x10000 && r <= 0x10FFFF
}

// xmlExtraProblem is what is wrong with members of the caller's own as
// elements, or "".
func xmlExtraProblem(extra map[string]json.RawMessage) string {
	for name, value := range extra {
		if !xmlName(name) {
			return fmt.Sprintf("extra field %q is not an XML name", name)
		}
		value = bytes.TrimSpace(value)
		if loneSurrogate(value) {
			return fmt.Sprintf("extra field %q has half of a character", name)
		}
		if len(value) == 0 || bytes.IndexByte([]byte("{[n"), value[0]) >= 0 || xmlProblem(jsonx.Scalar(value)) != "" {
			return fmt.Sprintf("extra field %q must be a string, a number or a boolean, in XML", name)
		}
	}
	return ""
}

// loneSurrogate reports whether valid JSON escapes one half of a UTF-16 pair
// without the other: read as text it would become another character.
func loneSurrogate(raw []byte) bool {
	unit := func(i int) rune { // that of the escape at i; 0: there is none
		if i+6 > len(raw) || raw[i] != '\\' || raw[i+1] != 'u' {
			return 0
		}
		n, err := strconv.ParseUint(string(raw[i+2:i+6]), 16, 16)
		if err != nil {
			return 0
		}
		return rune(n)
	}
	for i := 0; i < len(raw); i++ {
		if raw[i] != '\\' {
			continue
		}
		switch r := unit(i); {
		case !utf16.IsSurrogate(r):
			i++ // over what is escaped
		case utf16.DecodeRune(r, unit(i+6)) == utf8.RuneError:
			return true
		default:
			i += 11
		}
	}
	return false
}

// xmlName reports whether s is an XML name as the vendor's are.
func xmlName(s string) bool {
	return s != "" && strings.Trim(s, tokenCharacters) == "" && !strings.ContainsRune("-0123456789", rune(s[0]))
}

// encodeXML is <root> with an element of the name key for each message.
func encodeXML(key string, messages []any) ([]byte, error) {
	var buf bytes.Buffer
	buf.Grow(512)
	buf.WriteString("<root>")
	enc := xml.NewEncoder(&buf)
	for _, m := range messages {
		if err := enc.EncodeElement(m, xml.StartElement{Name: xml.Name{Local: key}}); err != nil {
			return nil, err
		}
	}
	if err := enc.Close(); err != nil {
		return nil, err
	}
	buf.WriteString("</root>")
	return buf.Bytes(), nil
}
