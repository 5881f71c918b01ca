package deflector_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cpaas-go/cpaas/deflector"
	"github.com/cpaas-go/cpaas/internal/fake"
	"github.com/cpaas-go/cpaas/internal/testutil"
)

const (
	faultKey    = "5f0c9e1d7a2148b3a6c4d2e0f1b3a597"
	faultNumber = "919876501234"
	faultText   = "your code is zebra-42"
)

// faultMessage has a number, a text and ids that must not show.
func faultMessage() deflector.Message {
	return deflector.Message{
		To: []string{faultNumber}, CallbackData: "order-17",
		SMS: &deflector.SMSText{From: "ACMEIN", Text: faultText}, Flow: deflector.InOrder(deflector.SMS),
	}
}

// faultVendor answers as the vendor does that took the request.
func faultVendor(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	io.WriteString(w, `{"messageId":"m-1"}`) //nolint:errcheck // the client may be gone
}

type faultLog struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *faultLog) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(b)
}

func (l *faultLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// TestFaults is the fault table as a user of the package meets it: what the
// error is, how many requests the server saw, how the connection fared, and
// that neither the key nor the number nor the text shows.
func TestFaults(t *testing.T) {
	t.Parallel()
	echoed := func(status int, header ...string) fake.Answer {
		return fake.Respond(status, "application/json",
			`{"error":{"code":1,"message":"key `+faultKey+`: `+faultText+` for +`+faultNumber[:2]+" "+faultNumber[2:7]+"-"+faultNumber[7:]+`"},"messageId":null}`, header...)
	}
	maybe, decode := []error{deflector.ErrMaybeAccepted}, []error{deflector.ErrMaybeAccepted, deflector.ErrDecode}
	unavailable, invalid, limited := []error{deflector.ErrUnavailable}, []error{deflector.ErrInvalidRequest}, []error{deflector.ErrRateLimited}
	const elsewhere = "https://elsewhere.example.com/?to=" + faultNumber
	for name, c := range map[string]struct {
		answers []fake.Answer
		is      []error // and nothing else
		kept    bool    // the connection is used for the next call
		after   time.Duration
	}{
		"reset before reading": {[]fake.Answer{fake.CloseBeforeReading()}, maybe, false, 0},
		"reset after reading":  {[]fake.Answer{fake.CloseAfterReading()}, maybe, false, 0},
		"answer lost":          {[]fake.Answer{fake.LoseAnswer()}, maybe, false, 0},
		"silence":              {[]fake.Answer{fake.Hang()}, maybe, false, 0},
		"slow body":            {[]fake.Answer{fake.Stall(200, "application/json", `{"messageId":"m-`)}, decode, false, 0},
		"truncated body":       {[]fake.Answer{fake.Truncate()}, decode, false, 0},
		"HTML 502":             {[]fake.Answer{fake.HTML(502)}, maybe, true, 0},
		"HTML 200":             {[]fake.Answer{fake.HTML(200)}, decode, true, 0},
		"64 MiB 200":           {[]fake.Answer{fake.Huge(200, 64<<20)}, decode, false, 0},
		"64 MiB 500":           {[]fake.Answer{fake.Huge(500, 64<<20)}, maybe, false, 0},
		"400":                  {[]fake.Answer{echoed(400)}, invalid, true, 0},
		"401":                  {[]fake.Answer{echoed(401)}, []error{deflector.ErrUnauthorized}, true, 0},
		"403":                  {[]fake.Answer{echoed(403)}, []error{deflector.ErrForbidden}, true, 0},
		"500":                  {[]fake.Answer{echoed(500)}, maybe, true, 0},
		"501":                  {[]fake.Answer{echoed(501)}, unavailable, true, 0},
		"502":                  {[]fake.Answer{echoed(502)}, maybe, true, 0},
		"503":                  {[]fake.Answer{echoed(503)}, maybe, true, 0},
		"504":                  {[]fake.Answer{echoed(504)}, maybe, true, 0},
		"301 elsewhere":        {[]fake.Answer{echoed(301, "Location", elsewhere)}, unavailable, true, 0},
		"302 elsewhere":        {[]fake.Answer{echoed(302, "Location", elsewhere)}, maybe, true, 0},
		"307 elsewhere":        {[]fake.Answer{echoed(307, "Location", elsewhere)}, unavailable, true, 0},
		"308 elsewhere":        {[]fake.Answer{echoed(308, "Location", elsewhere)}, unavailable, true, 0},
		"429":                  {[]fake.Answer{echoed(429), echoed(429, "Retry-After", "0.01"), echoed(429)}, limited, true, 0},
		"429 seconds":          {[]fake.Answer{echoed(429, "Retry-After", "60")}, limited, true, time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := fake.New(http.HandlerFunc(faultVendor))
			defer s.Close()
			var log faultLog
			client, err := deflector.New(faultKey, deflector.WithBaseURL(s.URL), deflector.WithTimeout(time.Second),
				deflector.WithLogger(slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))))
			if err != nil {
				t.Fatal(err)
			}
			s.Next(c.answers...)
			resp, err := client.Send(t.Context(), faultMessage())
			if resp != nil || err == nil {
				t.Fatalf("%+v, %v", resp, err)
			}
			faultVerdict(t, err, c.is)
			var e *deflector.Error
			if !errors.As(err, &e) || e.RetryAfter != c.after || e.Attempts != len(c.answers) {
				t.Errorf("%#v", err)
			}
			if n := len(s.Requests()); n != len(c.answers) {
				t.Errorf("the server saw %d requests, not %d", n, len(c.answers))
			}
			if resp, err := client.Send(t.Context(), faultMessage()); err != nil || resp.MessageID != "m-1" {
				t.Errorf("then: %+v, %v", resp, err)
			}
			want := 2
			if c.kept {
				want = 1
			}
			if _, ever := s.Connections(); ever != want {
				t.Errorf("%d connections, not %d", ever, want)
			}
			faultShows(t, err, client, log.String())
		})
	}
}

