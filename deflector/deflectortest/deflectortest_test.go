package deflectortest_test

import (
	"bytes"
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
	"sync"
	"testing"
	"time"

	"github.com/cpaas-go/cpaas/deflector"
	"github.com/cpaas-go/cpaas/deflector/deflectortest"
	"github.com/cpaas-go/cpaas/internal/testutil"
)

const phone = "919812345678"

func start(t testing.TB) *deflectortest.Server {
	t.Helper()
	srv := deflectortest.NewServer()
	t.Cleanup(srv.Close)
	return srv
}

func full() deflector.Message {
	return deflector.Message{
		To:           []string{phone, "447700900123"},
		CallbackData: "order-42",
		Tags:         []string{"welcome"},
		RCS:          &deflector.RCSTemplate{Code: "card", Type: "template", Attributes: map[string]string{"NAME": "Asha"}},
		WhatsApp: []deflector.WhatsAppMessage{{
			APIHeader: "order-42", Type: "template", RecipientType: "individual",
			Templates: []deflector.WhatsAppTemplate{{Name: "welcome", Locale: "en", Policy: "deterministic", Attributes: []string{"Asha"}}},
		}},
		SMS:  &deflector.SMSText{From: "ACMEIN", Text: "Welcome."},
		Flow: deflector.Flow{{deflector.RCS, deflector.WhatsApp}, {deflector.SMS}},
	}
}

func TestAccepts(t *testing.T) {
	t.Parallel()
	srv := start(t)
	client := srv.Client()
	least := deflector.Message{To: []string{phone}, SMS: &deflector.SMSText{From: "A", Text: "B"}, Flow: deflector.InOrder(deflector.SMS)}
	ids := map[string]bool{}
	for _, messages := range [][]deflector.Message{{full(), least}, {least}} {
		res, err := client.Send(t.Context(), messages...)
		if err != nil {
			t.Fatal(err)
		}
		ids[res.MessageID] = true
	}
	if len(ids) != 2 {
		t.Errorf("ids %v", ids)
	}
	want := []deflector.Message{full(), least, least}
	if got := srv.Accepted(); !reflect.DeepEqual(got, want) {
		t.Errorf("accepted\n got %+v\nwant %+v", got, want)
	}
	srv.Accepted()[0].Tags[0] = "changed"
	if got := srv.Accepted()[0].Tags[0]; got != "welcome" {
		t.Errorf("what Accepted returns is shared: %s", got)
	}
	if n := len(srv.Requests()); n != 2 {
		t.Errorf("%d requests", n)
	}
	if open, ever := srv.Connections(); open != 1 || ever != 1 {
		t.Errorf("%d connections open of %d", open, ever)
	}
}

// Either spelling of the header, and both.
func TestAcceptsKeyHeaders(t *testing.T) {
	t.Parallel()
	srv := start(t)
	for _, names := range [][]string{{"api-key"}, {"api_key"}, {"api-key", "api_key"}} {
		if _, err := srv.Client(deflector.WithAPIKeyHeader(names...)).Send(t.Context(), full()); err != nil {
			t.Errorf("%s: %v", names, err)
		}
	}
}

func TestAcceptsThePage(t *testing.T) {
	t.Parallel()
	srv := start(t)
	for _, name := range []string{"sequential", "simultaneous"} {
		body, err := os.ReadFile("../testdata/" + name + ".json")
		if err != nil {
			t.Fatal(err)
		}
		status, answer := call(t, srv, string(body), nil)
		if status != 200 || !strings.Contains(answer, `"messageId":"ack-`) {
			t.Errorf("%s: %d %s", name, status, answer)
		}
	}
}

// call posts body as a client that does everything right but for change.
func call(t *testing.T, srv *deflectortest.Server, body string, change func(*http.Request)) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, srv.URL+"/messages/send", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header = http.Header{"Content-Type": {"application/json"}, "Api-Key": {deflectortest.APIKey}}
	if change != nil {
		change(r)
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, strings.TrimSpace(string(answer))
}

