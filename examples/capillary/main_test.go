package main

import (
	"encoding/json"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/cpaas-go/cpaas/capillary"
	"github.com/cpaas-go/cpaas/capillary/capillarytest"
)

var names = []string{
	"sms-json", "email-json", "whatsapp-json", "zalo-json", "sms-xml", "email-xml", "whatsapp-xml", "zalo-xml",
}

// run runs the program in an environment.
func run(t *testing.T, env map[string]string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs strings.Builder
	code = program.Run(t.Context(), args, func(name string) string { return env[name] }, &out, &errs)
	return code, out.String(), errs.String()
}

func TestList(t *testing.T) {
	t.Parallel()
	code, stdout, stderr := run(t, nil, "list")
	if code != 0 || stdout != strings.Join(names, "\n")+"\n" || stderr != "" {
		t.Errorf("exit %d\n%s\n%s", code, stdout, stderr)
	}
}

var betweenElements = regexp.MustCompile(`>\s+<`)

// What goes over the wire is the page's, apart from white space and the order
// of members, with either kind of credentials.
func TestOnTheWire(t *testing.T) {
	t.Parallel()
	for _, name := range names {
		for _, credentials := range []map[string]string{
			{keyVar: capillarytest.Key, secretVar: capillarytest.Secret},
			{tillVar: capillarytest.Till, passwordVar: capillarytest.Password},
		} {
			srv := capillarytest.NewServer()
			t.Cleanup(srv.Close)
			credentials["CAPILLARY_BASE_URL"] = srv.URL
			code, stdout, stderr := run(t, credentials, name)
			requests := srv.Requests()
			if code != 0 || len(requests) == 0 {
				t.Fatalf("%s: exit %d, %d requests\n%s\n%s", name, code, len(requests), stdout, stderr)
			}
			channel, encoding, _ := strings.Cut(name, "-")
			page, err := os.ReadFile("../../capillary/testdata/request-" + channel + "." + encoding)
			if err != nil {
				t.Fatal(err)
			}
			r := requests[len(requests)-1]
			if encoding == "xml" {
				if want := strings.TrimSpace(betweenElements.ReplaceAllString(string(page), "><")); string(r.Body) != want {
					t.Errorf("%s sent %s", name, r.Body)
				}
			} else if got, want := tree(t, r.Body), tree(t, page); !reflect.DeepEqual(got, want) {
				t.Errorf("%s sent %s", name, r.Body)
			}
			if r.Path != "/v1.1/communications/sendMessage" || r.Query != "channel="+channel {
				t.Errorf("%s sent to %s?%s", name, r.Path, r.Query)
			}
			for _, secret := range []string{capillarytest.Secret, capillarytest.Password, "fake-capillary-token", "Basic "} {
				if strings.Contains(stdout+stderr, secret) {
					t.Errorf("%s prints %q:\n%s", name, secret, stdout)
				}
			}
			if strings.Contains(stdout, "built-in fake") {
				t.Errorf("%s claims to run against the fake", name)
			}
		}
	}
}

