package capillary_test

import (
	"context"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cpaas-go/cpaas/capillary"
	"github.com/cpaas-go/cpaas/internal/testutil"
)

// The page's requests.
var (
	pageTime = time.Date(2024, 2, 22, 0, 25, 6, 0, india)

	pageSMS = []capillary.SMS{
		{To: "919591471711", Body: "747977-is the OTP for company X. Valid for 15 minutes. flob0a0BiPA", ScheduledTime: pageTime},
		{To: "919591471711", Body: "821341 is the OTP for company Y. Valid for 15 minutes. flob0a0BiPA", ScheduledTime: pageTime.Add(9 * time.Hour)},
	}
	pageEmail = capillary.Email{
		To: "user@example.com", CC: []string{}, BCC: []string{}, From: "user@example.com", Subject: "Testingemail",
		OmitBody: true, ScheduledTime: pageTime,
	}
	pageText        = "747977 is the OTP for Go+. Valid for 15 minutes. f1obOaOBiPA"
	pageWhatsApp    = capillary.WhatsApp{Receiver: "919591471711", Template: pageText, ScheduledTime: pageTime}
	pageZalo        = capillary.Zalo{Receiver: "919591471711", Template: pageText, ScheduledTime: pageTime}
	pageXMLSMS      = capillary.SMS{To: "8971345617", Body: "Testing body 1"}
	pageXMLEmail    = capillary.Email{To: "user@example.com", From: "user@example.com", Subject: "OTP", Body: "OTP to verify is 999999.", ScheduledTime: pageTime}
	pageXMLWhatsApp = capillary.WhatsApp{Receiver: "919442450602", Template: "OTP body", ScheduledTime: pageTime}
	pageXMLZalo     = capillary.Zalo{Receiver: "919442450602", Template: "OTP body", ScheduledTime: pageTime}
)

// pageCalls makes each of the page's calls.
var pageCalls = []struct {
	channel, encoding string
	call              func(context.Context, *capillary.Client) (any, error)
}{
	{"sms", "json", func(ctx context.Context, c *capillary.Client) (any, error) { return c.SendSMS(ctx, pageSMS...) }},
	{"email", "json", func(ctx context.Context, c *capillary.Client) (any, error) { return c.SendEmail(ctx, pageEmail) }},
	{"whatsapp", "json", func(ctx context.Context, c *capillary.Client) (any, error) { return c.SendWhatsApp(ctx, pageWhatsApp) }},
	{"zalo", "json", func(ctx context.Context, c *capillary.Client) (any, error) { return c.SendZalo(ctx, pageZalo) }},
	{"sms", "xml", func(ctx context.Context, c *capillary.Client) (any, error) { return c.SendSMS(ctx, pageXMLSMS) }},
	{"email", "xml", func(ctx context.Context, c *capillary.Client) (any, error) { return c.SendEmail(ctx, pageXMLEmail) }},
	{"whatsapp", "xml", func(ctx context.Context, c *capillary.Client) (any, error) {
		return c.SendWhatsApp(ctx, pageXMLWhatsApp)
	}},
	{"zalo", "xml", func(ctx context.Context, c *capillary.Client) (any, error) { return c.SendZalo(ctx, pageXMLZalo) }},
}

var betweenElements = regexp.MustCompile(`>\s+<`)

// onOneLine takes the page's line breaks between elements away.
func onOneLine(document []byte) string {
	return strings.TrimSpace(betweenElements.ReplaceAllString(string(document), "><"))
}

