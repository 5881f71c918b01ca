package main

import (
	"net/http"
	"strings"
	"testing"

	"github.com/cpaas-go/cpaas/examples/internal/example"
	v2 "github.com/cpaas-go/cpaas/webexconnect/v2"
	"github.com/cpaas-go/cpaas/webexconnect/webexconnecttest"
)

func runV2(t *testing.T, name, to string, env map[string]string) (v2.Request, error) {
	t.Helper()
	srv := webexconnecttest.NewServer()
	defer srv.Close()
	for _, e := range v2Examples() {
		if e.Name != name {
			continue
		}
		_, err := e.Run(t.Context(), example.Session{
			BaseURL: srv.URL, To: to, HTTP: &http.Client{Transport: &http.Transport{DisableKeepAlives: true}},
			Getenv: func(name string) string { return env[name] }, Out: t.Output(),
		})
		if got := srv.AcceptedV2(); len(got) == 1 {
			return got[0], err
		}
		return v2.Request{}, err
	}
	t.Fatalf("no example %s", name)
	return v2.Request{}, nil
}

func TestV2Examples(t *testing.T) {
	t.Parallel()
	key := map[string]string{"WEBEXCONNECT_SERVICE_KEY": webexconnecttest.ServiceKey}
	jwt := map[string]string{
		"WEBEXCONNECT_SERVICE_ID": webexconnecttest.ServiceID, "WEBEXCONNECT_SERVICE_SECRET": webexconnecttest.ServiceSecret,
		"WEBEXCONNECT_RCS_APP_ID": "a_1", "WEBEXCONNECT_EMAIL_FROM": "news@example.com",
	}
	r, err := runV2(t, "rcs-v2", "", key)
	if err != nil || r.To[0].MSISDN[0] != "+4490XXXXX009" || r.From != "a_636893638318070000" {
		t.Errorf("%+v, %v", r, err)
	}
	r, err = runV2(t, "rcs-v2", "+449000000009", jwt)
	if err != nil || r.To[0].MSISDN[0] != "+449000000009" || r.From != "a_1" {
		t.Errorf("%+v, %v", r, err)
	}
	r, err = runV2(t, "email-v2", "", key)
	if err != nil || r.To[0].Email[0] != "user@example.com" || r.From != "user@example.com" {
		t.Errorf("%+v, %v", r, err)
	}
	r, err = runV2(t, "email-v2", "ann@example.com", jwt)
	if err != nil || r.To[0].Email[0] != "ann@example.com" || r.From != "news@example.com" {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestV2ExampleErrors(t *testing.T) {
	t.Parallel()
	if _, err := runV2(t, "rcs-v2", "", map[string]string{"WEBEXCONNECT_SERVICE_KEY": "wrong-key"}); err == nil || strings.Contains(err.Error(), "wrong-key") {
		t.Errorf("got %v", err)
	}
	_, err := runV2(t, "email-v2", "", nil)
	if _, ok := err.(example.Misuse); !ok { //nolint:errorlint // returned as it is
		t.Errorf("got %v", err)
	}
}
