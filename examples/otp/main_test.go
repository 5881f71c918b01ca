package main

import (
	"regexp"
	"strings"
	"testing"

	"github.com/cpaas-go/cpaas/deflector"
	"github.com/cpaas-go/cpaas/deflector/deflectortest"
)

// program runs the program in an environment.
func program(t *testing.T, env map[string]string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs strings.Builder
	code = run(t.Context(), args, func(name string) string { return env[name] }, &out, &errs)
	return code, out.String(), errs.String()
}

func TestWithoutArguments(t *testing.T) {
	t.Parallel()
	code, stdout, stderr := program(t, nil)
	if code != 0 || stderr != "" {
		t.Fatalf("exit %d\n%s\n%s", code, stdout, stderr)
	}
	for _, want := range []string{"fake", `accepted on sms by deflector`, `rcs .*failed`, `whatsapp .*failed`, `sms .*accepted`} {
		if !regexp.MustCompile(want).MatchString(stdout) {
			t.Errorf("no %q in\n%s", want, stdout)
		}
	}
}

// The same code is on every channel.
func TestSameCode(t *testing.T) {
	t.Parallel()
	srv := deflectortest.NewServer()
	t.Cleanup(srv.Close)
	srv.RefuseChannel(deflector.RCS, 400, deflector.CodeNoWhatsAppContact)
	srv.RefuseChannel(deflector.WhatsApp, 400, deflector.CodeNotOptedIn)
	env := map[string]string{"DEFLECTOR_API_KEY": deflectortest.APIKey, "DEFLECTOR_BASE_URL": srv.URL, "DEFLECTOR_SENDER": "ACMEIN"}
	code, stdout, stderr := program(t, env, "-to", "+919812345678")
	if code != 0 || len(srv.Requests()) != 3 || len(srv.Accepted()) != 1 {
		t.Fatalf("exit %d, %d requests\n%s\n%s", code, len(srv.Requests()), stdout, stderr)
	}
	sms := srv.Accepted()[0].SMS.Text
	secret, _, _ := strings.Cut(sms, " ")
	if len(secret) != 6 {
		t.Fatalf("the text is %q", sms)
	}
	for i, r := range srv.Requests() {
		if !strings.Contains(string(r.Body), `"`+secret) {
			t.Errorf("request %d has another code: %s", i+1, r.Body)
		}
	}
	if strings.Contains(stdout+stderr, secret) || strings.Contains(stdout+stderr, "9812345678") {
		t.Errorf("prints the code or the number\n%s", stdout)
	}
}

func TestMisuse(t *testing.T) {
	t.Parallel()
	key := map[string]string{"DEFLECTOR_API_KEY": "key-12345"}
	for want, test := range map[string]struct {
		env  map[string]string
		args []string
		code int
	}{
		"not defined":               {nil, []string{"-nonsense"}, 2},
		"missing: -to":              {key, nil, 2},
		"missing: DEFLECTOR_SENDER": {key, []string{"-to", "+919812345678"}, 2},
		"DEFLECTOR_API_KEY":         {map[string]string{"DEFLECTOR_BASE_URL": "http://127.0.0.1:1"}, nil, 2},
		"deadline":                  {nil, []string{"-valid", "-1s"}, 1},
	} {
		code, stdout, stderr := program(t, test.env, test.args...)
		if code != test.code || !strings.Contains(stderr, want) {
			t.Errorf("%v: exit %d\n%s\n%s", test.args, code, stdout, stderr)
		}
	}
}
