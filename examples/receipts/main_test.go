package main

import (
	"regexp"
	"strings"
	"testing"
)

// A stage is passed over because of silence, one because of a receipt, and the
// last is delivered.
func TestRun(t *testing.T) {
	t.Parallel()
	var out, errs strings.Builder
	if code := run(t.Context(), []string{"-within", "100ms"}, &out, &errs); code != 0 || errs.String() != "" {
		t.Fatalf("exit %d\n%s\n%s", code, &out, &errs)
	}
	for _, want := range []string{
		`until delivered within 100ms`,
		`welcome-42: delivered on sms by octopush as sms_`,
		`1  .* rcs .* accepted .*-> no receipt in time: next channel`,
		`2  .* whatsapp .* failed .*-> next channel`,
		`3  .* sms .* delivered .*-> done`,
	} {
		if !regexp.MustCompile(want).MatchString(out.String()) {
			t.Errorf("no %q in\n%s", want, &out)
		}
	}
	if strings.Contains(out.String(), "9812345678") || strings.Contains(out.String(), "secret") {
		t.Errorf("prints a number or a secret\n%s", &out)
	}
}

func TestMisuse(t *testing.T) {
	t.Parallel()
	var out, errs strings.Builder
	if code := run(t.Context(), []string{"-nonsense"}, &out, &errs); code != 2 {
		t.Errorf("exit %d", code)
	}
	if code := run(t.Context(), []string{"-within", "-1s"}, &out, &errs); code != 1 || !strings.Contains(errs.String(), "negative Within") {
		t.Errorf("exit %d: %s", code, &errs)
	}
}
