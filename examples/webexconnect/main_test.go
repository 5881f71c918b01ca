package main

import (
	"encoding/json"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/cpaas-go/cpaas/webexconnect/webexconnecttest"
)

// run runs the program in an environment.
func run(t *testing.T, env map[string]string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs strings.Builder
	code = program().Run(t.Context(), args, func(name string) string { return env[name] }, &out, &errs)
	return code, out.String(), errs.String()
}

var v1Names = []string{
	"sms", "sms-smartlink", "sms-full", "sms-binary", "voice-prompt", "voice-flow", "whatsapp-text", "whatsapp-template", "batch",
}

func TestList(t *testing.T) {
	t.Parallel()
	code, stdout, stderr := run(t, nil, "list")
	names := strings.Fields(stdout)
	if code != 0 || stderr != "" || len(names) < len(v1Names) || !slices.Equal(names[:len(v1Names)], v1Names) {
		t.Errorf("exit %d\n%s\n%s", code, stdout, stderr)
	}
}

func server(t *testing.T) (*webexconnecttest.Server, map[string]string) {
	t.Helper()
	srv := webexconnecttest.NewServer()
	t.Cleanup(srv.Close)
	return srv, map[string]string{baseVar: srv.URL, keyVar: webexconnecttest.ServiceKey, appVar: "a_157967534853754560"}
}

// What goes over the wire is the page's, apart from white space and the order
// of members.
func TestOnTheWire(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"sms":               `{"deliverychannel":"sms","channels":{"sms":{"text":"Sending first SMS using imiconnect","senderid":"CONNCT"}},"destination":[{"msisdn":["4490XXXXX009"]}]}`,
		"sms-smartlink":     golden(t, "page_smartlink"),
		"sms-full":          golden(t, "page_all_fields"),
		"sms-binary":        `{"deliverychannel":"sms","channels":{"sms":{"type":"3","body":"48656c6c6f","senderid":"CONNCT"}},"destination":[{"msisdn":["4490XXXXX009"]}]}`,
		"voice-prompt":      `{"deliverychannel":"voice","channels":{"voice":{"promptid":"354"}},"destination":[{"msisdn":["+4490XXXXX009"]}]}`,
		"voice-flow":        `{"deliverychannel":"voice","channels":{"voice":{"callflowid":"184","cli":"0453745878"}},"destination":[{"msisdn":["+4490XXXXX009"]}]}`,
		"whatsapp-text":     `{"deliverychannel":"whatsapp","appid":"a_157967534853754560","channels":{"OTT-Messaging":{"wa":{"type":"text","text":{"body":"Your order is on its way: https://example.com/orders/42","preview_url":true}}}},"destination":[{"waid":["919876543210"]}]}`,
		"whatsapp-template": golden(t, "whatsapp_template"),
		"batch":             golden(t, "batch"),
	} {
		srv, env := server(t)
		code, stdout, stderr := run(t, env, name)
		if code != 0 || len(srv.Requests()) != 1 {
			t.Fatalf("%s: exit %d, %d requests\n%s\n%s", name, code, len(srv.Requests()), stdout, stderr)
		}
		r := srv.Requests()[0]
		if !reflect.DeepEqual(tree(t, string(r.Body)), tree(t, want)) {
			t.Errorf("%s sent %s", name, r.Body)
		}
		if r.Path != "/resources/v1/messaging" || strings.Contains(stdout, "fake of") || strings.Contains(stdout, webexconnecttest.ServiceKey) {
			t.Errorf("%s: %s\n%s", name, r.Path, stdout)
		}
	}
}

func golden(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile("../../webexconnect/testdata/" + name + ".json")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func tree(t *testing.T, s string) any {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(s), &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func TestFake(t *testing.T) {
	t.Parallel()
	for _, name := range v1Names {
		code, stdout, stderr := run(t, nil, name)
		for _, part := range []string{"built-in fake", "> POST /resources/v1/messaging", "> Key: ***", `"TransID": "0facade0-`} {
			if !strings.Contains(stdout, part) {
				t.Errorf("%s does not print %s:\n%s", name, part, stdout)
			}
		}
		if code != 0 || stderr != "" || strings.Contains(stdout, webexconnecttest.ServiceKey) {
			t.Errorf("%s: exit %d\n%s\n%s", name, code, stdout, stderr)
		}
	}
}

func TestRecipient(t *testing.T) {
	t.Parallel()
	for _, name := range v1Names {
		code, stdout, _ := run(t, nil, "-to", "+449123456789", name)
		if code != 0 || !strings.Contains(stdout, `"+449123456789"`) || strings.Contains(stdout, "XXXXX") || strings.Contains(stdout, `"9190000000`) {
			t.Errorf("%s: exit %d\n%s", name, code, stdout)
		}
	}
}

func TestJWT(t *testing.T) {
	t.Parallel()
	srv, env := server(t)
	delete(env, keyVar)
	env[idVar], env[secretVar] = webexconnecttest.ServiceID, webexconnecttest.ServiceSecret
	code, stdout, stderr := run(t, env, "sms")
	if code != 0 || len(srv.Accepted()) != 1 || !strings.Contains(stdout, "> Authorization: ***") || strings.Contains(stdout, "eyJ") {
		t.Errorf("exit %d\n%s\n%s", code, stdout, stderr)
	}
}

func TestMisuse(t *testing.T) {
	t.Parallel()
	const sample = "give -to or CPAAS_TO"
	for name, test := range map[string]struct {
		env  map[string]string
		name string
		want string // on stderr
	}{
		"unknown name":         {nil, "fax", `unknown example "fax"`},
		"no credential":        {map[string]string{baseVar: "https://example.com"}, "sms", "missing: " + keyVar},
		"half a credential":    {map[string]string{baseVar: "https://example.com", idVar: "id"}, "sms", "missing: " + secretVar},
		"no region":            {map[string]string{keyVar: "key-1234"}, "sms", "missing: " + regionVar},
		"unknown region":       {map[string]string{keyVar: "key-1234", regionVar: "mars", "CPAAS_TO": "+1"}, "sms", "region"},
		"no app":               {map[string]string{keyVar: "key-1234", baseVar: "https://example.com"}, "whatsapp-text", "missing: " + appVar},
		"bad URL":              {map[string]string{keyVar: "key-1234", baseVar: "http://example.com"}, "sms", "base URL"},
		"real host":            {map[string]string{keyVar: "key-1234", regionVar: "uk"}, "sms", sample},
		"real host by its URL": {map[string]string{keyVar: "key-1234", baseVar: "https://api.uk.webexconnect.io"}, "sms", sample},
		"older host":           {map[string]string{keyVar: "key-1234", baseVar: "https://api-us.imiconnect.io"}, "sms", sample},
	} {
		code, stdout, stderr := run(t, test.env, test.name)
		if code != 2 || !strings.Contains(stderr, test.want) || strings.Contains(stdout+stderr, "key-1234") || strings.Contains(stdout, ">") {
			t.Errorf("%s: exit %d\n%s\n%s", name, code, stdout, stderr)
		}
	}
}

func TestRefused(t *testing.T) {
	t.Parallel()
	_, env := server(t)
	env[keyVar] = "wrong-key-1234"
	code, stdout, stderr := run(t, env, "sms")
	if code != 1 || !strings.Contains(stdout, "code 7001") || strings.Contains(stdout+stderr, "wrong-key-1234") {
		t.Errorf("exit %d\n%s\n%s", code, stdout, stderr)
	}
}