// TestPage sends the page's eight requests, is answered with its eight
// responses, and checks both.
func TestPage(t *testing.T) {
	t.Parallel()
	status := capillary.Status{Success: true, Code: 200, Message: "Success", Total: 1, Succeeded: 1}
	const id = "0123456789abcdef0123456789abcdef"
	two := status
	two.Total, two.Succeeded = 2, 2
	want := map[string]any{
		"sms.json": &capillary.SMSResponse{Status: two, Messages: []capillary.SMSResult{
			{To: "9919591471711", Body: "821341 is the OTP for company Y. Valid for 15 minutes. flob0a0BiPA", ScheduledTime: "2024-02-22T00:25:06+05:30"},
			{To: "9919591471711", Body: "747977 is the OTP for Shell Go+. Valid for 15 minutes. f1obOaOBiPA", ScheduledTime: "2024-02-22T09:25:06+05:30"},
		}},
		"email.json": &capillary.EmailResponse{Status: status, Messages: []capillary.EmailResult{{
			To: "user@example.com", From: "user@example.com", Subject: "Testingemail", ScheduledTime: "2024-02-26T14:46:31+05:30",
			LabelOfSender: "Inventory", SenderEmail: "user@example.com", ReplyToEmail: "user@example.com",
			FileHandler: []jsonRaw{}, Attachments: []jsonRaw{},
		}}},
		"whatsapp.json": &capillary.WhatsAppResponse{Status: status, Messages: []capillary.WhatsAppResult{
			{Receiver: "919591471711", Template: pageText, ScheduledTime: "2024-02-26T14:47:42+05:30"},
		}},
		"zalo.json": &capillary.ZaloResponse{Status: status, Messages: []capillary.ZaloResult{
			{Receiver: "919591471711", Template: pageText, ScheduledTime: "2024-02-26T14:54:08+05:30"},
		}},
		"sms.xml": &capillary.SMSResponse{Status: status, Messages: []capillary.SMSResult{{
			Outcome: capillary.Outcome{ID: "1706734307814", Status: "Queued"},
			To:      "918971345617", Body: "Testing body 1", ScheduledTime: "2024-02-26 14:59:49",
		}}},
		"email.xml": &capillary.EmailResponse{Status: status, Messages: []capillary.EmailResult{{
			To: "user@example.com", From: "user@example.com", Subject: "OTP", ScheduledTime: "2024-02-22 00:25:06",
		}}},
		"whatsapp.xml": &capillary.WhatsAppResponse{Status: status, Messages: []capillary.WhatsAppResult{
			{Receiver: "919442450602", Template: "OTP body", ScheduledTime: "2024-02-22 00:25:06"},
		}},
		"zalo.xml": &capillary.ZaloResponse{Status: status, Messages: []capillary.ZaloResult{
			{Receiver: "919442450602", Template: "OTP body", ScheduledTime: "2024-02-22 00:25:06"},
		}},
	}
	for _, call := range pageCalls {
		name := call.channel + "." + call.encoding
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			response := testutil.Golden(t, "response-"+name)
			s := answering(http.StatusOK, "application/"+call.encoding, string(response))
			var opts []capillary.Option
			if call.encoding == "xml" {
				opts = append(opts, capillary.WithXML())
			}
			got, err := call.call(t.Context(), s.client(t, opts...))
			require.NoError(t, err)

			req, body := s.last(t)
			golden := testutil.Golden(t, "request-"+name)
			if call.encoding == "xml" {
				assert.Equal(t, onOneLine(golden), body)
			} else {
				testutil.JSONEqual(t, golden, []byte(body))
			}
			assert.Equal(t, http.MethodPost, req.Method)
			assert.Equal(t, sendURL+"?channel="+call.channel, req.URL.String())
			assert.Equal(t, "application/"+call.encoding, req.Header.Get("Content-Type"))
			assert.Equal(t, "application/"+call.encoding, req.Header.Get("Accept"))
			assert.Equal(t, "Basic c3RvcmUuc2VydmVyOjhhMTZhNmI3MDUwNWViMWYxZmY3Y2RjMGNkNTU1OWE3", req.Header.Get("Authorization"))

			switch r := got.(type) {
			case *capillary.SMSResponse:
				check(t, &r.RequestID, &r.Attempts, &r.Raw, id, response)
			case *capillary.EmailResponse:
				check(t, &r.RequestID, &r.Attempts, &r.Raw, id, response)
			case *capillary.WhatsAppResponse:
				check(t, &r.RequestID, &r.Attempts, &r.Raw, id, response)
			case *capillary.ZaloResponse:
				check(t, &r.RequestID, &r.Attempts, &r.Raw, id, response)
			}
			assert.Equal(t, want[name], got)
		})
	}
}

// check checks what every response has, and clears it.
func check(t *testing.T, id *string, attempts *int, raw *[]byte, wantID string, response []byte) {
	t.Helper()
	assert.Equal(t, wantID, *id)
	assert.Equal(t, 1, *attempts)
	assert.Equal(t, string(response), string(*raw))
	*id, *attempts, *raw = "", 0, nil
}