// TestFaultNotConnected: certainly not accepted, and tried again.
func TestFaultNotConnected(t *testing.T) {
	t.Parallel()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	client, err := deflector.New(faultKey, deflector.WithBaseURL("http://"+l.Addr().String()))
	if err != nil {
		t.Fatal(err)
	}
	_, err = client.Send(t.Context(), faultMessage())
	faultVerdict(t, err, []error{deflector.ErrUnavailable})
	if op, ok := errors.AsType[*net.OpError](err); !ok || op.Op != "dial" {
		t.Errorf("%v", err)
	}
	if e, ok := errors.AsType[*deflector.Error](err); !ok || e.Attempts != 3 {
		t.Errorf("%#v", err)
	}
	faultShows(t, err, client, "")
}

// TestFaultBodies: a 2xx that does not say that the request was taken.
func TestFaultBodies(t *testing.T) {
	t.Parallel()
	s := fake.New(http.HandlerFunc(faultVendor))
	defer s.Close()
	client, err := deflector.New(faultKey, deflector.WithBaseURL(s.URL))
	if err != nil {
		t.Fatal(err)
	}
	bodies := []string{
		``, ` `, `{}`, `null`, `[]`, `[{}]`, `[null]`, `""`, `"ok"`, `0`, `true`, `{`, `{"messageId"}`, `{"messageId":}`, `{"messageId":"m-1"`,
		`{"messageId":null}`, `{"messageId":""}`, `{"messageId":" "}`, `{"messageId":{}}`, `{"messageId":[]}`, `{"messageId":false}`,
		`{"message_id":"m-1"}`, `{"message":"queued"}`, `{"status":"success"}`, `{"messageId":"m-1"}x`, "\xef\xbb\xbf{}", `{"messageId":"m-1"}{"error":"x"}`,
	}
	n := 0
	for _, status := range []int{200, 201, 202, 204} {
		for _, body := range bodies {
			if status == 204 && body != "" {
				continue // has none by definition
			}
			n++
			s.Next(fake.Respond(status, "application/json", body))
			resp, err := client.Send(t.Context(), faultMessage())
			if resp != nil || err == nil {
				t.Errorf("%d %q: %+v, %v", status, body, resp, err)
				continue
			}
			faultVerdict(t, err, []error{deflector.ErrMaybeAccepted, deflector.ErrDecode})
			if e, ok := errors.AsType[*deflector.Error](err); !ok || e.StatusCode != status || string(e.RawBody()) != body {
				t.Errorf("%d %q: %#v", status, body, err)
			}
			faultShows(t, err, client, "")
		}
	}
	if got := len(s.Requests()); got != n {
		t.Errorf("the server saw %d requests of %d calls", got, n)
	}
	if _, ever := s.Connections(); ever != 1 {
		t.Errorf("%d connections", ever)
	}
}