func TestRefusesOutsideTheBody(t *testing.T) {
	t.Parallel()
	body, err := os.ReadFile("../testdata/sequential.json")
	if err != nil {
		t.Fatal(err)
	}
	srv := start(t)
	for name, test := range map[string]struct {
		change func(*http.Request)
		status int
	}{
		"GET":               {func(r *http.Request) { r.Method, r.Body, r.ContentLength = http.MethodGet, nil, 0 }, 405},
		"PUT":               {func(r *http.Request) { r.Method = http.MethodPut }, 405},
		"path":              {func(r *http.Request) { r.URL.Path = "/message/send" }, 404},
		"trailing slash":    {func(r *http.Request) { r.URL.Path = "/messages/send/" }, 404},
		"query":             {func(r *http.Request) { r.URL.RawQuery = "x=1" }, 404},
		"no key":            {func(r *http.Request) { r.Header.Del("Api-Key") }, 401},
		"wrong key":         {func(r *http.Request) { r.Header.Set("Api-Key", "other") }, 401},
		"one key wrong":     {func(r *http.Request) { r.Header["Api_key"] = []string{"other"} }, 401},
		"bearer":            {func(r *http.Request) { r.Header = http.Header{"Authorization": {"Bearer " + deflectortest.APIKey}} }, 401},
		"no content type":   {func(r *http.Request) { r.Header.Del("Content-Type") }, 400},
		"form":              {func(r *http.Request) { r.Header.Set("Content-Type", "application/x-www-form-urlencoded") }, 400},
		"text":              {func(r *http.Request) { r.Header.Set("Content-Type", "text/plain") }, 400},
		"Latin 1":           {func(r *http.Request) { r.Header.Set("Content-Type", "application/json; charset=latin1") }, 400},
		"bad content type":  {func(r *http.Request) { r.Header.Set("Content-Type", ";") }, 400},
		"right after all":   {nil, 200},
		"UTF-8 by its name": {func(r *http.Request) { r.Header.Set("Content-Type", "application/json; charset=UTF-8") }, 200},
	} {
		if status, answer := call(t, srv, string(body), test.change); status != test.status {
			t.Errorf("%s: %d %s", name, status, answer)
		}
	}
	if n := len(srv.Accepted()); n != 2 {
		t.Errorf("%d accepted", n)
	}
}

func TestRefusalShapes(t *testing.T) {
	t.Parallel()
	srv := start(t)
	_, answer := call(t, srv, "[]", func(r *http.Request) { r.Header.Del("Api-Key") })
	testutil.JSONEqual(t, []byte(`{"requestError":{"serviceException":{"messageId":"",
		"text":"Unauthenticated: key not found","validationErrors":["apikey not valid"]}}}`), []byte(answer))
	_, answer = call(t, srv, "[]", func(r *http.Request) { r.Header.Del("Content-Type") })
	testutil.JSONEqual(t, []byte(`{"requestError":{"serviceException":{"messageId":"",
		"text":"ContentType not valid","validationErrors":null}}}`), []byte(answer))
	_, answer = call(t, srv, "[]", nil)
	testutil.JSONEqual(t, []byte(`{"status":"failure","error":{"code":"8001","message":"[0] is required."}}`), []byte(answer))

	wrongKey, err := deflector.New("other-key", deflector.WithBaseURL(srv.URL))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := wrongKey.Send(t.Context(), full()); !errors.Is(err, deflector.ErrUnauthorized) {
		t.Error(err)
	}
}

