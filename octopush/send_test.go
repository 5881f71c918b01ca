package octopush_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cpaas-go/cpaas/internal/testutil"
	"github.com/cpaas-go/cpaas/octopush"
	"github.com/cpaas-go/cpaas/octopush/octopushtest"
)

const (
	login  = "someone@example.com"
	key    = "k3y-0123456789abcdef"
	number = "+33611223344"
)

// roundTrip answers in memory.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// answering is a client whose calls are answered with status and body, and
// what it sent.
func answering(t *testing.T, status int, body string, opts ...octopush.Option) (*octopush.Client, *[]*http.Request, *[][]byte) {
	t.Helper()
	return scripted(t, []answer{{status, body}}, opts...)
}

type answer struct {
	status int // 0: the connection breaks
	body   string
}

var errBroken = errors.New("read tcp 127.0.0.1:1->127.0.0.1:2: connection reset by peer")

// scripted is a client whose calls get one answer each, the last one for all
// that follow.
func scripted(t *testing.T, answers []answer, opts ...octopush.Option) (*octopush.Client, *[]*http.Request, *[][]byte) {
	t.Helper()
	var requests []*http.Request
	var bodies [][]byte
	transport := roundTrip(func(r *http.Request) (*http.Response, error) {
		var body []byte
		if r.Body != nil {
			var err error
			if body, err = io.ReadAll(r.Body); err != nil {
				return nil, err
			}
			r.Body.Close()
		}
		a := answers[min(len(requests), len(answers)-1)]
		requests, bodies = append(requests, r), append(bodies, body)
		if a.status == 0 {
			return nil, errBroken
		}
		return &http.Response{
			StatusCode: a.status, Header: http.Header{"X-Request-Id": {"9f-1"}}, Body: io.NopCloser(strings.NewReader(a.body)),
			ContentLength: int64(len(a.body)), Request: r,
		}, nil
	})
	c, err := octopush.New(login, key, append([]octopush.Option{octopush.WithHTTPClient(&http.Client{Transport: transport})}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	return c, &requests, &bodies
}

func pageTime() time.Time {
	return time.Date(2024, 12, 19, 10, 0, 0, 0, time.FixedZone("", -7*60*60))
}

var pagePhones = []string{"+33111222333", "+33111222334"}

func pageSMS() octopush.SMSRequest {
	return octopush.SMSRequest{
		Recipients: pagePhones, Text: "Hello, this is a test message.", Sender: "SenderName", SendAt: pageTime(),
		Purpose: octopush.Alert, ListName: "sms_list", Simulate: new(false), TrackRecipients: new(true),
		OptimizeText: new(true), DeleteOptedOut: new(true), Type: octopush.Premium, WithReplies: true,
	}
}

func pageVoice() octopush.VoiceRequest {
	return octopush.VoiceRequest{
		Recipients: pagePhones, Text: "Hello, this is a voice message test.", Sender: "SenderName", SendAt: pageTime(),
		Purpose: octopush.Alert, ListName: "voice_sms_list", Simulate: new(false), DeleteOptedOut: new(true),
		Type: octopush.VoiceTypeSMS, Gender: octopush.Male, Language: octopush.VoiceEnUS, PressedKeys: true,
	}
}

func pageRCS() octopush.RCSRequest {
	return octopush.RCSRequest{
		Recipients: pagePhones, Text: "Hello, this is a test RCS message.", Sender: "***", SendAt: pageTime(),
		Purpose: octopush.Alert, ListName: "rcs_list", Simulate: new(false), DeleteOptedOut: new(true), WithReplies: true,
	}
}

func pageEmail() octopush.EmailRequest {
	return octopush.EmailRequest{
		Recipients: []string{"user@example.com", "user@example.com"}, Text: "This is the content of your email.",
		Sender: "SenderName", SendAt: pageTime(), Purpose: octopush.Alert, ListName: "email_list",
		From: "user@example.com", FromName: "Sender Name", Subject: "Test Email", Service: octopush.Gateway,
		Template: "welcome_email_template",
	}
}

func pageLiveChat() octopush.LiveChatRequest {
	return octopush.LiveChatRequest{
		Recipients: []octopush.LiveChatRecipient{
			{Phone: "+33111222333"}, {Email: "user@example.com"}, {ConversationID: "00000000-0000-0000-0000-000000000001"},
		},
		Text: "Hello, this is a live chat message.", Sender: "AgentName",
	}
}

// sends is the page's request of each channel.
func sends() map[string]func(context.Context, *octopush.Client) (*octopush.Response, error) {
	return map[string]func(context.Context, *octopush.Client) (*octopush.Response, error){
		"sms": func(ctx context.Context, c *octopush.Client) (*octopush.Response, error) {
			return c.SendSMS(ctx, pageSMS())
		},
		"voice": func(ctx context.Context, c *octopush.Client) (*octopush.Response, error) {
			return c.SendVoice(ctx, pageVoice())
		},
		"rcs": func(ctx context.Context, c *octopush.Client) (*octopush.Response, error) {
			return c.SendRCS(ctx, pageRCS())
		},
		"email": func(ctx context.Context, c *octopush.Client) (*octopush.Response, error) {
			return c.SendEmail(ctx, pageEmail())
		},
		"livechat": func(ctx context.Context, c *octopush.Client) (*octopush.Response, error) {
			return c.SendLiveChat(ctx, pageLiveChat())
		},
	}
}

func TestPageExamples(t *testing.T) {
	t.Parallel()
	want := map[string]octopush.Response{
		"sms": {
			Ticket: "sms_5f3fbce61266e", Contacts: 5, Cost: 5.00502839, SMSNeeded: 5, ResidualCredit: 50.75, Message: "******",
		},
		"voice":    {Ticket: "voice_5f44ebf9e47b7", Contacts: 1, Cost: 0.05, Duration: 30 * time.Second, ResidualCredit: 149.95},
		"email":    {Ticket: "email_5f44ebf9e47b7", Contacts: 1, Cost: 0.05, ResidualCredit: 149.95},
		"livechat": {Contacts: 1, ResidualCredit: 149.95},
	}
	for name, send := range sends() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			answer := `{}` // of RCS nothing is known
			if name != "rcs" {
				answer = string(testutil.Golden(t, name+"_ok.json"))
			}
			c, requests, bodies := answering(t, http.StatusCreated, answer)
			got, err := send(t.Context(), c)
			if err != nil {
				t.Fatal(err)
			}
			r := (*requests)[0]
			if r.Method != http.MethodPost || r.URL.String() != "https://api.octopush.com/v1/public/multi-channel/send" {
				t.Errorf("%s %s", r.Method, r.URL)
			}
			for header, value := range map[string]string{"api-login": login, "api-key": key, "Content-Type": "application/json"} {
				if r.Header.Get(header) != value {
					t.Errorf("header %s is wrong", header)
				}
			}
			testutil.JSONEqual(t, testutil.Golden(t, name+".json"), (*bodies)[0])
			expect := want[name]
			expect.RequestID, expect.Attempts, expect.Raw = "9f-1", 1, json.RawMessage(answer)
			if fmt.Sprintf("%+v", *got) != fmt.Sprintf("%+v", expect) {
				t.Errorf("got  %+v\nwant %+v", *got, expect)
			}
		})
	}
}

