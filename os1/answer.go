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

	refused        bool // it has an error that says something
	doubt          bool // it has an error that says nothing, or something else that speaks of a failure
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
		a.explain(failure)
		a.refused = saysSomething(a.code) || saysSomething(a.message) || a.additionalInfo != nil
		a.doubt = !a.refused
	}
	if a.message == "" {
		a.message = jsonx.Scalar(o.Get("message")) // of gateways in front of the service
	}
	a.doubt = a.doubt || failing(&o)
	return a, true
}

// failing reports whether an answer has members that are not of the envelope
// and say, in one of the ways that services have, that something is wrong.
func failing(o *jsonx.Object) bool {
	switch strings.ToLower(jsonx.Scalar(o.Get("status"))) {
	case "failed", "failure", "error", "false":
		return true
	}
	switch string(o.Get("errors")) {
	case "", "null", "[]", "{}", "false", "0", `""`:
	default:
		return true
	}
	return jsonx.Scalar(o.Get("success")) == "false" || saysSomething(jsonx.Scalar(o.Get("code"))) ||
		notNull(o.Get("fault")) != nil || notNull(o.Get("message")) != nil
}

// saysSomething reports whether a code or a text of an error is more than the
// empty ones that some services send with a success.
func saysSomething(s string) bool {
	switch strings.ToLower(strings.TrimSpace(s)) {
	case "", "0", "false", "none":
		return false
	}
	return true
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
	var o jsonx.Object // it has a bound
	var members map[string]json.RawMessage
	if !o.Read(raw) || json.Unmarshal(raw, &members) != nil {
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

// maxItems is how many elements of a list are read: of a longer one, none.
const maxItems = 10_000

// items are the elements of a list.
func items(raw json.RawMessage) []json.RawMessage {
	if list, ok := jsonx.Elements(raw); ok && len(list) <= maxItems {
		return list
	}
	return nil
}