// TestFaultMutations: of 1,000 damaged answers each is either an acceptance
// under an id that is in it to the letter, or may have been accepted, or is a
// refusal because a member that means one is there.
func TestFaultMutations(t *testing.T) {
	t.Parallel()
	const runs = 1000
	s := fake.New(http.HandlerFunc(faultVendor))
	defer s.Close()
	client, err := deflector.New(faultKey, deflector.WithBaseURL(s.URL))
	if err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(2, 1000)) // the same bodies in every run
	accepted, unsure, refusals := 0, 0, 0
	for i := range runs {
		whole := `{"messageId":"7b1e6b4c-` + faultNumber + `"}`
		if i%4 == 0 { // refusals have no id
			whole = `{"number":"` + faultNumber + `"}`
		}
		body := mutate(random, []byte(whole))
		s.Next(fake.Respond(http.StatusOK, "application/json", string(body)))
		resp, err := client.Send(t.Context(), faultMessage())
		ids, failure := readMutated(body)
		switch {
		case (resp == nil) == (err == nil):
			t.Errorf("%q: %v, %v", body, resp, err)
		case err == nil:
			accepted++
			if !ids[resp.MessageID] || resp.MessageID == "" || resp.Attempts != 1 || !bytes.Equal(resp.Raw, body) {
				t.Errorf("%q was accepted as %q", body, resp.MessageID)
			}
		case errors.Is(err, deflector.ErrMaybeAccepted):
			unsure++
			if !errors.Is(err, deflector.ErrDecode) {
				t.Errorf("%q: %v", body, err)
			}
		default:
			refusals++
			if !failure {
				t.Errorf("%q is a refusal: %v", body, err)
			}
		}
		if err != nil {
			faultShows(t, err, client, "")
		}
	}
	if got := len(s.Requests()); got != runs {
		t.Errorf("the server saw %d requests of %d calls", got, runs)
	}
	if accepted < 100 || unsure < 100 || refusals < 5 {
		t.Errorf("the bodies are not mixed: %d accepted, %d unsure, %d refusals", accepted, unsure, refusals)
	}
}

