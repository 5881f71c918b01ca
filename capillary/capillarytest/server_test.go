package capillarytest_test

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cpaas-go/cpaas/capillary"
	"github.com/cpaas-go/cpaas/capillary/capillarytest"
)

var india = time.FixedZone("", 5*3600+1800)

// TestRoundTrip: what is sent is what the server understands, in both
// encodings.
func TestRoundTrip(t *testing.T) {
	t.Parallel()
	const odd = "<b>&amp; \"ü\" 'x'\n\t😀\r\n]]>"
	at := time.Date(2024, 2, 22, 0, 25, 6, 0, india)
	texts := []capillary.SMS{
		{To: "919812345678", Body: odd, Sender: "ACME & Co", ScheduledTime: at},
		{To: "+919812345679", Body: " "},
	}
	mails := []capillary.Email{
		{
			To: "a@example.com", CC: []string{"b@example.com", "c@example.com"}, BCC: []string{}, From: "d@example.com",
			Subject: "a < b", Body: odd, ScheduledTime: at, Attachments: []capillary.Attachment{
				capillary.FileBytes("logo.png", "png", []byte{0, 1, 0xff}), capillary.FileText("a.txt", "txt", odd),
			},
		},
		{To: "a@example.com", From: "d@example.com", Subject: "s", OmitBody: true},
	}
	chats := []capillary.WhatsApp{{Receiver: "919812345678", Template: odd, ScheduledTime: at}, {Receiver: "1", Template: "x"}}
	zalos := []capillary.Zalo{{Receiver: "849812345678", Template: odd, ScheduledTime: at}}
	for name, opts := range map[string][]capillary.Option{"JSON": nil, "XML": {capillary.WithXML()}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := capillarytest.NewServer()
			defer srv.Close()
			c := srv.Client(opts...)
			sms, err := c.SendSMS(t.Context(), texts...)
			require.NoError(t, err)
			assert.Len(t, sms.Messages, 2)
			mail, err := c.SendEmail(t.Context(), mails...)
			require.NoError(t, err)
			assert.Len(t, mail.Messages, 2)
			chat, err := c.SendWhatsApp(t.Context(), chats...)
			require.NoError(t, err)
			assert.Len(t, chat.Messages, 2)
			zalo, err := c.SendZalo(t.Context(), zalos...)
			require.NoError(t, err)
			assert.Len(t, zalo.Messages, 1)
			assert.Equal(t, odd, zalo.Messages[0].Template)

			got := srv.Accepted()
			for i := range got.SMS {
				assert.True(t, texts[i].ScheduledTime.Equal(got.SMS[i].ScheduledTime))
				got.SMS[i].ScheduledTime = texts[i].ScheduledTime
			}
			assert.Equal(t, texts, got.SMS)
			for i := range got.Emails {
				assert.True(t, mails[i].ScheduledTime.Equal(got.Emails[i].ScheduledTime))
				got.Emails[i].ScheduledTime = mails[i].ScheduledTime
			}
			assert.Equal(t, mails, got.Emails)
			for i := range got.WhatsApp {
				assert.True(t, chats[i].ScheduledTime.Equal(got.WhatsApp[i].ScheduledTime))
				got.WhatsApp[i].ScheduledTime = chats[i].ScheduledTime
			}
			assert.Equal(t, chats, got.WhatsApp)
			assert.True(t, zalos[0].ScheduledTime.Equal(got.Zalo[0].ScheduledTime))
			got.Zalo[0].ScheduledTime = zalos[0].ScheduledTime
			assert.Equal(t, zalos, got.Zalo)
		})
	}
}

// post makes a call without the client.
func post(t *testing.T, srv *capillarytest.Server, method, target, body string, header map[string]string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, srv.URL+target, strings.NewReader(body))
	require.NoError(t, err)
	for name, value := range header {
		if value != "" {
			req.Header.Set(name, value)
		}
	}
	tr := &http.Transport{DisableKeepAlives: true}
	resp, err := tr.RoundTrip(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	assert.NotEmpty(t, resp.Header.Get("X-Cap-Requestid"))
	return resp.StatusCode, string(answer)
}

