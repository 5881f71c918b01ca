package deflector_test

import (
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/cpaas-go/cpaas/deflector"
	"github.com/cpaas-go/cpaas/internal/testutil"
)

func TestSendGolden(t *testing.T) {
	t.Parallel()
	simultaneous := pageMessage()
	simultaneous.Flow = deflector.AtOnce(deflector.RCS, deflector.WhatsApp, deflector.SMS)
	for name, message := range map[string]deflector.Message{"sequential": pageMessage(), "simultaneous": simultaneous} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := accepting()
			res, err := server.client(t).Send(t.Context(), message)
			if err != nil {
				t.Fatal(err)
			}
			testutil.JSONEqual(t, testutil.Golden(t, name+".json"), server.bodies[0])
			if res.MessageID != "ack-1" || res.Attempts != 1 || string(res.Raw) != `{"messageId":"ack-1"}` {
				t.Errorf("response %+v", res)
			}
			r := server.requests[0]
			if r.Method != http.MethodPost || r.URL.String() != deflector.BaseURL+"/messages/send" {
				t.Errorf("%s %s", r.Method, r.URL)
			}
			if got := r.Header.Get("Content-Type"); got != "application/json" {
				t.Errorf("Content-Type %q", got)
			}
			for _, forbidden := range []string{"Idempotency-Key", "X-Idempotency-Key"} { // net/http would repeat the POST by itself
				if r.Header.Get(forbidden) != "" {
					t.Errorf("%s is set", forbidden)
				}
			}
		})
	}
}

// The bytes matter where decoders are lenient: the letter case of names, and
// characters that encoding/json would escape.
func TestSendBytes(t *testing.T) {
	t.Parallel()
	server := accepting()
	message := pageMessage()
	message.SMS.Text = `5 < 6 & "7" > é`
	if _, err := server.client(t).Send(t.Context(), message); err != nil {
		t.Fatal(err)
	}
	const want = `[{"to":[{"phoneNumber":"917499081814"}],"callbackData":"7890986","tags":["welcome"],` +
		`"whatsapp":{"message":[{"x-apiheader":"xpi-12345-7319798","message_type":"template","recipient_type":"individual",` +
		`"type_template":[{"name":"new_client_welcome","attributes":["https://www.netcorecloud.com/"],` +
		`"language":{"locale":"en","policy":"deterministic"}}]}]},` +
		`"rcs":{"content":{"type":"template","templateCode":"Verification_temp","attributes":{"FIRSTNAME":"Akash"}}},` +
		`"sms":{"From":"NETCRE","Text":"5 < 6 & \"7\" > é"},` +
		`"flow":[[{"channel":"RCS"}],[{"channel":"WhatsApp"}],[{"channel":"SMS"}]]}]`
	if got := string(server.bodies[0]); got != want {
		t.Errorf("body\n got %s\nwant %s", got, want)
	}
}