// Every rule of the body, broken by one change of the page's own request.
func TestRefusesBody(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../testdata/sequential.json")
	if err != nil {
		t.Fatal(err)
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, page); err != nil {
		t.Fatal(err)
	}
	srv := start(t)
	for name, test := range map[string]struct{ old, new, code string }{
		"not JSON":                {`[{"to"`, `[{to`, "8006"},
		"not UTF-8":               {`NETCRE`, "NET\xff", "8006"},
		"more behind":             {`"SMS"}]]}]`, `"SMS"}]]}] []`, "8006"},
		"object at the root":      {`[{"to"`, `{"to"`, ""}, // changed below
		"repeated member":         {`"From":"NETCRE"`, `"From":"NETCRE","From":"NETCRE"`, "8006"},
		"repeated by an escape":   {`"From":"NETCRE"`, `"From":"NETCRE","\u0046rom":"NETCRE"`, "8006"},
		"no to":                   {`"to":[{"phoneNumber":"917499081814"}],`, ``, "8001"},
		"null to":                 {`[{"phoneNumber":"917499081814"}]`, `null`, "8006"},
		"empty to":                {`[{"phoneNumber":"917499081814"}]`, `[]`, "8001"},
		"to of texts":             {`{"phoneNumber":"917499081814"}`, `"917499081814"`, "8006"},
		"to is an object":         {`[{"phoneNumber":"917499081814"}]`, `{"phoneNumber":"917499081814"}`, "8006"},
		"no phoneNumber":          {`{"phoneNumber":"917499081814"}`, `{}`, "8001"},
		"phonenumber":             {`phoneNumber`, `phonenumber`, "8001"},
		"phone as a number":       {`"917499081814"`, `917499081814`, "8006"},
		"phone with plus":         {`"917499081814"`, `"+917499081814"`, "8006"},
		"phone with letters":      {`"917499081814"`, `"91749908181x"`, "8006"},
		"short phone":             {`"917499081814"`, `"917499081"`, "8006"},
		"long phone":              {`"917499081814"`, `"9174990818141234"`, "8006"},
		"more in to":              {`{"phoneNumber":"917499081814"}`, `{"phoneNumber":"917499081814","name":"x"}`, "8006"},
		"callbackData's type":     {`"7890986"`, `7890986`, "8006"},
		"null callbackData":       {`"7890986"`, `null`, "8006"},
		"callbackdata":            {`callbackData`, `callbackdata`, "8006"},
		"tags' type":              {`["welcome"]`, `"welcome"`, "8006"},
		"tags of numbers":         {`["welcome"]`, `[1]`, "8006"},
		"WhatsApp":                {`"whatsapp":{`, `"WhatsApp":{`, "8006"},
		"no message":              {`"whatsapp":{"message":`, `"whatsapp":{"messages":`, "8001"},
		"message is an object":    {`"message":[{`, `"message":{"x":[{`, ""},
		"no x-apiheader":          {`"x-apiheader":"xpi-12345-7319798",`, ``, "8001"},
		"empty x-apiheader":       {`"xpi-12345-7319798"`, `""`, "8001"},
		"X-APIHeader":             {`x-apiheader`, `X-APIHeader`, "8001"},
		"no message_type":         {`"message_type":"template",`, ``, "8001"},
		"message_type":            {`"message_type":"template"`, `"message_type":"text"`, "8006"},
		"no recipient_type":       {`"recipient_type":"individual",`, ``, "8001"},
		"recipient_type":          {`individual`, `group`, "8006"},
		"no name":                 {`"name":"new_client_welcome",`, ``, "8001"},
		"empty name":              {`"new_client_welcome"`, `""`, "8001"},
		"no attributes":           {`"attributes":["https://www.netcorecloud.com/"],`, ``, "8001"},
		"null attributes":         {`["https://www.netcorecloud.com/"]`, `null`, "8006"},
		"attributes by name":      {`["https://www.netcorecloud.com/"]`, `{"1":"x"}`, "8006"},
		"attributes of numbers":   {`["https://www.netcorecloud.com/"]`, `[1]`, "8006"},
		"no language":             {`,"language":{"locale":"en","policy":"deterministic"}`, ``, "8001"},
		"no locale":               {`"locale":"en",`, ``, "8001"},
		"empty locale":            {`"locale":"en"`, `"locale":""`, "8001"},
		"no policy":               {`,"policy":"deterministic"`, ``, "8001"},
		"empty policy":            {`"deterministic"`, `""`, "8001"},
		"more in a template":      {`"locale":"en"`, `"locale":"en","x":1`, "8006"},
		"more in a WhatsApp":      {`"message_type":"template"`, `"message_type":"template","ttl":1`, "8006"},
		"no content":              {`"content":{`, `"Content":{`, "8001"},
		"no rcs type":             {`"type":"template","templateCode"`, `"templateCode"`, "8001"},
		"rcs type":                {`"type":"template","templateCode"`, `"type":"text","templateCode"`, "8006"},
		"no templateCode":         {`"templateCode":"Verification_temp",`, ``, "8001"},
		"empty templateCode":      {`"Verification_temp"`, `""`, "8001"},
		"TemplateCode":            {`templateCode`, `TemplateCode`, "8001"},
		"no rcs attributes":       {`,"attributes":{"FIRSTNAME":"Akash"}`, ``, "8001"},
		"null rcs attributes":     {`{"FIRSTNAME":"Akash"}`, `null`, "8006"},
		"rcs attributes in order": {`{"FIRSTNAME":"Akash"}`, `["Akash"]`, "8006"},
		"rcs attributes' types":   {`{"FIRSTNAME":"Akash"}`, `{"FIRSTNAME":1}`, "8006"},
		"from":                    {`"From"`, `"from"`, "8001"},
		"text":                    {`"Text"`, `"text"`, "8001"},
		"empty From":              {`"NETCRE"`, `""`, "8001"},
		"empty Text":              {`"STN IS OK NC ALRT"`, `""`, "8001"},
		"Text's type":             {`"STN IS OK NC ALRT"`, `["x"]`, "8006"},
		"no sms":                  {`"sms":{"From":"NETCRE","Text":"STN IS OK NC ALRT"},`, ``, "8001"},
		"no rcs":                  {`"rcs":{"content":{"type":"template","templateCode":"Verification_temp","attributes":{"FIRSTNAME":"Akash"}}},`, ``, "8001"},
		"no flow":                 {`,"flow":[[{"channel":"RCS"}],[{"channel":"WhatsApp"}],[{"channel":"SMS"}]]`, ``, "8001"},
		"empty flow":              {`[[{"channel":"RCS"}],[{"channel":"WhatsApp"}],[{"channel":"SMS"}]]`, `[]`, "8001"},
		"empty stage":             {`[{"channel":"WhatsApp"}]`, `[]`, "8001"},
		"flat flow":               {`[[{"channel":"RCS"}],[{"channel":"WhatsApp"}],[{"channel":"SMS"}]]`, `[{"channel":"RCS"}]`, "8006"},
		"flow of texts":           {`{"channel":"WhatsApp"}`, `"WhatsApp"`, "8006"},
		"no channel":              {`{"channel":"WhatsApp"}`, `{}`, "8001"},
		"channel's case":          {`{"channel":"WhatsApp"}`, `{"channel":"whatsapp"}`, "8006"},
		"another channel":         {`{"channel":"WhatsApp"}`, `{"channel":"Email"}`, "8006"},
		"more in a channel":       {`{"channel":"WhatsApp"}`, `{"channel":"WhatsApp","wait":1}`, "8006"},
		"more in the message":     {`"flow":`, `"ttl":1,"flow":`, "8006"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if strings.Count(compact.String(), test.old) == 0 {
				t.Fatal("the page does not have this")
			}
			body := strings.Replace(compact.String(), test.old, test.new, 1)
			switch name {
			case "object at the root":
				body, test.code = strings.TrimSuffix(body, "]"), "8006"
			case "message is an object":
				body, test.code = strings.Replace(body, `}]}]},"rcs"`, `}]}]}},"rcs"`, 1), "8006"
			}
			status, answer := call(t, srv, body, nil)
			if want := `"code":"` + test.code + `"`; status != 400 || !strings.Contains(answer, want) || !strings.Contains(answer, `"failure"`) {
				t.Errorf("%d %s, want %s", status, answer, want)
			}
			if strings.Contains(answer, "917499081814") {
				t.Errorf("shows the number: %s", answer)
			}
		})
	}
	t.Cleanup(func() {
		if n := len(srv.Accepted()); n != 0 {
			t.Errorf("%d accepted", n)
		}
	})
}