func TestRefusalsOfThePage(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		is   error
		code octopush.Code
	}{
		"sms":   {octopush.ErrContentRejected, octopush.CodeStopMissing},
		"voice": {octopush.ErrInvalidRequest, octopush.CodeVoiceLanguage},
		"email": {octopush.ErrInvalidRecipient, octopush.CodeInvalidEmail},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, _, _ := answering(t, http.StatusBadRequest, string(testutil.Golden(t, name+"_refused.json")))
			_, err := sends()[name](t.Context(), c)
			e, ok := errors.AsType[*octopush.Error](err)
			if !ok || !errors.Is(err, test.is) || errors.Is(err, octopush.ErrMaybeAccepted) || !e.HasCode(test.code) || e.HasCode(1) {
				t.Fatalf("got %v", err)
			}
			if e.StatusCode != http.StatusBadRequest || e.Attempts != 1 || e.RequestID != "9f-1" || len(e.RawBody()) == 0 {
				t.Errorf("got %#v", e)
			}
			if name == "voice" && (e.Fields[0].Path != "voice_language" || e.Fields[0].Code != 442 || e.Code != octopush.CodeValidation) {
				t.Errorf("fields %+v", e.Fields)
			}
		})
	}
}

// minimal has nothing but what is required: the rest must be left out.
func TestMinimalBodies(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	phones := []string{number}
	tests := map[string]func(*octopush.Client) error{
		`{"channel":"sms","text":"a <b> & c","recipients":[{"phone_number":"+33611223344"}]}`: func(c *octopush.Client) error {
			_, err := c.SendSMS(ctx, octopush.SMSRequest{Recipients: phones, Text: "a <b> & c"})
			return err
		},
		`{"channel":"voice_sms","text":"x","recipients":[{"phone_number":"+33611223344"}]}`: func(c *octopush.Client) error {
			_, err := c.SendVoice(ctx, octopush.VoiceRequest{Recipients: phones, Text: "x"})
			return err
		},
		`{"channel":"rcs","text":"x","recipients":[{"phone_number":"+33611223344"}]}`: func(c *octopush.Client) error {
			_, err := c.SendRCS(ctx, octopush.RCSRequest{Recipients: phones, Text: "x"})
			return err
		},
		`{"channel":"email","text":"x","recipients":[{"email":"user@example.com"}]}`: func(c *octopush.Client) error {
			_, err := c.SendEmail(ctx, octopush.EmailRequest{Recipients: []string{"user@example.com"}, Text: "x"})
			return err
		},
		`{"channel":"live_chat","text":"x","recipients":[{"email":"user@example.com"}]}`: func(c *octopush.Client) error {
			_, err := c.SendLiveChat(ctx, octopush.LiveChatRequest{Recipients: []octopush.LiveChatRecipient{{Email: "user@example.com"}}, Text: "x"})
			return err
		},
	}
	for want, send := range tests {
		c, _, bodies := answering(t, http.StatusOK, `{"ticket_number":"t"}`)
		if err := send(c); err != nil {
			t.Error(err)
		} else if got := string((*bodies)[0]); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}

// TestEveryField fills every field of every request, and knows the order.
func TestEveryField(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	at := time.Date(2030, 1, 2, 3, 4, 5, 999, time.UTC)
	extra := map[string]json.RawMessage{"new": json.RawMessage(`{"a":1}`)}
	deep := map[string]json.RawMessage{"newer": json.RawMessage(`[2]`)}
	const top = `,"text":"x STOP","recipients":[{"phone_number":"+33611223344"}],"sender":"ACME",` +
		`"send_at":"2030-01-02T03:04:05+00:00","purpose":"wholesale",` +
		`"list_name":"l","simulation_mode":true,"recipient_tracking":false,"auto_optimize_text":false,` +
		`"auto_delete_optout_contacts":false,"optout_filtering":false,"metadata":{`
	const end = `,"newer":[2]},"new":{"a":1}}`
	card, action := json.RawMessage(`{"title":"t"}`), json.RawMessage(`{"label":"l"}`)
	to := []string{number}
	tests := []struct {
		want string
		send func(*octopush.Client) error
	}{
		{`{"channel":"sms"` + top + `"type":"sms_low_cost","with_replies":true,"request_id":"id"` + end, func(c *octopush.Client) error {
			_, err := c.SendSMS(ctx, octopush.SMSRequest{
				to, "x STOP", "ACME", at, octopush.Wholesale, "l", new(true), new(false), new(false), new(false), new(false), "id",
				octopush.LowCost, true, extra, deep,
			})
			return err
		}},
		{`{"channel":"voice_sms"` + top + `"type":"voice_sms","voice_gender":"female","voice_language":"xx-YY","get_back_pressed_keys":true,"request_id":"id"` + end, func(c *octopush.Client) error {
			_, err := c.SendVoice(ctx, octopush.VoiceRequest{
				to, "x STOP", "ACME", at, octopush.Wholesale, "l", new(true), new(false), new(false), new(false), new(false), "id",
				octopush.VoiceTypeSMS, octopush.Female, "xx-YY", true, extra, deep,
			})
			return err
		}},
		{`{"channel":"rcs"` + top + `"with_replies":true,"request_id":"id","message_type":"rich_card","cards":[{"title":"t"}]` + end, func(c *octopush.Client) error {
			_, err := c.SendRCS(ctx, octopush.RCSRequest{
				to, "x STOP", "ACME", at, octopush.Wholesale, "l", new(true), new(false), new(false), new(false), new(false), "id",
				true, octopush.RichCard,
				[]json.RawMessage{card},
				nil, extra, deep,
			})
			return err
		}},
		{`{"channel":"rcs","text":"x","recipients":[{"phone_number":"+33611223344"}],"metadata":{"message_type":"simple_text","actions":[{"label":"l"}]}}`, func(c *octopush.Client) error {
			_, err := c.SendRCS(ctx, octopush.RCSRequest{Recipients: to, Text: "x", Type: octopush.SimpleText, Actions: []json.RawMessage{action}})
			return err
		}},
		{strings.Replace(`{"channel":"email"`+top, `"phone_number":"+33611223344"`, `"email":"user@example.com"`, 1) +
			`"request_id":"id","emailing_service":"mailbox","email_from":"me@example.com","name_from":"Me","subject":"s","template_name":"t","body_format":"html","language":"fr"` + end, func(c *octopush.Client) error {
			_, err := c.SendEmail(ctx, octopush.EmailRequest{
				[]string{"user@example.com"},
				"x STOP", "ACME", at, octopush.Wholesale, "l", new(true), new(false), new(false), new(false), new(false), "id",
				octopush.Mailbox, "me@example.com", "Me", "s", "t", octopush.HTML, "fr", extra, deep,
			})
			return err
		}},
		{`{"channel":"live_chat"` + top + `"request_id":"id"` + end, func(c *octopush.Client) error {
			_, err := c.SendLiveChat(ctx, octopush.LiveChatRequest{
				[]octopush.LiveChatRecipient{{Phone: number}},
				"x STOP", "ACME", at, octopush.Wholesale, "l",
				new(true), new(false), new(false), new(false), new(false), "id", extra, deep,
			})
			return err
		}},
	}
	for _, test := range tests {
		c, _, bodies := answering(t, http.StatusOK, `{"ticket_number":"t"}`)
		if err := test.send(c); err != nil {
			t.Error(err)
			continue
		}
		if got := string((*bodies)[0]); got != test.want { // to the byte: no member is there twice
			t.Errorf("got  %s\nwant %s", got, test.want)
		}
	}
}

func TestSendAtKeepsTheInstant(t *testing.T) {
	t.Parallel()
	old := time.Date(1900, 1, 1, 0, 9, 21, 0, time.FixedZone("", 9*60+21)) // the offset has seconds
	for at, want := range map[time.Time]string{
		old: "1900-01-01T00:00:00+00:00",
		time.Date(2030, 1, 1, 0, 0, 0, 0, time.FixedZone("", 5*3600+30*60)): "2030-01-01T00:00:00+05:30",
		time.Date(2030, 1, 1, 0, 0, 0, 0, time.FixedZone("", 24*3600)):      "2029-12-31T00:00:00+00:00", // no ISO 8601
		time.Date(2030, 1, 1, 0, 0, 0, 0, time.FixedZone("", -24*3600)):     "2030-01-02T00:00:00+00:00",
		time.Date(2030, 1, 1, 0, 0, 0, 0, time.FixedZone("", -23*3600)):     "2030-01-01T00:00:00-23:00",
	} {
		c, _, bodies := answering(t, http.StatusOK, `{"ticket_number":"t"}`)
		if _, err := c.SendSMS(t.Context(), octopush.SMSRequest{Recipients: []string{number}, Text: "x", SendAt: at}); err != nil {
			t.Fatal(err)
		}
		if body := string((*bodies)[0]); !strings.Contains(body, `"send_at":"`+want+`"`) {
			t.Errorf("want %s in %s", want, body)
		}
	}
}

// TestAnswersWithoutTicket: what a 2xx without a ticket is, by channel.
func TestAnswersWithoutTicket(t *testing.T) {
	t.Parallel()
	for _, body := range []string{
		`{}`, ``, " \n", `{"ticket_number":null,"number_of_contacts":1}`, `{"sms_ticket":""}`, `{"sms_ticket":" "}`, `{"sms_ticket":false}`,
		`{"ticket_number":0,"sms_ticket":0.0}`, `{"ticket_number":[null,null]}`, `{"ticket_number":{}}`, `{"code":0}`, `{"code":200,"message":"OK"}`,
	} {
		for name, send := range sends() {
			c, requests, _ := answering(t, http.StatusOK, body)
			res, err := send(t.Context(), c)
			switch name {
			case "rcs", "livechat":
				if err != nil || res.Ticket != "" || string(res.Raw) != strings.TrimSpace(body) {
					t.Errorf("%s %q: %v, %v", name, body, res, err)
				}
				if _, err := json.Marshal(res); err != nil {
					t.Errorf("%s %q: %v", name, body, err)
				}
			default:
				if !errors.Is(err, octopush.ErrMaybeAccepted) || !errors.Is(err, octopush.ErrDecode) || res != nil {
					t.Errorf("%s %q: %v, %v", name, body, res, err)
				}
			}
			if len(*requests) != 1 {
				t.Errorf("%d requests", len(*requests))
			}
		}
		c, _, _ := answering(t, http.StatusOK, body)
		r := pageSMS()
		r.Simulate = new(true)
		if _, err := c.SendSMS(t.Context(), r); err != nil {
			t.Errorf("simulated %q: %v", body, err)
		}
	}
}

// TestCodesOfA2xx: a code that is none of success is not taken for success,
// nor is its campaign taken for cancelled.
func TestCodesOfA2xx(t *testing.T) {
	t.Parallel()
	open := octopush.ErrMaybeAccepted
	for body, is := range map[string]error{
		`{"code":999,"message":"Agent not approved"}`: open,
		`{"code":1342}`:                                         open,
		`{"code":400,"errors":[]}`:                              open,
		`{"code":408,"message":"Request timeout"}`:              open,
		`{"code":502,"message":"Bad gateway"}`:                  open,
		`{"code":500,"message":"x"}`:                            open,
		`{"code":209,"message":"x"}`:                            open, // a refusal, of the former API
		`{"code":-1}`:                                           open,
		`{"code":"E12"}`:                                        open,
		`{"error":"no agent"}`:                                  open,
		`{"error":{"message":"no agent"}}`:                      open,
		`{"code":1.5}`:                                          open,
		`{"code":1e300}`:                                        open,
		`{"code":true}`:                                         open,
		`{"code":{"value":999}}`:                                open,
		`{"code":400,"message":"Payload validation error."}`:    octopush.ErrInvalidRequest,
		`{"code":"422","message":"Unprocessable"}`:              octopush.ErrInvalidRequest,
		`{"code":1340}`:                                         octopush.ErrContentRejected,
		`{"code":0,"message":"OK","errors":""}`:                 nil,
		`{"code":"000","errors":{"x":{"code":0,"message":""}}}`: nil,
		`{"code":null,"errors":{"x":[]}}`:                       nil,
		`{"code":"","errors":false}`:                            nil,
		`{"code":[],"errors":0}`:                                nil,
		`{"code":{},"errors":null}`:                             nil,
		`{"code":201,"message":"Created"}`:                      nil,
	} {
		c, _, _ := answering(t, http.StatusOK, body)
		_, err1 := c.SendRCS(t.Context(), pageRCS())
		_, err2 := c.SendLiveChat(t.Context(), pageLiveChat())
		_, err3 := c.Cancel(t.Context(), octopush.CancelRequest{Channel: octopush.SMS, Ticket: "t"})
		for i, err := range []error{err1, err2, err3} {
			if !errors.Is(err, is) || errors.Is(err, open) != errors.Is(is, open) || errors.Is(err, octopush.ErrDecode) != errors.Is(is, open) {
				t.Errorf("%d, %s: %v", i, body, err)
			}
		}
		// A ticket is the vendor's word, unless a refusal stands beside it.
		c, _, _ = answering(t, http.StatusOK, strings.Replace(body, "{", `{"ticket_number":"t",`, 1))
		res, err := c.SendEmail(t.Context(), pageEmail())
		switch refused := is != nil && !errors.Is(is, open) || strings.Contains(body, "500"); {
		case refused && !errors.Is(err, open), !refused && (err != nil || res.Ticket != "t"):
			t.Errorf("with a ticket, %s: %+v, %v", body, res, err)
		}
	}
	c, _, _ := answering(t, http.StatusOK, `{"code":131,"ticket_number":"t","number_of_contacts":1}`)
	if _, err := c.Cancel(t.Context(), octopush.CancelRequest{Channel: octopush.SMS, Ticket: "t"}); !errors.Is(err, octopush.ErrInvalidRequest) {
		t.Errorf("the ticket of what is not cancelled: %v", err)
	}
}

// TestUnreadableAnswers: of what is no JSON object nothing is known, on any
// channel.
func TestUnreadableAnswers(t *testing.T) {
	t.Parallel()
	for _, body := range []string{`null`, `[]`, `"t"`, `17`, `<html></html>`, `{"ticket_number":"t"`, `{"ticket_number":"t"}{}`} {
		for name, send := range sends() {
			c, _, _ := answering(t, http.StatusOK, body)
			res, err := send(t.Context(), c)
			if !errors.Is(err, octopush.ErrMaybeAccepted) || !errors.Is(err, octopush.ErrDecode) || res != nil {
				t.Errorf("%s %q: %v, %v", name, body, res, err)
			}
			testutil.NoLeak(t, err, key, login, "111222333")
		}
	}
}

func TestTicketNames(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		`{"sms_ticket":"a"}`:    "a",
		`{"ticket_number":"b"}`: "b",
		`{"vocal_ticket":"c"}`:  "c",
		`{"sms_ticket":"a","ticket_number":"b","vocal_ticket":"c"}`: "b",
		`{"ticket_number":17}`:                                                                   "17",
		`{"ticket_number":null,"sms_ticket":"a"}`:                                                "a",
		`{"ticket_number":false,"sms_ticket":"a"}`:                                               "a",
		`{"ticket_number":" ","sms_ticket":"a"}`:                                                 "a",
		`{"ticket_number":"b","errors":""}`:                                                      "b",
		`{"ticket_number":"b","code":201,"message":"Created"}`:                                   "b",
		`{"ticket_number":"b","code":0,"errors":{"x":""}}`:                                       "b",
		`{"ticket_number":"b","errors":{"x":{"code":0,"message":""}}}`:                           "b",
		`{"ticket_number":"b","code":0,"status":"validated"}`:                                    "b",
		`{"ticket_number":"b","total_cost":{},"number_of_contacts":[],"message":{},"errors":[]}`: "b",
	} {
		c, _, _ := answering(t, http.StatusOK, body)
		res, err := c.SendVoice(t.Context(), pageVoice())
		if err != nil || res.Ticket != want {
			t.Errorf("%s: %+v, %v", body, res, err)
		}
	}
}

