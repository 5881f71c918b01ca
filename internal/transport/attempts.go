package transport

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-retryablehttp"

	"github.com/cpaas-go/cpaas/internal/errs"
)

// attempts is the state of one call: the go-retryablehttp client that repeats
// it, the http.Client that go-retryablehttp drives, and, as that one's
// RoundTripper, itself. Being made for each call, it knows the call's class
// and needs no lock; and it has no CloseIdleConnections, which
// go-retryablehttp would call on every failure, emptying a shared pool.
type attempts struct {
	retry  retryablehttp.Client
	client http.Client
	inner  http.RoundTripper

	c       *Client
	call    *Call
	ctx     context.Context
	instant bool // never wait

	// Reported by httptrace, perhaps from another goroutine.
	trace    httptrace.ClientTrace
	asked    atomic.Bool // the RoundTripper reports to httptrace
	gotConn  atomic.Bool // from here on something may have been written
	started  time.Time
	verdict  verdict
	fatal    bool // no attempt can be better: credentials could not be had
	retries  int
	renewed  bool // credentials were renewed after a 401
	sentAuth http.Header

	res     Result
	bodyErr error // why the answer could not be read whole
}

func newAttempts(ctx context.Context, c *Client, call *Call, instant bool) *attempts {
	a := &attempts{c: c, call: call, ctx: ctx, instant: instant, client: c.http, inner: c.http.Transport}
	a.client.Transport = a
	a.retry.HTTPClient = &a.client
	a.retry.RetryMax = 1 << 20 // checkRetry counts
	a.retry.CheckRetry = a.checkRetry
	a.retry.Backoff = a.backoff
	a.retry.ErrorHandler = passOn
	a.trace.GetConn = func(string) { a.asked.Store(true) }
	a.trace.GotConn = func(httptrace.GotConnInfo) { a.gotConn.Store(true) }
	return a
}

// run makes the attempts.
func (a *attempts) run() Result {
	req := retryablehttp.Request{Request: a.request()}
	if a.call.Body != nil {
		if err := req.SetBody(a.call.Body); err != nil {
			return Result{Kind: errs.InvalidRequest, Cause: err}
		}
	}
	resp, err := a.retry.Do(&req)
	if resp != nil {
		resp.Body.Close() // read whole by RoundTrip
	}
	res := &a.res
	res.Kind = a.verdict.kind
	if err != nil && res.Cause == nil {
		res.Cause = withoutURL(err)
	}
	if a.bodyErr != nil && res.Cause == nil {
		res.Cause = a.bodyErr
	}
	if res.Kind != nil && res.Unsure {
		res.Kind = errs.MaybeAccepted // until the vendor's answer to the repeat says otherwise
	}
	if err := context.Cause(a.ctx); err != nil && res.Kind != nil && !errors.Is(res.Cause, err) {
		res.Cause = errors.Join(res.Cause, err)
	}
	return *res
}

func (a *attempts) request() *http.Request {
	u := a.call.url
	if len(a.call.Args) > 0 || a.call.Query != "" {
		u = a.c.join(a.call.template, a.call.Args, a.call.Query)
	}
	req := &http.Request{
		Method: a.call.method, URL: u, Host: u.Host, Header: a.c.header,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
	}
	if a.client.Jar != nil { // net/http will add to it
		req.Header = req.Header.Clone()
	}
	return req.WithContext(httptrace.WithClientTrace(a.ctx, &a.trace))
}

// RoundTrip makes one attempt and reads its answer, both under the attempt's
// timeout.
func (a *attempts) RoundTrip(req *http.Request) (*http.Response, error) {
	a.res.Attempts++
	a.asked.Store(false)
	a.gotConn.Store(false)
	a.res.Status, a.res.Header, a.res.Body, a.res.RetryAfter, a.bodyErr = 0, nil, nil, 0, nil
	a.started = time.Now()

	ctx, cancel := context.WithTimeout(req.Context(), a.c.opts.timeout)
	defer cancel()
	header := make(http.Header, len(req.Header)+len(a.call.Header)+4)
	for _, from := range [...]http.Header{req.Header, a.call.Header} {
		for name, values := range from {
			header[name] = values
		}
	}
	if a.c.auth != nil {
		if err := a.c.auth.Apply(ctx, header); err != nil {
			a.fatal = true
			closeBody(req)
			return nil, err
		}
		a.sentAuth = header
	}
	req = req.WithContext(ctx)
	req.Header = header
	resp, err := a.inner.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	a.read(resp)
	return resp, nil
}

// read takes what is wanted of the answer and closes it: to its end, so that
// the connection can be used again, unless it is longer than the bound.
func (a *attempts) read(resp *http.Response) {
	a.res.Status, a.res.Header = resp.StatusCode, resp.Header
	a.res.RetryAfter = parseRetryAfter(resp.Header, time.Now())
	limit := int64(MaxErrorBody)
	if resp.StatusCode/100 == 2 {
		limit = MaxResponse
	}
	a.res.Body, a.bodyErr = readBody(resp.Body, resp.ContentLength, limit)
	resp.Body.Close()
	resp.Body = http.NoBody
	if resp.StatusCode/100 == 3 {
		resp.Header.Del("Location") // no redirect is followed, nor looked at
	}
}

