package jsonx

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"
)

// objects are texts that are objects, nearly objects, and none.
var objects = []string{
	`{}`, ` { } `, "\r\n\t{\"a\" :\t1 ,\n\"b\": [ ] }", `{"a":"x\"y\\","b":{"c":[{"d":"}"}]}}`, `{"a":null,"a":true,"A":false}`,
	`{"\u0061\n":"\ud83d\ude00"}`, `{"n":[0,-0,1.5,-1e5,1E+2,10.0e-1]}`, `{"":""}`, "{\"\xff\":\"\xff\"}",
	`{"1":1,"2":2,"3":3,"4":4,"5":5,"6":6,"7":7,"8":8,"9":9,"10":10,"11":11,"12":12,"13":13,"14":14,"1":15}`,
	``, ` `, `{`, `}`, `{"a"`, `{"a":`, `{"a":1`, `{"a":1,`, `{"a":1,}`, `{,}`, `{a:1}`, `{"a" 1}`, `{"a":1 "b":2}`, `{"a":1}}`, `{}{}`, `{}x`,
	`{"a":01}`, `{"a":-}`, `{"a":+1}`, `{"a":1.}`, `{"a":.5}`, `{"a":1e}`, `{"a":1e+}`, `{"a":tru}`, `{"a":nul}`, `{"a":falsey}`, `{"a":truetrue}`,
	`{"a":"\x"}`, `{"a":"\u12g4"}`, `{"a":"\u12"}`, `{"a":"\`, `{"a":"`, "{\"a\":\"\n\"}", "{\"a\":\"\x7f\"}", `{"a":[1,]}`, `{"a":[1 2]}`, `{"a":[}`, `{"a":[`, `{"a":[1`,
	`[]`, ` [1 , "a\u0000", true,null,{"a":1},[[]], "\ud800" ] `, "[\"\xff\"]", `[1e5,-0.5,false,""]`, `[1,]`, `[`, `[1`, `[]]`, `[1] x`, `"a"`, `1`, `null`, "\ufeff{}",
}

// TestObject compares with encoding/json.
func TestObject(t *testing.T) {
	t.Parallel()
	for _, text := range objects {
		checkObject(t, []byte(text))
	}
	for depth := maxNesting - 2; depth < maxNesting+2; depth++ {
		checkObject(t, []byte(`{"a":`+strings.Repeat("[", depth)+strings.Repeat("]", depth)+`}`))
	}
}

func FuzzObject(f *testing.F) {
	for _, text := range objects {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, b []byte) { checkObject(t, b) })
}

// checkObject holds what Object says of b against encoding/json's word.
func checkObject(t *testing.T, b []byte) {
	t.Helper()
	checkElements(t, b)
	var o Object
	got := o.Read(b)
	var want map[string]json.RawMessage
	if err := json.Unmarshal(b, &want); got != (err == nil && want != nil) {
		t.Fatalf("%.100q is an object: %v; encoding/json: %v", b, got, err)
	}
	if !got {
		if o.n > 0 || len(o.more) > 0 {
			t.Fatalf("%.100q is no object, but has members", b)
		}
		return
	}
	has := map[string]json.RawMessage{}
	for _, m := range append(o.few[:o.n:o.n], o.more...) {
		has[string(m.name)] = m.value
	}
	for name, value := range want {
		if !strings.Contains(name, "\ufffd") && !reflect.DeepEqual(has[name], value) {
			t.Fatalf("%.100q: %q is %s, not %s", b, name, has[name], value)
		}
	}
}

// checkElements is checkObject for Elements and Scalar.
func checkElements(t *testing.T, b []byte) {
	t.Helper()
	got, ok := Elements(b)
	var want []json.RawMessage
	if err := json.Unmarshal(b, &want); ok != (err == nil && want != nil) || len(got) != len(want) {
		t.Fatalf("%.100q has %d elements (%v), not %d", b, len(got), ok, len(want))
	}
	for i, value := range want {
		if !bytes.Equal(got[i], value) {
			t.Fatalf("%.100q: %d is %s, not %s", b, i, got[i], value)
		}
		var v any
		if err := json.Unmarshal(value, &v); err != nil {
			t.Fatal(err)
		}
		text := ""
		switch v := v.(type) {
		case string:
			text = v
		case float64, bool:
			text = string(value)
		}
		if s := Scalar(value); s != text {
			t.Fatalf("%s is %q, not %q", value, s, text)
		}
	}
}

func TestMembersHaveABound(t *testing.T) {
	t.Parallel()
	long := "{" + strings.Repeat(`"":0,`, MaxMembers-1) + `"a":0}`
	var o Object
	if !o.Read([]byte(long)) || string(o.Get("a")) != "0" {
		t.Error("as many members as are allowed are too many")
	}
	if o.Read([]byte(`{"b":1,`+long[1:])) || o.Get("b") != nil {
		t.Error("one member too many is not")
	}
}

func TestElementsHaveABound(t *testing.T) {
	t.Parallel()
	long := "[" + strings.Repeat("0,", MaxElements-1) + "0]"
	if all, ok := Elements([]byte(long)); !ok || len(all) != MaxElements {
		t.Errorf("%d of %d elements", len(all), MaxElements)
	}
	long = "[0," + long[1:]
	if all, ok := Elements([]byte(long)); ok || all != nil {
		t.Errorf("%d elements are too many", len(all))
	}
	var o Object
	if !o.Read([]byte(`{"a":` + long + `}`)) {
		t.Error("a long array makes an object none")
	}
}

func TestObjectGet(t *testing.T) {
	t.Parallel()
	const eleven = `"1":1,"2":2,"3":3,"4":4,"5":5,"6":6,"7":7,"8":8,"9":9,"10":10,"11":11`
	var o Object // used again, so that what is left of the one before would show
	for _, test := range []struct{ object, name, want string }{
		{`{"a":1,"b":2,"a":3}`, "a", "3"},
		{`{"a":1,"A":2}`, "a", "2"},
		{`{"A":1,"a":2}`, "A", "2"},
		{`{"a":1,"a":null}`, "a", "null"},
		{`{"a":1,` + eleven + `}`, "a", "1"},
		{`{"a":1,` + eleven + `,"a":2}`, "a", "2"},              // the first of the list behind the array
		{`{"a":1,` + eleven + `,"b":0,"a":2,"A":3}`, "a", "3"},  // both in the list
		{`{` + eleven + `,"a":1,"a":2}`, "a", "2"},              // across the two
		{`{"a":1,"a":2,` + eleven + `,"b":0}`, "a", "2"},        // both in the array
		{`{` + eleven + `,"12":12,"13":13,"1":15}`, "1", "15"},  // far apart
		{`{` + eleven + `,"12":12,"13":13,"1":15}`, "12", "12"}, // the last of the array
		{`{` + eleven + `,"messageId":"a","messageID":"b"}`, "MessageId", `"b"`},
		{`{"messageId":"a"}`, "messageI", ""},
		{`{"messageId":"a"}`, "", ""},
		{`{"2":[1]}`, "2", "[1]"},
		{`{"2":[1]}`, "1", ""},
		{`{}`, "2", ""},
	} {
		if !o.Read([]byte(test.object)) {
			t.Fatalf("%s: no object", test.object)
		}
		if got := o.Get(test.name); string(got) != test.want || (got == nil) != (test.want == "") {
			t.Errorf("%s: %q is %s, not %s", test.object, test.name, got, test.want)
		}
	}
}
