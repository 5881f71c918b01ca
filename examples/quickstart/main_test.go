package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/cpaas-go/cpaas/deflector"
	"github.com/cpaas-go/cpaas/deflector/deflectortest"
)

func TestRun(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		args []string
		env  map[string]string
		code int
		want []string // in the output, in this order
	}{
		"client":       {nil, nil, 0, []string{"built-in fake", "accepted on sms", "rcs", "next channel", "whatsapp", "next channel", "sms", "done"}},
		"server":       {[]string{"-flow", "server"}, nil, 0, []string{"built-in fake", "accepted on flow", "done"}},
		"unknown flow": {[]string{"-flow", "both"}, nil, 2, nil},
		"unknown flag": {[]string{"-x"}, nil, 2, nil},
		"no recipient": {nil, map[string]string{"DEFLECTOR_API_KEY": "k"}, 2, nil},
		"no key":       {nil, map[string]string{"DEFLECTOR_BASE_URL": "http://127.0.0.1:1"}, 2, nil},
		"nobody there": {nil, map[string]string{"DEFLECTOR_API_KEY": "k", "DEFLECTOR_BASE_URL": "http://127.0.0.1:1", "CPAAS_TO": "+919812345678", "DEFLECTOR_SENDER": "ACMEIN"}, 1, []string{"failed", "sms"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out, errOut strings.Builder
			if code := run(t.Context(), test.args, func(k string) string { return test.env[k] }, &out, &errOut); code != test.code {
				t.Errorf("exit %d, want %d\n%s%s", code, test.code, out.String(), errOut.String())
			}
			rest := out.String()
			for _, want := range test.want {
				_, after, ok := strings.Cut(rest, want)
				if !ok {
					t.Errorf("no %q in the rest of the output\n%s", want, out.String())
				}
				rest = after
			}
			if strings.Contains(out.String()+errOut.String(), "9812345678") {
				t.Error("the recipient shows")
			}
		})
	}
}

// With a key, nothing is sent with the name of a template that nobody gave.
func TestTemplates(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		args          []string
		rcs, whatsApp string
		want          []deflector.Channel // in the flow of the message that is accepted
		out           []string            // in the output, in this order
	}{
		"none, client": {nil, "", "", flow("SMS"), []string{"rcs", "passed over", "whatsapp", "passed over", "sms", "accepted"}},
		"none, server": {[]string{"-flow", "server"}, "", "", flow("SMS"), []string{"accepted on flow"}},
		"one, client":  {nil, "", "hello", flow("WhatsApp"), []string{"rcs", "passed over", "whatsapp", "accepted"}},
		"one, server":  {[]string{"-flow", "server"}, "", "hello", flow("WhatsApp", "SMS"), []string{"accepted on flow"}},
		"both, client": {nil, "card", "hello", flow("RCS"), []string{"rcs", "accepted"}},
		"both, server": {[]string{"-flow", "server"}, "card", "hello", flow("RCS", "WhatsApp", "SMS"), []string{"accepted on flow"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := deflectortest.NewServer()
			defer srv.Close()
			env := map[string]string{
				"DEFLECTOR_API_KEY": deflectortest.APIKey, "DEFLECTOR_BASE_URL": srv.URL, "CPAAS_TO": "+919812345678", "DEFLECTOR_SENDER": "OURS",
				"DEFLECTOR_RCS_TEMPLATE": test.rcs, "DEFLECTOR_WHATSAPP_TEMPLATE": test.whatsApp,
			}
			var out, errOut strings.Builder
			if code := run(t.Context(), test.args, func(k string) string { return env[k] }, &out, &errOut); code != 0 {
				t.Fatalf("exit %d\n%s%s", code, out.String(), errOut.String())
			}
			accepted := srv.Accepted()
			if len(accepted) != 1 || !slices.Equal(slices.Concat(accepted[0].Flow...), test.want) {
				t.Fatalf("accepted %+v", accepted)
			}
			if m := accepted[0]; m.RCS != nil && m.RCS.Code != test.rcs || len(m.WhatsApp) > 0 && m.WhatsApp[0].Templates[0].Name != test.whatsApp ||
				m.SMS != nil && m.SMS.From != "OURS" {
				t.Errorf("accepted %+v", m)
			}
			_, rest, _ := strings.Cut(out.String(), "\n") // the first line names the channel that accepted
			if strings.Contains(test.out[0], "accepted") {
				rest = out.String()
			}
			for _, want := range test.out {
				_, after, ok := strings.Cut(rest, want)
				if !ok {
					t.Errorf("no %q in the rest of the output\n%s", want, out.String())
				}
				rest = after
			}
		})
	}
}

// flow is the channels of a flow.
func flow(names ...deflector.Channel) []deflector.Channel { return names }
