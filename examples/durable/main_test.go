package main

import (
	"context"
	"os"
	"strings"
	"testing"
)

// TestMain is a replica when the program starts this binary as one.
func TestMain(m *testing.M) {
	if role := os.Getenv(roleVariable); role != "" {
		os.Exit(replica(context.Background(), role, os.Stdin, os.Stdout, os.Stderr))
	}
	m.Run()
}

func TestRun(t *testing.T) {
	t.Parallel()
	var out, errs strings.Builder
	if code := run(t.Context(), nil, os.Getenv, &out, &errs); code != 0 {
		t.Fatalf("exit %d\n%s\n%s", code, &out, &errs)
	}
	wants := []string{"kill -9", "order-1001: delivered on sms by deflector", "delivered one"}
	if os.Getenv("CPAAS_TEST_POSTGRES_DSN") != "" {
		wants = append(wants, "order-1001: delivered on rcs by deflector")
	} else {
		t.Log("CPAAS_TEST_POSTGRES_DSN is not set: two replicas are not tested")
	}
	for _, want := range wants {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, &out)
		}
	}
}

func TestArguments(t *testing.T) {
	t.Parallel()
	var out, errs strings.Builder
	if code := run(t.Context(), []string{"list"}, os.Getenv, &out, &errs); code != 2 || errs.Len() == 0 {
		t.Errorf("exit %d %s", code, &errs)
	}
}
