package webexconnect_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cpaas-go/cpaas/webexconnect"
)

func seeds(f *testing.F, pattern string) {
	f.Helper()
	files, err := filepath.Glob(filepath.Join("testdata", pattern))
	if err != nil || len(files) == 0 {
		f.Fatal("no seeds: ", err)
	}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
}

// FuzzResponse: an answer is either accepted whole, with an id, or an error
// that says what it is.
func FuzzResponse(f *testing.F) {
	seeds(f, "answer_*.json")
	f.Add([]byte(`{"response":[{"code":1001,"transid":"t"},{"code":"7020"}]}`))
	f.Add([]byte(`{"code":"7004","message":"x"}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		s := answering(http.StatusOK, string(body))
		res, err := s.client(t, webexconnect.WithMaxRetries(0)).Send(t.Context(), sms())
		if err == nil {
			if res == nil || res.TransID == "" || len(res.Outcomes) == 0 {
				t.Fatalf("accepted without an id: %s", body)
			}
			for _, o := range res.Outcomes {
				if o.Err != nil || o.Code != webexconnect.CodeQueued || o.TransID == "" {
					t.Fatalf("a refusal is hidden: %s", body)
				}
			}
			return
		}
		e, ok := errors.AsType[*webexconnect.Error](err)
		if !ok || strings.Contains(e.Error(), testKey) || strings.ContainsAny(e.Error(), "\n\r") {
			t.Fatalf("%T %q", err, err)
		}
		if res != nil && !errors.Is(err, webexconnect.ErrMaybeAccepted) {
			t.Fatalf("partly accepted, and %v", err)
		}
	})
}

func fuzzCallback(f *testing.F) {
	f.Helper()
	f.Fuzz(func(t *testing.T, body []byte) {
		c, err := webexconnect.ParseCallback(post(t, string(body)))
		if err != nil {
			return
		}
		if (c.Notification == nil) == (c.Inbound == nil) {
			t.Fatal("one of them is set")
		}
		if n := c.Notification; n != nil {
			failed := n.State() == webexconnect.StateFailed || n.State() == webexconnect.StateOptedOut
			if failed != (n.Err() != nil) {
				t.Fatalf("%v %v", n.State(), n.Err())
			}
			return
		}
		for _, name := range c.Inbound.Fields() {
			c.Inbound.Get(name)
			var v any
			if c.Inbound.Decode(name, &v) == nil && v == nil {
				continue
			}
		}
	})
}

func FuzzNotification(f *testing.F) {
	seeds(f, "notification_*.json")
	fuzzCallback(f)
}

func FuzzInbound(f *testing.F) {
	seeds(f, "inbound_*.json")
	f.Add([]byte(`{"Channel":"SMS","attachments":"[{}]","user_preferences":[1]}`))
	fuzzCallback(f)
}

// FuzzSignature: no header is good but the right one.
func FuzzSignature(f *testing.F) {
	const body = `{"channel":"SMS"}`
	for _, header := range []string{"", "sha256=", "sha512=00", "=", strings.Repeat("0", 64), strings.Repeat("f", 128)} {
		f.Add(header)
	}
	f.Fuzz(func(t *testing.T, header string) {
		r := post(t, body)
		r.Header["X-Hub-Signature"] = []string{header}
		if webexconnect.Signature("a secret that nobody guesses")(r) == nil {
			t.Fatalf("%q", header)
		}
	})
}

// FuzzRequest: what a request is read from, it is written as again.
func FuzzRequest(f *testing.F) {
	for name := range goldens() {
		b, err := os.ReadFile(filepath.Join("testdata", name+".json"))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		var r webexconnect.Request
		if json.Unmarshal(body, &r) != nil || r.Validate() != nil {
			return
		}
		once, err := json.Marshal(r)
		if err != nil {
			return // members of the caller's own that are the request's
		}
		var again webexconnect.Request
		if err := json.Unmarshal(once, &again); err != nil {
			t.Fatalf("%v: %s", err, once)
		}
		twice, err := json.Marshal(again)
		if err != nil || string(once) != string(twice) {
			t.Fatalf("%v\n%s\n%s", err, once, twice)
		}
	})
}
