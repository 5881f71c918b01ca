package octopushtest_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/cpaas-go/cpaas/octopush"
	"github.com/cpaas-go/cpaas/octopush/octopushtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// call makes a raw call and returns the status and the body.
func call(t *testing.T, srv *octopushtest.Server, method, path, body string, header ...string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, srv.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Api-Login", octopushtest.Login)
	req.Header.Set("Api-Key", octopushtest.APIKey)
	req.Header.Set("Content-Type", "application/json")
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

func page(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile("../testdata/" + name + ".json")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestTakesThePagesExamples(t *testing.T) {
	t.Parallel()
	srv := octopushtest.NewServer()
	defer srv.Close()
	answers := map[string]string{
		"sms":      `{"sms_ticket":"sms_5f3fbce61266e","number_of_contacts":2,"total_cost":0.1,"number_of_sms_needed":2,"residual_credit":149.95,"message":""}`,
		"voice":    `{"ticket_number":"voice_5f3fbce61266f","number_of_contacts":2,"total_cost":0.1,"estimated_duration":30,"residual_credit":149.95}`,
		"rcs":      `{"ticket_number":"rcs_5f3fbce612670","number_of_contacts":2,"total_cost":0.1,"residual_credit":149.95}`,
		"email":    `{"ticket_number":"email_5f3fbce612671","number_of_contacts":2,"total_cost":0.1,"residual_credit":149.95}`,
		"livechat": `{"ticket_number":null,"number_of_contacts":3,"total_cost":0,"residual_credit":149.95}`,
	}
	for _, name := range []string{"sms", "voice", "rcs", "email", "livechat"} {
		status, body := call(t, srv, http.MethodPost, "/multi-channel/send", page(t, name))
		if status != http.StatusOK || strings.TrimSpace(body) != answers[name] {
			t.Errorf("%s: %d %s", name, status, body)
		}
	}
	if a := srv.Accepted(); len(a) != 5 || a[0].SMS == nil || a[1].Voice == nil || a[2].RCS == nil || a[3].Email == nil || a[4].LiveChat == nil {
		t.Errorf("%+v", a)
	}
	if len(srv.Requests()) != 5 {
		t.Errorf("%d requests", len(srv.Requests()))
	}
}

// TestTypedRequests: what was accepted is what was sent.
func TestTypedRequests(t *testing.T) {
	t.Parallel()
	srv := octopushtest.NewServer()
	defer srv.Close()
	c, ctx := srv.Client(), t.Context()
	extra := map[string]json.RawMessage{"new": json.RawMessage(`{"a":1}`)}
	at := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	sms := octopush.SMSRequest{
		Recipients: []string{"+33611223344"}, Text: "x", Sender: "ACME", SendAt: at, Purpose: octopush.Alert, ListName: "l",
		Simulate: new(true), TrackRecipients: new(false), OptimizeText: new(false), DeleteOptedOut: new(true), FilterOptedOut: new(false),
		RequestID: "1", Type: octopush.LowCost, WithReplies: true, Extra: extra, ExtraMetadata: extra,
	}
	voice := octopush.VoiceRequest{
		Recipients: []string{"+33611223344"}, Text: "x", RequestID: "2", Gender: octopush.Female, Language: octopush.VoiceFrFR, PressedKeys: true,
		ExtraMetadata: map[string]json.RawMessage{"with_replies": json.RawMessage("false")},
	}
	rcs := octopush.RCSRequest{
		Recipients: []string{"+33611223344"}, Text: "x", Type: octopush.RichCard, Cards: []json.RawMessage{json.RawMessage(`{"t":1}`)},
	}
	email := octopush.EmailRequest{
		Recipients: []string{"a@example.com"}, Text: "x", From: "b@example.com", FromName: "B", Subject: "s", Service: octopush.Mailbox,
		Template: "t", BodyFormat: octopush.HTML, Language: "fr",
	}
	chat := octopush.LiveChatRequest{
		Recipients: []octopush.LiveChatRecipient{{Email: "a@example.com", ConversationID: "00000000-0000-0000-0000-000000000001"}}, Text: "x",
	}
	_, err1 := c.SendSMS(ctx, sms)
	_, err2 := c.SendVoice(ctx, voice)
	_, err3 := c.SendRCS(ctx, rcs)
	_, err4 := c.SendEmail(ctx, email)
	_, err5 := c.SendLiveChat(ctx, chat)
	if err := errors.Join(err1, err2, err3, err4, err5); err != nil {
		t.Fatal(err)
	}
	a := srv.Accepted()
	a[0].SMS.SendAt = a[0].SMS.SendAt.UTC()
	for i, pair := range [][2]any{{*a[0].SMS, sms}, {*a[1].Voice, voice}, {*a[2].RCS, rcs}, {*a[3].Email, email}, {*a[4].LiveChat, chat}} {
		if !reflect.DeepEqual(pair[0], pair[1]) {
			t.Errorf("%d: got  %+v\nwant %+v", i, pair[0], pair[1])
		}
	}
}

func TestRefuses(t *testing.T) {
	t.Parallel()
	srv := octopushtest.NewServer()
	defer srv.Close()
	sms := func(members string) string {
		return `{"channel":"sms","purpose":"alert","text":"x","recipients":[{"phone_number":"+33611223344"}]` + members + `}`
	}
	on := func(channel, contact, members string) string {
		return `{"channel":"` + channel + `","text":"x","recipients":[` + contact + `]` + members + `}`
	}
	const phone, mail = `{"phone_number":"+33611223344"}`, `{"email":"a@example.com"}`
	tests := []struct {
		code octopush.Code
		body string
	}{
		{400, ``},
		{400, `[]`},
		{400, `null`},
		{400, "{\"channel\":\"\xff\"}"},
		{400, `{}`},
		{400, on("telegram", phone, "")},
		{400, on("SMS", phone, "")},
		{400, strings.Replace(sms(""), `"sms"`, `7`, 1)},
		{107, strings.Replace(sms(""), `"text":"x"`, `"text":""`, 1)},
		{107, strings.Replace(sms(""), `,"text":"x"`, ``, 1)},
		{400, strings.Replace(sms(""), `"text":"x"`, `"text":7`, 1)},
		{189, strings.Replace(sms(""), `"text":"x"`, `"text":"`+strings.Repeat("é", 1225)+`"`, 1)},
		{103, `{"channel":"sms","purpose":"alert","text":"x"}`},
		{103, `{"channel":"sms","purpose":"alert","text":"x","recipients":[]}`},
		{103, `{"channel":"sms","purpose":"alert","text":"x","recipients":["+33611223344"]}`},
		{103, on("sms", `{}`, `,"purpose":"alert"`)},
		{103, on("live_chat", `{}`, ``)},
		{181, on("sms", `{"phone_number":"33611223344"}`, `,"purpose":"alert"`)},
		{181, on("voice_sms", `{"phone_number":33611223344}`, ``)},
		{181, on("live_chat", `{"conversation_id":"1"}`, ``)},
		{400, on("sms", mail, ``)},
		{400, on("email", `{"email":"a@example.com","phone_number":"+1"}`, ``)},
		{2005, on("email", `{"email":"nobody"}`, ``)},
		{400, `{"channel":"rcs","text":"x","recipients":[` + strings.Repeat(phone+",", 500) + phone + `]}`},
		{106, sms(`,"sender":"A B"`)},
		{106, sms(`,"sender":"AB"`)},
		{106, sms(`,"sender":""`)},
		{400, sms(`,"sender":null`)},
		{400, sms(`,"x":1,"x":1`)},
		{400, sms(`,"x":[{"a":{"b":1,"c":[],"b":2}}]`)},
		{400, sms(`,"send_at":"2024-12-19T10:00:00"`)},
		{400, sms(`,"send_at":"tomorrow"`)},
		{400, on("rcs", phone, `,"purpose":"alerting"`)},
		{400, sms(`,"list_name":7`)},
		{400, sms(`,"simulation_mode":"true"`)},
		{400, sms(`,"recipient_tracking":1`)},
		{400, sms(`,"optout_filtering":"no"`)},
		{400, sms(`,"request_id":"x"`)}, // belongs into metadata
		{400, sms(`,"metadata":{"purpose":"alert"}`)},
		{400, sms(`,"metadata":[]`)},
		{400, sms(`,"metadata":{"request_id":7}`)},
		{400, sms(`,"metadata":{"with_replies":"true"}`)},
		{400, sms(`,"metadata":{"voice_gender":"male"}`)},
		{208, sms(`,"metadata":{"type":"premium"}`)},
		{208, on("voice_sms", phone, `,"metadata":{"type":"sms_premium"}`)},
		{400, on("voice_sms", phone, `,"metadata":{"voice_gender":"Male"}`)},
		{442, on("voice_sms", phone, `,"metadata":{"voice_language":"nl-NL"}`)},
		{400, on("voice_sms", phone, `,"metadata":{"get_back_pressed_keys":1}`)},
		{400, on("email", mail, `,"metadata":{"emailing_service":"smtp"}`)},
		{400, on("email", mail, `,"metadata":{"email_from":"me"}`)},
		{400, on("email", mail, `,"metadata":{"body_format":"text"}`)},
		{400, on("email", mail, `,"metadata":{"subject":"`+strings.Repeat("x", 1001)+`"}`)},
		{400, on("rcs", phone, `,"metadata":{"message_type":"card"}`)},
		{400, on("rcs", phone, `,"metadata":{"cards":[{}]}`)},
		{400, on("rcs", phone, `,"metadata":{"message_type":"rich_card","cards":{}}`)},
		{400, on("rcs", phone, `,"metadata":{"message_type":"rich_card","actions":[]}`)},
		{121, on("sms", phone, ``)},
		{121, on("sms", phone, `,"purpose":"wholesale"`)},
	}
	for _, test := range tests {
		status, body := call(t, srv, http.MethodPost, "/multi-channel/send", test.body)
		if status != http.StatusBadRequest || !strings.Contains(body, fmt.Sprintf(`"code":%d,`, test.code)) {
			t.Errorf("%.120s: %d %s", test.body, status, body)
		}
	}
	if n := len(srv.Accepted()); n != 0 {
		t.Errorf("%d accepted", n)
	}
	for _, good := range []string{
		sms(`,"new":1,"metadata":{"newer":2}`), sms(`,"new":[{"a":{"b":1}},{"a":[{"b":"a"}]},"a","a"]`), on("sms", `{"phone_number":"+4915112345678"}`, ``),
		strings.Replace(on("sms", phone, ``), `"x"`, `"Sale STOP 36111"`, 1), on("rcs", phone, `,"sender":"Any agent, really"`),
	} {
		if status, body := call(t, srv, http.MethodPost, "/multi-channel/send", good); status != http.StatusOK {
			t.Errorf("%s: %d %s", good, status, body)
		}
	}
}

func TestRefusesOtherCalls(t *testing.T) {
	t.Parallel()
	srv := octopushtest.NewServer()
	defer srv.Close()
	srv.Scheduled(octopush.SMS, "sms_1")
	const send, cancel, balance, credits = "/multi-channel/send", "/multi-channel/cancel", "/wallet/check-balance", "/wallet/check-credits"
	tests := []struct {
		want               int
		method, path, body string
		header             []string
	}{
		{404, "POST", "/sms-campaign/send", page(t, "sms"), nil},
		{404, "POST", "/", page(t, "sms"), nil},
		{405, "GET", send, "", nil},
		{405, "PUT", send, page(t, "sms"), nil},
		{405, "POST", cancel, page(t, "cancel"), nil},
		{401, "POST", send, page(t, "sms"), []string{"Api-Key", "guess"}},
		{401, "POST", send, page(t, "sms"), []string{"Api-Login", "guess"}},
		{401, "GET", balance, "", []string{"Api-Key", ""}},
		{400, "POST", send, page(t, "sms"), []string{"Content-Type", "text/plain"}},
		{400, "DELETE", cancel, `{"channel":"live_chat","ticket_number":"sms_1"}`, nil},
		{400, "DELETE", cancel, `{"channel":"rcs","ticket_number":"sms_1"}`, nil},
		{400, "DELETE", cancel, `{"channel":"sms"}`, nil},
		{400, "DELETE", cancel, `{"channel":"sms","ticket_number":"sms_2"}`, nil},
		{400, "DELETE", cancel, ``, nil},
		{204, "DELETE", cancel, `{"channel":"sms","ticket_number":"sms_1"}`, nil},
		{400, "GET", balance + "?country_code=FR", "", nil},
		{400, "GET", balance + "?country_code=fr&product_name=hlr", "", nil},
		{400, "GET", balance + "?country_code=FR&product_name=sms", "", nil},
		{200, "GET", balance + "?with_details=true", "", nil},
		{400, "GET", credits, "", nil},
		{400, "GET", credits + "?country_codes[]=FR&country_codes[]=x", "", nil},
		{200, "GET", credits + "?country_codes[]=FR", "", nil},
	}
	for _, test := range tests {
		if status, body := call(t, srv, test.method, test.path, test.body, test.header...); status != test.want {
			t.Errorf("%s %s %s: %d %s", test.method, test.path, test.body, status, body)
		}
	}
}

func TestCancelRules(t *testing.T) {
	t.Parallel()
	srv := octopushtest.NewServer()
	defer srv.Close()
	c, ctx := srv.Client(), t.Context()
	for name, test := range map[string]struct {
		recipients int
		in         time.Duration
		want       error
	}{
		"at once": {1, 0, octopush.ErrInvalidRequest}, "soon": {1, 5 * time.Minute, octopush.ErrInvalidRequest},
		"three": {3, time.Hour, octopush.ErrInvalidRequest}, "two": {2, time.Hour, nil},
	} {
		r := octopush.RCSRequest{Text: "x"}
		for range test.recipients {
			r.Recipients = append(r.Recipients, "+33611223344")
		}
		if test.in > 0 {
			r.SendAt = time.Now().Add(test.in)
		}
		res, err := c.SendRCS(ctx, r)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Cancel(ctx, octopush.CancelRequest{Channel: octopush.RCS, Ticket: res.Ticket}); !errors.Is(err, test.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestRequestIDs(t *testing.T) {
	t.Parallel()
	srv := octopushtest.NewServer()
	defer srv.Close()
	c, ctx := srv.Client(), t.Context()
	send := func(id, text string, simulate bool) error {
		_, err := c.SendRCS(ctx, octopush.RCSRequest{Recipients: []string{"+33611223344"}, Text: text, RequestID: id, Simulate: new(simulate)})
		return err
	}
	if err := send("a", "x", true); err != nil { // leaves nothing behind
		t.Error(err)
	}
	srv.Next(octopushtest.Refuse(http.StatusBadRequest, octopush.CodeTextRefused))
	if err := send("a", "x", false); !errors.Is(err, octopush.ErrContentRejected) {
		t.Error(err)
	}
	if err := send("a", "x", false); err != nil {
		t.Errorf("after a refusal: %v", err)
	}
	if err := send("a", "y", false); !errors.Is(err, octopush.ErrDuplicate) {
		t.Errorf("repeated: %v", err)
	}
	if err := send("b", "x", false); err != nil {
		t.Errorf("another: %v", err)
	}
}

func TestAnswers(t *testing.T) {
	t.Parallel()
	srv := octopushtest.NewServer()
	defer srv.Close()
	srv.Next(
		octopushtest.Slow(time.Millisecond), octopushtest.Normally(), octopushtest.RefuseField(http.StatusBadRequest, "text", 107),
		octopushtest.Respond(http.StatusOK, "text/plain", "", "X-Request-Id", "r-1"), octopushtest.RateLimited(0),
	)
	for i, want := range []error{nil, nil, octopush.ErrInvalidRequest, octopush.ErrDecode, octopush.ErrRateLimited, nil} {
		c := srv.Client(octopush.WithMaxRetries(0))
		_, err := c.SendSMS(t.Context(), octopush.SMSRequest{Recipients: []string{"+4915112345678"}, Text: "x"})
		if !errors.Is(err, want) {
			t.Errorf("%d: %v", i, err)
		}
	}
	if open, ever := srv.Connections(); ever == 0 || open > ever {
		t.Errorf("%d connections of %d", open, ever)
	}
}

func TestClientPanicsOnAWrongOption(t *testing.T) {
	t.Parallel()
	srv := octopushtest.NewServer()
	defer srv.Close()
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	srv.Client(octopush.WithTimeout(-1))
}

// TestDeliverWithoutDate: every kind of callback arrives as what it is.
func TestDeliverWithoutDate(t *testing.T) {
	t.Parallel()
	srv := octopushtest.NewServer()
	defer srv.Close()
	var got octopush.Event
	hook := httptest.NewServer(octopush.Handler(func(_ context.Context, e octopush.Event) error { got = e; return nil }))
	defer hook.Close()
	for name, e := range map[string]octopush.Event{
		"receipt": {Receipt: &octopush.Receipt{Ticket: "t"}},
		"reply":   {Reply: &octopush.Reply{Ticket: "t", Text: "yes"}},
		"stop":    {Stop: &octopush.Stop{Ticket: "t", Text: "STOP"}},
		"unknown": {},
	} {
		for _, deliver := range []func(context.Context, string, octopush.Event) error{srv.Deliver, srv.DeliverForm} {
			if name == "unknown" {
				deliver = srv.Deliver // an empty form is no callback
			}
			if err := deliver(t.Context(), hook.URL, e); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			var date octopush.Date
			switch {
			case got.Receipt != nil && e.Receipt != nil:
				date = got.Receipt.Date
			case got.Reply != nil && e.Reply != nil:
				date = got.Reply.Date
			case got.Stop != nil && e.Stop != nil:
				date = got.Stop.Date
			default:
				if name != "unknown" || got.Receipt != nil || got.Reply != nil || got.Stop != nil {
					t.Errorf("%s: %+v", name, got)
				}
				continue
			}
			if at, err := date.In(nil); err != nil || time.Since(at).Abs() > time.Hour {
				t.Errorf("%s: %q, %v", name, date, err)
			}
		}
	}
	date := octopush.Date("2020-11-04 11:11:45")
	if err := srv.Deliver(t.Context(), hook.URL, octopush.Event{Reply: &octopush.Reply{Date: date}}); err != nil || got.Reply == nil || got.Reply.Date != date {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestReceiptsOfEveryChannel(t *testing.T) {
	t.Parallel()
	srv := octopushtest.NewServer()
	defer srv.Close()
	for _, name := range []string{"sms", "voice", "rcs", "email", "livechat"} {
		call(t, srv, http.MethodPost, "/multi-channel/send", page(t, name))
	}
	want := []string{"+33111222333", "+33111222333", "+33111222333", "user@example.com", "+33111222333"}
	for i, a := range srv.Accepted() {
		r := a.Receipt(0, octopush.StatusAck).Receipt
		if r.Number != want[i] || r.Channel != a.Channel || r.Ticket != a.Ticket {
			t.Errorf("%+v", r)
		}
	}
	refusing := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) }))
	defer refusing.Close()
	for _, deliver := range []func(context.Context, string, octopush.Event) error{srv.Deliver, srv.DeliverForm} {
		if err := deliver(t.Context(), refusing.URL, srv.Accepted()[0].Receipt(0, octopush.StatusAck)); err == nil {
			t.Error("a refused callback is no error")
		}
	}
}
