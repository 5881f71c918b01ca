package deflectortest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/cpaas-go/cpaas/deflector"
)

// problem is what is wrong with a request.
type problem struct{ code, text string }

func missing(path string) *problem {
	return &problem{deflector.CodeParameterMissing, path + " is required."}
}

func wrong(path, must string) *problem {
	return &problem{deflector.CodeValidation, path + " must be " + must + "."}
}

// parse checks a request's body and splits it into its messages.
func parse(body []byte) ([]json.RawMessage, *problem) {
	switch {
	case !utf8.Valid(body):
		return nil, wrong("the body", "UTF-8")
	case !json.Valid(body):
		return nil, wrong("the body", "JSON")
	case repeats(body):
		return nil, wrong("the body", "without repeated members")
	}
	var tree any
	if err := json.Unmarshal(body, &tree); err != nil {
		return nil, wrong("the body", "JSON")
	}
	if p := page.check("", tree); p != nil {
		return nil, p
	}
	var messages []json.RawMessage
	if err := json.Unmarshal(body, &messages); err != nil {
		return nil, wrong("the body", "an array")
	}
	for i, raw := range messages {
		if p := checkFlow(fmt.Sprintf("[%d]", i), decode(raw)); p != nil {
			return nil, p
		}
	}
	return messages, nil
}

// checkFlow checks that each channel of the flow has its content.
func checkFlow(path string, m message) *problem {
	for _, stage := range m.Flow {
		for _, c := range stage {
			switch {
			case c.Channel == deflector.WhatsApp && m.WhatsApp == nil:
				return missing(path + ".whatsapp")
			case c.Channel == deflector.RCS && m.RCS == nil:
				return missing(path + ".rcs")
			case c.Channel == deflector.SMS && m.SMS == nil:
				return missing(path + ".sms")
			}
		}
	}
	return nil
}

// page is the request's body as the vendor's page has it.
var page = array{object{
	required: members{
		"to":   array{object{required: members{"phoneNumber": phone{}}}},
		"flow": array{array{object{required: members{"channel": oneOf{"WhatsApp", "RCS", "SMS"}}}}},
	},
	optional: members{
		"callbackData": text{},
		"tags":         texts{},
		"whatsapp": object{required: members{"message": array{object{required: members{
			"x-apiheader":    something{},
			"message_type":   oneOf{"template"},
			"recipient_type": oneOf{"individual"},
			"type_template": array{object{required: members{
				"name":       something{},
				"attributes": texts{},
				"language":   object{required: members{"locale": something{}, "policy": something{}}},
			}}},
		}}}}},
		"rcs": object{required: members{"content": object{required: members{
			"type":         oneOf{"template"},
			"templateCode": something{},
			"attributes":   attributes{},
		}}}},
		"sms": object{required: members{"From": something{}, "Text": something{}}},
	},
}}

// The kinds of values on the page. check says what is wrong with v.
type (
	value interface {
		check(path string, v any) *problem
	}
	members map[string]value

	object     struct{ required, optional members }
	array      struct{ of value } // of at least one
	text       struct{}
	something  struct{} // a text that is not empty
	oneOf      []string
	phone      struct{}
	texts      struct{} // an array of texts, perhaps none
	attributes struct{} // an object of texts, perhaps none
)

