package transport

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cpaas-go/cpaas/internal/errs"
	"github.com/cpaas-go/cpaas/internal/testutil"
)

// authFunc is an Auth of one function.
type authFunc func(http.Header) error

func (f authFunc) Apply(_ context.Context, h http.Header) error { return f(h) }

func (authFunc) Secrets() []string { return nil }

// renewing is an Auth whose key can be changed for the next one.
type renewing struct {
	keys     []string
	rejected []string
}

func (r *renewing) Apply(_ context.Context, h http.Header) error {
	h.Set("Token", r.keys[0])
	return nil
}

func (r *renewing) Secrets() []string { return r.keys[:1] }

func (r *renewing) Rejected(sent http.Header) bool {
	r.rejected = append(r.rejected, sent.Get("Token"))
	if len(r.keys) == 1 {
		return false
	}
	r.keys = r.keys[1:]
	return true
}

// TestRenewedCredentials: after a 401 the call is made once more, at once and
// on top of the retries, if other credentials can be had.
func TestRenewedCredentials(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		keys     []string
		steps    []step
		kind     error
		attempts int
	}{
		"renewed":       {[]string{"a", "b"}, []step{answer(401, ""), answer(200, "")}, nil, 2},
		"once only":     {[]string{"a", "b", "c"}, []step{answer(401, "")}, errs.Unauthorized, 2},
		"nothing new":   {[]string{"a"}, []step{answer(401, "")}, errs.Unauthorized, 1},
		"in a body":     {[]string{"a", "b"}, []step{answer(200, "rejected"), answer(200, "")}, nil, 2},
		"taken":         {[]string{"a", "b"}, []step{answer(401, "taken")}, errs.MaybeAccepted, 1},
		"403 is final":  {[]string{"a", "b"}, []step{answer(403, "")}, errs.Forbidden, 1},
		"then lost":     {[]string{"a", "b"}, []step{answer(401, ""), lost}, errs.MaybeAccepted, 2},
		"then refused":  {[]string{"a", "b"}, []step{answer(401, ""), answer(400, "")}, errs.InvalidRequest, 2},
		"after a retry": {[]string{"a", "b"}, []step{refused, answer(401, ""), answer(200, "")}, nil, 3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				auth := &renewing{keys: c.keys}
				rt := play(c.steps...)
				allowed := 0
				if name == "after a retry" {
					allowed = 1
				}
				cl := clientWith(t, auth, rt, retries(t, allowed))
				call := post(cl, Send)
				call.Means = bodyMeans
				res := cl.Do(t.Context(), call)
				check(t, res, c.kind, c.attempts)
				if name == "renewed" {
					if !slices.Equal(auth.rejected, []string{"a"}) || rt.requests[1].Header.Get("Token") != "b" {
						t.Errorf("rejected %v, then sent %v", auth.rejected, rt.requests[1].Header.Get("Token"))
					}
					if rt.waits()[0] != 0 {
						t.Errorf("waited %v", rt.waits()[0])
					}
				}
			})
		})
	}
}

// sayingWhy is an error of a token's endpoint.
type sayingWhy struct{ kind error }

func (sayingWhy) Error() string             { return "no token" }
func (s sayingWhy) Is(target error) bool    { return target == s.kind }
func (sayingWhy) RetryDelay() time.Duration { return 20 * time.Second }

// TestNoCredentials: nothing is sent, nothing is tried again, and why is told.
func TestNoCredentials(t *testing.T) {
	t.Parallel()
	for gave, kind := range map[error]error{
		errs.Unauthorized: errs.Unauthorized, errs.Forbidden: errs.Forbidden, errs.RateLimited: errs.RateLimited,
		errs.InsufficientCredit: errs.InsufficientCredit,
		errs.MaybeAccepted:      errs.Unavailable, // of the token's call: this one was not made
		errs.Decode:             errs.Unavailable, io.EOF: errs.Unavailable,
	} {
		rt := play(answer(200, ""))
		asked := 0
		cl := clientWith(t, authFunc(func(http.Header) error { asked++; return fmt.Errorf("token: %w", sayingWhy{gave}) }), rt)
		res := cl.Do(t.Context(), post(cl, Send))
		if asked != 1 {
			t.Errorf("asked %d times", asked)
		}
		cl.auth = authFunc(func(http.Header) error { asked++; return gave })
		if res := cl.Do(NoWait(t.Context()), post(cl, Send)); asked != 2 || res.RetryAfter != 0 {
			t.Errorf("asked %d times, RetryAfter %v", asked-1, res.RetryAfter)
		}
		check(t, res, kind, 0)
		if len(rt.requests) != 0 || res.RetryAfter != 20*time.Second || !errors.Is(res.Cause, gave) {
			t.Errorf("%d requests, RetryAfter %v, cause %v", len(rt.requests), res.RetryAfter, res.Cause)
		}
	}
}

