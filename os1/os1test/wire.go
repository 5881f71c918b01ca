package os1test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// object is a JSON object with its members in order.
type object struct {
	names  []string
	values map[string]any
}

// MarshalJSON writes the members in their order.
func (o object) MarshalJSON() ([]byte, error) {
	out := []byte("{")
	for i, name := range o.names {
		if i > 0 {
			out = append(out, ',')
		}
		key, err := json.Marshal(name)
		if err != nil {
			return nil, err
		}
		value, err := json.Marshal(o.values[name])
		if err != nil {
			return nil, err
		}
		out = append(append(append(out, key...), ':'), value...)
	}
	return append(out, '}'), nil
}

// parse reads a body: one JSON value of UTF-8, without null or repeated
// members. Objects become object, lists []any, numbers json.Number.
func parse(body []byte) (any, error) {
	if !utf8.Valid(body) {
		return nil, errors.New("not UTF-8")
	}
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber()
	v, err := parseValue(dec)
	if err != nil {
		return nil, err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something behind the JSON")
	}
	return v, nil
}

var errNotJSON = errors.New("not JSON")

func parseValue(dec *json.Decoder) (any, error) {
	token, err := dec.Token()
	if err != nil {
		return nil, errNotJSON
	}
	switch token {
	case json.Delim('{'):
		o := object{values: map[string]any{}}
		for dec.More() {
			name, err := dec.Token()
			if err != nil {
				return nil, errNotJSON
			}
			key, _ := name.(string)
			if _, twice := o.values[key]; twice {
				return nil, fmt.Errorf("member %q is repeated", key)
			}
			if o.values[key], err = parseValue(dec); err != nil {
				return nil, err
			}
			o.names = append(o.names, key)
		}
		if _, err := dec.Token(); err != nil {
			return nil, errNotJSON
		}
		return o, nil
	case json.Delim('['):
		list := []any{}
		for dec.More() {
			v, err := parseValue(dec)
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
		if _, err := dec.Token(); err != nil {
			return nil, errNotJSON
		}
		return list, nil
	case nil:
		return nil, errors.New("a null")
	}
	return token, nil
}

// rule is what the value of a member must be.
type rule struct {
	kind     kind
	of       *schema // for object and objects
	required bool    // there, and not empty
	check    func(any) string
}

type kind string

const (
	text    kind = "a text"
	boolean kind = "true or false"
	number  kind = "a number"
	integer kind = "a whole number"
	free    kind = "an object" // of the user's own
	texts   kind = "a list of texts"
	one     kind = "an object of known members"
	many    kind = "a list of objects"
	value   kind = "any value"
)

// schema is what the members of an object must be.
type schema struct {
	members map[string]rule
	open    bool // members that are not known are taken
	check   func(object) string
}

// checker finds what is wrong with a body and puts its members into the
// default spelling.
type checker struct {
	spelled map[string]string // names as they come to default names; nil: they are the default's
	renamed map[string]bool   // default names that come under another name
	wrong   []string
}

func (c *checker) add(path, problem string) { c.wrong = append(c.wrong, path+" "+problem) }

func (c *checker) object(v any, s *schema, path string) any {
	o, ok := v.(object)
	if !ok {
		c.add(path, "must be an object")
		return v
	}
	out := object{values: map[string]any{}}
	for _, came := range o.names {
		name := came
		if to, ok := c.spelled[came]; ok && s.members[to].kind != "" {
			name = to
		}
		r, known := s.members[name]
		if known && name == came && c.renamed[name] {
			known = false
		}
		at := strings.TrimPrefix(path+"."+name, ".")
		switch {
		case known:
			out.values[name] = c.value(o.values[came], r, at)
		case s.open:
			out.values[name] = o.values[came]
		default:
			c.add(at, "is not known")
			continue
		}
		out.names = append(out.names, name)
	}
	for name, r := range s.members {
		if _, there := out.values[name]; r.required && !there {
			c.add(strings.TrimPrefix(path+"."+name, "."), "is missing")
		}
	}
	if s.check != nil {
		if problem := s.check(out); problem != "" {
			c.add(path, problem)
		}
	}
	return out
}

func (c *checker) value(v any, r rule, path string) any {
	ok, empty := false, false
	switch r.kind {
	case text:
		var s string
		s, ok = v.(string)
		empty = s == ""
	case boolean:
		_, ok = v.(bool)
	case number:
		_, ok = v.(json.Number)
	case integer:
		var n json.Number
		n, ok = v.(json.Number)
		if _, err := n.Int64(); err != nil {
			ok = false
		}
	case free:
		_, ok = v.(object)
	case value:
		ok = true
	case one:
		return c.object(v, r.of, path)
	case texts:
		var list []any
		list, ok = v.([]any)
		empty = len(list) == 0
		ok = ok && !slices.ContainsFunc(list, func(v any) bool { _, text := v.(string); return !text })
	case many:
		var list []any
		list, ok = v.([]any)
		empty = len(list) == 0
		list = slices.Clone(list)
		for i := range list {
			list[i] = c.object(list[i], r.of, fmt.Sprintf("%s[%d]", path, i))
		}
		if ok {
			v = list
		}
	}
	switch {
	case !ok:
		c.add(path, "must be "+string(r.kind))
	case empty && r.required:
		c.add(path, "is empty")
	case r.check != nil:
		if problem := r.check(v); problem != "" {
			c.add(path, problem)
		}
	}
	return v
}

// The bodies.
var (
	needed   = rule{kind: text, required: true}
	optional = rule{kind: text}

	hookURL = rule{kind: text, required: true, check: func(v any) string {
		s, _ := v.(string)
		if u, err := url.Parse(s); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			return "must be an absolute URL"
		}
		return ""
	}}

	phone    = &schema{members: map[string]rule{"countryCode": needed, "number": needed}}
	phones   = rule{kind: many, of: phone, required: true}
	document = rule{kind: one, of: &schema{members: map[string]rule{"url": optional, "filename": optional}}}
	image    = rule{kind: one, of: &schema{members: map[string]rule{"url": optional}}}
	media    = rule{kind: one, of: &schema{members: map[string]rule{"document": document, "image": image}}}
	webhook  = rule{kind: one, of: &schema{members: map[string]rule{"url": hookURL, "secret": optional}}}
	callback = rule{kind: one, of: &schema{members: map[string]rule{"url": hookURL, "meta": {kind: free}}}}

	sms = &schema{members: map[string]rule{
		"senderId": optional, "template": needed, "provider": optional, "originationNumber": optional, "data": {kind: free}, "to": phones,
	}}
	email = &schema{open: true, check: atMost50, members: map[string]rule{
		"template": needed, "provider": optional, "from": optional, "data": {kind: free},
		"to": {kind: texts, required: true, check: addresses}, "cc": {kind: texts, check: addresses}, "bcc": {kind: texts, check: addresses},
	}}
	whatsApp = &schema{members: map[string]rule{
		"from": optional, "template": needed, "provider": optional, "data": {kind: free}, "media": media, "to": phones,
		"buttons": {kind: many, of: &schema{members: map[string]rule{
			"url": {kind: one, of: &schema{members: map[string]rule{"trackUrl": optional}}},
		}}},
	}}
	sendMembers = map[string]rule{
		"sms": {kind: many, of: sms}, "email": {kind: many, of: email}, "whatsapp": {kind: many, of: whatsApp}, "callback": callback,
	}
	send             = &schema{members: sendMembers, check: atLeastOne}
	notificationSend = &schema{members: sendMembers, open: true}

	notification = &schema{open: true, members: map[string]rule{
		"name": needed, "label": needed, "description": optional, "templates": {kind: value, required: true},
	}}

	provider = &schema{members: map[string]rule{
		"name": needed, "providerType": needed, "credentials": {kind: free}, "isActive": {kind: boolean}, "isTenantDefault": {kind: boolean},
	}}

	// templates are the schemas by mode.
	templates = map[string]*schema{
		"sms": template(&schema{open: true, members: map[string]rule{
			"body": needed, "externalRef": optional, "originationNumber": optional,
		}}),
		"email": template(&schema{members: map[string]rule{
			"body": needed, "subject": optional, "format": optional, "from": optional,
		}}),
		"whatsapp": template(&schema{members: map[string]rule{
			"body": needed, "externalRef": optional, "from": optional, "media": media,
			"buttons": {kind: many, of: &schema{members: map[string]rule{"url": buttonValue, "quick_reply": buttonValue}}},
		}}),
	}
	buttonValue = rule{kind: one, of: &schema{members: map[string]rule{"value": optional}}}

	twoWay = &schema{members: map[string]rule{
		"from": needed, "provider": optional, "to": {kind: one, of: phone, required: true},
		"message": {kind: one, required: true, of: &schema{members: map[string]rule{
			"template": needed, "data": {kind: free}, "buttons": {kind: texts},
			"media": {kind: one, of: &schema{members: map[string]rule{
				"document": document, "image": image,
				"location": {kind: one, of: &schema{members: map[string]rule{
					"latitude": {kind: number, required: true}, "longitude": {kind: number, required: true},
				}}},
			}}},
		}}},
		"acceptedResponses": {kind: many, of: &schema{members: map[string]rule{"messages": {kind: texts}, "webhook": webhook}}},
		"webhook": {kind: one, of: &schema{members: map[string]rule{
			"defaultInbound": webhook, "status": webhook, "invalidResponse": webhook,
		}}},
		"dynamicResponseRegex": optional, "responseTimeout": {kind: integer}, "context": {kind: free}, "errorMessage": optional,
	}}

	tokenRequest = &schema{members: map[string]rule{"clientId": needed, "clientSecret": needed, "audience": optional}}
)

func template(data *schema) *schema {
	return &schema{members: map[string]rule{
		"name": needed, "mode": needed, "data": {kind: one, of: data, required: true}, "isActive": {kind: boolean}, "tags": {kind: texts},
	}}
}

func atLeastOne(o object) string {
	for _, list := range [...]string{"sms", "email", "whatsapp"} {
		if l, _ := o.values[list].([]any); len(l) > 0 {
			return ""
		}
	}
	return "has no message"
}

func atMost50(o object) string {
	n := 0
	for _, list := range [...]string{"to", "cc", "bcc"} {
		l, _ := o.values[list].([]any)
		n += len(l)
	}
	if n > 50 {
		return "has more than 50 addresses"
	}
	return ""
}

// address is the page's pattern with everything that its lost punctuation can
// have been.
var address = regexp.MustCompile(`^[a-zA-Z0-9._%+\-]+@[a-zA-Z0-9._\-]+\.[a-zA-Z]{2,6}$`)

func addresses(v any) string {
	list, _ := v.([]any)
	for _, a := range list {
		if s, _ := a.(string); !address.MatchString(s) {
			return "has what is no e-mail address"
		}
	}
	return ""
}
