package os1_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/cpaas-go/cpaas/internal/testutil"
	"github.com/cpaas-go/cpaas/os1"
)

// believe is a verifier that believes everything.
var believe = os1.VerifierFunc(func(http.Header, []byte) error { return nil })

func post(body string) *http.Request {
	return httptest.NewRequest(http.MethodPost, "/hooks/os1?token=x", strings.NewReader(body))
}

func TestParseCallback(t *testing.T) {
	t.Parallel()
	golden := string(testutil.Golden(t, "callback-container.json"))
	for body, want := range map[string][]os1.Event{
		golden: {{
			Kind: os1.DeliveryStatus, TenantID: "delhivery1234", Status: "failed", Reason: "no such bag",
			Data: []byte(`{"id": "bag:9b83fc9f-decd-4a8d-a6d1-2b496df0a1a5"}`),
		}},
		`{"Tenant_ID":1,"event-type":"sent","SERVICE":"m","data":{"status":"Delivered","reason":true,"meta":{"ref":"1"},"context":{}}}`: {{
			Kind: os1.DeliveryStatus, TenantID: "1", Type: "sent", Service: "m", Status: "Delivered", Reason: "true",
			Data: []byte(`{"status":"Delivered","reason":true,"meta":{"ref":"1"},"context":{}}`), Meta: []byte(`{"ref":"1"}`), Context: []byte(`{}`),
		}},
		` [{"type":"x","meta":[1],"context":2}, {"callback":{"meta":{"ref":"2"}},"status":null}]`: {
			{Kind: os1.DeliveryStatus, Type: "x", Meta: []byte(`[1]`), Context: []byte(`2`)},
			{Kind: os1.DeliveryStatus, Meta: []byte(`{"ref":"2"}`)},
		},
		`{}`: {{Kind: os1.DeliveryStatus}},
		`{"status":{"word":"x"},"data":"text","meta":null}`: {{Kind: os1.DeliveryStatus, Data: []byte(`"text"`)}},
		`[]`: {},
	} {
		r := post(body)
		got, err := os1.ParseCallback(os1.DeliveryStatus, r, believe)
		if err != nil || len(got) != len(want) {
			t.Errorf("%s: %+v, %v", body, got, err)
			continue
		}
		for i, w := range want {
			g := got[i]
			if g.Kind != w.Kind || g.TenantID != w.TenantID || g.Type != w.Type || g.Service != w.Service || g.Status != w.Status ||
				g.Reason != w.Reason || string(g.Data) != string(w.Data) || string(g.Meta) != string(w.Meta) || string(g.Context) != string(w.Context) {
				t.Errorf("%s: %+v", body, g)
			}
			if !strings.Contains(body, string(g.Raw())) || len(g.Raw()) == 0 {
				t.Errorf("%s: raw %s", body, g.Raw())
			}
		}
		if again, err := io.ReadAll(r.Body); err != nil || string(again) != body {
			t.Errorf("%s: read again: %s, %v", body, again, err)
		}
	}
	for _, body := range []string{``, `null`, `7`, `"x"`, `{`, `[{},7]`, `[`, `{}{}`} {
		if _, err := os1.ParseCallback(os1.DeliveryStatus, post(body), believe); !errors.Is(err, os1.ErrDecode) {
			t.Errorf("%s: %v", body, err)
		}
	}
	if (os1.Event{}).Raw() != nil {
		t.Error("the zero Event holds something")
	}
}

func TestHandler(t *testing.T) {
	t.Parallel()
	const secret = "secret-key"
	verify := os1.VerifyHMAC("X-Signature", os1.EncodeSecret([]byte(secret)))
	sign := func(body string) string {
		mac := hmac.New(sha256.New, []byte(secret))
		mac.Write([]byte(body))
		return hex.EncodeToString(mac.Sum(nil))
	}
	two := `[{"status":"a"},{"status":"b"}]`
	for name, test := range map[string]struct {
		method, body, signature string
		verify                  os1.Verifier
		fail                    string
		status                  int
		seen                    string
	}{
		"taken":       {http.MethodPost, two, sign(two), verify, "", 200, "ab"},
		"fn fails":    {http.MethodPost, two, sign(two), verify, "a", 500, "ab"},
		"forged":      {http.MethodPost, two, sign("other"), verify, "", 401, ""},
		"unsigned":    {http.MethodPost, two, "", verify, "", 401, ""},
		"no verifier": {http.MethodPost, two, sign(two), nil, "", 401, ""},
		"no JSON":     {http.MethodPost, `<xml>`, sign(`<xml>`), verify, "", 400, ""},
		"empty":       {http.MethodPost, ``, sign(``), verify, "", 400, ""},
		"GET":         {http.MethodGet, two, sign(two), verify, "", 405, ""},
		"long":        {http.MethodPost, strings.Repeat(" ", os1.MaxCallback) + `{}`, "", verify, "", 413, ""},
		"long enough": {http.MethodPost, strings.Repeat(" ", os1.MaxCallback-2) + `{}`, "", believe, "", 200, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			seen := ""
			h := os1.Handler(os1.TwoWayStatus, test.verify, func(_ context.Context, e os1.Event) error {
				if e.Kind != os1.TwoWayStatus {
					t.Errorf("kind %q", e.Kind)
				}
				seen += e.Status
				if e.Status != "" && e.Status == test.fail {
					return errors.New("no room")
				}
				return nil
			})
			r := httptest.NewRequest(test.method, "/", strings.NewReader(test.body))
			r.Header.Set("X-Signature", test.signature)
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if w.Code != test.status || w.Body.Len() != 0 || seen != test.seen {
				t.Errorf("%d %q, saw %q", w.Code, w.Body, seen)
			}
			if allow := w.Header().Get("Allow"); (allow == http.MethodPost) != (test.status == 405) {
				t.Errorf("Allow: %q", allow)
			}
		})
	}
}

