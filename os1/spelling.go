package os1

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/cpaas-go/cpaas/internal/jsonx"
)

// shape is the members of a JSON object that this package writes, and the
// shape of those that are objects, or lists of objects, of this package too.
// What is nil is a plain value, or the user's own.
type shape map[string]shape

var (
	phoneShape    = shape{"countryCode": nil, "number": nil}
	documentShape = shape{"url": nil, "filename": nil}
	imageShape    = shape{"url": nil}
	mediaShape    = shape{"document": documentShape, "image": imageShape}
	webhookShape  = shape{"url": nil, "secret": nil}
	callbackShape = shape{"url": nil, "meta": nil}

	smsShape = shape{
		"senderId": nil, "template": nil, "provider": nil, "originationNumber": nil, "data": nil, "to": phoneShape,
	}
	emailShape = shape{
		"template": nil, "provider": nil, "from": nil, "to": nil, "cc": nil, "bcc": nil, "data": nil,
	}
	whatsAppShape = shape{
		"from": nil, "template": nil, "provider": nil, "data": nil, "media": mediaShape,
		"buttons": {"url": {"trackUrl": nil}}, "to": phoneShape,
	}
	sendShape = shape{"sms": smsShape, "email": emailShape, "whatsapp": whatsAppShape, "callback": callbackShape}

	twoWayShape = shape{
		"from": nil,
		"message": {
			"template": nil, "data": nil, "buttons": nil,
			"media": {"document": documentShape, "image": imageShape, "location": {"latitude": nil, "longitude": nil}},
		},
		"provider": nil, "to": phoneShape,
		"acceptedResponses":    {"messages": nil, "webhook": webhookShape},
		"dynamicResponseRegex": nil,
		"webhook":              {"defaultInbound": webhookShape, "status": webhookShape, "invalidResponse": webhookShape},
		"responseTimeout":      nil, "context": nil, "errorMessage": nil,
	}

	providerShape = shape{"name": nil, "providerType": nil, "credentials": nil, "isActive": nil, "isTenantDefault": nil}

	smsTemplateShape      = shape{"body": nil, "externalRef": nil, "originationNumber": nil}
	emailTemplateShape    = shape{"body": nil, "subject": nil, "format": nil, "from": nil}
	whatsAppTemplateShape = shape{
		"body": nil, "externalRef": nil, "from": nil, "media": mediaShape,
		"buttons": {"url": {"value": nil}, "quick_reply": {"value": nil}},
	}

	notificationShape = shape{"name": nil, "label": nil, "description": nil, "templates": nil}
)

// templateShape is the shape of a template whose data has the shape data.
func templateShape(data shape) shape {
	return shape{"name": nil, "mode": nil, "data": data, "isActive": nil, "tags": nil}
}

// allShapes are all bodies that a client sends.
func allShapes() []shape {
	return []shape{
		sendShape, twoWayShape, providerShape, notificationShape,
		templateShape(smsTemplateShape), templateShape(emailTemplateShape), templateShape(whatsAppTemplateShape),
	}
}

// spelling is other names for members that this package writes.
type spelling map[string]string

// check refuses names that this package does not write, and names that would
// make two members of an object the same.
func (sp spelling) check() error {
	known := map[string]bool{}
	clash := ""
	var walk func(shape)
	walk = func(s shape) {
		spelled := map[string]bool{}
		for name, inner := range s {
			known[name] = true
			to := sp.of(name)
			if spelled[to] {
				clash = to
			}
			spelled[to] = true
			walk(inner)
		}
	}
	for _, s := range allShapes() {
		walk(s)
	}
	var found []error
	for name, to := range sp {
		switch {
		case !known[name]:
			found = append(found, fmt.Errorf("spelling: no request has a member %q", name))
		case to == "":
			found = append(found, fmt.Errorf("spelling: %q has no other name", name))
		}
	}
	if clash != "" {
		found = append(found, fmt.Errorf("spelling: two members of one object would be %q", clash))
	}
	return errors.Join(found...)
}

func (sp spelling) of(name string) string {
	if to, ok := sp[name]; ok {
		return to
	}
	return name
}

// apply renames the members of body, which has the shape s.
func (sp spelling) apply(body []byte, s shape) ([]byte, error) {
	dec := json.NewDecoder(bytes.NewReader(body))
	open, err := dec.Token()
	if err != nil {
		return nil, err
	}
	if open != json.Delim('{') && open != json.Delim('[') {
		return body, nil // a plain value
	}
	out := append(make([]byte, 0, len(body)+64), body[0])
	seen := map[string]bool{}
	for first := true; dec.More(); first = false {
		if !first {
			out = append(out, ',')
		}
		inner, ours := s, true
		if open == json.Delim('{') {
			token, err := dec.Token()
			if err != nil {
				return nil, err
			}
			name, _ := token.(string)
			if inner, ours = s[name]; ours {
				name = sp.of(name)
			}
			if seen[name] {
				return nil, fmt.Errorf("extra field %q: the request has a field for it", name)
			}
			seen[name] = true
			key, err := jsonx.Encode(name)
			if err != nil {
				return nil, err
			}
			out = append(append(out, key...), ':')
		}
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil {
			return nil, err
		}
		if ours && inner != nil {
			if value, err = sp.apply(value, inner); err != nil {
				return nil, err
			}
		}
		out = append(out, value...)
	}
	return append(out, body[len(body)-1]), nil
}
