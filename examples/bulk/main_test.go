package main

import (
	"encoding/csv"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestRun(t *testing.T) {
	t.Parallel()
	report := filepath.Join(t.TempDir(), "report.csv")
	var out, errs strings.Builder
	if code := run(t.Context(), []string{"-report", report}, &out, &errs); code != 0 || errs.String() != "" {
		t.Fatalf("exit %d\n%s\n%s", code, &out, &errs)
	}
	if !strings.Contains(out.String(), " 10000 of 10000") || !strings.Contains(out.String(), "  5000 of 10000") || strings.Contains(out.String(), "+4477009") {
		t.Errorf("printed\n%s", &out)
	}
	file, err := os.Open(report)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	rows, err := csv.NewReader(file).ReadAll()
	if err != nil || len(rows) != 10_001 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	outcomes, providers, keys := map[string]int{}, map[string]int{}, map[string]bool{}
	for _, row := range rows[1:] {
		outcomes[row[1]]++
		providers[row[2]]++
		keys[row[0]] = true
	}
	if len(keys) != 10_000 || outcomes["failed"] != 2 || outcomes["accepted"] != 9998 || providers["octopush"] != 1000 {
		t.Errorf("%v, %v, %d keys\n%s", outcomes, providers, len(keys), &out)
	}
}

func TestMisuse(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"-nonsense"}, {"-report", filepath.Join(t.TempDir(), "no", "such", "folder")}} {
		var out, errs strings.Builder
		if code := run(t.Context(), args, &out, &errs); code != 2 || errs.String() == "" {
			t.Errorf("%v: exit %d", args, code)
		}
	}
}