// TestOrderOfNames holds the order of the page's table, in both encodings.
func TestOrderOfNames(t *testing.T) {
	t.Parallel()
	mail := capillary.Email{
		To: "a@example.com", CC: []string{"b@example.com", "c@example.com"}, BCC: []string{"d@example.com"},
		From: "e@example.com", Subject: `<"x" & 'y'>`, Body: "line 1\nline 2", ScheduledTime: pageTime.UTC(),
		Attachments: []capillary.Attachment{
			capillary.FileBytes("logo.png", "png", []byte{0x89, 'P'}), capillary.FileText("note.txt", "txt", "a < b"),
		},
		Extra: map[string]jsonRaw{"smile": jsonRaw(`"\\ud83d \uD83D\uDE00"`), "z": jsonRaw(`"é"`), "priority": jsonRaw(`1`)},
	}
	js := answering(http.StatusOK, "application/json", sentAnswer)
	_, err := js.client(t).SendEmail(t.Context(), mail)
	require.NoError(t, err)
	_, body := js.last(t)
	assert.Equal(t, `{"root":{"email":[{"to":"a@example.com","cc":"b@example.com,c@example.com","bcc":"d@example.com",`+
		`"from":"e@example.com","subject":"<\"x\" & 'y'>","body":"line 1\nline 2","attachments":{"attachment":[`+
		`{"file_name":"logo.png","file_type":"png","file_data":"iVA=","file_encoding_type":"base64"},`+
		`{"file_name":"note.txt","file_type":"txt","file_data":"a < b"}]},"scheduledTime":"2024-02-21T18:55:06+00:00",`+
		`"priority":1,"smile":"\\ud83d \uD83D\uDE00","z":"é"}]}}`, body)

	xs := answering(http.StatusOK, "application/xml", string(testutil.Golden(t, "response-email.xml")))
	_, err = xs.client(t, capillary.WithXML()).SendEmail(t.Context(), mail, mail)
	require.Error(t, err) // the golden answer is about one
	_, body = xs.last(t)
	one := `<email><to>a@example.com</to><cc>b@example.com,c@example.com</cc><bcc>d@example.com</bcc>` +
		`<from>e@example.com</from><subject>&lt;&#34;x&#34; &amp; &#39;y&#39;&gt;</subject><body>line 1&#xA;line 2</body>` +
		`<attachments><attachment><file_name>logo.png</file_name><file_type>png</file_type><file_data>iVA=</file_data>` +
		`<file_encoding_type>base64</file_encoding_type></attachment>` +
		`<attachment><file_name>note.txt</file_name><file_type>txt</file_type><file_data>a &lt; b</file_data></attachment></attachments>` +
		`<scheduled_time>2024-02-21T18:55:06+00:00</scheduled_time><priority>1</priority><smile>\ud83d 😀</smile><z>é</z></email>`
	assert.Equal(t, "<root>"+one+one+"</root>", body)

	sms := answering(http.StatusOK, "application/json", sentAnswer)
	_, err = sms.client(t).SendSMS(t.Context(), capillary.SMS{To: testPhone, Body: "x", Sender: "ACMEIN", ScheduledTime: pageTime})
	require.NoError(t, err)
	_, body = sms.last(t)
	assert.Equal(t, `{"root":{"sms":[{"to":"919812345678","body":"x","scheduledTime":"2024-02-22T00:25:06+05:30","sender":"ACMEIN"}]}}`, body)
}

// TestCopies: nil leaves the key out, an empty slice sends an empty string.
func TestCopies(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		cc         []string
		json, xml_ string
	}{
		"nil":   {nil, `"to":"a@example.com","from"`, `</to><from>`},
		"empty": {[]string{}, `"cc":"",`, `<cc></cc>`},
		"one":   {[]string{"b@example.com"}, `"cc":"b@example.com",`, `<cc>b@example.com</cc>`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := capillary.Email{To: "a@example.com", CC: tc.cc, From: "c@example.com", Subject: "s", Body: "b"}
			s := answering(http.StatusOK, "application/json", sentAnswer)
			_, err := s.client(t).SendEmail(t.Context(), m)
			require.NoError(t, err)
			_, body := s.last(t)
			assert.Contains(t, body, tc.json)
			_, err = s.client(t, capillary.WithXML()).SendEmail(t.Context(), m)
			require.NoError(t, err)
			_, body = s.last(t)
			assert.Contains(t, body, tc.xml_)
		})
	}
}

func TestCamelCaseAttachments(t *testing.T) {
	t.Parallel()
	s := answering(http.StatusOK, "application/json", sentAnswer)
	m := capillary.Email{To: "a@example.com", From: "c@example.com", Subject: "s", Body: "b", Attachments: []capillary.Attachment{
		capillary.FileBytes("a.pdf", "pdf", []byte("%PDF")),
	}}
	_, err := s.client(t, capillary.WithCamelCaseAttachments()).SendEmail(t.Context(), m)
	require.NoError(t, err)
	_, body := s.last(t)
	assert.Contains(t, body, `{"fileName":"a.pdf","fileType":"pdf","fileData":"JVBERg==","fileEncodingType":"base64"}`)
	_, err = s.client(t, capillary.WithCamelCaseAttachments(), capillary.WithXML()).SendEmail(t.Context(), m)
	require.NoError(t, err)
	_, body = s.last(t)
	assert.Contains(t, body, `<fileName>a.pdf</fileName><fileType>pdf</fileType><fileData>JVBERg==</fileData><fileEncodingType>base64</fileEncodingType>`)
}

func TestFileReader(t *testing.T) {
	t.Parallel()
	a, err := capillary.FileReader("a.pdf", "pdf", strings.NewReader("%PDF"))
	require.NoError(t, err)
	assert.Equal(t, capillary.FileBytes("a.pdf", "pdf", []byte("%PDF")), a)
	_, err = capillary.FileReader("a.pdf", "pdf", failingReader{})
	require.ErrorIs(t, err, errReader)
}