func TestNumbersInAnyForm(t *testing.T) {
	t.Parallel()
	c, _, _ := answering(t, http.StatusOK, `{"ticket_number":"t","number_of_contacts":"2","total_cost":" 0.0333","number_of_sms_needed":4.0,`+
		`"residual_credit":"99.5","estimated_duration":"3.50"}`)
	res, err := c.SendSMS(t.Context(), pageSMS())
	if err != nil {
		t.Fatal(err)
	}
	if res.Contacts != 2 || res.Cost != 0.0333 || res.SMSNeeded != 4 || res.ResidualCredit != 99.5 || res.Duration != 3500*time.Millisecond {
		t.Errorf("got %+v", res)
	}
	c, _, _ = answering(t, http.StatusOK, `{"ticket_number":"t","number_of_contacts":1e300,"total_cost":"NaN","residual_credit":"Inf","estimated_duration":-1}`)
	res, err = c.SendSMS(t.Context(), pageSMS())
	if err != nil || res.Contacts != 0 || res.Cost != 0 || res.ResidualCredit != 0 || res.Duration != 0 {
		t.Errorf("got %+v, %v", res, err)
	}
}

// lost is the first attempts' fates that leave it open whether the request
// was accepted.
var lost = []answer{{0, ""}, {http.StatusBadGateway, "<html>"}, {http.StatusInternalServerError, `{"code":500}`}, {http.StatusGatewayTimeout, ""}}

