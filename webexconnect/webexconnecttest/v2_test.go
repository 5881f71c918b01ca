package webexconnecttest_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cpaas-go/cpaas/internal/testutil"
	"github.com/cpaas-go/cpaas/webexconnect"
	v2 "github.com/cpaas-go/cpaas/webexconnect/v2"
	"github.com/cpaas-go/cpaas/webexconnect/webexconnecttest"
)

// post sends a body as it is. header are pairs of name and value.
func post(t *testing.T, url, body string, header ...string) (int, string) {
	t.Helper()
	return do(t, http.MethodPost, url, body, append([]string{"key", webexconnecttest.ServiceKey, "Content-Type", "application/json"}, header...)...)
}

func do(t *testing.T, method, url, body string, header ...string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

// The goldens are the vendor's samples.
func TestV2TakesGoldens(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../v2/testdata/*.json")
	if err != nil || len(files) < 10 {
		t.Fatal(files, err)
	}
	for _, name := range files {
		if base := filepath.Base(name); strings.HasPrefix(base, "get-") || strings.HasPrefix(base, "send-") {
			continue
		}
		t.Run(filepath.Base(name), func(t *testing.T) {
			t.Parallel()
			srv := webexconnecttest.NewServer()
			defer srv.Close()
			body, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			status, answer := post(t, srv.URL+"/v2/messages", string(body))
			if status != http.StatusCreated || !strings.Contains(answer, `"status":"queued"`) {
				t.Fatalf("%d %s", status, answer)
			}
			got, err := json.Marshal(srv.AcceptedV2()[0])
			if err != nil {
				t.Fatal(err)
			}
			testutil.JSONEqual(t, body, got)
		})
	}
}

func TestV2Refuses(t *testing.T) {
	t.Parallel()
	srv := webexconnecttest.NewServer()
	t.Cleanup(srv.Close)
	far := time.Now().Add(8 * 24 * time.Hour).UTC().Format("2006-01-02T15:04:05.000Z")
	const to = `"to":[{"msisdn":["+449000000009"]}]`
	sms := func(rest string) string {
		return `{"channel":"sms","from":"S",` + to + `,"content":{"type":"text","text":"x"}` + rest + `}`
	}
	content := func(channel, content string) string {
		return `{"channel":"` + channel + `","from":"S",` + to + `,"content":` + content + `}`
	}
	email := func(content string) string {
		return `{"channel":"email","from":"a@example.com","to":[{"email":["user@example.com"]}],"content":` + content + `}`
	}
	if status, answer := post(t, srv.URL+"/v2/messages", sms("")); status != http.StatusCreated {
		t.Fatal(status, answer)
	}
	for body, code := range map[string]string{
		``: "7000", `{`: "7000", "\xff": "7000", `[]`: "7004", `{}`: "7003", sms("") + "{}": "7000",
		sms(`,"batchId":null`):                                                             "7004",
		strings.Replace(sms(""), `"sms"`, `"whatsapp"`, 1):                                 "7004",
		strings.Replace(sms(""), `"from":"S",`, ``, 1):                                     "7003",
		strings.Replace(sms(""), `"from":"S"`, `"from":1`, 1):                              "7004",
		strings.Replace(sms(""), to, `"to":[]`, 1):                                         "7003",
		strings.Replace(sms(""), to, `"to":[{}]`, 1):                                       "7003",
		strings.Replace(sms(""), to, `"to":{"msisdn":["1"]}`, 1):                           "7004",
		strings.Replace(sms(""), to, `"to":[{"msisdn":"1"}]`, 1):                           "7004",
		strings.Replace(sms(""), to, `"to":[{"msisdn":[""]}]`, 1):                          "7004",
		strings.Replace(sms(""), to, `"to":[{"msisdn":[1]}]`, 1):                           "7004",
		strings.Replace(sms(""), to, `"to":[{"email":["a@b.c"]}]`, 1):                      "7003",
		strings.Replace(sms(""), `"+449000000009"`, `"1"`+strings.Repeat(`,"1"`, 1000), 1): "7009",
		strings.Replace(sms(""), to, `"to":[{"msisdn":["1"],"email":["a@b.c"]}]`, 1):       "7004",
		sms(`,"notifyurl":"https://example.com"`):                                          "7004",
		sms(`,"correlationid":"x"`):                                                        "7004",
		sms(`,"sendAt":"` + far + `"`):                                                     "7004",
		sms(`,"sendAt":"2024-01-01T00:00:00+05:30"`):                                       "7004",
		sms(`,"validity":60`):                                                              "7004",
		sms(`,"validity":"soon"`):                                                          "7004",
		sms(`,"validity":"60","expireAt":"2024-01-01T00:00:00.000Z"`):                      "7004",
		sms(`,"template":{"id":"x"}`):                                                      "7003",
		sms(`,"options":{"trackClicks":"yes","domain":"d"}`):                               "7004",
		sms(`,"smartlinks":[{"smartlinkId":"5","validity":1}]`):                            "7004",
		sms(`,"smartlinks":[{"smartlinkId":5}]`):                                           "7003",
		sms(`,"contactPolicy":{}`):                                                         "7003",
		sms(`,"contactPolicy":{"contactPolicyGroup":"g"}`):                                 "7004",
		sms(`,"callbackData":"` + strings.Repeat("x", 2001) + `"`):                         "7004",
		content("sms", `{"text":"x"}`):                                                     "7003",
		content("sms", `{"type":"text"}`):                                                  "7003",
		content("sms", `{"type":"flash","text":"x"}`):                                      "7004",
		content("sms", `{"type":"text","text":"`+strings.Repeat("x", 4001)+`"}`):           "7004",
		content("mms", `{"subject":"x","attachments":[]}`):                                 "7003",
		content("mms", `{"attachments":[{"messageText":"x"}]}`):                            "7003",
		content("voice", `{"type":"media"}`):                                               "7003",
		content("voice", `{"type":"TTS","ttsProcessor":"Azure","voiceType":"Neural","language":"l","voice":"v","region":"r","gender":"g"}`): "7003",
		content("rcs", `{"type":"picture"}`):                                                                        "7004",
		content("rcs", `{"type":"text"}`):                                                                           "7003",
		content("rcs", `{"type":"media"}`):                                                                          "7003",
		content("rcs", `{"type":"standalone"}`):                                                                     "7003",
		content("rcs", `{"type":"agentEvent","event":"READ"}`):                                                      "7003",
		content("rcs", `{"type":"carousel","width":"SMALL","cards":[]}`):                                            "7004",
		content("rcs", `{"type":"text","text":"x","suggestions":[{"type":"dialPhone","displayText":"x"}]}`):         "7003",
		content("rcs", `{"type":"text","text":"x","suggestions":[{"type":"viewLocation","displayText":"x"}]}`):      "7003",
		content("rcs", `{"type":"text","text":"x","suggestions":[{"type":"openurl","displayText":"x","url":"x"}]}`): "7004",
		content("rcs", `{"type":"standalone","richCard":{"title":"t","orientation":"VERTICAL","thumbnailAlignment":"LEFT","media":{"url":"https://x/y","height":"TALL","fileSize":1}}}`): "7004",
		email(`{"type":"text","text":"x"}`):                                            "7003",
		email(`{"type":"html","subject":"s","text":"x"}`):                              "7003",
		email(`{"type":"text","subject":"s","text":"x","attachments":[{"name":"x"}]}`): "7003",
	} {
		status, answer := post(t, srv.URL+"/v2/messages", body)
		if status != http.StatusBadRequest || !strings.Contains(answer, `"code":"`+code+`"`) {
			t.Errorf("%.200s\n: %d %s, want %s", body, status, answer, code)
		}
	}
	if n := len(srv.AcceptedV2()); n != 1 {
		t.Errorf("%d accepted", n)
	}
	for name, c := range map[string]struct {
		method, path string
		header       []string
		status       int
	}{
		"no key":       {http.MethodPost, "/v2/messages", nil, 401},
		"wrong key":    {http.MethodPost, "/v2/messages", []string{"key", "x"}, 401},
		"wrong JWT":    {http.MethodPost, "/v2/messages", []string{"key", webexconnecttest.ServiceKey, "Authorization", "Bearer x.y.z"}, 401},
		"method":       {http.MethodPut, "/v2/messages", []string{"key", webexconnecttest.ServiceKey}, 405},
		"get method":   {http.MethodPost, "/v2/messages/x", []string{"key", webexconnecttest.ServiceKey}, 405},
		"path":         {http.MethodPost, "/v2/message", []string{"key", webexconnecttest.ServiceKey}, 404},
		"unknown":      {http.MethodGet, "/v2/messages/x", []string{"key", webexconnecttest.ServiceKey}, 404},
		"unknown, 401": {http.MethodGet, "/v2/messages/x", nil, 401},
		"content type": {http.MethodPost, "/v2/messages", []string{"key", webexconnecttest.ServiceKey, "Content-Type", "text/plain"}, 400},
	} {
		status, answer := do(t, c.method, srv.URL+c.path, sms(""), c.header...)
		if status != c.status || status != 400 && answer != "" {
			t.Errorf("%s: %d %s", name, status, answer)
		}
	}
}

func TestV2Client(t *testing.T) {
	t.Parallel()
	srv := webexconnecttest.NewServer()
	defer srv.Close()
	c := srv.ClientV2(v2.WithMaxRetries(0))
	r := v2.Request{
		From: "S", To: []v2.Destination{{MSISDN: []string{"+449000000009"}, CorrelationID: "c-1"}},
		Content: v2.SMS{Text: "hello", Type: v2.TypeText}, CallbackData: "tenant-7",
	}
	res, err := c.Send(t.Context(), r)
	if err != nil || res.Outcomes[0].CorrelationID != "c-1" || res.Outcomes[0].RequestedAt.IsZero() {
		t.Fatalf("%+v, %v", res, err)
	}
	s, err := c.Get(t.Context(), res.MessageID)
	if err != nil || s.Status != "Submitted" || s.To != "+449000000009" || s.CorrelationID != "c-1" || s.Text != "hello" || s.CallbackData != "tenant-7" {
		t.Errorf("%+v, %v", s, err)
	}
	jwt, err := v2.New("", webexconnect.JWT(webexconnecttest.ServiceID, webexconnecttest.ServiceSecret), v2.WithBaseURL(srv.URL))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := jwt.Send(t.Context(), r); err != nil {
		t.Errorf("with a JWT: %v", err)
	}

	srv.RefuseRecipient("+449000000009", "9002")
	if _, err := c.Send(t.Context(), r); !errors.Is(err, v2.ErrOptedOut) {
		t.Errorf("got %v", err)
	}
	srv.RefuseRecipient("+449000000009", "")
	for want, answer := range map[error]webexconnecttest.Answer{
		v2.ErrRateLimited:        webexconnecttest.RefuseV2("7020"),
		v2.ErrInvalidRequest:     webexconnecttest.RejectV2(),
		v2.ErrMaybeAccepted:      webexconnecttest.LoseAnswer(),
		v2.ErrDecode:             webexconnecttest.Truncate(),
		v2.ErrInsufficientCredit: webexconnecttest.RefuseV2("7103"),
	} {
		srv.Next(answer)
		if _, err := c.Send(t.Context(), r); !errors.Is(err, want) {
			t.Errorf("want %v, got %v", want, err)
		}
	}
	if n := len(srv.AcceptedV2()); n != 4 { // two, and two of which the answer was lost
		t.Errorf("%d accepted", n)
	}
}

// Receipts of v2 have the form of v1's.
func TestV2Receipts(t *testing.T) {
	t.Parallel()
	srv := webexconnecttest.NewServer()
	defer srv.Close()
	var got []*webexconnect.Notification
	hook := httptest.NewServer(webexconnect.Handler(func(_ context.Context, c webexconnect.Callback) error {
		got = append(got, c.Notification)
		return nil
	}, webexconnect.Signature("s3cret")))
	defer hook.Close()
	srv.SetHubSecret("s3cret")
	res, err := srv.ClientV2().Send(t.Context(), v2.Request{
		From: "a_1", To: []v2.Destination{{MSISDN: []string{"+449000000009"}, CorrelationID: "c-1"}}, Content: v2.RCSText{Text: "hello"},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := srv.Deliver(t.Context(), hook.URL, res.MessageID, "7501", "7502"); err != nil {
		t.Fatal(err)
	}
	if len(got) != 2 || got[1].State() != webexconnect.StateRead || got[1].CorrelationID != "c-1" || got[1].Channel != "rcs" ||
		got[1].TransID != res.MessageID {
		t.Errorf("got %+v", got)
	}
	if err := srv.Forge(t.Context(), hook.URL, res.MessageID); err == nil {
		t.Error("a forged receipt was taken")
	}
}
