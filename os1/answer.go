package os1

import (
	"bytes"
	"cmp"
	"encoding/json"
	"strings"

	"github.com/cpaas-go/cpaas/internal/jsonx"
)

// Meta is what every answer comes with.
type Meta struct {
	// RequestID is the X-COREOS-REQUEST-ID of the call, a new one each time:
	// the id to give to the vendor's support.
	RequestID string

	StatusCode int // any 2xx: the vendor documents 200, 201 and 202 for other services, none for this
	Attempts   int // requests made

	answer kept[answer]
}

// Raw is the answer as it came in. Its member request.body repeats the
// request, credentials, secrets, phone numbers and all: do not log it.
func (m Meta) Raw() json.RawMessage { return m.answer.get().raw }

// Data is the member "data" of the answer, or nil: what the operation came
// to. For most operations its form is not documented. It may hold what the
// request held: do not log it.
func (m Meta) Data() json.RawMessage { return m.answer.get().data }

// Echo is the member "request" of the answer: the request as the service saw
// it. What is missing is empty.
func (m Meta) Echo() Echo {
	var wire struct {
		Request struct {
			URI         json.RawMessage `json:"uri"`
			Method      json.RawMessage `json:"method"`
			QueryString json.RawMessage `json:"queryString"`
			Body        json.RawMessage `json:"body"`
		} `json:"request"`
	}
	if json.Unmarshal(m.Raw(), &wire) != nil {
		return Echo{}
	}
	r := wire.Request
	return Echo{URI: jsonx.Scalar(r.URI), Method: jsonx.Scalar(r.Method), QueryString: jsonx.Scalar(r.QueryString), body: keep(r.Body)}
}

// Echo is a request as the service saw it.
type Echo struct {
	URI         string // "/providers"
	Method      string // "POST"
	QueryString string

	body kept[json.RawMessage]
}

// Body is the request's body. It holds credentials, secrets and phone
// numbers if the request did: do not log it.
func (e Echo) Body() json.RawMessage { return e.body.get() }

// answer is any answer of OS1: the envelope {data, request} or {error,
// request}.
//
// Source: https://docs.getos1.com/reference/register-new-app
type answer struct {
	raw  json.RawMessage
	data json.RawMessage // nil if there is none, or null

	refused        bool // it has an error that is not null
	code           string
	message        string
	additionalInfo json.RawMessage
}

// readAnswer reads an answer. An empty one is the zero answer; ok is false
// for what is no JSON object.
func readAnswer(body []byte) (a answer, ok bool) {
	a.raw = body
	if len(bytes.TrimSpace(body)) == 0 {
		return a, true
	}
	var o jsonx.Object
	if !o.Read(body) {
		return a, false
	}
	a.data = notNull(o.Get("data"))
	if failure := notNull(o.Get("error")); failure != nil {
		a.refused = true
		a.explain(failure)
	}
	if a.message == "" {
		a.message = jsonx.Scalar(o.Get("message")) // of gateways in front of the service
	}
	return a, true
}

// explain reads the error, an object; gateways send text.
func (a *answer) explain(failure json.RawMessage) {
	var o jsonx.Object
	if !o.Read(failure) {
		a.message = jsonx.Scalar(failure)
		return
	}
	a.code = jsonx.Scalar(o.Get("code"))
	a.message = cmp.Or(jsonx.Scalar(o.Get("description")), jsonx.Scalar(o.Get("message")))
	a.additionalInfo = notNull(o.Get("additionalInfo"))
}

// hasData says whether the answer holds any data.
func (a answer) hasData() bool {
	switch string(a.data) {
	case "", "{}", "[]", `""`:
		return false
	}
	return true
}

func notNull(raw json.RawMessage) json.RawMessage {
	if string(raw) == "null" {
		return nil
	}
	return raw
}

// loose reads objects whose member names are not sure: without regard to
// letter case, "_", "-" and spaces. What has another type than wanted is as
// if it were not there.
type loose map[string]json.RawMessage

func readLoose(raw json.RawMessage) loose {
	var members map[string]json.RawMessage
	if json.Unmarshal(raw, &members) != nil || members == nil {
		return nil
	}
	l := make(loose, len(members))
	for name, value := range members {
		if value = notNull(value); value != nil {
			l[plainName(name)] = value
		}
	}
	return l
}

var plainer = strings.NewReplacer("_", "", "-", "", " ", "")

func plainName(name string) string { return strings.ToLower(plainer.Replace(name)) }

// get is the first member there is of names.
func (l loose) get(names ...string) json.RawMessage {
	for _, name := range names {
		if v := l[plainName(name)]; v != nil {
			return v
		}
	}
	return nil
}

func (l loose) text(names ...string) string { return jsonx.Scalar(l.get(names...)) }

func (l loose) object(names ...string) loose { return readLoose(l.get(names...)) }

// items are the elements of a list.
func items(raw json.RawMessage) []json.RawMessage {
	var list []json.RawMessage
	if json.Unmarshal(raw, &list) != nil {
		return nil
	}
	return list
}
