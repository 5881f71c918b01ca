package main

import (
	"strings"
	"testing"
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
