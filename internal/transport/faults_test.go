package transport

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cpaas-go/cpaas/internal/errs"
	"github.com/cpaas-go/cpaas/internal/fake"
	"github.com/cpaas-go/cpaas/internal/testutil"
)

// fault is what one call met: over real sockets, by the default transport.
type fault struct {
	kind     error
	also     error // errs.Decode, or nil
	status   int
	attempts int
	requests int  // that the server saw
	kept     bool // the connection is used for the next call
	after    time.Duration
}

// vendor answers as an API does that takes everything.
func vendor(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusAccepted)
	io.WriteString(w, `{"messageId":"m-1"}`) //nolint:errcheck // the client may be gone
}

// echo answers as a careless API does: with everything it was sent.
func echo(status int, header ...string) fake.Answer {
	return fake.Respond(status, "application/json", `{"error":"key `+key+` may not send `+text+` to `+number+`"}`, header...)
}

// TestFaults is the fault table. Each fault is met by a Send on a connection
// that has been used before, and followed by one that meets none.
func TestFaults(t *testing.T) {
	t.Parallel()
	elsewhere := fake.New(http.HandlerFunc(vendor))
	t.Cleanup(func() {
		if n := len(elsewhere.Requests()); n != 0 {
			t.Errorf("a redirect was followed %d times", n)
		}
		elsewhere.Close()
	})
	location := elsewhere.URL + "/?to=" + number
	date := func(d time.Duration) string { return time.Now().Add(d).UTC().Format(http.TimeFormat) }
	maybe := fault{kind: errs.MaybeAccepted, attempts: 1, requests: 1}
	with := func(f fault, status int, kept bool) fault { f.status, f.kept = status, kept; return f }
	limited := func(after time.Duration) fault {
		return fault{kind: errs.RateLimited, status: 429, attempts: 1, requests: 1, kept: true, after: after}
	}
	unread := func(status int) fault {
		return fault{kind: errs.MaybeAccepted, also: errs.Decode, status: status, attempts: 1, requests: 1}
	}
	for name, c := range map[string]struct {
		answers []fake.Answer
		want    fault
	}{
		"reset before reading":  {[]fake.Answer{fake.CloseBeforeReading()}, maybe},
		"reset after reading":   {[]fake.Answer{fake.CloseAfterReading()}, maybe},
		"answer lost":           {[]fake.Answer{fake.LoseAnswer()}, maybe},
		"silence":               {[]fake.Answer{fake.Hang()}, maybe},
		"slow body":             {[]fake.Answer{stall(200)}, unread(200)},
		"slow body of 400":      {[]fake.Answer{stall(400)}, fault{kind: errs.InvalidRequest, status: 400, attempts: 1, requests: 1}},
		"truncated body":        {[]fake.Answer{fake.Truncate()}, unread(202)},
		"HTML 502":              {[]fake.Answer{fake.HTML(502)}, with(maybe, 502, true)},
		"64 MiB 200":            {[]fake.Answer{fake.Huge(200, 64<<20)}, unread(200)},
		"64 MiB 500":            {[]fake.Answer{fake.Huge(500, 64<<20)}, with(maybe, 500, false)},
		"500":                   {[]fake.Answer{echo(500)}, with(maybe, 500, true)},
		"501":                   {[]fake.Answer{echo(501)}, fault{kind: errs.Unavailable, status: 501, attempts: 1, requests: 1, kept: true}},
		"502":                   {[]fake.Answer{echo(502)}, with(maybe, 502, true)},
		"503":                   {[]fake.Answer{echo(503)}, with(maybe, 503, true)},
		"503 with Retry-After":  {[]fake.Answer{echo(503, "Retry-After", "7")}, fault{kind: errs.MaybeAccepted, status: 503, attempts: 1, requests: 1, kept: true, after: 7 * time.Second}},
		"504":                   {[]fake.Answer{echo(504)}, with(maybe, 504, true)},
		"400":                   {[]fake.Answer{echo(400)}, fault{kind: errs.InvalidRequest, status: 400, attempts: 1, requests: 1, kept: true}},
		"401":                   {[]fake.Answer{echo(401)}, fault{kind: errs.Unauthorized, status: 401, attempts: 1, requests: 1, kept: true}},
		"301 to another host":   {[]fake.Answer{echo(301, "Location", location)}, fault{kind: errs.Unavailable, status: 301, attempts: 1, requests: 1, kept: true}},
		"302 to another host":   {[]fake.Answer{echo(302, "Location", location)}, with(maybe, 302, true)},
		"303 to another host":   {[]fake.Answer{echo(303, "Location", location)}, with(maybe, 303, true)},
		"307 to another host":   {[]fake.Answer{echo(307, "Location", location)}, fault{kind: errs.Unavailable, status: 307, attempts: 1, requests: 1, kept: true}},
		"308 to another host":   {[]fake.Answer{echo(308, "Location", location)}, fault{kind: errs.Unavailable, status: 308, attempts: 1, requests: 1, kept: true}},
		"429":                   {[]fake.Answer{echo(429), echo(429), echo(429)}, fault{kind: errs.RateLimited, status: 429, attempts: 3, requests: 3, kept: true}},
		"429 then not":          {[]fake.Answer{echo(429, "Retry-After", "0.05")}, fault{status: 202, attempts: 2, requests: 2, kept: true}},
		"429 seconds":           {[]fake.Answer{echo(429, "Retry-After", "30")}, limited(30 * time.Second)},
		"429 fractions":         {[]fake.Answer{echo(429, "Retry-After", "8.5")}, limited(8500 * time.Millisecond)},
		"429 date":              {[]fake.Answer{echo(429, "Retry-After", date(time.Hour))}, limited(-time.Hour)},
		"429 past date":         {[]fake.Answer{echo(429, "Retry-After", date(-time.Hour))}, fault{status: 202, attempts: 2, requests: 2, kept: true}},
		"429 overflow":          {[]fake.Answer{echo(429, "Retry-After", "9223372036854775807")}, fault{status: 202, attempts: 2, requests: 2, kept: true}},
		"429 negative":          {[]fake.Answer{echo(429, "Retry-After", "-3")}, fault{status: 202, attempts: 2, requests: 2, kept: true}},
		"429 nonsense":          {[]fake.Answer{echo(429, "Retry-After", "soon")}, fault{status: 202, attempts: 2, requests: 2, kept: true}},
		"empty 200 is complete": {[]fake.Answer{fake.Respond(200, "application/json", "")}, fault{status: 200, attempts: 1, requests: 1, kept: true}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := fake.New(http.HandlerFunc(vendor))
			defer s.Close()
			o := newOver(t, s.URL)
			check(t, o.send(t.Context()), nil, 1) // opens the connection
			s.Next(c.answers...)
			o.limit(300 * time.Millisecond)
			res := o.send(t.Context())
			if n := len(s.Requests()) - 1; n != c.want.requests {
				t.Errorf("the server saw %d requests, not %d", n, c.want.requests)
			}
			o.compare(t, res, c.want)
			check(t, o.send(t.Context()), nil, 1)
			want := 2
			if c.want.kept {
				want = 1
			}
			if _, ever := s.Connections(); ever != want {
				t.Errorf("%d connections, not %d", ever, want)
			}
			waitFor(t, "one open connection", func() bool { open, _ := s.Connections(); return open == 1 })
		})
	}
}

