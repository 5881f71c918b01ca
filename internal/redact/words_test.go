package redact

import (
	"encoding/json"
	"strconv"
	"strings"
	"testing"
)

func TestWords(t *testing.T) {
	t.Parallel()
	const body = `[{"to":[{"phoneNumber":"919812345678"}],"sms":{"From":"ACMEIN","Text":"Hello Asha,\nyour code is 4821.\tIt is for you alone."},` +
		`"rcs":{"content":{"templateCode":"welcome_rcs","attributes":{"otp":"7733","mail":"asha@example.com","ref":"zebra-42","city":"पुणे"}}}}]`
	const inXML = `<root><sms><to>919812345678</to><body>Hello Asha, your &lt;code&gt; is 4821.</body></sms></root>`
	const key = "k3y-5f0c9e1d7a21"
	for _, c := range []struct{ body, in, want string }{
		{body, "", ""},
		{"", "template not found", "template not found"},
		{"{", "template not found", "template not found"},
		{body, "template welcome_rcs of ACMEIN not found", "template welcome_rcs of ACMEIN not found"},
		{body, `text "Hello Asha, your code is 4821. It is for you alone." does not match`, `text "***" does not match`},
		{body, `text 'Hello Asha, your code…' does not match`, `text '***…' does not match`},
		{body, `…code is 4821. It…`, `…***…`},
		{body, "4821 is no good", "*** is no good"},
		{body, "bad value 7733", "bad value ***"},
		{body, "asha@example.com unknown", "*** unknown"},
		{body, "other@example.com unknown", "*** unknown"}, // the request has its domain
		{body, "write to other@example.org, @all", "write to ***, @all"},
		{body, "Hello Asha, your code a@b.co", "***"},
		{body, "https://user:pw@h/p", "https://***@h/p"},
		{inXML, "other@example.org", "***"},
		{body, "ASHA@Example.com / HELLO ASHA, YOUR CODE", "*** / ***"},
		{body, strings.ToUpper(key) + " is wrong", "*** is wrong"},
		{body, "no such city: पुणे", "no such city: ***"},
		{body, "for +91 98123 45678", "for ***"},
		{body, key + " is wrong", "*** is wrong"},
		{body, "Hello\r\nAsha,\r\nyour code", "***"},
		{inXML, "bad body: Hello Asha, your <code> is", "bad body: ***"},
		{inXML, "4821", "***"},
		{`{"type":"sms","channel":"sms"}`, "sms: no such channel", "sms: no such channel"},
		{`{"otp":4821,"n":48}`, "4821 of 48", "*** of 48"},
		{`"one text alone"`, "one text alone", "***"},
	} {
		if got := NewWords([]byte(c.body), key).Line(c.in); got != c.want {
			t.Errorf("%q\n got %q\nwant %q", c.in, got, c.want)
		}
	}
	long := strings.Repeat("a long text ", 100_000)
	if got := NewWords([]byte(`{"text":"` + long + `"}`)).Line("no: " + long); got != "no:***" {
		t.Errorf("%q", got)
	}
}

// TestWordsAgain: what is remembered is what is said.
func TestWordsAgain(t *testing.T) {
	t.Parallel()
	w := NewWords([]byte(`{"text":"your code is 4821"}`))
	for range 2 {
		for in, want := range map[string]string{"4821": mask, "48": "48", "": ""} {
			if got := w.Line(in); got != want {
				t.Errorf("%q is %q, not %q", in, got, want)
			}
		}
	}
}

func FuzzWords(f *testing.F) {
	f.Add("no: your code is 4821", `{"text":"your code is 4821, Asha"}`)
	f.Add("x", `<root><a>b c</a>`)
	f.Fuzz(func(t *testing.T, s, text string) {
		NewWords([]byte(text)).Line(s) // not JSON, mostly
		wrapped, err := json.Marshal(map[string]string{"text": text})
		if err != nil {
			t.Fatal(err)
		}
		if len(wrapped) > maxText { // what is longer is cut
			return
		}
		text = clean(text)
		if strings.TrimFunc(text, func(r rune) bool { return !inWord(r) }) != text || len(text) < minWord || !isPrivate(text) || strings.Contains(clean(s), text) {
			return
		}
		if line := NewWords(wrapped).Line(s); address(line) {
			t.Errorf("an address: %q", line)
		}
		if line := NewWords(wrapped).Line(s + " " + text); strings.Contains(line, text) {
			t.Errorf("%q shows %q", line, text)
		}
	})
}

// TestWordsOfLongRequests: attachments do not take the room of texts, and what
// is too long altogether is not quoted at all.
func TestWordsOfLongRequests(t *testing.T) {
	t.Parallel()
	file := strings.Repeat("QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo0NTY3ODk", 10_000)
	body, err := json.Marshal(map[string]any{"file": file, "text": "your code is 4821", "z": file[1:], "a": file[2:]})
	if err != nil {
		t.Fatal(err)
	}
	if got := NewWords(body).Line("4821 / your code is / no"); got != "*** / ***/ no" {
		t.Errorf("%q", got)
	}
	var many []string
	for i := range 40_000 {
		many = append(many, "your code for today is "+strconv.Itoa(100_000+i))
	}
	if body, err = json.Marshal(many); err != nil {
		t.Fatal(err)
	}
	if got := NewWords(body).Line("something is wrong"); got != mask {
		t.Errorf("%q", got)
	}
}

// BenchmarkWords is what a vendor's words about each of 1,000 messages take.
func BenchmarkWords(b *testing.B) {
	var many []string
	for i := range 1000 {
		many = append(many, "your code for today is "+strconv.Itoa(100_000+i))
	}
	body, err := json.Marshal(many)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		w := NewWords(body)
		for i := range 1000 {
			w.Line("code " + strconv.Itoa(100_000+i) + " is wrong")
		}
	}
}
