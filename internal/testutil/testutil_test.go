package testutil

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"runtime"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// failed reports whether f fails a test.
func failed(f func(testing.TB)) bool {
	r := &recorder{}
	done := make(chan struct{})
	go func() { // Fatalf ends the goroutine
		defer close(done)
		f(r)
	}()
	<-done
	return r.bad
}

// recorder is a test that notes whether it fails.
type recorder struct {
	testing.TB
	bad bool
}

func (*recorder) Helper()                 {}
func (r *recorder) Errorf(string, ...any) { r.bad = true }
func (r *recorder) Fatalf(string, ...any) { r.bad = true; runtime.Goexit() }
func (r *recorder) Fatal(...any)          { r.bad = true; runtime.Goexit() }

func TestJSONEqual(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		want, got string
		equal     bool
	}{
		{`{"a":1,"b":[1,2]}`, "{\"b\": [1, 2],\n\"a\": 1}", true},
		{`{"a":1}`, `{"A":1}`, false},
		{`[1,2]`, `[2,1]`, false},
		{`{"a":null}`, `{}`, false},
		{`{"a":[]}`, `{"a":null}`, false},
		{`{"a":1}`, `{"a":"1"}`, false},
		{`{`, `{}`, false},
		{`{}`, `{`, false},
	} {
		if failed(func(tb testing.TB) { JSONEqual(tb, []byte(c.want), []byte(c.got)) }) == c.equal {
			t.Errorf("%s and %s", c.want, c.got)
		}
	}
}

func TestGolden(t *testing.T) {
	t.Parallel()
	if string(Golden(t, "golden.txt")) != "golden\n" {
		t.Error("not the file")
	}
	if !failed(func(tb testing.TB) { Golden(tb, "none.txt") }) {
		t.Error("a file that is not there passes")
	}
}

// These show a secret in one form only.
type (
	stringer  struct{}
	plus      struct{ v string }
	goString  struct{}
	marshaler struct{}
	valuer    struct{}
)

func (stringer) String() string                { return "s3cret" }
func (plus) String() string                    { return "x" }
func (goString) GoString() string              { return "s3cret" }
func (marshaler) MarshalJSON() ([]byte, error) { return json.Marshal("s3cret") }
func (valuer) LogValue() slog.Value            { return slog.StringValue("s3cret") }
func (p plus) GoString() string                { return fmt.Sprintf("plus{%q}", p.v) }

func TestNoLeak(t *testing.T) {
	t.Parallel()
	for _, v := range []any{stringer{}, plus{"s3cret"}, goString{}, marshaler{}, valuer{}, struct{ v string }{"s3cret"}, "s3cret"} {
		if !failed(func(tb testing.TB) { NoLeak(tb, v, "other", "s3cret") }) {
			t.Errorf("%T passes", v)
		}
	}
	for _, v := range []any{nil, 1, "other", func() string { return "s3cret" }} {
		if failed(func(tb testing.TB) { NoLeak(tb, v, "s3cret", "") }) {
			t.Errorf("%T fails", v)
		}
	}
}
