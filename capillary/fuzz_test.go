package capillary

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/cpaas-go/cpaas/internal/testutil"
	"github.com/cpaas-go/cpaas/internal/transport"
)

func seedAnswers(f *testing.F) {
	f.Helper()
	for _, name := range []string{
		"sms.json", "email.json", "whatsapp.json", "zalo.json", "sms.xml", "email.xml", "whatsapp.xml", "zalo.xml",
	} {
		f.Add(testutil.Golden(f, "response-"+name))
	}
	for _, s := range []string{
		`{"response":{"status":{"success":"true","code":"200"},"sms":{"id":"1","status":"Sent"}}}`,
		`{"warnings":[],"errors":[{"status":false,"code":400,"message":"Input is invalid 919812345678"}]}`,
		`{"status":{"count":2,"successCount":1,"code":201,"success":true},"smsList":[{"sms":{"to":"1"}},{"errors":[null,{},"x",[]]}]}`,
		`HttpStatusCode=503 errorMessage=x errorCode=4001`,
		`<!DOCTYPE r [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]><response>&b;</response>`,
		`<!DOCTYPE r SYSTEM "file:///etc/passwd"><response/>`,
		`<response><status><code>500</code><success>false</success></status><messages><smsData><errors><e><code>1</code></e></errors></smsData></messages></response>`,
		strings.Repeat("<response>", 64), strings.Repeat(`{"response":`, 64), strings.Repeat(`{"errors":[`, 64), "<a><!-- --><?x?></a>",
		`<?xml version="1.0" encoding="latin1"?><response/>`, "", "[]", "null", "\xef\xbb\xbf{}",
	} {
		f.Add([]byte(s))
	}
}

// FuzzAnswer: no answer breaks the reading, and what is made of it holds
// together.
func FuzzAnswer(f *testing.F) {
	seedAnswers(f)
	c, err := New("https://capillary.example", Basic("till", "password"))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, status := range []int{200, 400, 403, 500, 503} {
			for _, sent := range []int{1, 3} {
				r := &reply{
					answer: readAnswer(status, body), sent: sent, transport: c.transport,
					res: transport.Result{Status: status, Body: body, Attempts: 1},
				}
				v, e, meaning := r.verdict(sent), c.fail("SendSMS", r), r.means(status, body)
				if (v == unknown) == r.known {
					t.Errorf("verdict %d, known %t", v, r.known)
				}
				if v == accepted && (!r.status.Success || len(r.said()) > 0) {
					t.Errorf("accepted in spite of %+v", r.answer)
				}
				if v == refused && (r.status.Success || r.ids() > 0) {
					t.Errorf("refused in spite of %+v", r.answer)
				}
				if taken := v == accepted || v == partly || v == unsure; taken != (meaning == transport.Taken) || taken && !errors.Is(e, ErrMaybeAccepted) {
					t.Errorf("verdict %d is %v and means %d", v, e, meaning)
				}
				text := e.Error()
				if strings.ContainsAny(text, "\r\n\x00") || !utf8.ValidString(text) {
					t.Errorf("%q is not one line", text)
				}
				if e.Partial != (v == partly) {
					t.Errorf("partial %t, verdict %d", e.Partial, v)
				}
				if len(r.items) > maxElements {
					t.Errorf("%d messages", len(r.items))
				}
				for i := range r.items {
					r.outcome(&r.items[i])
				}
			}
		}
		if at, err := Time(body).Parse(time.UTC); err != nil && !at.IsZero() {
			t.Errorf("%v and %v", at, err)
		}
	})
}

// FuzzXML: the reader of XML stays within its bounds.
func FuzzXML(f *testing.F) {
	seedAnswers(f)
	var measure func(n *node, depth int) (elements, deepest int)
	measure = func(n *node, depth int) (elements, deepest int) {
		elements, deepest = 1, depth
		for _, c := range n.children {
			e, d := measure(c, depth+1)
			elements, deepest = elements+e, max(deepest, d)
		}
		return elements, deepest
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		root, err := parseXML(body)
		if err != nil {
			if !errors.Is(err, errXML) {
				t.Error(err)
			}
			return
		}
		if elements, deepest := measure(root, 1); elements > maxElements || deepest > maxDepth {
			t.Errorf("%d elements, %d deep", elements, deepest)
		}
		if strings.Contains(strings.ToUpper(string(body)), "<!ENTITY") && !strings.Contains(string(body), "<!--") &&
			!strings.Contains(string(body), "<![CDATA[") && !strings.Contains(string(body), "<?") {
			t.Error("it has an entity")
		}
	})
}

// FuzzToken: whatever the token endpoint answers, an error or a token that
// fits a header comes of it.
func FuzzToken(f *testing.F) {
	for _, s := range []string{
		`{"data":{"accessToken":"eyJraWQiOiJrMSIs","ttlSeconds":300},"errors":null}`, `{"data":null,"errors":[{"code":401}]}`,
		`{"data":{"accessToken":"a\nb","ttlSeconds":"9e9"}}`, `{"data":{"accessToken":1,"ttlSeconds":-1}}`, `{}`, ``, `[]`,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, body string) {
		rt := roundTripper(func(r *http.Request) (*http.Response, error) { return respond(r, body), nil })
		cfg := config{Options: transport.Defaults("https://capillary.example")}
		if err := errors.Join(cfg.SetHTTPClient(&http.Client{Transport: rt}), cfg.SetMaxRetries(0)); err != nil {
			t.Fatal(err)
		}
		o, err := newOAuth(credentials{schemeOAuth, "key", "secret"}, &cfg)
		if err != nil {
			t.Fatal(err)
		}
		got, err := o.fetch(t.Context())
		if err == nil && (got.Value == "" || !transport.ValidHeaderValue(got.Value)) {
			t.Errorf("%q is a token", got.Value)
		}
		if errors.Is(err, ErrMaybeAccepted) {
			t.Error(err)
		}
	})
}

// FuzzRequest: what a request says is what is read back, in both encodings,
// or it is refused.
func FuzzRequest(f *testing.F) {
	f.Add("919812345678", "hi <b>&amp;</b> \"'\t\n\r\u2028 ]]>", "ACME")
	f.Add("+1", "\x00", "\xff")
	f.Add("1", "\ufffe\U0001F600", " ")
	f.Fuzz(func(t *testing.T, to, body, sender string) {
		m := SMS{To: to, Body: body, Sender: sender}
		if validate("SendSMS", keySMS, []SMS{m}, true, false) == nil {
			b, err := encode(&Client{}, keySMS, []SMS{m})
			if err != nil {
				t.Fatal(err)
			}
			var got struct{ Root struct{ SMS []wireSMS } }
			if err := json.Unmarshal(b, &got); err != nil || len(got.Root.SMS) != 1 {
				t.Fatalf("%s: %v", b, err)
			}
			if w := got.Root.SMS[0]; w.To != to || w.Body != body || w.Sender != sender {
				t.Errorf("%q came of %q", w, m)
			}
		}
		if validate("SendSMS", keySMS, []SMS{m}, true, true) == nil {
			b, err := encode(&Client{xml: true}, keySMS, []SMS{m})
			if err != nil {
				t.Fatal(err)
			}
			root, err := parseXML(b)
			if err != nil {
				t.Fatalf("%s: %v", b, err)
			}
			got := root.child(keySMS)
			if got.raw("to") != scalar(to) || got.raw("body") != scalar(body) || got.raw("sender") != scalar(sender) {
				t.Errorf("%s came of %q", b, m)
			}
		}
	})
}
