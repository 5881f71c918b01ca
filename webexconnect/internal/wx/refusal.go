package wx

import (
	"cmp"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"github.com/cpaas-go/cpaas/internal/errs"
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
	Description   string // or "message"
	TransID       string
	CorrelationID string
}

// Entries reads what an answer of v1 says: "response", an array or an object,
// or without it, as v2 has it, "code" and "message". Codes may be strings or
// numbers. It is nil when there is no outcome of a known shape, or when any
// entry has no code. Gateways and proxies say "code" and "message" too: such
// an object counts only with a code that the vendor documents.
func Entries(body []byte) []Entry {
	var o jsonx.Object
	if o.Read(body) {
		if response := o.Get("response"); response != nil {
			body = response
		} else if !Known(jsonx.Scalar(o.Get("code"))) {
			return nil
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

// Gravest is the first of the gravest of a call's refusals, which are what is
// not nil in all, and its sentinel: what forbids sending again comes first. at
// is -1 when nothing is refused.
func Gravest(all []error) (at int, kind error) {
	r, _ := errs.ReasonOf(errors.Join(all...))
	kind = r.Err()
	at = slices.IndexFunc(all, func(err error) bool { return err != nil && (kind == nil || errors.Is(err, kind)) })
	return at, kind
}

// UUIDLen is the length of a UUID, with its dashes.
const UUIDLen = 36

// ID is an id of the vendor's as it is, if it is a UUID, perhaps with "_" and
// a number behind it, and else "": UUIDs have runs of digits that look like
// phone numbers, and masked they find nothing.
func ID(s string) string {
	if len(s) < UUIDLen {
		return ""
	}
	for i := range UUIDLen {
		dash := i == 8 || i == 13 || i == 18 || i == 23
		hex := '0' <= s[i] && s[i] <= '9' || 'a' <= s[i] && s[i] <= 'f' || 'A' <= s[i] && s[i] <= 'F'
		if dash != (s[i] == '-') || !dash && !hex {
			return ""
		}
	}
	if rest := s[UUIDLen:]; rest != "" {
		n := rest[1:]
		if rest[0] != '_' || n == "" || len(n) > 4 || strings.Trim(n, "0123456789") != "" {
			return ""
		}
	}
	return s
}