func TestHandlerWithoutFunction(t *testing.T) {
	t.Parallel()
	defer func() {
		if recover() == nil {
			t.Error("taken")
		}
	}()
	os1.Handler(os1.TwoWayStatus, believe, nil)
}

func TestBrokenCallbackBody(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	r := httptest.NewRequest(http.MethodPost, "/", failingReader{broken})
	if _, err := os1.ParseCallback(os1.DeliveryStatus, r, believe); !errors.Is(err, broken) {
		t.Error(err)
	}
	r.Body = nil
	if _, err := os1.ParseCallback(os1.DeliveryStatus, r, believe); !errors.Is(err, os1.ErrDecode) {
		t.Error(err)
	}
}

type failingReader struct{ err error }

func (f failingReader) Read([]byte) (int, error) { return 0, f.err }

func TestVerifiers(t *testing.T) {
	t.Parallel()
	const header, secret, body = "X-Signature", "secret-key", `{"status":"x"}`
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(body))
	sum := mac.Sum(nil)
	concat := sha256.Sum256([]byte(body + secret))
	std := base64.StdEncoding.EncodeToString

	hmacVerifier := os1.VerifyHMAC(header, os1.EncodeSecret([]byte(secret)))
	shaVerifier := os1.VerifySHA256(header, os1.NewSecret(secret))
	basicVerifier := os1.VerifyBasic(os1.EncodeSecret([]byte("username:password")))
	empty := hmac.New(sha256.New, nil)
	empty.Write([]byte(body))
	bare := sha256.Sum256([]byte(body))
	for name, test := range map[string]struct {
		verifier      os1.Verifier
		header, value string
		ok            bool
	}{
		"HMAC, hex":            {hmacVerifier, header, hex.EncodeToString(sum), true},
		"HMAC, HEX":            {hmacVerifier, header, strings.ToUpper(hex.EncodeToString(sum)), true},
		"HMAC, base64":         {hmacVerifier, header, std(sum), true},
		"HMAC, prefix":         {hmacVerifier, header, "sha256=" + hex.EncodeToString(sum), true},
		"HMAC, other header":   {hmacVerifier, "X-Other", hex.EncodeToString(sum), false},
		"HMAC, cut":            {hmacVerifier, header, hex.EncodeToString(sum[:31]), false},
		"HMAC, SHA-256":        {hmacVerifier, header, hex.EncodeToString(concat[:]), false},
		"HMAC, nonsense":       {hmacVerifier, header, "%%%", false},
		"HMAC, no secret":      {os1.VerifyHMAC(header, os1.Secret{}), header, hex.EncodeToString(empty.Sum(nil)), false},
		"HMAC, secret not b64": {os1.VerifyHMAC(header, os1.NewSecret("%")), header, hex.EncodeToString(empty.Sum(nil)), false},
		"SHA-256, hex":         {shaVerifier, header, hex.EncodeToString(concat[:]), true},
		"SHA-256, base64":      {shaVerifier, header, std(concat[:]), true},
		"SHA-256, HMAC":        {shaVerifier, header, hex.EncodeToString(sum), false},
		"SHA-256, no secret":   {os1.VerifySHA256(header, os1.Secret{}), header, hex.EncodeToString(bare[:]), false},
		"Basic":                {basicVerifier, "Authorization", "Basic dXNlcm5hbWU6cGFzc3dvcmQ=", true},
		"Basic, lower case":    {basicVerifier, "Authorization", "basic dXNlcm5hbWU6cGFzc3dvcmQ=", true},
		"Basic, Bearer":        {basicVerifier, "Authorization", "Bearer dXNlcm5hbWU6cGFzc3dvcmQ=", false},
		"Basic, other":         {basicVerifier, "Authorization", "Basic " + std([]byte("username:other")), false},
		"Basic, none":          {basicVerifier, "Authorization", "", false},
		"Basic, no secret":     {os1.VerifyBasic(os1.Secret{}), "Authorization", "Basic ", false},
	} {
		h := http.Header{}
		h.Set(test.header, test.value)
		err := test.verifier.Verify(h, []byte(body))
		if (err == nil) != test.ok {
			t.Errorf("%s: %v", name, err)
		}
		if err != nil {
			testutil.NoLeak(t, err, secret, hex.EncodeToString(sum), std(sum), "dXNlcm5hbWU6cGFzc3dvcmQ=")
		}
		testutil.NoLeak(t, test.verifier, secret)
	}
}