func TestRepeats(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		withID := pageSMS()
		withID.RequestID = "id-1"
		const ok = `{"sms_ticket":"t"}`
		for _, first := range lost {
			// Without a RequestID nothing is repeated.
			c, requests, _ := scripted(t, []answer{first, {http.StatusOK, ok}})
			if _, err := c.SendSMS(t.Context(), pageSMS()); !errors.Is(err, octopush.ErrMaybeAccepted) || len(*requests) != 1 {
				t.Errorf("%+v: %d requests, %v", first, len(*requests), err)
			}
			// With one it is, byte for byte.
			c, requests, bodies := scripted(t, []answer{first, {http.StatusOK, ok}})
			res, err := c.SendSMS(t.Context(), withID)
			if err != nil || res.Ticket != "t" || res.Repeated || res.Attempts != 2 || len(*requests) != 2 {
				t.Errorf("%+v: %d requests, %+v, %v", first, len(*requests), res, err)
			}
			if !slices.Equal((*bodies)[0], (*bodies)[1]) {
				t.Error("the repeat differs")
			}
			// It ends.
			c, requests, _ = scripted(t, []answer{first})
			if _, err := c.SendSMS(t.Context(), withID); !errors.Is(err, octopush.ErrMaybeAccepted) || len(*requests) != 3 {
				t.Errorf("%+v: %d requests, %v", first, len(*requests), err)
			}
		}
	})
}

