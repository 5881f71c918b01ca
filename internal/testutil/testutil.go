// Package testutil is for tests: golden bodies, and the search for leaks.
package testutil

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"reflect"
	"strings"
	"testing"
)

// JSONEqual fails the test unless got and want are the same JSON apart from
// white space and the order of members. Letter case matters.
func JSONEqual(t testing.TB, want, got []byte) {
	t.Helper()
	var w, g any
	if err := json.Unmarshal(want, &w); err != nil {
		t.Fatalf("golden: %v", err)
	}
	if err := json.Unmarshal(got, &g); err != nil {
		t.Fatalf("not JSON: %v\n%s", err, got)
	}
	if !reflect.DeepEqual(w, g) {
		t.Errorf("bodies differ\nwant %s\n got %s", compact(w), compact(g))
	}
}

func compact(v any) string {
	b, _ := json.Marshal(v) //nolint:errchkjson // it was just decoded
	return string(b)
}

// Golden is a file of testdata.
func Golden(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// NoLeak fails the test if one of secrets shows in any printed form of v: the
// verbs, slog as text and as JSON, and JSON itself.
func NoLeak(t testing.TB, v any, secrets ...string) {
	t.Helper()
	var text, object strings.Builder
	untimed := &slog.HandlerOptions{ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
		if len(groups) == 0 && a.Key == slog.TimeKey { // its digits may be anybody's
			return slog.Attr{}
		}
		return a
	}}
	slog.New(slog.NewTextHandler(&text, untimed)).Info("x", "v", v)
	slog.New(slog.NewJSONHandler(&object, untimed)).Info("x", "v", v)
	shown := map[string]string{
		"%v": fmt.Sprintf("%v", v), "%+v": fmt.Sprintf("%+v", v), "%#v": fmt.Sprintf("%#v", v), "%s": fmt.Sprintf("%s", v),
		"slog text": text.String(), "slog JSON": object.String(),
	}
	if b, err := json.Marshal(v); err == nil {
		shown["JSON"] = string(b)
	}
	for form, s := range shown {
		for _, secret := range secrets {
			if secret != "" && strings.Contains(s, secret) {
				t.Errorf("%s shows a secret: %s", form, s)
			}
		}
	}
}
