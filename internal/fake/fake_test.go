package fake

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// vendor takes everything, and counts what it took.
type vendor struct{ took atomic.Int32 }

func (v *vendor) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	v.took.Add(1)
	w.Header().Set("Content-Type", "text/vendor")
	w.WriteHeader(http.StatusAccepted)
	io.WriteString(w, "took "+string(body)) //nolint:errcheck // the client may be gone
}

type answered struct {
	status int
	typ    string
	header http.Header
	body   string
}

// post sends body to s over connections of its own.
func post(ctx context.Context, s *Server, path, body string) (answered, error) {
	tr := &http.Transport{}
	defer tr.CloseIdleConnections()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.URL+path, strings.NewReader(body))
	if err != nil {
		return answered{}, err
	}
	req.Header.Set("X-Mark", "7")
	resp, err := tr.RoundTrip(req)
	if err != nil {
		return answered{}, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return answered{resp.StatusCode, resp.Header.Get("Content-Type"), resp.Header, string(b)}, err
}

func start(t testing.TB) (*Server, *vendor) {
	t.Helper()
	v := &vendor{}
	s := New(v)
	t.Cleanup(s.Close)
	return s, v
}

func TestAnswers(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		answer Answer
		status int
		typ    string
		body   string
		header string // Retry-After
		took   int32
	}{
		"normally":           {Normally(), 202, "text/vendor", "took hello", "", 1},
		"zero":               {Answer{}, 202, "text/vendor", "took hello", "", 1},
		"respond":            {Respond(418, "text/tea", "pot", "Retry-After", "3", "odd"), 418, "text/tea", "pot", "3", 0},
		"rate limited":       {RateLimited(1500*time.Millisecond, "{}"), 429, "application/json", "{}", "1.5", 0},
		"rate limited, bare": {RateLimited(0, "{}"), 429, "application/json", "{}", "", 0},
		"HTML":               {HTML(502), 502, "text/html", "<html><head><title>502 Bad Gateway</title></head></html>", "", 0},
		"slow":               {Slow(20 * time.Millisecond), 202, "text/vendor", "took hello", "", 1},
		"huge":               {Huge(500, 100_000), 500, "application/json", strings.Repeat(" ", 100_000), "", 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, v := start(t)
			s.Next(c.answer)
			begin := time.Now()
			got, err := post(t.Context(), s, "/a%2Fb/c?q=1", "hello")
			if err != nil || got.status != c.status || got.typ != c.typ || got.body != c.body || got.header.Get("Retry-After") != c.header {
				t.Errorf("%v %+v", err, got)
			}
			if n := v.took.Load(); n != c.took {
				t.Errorf("the vendor took %d", n)
			}
			if took := time.Since(begin); name == "slow" && took < 20*time.Millisecond {
				t.Errorf("took %v", took)
			}
			r := s.Requests()
			if len(r) != 1 || r[0].Method != "POST" || r[0].Path != "/a%2Fb/c" || r[0].Query != "q=1" || string(r[0].Body) != "hello" || r[0].Header.Get("X-Mark") != "7" {
				t.Errorf("recorded %+v", r)
			}
			if got, err := post(t.Context(), s, "/", "again"); err != nil || got.body != "took again" {
				t.Errorf("then: %v %+v", err, got)
			}
		})
	}
}

func TestFaults(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		answer Answer
		err    error
		body   string // of the request as recorded
		got    string // of the answer
		took   int32
	}{
		"close before reading": {CloseBeforeReading(), syscall.ECONNRESET, "", "", 0},
		"close after reading":  {CloseAfterReading(), syscall.ECONNRESET, "hello", "", 0},
		"lose answer":          {LoseAnswer(), syscall.ECONNRESET, "hello", "", 1},
		"truncate":             {Truncate(), io.ErrUnexpectedEOF, "hello", "took ", 1},
		"hang":                 {Hang(), context.DeadlineExceeded, "hello", "", 0},
		"stall":                {Stall(200, "text/half", "ha"), context.DeadlineExceeded, "hello", "ha", 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, v := start(t)
			s.Next(c.answer)
			ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
			defer cancel()
			if name != "hang" && name != "stall" {
				ctx = t.Context()
			}
			got, err := post(ctx, s, "/", "hello")
			if !errors.Is(err, c.err) && !(errors.Is(c.err, syscall.ECONNRESET) && errors.Is(err, io.EOF)) || got.body != c.got {
				t.Errorf("%v %+v", err, got)
			}
			if n := v.took.Load(); n != c.took {
				t.Errorf("the vendor took %d", n)
			}
			if r := s.Requests(); len(r) != 1 || string(r[0].Body) != c.body {
				t.Errorf("recorded %+v", r)
			}
			if got, err := post(t.Context(), s, "/", "again"); err != nil || got.body != "took again" {
				t.Errorf("then: %v %+v", err, got)
			}
		})
	}
}