var errTooLong = errors.New("answer longer than is read")

func readBody(r io.Reader, length, limit int64) ([]byte, error) {
	const first = 512
	size := int64(first)
	if length >= 0 {
		size = min(length, limit, 64<<10) + 1 // one more lets Read see the end without growing
	}
	b := make([]byte, 0, size)
	for {
		n, err := r.Read(b[len(b):cap(b)])
		b = b[:len(b)+n]
		switch {
		case int64(len(b)) > limit:
			return b[:limit], errTooLong
		case err == io.EOF:
			return b, nil
		case err != nil:
			return b, err
		}
		if len(b) == cap(b) {
			b = append(b, 0)[:len(b)]
		}
	}
}

// checkRetry judges the attempt, answer first: a 2xx in hand when the context
// ends is a success.
func (a *attempts) checkRetry(_ context.Context, resp *http.Response, err error) (bool, error) {
	status := 0
	if resp != nil {
		status = resp.StatusCode
	}
	written := a.gotConn.Load() || !a.asked.Load() && !neverSent(err)
	if a.fatal {
		written = false
	}
	unreadable := a.bodyErr != nil
	busy := a.call.Busy != nil && resp != nil && !unreadable && a.call.Busy(status, a.res.Body)
	a.verdict = judge(a.call.Class, status, busy, unreadable, written)
	a.res.Cause = nil
	if err != nil {
		a.res.Cause = withoutURL(err)
	}
	retry := a.again(status)
	a.log(retry)
	if retry && a.verdict.kind == errs.MaybeAccepted {
		a.res.Unsure = true
	}
	return retry, nil
}

// again says whether there is to be another attempt.
func (a *attempts) again(status int) bool {
	if a.fatal || a.ctx.Err() != nil {
		return false
	}
	if status == http.StatusUnauthorized && !a.renewed {
		if r, ok := a.c.auth.(Refresher); ok && r.Rejected(a.sentAuth) {
			a.renewed = true
			return true
		}
	}
	allowed := a.c.opts.maxRetries
	if a.instant {
		allowed = min(allowed, 1)
		if status == http.StatusTooManyRequests || a.res.RetryAfter > 0 {
			return false
		}
	}
	if !a.verdict.retry || a.retries >= allowed || a.res.RetryAfter > maxWait {
		return false
	}
	if deadline, ok := a.ctx.Deadline(); ok && time.Until(deadline) <= a.res.RetryAfter {
		return false
	}
	a.retries++
	return true
}

// backoff is how long to wait before the next attempt: what the server asks
// for, else full jitter.
func (a *attempts) backoff(_, _ time.Duration, _ int, _ *http.Response) time.Duration {
	switch {
	case a.instant, a.res.Status == http.StatusUnauthorized:
		return 0
	case a.res.RetryAfter > 0:
		return a.res.RetryAfter
	}
	return rand.N(min(maxWait, baseBackoff<<(a.retries-1))) //nolint:gosec // spreads load, hides nothing
}

// passOn keeps the last answer, whatever became of it.
func passOn(resp *http.Response, err error, _ int) (*http.Response, error) {
	if resp != nil {
		return resp, nil //nolint:nilerr // the answer says more than the error
	}
	return nil, err
}

// withoutURL takes the URL out of an error of net/http: it may hold secrets.
func withoutURL(err error) error {
	for {
		u, ok := err.(*url.Error) //nolint:errorlint // only the outermost ones are taken off
		if !ok {
			return err
		}
		err = u.Err
	}
}

func closeBody(req *http.Request) {
	if req.Body != nil {
		req.Body.Close()
	}
}

func (a *attempts) log(retry bool) {
	l := a.c.opts.logger
	if l == nil || !l.Enabled(a.ctx, slog.LevelDebug) {
		return
	}
	attrs := []slog.Attr{
		slog.String("provider", a.c.provider),
		slog.String("op", a.call.Op),
		slog.String("method", a.call.method),
		slog.String("path", a.call.template),
		slog.Int("attempt", a.res.Attempts),
		slog.Duration("took", time.Since(a.started)),
		slog.Bool("retry", retry),
	}
	if a.res.Status != 0 {
		attrs = append(attrs, slog.Int("status", a.res.Status))
	}
	if a.res.RetryAfter > 0 {
		attrs = append(attrs, slog.Duration("retry_after", a.res.RetryAfter))
	}
	if a.verdict.kind != nil {
		r, _ := errs.ReasonOf(a.verdict.kind)
		attrs = append(attrs, slog.String("reason", r.String()))
	}
	if a.res.Cause != nil {
		attrs = append(attrs, slog.String("cause", a.c.Line(a.res.Cause.Error())))
	}
	l.LogAttrs(a.ctx, slog.LevelDebug, "cpaas: attempt", attrs...)
}