// TestDuplicates: the answer to a request whose id was used.
func TestDuplicates(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := pageSMS()
		r.RequestID = "id-1"
		for _, duplicate := range []answer{
			{http.StatusBadRequest, `{"code":182,"message":"Loop detected"}`},
			{http.StatusBadRequest, `{"code":"120"}`},
			{http.StatusBadRequest, `{"code":400,"message":"Payload validation error.","errors":{"request_id":{"code":182,"message":"x"}}}`},
			{http.StatusConflict, `{"code":182}`},
			{http.StatusOK, `{"code":182}`},
		} {
			c, _, _ := scripted(t, []answer{duplicate})
			res, err := c.SendSMS(t.Context(), r)
			if !errors.Is(err, octopush.ErrDuplicate) || errors.Is(err, octopush.ErrMaybeAccepted) || res != nil {
				t.Errorf("first try, %+v: %+v, %v", duplicate, res, err)
			}
			for _, first := range lost {
				c, _, _ = scripted(t, []answer{first, duplicate})
				res, err = c.SendSMS(t.Context(), r)
				if err != nil || !res.Repeated || res.Ticket != "" || res.Attempts != 2 || string(res.Raw) != duplicate.body {
					t.Errorf("repeat, %+v, %+v: %+v, %v", first, duplicate, res, err)
				}
			}
			// A 429 is no acceptance: the duplicate is not this call's.
			c, _, _ = scripted(t, []answer{{http.StatusTooManyRequests, ""}, duplicate})
			if res, err = c.SendSMS(t.Context(), r); !errors.Is(err, octopush.ErrDuplicate) || res != nil {
				t.Errorf("after 429, %+v: %+v, %v", duplicate, res, err)
			}
		}
	})
}

// TestRefusalOfARepeat: what the first attempt came to, after a refusal of
// the second.
func TestRefusalOfARepeat(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := pageSMS()
		r.RequestID = "id-1"
		open := octopush.ErrMaybeAccepted
		tests := []struct {
			refusal answer
			is, not error
		}{
			// The same would have been said of the first.
			{answer{400, `{"code":121}`}, octopush.ErrContentRejected, open},
			{answer{400, `{"code":106}`}, octopush.ErrInvalidRequest, open},
			{answer{400, `{"code":103}`}, octopush.ErrInvalidRecipient, open},
			{answer{401, `{"code":401}`}, octopush.ErrUnauthorized, open},
			{answer{400, `{"code":400,"errors":{"voice_language":{"code":442}}}`}, octopush.ErrInvalidRequest, open},
			{answer{200, `{"code":121}`}, octopush.ErrContentRejected, open},
			// Nobody knows what this is: it may be the duplicate.
			{answer{400, `{"code":400,"message":"Payload validation error."}`}, open, octopush.ErrInvalidRequest},
			{answer{400, `{"code":400,"errors":{"request_id":{"code":999,"message":"x"}}}`}, open, octopush.ErrInvalidRequest},
			{answer{400, `{"code":999}`}, open, octopush.ErrInvalidRequest},
			{answer{400, `{"code":134}`}, open, octopush.ErrDuplicate},
			{answer{422, ``}, open, octopush.ErrInvalidRequest},
			{answer{400, `<html>`}, open, octopush.ErrInvalidRequest},
			{answer{200, `{"code":400,"errors":{"request_id":{"code":999}}}`}, open, octopush.ErrInvalidRequest},
			// The first may have taken the last credit, or made the list.
			{answer{400, `{"code":104}`}, open, octopush.ErrDuplicate},
			{answer{400, `{"code":302}`}, open, octopush.ErrDuplicate},
			{answer{429, ``}, open, octopush.ErrRateLimited},
		}
		for _, test := range tests {
			for _, first := range lost {
				c, _, _ := scripted(t, []answer{first, test.refusal})
				res, err := c.SendSMS(t.Context(), r)
				if !errors.Is(err, test.is) || errors.Is(err, test.not) || res != nil {
					t.Errorf("%+v, %+v: %+v, %v", first, test.refusal, res, err)
				}
			}
		}
		c, _, _ := scripted(t, []answer{{0, ""}, {400, `{"code":104}`}})
		if _, err := c.SendSMS(t.Context(), r); !errors.Is(err, octopush.ErrInsufficientCredit) {
			t.Errorf("the reason is lost: %v", err)
		}
	})
}

func TestChunks(t *testing.T) {
	t.Parallel()
	srv := octopushtest.NewServer()
	defer srv.Close()
	r := octopush.SMSRequest{Text: "x", Purpose: octopush.Alert, RequestID: "sale"}
	for i := range 1201 {
		r.Recipients = append(r.Recipients, fmt.Sprintf("+336%08d", i))
	}
	if err := r.Validate(); !errors.Is(err, octopush.ErrInvalidRequest) {
		t.Errorf("1201 recipients in one call: %v", err)
	}
	srv.Next(octopushtest.Normally(), octopushtest.Refuse(http.StatusBadRequest, octopush.CodeInsufficientCredit))
	c := srv.Client()
	var ids []string
	var counts []int
	for chunk, err := range c.SendSMSChunks(t.Context(), r, 0) {
		ids, counts = append(ids, chunk.RequestID), append(counts, chunk.Count)
		if failed := len(ids) == 2; failed != errors.Is(err, octopush.ErrInsufficientCredit) || failed != (chunk.Response == nil) {
			t.Errorf("%+v: %v", chunk, err)
		}
		if chunk.First != 500*(len(ids)-1) {
			t.Errorf("begins at %d", chunk.First)
		}
	}
	if !slices.Equal(counts, []int{500, 500, 201}) || len(slices.Compact(slices.Sorted(slices.Values(ids)))) != 3 {
		t.Errorf("chunks of %v, ids %v", counts, ids)
	}
	var all []string
	for _, a := range srv.Accepted() {
		all = append(all, a.SMS.Recipients...)
	}
	if !slices.Equal(all, slices.Concat(r.Recipients[:500], r.Recipients[1000:])) {
		t.Error("other recipients than the chunks'")
	}

	// Sent again, what was taken is refused, and the rest is sent.
	i := 0
	for chunk, err := range c.SendSMSChunks(t.Context(), r, 500) {
		if chunk.RequestID != ids[i] || (i == 1) != (err == nil) || i != 1 && !errors.Is(err, octopush.ErrDuplicate) {
			t.Errorf("chunk %d again: %+v, %v", i, chunk, err)
		}
		i++
	}
	// Another list under the same name is another message.
	r.Recipients = r.Recipients[1:2]
	for _, err := range c.SendSMSChunks(t.Context(), r, 0) {
		if err != nil {
			t.Error(err)
		}
	}
}