// stall sends a header and half a body, and then nothing.
func stall(status int) fake.Answer {
	return fake.Stall(status, "application/json", `{"messageId":"m-`)
}

// over is a client of a server, its log, and what must not show.
type over struct {
	c   *Client
	log *logBuffer
}

func newOver(t testing.TB, url string, set ...func(*Options)) *over {
	t.Helper()
	o := &over{log: &logBuffer{}}
	options := Defaults(url)
	must(t, options.SetLogger(slog.New(slog.NewJSONHandler(o.log, &slog.HandlerOptions{Level: slog.LevelDebug}))))
	for _, f := range set {
		f(&options)
	}
	var err error
	o.c, err = New("acme", options, HeaderAuth("api-key", key), http.Header{"Content-Type": {"application/json"}})
	must(t, err)
	return o
}

// limit sets the attempt's timeout, which is short so that tests are.
func (o *over) limit(d time.Duration) { o.c.opts.timeout = d }

func (o *over) send(ctx context.Context) Result {
	return o.c.Do(ctx, Call{
		Endpoint: o.c.Endpoint("Send", http.MethodPost, "/messages/{to}", Send), Args: []string{number},
		Query: "text=" + strings.ReplaceAll(text, " ", "+"), Body: []byte(`{"to":"` + number + `","text":"` + text + `"}`),
	})
}