// mutate damages an answer once to three times.
func mutate(r *rand.Rand, b []byte) []byte {
	pieces := []string{
		`"`, `{`, `}`, `[`, `]`, `,`, `:`, `\`, ` `, "\x00", "\xff", `null`, `1e9`, `\u0000`, `,"error":{"code":8002,"message":"no"}`, `,"error":"no"`,
		`,"status":"failure"`, `,"errors":[{"message":"no","field":"to"}]`, `,"error":null`, `,"error":false`, `,"messageId":"other"`, `,"MessageID":7`,
		`,"status":200`, `,"requestError":{"serviceException":{"text":"no"}}`, `,"error":{}`, `,"errors":{}`, `,"errors":[{}]`, `,"requestError":{}`,
		`,"requestError":{"serviceException":null}`, `,"error":{"code":0,"message":""}`, `,"error":"none"`, `,"status":"success"`, `,"status":"ok"`, `,"status":504`,
	}
	for range 1 + r.IntN(3) {
		at := r.IntN(len(b) + 1)
		end := at + r.IntN(len(b)-at+1)
		piece := pieces[r.IntN(len(pieces))]
		switch r.IntN(8) {
		case 0: // cut off
			b = b[:at:at]
		case 1: // cut out
			b = append(b[:at:at], b[min(at+1+r.IntN(4), len(b)):]...)
		case 2: // another byte
			if at < len(b) {
				b = bytes.Clone(b)
				b[at] = byte(r.UintN(256)) //nolint:gosec // it fits
			}
		case 3: // something put in
			b = append(b[:at:at], append([]byte(piece), b[at:]...)...)
		case 4, 5, 6: // a member put in where one belongs
			if last := bytes.LastIndexByte(b, '}'); last >= 0 {
				b = append(b[:last:last], append([]byte(piece), b[last:]...)...)
			}
		case 7: // twice
			b = append(b[:end:end], b[at:]...)
		}
	}
	return b
}

// readMutated reads a body in a way of its own: every id that it names, and
// whether it says that the request failed, and not that it succeeded.
func readMutated(body []byte) (ids map[string]bool, failure bool) {
	ids = map[string]bool{}
	var whole any
	if json.Unmarshal(body, &whole) == nil {
		said := map[string]bool{}
		heard(whole, "", said)
		failure = said["error"] && (!said["success"] || said["8002"]) && !said["doubt"]
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	member := ""
	for {
		token, err := d.Token()
		if err != nil {
			return ids, failure
		}
		if member != "" && (fmt.Sprintf("%T", token) == "string" || fmt.Sprintf("%T", token) == "json.Number") {
			ids[fmt.Sprint(token)] = true
		}
		word, isWord := token.(string)
		member = ""
		if isWord && strings.EqualFold(word, "messageid") {
			member = word
		}
	}
}

// heard notes what the texts and numbers of a value, which is that of a
// member, say.
func heard(v any, member string, said map[string]bool) {
	switch v := v.(type) {
	case []any:
		for _, v := range v {
			heard(v, member, said)
		}
	case map[string]any:
		for name, v := range v {
			if member != "" {
				name = member
			}
			heard(v, strings.ToLower(name), said)
		}
	case nil:
	default:
		s := strings.ToLower(fmt.Sprint(v))
		switch member {
		case "error", "errors", "requesterror":
			said["error"] = said["error"] || s != "" && s != "0" && s != "false" && s != "none"
			said["8002"] = said["8002"] || s == "8002"
		case "status":
			said["error"] = said["error"] || s == "failure"
			said["success"] = said["success"] || s == "success" || s == "ok" || s == "200"
			said["doubt"] = said["doubt"] || s == "504"
		}
	}
}

// faultVerdict checks that err is each of want and none of the others.
func faultVerdict(t testing.TB, err error, want []error) {
	t.Helper()
	for _, sentinel := range []error{
		deflector.ErrInvalidRequest, deflector.ErrInvalidRecipient, deflector.ErrNotOnChannel, deflector.ErrUnauthorized, deflector.ErrForbidden,
		deflector.ErrInsufficientCredit, deflector.ErrRateLimited, deflector.ErrContentRejected, deflector.ErrUnavailable, deflector.ErrMaybeAccepted,
		deflector.ErrDecode,
	} {
		is := false
		for _, w := range want {
			is = is || w == sentinel //nolint:errorlint // the very value
		}
		if errors.Is(err, sentinel) != is {
			t.Errorf("%q: %v", sentinel, err)
		}
	}
}

// faultShows checks that nothing which is printed shows what it must not.
func faultShows(t testing.TB, err error, client *deflector.Client, log string) {
	t.Helper()
	secrets := []string{faultKey, faultNumber, faultNumber[2:7] + "-" + faultNumber[7:], faultText, "zebra"}
	testutil.NoLeak(t, err, secrets...)
	testutil.NoLeak(t, client, secrets...)
	for _, secret := range append(secrets, "to=") {
		if strings.Contains(log, secret) {
			t.Errorf("%q is logged:\n%s", secret, log)
		}
	}
	if e, ok := errors.AsType[*deflector.Error](err); ok {
		testutil.NoLeak(t, *e, secrets...)
	}
}