func tree(t *testing.T, b []byte) any {
	t.Helper()
	var v any
	if err := json.Unmarshal(b, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func TestFake(t *testing.T) {
	t.Parallel()
	for _, name := range names {
		code, stdout, stderr := run(t, nil, name)
		for _, part := range []string{"built-in fake", "> POST /v1.1/communications/sendMessage?channel=", "> X-Cap-Api-Oauth-Token: ***", `"Message": "Success"`} {
			if !strings.Contains(stdout, part) {
				t.Errorf("%s does not print %s:\n%s", name, part, stdout)
			}
		}
		if code != 0 || stderr != "" || strings.Contains(stdout, capillarytest.Secret) {
			t.Errorf("%s: exit %d\n%s\n%s", name, code, stdout, stderr)
		}
	}
	_, stdout, _ := run(t, nil, "sms-xml")
	if !strings.Contains(stdout, `"ID": "1706734307814"`) || !strings.Contains(stdout, `"Status": "Queued"`) {
		t.Errorf("no id in\n%s", stdout)
	}
}

func TestRecipient(t *testing.T) {
	t.Parallel()
	for _, name := range names {
		to, want := "+919812345678", "919812345678"
		if strings.HasPrefix(name, "email") {
			to, want = "asha@example.com", "asha@example.com"
		}
		for _, test := range []struct {
			env  map[string]string
			args []string
		}{
			{nil, []string{"-to", to, name}},
			{map[string]string{"CPAAS_TO": to}, []string{name}},
		} {
			code, stdout, _ := run(t, test.env, test.args...)
			if code != 0 || !strings.Contains(stdout, want) || strings.Contains(stdout, "919591471711") || strings.Contains(stdout, "8971345617") {
				t.Errorf("%s: exit %d\n%s", name, code, stdout)
			}
		}
	}
}

func TestMisuse(t *testing.T) {
	t.Parallel()
	const sample = "give -to or CPAAS_TO"
	oauth := func(more ...string) map[string]string {
		env := map[string]string{keyVar: "key-1234", secretVar: "secret-1234"}
		for i := 0; i+1 < len(more); i += 2 {
			env[more[i]] = more[i+1]
		}
		return env
	}
	for name, test := range map[string]struct {
		env  map[string]string
		args []string
		want string // on stderr
	}{
		"no name":      {nil, nil, "usage:"},
		"unknown name": {nil, []string{"rcs-json"}, `unknown example "rcs-json"`},
		"no credentials": {
			map[string]string{"CAPILLARY_BASE_URL": "https://example.com"},
			[]string{"sms-json"},
			"missing: CAPILLARY_KEY and CAPILLARY_SECRET, or CAPILLARY_TILL and CAPILLARY_PASSWORD",
		},
		"no secret":   {map[string]string{keyVar: "key-1234"}, []string{"sms-json"}, "missing: CAPILLARY_SECRET"},
		"no password": {map[string]string{tillVar: "till"}, []string{"sms-json"}, "missing: CAPILLARY_PASSWORD"},
		"a whole and a half": {
			map[string]string{tillVar: "till", passwordVar: "password-1234", secretVar: "secret-1234", "CAPILLARY_BASE_URL": "https://example.com"},
			[]string{"sms-json"},
			"missing: CAPILLARY_KEY",
		},
		"no base URL": {oauth(), []string{"-to", "919812345678", "sms-json"}, "missing: CAPILLARY_BASE_URL"},
		"bad URL":     {oauth("CAPILLARY_BASE_URL", "http://example.com"), []string{"sms-json"}, "base URL"},
		"real host":   {oauth("CAPILLARY_BASE_URL", capillary.Europe), []string{"sms-json"}, sample},
		"other real":  {oauth("CAPILLARY_BASE_URL", "https://apac2.api.capillarytech.com:443/"), []string{"email-xml"}, sample},
	} {
		code, stdout, stderr := run(t, test.env, test.args...)
		if code != 2 || !strings.Contains(stderr, test.want) || strings.Contains(stdout+stderr, "-1234") || strings.Contains(stdout, ">") {
			t.Errorf("%s: exit %d\n%s\n%s", name, code, stdout, stderr)
		}
	}
}

func TestRefused(t *testing.T) {
	t.Parallel()
	srv := capillarytest.NewServer()
	defer srv.Close()
	env := map[string]string{"CAPILLARY_BASE_URL": srv.URL, keyVar: "key-1234", secretVar: "secret-1234"}
	code, stdout, stderr := run(t, env, "sms-json")
	if code != 1 || !strings.Contains(stdout, "< capillary: SendSMS: unauthorized") || strings.Contains(stdout+stderr, "-1234") {
		t.Errorf("exit %d\n%s\n%s", code, stdout, stderr)
	}
}