// compare holds a Result, its Fault and the log against what is wanted.
func (o *over) compare(t *testing.T, res Result, want fault) {
	t.Helper()
	check(t, res, want.kind, want.attempts)
	if res.Status != want.status {
		t.Errorf("status %d, not %d", res.Status, want.status)
	}
	after := want.after
	if after < 0 { // a date: about that
		after = res.RetryAfter
		if after < -want.after-5*time.Second || after > -want.after {
			t.Errorf("RetryAfter %v", after)
		}
	}
	if res.RetryAfter != after {
		t.Errorf("RetryAfter %v, not %v", res.RetryAfter, after)
	}
	if limit := map[bool]int{true: MaxResponse, false: MaxErrorBody}[res.Status/100 == 2]; len(res.Body) > limit {
		t.Errorf("%d bytes kept", len(res.Body))
	}
	f := o.c.Fault(res)
	if f.Is(errs.Decode) != (want.also != nil) {
		t.Errorf("decode: %v", f.Is(errs.Decode))
	}
	shown := f.Text + "\n" + o.log.String()
	for _, secret := range []string{key, number, "zebra"} {
		if strings.Contains(shown, secret) {
			t.Errorf("%q shows:\n%s", secret, shown)
		}
	}
	testutil.NoLeak(t, f, key, number, "zebra")
}

type logBuffer struct {
	mu sync.Mutex
	b  strings.Builder
}

func (l *logBuffer) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(b)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func waitFor(t testing.TB, what string, done func() bool) {
	t.Helper()
	for range 500 {
		if done() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Errorf("not within 5 s: %s", what)
}

// TestNotConnected: what fails before anything is written is tried again, and
// is certainly not accepted.
func TestNotConnected(t *testing.T) {
	t.Parallel()
	unavailable := fault{kind: errs.Unavailable, attempts: 2}
	var served atomic.Int32
	count := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { served.Add(1); vendor(w, r) })
	quiet := log.New(io.Discard, "", 0)

	t.Run("refused", func(t *testing.T) {
		t.Parallel()
		l := listen(t)
		l.Close()
		o := newOver(t, "http://"+l.Addr().String())
		o.compare(t, o.send(NoWait(t.Context())), unavailable)
	})
	t.Run("refused, then there", func(t *testing.T) {
		t.Parallel()
		l := listen(t)
		address := l.Addr().String()
		l.Close()
		o := newOver(t, "http://"+address)
		o.c.auth = authFunc(func() func(http.Header) error {
			n := 0
			var s *httptest.Server
			t.Cleanup(func() { s.Close() })
			return func(http.Header) error {
				if n++; n == 2 { // between the first attempt and the second
					s = httptest.NewUnstartedServer(http.HandlerFunc(vendor))
					s.Listener.Close()
					again, err := new(net.ListenConfig).Listen(t.Context(), "tcp", address)
					if err != nil {
						return err
					}
					s.Listener = again
					s.Start()
				}
				return nil
			}
		}())
		o.compare(t, o.send(NoWait(t.Context())), fault{status: 202, attempts: 2})
	})
	t.Run("no such host", func(t *testing.T) {
		t.Parallel()
		tr, _ := defaultTransport()
		dialer := net.Dialer{Resolver: &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
			return nil, errors.New("no resolver here")
		}}}
		tr.(*http.Transport).DialContext = dialer.DialContext //nolint:errcheck // TestDefaultPool says so
		o := newOver(t, "https://api.example.invalid", func(o *Options) { must(t, o.SetHTTPClient(&http.Client{Transport: tr})) })
		res := o.send(NoWait(t.Context()))
		o.compare(t, res, unavailable)
		if _, ok := errors.AsType[*net.DNSError](res.Cause); !ok {
			t.Errorf("cause %v", res.Cause)
		}
	})
	t.Run("bad certificate", func(t *testing.T) {
		t.Parallel()
		s := httptest.NewUnstartedServer(count)
		s.Config.ErrorLog = quiet
		s.StartTLS()
		defer s.Close()
		o := newOver(t, s.URL)
		res := o.send(NoWait(t.Context()))
		o.compare(t, res, unavailable)
		if _, ok := errors.AsType[*tls.CertificateVerificationError](res.Cause); !ok {
			t.Errorf("cause %v", res.Cause)
		}
	})
	t.Run("old TLS", func(t *testing.T) {
		t.Parallel()
		s := httptest.NewUnstartedServer(count)
		s.Config.ErrorLog = quiet
		s.TLS = &tls.Config{MaxVersion: tls.VersionTLS11, MinVersion: tls.VersionTLS10}
		s.StartTLS()
		defer s.Close()
		o := newOver(t, s.URL)
		o.compare(t, o.send(NoWait(t.Context())), unavailable)
	})
	t.Run("not TLS", func(t *testing.T) {
		t.Parallel()
		s := httptest.NewServer(count)
		defer s.Close()
		o := newOver(t, "https"+strings.TrimPrefix(s.URL, "http"))
		o.compare(t, o.send(NoWait(t.Context())), unavailable)
	})
	t.Run("silent handshake", func(t *testing.T) {
		t.Parallel()
		l := listen(t)
		defer l.Close()
		o := newOver(t, "https://"+l.Addr().String())
		o.limit(100 * time.Millisecond)
		o.compare(t, o.send(NoWait(t.Context())), unavailable)
	})
	t.Cleanup(func() {
		if n := served.Load(); n != 0 {
			t.Errorf("the server saw %d requests", n)
		}
	})
}