// TestChunksWithoutRequestID: ranging twice over one iterator is the same
// calls; another iterator makes others.
func TestChunksWithoutRequestID(t *testing.T) {
	t.Parallel()
	srv := octopushtest.NewServer()
	defer srv.Close()
	c, ctx := srv.Client(), t.Context()
	chunks := c.SendSMSChunks(ctx, pageSMS(), 1)
	for i, chunks := range []func(func(octopush.Chunk, error) bool){chunks, chunks, c.SendSMSChunks(ctx, pageSMS(), 1)} {
		for chunk, err := range chunks {
			if again := i == 1; again != errors.Is(err, octopush.ErrDuplicate) || again != (err != nil) {
				t.Errorf("%d: %+v, %v", i, chunk, err)
			}
		}
	}
	if n := len(srv.Accepted()); n != 4 {
		t.Errorf("%d calls accepted", n)
	}
}

func TestChunksOfEveryChannel(t *testing.T) {
	t.Parallel()
	srv := octopushtest.NewServer()
	defer srv.Close()
	c, ctx := srv.Client(), t.Context()
	var ids []string
	for _, chunks := range []func(func(octopush.Chunk, error) bool){
		c.SendSMSChunks(ctx, pageSMS(), 1), c.SendVoiceChunks(ctx, pageVoice(), 1), c.SendRCSChunks(ctx, pageRCS(), 1),
		c.SendEmailChunks(ctx, pageEmail(), 1), c.SendLiveChatChunks(ctx, pageLiveChat(), 1),
	} {
		for chunk, err := range chunks {
			if err != nil || chunk.Count != 1 || chunk.RequestID == "" {
				t.Errorf("%+v: %v", chunk, err)
			}
			ids = append(ids, chunk.RequestID)
		}
	}
	slices.Sort(ids)
	if len(slices.Compact(ids)) != 2+2+2+2+3 {
		t.Errorf("ids %v", ids)
	}
}

