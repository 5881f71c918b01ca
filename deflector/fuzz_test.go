package deflector_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/cpaas-go/cpaas/deflector"
	"github.com/cpaas-go/cpaas/internal/testutil"
)

// Whatever a 2xx holds, the answer is an id, a refusal, or doubt, and shows
// neither key nor number.
func FuzzResponse(f *testing.F) {
	for _, body := range []string{
		`{"messageId":"ack-1"}`, `[{"messageId":"ack-1"},{"messageId":2}]`, `{"messageId":null}`, "", "null", "[]", "<html>",
		e1Type, e1Key, e2Key, e2Type, e3, e4, e6, e6Error, e7, e7Deep, `{"messageId":"a","error":{"code":"8006"}}`,
	} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		res, err := answering(200, string(body)).client(t).Send(t.Context(), smsTo(testPhone))
		if err == nil {
			if strings.TrimSpace(res.MessageID) == "" || string(res.Raw) != string(body) {
				t.Errorf("response %+v", res)
			}
			return
		}
		checkShown(t, err)
		if unsure := errors.Is(err, deflector.ErrMaybeAccepted); unsure != errors.Is(err, deflector.ErrDecode) || res != nil {
			t.Errorf("%v, %v", res, err)
		}
	})
}

// Whatever else an answer holds, it is an error with its status.
func FuzzError(f *testing.F) {
	for _, status := range []uint16{400, 401, 403, 429, 500, 503} {
		for _, body := range []string{"", "<html>", e1Key, e2Key, e3, e4, e6, e7, `{"error":{"code":8002,"message":"` + testPhone + `"}}`} {
			f.Add(status, []byte(body))
		}
	}
	f.Fuzz(func(t *testing.T, status uint16, body []byte) {
		code := 300 + int(status)%300
		_, err := answering(code, string(body)).client(t).Send(t.Context(), smsTo(testPhone))
		checkShown(t, err)
		if e, ok := errors.AsType[*deflector.Error](err); !ok || e.StatusCode != code {
			t.Errorf("error %#v", err)
		}
		is := 0
		for _, s := range sentinels {
			if errors.Is(err, s) {
				is++
			}
		}
		if is != 1 {
			t.Errorf("%v is %d sentinels", err, is)
		}
	})
}

// checkShown fails the test unless err is one short clean line.
func checkShown(t *testing.T, err error) {
	t.Helper()
	text := err.Error()
	e, ok := errors.AsType[*deflector.Error](err)
	if !ok || len(e.Fields) > 32 {
		t.Fatalf("error %#v", err)
	}
	for _, shown := range []string{text, e.Code, e.Message, e.RequestID} {
		if !utf8.ValidString(shown) || strings.IndexFunc(shown, unicode.IsControl) >= 0 || len(shown) > 8<<10 {
			t.Errorf("shows %q", shown)
		}
	}
	testutil.NoLeak(t, err, testKey, testPhone)
}

func FuzzParseCallback(f *testing.F) {
	files, err := filepath.Glob("testdata/callback-*.json")
	if err != nil || len(files) == 0 {
		f.Fatal(files, err)
	}
	for _, file := range files {
		body, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add("POST", "", body)
	}
	f.Add("GET", "reqid=1&status=x", []byte(nil))
	f.Add("POST", "", []byte("request_ID=1&x=%20"))
	f.Add("POST", "token=x", []byte(`{"reqid":1,"x":[1]}`))
	f.Add("HEAD", "", []byte(nil))
	f.Add("PUT", "", []byte("[]"))
	f.Fuzz(func(t *testing.T, method, query string, body []byte) {
		r := httptest.NewRequest(http.MethodPost, "/hook", strings.NewReader(string(body)))
		r.Method, r.URL.RawQuery = method, query
		events, err := deflector.ParseCallback(r)
		if err != nil {
			if events != nil || !errors.Is(err, deflector.ErrDecode) {
				t.Errorf("%v, %v", events, err)
			}
			testutil.NoLeak(t, err, testPhone)
			return
		}
		for _, e := range events {
			if e.Status == "" || e.Raw == nil && e.Params == nil {
				t.Errorf("event %+v", e)
			}
			if y := e.Time.Year(); y < 0 || y > 9999 { // encoding/json would refuse it
				t.Errorf("year %d", y)
			}
			if err := e.Err(); (err != nil) != (e.Status == deflector.StatusFailed) {
				t.Errorf("%s: %v", e.Status, err)
			}
		}
	})
}
