package jsonx

import (
	"encoding/json"
	"testing"
)

func TestWriter(t *testing.T) {
	t.Parallel()
	w := NewWriter(8) // grows
	at := w.Open('{')
	w.Text("a", `q"`)
	w.TextIf("left", "")
	w.TextIf("b", "x,")
	w.Texts("c", nil)
	w.TextsIf("left", nil)
	w.TextsIf("d", []string{"1", ""})
	w.BoolIf("left", nil)
	w.BoolIf("e", new(false))
	w.TrueIf("left", false)
	w.TrueIf("f", true)
	w.Name("g")
	w.StringMap(map[string]string{"b": "2", "a": "[", `"`: "{"})
	w.Name("h")
	w.StringMap(nil)
	w.Name("i")
	w.Open('[')
	w.Int(-1)
	w.Bool(true)
	w.Open('{')
	w.Close('}')
	w.Any([]any{nil, "<&>", 1.5})
	w.Close(']')
	w.AnyIf(false, "left", 1)
	w.AnyIf(true, "j", nil)
	before := w.Len()
	w.Text("left", "it")
	w.Truncate(before)
	w.CloseWith(at, map[string]json.RawMessage{"z": []byte("1"), "y": []byte(`"<"`)})
	const want = `{"a":"q\"","b":"x,","c":[],"d":["1",""],"e":false,"f":true,"g":{"\"":"{","a":"[","b":"2"},"h":{},` +
		`"i":[-1,true,{},[null,"<&>",1.5]],"j":null,"y":"<","z":1}`
	if got, err := w.Done(); err != nil || string(got) != want {
		t.Errorf("%s, %v\nnot %s", got, err, want)
	}
}

func TestWriterFails(t *testing.T) {
	t.Parallel()
	var w Writer
	at := w.Open('{')
	w.Text("a", "1")
	w.CloseWith(at, map[string]json.RawMessage{"a": []byte("2")})
	if _, err := w.Done(); err == nil {
		t.Error("an extra member is there twice")
	}
	w = Writer{}
	w.Any(make(chan int))
	w.Any(1)
	if w.Err() == nil {
		t.Error("a channel is JSON")
	}
}

// FuzzWriterString holds Writer.String against encoding/json.
func FuzzWriterString(f *testing.F) {
	for _, s := range []string{"", "a", "<&>", `"\`, "\x00\x1f\x7f", "ü€😀", "\u2028\u2029", "\xff", "a\n"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		var w Writer
		w.String(s)
		got, err := w.Done()
		want, _ := Encode(s)
		if err != nil || string(got) != string(want) {
			t.Errorf("%q is %s, %v; encoding/json: %s", s, got, err, want)
		}
	})
}