// TestScript: in order, and behind what was scripted before.
func TestScript(t *testing.T) {
	t.Parallel()
	s, _ := start(t)
	s.Next(Respond(401, "", ""), Respond(402, "", ""))
	s.Next(Respond(403, "", ""))
	for _, want := range []int{401, 402, 403, 202, 202} {
		if got, err := post(t.Context(), s, "/", ""); err != nil || got.status != want {
			t.Errorf("%d, not %d (%v)", got.status, want, err)
		}
	}
	if n := len(s.Requests()); n != 5 {
		t.Errorf("%d requests", n)
	}
}

// TestScriptOfAPath: it has its own, and takes none of the others'.
func TestScriptOfAPath(t *testing.T) {
	t.Parallel()
	s, _ := start(t)
	s.NextAt("/token", Respond(500, "", ""))
	s.NextAt("/token", Respond(501, "", ""))
	s.Next(Respond(401, "", ""))
	for _, c := range []struct {
		path string
		want int
	}{{"/token", 500}, {"/token", 501}, {"/token", 202}, {"/send", 401}, {"/send", 202}} {
		if got, err := post(t.Context(), s, c.path, ""); err != nil || got.status != c.want {
			t.Errorf("%s: %d, not %d (%v)", c.path, got.status, c.want, err)
		}
	}
}

// TestRequestsAreCopies: what a test does to them changes no record.
func TestRequestsAreCopies(t *testing.T) {
	t.Parallel()
	s, _ := start(t)
	if _, err := post(t.Context(), s, "/", "hello"); err != nil {
		t.Fatal(err)
	}
	s.Requests()[0].Method = "spoilt"
	if got := s.Requests()[0].Method; got != "POST" {
		t.Error(got)
	}
}

func TestConnections(t *testing.T) {
	t.Parallel()
	s, _ := start(t)
	tr := &http.Transport{}
	client := &http.Client{Transport: tr}
	for range 3 {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		io.Copy(io.Discard, resp.Body) //nolint:errcheck // so that the connection is kept
		resp.Body.Close()
	}
	if open, ever := s.Connections(); open != 1 || ever != 1 {
		t.Errorf("%d open of %d", open, ever)
	}
	tr.CloseIdleConnections()
	for range 500 {
		if open, _ := s.Connections(); open == 0 {
			break
		}
		time.Sleep(time.Millisecond)
	}
	if _, err := post(t.Context(), s, "/", ""); err != nil {
		t.Error(err)
	}
	if _, ever := s.Connections(); ever != 2 {
		t.Errorf("%d ever", ever)
	}
}

// TestClose ends what hangs, what is slow and what stalls, and none of it
// looks like an answer. Closing twice is closing once.
func TestClose(t *testing.T) {
	t.Parallel()
	s, v := start(t)
	s.Next(Hang(), Slow(time.Hour), Stall(200, "", "x"))
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			if got, err := post(t.Context(), s, "/", ""); err == nil {
				t.Errorf("answered %+v", got)
			}
		})
	}
	for len(s.Requests()) < 3 {
		time.Sleep(time.Millisecond)
	}
	s.Close()
	s.Close()
	wg.Wait()
	if n := v.took.Load(); n != 0 {
		t.Errorf("the vendor took %d", n)
	}
}

func TestCall(t *testing.T) {
	t.Parallel()
	s, _ := start(t)
	if err := Call(t.Context(), http.MethodPost, s.URL+"/hook?k=v", "text/x", "event", http.Header{"X-Sign": {"abc"}}); err != nil {
		t.Error(err)
	}
	if err := Call(t.Context(), http.MethodHead, s.URL, "", "", nil); err != nil {
		t.Error(err)
	}
	r := s.Requests()
	if r[0].Header.Get("Content-Type") != "text/x" || r[0].Header.Get("X-Sign") != "abc" || string(r[0].Body) != "event" || r[0].Query != "k=v" {
		t.Errorf("%+v", r[0])
	}
	if r[1].Method != http.MethodHead || r[1].Header["Content-Type"] != nil {
		t.Errorf("%+v", r[1])
	}
	s.Next(Respond(500, "", ""), Truncate())
	if err := Call(t.Context(), http.MethodPost, s.URL, "", "", nil); err == nil || !strings.Contains(err.Error(), "500") {
		t.Error(err)
	}
	if Call(t.Context(), http.MethodPost, s.URL, "", "", nil) == nil {
		t.Error("a broken answer passes")
	}
	if Call(t.Context(), "bad method", s.URL, "", "", nil) == nil || Call(t.Context(), http.MethodPost, "http://127.0.0.1:1", "", "", nil) == nil {
		t.Error("what cannot be called passes")
	}
}