func (o object) check(path string, v any) *problem {
	got, ok := v.(map[string]any)
	if !ok {
		return wrong(at(path), "an object")
	}
	for _, name := range slices.Sorted(maps.Keys(o.required)) {
		if _, ok := got[name]; !ok {
			return missing(path + "." + name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(got)) {
		of, ok := o.required[name]
		if !ok {
			of, ok = o.optional[name]
		}
		if !ok {
			return wrong(at(path), "without members that the page does not have")
		}
		if p := of.check(path+"."+name, got[name]); p != nil {
			return p
		}
	}
	return nil
}

func (a array) check(path string, v any) *problem {
	items, ok := v.([]any)
	if !ok {
		return wrong(at(path), "an array")
	}
	if len(items) == 0 {
		return missing(path + "[0]")
	}
	for i, item := range items {
		if p := a.of.check(fmt.Sprintf("%s[%d]", path, i), item); p != nil {
			return p
		}
	}
	return nil
}

func (text) check(path string, v any) *problem {
	if _, ok := v.(string); !ok {
		return wrong(path, "a string")
	}
	return nil
}

func (something) check(path string, v any) *problem {
	if v == "" {
		return missing(path)
	}
	return text{}.check(path, v)
}

func (allowed oneOf) check(path string, v any) *problem {
	if s, ok := v.(string); !ok || !slices.Contains(allowed, s) {
		return wrong(path, strings.Join(allowed, ", "))
	}
	return nil
}

func (phone) check(path string, v any) *problem {
	s, ok := v.(string)
	if !ok || len(s) < 10 || len(s) > 15 || strings.Trim(s, "0123456789") != "" {
		return wrong(path, "10 to 15 digits")
	}
	return nil
}

func (texts) check(path string, v any) *problem {
	items, ok := v.([]any)
	if !ok {
		return wrong(path, "an array of strings")
	}
	for i, item := range items {
		if p := (text{}).check(fmt.Sprintf("%s[%d]", path, i), item); p != nil {
			return p
		}
	}
	return nil
}

func (attributes) check(path string, v any) *problem {
	got, ok := v.(map[string]any)
	if !ok {
		return wrong(path, "an object of strings")
	}
	for _, item := range got {
		if p := (text{}).check(path, item); p != nil {
			return p
		}
	}
	return nil
}

func at(path string) string {
	if path == "" {
		return "the body"
	}
	return path
}

// repeats reports whether an object in body, which is JSON, has a member
// twice: decoders would take the last one silently.
func repeats(body []byte) bool {
	type level struct {
		names map[string]bool // nil: an array
		value bool            // a member's value is next
	}
	var levels []level
	dec := json.NewDecoder(bytes.NewReader(body))
	for {
		token, err := dec.Token()
		if err != nil {
			return err != io.EOF
		}
		top := len(levels) - 1
		if token == json.Delim('}') || token == json.Delim(']') {
			levels = levels[:top]
			continue
		}
		if top >= 0 && levels[top].names != nil {
			if !levels[top].value {
				name, _ := token.(string)
				if levels[top].names[name] {
					return true
				}
				levels[top].names[name], levels[top].value = true, true
				continue
			}
			levels[top].value = false
		}
		switch token {
		case json.Delim('{'):
			levels = append(levels, level{names: map[string]bool{}})
		case json.Delim('['):
			levels = append(levels, level{})
		}
	}
}

// message is a message that page has found right.
type message struct {
	To []struct {
		PhoneNumber string `json:"phoneNumber"`
	} `json:"to"`
	CallbackData string   `json:"callbackData"`
	Tags         []string `json:"tags"`
	WhatsApp     *struct {
		Message []struct {
			APIHeader     string `json:"x-apiheader"`
			MessageType   string `json:"message_type"`
			RecipientType string `json:"recipient_type"`
			TypeTemplate  []struct {
				Name       string   `json:"name"`
				Attributes []string `json:"attributes"`
				Language   struct {
					Locale string `json:"locale"`
					Policy string `json:"policy"`
				} `json:"language"`
			} `json:"type_template"`
		} `json:"message"`
	} `json:"whatsapp"`
	RCS *struct {
		Content struct {
			Type         string            `json:"type"`
			TemplateCode string            `json:"templateCode"`
			Attributes   map[string]string `json:"attributes"`
		} `json:"content"`
	} `json:"rcs"`
	SMS *struct {
		From string `json:"From"`
		Text string `json:"Text"`
	} `json:"sms"`
	Flow [][]struct {
		Channel deflector.Channel `json:"channel"`
	} `json:"flow"`
}

// decode is a message that has been checked.
func decode(raw json.RawMessage) message {
	var m message
	if err := json.Unmarshal(raw, &m); err != nil {
		panic(err) // page lets nothing through that does not fit
	}
	return m
}

// message is m as the client's type.
func (m message) message() deflector.Message {
	out := deflector.Message{CallbackData: m.CallbackData, Tags: m.Tags}
	for _, to := range m.To {
		out.To = append(out.To, to.PhoneNumber)
	}
	if m.WhatsApp != nil {
		for _, w := range m.WhatsApp.Message {
			message := deflector.WhatsAppMessage{APIHeader: w.APIHeader, Type: w.MessageType, RecipientType: w.RecipientType}
			for _, t := range w.TypeTemplate {
				message.Templates = append(message.Templates, deflector.WhatsAppTemplate{
					Name: t.Name, Attributes: t.Attributes, Locale: t.Language.Locale, Policy: t.Language.Policy,
				})
			}
			out.WhatsApp = append(out.WhatsApp, message)
		}
	}
	if m.RCS != nil {
		c := m.RCS.Content
		out.RCS = &deflector.RCSTemplate{Code: c.TemplateCode, Attributes: c.Attributes, Type: c.Type}
	}
	if m.SMS != nil {
		out.SMS = &deflector.SMSText{From: m.SMS.From, Text: m.SMS.Text}
	}
	for _, stage := range m.Flow {
		var channels []deflector.Channel
		for _, c := range stage {
			channels = append(channels, c.Channel)
		}
		out.Flow = append(out.Flow, channels)
	}
	return out
}
