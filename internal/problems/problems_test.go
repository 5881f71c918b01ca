package problems

import (
	"encoding/json"
	"errors"
	"testing"

	"go.uber.org/goleak"

	"github.com/cpaas-go/cpaas/internal/errs"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestList(t *testing.T) {
	t.Parallel()
	var l List
	if l.Kind() != nil || l.String() != "" {
		t.Errorf("%v %q", l.Kind(), l.String())
	}
	l.Check("", "[%d].a", 1)
	l.CheckRecipient("", "[%d].a", 1)
	if len(l.Problems) != 0 {
		t.Errorf("%v", l.Problems)
	}
	l.CheckRecipient("is short", "[%d].to[%d]", 1, 2)
	if !errors.Is(l.Kind(), errs.InvalidRecipient) {
		t.Error(l.Kind())
	}
	l.Add("no message", "")
	l.Check("is missing", "100%")
	if !errors.Is(l.Kind(), errs.InvalidRequest) {
		t.Error(l.Kind())
	}
	if got := l.String(); got != "[1].to[2] is short; no message; 100% is missing" {
		t.Error(got)
	}
	if p := l.Problems[0]; p != (Problem{Path: "[1].to[2]", Message: "is short", Recipient: true}) {
		t.Errorf("%+v", p)
	}
}

func TestRules(t *testing.T) {
	t.Parallel()
	type word string
	for _, c := range []struct{ got, want string }{
		{Text(""), ""},
		{Text("é"), ""},
		{Text("a\xff"), "is not valid UTF-8"},
		{Required(""), "is missing"},
		{Required("a"), ""},
		{Required("\xc0"), "is not valid UTF-8"},
		{OneOf[word]("", "a"), ""},
		{OneOf[word]("a", "a", "b"), ""},
		{OneOf[word]("secret", "a"), `must be "a"`},
		{OneOf[word]("secret", "a", "b"), `must be one of ["a" "b"]`},
		{OneOf("A", "a"), `must be "a"`},
		{Extra(nil), ""},
		{Extra(map[string]json.RawMessage{"a": json.RawMessage(`{"b":"é"}`)}), ""},
		{Extra(map[string]json.RawMessage{"a": json.RawMessage("919812345678,")}), `extra field "a" is not JSON`},
		{Extra(map[string]json.RawMessage{"a": nil}), `extra field "a" is not JSON`},
		{Extra(map[string]json.RawMessage{"a": json.RawMessage("\"\xff\"")}), `extra field "a" is not JSON`},
		{Extra(map[string]json.RawMessage{"\xff": json.RawMessage("1")}), `extra field "\xff" is not JSON`},
		{Extra(map[string]json.RawMessage{"c": nil, "b": nil, "d": nil, "a": json.RawMessage("1")}), `extra field "b" is not JSON`},
		{Extra(map[string]json.RawMessage{"": nil, "b": nil}), `extra field "" is not JSON`},
	} {
		if c.got != c.want {
			t.Errorf("%q, not %q", c.got, c.want)
		}
	}
}

// TestSoundFieldsCostNothing: a request is checked on every call.
func TestSoundFieldsCostNothing(t *testing.T) { //nolint:paralleltest // AllocsPerRun counts the whole process
	var l List
	if n := testing.AllocsPerRun(100, func() {
		for i := range 3 {
			l.Check(Required("a"), "[%d].to[%d].phoneNumber", i, i)
			l.CheckRecipient(Text("a"), "[%d].a", i)
			l.Check(OneOf("a", "a", "b"), "[%d].b", i)
		}
	}); n != 0 {
		t.Errorf("%.0f allocations", n)
	}
}