// Blocks that are not in the flow are checked too; the second message as well
// as the first.
func TestRefusesElsewhere(t *testing.T) {
	t.Parallel()
	srv := start(t)
	const sms = `{"to":[{"phoneNumber":"917499081814"}],"sms":{"From":"A","Text":"B"},"flow":[[{"channel":"SMS"}]]}`
	for _, body := range []string{
		`[` + strings.Replace(sms, `"sms"`, `"rcs":{},"sms"`, 1) + `]`,
		`[` + sms + `,{}]`,
		`[` + sms + `,` + strings.Replace(sms, `SMS`, `RCS`, 1) + `]`,
		`[` + sms + `,` + strings.Replace(sms, `SMS`, `WhatsApp`, 1) + `]`,
		``, `null`, `[null]`, `[[]]`, `"x"`,
	} {
		if status, answer := call(t, srv, body, nil); status != 400 {
			t.Errorf("%s: %d %s", body, status, answer)
		}
	}
	if n := len(srv.Accepted()); n != 0 {
		t.Errorf("%d accepted", n)
	}
}

func TestRefuseChannel(t *testing.T) {
	t.Parallel()
	srv := start(t)
	client := srv.Client()
	send := func(flow deflector.Flow) error {
		m := full()
		m.Flow = flow
		_, err := client.Send(t.Context(), m)
		return err
	}
	srv.RefuseChannel(deflector.RCS, 400, deflector.CodeNoWhatsAppContact)
	srv.RefuseChannel(deflector.WhatsApp, 403, deflector.CodeNotOptedIn)
	for range 2 {
		if err := send(deflector.InOrder(deflector.RCS)); !errors.Is(err, deflector.ErrNotOnChannel) {
			t.Error(err)
		}
	}
	err := send(deflector.InOrder(deflector.RCS, deflector.WhatsApp))
	if e, ok := errors.AsType[*deflector.Error](err); !ok || e.StatusCode != 403 || e.Code != "8002" {
		t.Error(err)
	}
	for _, flow := range []deflector.Flow{
		deflector.InOrder(deflector.RCS, deflector.WhatsApp, deflector.SMS), deflector.AtOnce(deflector.RCS, deflector.SMS), deflector.InOrder(deflector.SMS),
	} {
		if err := send(flow); err != nil {
			t.Errorf("%v: %v", flow, err)
		}
	}
	srv.AcceptChannel(deflector.RCS)
	if err := send(deflector.InOrder(deflector.RCS)); err != nil {
		t.Error(err)
	}
	if n := len(srv.Accepted()); n != 4 {
		t.Errorf("%d accepted", n)
	}
}