// TestCredentialsInnermost: neither go-retryablehttp nor http.Client gets to
// see a credential, a header or the body.
func TestCredentialsInnermost(t *testing.T) {
	t.Parallel()
	rt := play(answer(200, ""))
	cl := client(t, rt)
	call := post(cl, Send)
	call.Header = http.Header{"X-Tenant": {"7"}}
	req := newAttempts(t.Context(), cl, call, false).request()
	if len(req.Header) != 0 || req.Body != nil || req.GetBody != nil {
		t.Errorf("outside: %v %v", req.Header, req.Body)
	}
	check(t, cl.Do(t.Context(), call), nil, 1)
	want := http.Header{"Api-Key": {key}, "Content-Type": {"application/json"}, "User-Agent": {userAgent}, "X-Tenant": {"7"}}
	if got := rt.requests[0].Header; fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("inside: %v", got)
	}
	if rt.requests[0].ContentLength != int64(len(call.Body)) {
		t.Errorf("Content-Length %d", rt.requests[0].ContentLength)
	}
}

// TestHeadersOfEachAttempt: what a RoundTripper does to one attempt's header
// does not reach the next.
func TestHeadersOfEachAttempt(t *testing.T) {
	t.Parallel()
	rude := func(req *http.Request) (*http.Response, error) {
		req.Header.Set("Api-Key", "spoilt")
		req.Header["User-Agent"] = append(req.Header["User-Agent"], "spoilt")
		req.Header["Content-Type"] = append(req.Header["Content-Type"], "spoilt")
		req.Header.Set("Extra", "spoilt")
		return refused(req)
	}
	rt := play(rude, answer(200, ""))
	cl := client(t, rt)
	check(t, cl.Do(NoWait(t.Context()), post(cl, Send)), nil, 2)
	check(t, cl.Do(NoWait(t.Context()), post(cl, Send)), nil, 1)
	for _, req := range rt.requests[1:] {
		if got := fmt.Sprint(req.Header); strings.Contains(got, "spoilt") {
			t.Errorf("header %s", got)
		}
	}
}

// TestHeaderIsCopied: what its maker does to it later is not sent.
func TestHeaderIsCopied(t *testing.T) {
	t.Parallel()
	rt := play(func(req *http.Request) (*http.Response, error) {
		req.Header["X-Tenant"] = append(req.Header["X-Tenant"], "spoilt")
		return answer(200, "")(req)
	})
	o := Defaults("https://api.example.com")
	must(t, o.SetHTTPClient(&http.Client{Transport: rt}))
	mine := append(make([]string, 0, 2), "7")
	cl, err := New("acme", o, nil, http.Header{"x-tenant": mine})
	must(t, err)
	check(t, cl.Do(t.Context(), post(cl, Send)), nil, 1)
	if got := mine[:2][1]; got != "" {
		t.Errorf("%q was written behind it", got)
	}
	mine[0] = "8"
	check(t, cl.Do(t.Context(), post(cl, Send)), nil, 1)
	if got := rt.requests[1].Header["X-Tenant"]; got[0] != "7" {
		t.Errorf("sent %q", got)
	}
}

// TestNoReplayByNetHTTP: a header that makes net/http repeat a POST is not
// sent, whoever sets it.
func TestNoReplayByNetHTTP(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"Idempotency-Key", "X-Idempotency-Key", "idempotency-key"} {
		if _, err := New("acme", Defaults("https://api.example.com"), nil, http.Header{name: {"1"}}); err == nil {
			t.Errorf("New takes %s", name)
		}
		rt := play(answer(200, ""))
		cl := client(t, rt)
		call := post(cl, Send)
		call.Header = http.Header{name: {"1"}}
		check(t, cl.Do(t.Context(), call), errs.InvalidRequest, 0)
		if len(rt.requests) != 0 {
			t.Errorf("%s was sent", name)
		}
	}
}

