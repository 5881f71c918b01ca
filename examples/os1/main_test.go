package main

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/cpaas-go/cpaas/examples/internal/example"
	"github.com/cpaas-go/cpaas/os1"
	"github.com/cpaas-go/cpaas/os1/os1test"
)

func run(t *testing.T, env map[string]string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs strings.Builder
	getenv := func(name string) string { return env[name] }
	code = program(getenv).Run(t.Context(), args, getenv, &out, &errs)
	return code, out.String(), errs.String()
}

const names = "provider-ses\nprovider-infobip\ntemplate-sms\ntemplate-email\ntemplate-whatsapp\n" +
	"send-sms\nsend-email\nsend-whatsapp\nsend-bulk\ntwo-way\n"

func TestList(t *testing.T) {
	t.Parallel()
	code, out, _ := run(t, nil, "list")
	if code != 0 || out != names {
		t.Errorf("%d %s", code, out)
	}
}

func TestEveryExampleAgainstTheFake(t *testing.T) {
	t.Parallel()
	for name := range strings.FieldsSeq(names) {
		code, out, errs := run(t, map[string]string{pathVar: "/two/way"}, name)
		if code != 0 || errs != "" || !strings.Contains(out, "fake") || !strings.Contains(out, `"RequestID"`) {
			t.Errorf("%s: %d %s%s", name, code, out, errs)
		}
		for _, secret := range append([]string{os1test.AccessToken, os1test.ClientSecret, os1test.ClientID}, sampleSecrets...) {
			if strings.Contains(out, secret) {
				t.Errorf("%s prints %s", name, secret)
			}
		}
		if strings.Contains(out, "is a guess") != (name == "two-way") {
			t.Errorf("%s: %s", name, out)
		}
	}
}

// TestBodies: what is sent is what the page shows.
func TestBodies(t *testing.T) {
	t.Parallel()
	srv := os1test.NewServer(os1test.WithPaths(os1.Paths{TwoWay: guessedPath}))
	defer srv.Close()
	env := map[string]string{baseVar: srv.URL, tenantVar: os1test.TenantID, tokenVar: os1test.AccessToken}
	i := 0
	for name := range strings.FieldsSeq(names) {
		if code, out, errs := run(t, env, name); code != 0 || strings.Contains(out, "fake of") {
			t.Fatalf("%s: %d %s%s", name, code, out, errs)
		}
		want, err := os.ReadFile("../../os1/testdata/" + name + ".json")
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
		i++
	}
}

func TestRecipient(t *testing.T) {
	t.Parallel()
	srv := os1test.NewServer(os1test.WithPaths(os1.Paths{TwoWay: guessedPath}))
	defer srv.Close()
	env := map[string]string{baseVar: srv.URL, tenantVar: os1test.TenantID, tokenVar: os1test.AccessToken}
	for i, test := range []struct {
		name, to, want string
		n              int
	}{
		{"send-sms", "+919800000001", `"to":[{"countryCode":"91","number":"9800000001"}]`, 1},
		{"send-whatsapp", "+919800000001", `"to":[{"countryCode":"+91","number":"9800000001"}]`, 2},
		{"two-way", "+919800000001", `"to":{"countryCode":"91","number":"9800000001"}`, 1},
		{"send-email", "me@example.com", `"to":["me@example.com"]`, 1},
		{"send-bulk", "me@example.com", `"to":["me@example.com"]`, 3},
	} {
		if code, out, errs := run(t, env, "-to", test.to, test.name); code != 0 {
			t.Fatalf("%s: %d %s%s", test.name, code, out, errs)
		}
		if body := string(srv.Requests()[i].Body); strings.Count(body, test.want) != test.n || strings.Count(body, `"to":`) != test.n {
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
	const secret = "s3cret-0123456789"
	with := func(more ...string) map[string]string {
		env := map[string]string{tenantVar: "acme-tenant", idVar: "acme-client", secretVar: secret}
		for i := 0; i < len(more); i += 2 {
			env[more[i]] = more[i+1]
		}
		return env
	}
	for _, test := range []struct {
		want   int
		env    map[string]string
		args   []string
		stderr string
	}{
		{2, nil, []string{"fax"}, "fax"},
		{2, nil, nil, "usage"},
		{2, map[string]string{tenantVar: "acme-tenant", idVar: "acme-client"}, []string{"send-sms"}, secretVar},
		{2, map[string]string{tokenVar: secret}, []string{"send-sms"}, tenantVar},
		{2, map[string]string{baseVar: refusing.URL}, []string{"send-sms"}, tokenVar},
		{2, with(), []string{"-to", "+919800000001", "send-sms"}, baseVar},
		{2, with(baseVar, "https://acme.getos1.com"), []string{"send-sms"}, "CPAAS_TO"}, // the page's recipients, at the vendor's own host
		{2, with(baseVar, "https://acme.getos1.com"), []string{"provider-ses"}, "sample credentials"},
		{2, with(baseVar, "nowhere"), []string{"-to", "+919800000001", "send-sms"}, "base URL"},
		{2, with(baseVar, "nowhere"), []string{"provider-ses"}, "base URL"},
		{2, with(baseVar, "nowhere"), []string{"template-sms"}, "base URL"},
		{2, with(baseVar, "nowhere"), []string{"two-way"}, "base URL"},
		{2, with(baseVar, refusing.URL), []string{"-to", "me@example.com", "send-sms"}, "phone"},
		{2, with(baseVar, refusing.URL), []string{"-to", "me@example.com", "send-whatsapp"}, "phone"},
		{2, with(baseVar, refusing.URL), []string{"-to", "me@example.com", "two-way"}, "phone"},
		{2, with(baseVar, refusing.URL), []string{"-to", "+919800000001", "send-email"}, "address"},
		{2, with(baseVar, refusing.URL), []string{"-to", "+919800000001", "send-bulk"}, "address"},
		{2, with(baseVar, refusing.URL, pathVar, "no path"), []string{"two-way"}, "TwoWay"},
		{1, with(baseVar, refusing.URL), []string{"send-sms"}, ""},
		{1, with(baseVar, refusing.URL), []string{"provider-infobip"}, ""},
	} {
		code, out, errs := run(t, test.env, test.args...)
		if code != test.want || !strings.Contains(errs, test.stderr) {
			t.Errorf("%v: %d %s%s", test.args, code, out, errs)
		}
		if strings.Contains(out+errs, secret) || strings.Contains(out, "fake of") {
			t.Errorf("%v: %s%s", test.args, out, errs)
		}
	}
}

// TestCallbackOfTheRealService: the page's callback address is not given to
// it, one of the user's is.
func TestCallbackOfTheRealService(t *testing.T) {
	t.Parallel()
	for env, want := range map[string]string{"": "", "https://example.com/os1": "https://example.com/os1"} {
		var body []byte
		rt := roundTrip(func(r *http.Request) (*http.Response, error) {
			body, _ = io.ReadAll(r.Body)
			return nil, errors.New("nobody is called")
		})
		values := map[string]string{tenantVar: "acme", tokenVar: "0123456789abcdef", callbackVar: env}
		s := example.Session{
			BaseURL: "https://acme.getos1.com", HTTP: &http.Client{Transport: rt}, To: "+919800000001", Real: true,
			Getenv: func(name string) string { return values[name] },
		}
		if _, err := send(sms)(t.Context(), s); err == nil {
			t.Error("no error")
		}
		if strings.Contains(string(body), "webhook.site") || (want != "") != strings.Contains(string(body), `"url":"`+want+`"`) || len(body) == 0 {
			t.Errorf("%q: %s", env, body)
		}
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