func TestRefuseRecipient(t *testing.T) {
	t.Parallel()
	srv := start(t)
	srv.RefuseRecipient("447700900123", 400, deflector.CodeNotOptedIn)
	m := full()
	if _, err := srv.Client().Send(t.Context(), m); !errors.Is(err, deflector.ErrNotOnChannel) {
		t.Error(err)
	}
	m.To = m.To[:1]
	if _, err := srv.Client().Send(t.Context(), m); err != nil {
		t.Error(err)
	}
	srv.AcceptRecipient("447700900123")
	if _, err := srv.Client().Send(t.Context(), full()); err != nil {
		t.Error(err)
	}
}

func TestScript(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		answer   deflectortest.Answer
		want     error // nil: accepted
		accepted int
	}{
		"normally":             {deflectortest.Normally(), nil, 1},
		"slow":                 {deflectortest.Slow(time.Millisecond), nil, 1},
		"refuse":               {deflectortest.Refuse(400, deflector.CodeOutsideWindow), deflector.ErrContentRejected, 0},
		"refuse without code":  {deflectortest.Refuse(403, ""), deflector.ErrForbidden, 0},
		"refuse in 200":        {deflectortest.Refuse(200, "1234"), deflector.ErrInvalidRequest, 0},
		"respond":              {deflectortest.Respond(200, "text/plain", "hm", "X-Test", "1"), deflector.ErrMaybeAccepted, 0},
		"rate limited":         {deflectortest.RateLimited(time.Hour), deflector.ErrRateLimited, 0},
		"hang":                 {deflectortest.Hang(), deflector.ErrMaybeAccepted, 0},
		"close after reading":  {deflectortest.CloseAfterReading(), deflector.ErrMaybeAccepted, 0},
		"close before reading": {deflectortest.CloseBeforeReading(), deflector.ErrMaybeAccepted, 0},
		"lose the answer":      {deflectortest.LoseAnswer(), deflector.ErrMaybeAccepted, 1},
		"truncate":             {deflectortest.Truncate(), deflector.ErrMaybeAccepted, 1},
		"huge":                 {deflectortest.Huge(200, 11<<20), deflector.ErrMaybeAccepted, 0},
		"HTML":                 {deflectortest.HTML(502), deflector.ErrMaybeAccepted, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := start(t)
			srv.Next(test.answer)
			timeout := 30 * time.Second
			if name == "hang" {
				timeout = 50 * time.Millisecond
			}
			_, err := srv.Client(deflector.WithTimeout(timeout)).Send(t.Context(), full())
			if !errors.Is(err, test.want) {
				t.Errorf("%v, want %v", err, test.want)
			}
			if n := len(srv.Accepted()); n != test.accepted {
				t.Errorf("%d accepted", n)
			}
			if e, ok := errors.AsType[*deflector.Error](err); name == "rate limited" && (!ok || e.RetryAfter != time.Hour) {
				t.Errorf("retry after %v", e.RetryAfter)
			}
			testutil.NoLeak(t, err, phone, deflectortest.APIKey)
		})
	}
}