const (
	send  = "/v1.1/communications/sendMessage"
	token = "/v3/oauth/token/generate"
	again = "/v2/communications/resend"
)

func basicHeader(extra ...string) map[string]string {
	h := map[string]string{"Content-Type": "application/json", "Accept": "application/json", "Authorization": authorization}
	for i := 0; i+1 < len(extra); i += 2 {
		h[extra[i]] = extra[i+1]
	}
	return h
}

// authorization is Till and the MD5 hash of Password.
const authorization = "Basic ZmFrZS50aWxsOmI5YTRkYzBmYzVmZGE4ZGE0YmYyNjM5MGRiNzVlNzk2"

// TestRefuses: what the page would refuse is not accepted.
func TestRefuses(t *testing.T) {
	t.Parallel()
	const (
		goodJSON = `{"root":{"sms":[{"to":"919812345678","body":"x"}]}}`
		goodXML  = `<root><sms><to>919812345678</to><body>x</body></sms></root>`
	)
	sms := func(fields string) string { return `{"root":{"sms":[{"to":"919812345678","body":"x"` + fields + `}]}}` }
	mail := func(fields string) string {
		return `{"root":{"email":[{"to":"a@b","from":"a@b","subject":"s"` + fields + `}]}}`
	}
	attachment := func(fields string) string { return `,"attachments":{"attachment":[{` + fields + `}]}` }
	asXML := basicHeader("Content-Type", "application/xml")
	for name, tc := range map[string]struct {
		method, target, body string
		header               map[string]string
		status               int
		code                 string
	}{
		"good":               {"POST", send + "?channel=sms", goodJSON, basicHeader(), 200, `"code":200`},
		"channel in capital": {"POST", send + "?channel=SMS", goodJSON, basicHeader(), 200, `"code":200`},
		"no channel":         {"POST", send, goodJSON, basicHeader(), 200, `"code":200`},
		"good XML":           {"POST", send + "?channel=sms", goodXML, asXML, 200, `"code":200`},
		"charset":            {"POST", send, goodJSON, basicHeader("Content-Type", "application/json; charset=UTF-8"), 200, `"code":200`},

		"GET":              {"GET", send + "?channel=sms", "", basicHeader(), 405, `"code":405`},
		"other path":       {"POST", "/v1.1/communications/sms", goodJSON, basicHeader(), 404, `"code":404`},
		"no credentials":   {"POST", send, goodJSON, basicHeader("Authorization", ""), 401, `"code":401`},
		"wrong password":   {"POST", send, goodJSON, basicHeader("Authorization", "Basic ZmFrZS50aWxsOng="), 401, `"code":401`},
		"wrong token":      {"POST", send, goodJSON, basicHeader("Authorization", "", "X-CAP-API-OAUTH-TOKEN", "x"), 401, `"code":401`},
		"both":             {"POST", send, goodJSON, basicHeader("X-CAP-API-OAUTH-TOKEN", "x"), 401, `"code":401`},
		"attribution":      {"POST", send, goodJSON, basicHeader("X-CAP-API-ATTRIBUTION-ENTITY-TYPE", "TILL"), 400, `"code":400`},
		"content type":     {"POST", send, goodJSON, basicHeader("Content-Type", "text/plain"), 415, `"code":415`},
		"no content type":  {"POST", send, goodJSON, basicHeader("Content-Type", ""), 415, `"code":415`},
		"accept":           {"POST", send, goodJSON, basicHeader("Accept", "*/*"), 415, `"code":415`},
		"other charset":    {"POST", send, goodJSON, basicHeader("Content-Type", "application/json; charset=latin1"), 415, `"code":415`},
		"unknown channel":  {"POST", send + "?channel=rcs", goodJSON, basicHeader(), 400, `"code":4218`},
		"two channels":     {"POST", send + "?channel=sms&channel=sms", goodJSON, basicHeader(), 400, `"code":4218`},
		"other parameter":  {"POST", send + "?chanel=sms", goodJSON, basicHeader(), 400, `"code":4218`},
		"empty":            {"POST", send, ``, basicHeader(), 400, `"code":4217`},
		"no root":          {"POST", send, `{"sms":[{"to":"1","body":"x"}]}`, basicHeader(), 400, `"code":4217`},
		"other key":        {"POST", send + "?channel=zalo", goodJSON, basicHeader(), 400, `"code":4217`},
		"two keys":         {"POST", send, `{"root":{"sms":[{"to":"1","body":"x"}],"email":[]}}`, basicHeader(), 400, `"code":4217`},
		"no message":       {"POST", send, `{"root":{"sms":[]}}`, basicHeader(), 400, `"code":4217`},
		"null message":     {"POST", send, `{"root":{"sms":null}}`, basicHeader(), 400, `"code":4217`},
		"not UTF-8":        {"POST", send, "{\"root\":{\"sms\":[{\"to\":\"1\",\"body\":\"\xff\"}]}}", basicHeader(), 400, `"code":4217`},
		"twice":            {"POST", send, sms(`,"body":"y"`), basicHeader(), 400, `"code":4217`},
		"unknown field":    {"POST", send, sms(`,"senderId":"y"`), basicHeader(), 400, `"code":400`},
		"XML's name":       {"POST", send, sms(`,"scheduled_time":"2024-02-22T00:25:06+05:30"`), basicHeader(), 400, `"code":400`},
		"number":           {"POST", send, sms(`,"sender":1`), basicHeader(), 400, `"code":400`},
		"null":             {"POST", send, sms(`,"sender":null`), basicHeader(), 400, `"code":400`},
		"time":             {"POST", send, sms(`,"scheduledTime":"22.02.2024"`), basicHeader(), 400, `"code":400`},
		"letters":          {"POST", send, `{"root":{"sms":[{"to":"x","body":"x"}]}}`, basicHeader(), 200, `"code":4203`},
		"no body":          {"POST", send, `{"root":{"sms":[{"to":"1"}]}}`, basicHeader(), 200, `"code":4203`},
		"no subject":       {"POST", send + "?channel=email", `{"root":{"email":[{"to":"a@b","from":"a@b","body":"x"}]}}`, basicHeader(), 200, `"code":4201`},
		"empty body":       {"POST", send + "?channel=email", mail(`,"body":""`), basicHeader(), 200, `"successCount":0`},
		"page's e-mail":    {"POST", send + "?channel=email", mail(`,"cc":"","bcc":""`), basicHeader(), 200, `"successCount":1`},
		"bad cc":           {"POST", send + "?channel=email", mail(`,"cc":"a@b,c"`), basicHeader(), 200, `"code":8055`},
		"camel case":       {"POST", send + "?channel=email", mail(`,"attachments":{"attachment":[{"fileName":"a"}]}`), basicHeader(), 400, `"code":400`},
		"attachment array": {"POST", send + "?channel=email", mail(`,"attachments":[]`), basicHeader(), 400, `"code":400`},
		"two in to":        {"POST", send + "?channel=email", `{"root":{"email":[{"to":"a@b, c@d","from":"a@b","subject":"s","body":"x"}]}}`, basicHeader(), 200, `"code":8055`},
		"image":            {"POST", send + "?channel=email", mail(attachment(`"file_type":"PNG","file_data":"iVA="`)), basicHeader(), 200, `"successCount":0`},
		"image, media":     {"POST", send + "?channel=email", mail(attachment(`"file_type":"image/png","file_data":"iVA="`)), basicHeader(), 200, `"successCount":0`},
		"image, point":     {"POST", send + "?channel=email", mail(attachment(`"file_type":".png","file_data":"iVA="`)), basicHeader(), 200, `"successCount":0`},
		"image, name":      {"POST", send + "?channel=email", mail(attachment(`"file_name":"a.png","file_data":"iVA="`)), basicHeader(), 200, `"successCount":0`},
		"image, both":      {"POST", send + "?channel=email", mail(attachment(`"file_name":"a.png","file_type":"image","file_data":"iVA="`)), basicHeader(), 200, `"successCount":0`},
		"image, base64":    {"POST", send + "?channel=email", mail(attachment(`"file_name":"a.png","file_data":"iVA=","file_encoding_type":"base64"`)), basicHeader(), 200, `"successCount":1`},
		"no data":          {"POST", send + "?channel=email", mail(attachment(`"file_name":"a.txt"`)), basicHeader(), 200, `"successCount":0`},
		"not base64":       {"POST", send + "?channel=email", mail(attachment(`"file_data":"?","file_encoding_type":"base64"`)), basicHeader(), 200, `"successCount":0`},
		"other encoding":   {"POST", send + "?channel=email", mail(attachment(`"file_data":"00","file_encoding_type":"hex"`)), basicHeader(), 200, `"successCount":0`},
		"no receiver":      {"POST", send + "?channel=whatsapp", `{"root":{"whatsappMessage":[{"template":"x"}]}}`, basicHeader(), 200, `"code":403`},
		"no template":      {"POST", send + "?channel=zalo", `{"root":{"zaloMessage":[{"receiver":"1"}]}}`, basicHeader(), 200, `"successCount":0`},

		"JSON as XML":    {"POST", send, goodJSON, asXML, 400, `"code":4217`},
		"XML as JSON":    {"POST", send, goodXML, basicHeader(), 400, `"code":4217`},
		"document type":  {"POST", send, `<!DOCTYPE root>` + goodXML, asXML, 400, `"code":4217`},
		"attribute":      {"POST", send, `<root a="b"><sms><to>1</to><body>x</body></sms></root>`, asXML, 400, `"code":4217`},
		"text in root":   {"POST", send, `<root>x<sms><to>1</to><body>x</body></sms></root>`, asXML, 400, `"code":4217`},
		"empty root":     {"POST", send, `<root></root>`, asXML, 400, `"code":4217`},
		"JSON's name":    {"POST", send, `<root><sms><to>1</to><body>x</body><scheduledTime>2024-02-22T00:25:06Z</scheduledTime></sms></root>`, asXML, 400, `"code":400`},
		"element twice":  {"POST", send, `<root><sms><to>1</to><to>2</to><body>x</body></sms></root>`, asXML, 400, `"code":400`},
		"element inside": {"POST", send, `<root><sms><to>1</to><body><b/></body></sms></root>`, asXML, 400, `"code":400`},
		"odd attachment": {"POST", send + "?channel=email", `<root><email><attachments><file/></attachments></email></root>`, asXML, 400, `"code":400`},

		"token":             {"POST", token, `{"key":"fake-capillary-key","secret":"fake-capillary-secret"}`, basicHeader("Authorization", ""), 200, `"ttlSeconds":300},"errors":null`},
		"token, wrong key":  {"POST", token, `{"key":"x","secret":"fake-capillary-secret"}`, basicHeader("Authorization", ""), 401, `"code":401`},
		"token, capitals":   {"POST", token, `{"Key":"fake-capillary-key","secret":"fake-capillary-secret"}`, basicHeader("Authorization", ""), 401, `"code":401`},
		"token, with Basic": {"POST", token, `{"key":"fake-capillary-key","secret":"fake-capillary-secret"}`, basicHeader(), 400, `"code":400`},
		"token, as XML":     {"POST", token, `<key/>`, basicHeader("Authorization", "", "Content-Type", "application/xml"), 415, `"code":415`},
		"resend, unknown":   {"POST", again, `{"messageId":1706734307814}`, basicHeader(), 400, `"code":4223`},
		"resend, text":      {"POST", again, `{"messageId":"1706734307814"}`, basicHeader(), 400, `"code":400`},
		"resend, XML":       {"POST", again, `{"messageId":1}`, asXML, 415, `"code":415`},
		"resend, no one":    {"POST", again, `{"messageId":1}`, basicHeader("Authorization", ""), 401, `"code":401`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := capillarytest.NewServer()
			defer srv.Close()
			status, answer := post(t, srv, tc.method, tc.target, tc.body, tc.header)
			assert.Equal(t, tc.status, status)
			assert.Contains(t, answer, tc.code)
			accepted := srv.Accepted()
			taken := len(accepted.SMS) + len(accepted.Emails) + len(accepted.WhatsApp) + len(accepted.Zalo) + len(accepted.Resends)
			want := 0
			if tc.code == `"code":200` || tc.code == `"successCount":1` {
				want = 1
			}
			assert.Equal(t, want, taken)
			assert.Len(t, srv.Requests(), 1)
		})
	}
}

