package main

import (
	"encoding/json"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/cpaas-go/cpaas/deflector"
	"github.com/cpaas-go/cpaas/deflector/deflectortest"
)

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
	if code != 0 || stdout != "sequential\nsimultaneous\n" || stderr != "" {
		t.Errorf("exit %d\n%s\n%s", code, stdout, stderr)
	}
}

// What goes over the wire is the page's, apart from white space and the order
// of members.
func TestOnTheWire(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"sequential", "simultaneous"} {
		srv := deflectortest.NewServer()
		t.Cleanup(srv.Close)
		env := map[string]string{"DEFLECTOR_BASE_URL": srv.URL, "DEFLECTOR_API_KEY": deflectortest.APIKey}
		code, stdout, stderr := run(t, env, name)
		if code != 0 || len(srv.Requests()) != 1 {
			t.Fatalf("exit %d, %d requests\n%s\n%s", code, len(srv.Requests()), stdout, stderr)
		}
		page, err := os.ReadFile("../../deflector/testdata/" + name + ".json")
		if err != nil {
			t.Fatal(err)
		}
		r := srv.Requests()[0]
		if got, want := tree(t, r.Body), tree(t, page); !reflect.DeepEqual(got, want) {
			t.Errorf("%s sent %s", name, r.Body)
		}
		if r.Method != "POST" || r.Path != "/messages/send" || r.Header.Get("Api-Key") != deflectortest.APIKey {
			t.Errorf("%s %s %v", r.Method, r.Path, r.Header)
		}
		if strings.Contains(stdout, "fake") || strings.Contains(stdout, deflectortest.APIKey) {
			t.Errorf("prints %s", stdout)
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
	for _, name := range []string{"sequential", "simultaneous"} {
		code, stdout, stderr := run(t, nil, name)
		for _, part := range []string{
			"built-in fake", "> POST /messages/send", "> Api-Key: ***", `"phoneNumber": "917499081814"`, `"MessageID": "ack-1"`,
		} {
			if !strings.Contains(stdout, part) {
				t.Errorf("%s does not print %s:\n%s", name, part, stdout)
			}
		}
		if code != 0 || stderr != "" || strings.Contains(stdout, deflectortest.APIKey) {
			t.Errorf("%s: exit %d\n%s\n%s", name, code, stdout, stderr)
		}
	}
}

func TestRecipient(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		env  map[string]string
		args []string
	}{
		"before":      {nil, []string{"-to", "+919812345678", "sequential"}},
		"behind":      {nil, []string{"sequential", "-to", "919812345678"}},
		"environment": {map[string]string{"CPAAS_TO": "+919812345678"}, []string{"sequential"}},
	} {
		code, stdout, _ := run(t, test.env, test.args...)
		if code != 0 || !strings.Contains(stdout, `"phoneNumber": "919812345678"`) || strings.Contains(stdout, "917499081814") {
			t.Errorf("%s: exit %d\n%s", name, code, stdout)
		}
	}
}

func TestMisuse(t *testing.T) {
	t.Parallel()
	const sample = "give -to or CPAAS_TO"
	for name, test := range map[string]struct {
		env  map[string]string
		args []string
		want string // on stderr
	}{
		"no name":              {nil, nil, "usage:"},
		"two names":            {nil, []string{"sequential", "simultaneous"}, "usage:"},
		"unknown name":         {nil, []string{"parallel"}, `unknown example "parallel"`},
		"unknown flag":         {nil, []string{"-x", "list"}, "-x"},
		"no key":               {map[string]string{"DEFLECTOR_BASE_URL": "https://example.com"}, []string{"sequential"}, "missing: DEFLECTOR_API_KEY"},
		"bad URL":              {map[string]string{"DEFLECTOR_BASE_URL": "http://example.com", "DEFLECTOR_API_KEY": "key-1234"}, []string{"sequential"}, "base URL"},
		"real host":            {map[string]string{"DEFLECTOR_API_KEY": "key-1234"}, []string{"sequential"}, sample},
		"real host by its URL": {map[string]string{"DEFLECTOR_BASE_URL": deflector.BaseURL + ":443", "DEFLECTOR_API_KEY": "key-1234"}, []string{"simultaneous"}, sample},
	} {
		code, stdout, stderr := run(t, test.env, test.args...)
		if code != 2 || !strings.Contains(stderr, test.want) || strings.Contains(stdout+stderr, "key-1234") || strings.Contains(stdout, ">") {
			t.Errorf("%s: exit %d\n%s\n%s", name, code, stdout, stderr)
		}
	}
}

func TestRefused(t *testing.T) {
	t.Parallel()
	srv := deflectortest.NewServer()
	defer srv.Close()
	env := map[string]string{"DEFLECTOR_BASE_URL": srv.URL, "DEFLECTOR_API_KEY": "wrong-key-1234"}
	code, stdout, stderr := run(t, env, "sequential")
	if code != 1 || !strings.Contains(stdout, "< deflector: Send: unauthorized: status 401") || strings.Contains(stdout+stderr, "wrong-key-1234") {
		t.Errorf("exit %d\n%s\n%s", code, stdout, stderr)
	}
}