func TestHeaderInjection(t *testing.T) {
	t.Parallel()
	for _, v := range []string{"a\r\nX: y", "a\x00", " a", "a ", "é"} {
		rt := play(answer(200, ""))
		cl := client(t, rt)
		call := post(cl, Send)
		call.Header = http.Header{"X-Ref": {v}}
		res := cl.Do(t.Context(), call)
		check(t, res, errs.InvalidRequest, 0)
		if len(rt.requests) != 0 || res.Cause.Error() != "header X-Ref: not fit for a header" {
			t.Errorf("%d requests, cause %v", len(rt.requests), res.Cause)
		}
	}
}

// closer counts how often somebody wants its connections closed.
type closer struct {
	*script
	closed atomic.Int32
}

func (c *closer) CloseIdleConnections() { c.closed.Add(1) }

// TestPoolIsKept: go-retryablehttp would close every idle connection on each
// failure.
func TestPoolIsKept(t *testing.T) {
	t.Parallel()
	for _, s := range []step{refused, lost, answer(500, ""), answer(400, "")} {
		rt := &closer{script: play(s)}
		cl := client(t, rt)
		if res := cl.Do(NoWait(t.Context()), post(cl, Send)); res.Kind == nil {
			t.Error("no failure")
		}
		if n := rt.closed.Load(); n != 0 {
			t.Errorf("idle connections were closed %d times", n)
		}
	}
	synctest.Test(t, func(t *testing.T) { // also when the context ends a wait
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		rt := &closer{script: play(answer(429, "", "Retry-After", "5"))}
		cl := client(t, rt)
		check(t, cl.Do(ctx, post(cl, Send)), errs.RateLimited, 1)
		if n := rt.closed.Load(); n != 0 {
			t.Errorf("idle connections were closed %d times", n)
		}
	})
}

func TestDefaultPool(t *testing.T) {
	t.Parallel()
	rt, own := defaultTransport()
	tr, ok := rt.(*http.Transport)
	if !ok || !own || rt == http.DefaultTransport {
		t.Fatalf("%T", rt)
	}
	if tr.MaxIdleConnsPerHost < 128 || tr.MaxIdleConns != 0 || tr.TLSClientConfig.MinVersion < 0x0303 || !tr.ForceAttemptHTTP2 || tr.Proxy == nil {
		t.Errorf("%d idle per host of %d, TLS %x", tr.MaxIdleConnsPerHost, tr.MaxIdleConns, tr.TLSClientConfig.MinVersion)
	}
	if tr.IdleConnTimeout <= 0 || tr.IdleConnTimeout >= time.Minute {
		t.Errorf("idle connections are kept for %v", tr.IdleConnTimeout)
	}
}

// TestUsersClientIsCopied: neither New nor a call changes it, and what the
// user changes later changes nothing here.
func TestUsersClientIsCopied(t *testing.T) {
	t.Parallel()
	rt := play(answer(302, "", "Location", "https://elsewhere.example.com/"))
	jar, err := cookiejar.New(nil)
	must(t, err)
	redirects := 0
	user := &http.Client{
		Transport: rt, Jar: jar, Timeout: time.Minute,
		CheckRedirect: func(*http.Request, []*http.Request) error { redirects++; return nil },
	}
	cl := client(t, nil, func(o *Options) { must(t, o.SetHTTPClient(user)) })
	cl.Do(t.Context(), post(cl, Send))
	if user.Transport != http.RoundTripper(rt) || user.Jar != http.CookieJar(jar) || user.Timeout != time.Minute || user.CheckRedirect == nil {
		t.Errorf("changed: %+v", user)
	}
	if redirects != 0 {
		t.Error("its CheckRedirect was called")
	}
	user.Transport = play(answer(200, ""))
	cl.Do(t.Context(), post(cl, Send))
	if len(rt.requests) != 2 {
		t.Errorf("%d requests", len(rt.requests))
	}
	if cl := client(t, nil, func(o *Options) { must(t, o.SetHTTPClient(&http.Client{})) }); !cl.ownPool {
		t.Errorf("%T in place of a pool of its own", cl.http.Transport)
	}
}

