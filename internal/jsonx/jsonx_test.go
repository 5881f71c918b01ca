package jsonx

import (
	"bytes"
	"encoding/json"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestEncode(t *testing.T) {
	t.Parallel()
	for want, v := range map[string]any{
		`{"Text":"a<b>&c"}`:                      struct{ Text string }{"a<b>&c"},
		`"x\ny"`:                                 "x\ny",
		`[]`:                                     []string{},
		`{"a":1}`:                                json.RawMessage(`{ "a" : 1 }`),
		`"` + strings.Repeat("x", 200<<10) + `"`: strings.Repeat("x", 200<<10), // longer than a kept buffer
	} {
		got, err := Encode(v)
		if err != nil || string(got) != want {
			t.Errorf("%v is %.40s, %v", v, got, err)
		}
	}
	if _, err := Encode(make(chan int)); err == nil {
		t.Error("a channel is JSON")
	}
	if got, err := Encode(1); err != nil || string(got) != "1" {
		t.Errorf("after an error: %s, %v", got, err)
	}
}

// TestEncodeOwnsItsResult: nothing that is encoded later gets into it.
func TestEncodeOwnsItsResult(t *testing.T) {
	t.Parallel()
	var wg sync.WaitGroup
	for _, letter := range []string{"a", "b", "c", "d", "e", "f", "g", "h"} {
		wg.Go(func() {
			want := `"` + strings.Repeat(letter, 300) + `"`
			var kept [][]byte
			for range 200 {
				b, err := Encode(want[1:301])
				if err != nil {
					t.Error(err)
				}
				kept = append(kept, b)
			}
			for _, b := range kept {
				if string(b) != want {
					t.Errorf("%s", b)
				}
			}
		})
	}
	wg.Wait()
}

func TestEncodeWith(t *testing.T) {
	t.Parallel()
	type object struct {
		A int `json:"a"`
	}
	extra := func(pairs ...string) map[string]json.RawMessage {
		m := map[string]json.RawMessage{}
		for i := 0; i < len(pairs); i += 2 {
			m[pairs[i]] = json.RawMessage(pairs[i+1])
		}
		return m
	}
	for _, c := range []struct {
		v     any
		extra map[string]json.RawMessage
		want  string // empty: refused
	}{
		{object{1}, nil, `{"a":1}`},
		{object{1}, extra("c", `"<&>"`, "b", "[1]"), `{"a":1,"b":[1],"c":"<&>"}`},
		{struct{}{}, extra("b", "null"), `{"b":null}`},
		{map[string]int{}, extra("b", "2", "c", "3"), `{"b":2,"c":3}`},
		{object{1}, extra(`q"uote`, "1"), `{"a":1,"q\"uote":1}`},
		{object{1}, extra("A", "2"), `{"a":1,"A":2}`}, // letter case makes another name
		{object{1}, extra("a", "2"), ""},
		{object{1}, extra("b", "{"), ""},
		{object{1}, extra("b", ""), ""},
		{object{1}, extra("b", "1,\"c\":2"), ""},
		{object{1}, extra("b", "\"\xff\""), ""},
		{[]int{1}, extra("b", "1"), ""},
		{"text", extra("b", "1"), ""},
		{(*object)(nil), extra("b", "1"), ""},
		{make(chan int), extra("b", "1"), ""},
	} {
		got, err := EncodeWith(c.v, c.extra)
		if string(got) != c.want || (err != nil) != (c.want == "") {
			t.Errorf("%v with %s: %s, %v", c.v, c.extra, got, err)
		}
		if err == nil && !json.Valid(got) {
			t.Errorf("not JSON: %s", got)
		}
	}
}

// TestRefusalsHoldNoValue: a value may be somebody's number.
func TestRefusalsHoldNoValue(t *testing.T) {
	t.Parallel()
	_, err := EncodeWith(struct{}{}, map[string]json.RawMessage{"b": json.RawMessage("919812345678,")})
	if err == nil || strings.Contains(err.Error(), "9198") {
		t.Error(err)
	}
}

func TestString(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		`"a\u00e9\n"`: "aé\n", `12`: "12", `1.50`: "1.50", `-3e5`: "-3e5", `9007199254740993`: "9007199254740993", `true`: "true", `null`: "", `""`: "",
	} {
		var got struct{ S String }
		got.S = "before"
		if err := json.Unmarshal([]byte(`{"S":`+in+`}`), &got); err != nil || string(got.S) != want {
			t.Errorf("%s is %q, %v", in, got.S, err)
		}
	}
	for _, in := range []string{`{}`, `[1]`, `{"a":"b"}`} {
		var s String
		if err := json.Unmarshal([]byte(in), &s); err == nil {
			t.Errorf("%s is taken as %q", in, s)
		}
	}
	var s String
	if s.UnmarshalJSON(nil) == nil {
		t.Error("nothing is a string")
	}
}

func FuzzEncodeWith(f *testing.F) {
	f.Add("name", []byte(`"v"`))
	f.Add("a", []byte(`1`))
	f.Add("b\"", []byte("{\"x\":[1,2,{}]} \n"))
	f.Add("\xff", []byte("nul"))
	f.Fuzz(func(t *testing.T, name string, value []byte) {
		got, err := EncodeWith(map[string]int{"a": 1}, map[string]json.RawMessage{name: value})
		if err != nil {
			return
		}
		var back map[string]json.RawMessage
		if err := json.Unmarshal(got, &back); err != nil {
			t.Fatalf("%q: %v", got, err)
		}
		if len(back) != 2 || string(back["a"]) != "1" {
			t.Errorf("%q", got)
		}
	})
}

func FuzzString(f *testing.F) {
	for _, s := range []string{`"a"`, `1`, `null`, `true`, `{}`, `"\ud800"`, `[`, ``} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var s String
		err := json.Unmarshal(b, &s)
		if trimmed := bytes.TrimSpace(b); err == nil && (len(trimmed) == 0 || trimmed[0] == '{' || trimmed[0] == '[') {
			t.Errorf("%q is %q", b, s)
		}
	})
}
