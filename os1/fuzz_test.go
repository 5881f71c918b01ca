package os1_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"testing"

	"github.com/cpaas-go/cpaas/os1"
)

func seed(f *testing.F, more ...string) {
	f.Helper()
	for _, name := range []string{"provider-response.json", "error-response.json", "token-response.json", "callback-container.json"} {
		b, err := os.ReadFile("testdata/" + name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	for _, s := range more {
		f.Add([]byte(s))
	}
}

// FuzzAnswer: any answer with any status is a result or an *Error, and an
// error says what to do.
func FuzzAnswer(f *testing.F) {
	seed(f, ``, `null`, `{"dAtA":{"":0}}`, `{"d\u0061ta":[1]}`, `{"data":{},"error":{"code":1}}`, `{"error":"x"}`, `{"message":"x"}`, "\xff")
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, status := range []int{200, 400, 500} {
			client := answering(status, string(body)).client(t)
			res, err := client.Send(t.Context(), oneSMS())
			if (res == nil) == (err == nil) {
				t.Fatalf("%d: %+v, %v", status, res, err)
			}
			if err == nil {
				if status != 200 {
					t.Fatalf("%d is a success", status)
				}
				res.Echo()
				continue
			}
			if _, ok := errors.AsType[*os1.Error](err); !ok {
				t.Fatalf("%T", err)
			}
			if status == 400 && !errors.Is(err, os1.ErrInvalidRequest) && !(errors.Is(err, os1.ErrMaybeAccepted) && hasData(body)) || status == 500 && !errors.Is(err, os1.ErrMaybeAccepted) {
				t.Fatalf("%d: %v", status, err)
			}
		}
		if _, err := answering(http.StatusCreated, string(body)).client(t).CreateProvider(t.Context(), pageSES()); err != nil {
			if _, ok := errors.AsType[*os1.Error](err); !ok {
				t.Fatalf("%T", err)
			}
		}
		if res, err := tokens(reply{status: 200}).clientWith(t, credentials()).Send(t.Context(), oneSMS()); err != nil || res == nil {
			t.Fatal(err)
		}
		s := tokens()
		s.replies[pathToken] = []reply{{status: 200, body: string(body)}}
		if _, err := s.clientWith(t, credentials()).Send(t.Context(), oneSMS()); errors.Is(err, os1.ErrMaybeAccepted) {
			t.Fatalf("a token's failure: %v", err)
		}
	})
}

// hasData reports whether an answer has a member "data", in any letter case.
func hasData(body []byte) bool {
	var wire struct {
		Data json.RawMessage `json:"data"`
	}
	return json.Unmarshal(body, &wire) == nil && wire.Data != nil
}

// FuzzTemplates: any list can be gone through to its end.
func FuzzTemplates(f *testing.F) {
	seed(f, `{"data":[{"name":"a"}]}`, `{"data":{"templates":[{"name":"a"}],"meta":{"nextPage":"2","totalElements":3}}}`,
		`{"data":{"x":[{"data":{"buttons":[{"quick-reply":{"value":1}}],"media":{"image":{"url":"u"}}}}]}}`)
	f.Fuzz(func(t *testing.T, body []byte) {
		client := answering(http.StatusOK, string(body)).client(t)
		for _, err := range client.AllTemplates(t.Context(), os1.ListTemplatesOptions{}) {
			if _, ok := errors.AsType[*os1.Error](err); err != nil && !ok {
				t.Fatalf("%T", err)
			}
		}
		if res, err := client.GetTemplate(t.Context(), "x"); (res == nil) == (err == nil) {
			t.Fatalf("%+v, %v", res, err)
		}
	})
}

// FuzzCallback: any callback is events or an error.
func FuzzCallback(f *testing.F) {
	seed(f, `[]`, `[{"status":"x","meta":{"ref":"1"}}]`, `{"data":{"status":1}}`, `x`)
	f.Fuzz(func(t *testing.T, body []byte) {
		events, err := os1.ParseCallback(os1.InboundReply, post(string(body)), believe)
		if err != nil && events != nil {
			t.Fatalf("%+v, %v", events, err)
		}
		for _, e := range events {
			if e.Kind != os1.InboundReply || len(e.Raw()) == 0 {
				t.Fatalf("%+v", e)
			}
		}
		if _, err := os1.ParseCallback(os1.InboundReply, post(string(body)), os1.VerifyHMAC("X-Signature", os1.EncodeSecret([]byte("k")))); !errors.Is(err, os1.ErrUnverified) {
			t.Fatalf("unsigned: %v", err)
		}
	})
}