// TestCookies: the user's jar is used; a repeat carries each cookie once.
func TestCookies(t *testing.T) {
	t.Parallel()
	jar, err := cookiejar.New(nil)
	must(t, err)
	rt := play(refused, answer(200, "", "Set-Cookie", "node=9; Path=/"))
	cl := client(t, nil, func(o *Options) { must(t, o.SetHTTPClient(&http.Client{Transport: rt, Jar: jar})) })
	jar.SetCookies(cl.opts.base, []*http.Cookie{{Name: "route", Value: "7", Path: "/"}})
	check(t, cl.Do(NoWait(t.Context()), post(cl, Send)), nil, 2)
	check(t, cl.Do(NoWait(t.Context()), post(cl, Send)), nil, 1)
	for i, want := range []string{"route=7", "route=7", "route=7; node=9"} {
		if got := rt.requests[i].Header.Get("Cookie"); got != want {
			t.Errorf("request %d carries %q", i, got)
		}
		if rt.requests[i].Header.Get("Api-Key") != key {
			t.Errorf("request %d has no key", i)
		}
	}
}

// TestNoRedirects: none is followed, and none is looked at: a Location that
// cannot be read neither hides the status nor shows.
func TestNoRedirects(t *testing.T) {
	t.Parallel()
	for _, status := range []int{300, 301, 302, 303, 304, 307, 308} {
		for _, location := range []string{"", "https://elsewhere.example.com/?to=" + number, "http://[::1?to=" + number} {
			header := http.Header{}
			if location != "" {
				header.Set("Location", location)
			}
			rt := play(func(*http.Request) (*http.Response, error) {
				return &http.Response{StatusCode: status, Header: header, Body: http.NoBody}, nil
			})
			for _, method := range []string{http.MethodPost, http.MethodGet} {
				cl := client(t, rt)
				res := cl.Do(t.Context(), Call{Endpoint: cl.Endpoint("Op", method, "/x", Send)})
				if res.Status != status || res.Attempts != 1 || res.Cause != nil {
					t.Errorf("%d: status %d, %d attempts, cause %v", status, res.Status, res.Attempts, res.Cause)
				}
			}
			if len(rt.requests) != 2 {
				t.Errorf("%d: %d requests of 2 calls", status, len(rt.requests))
			}
			if header.Get("Location") != location {
				t.Error("the RoundTripper's header was changed")
			}
		}
	}
}

// endless counts what is read of it.
type endless struct{ read int }

func (e *endless) Read(b []byte) (int, error) { e.read += len(b); return len(b), nil }

// TestBounds of bodies.
func TestBounds(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ status, bound int }{{200, MaxResponse}, {400, MaxErrorBody}, {500, MaxErrorBody}, {302, MaxErrorBody}} {
		for _, known := range []bool{true, false} {
			body := bytes.Repeat([]byte("x"), c.bound)
			get := func(r io.Reader, length int) Result {
				cl := client(t, play(func(*http.Request) (*http.Response, error) {
					resp := response(c.status, r)
					if known {
						resp.ContentLength = int64(length)
					}
					return resp, nil
				}))
				return cl.Do(t.Context(), post(cl, Send))
			}
			res := get(bytes.NewReader(body), len(body))
			if len(res.Body) != c.bound || res.Cause != nil || res.unread {
				t.Errorf("%d: %d bytes, cause %v", c.status, len(res.Body), res.Cause)
			}
			e := &endless{}
			res = get(e, 1<<40)
			if len(res.Body) != c.bound || !res.unread || e.read > 4*c.bound {
				t.Errorf("%d: %d bytes kept of %d read", c.status, len(res.Body), e.read)
			}
			want := judge(Send, c.status, AsStatus, true, true).kind
			check(t, res, want, 1)
			if c.status == 200 && !errors.Is(res.Kind, errs.MaybeAccepted) {
				t.Errorf("kind %v", res.Kind)
			}
		}
	}
}

func TestBodyless(t *testing.T) {
	t.Parallel()
	cl := client(t, play(func(*http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: 204}, nil // as some RoundTrippers in tests do
	}))
	check(t, cl.Do(t.Context(), post(cl, Send)), nil, 1)
}

// closing notes whether it was closed.
type closing struct {
	io.Reader
	closed bool
}

func (c *closing) Close() error { c.closed = true; return nil }

func TestBodiesAreClosed(t *testing.T) {
	t.Parallel()
	for _, r := range []io.Reader{strings.NewReader("{}"), failing{io.ErrUnexpectedEOF}, &endless{}} {
		for _, status := range []int{200, 302, 400, 429, 500} {
			var bodies []*closing
			cl := client(t, play(func(*http.Request) (*http.Response, error) {
				bodies = append(bodies, &closing{Reader: r})
				return &http.Response{StatusCode: status, Body: bodies[len(bodies)-1], ContentLength: -1}, nil
			}))
			cl.Do(NoWait(t.Context()), post(cl, Safe))
			for _, body := range bodies {
				if !body.closed {
					t.Errorf("%T of a %d stays open", r, status)
				}
			}
		}
	}
}

