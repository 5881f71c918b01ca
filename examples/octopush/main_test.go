package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/cpaas-go/cpaas/octopush"
	"github.com/cpaas-go/cpaas/octopush/octopushtest"
)

func run(t *testing.T, env map[string]string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs strings.Builder
	code = program().Run(t.Context(), args, func(name string) string { return env[name] }, &out, &errs)
	return code, out.String(), errs.String()
}

func TestList(t *testing.T) {
	t.Parallel()
	code, out, _ := run(t, nil, "list")
	if code != 0 || out != "sms\nvoice\nrcs\nemail\nlivechat\ncancel\nbalance\n" {
		t.Errorf("%d %s", code, out)
	}
}

func TestEveryExampleAgainstTheFake(t *testing.T) {
	t.Parallel()
	for _, e := range program().Examples {
		code, out, errs := run(t, nil, e.Name)
		if code != 0 || errs != "" || !strings.Contains(out, "fake") {
			t.Errorf("%s: %d %s%s", e.Name, code, out, errs)
		}
		if strings.Contains(out, octopushtest.APIKey) || strings.Contains(out, octopushtest.Login) {
			t.Errorf("%s prints credentials", e.Name)
		}
	}
}

// TestBodies: what is sent is what the page shows.
func TestBodies(t *testing.T) {
	t.Parallel()
	srv := octopushtest.NewServer()
	defer srv.Close()
	srv.Scheduled(octopush.SMS, ticket)
	env := map[string]string{"OCTOPUSH_BASE_URL": srv.URL, loginVar: octopushtest.Login, keyVar: octopushtest.APIKey}
	for i, name := range []string{"sms", "voice", "rcs", "email", "livechat", "cancel"} {
		if code, out, errs := run(t, env, name); code != 0 || strings.Contains(out, "fake of") {
			t.Fatalf("%s: %d %s%s", name, code, out, errs)
		}
		want, err := os.ReadFile("../../octopush/testdata/" + name + ".json")
		if err != nil {
			t.Fatal(err)
		}
		var w, g any
		if err := json.Unmarshal(want, &w); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(srv.Requests()[i].Body, &g); err != nil || !reflect.DeepEqual(w, g) {
			t.Errorf("%s: %s", name, srv.Requests()[i].Body)
		}
	}
}

func TestRecipient(t *testing.T) {
	t.Parallel()
	srv := octopushtest.NewServer()
	defer srv.Close()
	env := map[string]string{"OCTOPUSH_BASE_URL": srv.URL, loginVar: octopushtest.Login, keyVar: octopushtest.APIKey}
	tests := []struct{ name, to, want string }{
		{"sms", "+33611223344", `[{"phone_number":"+33611223344"}]`},
		{"voice", "+33611223344", `[{"phone_number":"+33611223344"}]`},
		{"rcs", "+33611223344", `[{"phone_number":"+33611223344"}]`},
		{"email", "me@example.com", `[{"email":"me@example.com"}]`},
		{"livechat", "+33611223344", `[{"phone_number":"+33611223344"}]`},
		{"livechat", "me@example.com", `[{"email":"me@example.com"}]`},
		{"livechat", "10000000-0000-0000-0000-000000000001", `[{"conversation_id":"10000000-0000-0000-0000-000000000001"}]`},
	}
	for i, test := range tests {
		if code, out, errs := run(t, env, "-to", test.to, test.name); code != 0 {
			t.Fatalf("%s: %d %s%s", test.name, code, out, errs)
		}
		if body := string(srv.Requests()[i].Body); !strings.Contains(body, test.want) {
			t.Errorf("%s: %s", test.name, body)
		}
	}
}

func TestExitStatuses(t *testing.T) {
	t.Parallel()
	refusing := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusUnauthorized)
	}))
	defer refusing.Close()
	credentials := map[string]string{loginVar: "someone@example.com", keyVar: "k3y-0123456789"}
	elsewhere := map[string]string{loginVar: "someone@example.com", keyVar: "k3y-0123456789", "OCTOPUSH_BASE_URL": refusing.URL}
	byURL := map[string]string{loginVar: "someone@example.com", keyVar: "k3y-0123456789", "OCTOPUSH_BASE_URL": octopush.BaseURL}
	tests := []struct {
		want   int
		env    map[string]string
		args   []string
		stderr string
	}{
		{2, nil, []string{"fax"}, "fax"},
		{2, nil, nil, "usage"},
		{2, map[string]string{loginVar: "someone@example.com"}, []string{"sms"}, keyVar},
		{2, map[string]string{"OCTOPUSH_BASE_URL": refusing.URL}, []string{"sms"}, loginVar},
		{2, credentials, []string{"sms"}, "CPAAS_TO"}, // the page's recipients, at the vendor's own host
		{2, byURL, []string{"livechat"}, "CPAAS_TO"},
		{1, elsewhere, []string{"sms"}, ""},
		{1, elsewhere, []string{"balance"}, ""},
	}
	for _, test := range tests {
		code, out, errs := run(t, test.env, test.args...)
		if code != test.want || !strings.Contains(errs, test.stderr) {
			t.Errorf("%v: %d %s%s", test.args, code, out, errs)
		}
		if strings.Contains(out+errs, "k3y-0123456789") || strings.Contains(out+errs, "someone@") {
			t.Errorf("%v prints credentials: %s%s", test.args, out, errs)
		}
	}
}
