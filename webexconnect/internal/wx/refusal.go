package wx

import (
	"bytes"
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
	Code          string `json:"code"`
	Description   string `json:"description"` // v2: message
	TransID       string `json:"transid"`
	CorrelationID string `json:"correlationid"`
}

// Entries reads what an answer of either version says: v1's "response", an
// array or an object, or v2's "code" and "message". Codes may be strings or
// numbers. It is nil when there is no outcome of a known shape, or when any
// entry has no code.
func Entries(body []byte) []Entry {
	// Nearly every answer is of this form, which is decoded without a detour.
	var usual struct {
		Response []Entry `json:"response"`
		first    [1]Entry
	}
	usual.Response = usual.first[:0] // room for the usual one
	if json.Unmarshal(body, &usual) != nil || len(usual.Response) == 0 {
		return unusualEntries(body)
	}
	for i := range usual.Response {
		if e := &usual.Response[i]; e.Code == "" || e.Description == "" {
			return unusualEntries(body)
		}
	}
	return usual.Response
}

func unusualEntries(body []byte) []Entry {
	body = bytes.TrimSpace(body)
	var top struct {
		Response json.RawMessage `json:"response"`
	}
	if len(body) > 0 && body[0] == '{' {
		if json.Unmarshal(body, &top) != nil {
			return nil
		}
		if top.Response != nil {
			body = bytes.TrimSpace(top.Response)
		}
	}
	var wire []wireEntry
	switch {
	case len(body) > 0 && body[0] == '[':
		if json.Unmarshal(body, &wire) != nil {
			return nil
		}
	case len(body) > 0 && body[0] == '{':
		wire = make([]wireEntry, 1)
		if json.Unmarshal(body, &wire[0]) != nil {
			return nil
		}
	}
	var out []Entry
	for _, w := range wire {
		if w.Code == "" {
			return nil
		}
		text := w.Description
		if text == "" {
			text = w.Message
		}
		out = append(out, Entry{string(w.Code), string(text), string(w.TransID), string(w.CorrelationID)})
	}
	return out
}

type wireEntry struct {
	Code          jsonx.String `json:"code"`
	Description   jsonx.String `json:"description"`
	Message       jsonx.String `json:"message"`
	TransID       jsonx.String `json:"transid"`
	CorrelationID jsonx.String `json:"correlationid"`
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