func TestRefuseRecipient(t *testing.T) {
	t.Parallel()
	for name, opts := range map[string][]capillary.Option{"JSON": nil, "XML": {capillary.WithXML()}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := capillarytest.NewServer()
			defer srv.Close()
			c := srv.Client(opts...)
			srv.RefuseRecipient("912222222222", capillary.CodeUnableToSend, "unable to send")
			good, bad := capillary.SMS{To: "911111111111", Body: "x"}, capillary.SMS{To: "912222222222", Body: "x"}
			res, err := c.SendSMS(t.Context(), good, bad)
			e, ok := errors.AsType[*capillary.Error](err)
			require.True(t, ok)
			assert.True(t, e.Partial)
			assert.True(t, e.HasCode(capillary.CodeUnableToSend))
			require.Len(t, res.Messages, 2)
			for _, m := range res.Messages {
				assert.Equal(t, m.To == bad.To, m.Err() != nil)
			}
			_, err = c.SendSMS(t.Context(), bad)
			require.ErrorIs(t, err, capillary.ErrInvalidRequest)
			srv.AcceptRecipient("912222222222")
			_, err = c.SendSMS(t.Context(), bad)
			require.NoError(t, err)
			assert.Equal(t, []capillary.SMS{good, bad}, srv.Accepted().SMS)
		})
	}
}

