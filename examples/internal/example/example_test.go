package example

import (
	"context"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// program is a program of an imaginary provider, whose one example posts its
// recipient with a token that no variable holds.
func program(fakeURL string) Program {
	post := func(ctx context.Context, s Session) (any, error) {
		to := s.To
		if to == "" {
			to = "sample"
		}
		body := `{"to":"` + to + `","key":"` + s.Getenv("ACME_KEY") + `"}`
		r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.BaseURL+"/send?key="+s.Getenv("ACME_KEY"), strings.NewReader(body))
		if err != nil {
			return nil, Misuse("bad URL")
		}
		r.Header.Set("X-Token", "token-of-the-day")
		r.Header.Set("Authorization", "Bearer token-of-the-day")
		resp, err := s.HTTP.Do(r)
		if err != nil {
			return nil, err
		}
		defer resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			return nil, errors.New("refused")
		}
		answer, err := io.ReadAll(resp.Body)
		return map[string]string{"Answer": string(answer)}, err
	}
	return Program{
		Provider:      "acme",
		Credentials:   [][]string{{"ACME_KEY", "ACME_SECRET"}, {"ACME_TOKEN"}},
		SecretHeaders: []string{"x-token"},
		RealHosts:     []string{"acme.example"},
		Fake: func() (string, map[string]string, func()) {
			return fakeURL, map[string]string{"ACME_KEY": "fake-key"}, func() {}
		},
		Examples: []Example{{Name: "send", Run: post}, {Name: "ping", Run: post, NoRecipient: true}},
	}
}

func server(t *testing.T, status int) string {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		w.WriteHeader(status)
		io.WriteString(w, "got "+strings.NewReplacer("fake-key", "K", "env-key", "K").Replace(string(body))) //nolint:errcheck // the client would see it
	}))
	t.Cleanup(srv.Close)
	return srv.URL
}

func run(t *testing.T, p Program, env map[string]string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs strings.Builder
	code = p.Run(t.Context(), args, func(name string) string { return env[name] }, &out, &errs)
	return code, out.String(), errs.String()
}

func TestRun(t *testing.T) {
	t.Parallel()
	ok, refusing := server(t, http.StatusOK), server(t, http.StatusTeapot)
	credentials := map[string]string{"ACME_KEY": "env-key", "ACME_SECRET": "env-secret"}
	with := func(more ...string) map[string]string {
		env := map[string]string{}
		maps.Copy(env, credentials)
		for i := 0; i < len(more); i += 2 {
			env[more[i]] = more[i+1]
		}
		return env
	}
	for name, test := range map[string]struct {
		env  map[string]string
		args []string
		code int
		want string // on stdout if the code is 0 or 1, else on stderr
	}{
		"list":                       {nil, []string{"list"}, 0, "send\nping\n"},
		"help":                       {nil, []string{"-h"}, 0, ""},
		"help behind":                {nil, []string{"send", "-h"}, 0, ""},
		"nothing":                    {nil, nil, 2, "usage: acme [-to recipient] list | send | ping"},
		"too much":                   {nil, []string{"send", "ping"}, 2, "usage:"},
		"unknown":                    {nil, []string{"sned"}, 2, `unknown example "sned"`},
		"unknown flag":               {nil, []string{"-frm", "x", "send"}, 2, "-frm"},
		"fake":                       {nil, []string{"send"}, 0, "runs against the built-in fake of acme"},
		"fake's result":              {nil, []string{"send"}, 0, `"Answer": "got {\"to\":\"sample\",\"key\":\"K\"}"`},
		"fake and -to":               {nil, []string{"send", "-to", "me"}, 0, `"to": "me"`},
		"own server":                 {with("ACME_BASE_URL", ok), []string{"send"}, 0, `"to": "sample"`},
		"own server and CPAAS_TO":    {with("ACME_BASE_URL", ok, "CPAAS_TO", "me"), []string{"send"}, 0, `"to": "me"`},
		"refused":                    {with("ACME_BASE_URL", refusing), []string{"send"}, 1, "< refused"},
		"Misuse by the example":      {with("ACME_BASE_URL", ":"), []string{"send"}, 2, "bad URL"},
		"real host, sample":          {credentials, []string{"send"}, 2, "give -to or CPAAS_TO"},
		"real host by URL":           {with("ACME_BASE_URL", "https://API.Acme.Example./v1"), []string{"send"}, 2, "give -to or CPAAS_TO"},
		"no variable":                {map[string]string{"ACME_BASE_URL": ok}, []string{"send"}, 2, "missing: ACME_KEY and ACME_SECRET, or ACME_TOKEN"},
		"one variable of two":        {map[string]string{"ACME_KEY": "env-key"}, []string{"send"}, 2, "missing: ACME_SECRET\n"},
		"the other set":              {map[string]string{"ACME_BASE_URL": ok, "ACME_TOKEN": "env-token"}, []string{"send"}, 0, `"to": "sample"`},
		"somebody else's, like real": {with("ACME_BASE_URL", "http://127.0.0.1:1/acme.example"), []string{"send"}, 1, "< "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			code, stdout, stderr := run(t, program(ok), test.env, test.args...)
			shown := stdout
			if test.code == 2 {
				shown = stderr
			}
			if code != test.code || !strings.Contains(shown, test.want) {
				t.Errorf("exit %d\n%s\n%s", code, stdout, stderr)
			}
			for _, secret := range []string{"env-key", "env-secret", "env-token", "fake-key", "token-of-the-day"} {
				if strings.Contains(stdout+stderr, secret) {
					t.Errorf("shows %s:\n%s\n%s", secret, stdout, stderr)
				}
			}
			if test.env != nil && strings.Contains(stdout, "fake") {
				t.Errorf("starts a fake:\n%s", stdout)
			}
		})
	}
}

func TestPrintsTheRequest(t *testing.T) {
	t.Parallel()
	_, stdout, _ := run(t, program(server(t, http.StatusOK)), nil, "send")
	for _, line := range []string{
		"> POST /send?key=***\n", "> Authorization: ***\n", "> X-Token: ***\n", "{\n  \"to\": \"sample\",\n  \"key\": \"***\"\n}\n",
	} {
		if !strings.Contains(stdout, line) {
			t.Errorf("does not print %q:\n%s", line, stdout)
		}
	}
}

func TestHost(t *testing.T) {
	t.Parallel()
	p := program("")
	url := server(t, http.StatusOK)
	p.Host = func(getenv func(string) string) (string, error) {
		if getenv("ACME_REGION") == "" {
			return "", Misuse("missing: ACME_REGION")
		}
		return url, nil
	}
	env := map[string]string{"ACME_TOKEN": "env-token"}
	if code, _, stderr := run(t, p, env, "send", "-to", "me"); code != 2 || !strings.Contains(stderr, "ACME_REGION") {
		t.Errorf("exit %d: %s", code, stderr)
	}
	env["ACME_REGION"] = "eu"
	if code, _, stderr := run(t, p, env, "send"); code != 2 || !strings.Contains(stderr, "-to") {
		t.Errorf("exit %d: %s", code, stderr)
	}
	for _, args := range [][]string{{"send", "-to", "me"}, {"ping"}} {
		if code, stdout, stderr := run(t, p, env, args...); code != 0 {
			t.Errorf("exit %d\n%s\n%s", code, stdout, stderr)
		}
	}
}