func TestSendShapes(t *testing.T) {
	t.Parallel()
	rcs := &deflector.RCSTemplate{Code: "plain_hello"}
	for name, test := range map[string]struct {
		messages []deflector.Message
		want     string
	}{
		"least": {
			[]deflector.Message{smsTo(testPhone)},
			`[{"to":[{"phoneNumber":"919812345678"}],"sms":{"From":"ACMEIN","Text":"4821 is your Acme code."},"flow":[[{"channel":"SMS"}]]}]`,
		},
		"no attributes, mixed flow": {
			[]deflector.Message{{
				To: []string{testPhone}, RCS: rcs, WhatsApp: deflector.OnWhatsApp("ref-1", deflector.WhatsAppTemplate{Name: "hello", Locale: "en"}),
				SMS: &deflector.SMSText{From: "A", Text: "B"}, Flow: deflector.Flow{{deflector.RCS, deflector.WhatsApp}, {deflector.SMS}},
			}},
			`[{"to":[{"phoneNumber":"919812345678"}],"whatsapp":{"message":[{"x-apiheader":"ref-1","message_type":"template",
			"recipient_type":"individual","type_template":[{"name":"hello","attributes":[],"language":{"locale":"en","policy":"deterministic"}}]}]},
			"rcs":{"content":{"type":"template","templateCode":"plain_hello","attributes":{}}},"sms":{"From":"A","Text":"B"},
			"flow":[[{"channel":"RCS"},{"channel":"WhatsApp"}],[{"channel":"SMS"}]]}]`,
		},
		"several of everything": {
			[]deflector.Message{
				{
					To: []string{testPhone, "4479460000000"}, Tags: []string{"a", ""},
					WhatsApp: []deflector.WhatsAppMessage{
						{APIHeader: "1", Type: "template", RecipientType: "individual", Templates: []deflector.WhatsAppTemplate{
							{Name: "x", Locale: "hi", Policy: "fallback", Attributes: []string{"", "b"}}, {Name: "y", Locale: "en", Attributes: []string{}},
						}},
						{APIHeader: "2", Templates: []deflector.WhatsAppTemplate{{Name: "z", Locale: "en"}}},
					},
					RCS:  &deflector.RCSTemplate{Code: "unused", Type: "template", Attributes: map[string]string{"K": ""}},
					Flow: deflector.InOrder(deflector.WhatsApp),
				},
				smsTo(testPhone),
			},
			`[{"to":[{"phoneNumber":"919812345678"},{"phoneNumber":"4479460000000"}],"tags":["a",""],"whatsapp":{"message":[
			{"x-apiheader":"1","message_type":"template","recipient_type":"individual","type_template":[
			{"name":"x","attributes":["","b"],"language":{"locale":"hi","policy":"fallback"}},
			{"name":"y","attributes":[],"language":{"locale":"en","policy":"deterministic"}}]},
			{"x-apiheader":"2","message_type":"template","recipient_type":"individual","type_template":[
			{"name":"z","attributes":[],"language":{"locale":"en","policy":"deterministic"}}]}]},
			"rcs":{"content":{"type":"template","templateCode":"unused","attributes":{"K":""}}},"flow":[[{"channel":"WhatsApp"}]]},
			{"to":[{"phoneNumber":"919812345678"}],"sms":{"From":"ACMEIN","Text":"4821 is your Acme code."},"flow":[[{"channel":"SMS"}]]}]`,
		},
		"members that the package does not know": {
			[]deflector.Message{{
				To: []string{testPhone}, Flow: deflector.InOrder(deflector.WhatsApp),
				WhatsApp: []deflector.WhatsAppMessage{{
					APIHeader: "1", Templates: []deflector.WhatsAppTemplate{{Name: "x", Locale: "en"}},
					Extra: map[string]json.RawMessage{"cta_link_track": json.RawMessage(`"1"`)},
				}},
				Extra: map[string]json.RawMessage{"ttl": json.RawMessage(`{"days": 1}`), "callbackData": json.RawMessage(`""`)},
			}},
			`[{"to":[{"phoneNumber":"919812345678"}],"whatsapp":{"message":[{"x-apiheader":"1","message_type":"template","recipient_type":"individual",
			"type_template":[{"name":"x","attributes":[],"language":{"locale":"en","policy":"deterministic"}}],"cta_link_track":"1"}]},
			"flow":[[{"channel":"WhatsApp"}]],"callbackData":"","ttl":{"days":1}}]`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			before := asJSON(t, test.messages)
			server := accepting()
			if _, err := server.client(t).Send(t.Context(), test.messages...); err != nil {
				t.Fatal(err)
			}
			testutil.JSONEqual(t, []byte(test.want), server.bodies[0])
			if after := asJSON(t, test.messages); after != before {
				t.Errorf("Send changed its arguments\n%s\n%s", before, after)
			}
		})
	}
}