func TestPaths(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		base, path, query string
		args              []string
		want              string
	}{
		{"https://h", "/messages/send", "", nil, "https://h/messages/send"},
		{"https://h/", "/messages/send", "", nil, "https://h/messages/send"},
		{"https://h/v1/public//", "messages/send", "", nil, "https://h/v1/public/messages/send"},
		{"https://h/a%2Fb/", "/m", "", nil, "https://h/a%2Fb/m"},
		{"https://h/v1", "/m/{id}", "a=b&c=d", []string{"7"}, "https://h/v1/m/7?a=b&c=d"},
		{"https://h/v1", "/m/{id}/{part}", "", []string{"a/b?c#d", "é %"}, "https://h/v1/m/a%2Fb%3Fc%23d/%C3%A9%20%25"},
		{"https://h/v1", "/m/{id}/x", "", []string{".."}, "https://h/v1/m/%2E%2E/x"},
		{"https://h/v1", "/m/{id}", "", []string{"."}, "https://h/v1/m/%2E"},
	} {
		rt := play(answer(200, ""))
		o := Defaults(c.base)
		must(t, o.SetHTTPClient(&http.Client{Transport: rt}))
		cl, err := New("acme", o, nil, nil)
		must(t, err)
		cl.Do(t.Context(), Call{Endpoint: cl.Endpoint("Op", http.MethodGet, c.path, Read), Args: c.args, Query: c.query})
		if got := rt.requests[0].URL.String(); got != c.want {
			t.Errorf("%s + %s is %s, not %s", c.base, c.path, got, c.want)
		}
	}
}

func TestNewNeedsABaseURL(t *testing.T) {
	t.Parallel()
	if _, err := New("acme", Defaults(""), nil, nil); err == nil {
		t.Error("made without one")
	}
}

// allowed is all that a log line may have.
var allowed = []string{"time", "level", "msg", "provider", "op", "method", "path", "attempt", "took", "retry", "status", "retry_after", "reason", "cause"}

// TestLogs: what they hold is on a list, and nothing of it is a secret.
func TestLogs(t *testing.T) {
	t.Parallel()
	leaky := func(req *http.Request) (*http.Response, error) {
		reportConn(req, false)
		return nil, fmt.Errorf("proxy: %w", &url.Error{Op: "Post", URL: req.URL.String(), Err: errors.New("key " + key + " to +91 98123 45678")})
	}
	var out bytes.Buffer
	rt := play(leaky, answer(429, `{"message":"`+text+`"}`, "Retry-After", "1"), answer(503, number, "Set-Cookie", key))
	cl := client(t, rt, func(o *Options) {
		must(t, o.SetLogger(slog.New(slog.NewJSONHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug}))))
	})
	var res Result
	synctest.Test(t, func(t *testing.T) {
		res = cl.Do(t.Context(), Call{
			Endpoint: cl.Endpoint("Status", http.MethodPost, "/messages/{to}", Send),
			Args:     []string{number}, Query: "text=" + url.QueryEscape(text) + "&key=" + key, Body: []byte(text),
		})
	})
	check(t, res, errs.MaybeAccepted, 3)
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 3 {
		t.Fatalf("%d lines", len(lines))
	}
	for i, line := range lines {
		var got map[string]any
		must(t, json.Unmarshal([]byte(line), &got))
		for name := range got {
			if !slices.Contains(allowed, name) {
				t.Errorf("%s is logged", name)
			}
		}
		if got["path"] != "/messages/{to}" || got["op"] != "Status" || got["attempt"] != float64(i+1) || got["level"] != "DEBUG" || got["provider"] != "acme" {
			t.Errorf("line %s", line)
		}
	}
	for _, secret := range []string{key, number, "98123 45678", "zebra", "text="} {
		if strings.Contains(out.String(), secret) {
			t.Errorf("%q is logged:\n%s", secret, out.String())
		}
	}
	if !strings.Contains(lines[1], `"status":429`) || strings.Contains(lines[1], `"reason"`) || !strings.Contains(lines[0], `"retry":true`) {
		t.Errorf("line %s", lines[1])
	}
	if !strings.Contains(lines[0], `"reason":"unavailable"`) {
		t.Errorf("line %s", lines[0])
	}
}