func TestResend(t *testing.T) {
	t.Parallel()
	srv := capillarytest.NewServer()
	defer srv.Close()
	c := srv.BasicClient(capillary.WithXML())
	sent, err := c.SendSMS(t.Context(), capillary.SMS{To: "8971345617", Body: "Testing body 1"})
	require.NoError(t, err)
	assert.Equal(t, "918971345617", sent.Messages[0].To)
	id := sent.Messages[0].ID
	res, err := c.Resend(t.Context(), capillary.ResendRequest{MessageID: id})
	require.NoError(t, err)
	assert.Equal(t, id, res.UndeliveredMessageID)
	assert.NotEqual(t, id, res.ResentMessageID)
	assert.Equal(t, []capillary.ResendRequest{{MessageID: id}}, srv.Accepted().Resends)
	_, err = c.Resend(t.Context(), capillary.ResendRequest{MessageID: "1"})
	e, ok := errors.AsType[*capillary.Error](err)
	require.True(t, ok)
	assert.Equal(t, capillary.CodeUnknownMessage, e.Code)
}

// TestOrder: several SMS come back in another order, as on the page.
func TestOrder(t *testing.T) {
	t.Parallel()
	srv := capillarytest.NewServer()
	defer srv.Close()
	res, err := srv.Client().SendSMS(t.Context(), capillary.SMS{To: "1", Body: "a"}, capillary.SMS{To: "2", Body: "b"})
	require.NoError(t, err)
	assert.Equal(t, "b", res.Messages[0].Body)
	assert.Equal(t, "a", res.Messages[1].Body)
}

func TestAttributionAndTokens(t *testing.T) {
	t.Parallel()
	srv := capillarytest.NewServer()
	defer srv.Close()
	srv.TokensLast(20 * time.Second)
	sms := capillary.SMS{To: "1", Body: "a"}
	_, err := srv.Client(capillary.WithAttribution(capillary.EntityTill, "t1")).SendSMS(t.Context(), sms)
	require.NoError(t, err)
	_, err = srv.Client(capillary.WithAttribution("SHOP", "t1"), capillary.WithRelaxedValidation()).SendSMS(t.Context(), sms)
	require.ErrorIs(t, err, capillary.ErrInvalidRequest)
	assert.Equal(t, 2, srv.TokensIssued())
	open, ever := srv.Connections()
	assert.Positive(t, open)
	assert.GreaterOrEqual(t, ever, open)
	srv.Next(capillarytest.AuthorizationUnavailable(), capillarytest.Normally())
	_, err = srv.Client().SendSMS(t.Context(), sms)
	require.NoError(t, err)
	assert.Panics(t, func() { srv.Client(capillary.WithTimeout(-1)) })
}