func asJSON(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestFlows(t *testing.T) {
	t.Parallel()
	channels := []deflector.Channel{deflector.RCS, deflector.SMS}
	inOrder, atOnce := deflector.InOrder(channels...), deflector.AtOnce(channels...)
	channels[0] = deflector.WhatsApp
	if want := (deflector.Flow{{deflector.RCS}, {deflector.SMS}}); !reflect.DeepEqual(inOrder, want) {
		t.Errorf("InOrder %v", inOrder)
	}
	if want := (deflector.Flow{{deflector.RCS, deflector.SMS}}); !reflect.DeepEqual(atOnce, want) {
		t.Errorf("AtOnce %v", atOnce)
	}
	inOrder[0] = append(inOrder[0], deflector.WhatsApp)
	if inOrder[1][0] != deflector.SMS {
		t.Error("stages share memory")
	}
}

// Every refusal, by its path.
func TestValidate(t *testing.T) {
	t.Parallel()
	type message = deflector.Message
	const (
		wa  = "[0].whatsapp.message[0]"
		tpl = wa + ".type_template[0]"
		bad = "\xff"
	)
	for name, test := range map[string]struct {
		change    func(*message)
		paths     []string
		relaxable bool
		recipient bool // nothing but a recipient's address is wrong
	}{
		"nobody":             {change: func(m *message) { m.To = nil }, paths: []string{"[0].to"}},
		"no number":          {change: func(m *message) { m.To = []string{""} }, paths: []string{"[0].to[0].phoneNumber"}, recipient: true},
		"plus":               {change: func(m *message) { m.To = []string{"+" + testPhone} }, paths: []string{"[0].to[0].phoneNumber"}, recipient: true},
		"letters":            {change: func(m *message) { m.To = []string{"91981234567x"} }, paths: []string{"[0].to[0].phoneNumber"}, recipient: true},
		"spaces":             {change: func(m *message) { m.To = []string{"91 9812345678"} }, paths: []string{"[0].to[0].phoneNumber"}, recipient: true},
		"other digits":       {change: func(m *message) { m.To = []string{"९१९८१२३४५६७८"} }, paths: []string{"[0].to[0].phoneNumber"}, recipient: true},
		"9 digits":           {change: func(m *message) { m.To = []string{"919812345"} }, paths: []string{"[0].to[0].phoneNumber"}, relaxable: true, recipient: true},
		"16 digits":          {change: func(m *message) { m.To = []string{"9198123456789012"} }, paths: []string{"[0].to[0].phoneNumber"}, relaxable: true, recipient: true},
		"leading 0":          {change: func(m *message) { m.To = []string{"00919812345678"} }, paths: []string{"[0].to[0].phoneNumber"}, relaxable: true, recipient: true},
		"second number":      {change: func(m *message) { m.To = append(m.To, "x") }, paths: []string{"[0].to[1].phoneNumber"}, recipient: true},
		"callbackData":       {change: func(m *message) { m.CallbackData = bad }, paths: []string{"[0].callbackData"}},
		"tag":                {change: func(m *message) { m.Tags = []string{"a", bad} }, paths: []string{"[0].tags[1]"}},
		"no x-apiheader":     {change: func(m *message) { m.WhatsApp[0].APIHeader = "" }, paths: []string{wa + ".x-apiheader"}},
		"x-apiheader":        {change: func(m *message) { m.WhatsApp[0].APIHeader = bad }, paths: []string{wa + ".x-apiheader"}},
		"message_type":       {change: func(m *message) { m.WhatsApp[0].Type = "text" }, paths: []string{wa + ".message_type"}},
		"recipient_type":     {change: func(m *message) { m.WhatsApp[0].RecipientType = "group" }, paths: []string{wa + ".recipient_type"}},
		"no template":        {change: func(m *message) { m.WhatsApp[0].Templates = nil }, paths: []string{wa + ".type_template"}},
		"no name":            {change: func(m *message) { m.WhatsApp[0].Templates[0].Name = "" }, paths: []string{tpl + ".name"}},
		"name":               {change: func(m *message) { m.WhatsApp[0].Templates[0].Name = bad }, paths: []string{tpl + ".name"}},
		"no locale":          {change: func(m *message) { m.WhatsApp[0].Templates[0].Locale = "" }, paths: []string{tpl + ".language.locale"}},
		"policy":             {change: func(m *message) { m.WhatsApp[0].Templates[0].Policy = bad }, paths: []string{tpl + ".language.policy"}},
		"WhatsApp attribute": {change: func(m *message) { m.WhatsApp[0].Templates[0].Attributes = []string{"a", bad} }, paths: []string{tpl + ".attributes[1]"}},
		"rcs type":           {change: func(m *message) { m.RCS.Type = "text" }, paths: []string{"[0].rcs.content.type"}},
		"no templateCode":    {change: func(m *message) { m.RCS.Code = "" }, paths: []string{"[0].rcs.content.templateCode"}},
		"templateCode":       {change: func(m *message) { m.RCS.Code = bad }, paths: []string{"[0].rcs.content.templateCode"}},
		"rcs attribute":      {change: func(m *message) { m.RCS.Attributes["K"] = bad }, paths: []string{"[0].rcs.content.attributes"}},
		"rcs attribute name": {change: func(m *message) { m.RCS.Attributes[bad] = "v" }, paths: []string{"[0].rcs.content.attributes"}},
		"no From":            {change: func(m *message) { m.SMS.From = "" }, paths: []string{"[0].sms.From"}},
		"no Text":            {change: func(m *message) { m.SMS.Text = "" }, paths: []string{"[0].sms.Text"}},
		"Text":               {change: func(m *message) { m.SMS.Text = bad }, paths: []string{"[0].sms.Text"}},
		"no flow":            {change: func(m *message) { m.Flow = nil }, paths: []string{"[0].flow"}},
		"empty flow":         {change: func(m *message) { m.Flow = deflector.InOrder() }, paths: []string{"[0].flow"}},
		"empty stage":        {change: func(m *message) { m.Flow = deflector.AtOnce() }, paths: []string{"[0].flow[0]"}},
		"second stage empty": {change: func(m *message) { m.Flow[1] = nil }, paths: []string{"[0].flow[1]"}},
		"channel":            {change: func(m *message) { m.Flow[0][0] = "Email" }, paths: []string{"[0].flow[0][0].channel"}},
		"channel's case":     {change: func(m *message) { m.Flow[1][0] = "Whatsapp" }, paths: []string{"[0].flow[1][0].channel"}},
		"no channel":         {change: func(m *message) { m.Flow[2][0] = "" }, paths: []string{"[0].flow[2][0].channel"}},
		"no rcs":             {change: func(m *message) { m.RCS = nil }, paths: []string{"[0].rcs"}},
		"no whatsapp":        {change: func(m *message) { m.WhatsApp = nil }, paths: []string{"[0].whatsapp"}},
		"no sms":             {change: func(m *message) { m.SMS = nil }, paths: []string{"[0].sms"}},
		"not in flow": {
			change: func(m *message) {
				m.Flow, m.RCS.Code, m.WhatsApp[0].APIHeader = deflector.InOrder(deflector.SMS), "", ""
			},
			paths: []string{"[0].rcs.content.templateCode", wa + ".x-apiheader"},
		},
		"extra is no JSON": {change: func(m *message) { m.Extra = map[string]json.RawMessage{"x": json.RawMessage(`{`)} }, paths: []string{"[0]"}},
		"extra is set":     {change: func(m *message) { m.Extra = map[string]json.RawMessage{"flow": json.RawMessage(`[]`)} }, paths: []string{"[0].flow"}},
		"extra of WhatsApp": {
			change: func(m *message) {
				m.WhatsApp[0].Extra = map[string]json.RawMessage{"x-apiheader": json.RawMessage(`""`), "%d": nil}
			},
			paths: []string{wa, wa + ".x-apiheader"},
		},
		"all at once": {
			change: func(m *message) { *m = message{To: []string{"+1"}, SMS: &deflector.SMSText{}} },
			paths:  []string{"[0].flow", "[0].sms.From", "[0].sms.Text", "[0].to[0].phoneNumber"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := pageMessage()
			test.change(&m)
			server := accepting()
			_, err := server.client(t).Send(t.Context(), m)
			want := deflector.ErrInvalidRequest
			if test.recipient {
				want = deflector.ErrInvalidRecipient
			}
			checkInvalid(t, err, want, test.paths)
			checkInvalid(t, m.Validate(), want, test.paths)
			if len(server.requests) != 0 {
				t.Error("a request was made")
			}
			for _, value := range m.To {
				if len(value) > 6 {
					testutil.NoLeak(t, err, value, testKey)
				}
			}

			_, err = server.client(t, deflector.WithRelaxedValidation()).Send(t.Context(), m)
			if relaxed := err == nil; relaxed != test.relaxable {
				t.Errorf("relaxed: %v", err)
			}
		})
	}
}

func checkInvalid(t *testing.T, err, want error, paths []string) {
	t.Helper()
	e, ok := errors.AsType[*deflector.Error](err)
	if !ok {
		t.Fatalf("%T %v", err, err)
	}
	if !errors.Is(err, want) || e.Op != "Send" || e.Attempts != 0 || e.StatusCode != 0 || e.RawBody() != nil {
		t.Errorf("error %#v, want %v", err, want)
	}
	got := map[string]bool{}
	for _, f := range e.Fields {
		got[f.Path] = true
		if f.Message == "" || !strings.Contains(err.Error(), f.Path+" "+f.Message) {
			t.Errorf("%q is not in %v", f, err)
		}
	}
	if g := slices.Sorted(maps.Keys(got)); !slices.Equal(g, slices.Sorted(slices.Values(paths))) {
		t.Errorf("paths %q, want %q", g, paths)
	}
}

func TestSendNothing(t *testing.T) {
	t.Parallel()
	server := accepting()
	res, err := server.client(t).Send(t.Context())
	if !errors.Is(err, deflector.ErrInvalidRequest) || res != nil || len(server.requests) != 0 {
		t.Errorf("%v, %v, %d requests", res, err, len(server.requests))
	}
}

func TestSendSecondMessageWrong(t *testing.T) {
	t.Parallel()
	_, err := accepting().client(t).Send(t.Context(), smsTo(testPhone), smsTo())
	checkInvalid(t, err, deflector.ErrInvalidRequest, []string{"[1].to"})
}

func TestPageMessagePasses(t *testing.T) {
	t.Parallel()
	if err := pageMessage().Validate(); err != nil {
		t.Error(err)
	}
}
