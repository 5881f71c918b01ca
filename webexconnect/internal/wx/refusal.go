package wx

import (
	"bytes"
	"cmp"
	"encoding/json"
	"strings"

	"github.com/cpaas-go/cpaas/internal/jsonx"
)

// CodeQueued is the code of an entry that was accepted.
const CodeQueued = "1001"

// CodeThrottled is the code of a call above the limit of calls per second:
// nothing was accepted.
const CodeThrottled = "7020"

// Entry is one outcome in an answer. Its strings are as received.
type Entry struct {
	Code          string
	Description   string // v2: message
	TransID       string
	CorrelationID string
}

// Entries reads what an answer of either version says: v1's "response", an
// array or an object, or v2's "code" and "message". Codes may be strings or
// numbers. It is nil when there is no outcome of a known shape, or when any
// entry has no code.
func Entries(body []byte) []Entry {
	var o jsonx.Object
	if o.Read(body) {
		if response := o.Get("response"); response != nil {
			body = response
		}
	}
	list, ok := jsonx.Elements(body)
	if !ok {
		list = []json.RawMessage{body}
	}
	if len(list) == 0 {
		return nil
	}
	out := make([]Entry, len(list))
	for i, body := range list {
		if !o.Read(body) {
			return nil
		}
		out[i] = Entry{
			Code:        jsonx.Scalar(o.Get("code")),
			Description: cmp.Or(jsonx.Scalar(o.Get("description")), jsonx.Scalar(o.Get("message"))),
			TransID:     jsonx.Scalar(o.Get("transid")), CorrelationID: jsonx.Scalar(o.Get("correlationid")),
		}
		if out[i].Code == "" {
			return nil
		}
	}
	return out
}

// Throttled says that an answer refuses all of a call with CodeThrottled: the
// call may be repeated. One accepted entry forbids it.
func Throttled(body []byte) bool {
	if !bytes.Contains(body, []byte(CodeThrottled)) { // spares the reading of an ordinary answer
		return false
	}
	entries := Entries(body)
	for _, e := range entries {
		if e.Code != CodeThrottled {
			return false
		}
	}
	return len(entries) > 0
}

// ID is an id of the vendor's as it is, if it is a UUID, perhaps with "_" and
// a number behind it, and else "": UUIDs have runs of digits that look like
// phone numbers, and masked they find nothing.
func ID(s string) string {
	const length = 36
	if len(s) < length {
		return ""
	}
	for i := range length {
		dash := i == 8 || i == 13 || i == 18 || i == 23
		hex := '0' <= s[i] && s[i] <= '9' || 'a' <= s[i] && s[i] <= 'f' || 'A' <= s[i] && s[i] <= 'F'
		if dash != (s[i] == '-') || !dash && !hex {
			return ""
		}
	}
	if rest := s[length:]; rest != "" {
		n := rest[1:]
		if rest[0] != '_' || n == "" || len(n) > 4 || strings.Trim(n, "0123456789") != "" {
			return ""
		}
	}
	return s
}