func TestCloseEndsWhatHangs(t *testing.T) {
	t.Parallel()
	srv := deflectortest.NewServer()
	srv.Next(deflectortest.Hang())
	failed := make(chan error)
	go func() {
		_, err := srv.Client(deflector.WithMaxRetries(0)).Send(context.Background(), full()) //nolint:usetesting // outlives nothing
		failed <- err
	}()
	for len(srv.Requests()) == 0 {
		time.Sleep(time.Millisecond)
	}
	srv.Close()
	if err := <-failed; !errors.Is(err, deflector.ErrMaybeAccepted) {
		t.Error(err)
	}
}

func TestClientPanics(t *testing.T) {
	t.Parallel()
	srv := start(t)
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	srv.Client(deflector.WithTimeout(-1))
}

// hook is a user's callback endpoint.
type hook struct {
	URL string

	mu     sync.Mutex
	events []deflector.Event
	bodies []string
}

func newHook(t *testing.T, opts ...deflector.CallbackOption) *hook {
	t.Helper()
	h := &hook{}
	handler := deflector.Handler(func(_ context.Context, e deflector.Event) error {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.events = append(h.events, e)
		return nil
	}, opts...)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		h.mu.Lock()
		h.bodies = append(h.bodies, string(body))
		h.mu.Unlock()
		r.Body = io.NopCloser(bytes.NewReader(body))
		handler.ServeHTTP(w, r)
	}))
	t.Cleanup(srv.Close)
	h.URL = srv.URL + "/hook?token=hook-token"
	return h
}