func listen(t testing.TB) net.Listener {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	must(t, err)
	return l
}

// TestDyingConnection: a kept connection that the server closes when the next
// request comes is the case where net/http repeats a POST by itself, if it
// carries an idempotency key.
func TestDyingConnection(t *testing.T) {
	t.Parallel()
	l := listen(t)
	defer l.Close()
	var requests atomic.Int32
	var serving sync.WaitGroup
	defer serving.Wait()
	serving.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			serving.Go(func() {
				defer conn.Close()
				r := bufio.NewReader(conn)
				for n := 0; ; n++ {
					req, err := http.ReadRequest(r)
					if err != nil {
						return
					}
					if _, err := io.Copy(io.Discard, req.Body); err != nil {
						return
					}
					requests.Add(1)
					if n == 1 {
						return // without an answer
					}
					fmt.Fprint(conn, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}") // the client may be gone
				}
			})
		}
	})
	o := newOver(t, "http://"+l.Addr().String())
	check(t, o.send(t.Context()), nil, 1)
	o.compare(t, o.send(t.Context()), fault{kind: errs.MaybeAccepted, attempts: 1})
	if n := requests.Load(); n != 2 {
		t.Errorf("the server saw %d requests of 2 calls", n)
	}
	l.Close()
	o.c.http.CloseIdleConnections()
}

// TestContextEnds at each point of a call over a socket.
func TestContextEnds(t *testing.T) {
	t.Parallel()
	released := make(chan struct{})
	t.Cleanup(func() { close(released) })
	for name, c := range map[string]struct {
		answer fake.Answer
		set    func(*over, context.CancelFunc)
		want   fault
	}{
		"before": {fake.Normally(), func(_ *over, cancel context.CancelFunc) { cancel() }, fault{kind: errs.Unavailable}},
		"waiting for the rate limiter": {fake.Normally(), func(o *over, cancel context.CancelFunc) {
			must(t, o.c.opts.SetRateLimit(0.1, 1))
			o.c.opts.limiter.Allow()
			time.AfterFunc(20*time.Millisecond, cancel)
		}, fault{kind: errs.RateLimited, after: -10 * time.Second}},
		"in the dial": {fake.Normally(), func(o *over, cancel context.CancelFunc) {
			tr, _ := defaultTransport()
			tr.(*http.Transport).DialContext = func(context.Context, string, string) (net.Conn, error) { //nolint:errcheck // see TestDefaultPool
				cancel()
				<-released // net/http lets a dial go on that nobody waits for
				return nil, net.ErrClosed
			}
			o.c.http.Transport = tr
		}, fault{kind: errs.Unavailable, attempts: 1}},
		"waiting for the answer": {fake.Hang(), func(_ *over, cancel context.CancelFunc) {
			time.AfterFunc(time.Second, cancel) // until then it has come so far
		}, fault{kind: errs.MaybeAccepted, attempts: 1, requests: 1}},
		"reading the body": {stall(200), func(_ *over, cancel context.CancelFunc) {
			time.AfterFunc(time.Second, cancel) // until then it has come so far
		}, fault{kind: errs.MaybeAccepted, also: errs.Decode, status: 200, attempts: 1, requests: 1}},
		"in back-off": {echo(429, "Retry-After", "5"), func(_ *over, cancel context.CancelFunc) {
			time.AfterFunc(time.Second, cancel) // until then it has come so far
		}, fault{kind: errs.RateLimited, status: 429, attempts: 1, requests: 1, after: 5 * time.Second}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := fake.New(http.HandlerFunc(vendor))
			defer s.Close()
			s.Next(c.answer)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			o := newOver(t, s.URL)
			c.set(o, cancel)
			begin := time.Now()
			res := o.send(ctx)
			if took := time.Since(begin); took > 3*time.Second {
				t.Errorf("took %v", took)
			}
			o.compare(t, res, c.want)
			if !errors.Is(res.Cause, context.Canceled) {
				t.Errorf("cause %v", res.Cause)
			}
			if n := len(s.Requests()); n != c.want.requests {
				t.Errorf("the server saw %d requests, not %d", n, c.want.requests)
			}
			wantOpen := 0
			if c.want.status == 429 {
				wantOpen = 1 // idle, for the next call
			}
			waitFor(t, strconv.Itoa(wantOpen)+" open connections", func() bool { open, _ := s.Connections(); return open == wantOpen })
		})
	}
}