// TestNoLogUnlessAsked: neither without a logger nor above debug level.
func TestNoLogUnlessAsked(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	cl := client(t, play(answer(500, "")), func(o *Options) { must(t, o.SetLogger(slog.New(slog.NewTextHandler(&out, nil)))) })
	cl.Do(t.Context(), post(cl, Send))
	if out.Len() != 0 {
		t.Errorf("logged %s", out.String())
	}
}

// TestFault: the text of a failure shows neither the key nor a number nor a
// query, whoever put it there; the error behind it can still be found.
func TestFault(t *testing.T) {
	t.Parallel()
	cause := errors.New("key " + key + " of " + number)
	for name, s := range map[string]step{
		"outer URL": func(*http.Request) (*http.Response, error) { return nil, cause },
		"inner URL": func(req *http.Request) (*http.Response, error) {
			return nil, fmt.Errorf("proxy: %w", &url.Error{Op: "Post", URL: req.URL.String() + "?text=zebra&user=a%40b.example", Err: cause})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cl := client(t, play(s))
			res := cl.Do(t.Context(), post(cl, Send))
			f := cl.Fault(res)
			if !errors.Is(f.Cause, cause) || !f.Is(errs.MaybeAccepted) || f.Is(errs.Decode) || f.Is(nil) {
				t.Errorf("%+v", f)
			}
			for _, secret := range []string{key, number, "zebra", "a%40b"} {
				if strings.Contains(f.Text, secret) {
					t.Errorf("%q shows: %s", secret, f.Text)
				}
			}
		})
	}
	t.Run("unreadable 2xx", func(t *testing.T) {
		t.Parallel()
		cl := client(t, play(cut(200)))
		f := cl.Fault(cl.Do(t.Context(), post(cl, Send)))
		if !f.Is(errs.MaybeAccepted) || !f.Is(errs.Decode) || string(f.RawBody()) != `{"messageId":"4` {
			t.Errorf("%+v %s", f, f.RawBody())
		}
	})
	t.Run("busy 2xx is understood", func(t *testing.T) {
		t.Parallel()
		cl := client(t, play(answer(200, "busy")), retries(t, 0))
		call := post(cl, Send)
		call.Means = func(int, []byte) Meaning { return Busy }
		if f := cl.Fault(cl.Do(t.Context(), call)); !f.Is(errs.Unavailable) || f.Is(errs.Decode) {
			t.Errorf("%+v", f)
		}
	})
	t.Run("raw body", func(t *testing.T) {
		t.Parallel()
		long := strings.Repeat("x", MaxErrorBody+1)
		cl := client(t, play(answer(200, long)))
		res := cl.Do(t.Context(), post(cl, Send))
		res.Kind = errs.InvalidRequest // as a provider does that reads a refusal in it
		if f := cl.Fault(res); len(f.RawBody()) != MaxErrorBody {
			t.Errorf("%d bytes kept", len(f.RawBody()))
		}
		if f := cl.Fault(Result{Kind: errs.Unavailable}); f.RawBody() != nil || f.Text != "" {
			t.Errorf("%+v", f)
		}
	})
}

// TestSecrets: what a header carries is masked whole and without its scheme,
// and no way of printing shows it.
func TestSecrets(t *testing.T) {
	t.Parallel()
	auth := HeaderAuth("authorization", "Bearer "+key, "x-pin", "p1n-998877")
	cl := clientWith(t, auth, play(answer(200, "")))
	if got := cl.Line("Bearer " + key + " and " + key + " and p1n-998877"); got != "*** and *** and ***" {
		t.Errorf("line %q", got)
	}
	testutil.NoLeak(t, cl, key, "p1n-998877")
	testutil.NoLeak(t, *cl, key, "p1n-998877")
	testutil.NoLeak(t, auth, key, "p1n-998877")
	if got := clientWith(t, nil, play(answer(200, ""))).Line("a " + number); got != "a ***" {
		t.Errorf("line %q", got)
	}
}

// TestWithoutCredentials: a client may have none.
func TestWithoutCredentials(t *testing.T) {
	t.Parallel()
	rt := play(answer(200, ""))
	cl := clientWith(t, nil, rt)
	check(t, cl.Do(t.Context(), post(cl, Send)), nil, 1)
	if len(rt.requests[0].Header) != 2 {
		t.Errorf("%v", rt.requests[0].Header)
	}
	if cl.BaseURL() != "https://api.example.com/v1" {
		t.Error(cl.BaseURL())
	}
}