func TestDeliver(t *testing.T) {
	t.Parallel()
	srv := start(t)
	h := newHook(t)
	if _, err := srv.Client().Send(t.Context(), full()); err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	for _, step := range []struct {
		ch       deflector.Channel
		statuses []deflector.Status
	}{
		{deflector.RCS, []deflector.Status{deflector.StatusSent}},
		{deflector.WhatsApp, []deflector.Status{deflector.StatusRead, deflector.StatusRead}},
		{deflector.SMS, nil},
		{deflector.SMS, []deflector.Status{deflector.StatusFailed, "Queued", deflector.StatusClicked}},
	} {
		if err := srv.Deliver(ctx, h.URL, "order-42", step.ch, step.statuses...); err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	for _, e := range h.events {
		got = append(got, fmt.Sprintf("%s<%s %s/%s %s%s %s", e.Channel, e.LastChannel, e.Status, e.RawStatus, e.CallbackData, e.APIHeader, e.Recipient))
		if time.Since(e.Time) > time.Minute || e.MessageID == "" {
			t.Errorf("event %+v", e)
		}
	}
	want := []string{
		"RCS< sent/Sent order-42 919812345678",
		"RCS< sent/Sent order-42 447700900123",
		"WhatsApp< read/read order-42 919812345678",
		"WhatsApp< read/read order-42 447700900123",
		"WhatsApp< read/read order-42 919812345678",
		"WhatsApp< read/read order-42 447700900123",
		"SMS<WhatsApp delivered/Delivered order-42 919812345678",
		"SMS<WhatsApp delivered/Delivered order-42 447700900123",
		"SMS<WhatsApp failed/Failed order-42 919812345678",
		"SMS<WhatsApp failed/Failed order-42 447700900123",
		"SMS<WhatsApp unknown/Queued order-42 919812345678",
		"SMS<WhatsApp unknown/Queued order-42 447700900123",
		"SMS< clicked/  919812345678",
		"SMS< clicked/  447700900123",
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("events\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if len(h.bodies) != 7 {
		t.Errorf("%d calls", len(h.bodies))
	}
}

// The callbacks have the members of the vendor's samples, no more, no less.
func TestDeliverShapes(t *testing.T) {
	t.Parallel()
	srv := start(t)
	h := newHook(t)
	if _, err := srv.Client().Send(t.Context(), full()); err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		ch     deflector.Channel
		status deflector.Status
		sample string
		at     int
	}{
		{deflector.RCS, deflector.StatusSent, "callback-rcs.json", 0},
		{deflector.SMS, deflector.StatusFailed, "callback-sms.json", 0},
		{deflector.SMS, deflector.StatusClicked, "callback-sms.json", 1},
		{deflector.WhatsApp, deflector.StatusDelivered, "callback-whatsapp.json", 0},
	} {
		if err := srv.Deliver(t.Context(), h.URL, "order-42", step.ch, step.status); err != nil {
			t.Fatal(err)
		}
		sample, err := os.ReadFile("../testdata/" + step.sample)
		if err != nil {
			t.Fatal(err)
		}
		want := kinds(t, sample, step.at)
		delete(want, "pricing") // in some events only
		if got := kinds(t, []byte(h.bodies[len(h.bodies)-1]), 0); !reflect.DeepEqual(got, want) {
			t.Errorf("%s %s\n got %v\nwant %v", step.ch, step.status, got, want)
		}
	}
}

// kinds is the members of the event at i, each with the type of its value.
func kinds(t *testing.T, body []byte, i int) map[string]string {
	t.Helper()
	var events []map[string]any
	if json.Unmarshal(body, &events) != nil {
		var object map[string][]map[string]any
		if err := json.Unmarshal(body, &object); err != nil {
			t.Fatal(err)
		}
		events = object["delivery_status"]
	}
	out := map[string]string{}
	for name, v := range events[i] {
		out[name] = fmt.Sprintf("%T", v)
	}
	return out
}

func TestDeliverErrors(t *testing.T) {
	t.Parallel()
	srv := start(t)
	m := full()
	m.Flow = deflector.InOrder(deflector.WhatsApp)
	if _, err := srv.Client().Send(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	h := newHook(t, deflector.WithCallbackHeader("X-Hook", "right"))
	for name, err := range map[string]error{
		"nothing accepted":      srv.Deliver(t.Context(), h.URL, "order-43", deflector.WhatsApp),
		"channel not in flow":   srv.Deliver(t.Context(), h.URL, "order-42", deflector.SMS),
		"no WhatsApp click":     srv.Deliver(t.Context(), h.URL, "order-42", deflector.WhatsApp, deflector.StatusClicked),
		"answered 401":          srv.Deliver(t.Context(), h.URL, "order-42", deflector.WhatsApp),
		"nobody listens":        srv.Deliver(t.Context(), "http://127.0.0.1:1/?token=hook-token", "order-42", deflector.WhatsApp),
		"not a URL":             srv.Deliver(t.Context(), "http://\x00hook-token", "order-42", deflector.WhatsApp),
		"forged, answered 401":  srv.Forge(t.Context(), h.URL, "order-42", deflector.WhatsApp),
		"forged, not in flow":   srv.Forge(t.Context(), h.URL, "order-42", deflector.RCS),
		"forged, none accepted": srv.Forge(t.Context(), h.URL, "", deflector.WhatsApp),
	} {
		if err == nil {
			t.Errorf("%s: no error", name)
			continue
		}
		testutil.NoLeak(t, err, phone, "hook-token")
	}
	if len(h.events) != 0 {
		t.Errorf("events %+v", h.events)
	}
}

func TestCallbackHeader(t *testing.T) {
	t.Parallel()
	srv := start(t)
	h := newHook(t, deflector.WithCallbackHeader("X-Hook", "right"))
	if _, err := srv.Client().Send(t.Context(), full()); err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		value  string
		send   func(context.Context, string, string, deflector.Channel, ...deflector.Status) error
		passes bool
	}{
		{"right", srv.Deliver, true}, {"right", srv.Forge, false}, {"wrong", srv.Deliver, false}, {"", srv.Deliver, false},
	} {
		srv.SetCallbackHeader("X-Hook", step.value)
		if err := step.send(t.Context(), h.URL, "order-42", deflector.RCS); (err == nil) != step.passes {
			t.Errorf("%q: %v", step.value, err)
		}
	}
	if len(h.events) != 2 {
		t.Errorf("%d events", len(h.events))
	}
}