// TestChunkedBodies: bodies whose length is not told are bounded by what is read.
func TestChunkedBodies(t *testing.T) {
	t.Parallel()
	s := fake.New(http.HandlerFunc(vendor))
	defer s.Close()
	s.Next(fake.Respond(200, "application/json", strings.Repeat(" ", MaxResponse)), fake.Respond(200, "application/json", strings.Repeat(" ", MaxResponse+1)))
	o := newOver(t, s.URL)
	check(t, o.send(t.Context()), nil, 1)
	check(t, o.send(t.Context()), errs.MaybeAccepted, 1)
}

// deafConn loses every write after the first: the connection is closed, which
// shows only when it is written to.
type deafConn struct {
	net.Conn

	writes atomic.Int32
}

func (c *deafConn) Write(b []byte) (int, error) {
	if c.writes.Add(1) > 1 {
		return 0, net.ErrClosed
	}
	return c.Conn.Write(b)
}

// TestKeptConnectionIsGone: a kept connection that takes nothing of a request
// any more is no attempt. The request goes over another, body and all.
func TestKeptConnectionIsGone(t *testing.T) {
	t.Parallel()
	s := fake.New(http.HandlerFunc(vendor))
	defer s.Close()
	o := newOver(t, s.URL)
	tr, _ := defaultTransport()
	tr.(*http.Transport).DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) { //nolint:errcheck // see TestDefaultPool
		c, err := new(net.Dialer).DialContext(ctx, network, addr)
		return &deafConn{Conn: c}, err
	}
	defer tr.(*http.Transport).CloseIdleConnections() //nolint:errcheck // likewise
	o.c.http.Transport = tr
	for range 2 {
		o.compare(t, o.send(t.Context()), fault{status: 202, attempts: 1})
	}
	requests := s.Requests()
	if len(requests) != 2 || len(requests[1].Body) == 0 || string(requests[0].Body) != string(requests[1].Body) {
		t.Errorf("the server saw %v", requests)
	}
}

// TestNothingWritten: our own pool reports every connection that it hands
// over, so that without a report nothing was written. Another RoundTripper may
// not report at all.
func TestNothingWritten(t *testing.T) {
	t.Parallel()
	for _, own := range []bool{true, false} {
		a := &attempts{c: &Client{ownPool: own}}
		if a.written(io.EOF) == own {
			t.Errorf("own pool %v: written %v", own, !own)
		}
	}
}

// TestFaultOfAnswers: an answer that came and is not understood is that, too.
func TestFaultOfAnswers(t *testing.T) {
	t.Parallel()
	c := &Client{}
	for _, test := range []struct {
		res  Result
		also error
	}{
		{Result{Status: 200, Kind: errs.MaybeAccepted}, errs.Decode},
		{Result{Status: 200, Kind: errs.Unavailable, unread: true}, errs.Decode},
		{Result{Status: 200, Kind: errs.RateLimited}, nil},
		{Result{Status: 500, Kind: errs.MaybeAccepted}, nil},
		{Result{Kind: errs.MaybeAccepted}, nil},
	} {
		if f := c.Fault(test.res); f.Also != test.also { //nolint:errorlint // the very value
			t.Errorf("%+v: also %v", test.res, f.Also)
		}
	}
}
