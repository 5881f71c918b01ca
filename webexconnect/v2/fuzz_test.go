package v2_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"testing"

	v2 "github.com/cpaas-go/cpaas/webexconnect/v2"
)

// FuzzRequest: what decodes encodes, and decodes to the same again.
func FuzzRequest(f *testing.F) {
	files, err := filepath.Glob("testdata/*.json")
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range files {
		b, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var r v2.Request
		if json.Unmarshal(b, &r) != nil {
			return
		}
		_ = r.Validate() // must not panic
		once, err := json.Marshal(r)
		if err != nil {
			return // extra members that are known under another letter case
		}
		var again v2.Request
		if err := json.Unmarshal(once, &again); err != nil {
			t.Fatalf("%v: %s", err, once)
		}
		twice, err := json.Marshal(again)
		if err != nil || !bytes.Equal(once, twice) {
			t.Errorf("%v\nonce  %s\ntwice %s", err, once, twice)
		}
	})
}

// FuzzAnswer: whatever comes, it is a response or an error, never both of
// nothing, and a send that is not certainly refused is never called refused.
func FuzzAnswer(f *testing.F) {
	for _, s := range []string{
		`{"messageId":"m-1","status":"queued"}`, `{"code":"7004","message":"x"}`, `[{"messageId":"m-1"},{"code":7020}]`, `[]`, `null`,
		`{"status":"Rejected"}`, ``, `{"code":{}}`, `[{"code":"7102"},{"messageId":"m-1","status":"queued"}]`, `{"code":"7001"}`,
	} {
		for _, status := range []uint16{201, 400, 401, 429, 503} {
			f.Add(s, status-200)
		}
	}
	f.Fuzz(func(t *testing.T, body string, status uint16) {
		code := 200 + int(status)%600
		c := client(t, roundTrip(func(*http.Request) (*http.Response, error) {
			return &http.Response{
				StatusCode: code, Header: http.Header{}, ContentLength: int64(len(body)), Body: io.NopCloser(bytes.NewReader([]byte(body))),
			}, nil
		}), v2.WithMaxRetries(0))
		res, err := c.Send(t.Context(), sms(nil))
		if err == nil && (res == nil || res.MessageID == "" || code/100 != 2) {
			t.Errorf("no error, and %+v", res)
		}
		if err != nil && !errors.Is(err, v2.ErrMaybeAccepted) {
			e, _ := errors.AsType[*v2.Error](err)
			if res != nil || slices.ContainsFunc(e.Outcomes(), func(o v2.Outcome) bool { return o.Err == nil }) {
				t.Errorf("partly accepted, and %v", err)
			}
			if code >= 500 && !errors.Is(err, v2.ErrUnavailable) {
				t.Errorf("the status leaves it open, and %v", err)
			}
		}
		s, err := c.Get(t.Context(), "m-1")
		if (s == nil) == (err == nil) || errors.Is(err, v2.ErrMaybeAccepted) {
			t.Errorf("got %+v, %v", s, err)
		}
	})
}