func TestChunksAreCheckedFirst(t *testing.T) {
	t.Parallel()
	c, requests, _ := answering(t, http.StatusOK, `{"sms_ticket":"t"}`)
	bad := pageSMS()
	bad.Recipients = append(slices.Repeat([]string{number}, 700), "nobody")
	good := pageSMS()
	for name, test := range map[string]struct {
		r    octopush.SMSRequest
		size int
		is   error
	}{
		"recipient": {bad, 0, octopush.ErrInvalidRecipient}, "large": {good, 501, octopush.ErrInvalidRequest}, "negative": {good, -1, octopush.ErrInvalidRequest},
	} {
		n := 0
		for _, err := range c.SendSMSChunks(t.Context(), test.r, test.size) {
			n++
			if !errors.Is(err, test.is) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if n != 1 || len(*requests) != 0 {
			t.Errorf("%s: %d results, %d requests", name, n, len(*requests))
		}
	}
	for _, err := range c.SendSMSChunks(t.Context(), good, 1) {
		if err != nil {
			t.Error(err)
		}
		break
	}
	if len(*requests) != 1 {
		t.Errorf("broken off: %d requests", len(*requests))
	}
}

func TestValidation(t *testing.T) {
	t.Parallel()
	const bad = "a\xffb"
	sms := func(change func(*octopush.SMSRequest)) error { r := pageSMS(); change(&r); return r.Validate() }
	voice := func(change func(*octopush.VoiceRequest)) error { r := pageVoice(); change(&r); return r.Validate() }
	rcs := func(change func(*octopush.RCSRequest)) error { r := pageRCS(); change(&r); return r.Validate() }
	email := func(change func(*octopush.EmailRequest)) error { r := pageEmail(); change(&r); return r.Validate() }
	chat := func(change func(*octopush.LiveChatRequest)) error {
		r := pageLiveChat()
		change(&r)
		return r.Validate()
	}
	named := func(name string) map[string]json.RawMessage {
		return map[string]json.RawMessage{name: json.RawMessage(`1`)}
	}
	raw := func(s string) map[string]json.RawMessage { return map[string]json.RawMessage{"x": json.RawMessage(s)} }
	tests := []struct {
		path string // of the wrong field; empty: nothing is wrong
		err  error
	}{
		{"", sms(func(*octopush.SMSRequest) {})},
		{"", voice(func(*octopush.VoiceRequest) {})},
		{"", rcs(func(*octopush.RCSRequest) {})},
		{"", email(func(*octopush.EmailRequest) {})},
		{"", chat(func(*octopush.LiveChatRequest) {})},

		{"recipients", sms(func(r *octopush.SMSRequest) { r.Recipients = nil })},
		{"recipients", sms(func(r *octopush.SMSRequest) { r.Recipients = slices.Repeat(pagePhones, 251) })},
		{"", sms(func(r *octopush.SMSRequest) { r.Recipients = slices.Repeat(pagePhones, 250) })},
		{"recipients[1].phone_number", sms(func(r *octopush.SMSRequest) { r.Recipients = []string{number, ""} })},
		{"recipients[0].phone_number", sms(func(r *octopush.SMSRequest) { r.Recipients = []string{"33611223344"} })},
		{"recipients[0].phone_number", sms(func(r *octopush.SMSRequest) { r.Recipients = []string{"+"} })},
		{"recipients[0].phone_number", voice(func(r *octopush.VoiceRequest) { r.Recipients = []string{"+33 6"} })},
		{"recipients[0].phone_number", rcs(func(r *octopush.RCSRequest) { r.Recipients = []string{"+33٣"} })},
		{"", rcs(func(r *octopush.RCSRequest) { r.Recipients = []string{"+2222333334444555"} })}, // 16 digits, as on the page
		{"", sms(func(r *octopush.SMSRequest) { r.Recipients = []string{"+1"} })},
		{"recipients[0].email", email(func(r *octopush.EmailRequest) { r.Recipients = []string{number} })},
		{"recipients[0].email", email(func(r *octopush.EmailRequest) { r.Recipients = []string{"a b@example.com"} })},
		{"recipients[0].email", email(func(r *octopush.EmailRequest) { r.Recipients = []string{"a@b@example.com"} })},
		{"recipients[0].email", email(func(r *octopush.EmailRequest) { r.Recipients = []string{"@example.com"} })},
		{"recipients[0].email", email(func(r *octopush.EmailRequest) { r.Recipients = []string{"a@"} })},
		{"recipients[0].email", email(func(r *octopush.EmailRequest) { r.Recipients = []string{"A <a@example.com>"} })},
		{"recipients[0]", chat(func(r *octopush.LiveChatRequest) { r.Recipients[0] = octopush.LiveChatRecipient{} })},
		{"recipients[0].conversation_id", chat(func(r *octopush.LiveChatRequest) { r.Recipients[0].ConversationID = "0" })},
		{"recipients[0].conversation_id", chat(func(r *octopush.LiveChatRequest) {
			r.Recipients[0].ConversationID = "g0000000-0000-0000-0000-000000000001"
		})},
		{"recipients[0].conversation_id", chat(func(r *octopush.LiveChatRequest) {
			r.Recipients[0].ConversationID = "00000000+0000-0000-0000-000000000001"
		})},
		{"recipients[0].phone_number", chat(func(r *octopush.LiveChatRequest) { r.Recipients[0].Phone = "1" })},
		{"recipients[0].email", chat(func(r *octopush.LiveChatRequest) { r.Recipients[0].Email = "1" })},

		{"text", sms(func(r *octopush.SMSRequest) { r.Text = "" })},
		{"text", email(func(r *octopush.EmailRequest) { r.Text = "" })}, // also with a template
		{"text", sms(func(r *octopush.SMSRequest) { r.Text = bad })},
		{"text", sms(func(r *octopush.SMSRequest) { r.Text = strings.Repeat("é", 1225) })},
		{"", sms(func(r *octopush.SMSRequest) { r.Text = strings.Repeat("é", 1224) })},

		{"sender", sms(func(r *octopush.SMSRequest) { r.Sender = "AB" })},
		{"sender", voice(func(r *octopush.VoiceRequest) { r.Sender = "ABCDEFGHIJKL" })},
		{"sender", email(func(r *octopush.EmailRequest) { r.Sender = "AC ME" })},
		{"sender", chat(func(r *octopush.LiveChatRequest) { r.Sender = "ACMÉ" })},
		{"sender", rcs(func(r *octopush.RCSRequest) { r.Sender = bad })},
		{"", rcs(func(r *octopush.RCSRequest) { r.Sender = "Acme & Söhne, the agent" })},
		{"", sms(func(r *octopush.SMSRequest) { r.Sender = "" })},

		{"send_at", sms(func(r *octopush.SMSRequest) { r.SendAt = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC) })},
		{"send_at", sms(func(r *octopush.SMSRequest) {
			r.SendAt = time.Date(9999, 12, 31, 23, 59, 59, 0, time.FixedZone("", -3601)) // the next year in UTC
		})},
		{"", sms(func(r *octopush.SMSRequest) {
			r.SendAt = time.Date(10000, 1, 1, 0, 0, 0, 0, time.FixedZone("", 3601))
		})},
		{"purpose", sms(func(r *octopush.SMSRequest) { r.Purpose = "transactional" })},
		{"list_name", sms(func(r *octopush.SMSRequest) { r.ListName = bad })},
		{"metadata.request_id", sms(func(r *octopush.SMSRequest) { r.RequestID = bad })},
		{"metadata.type", sms(func(r *octopush.SMSRequest) { r.Type = "voice_sms" })},
		{"metadata.type", voice(func(r *octopush.VoiceRequest) { r.Type = "sms_premium" })},
		{"metadata.voice_gender", voice(func(r *octopush.VoiceRequest) { r.Gender = "Male" })},
		{"metadata.voice_language", voice(func(r *octopush.VoiceRequest) { r.Language = bad })},
		{"", voice(func(r *octopush.VoiceRequest) { r.Language = "nl-NL" })},
		{"metadata.emailing_service", email(func(r *octopush.EmailRequest) { r.Service = "smtp" })},
		{"metadata.email_from", email(func(r *octopush.EmailRequest) { r.From = "me" })},
		{"metadata.name_from", email(func(r *octopush.EmailRequest) { r.FromName = bad })},
		{"metadata.subject", email(func(r *octopush.EmailRequest) { r.Subject = strings.Repeat("é", 1001) })},
		{"", email(func(r *octopush.EmailRequest) { r.Subject = strings.Repeat("é", 1000) })},
		{"metadata.template_name", email(func(r *octopush.EmailRequest) { r.Template = bad })},
		{"metadata.body_format", email(func(r *octopush.EmailRequest) { r.BodyFormat = "text" })},
		{"metadata.language", email(func(r *octopush.EmailRequest) { r.Language = bad })},
		{"metadata.message_type", rcs(func(r *octopush.RCSRequest) { r.Type = "carousel" })},
		{"metadata.cards", rcs(func(r *octopush.RCSRequest) { r.Cards = []json.RawMessage{[]byte(`{}`)} })},
		{"metadata.actions", rcs(func(r *octopush.RCSRequest) {
			r.Type, r.Actions = octopush.RichCard, []json.RawMessage{[]byte(`{}`)}
		})},
		{"metadata.cards[0]", rcs(func(r *octopush.RCSRequest) { r.Type, r.Cards = octopush.RichCard, []json.RawMessage{[]byte(`{`)} })},
		{"metadata.actions[1]", rcs(func(r *octopush.RCSRequest) {
			r.Actions = []json.RawMessage{[]byte(`{}`), []byte(`"` + bad + `"`)}
		})},
		{"", sms(func(r *octopush.SMSRequest) { r.Extra, r.ExtraMetadata = raw(`1`), raw(`2`) })},
		{"metadata", sms(func(r *octopush.SMSRequest) { r.ExtraMetadata = raw(`{`) })},
		{"text", sms(func(r *octopush.SMSRequest) { r.Extra = named("text") })},
		{"sender", sms(func(r *octopush.SMSRequest) { r.Sender, r.Extra = "", named("sender") })},
		{"send_at", rcs(func(r *octopush.RCSRequest) { r.SendAt, r.Extra = time.Time{}, named("send_at") })},
		{"optout_filtering", email(func(r *octopush.EmailRequest) { r.Extra = named("optout_filtering") })},
		{"metadata", chat(func(r *octopush.LiveChatRequest) { r.Extra = named("metadata") })},
		{"metadata.request_id", chat(func(r *octopush.LiveChatRequest) { r.ExtraMetadata = named("request_id") })},
		{"metadata.type", sms(func(r *octopush.SMSRequest) { r.ExtraMetadata = named("type") })},
		{"metadata.voice_gender", voice(func(r *octopush.VoiceRequest) { r.ExtraMetadata = named("voice_gender") })},
		{"metadata.cards", rcs(func(r *octopush.RCSRequest) { r.ExtraMetadata = named("cards") })},
		{"metadata.subject", email(func(r *octopush.EmailRequest) { r.ExtraMetadata = named("subject") })},
		{"", chat(func(r *octopush.LiveChatRequest) { r.ExtraMetadata = named("with_replies") })}, // no field
	}
	for i, test := range tests {
		if test.path == "" {
			if test.err != nil {
				t.Errorf("%d: %v", i, test.err)
			}
			continue
		}
		e, ok := errors.AsType[*octopush.Error](test.err)
		if !ok || len(e.Fields) != 1 || e.Fields[0].Path != test.path {
			t.Errorf("%d: want %s, got %v", i, test.path, test.err)
			continue
		}
		recipient := strings.HasPrefix(test.path, "recipients[")
		if errors.Is(e, octopush.ErrInvalidRecipient) != recipient || errors.Is(e, octopush.ErrInvalidRequest) == recipient {
			t.Errorf("%d: %v is of another kind", i, e)
		}
	}
	if err := sms(func(r *octopush.SMSRequest) { r.Extra = raw(`{`) }); !errors.Is(err, octopush.ErrInvalidRequest) {
		t.Errorf("extra: %v", err)
	}
	err := sms(func(r *octopush.SMSRequest) { r.Text, r.Purpose, r.Recipients = "", "x", []string{"nobody-77"} })
	e, _ := errors.AsType[*octopush.Error](err)
	if e == nil || len(e.Fields) != 3 || !errors.Is(err, octopush.ErrInvalidRequest) {
		t.Errorf("not all is named: %v", err)
	}
	testutil.NoLeak(t, err, "nobody-77")
}

func TestNothingWrongIsSent(t *testing.T) {
	t.Parallel()
	c, requests, _ := answering(t, http.StatusOK, `{"sms_ticket":"t"}`)
	bad := pageSMS()
	bad.Sender = "A B"
	if _, err := c.SendSMS(t.Context(), bad); !errors.Is(err, octopush.ErrInvalidRequest) {
		t.Error(err)
	}
	for name, r := range map[string]octopush.SMSRequest{
		"extra":    {Recipients: []string{number}, Text: "x", Extra: map[string]json.RawMessage{"text": []byte(`"y"`)}},
		"metadata": {Recipients: []string{number}, Text: "x", RequestID: "a", ExtraMetadata: map[string]json.RawMessage{"request_id": []byte(`"b"`)}},
		"both":     {Recipients: []string{number}, Text: "x", RequestID: "a", Extra: map[string]json.RawMessage{"metadata": []byte(`{}`)}},
	} {
		if _, err := c.SendSMS(t.Context(), r); !errors.Is(err, octopush.ErrInvalidRequest) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if len(*requests) != 0 {
		t.Errorf("%d requests", len(*requests))
	}
}

func TestRelaxedValidation(t *testing.T) {
	t.Parallel()
	c, requests, _ := answering(t, http.StatusOK, `{"ticket_number":"t"}`, octopush.WithRelaxedValidation())
	ctx := t.Context()
	_, err1 := c.SendSMS(ctx, octopush.SMSRequest{Recipients: []string{"0611223344"}, Text: "x", Sender: "AC ME"})
	_, err2 := c.SendEmail(ctx, octopush.EmailRequest{Recipients: []string{"user"}, Text: "x", From: "me"})
	_, err3 := c.SendLiveChat(ctx, octopush.LiveChatRequest{Recipients: []octopush.LiveChatRecipient{{ConversationID: "cid_1"}}, Text: "x"})
	if err := errors.Join(err1, err2, err3); err != nil || len(*requests) != 3 {
		t.Errorf("%d requests, %v", len(*requests), err)
	}
	for _, r := range []octopush.SMSRequest{
		{Recipients: []string{""}, Text: "x"},
		{Recipients: []string{number}},
		{Recipients: []string{number}, Text: "x", Purpose: "y"},
		{Recipients: []string{number}, Text: "x", Sender: "\xff"},
		{Recipients: slices.Repeat([]string{number}, 501), Text: "x"},
	} {
		if _, err := c.SendSMS(ctx, r); err == nil {
			t.Error("more is relaxed than checks of form")
		}
	}
}

func TestNew(t *testing.T) {
	t.Parallel()
	for name, construct := range map[string]func() (*octopush.Client, error){
		"login":   func() (*octopush.Client, error) { return octopush.New("", key) },
		"key":     func() (*octopush.Client, error) { return octopush.New(login, "") },
		"newline": func() (*octopush.Client, error) { return octopush.New(login, "a\r\nb") },
		"plain": func() (*octopush.Client, error) {
			return octopush.New(login, key, octopush.WithBaseURL("http://example.com"))
		},
		"timeout":  func() (*octopush.Client, error) { return octopush.New(login, key, octopush.WithTimeout(0)) },
		"retries":  func() (*octopush.Client, error) { return octopush.New(login, key, octopush.WithMaxRetries(-1)) },
		"rate":     func() (*octopush.Client, error) { return octopush.New(login, key, octopush.WithRateLimit(0, 1)) },
		"client":   func() (*octopush.Client, error) { return octopush.New(login, key, octopush.WithHTTPClient(nil)) },
		"product":  func() (*octopush.Client, error) { return octopush.New(login, key, octopush.WithUserAgent("")) },
		"newlines": func() (*octopush.Client, error) { return octopush.New("a\nb", key) },
	} {
		c, err := construct()
		if err == nil || c != nil || !strings.HasPrefix(err.Error(), "octopush: New: ") {
			t.Errorf("%s: %v, %v", name, c, err)
		}
	}
	c, err := octopush.New(login, key, nil, octopush.WithLogger(nil), octopush.WithMaxRetries(1), octopush.WithRateLimit(9, 1), octopush.WithUserAgent("a/1"))
	if err != nil {
		t.Fatal(err)
	}
	testutil.NoLeak(t, c, key, login)
	if c.String() != "octopush.Client(https://api.octopush.com/v1/public)" {
		t.Error(c)
	}
}

func TestBaseURLKeepsItsPath(t *testing.T) {
	t.Parallel()
	var got string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = r.URL.Path
		w.Write([]byte(`{"ticket_number":"t"}`)) //nolint:errcheck // the client sees it
	}))
	defer s.Close()
	c, err := octopush.New(login, key, octopush.WithBaseURL(s.URL+"/proxy/"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.SendSMS(t.Context(), pageSMS()); err != nil || got != "/proxy/multi-channel/send" {
		t.Errorf("%q, %v", got, err)
	}
}
