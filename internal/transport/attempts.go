package transport

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"maps"
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

	c       *Client
	call    Call
	ctx     context.Context
	instant bool // never wait

	// Reported by httptrace, perhaps from another goroutine.
	trace   httptrace.ClientTrace
	asked   atomic.Bool // the RoundTripper reports to httptrace
	gotConn atomic.Bool // from here on something may have been written

	// Of the attempt that is made now.
	started time.Time
	unsent  bool        // it never came to the caller's RoundTripper
	fatal   bool        // no attempt can be better: credentials could not be had
	sent    http.Header // with credentials

	verdict verdict
	retries int
	renewed bool          // credentials were renewed after a 401
	wait    time.Duration // before the next attempt

	res Result
}

func newAttempts(ctx context.Context, c *Client, call Call, instant bool) *attempts {
	a := &attempts{c: c, call: call, ctx: ctx, instant: instant, client: c.http}
	a.client.Transport = a
	a.retry.HTTPClient = &a.client
	a.retry.RetryMax = 1 << 20 // checkRetry counts
	a.retry.CheckRetry = a.checkRetry
	a.retry.Backoff = a.backoff
	a.retry.ErrorHandler = retryablehttp.PassthroughErrorHandler
	a.trace.GetConn = func(string) { a.asked.Store(true) }
	a.trace.GotConn = func(httptrace.GotConnInfo) { a.gotConn.Store(true) }
	return a
}

// run makes the attempts.
func (a *attempts) run() Result {
	req := retryablehttp.Request{Request: a.request()}
	if a.client.Jar != nil { // the http.Client adds cookies, each time to the same header
		req.Header = http.Header{}
		a.retry.PrepareRetry = func(r *http.Request) error { r.Header = http.Header{}; return nil }
	}
	resp, err := a.retry.Do(&req)
	if err == nil {
		resp.Body.Close() // read whole by RoundTrip
	}
	res := a.res
	res.Kind, res.sent = a.verdict.kind, a.call.Body
	if res.Kind == nil {
		return res
	}
	if res.Unsure {
		res.Kind = errs.MaybeAccepted // until the vendor's answer to the repeat says otherwise
	}
	if a.verdict.retry || res.Status == 0 || res.unread { // perhaps it was the context that ended it
		res.Cause = withEnd(a.ctx, res.Cause)
	}
	return res
}

// noHeader stands in for the header that RoundTrip makes. It is never changed.
var noHeader = http.Header{}

// request is what the http.Client sees: no body and no header, so it has
// nothing that it could repeat or change. RoundTrip puts them on.
func (a *attempts) request() *http.Request {
	u := a.call.url
	if len(a.call.Args) > 0 || a.call.Query != "" {
		u = a.c.join(a.call.template, a.call.Args, a.call.Query)
	}
	req := http.Request{
		Method: a.call.method, URL: u, Header: noHeader,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
	}
	return req.WithContext(httptrace.WithClientTrace(a.ctx, &a.trace))
}

// RoundTrip makes one attempt and reads its answer, both under the attempt's
// timeout.
func (a *attempts) RoundTrip(req *http.Request) (*http.Response, error) {
	a.unsent = true
	a.res = Result{Attempts: a.res.Attempts, Unsure: a.res.Unsure}
	if a.logs() {
		a.started = time.Now()
	}
	ctx, cancel := context.WithTimeout(req.Context(), a.c.opts.timeout)
	defer cancel()
	if err := a.dress(ctx, req); err != nil {
		return nil, err
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	req = req.WithContext(ctx)
	req.Header = a.sent
	a.setBody(req)
	a.asked.Store(false) // only now: a call for a token reports to the same trace
	a.gotConn.Store(false)
	a.unsent = false
	a.res.Attempts++
	resp, err := a.c.http.Transport.RoundTrip(req)
	switch {
	case err != nil:
		return nil, err
	case resp == nil:
		return nil, errors.New("the RoundTripper returned neither an answer nor an error")
	}
	a.read(resp)
	return resp, nil
}

// dress makes the attempt's header: req's own (cookies), the client's, the
// call's, and the credentials.
func (a *attempts) dress(ctx context.Context, req *http.Request) error {
	a.sent = make(http.Header, len(req.Header)+len(a.c.header)+len(a.call.Header)+2)
	for _, f := range a.c.header {
		a.sent[f.name] = f.values
	}
	maps.Copy(a.sent, a.call.Header)
	maps.Copy(a.sent, req.Header)
	if a.c.auth == nil {
		return nil
	}
	err := a.c.auth.Apply(ctx, a.sent)
	a.fatal = err != nil
	return err
}

// setBody puts the body on req. Each attempt has a reader of its own: the one
// before may still be written from.
func (a *attempts) setBody(req *http.Request) {
	if a.call.Body == nil {
		return
	}
	req.ContentLength = int64(len(a.call.Body))
	req.GetBody = func() (io.ReadCloser, error) { // for a connection that was closed before anything was written
		return io.NopCloser(bytes.NewReader(a.call.Body)), nil
	}
	req.Body = io.NopCloser(bytes.NewReader(a.call.Body))
}

// read takes what is wanted of the answer and closes it: to its end, so that
// the connection can be used again, unless it is longer than the bound.
func (a *attempts) read(resp *http.Response) {
	a.res.Status, a.res.Header = resp.StatusCode, resp.Header
	a.res.RetryAfter = retryAfter(resp.Header)
	if resp.Body != nil {
		limit := int64(MaxErrorBody)
		if resp.StatusCode/100 == 2 {
			limit = MaxResponse
		}
		var err error
		a.res.Body, err = readBody(resp.Body, resp.ContentLength, limit)
		a.res.Cause, a.res.unread = err, err != nil
		resp.Body.Close()
	}
	resp.Body = http.NoBody
	if resp.StatusCode/100 == 3 { // no redirect is followed, nor looked at
		resp.Header = resp.Header.Clone()
		resp.Header.Del("Location")
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
func (a *attempts) checkRetry(_ context.Context, _ *http.Response, err error) (bool, error) {
	status := a.res.Status
	if status == 0 {
		a.res.Cause = withoutURL(err)
	}
	means := AsStatus
	if status != 0 && !a.res.unread && a.call.Means != nil {
		means = a.call.Means(status, a.res.Body)
	}
	a.verdict = judge(a.call.Class, status, means, a.res.unread, a.written(err))
	if a.fatal {
		a.noCredentials(err)
	}
	retry := a.again()
	a.log(retry)
	if retry && a.verdict.kind == errs.MaybeAccepted { //nolint:errorlint // the very value
		a.res.Unsure = true
	}
	return retry, nil
}

// written says whether something of an attempt without an answer may have
// reached the server. A RoundTripper that does not report to httptrace is
// only believed when its error says so.
func (a *attempts) written(err error) bool {
	switch {
	case a.unsent:
		return false
	case a.gotConn.Load():
		return true
	}
	return !a.asked.Load() && !a.c.ownPool && !errs.NeverSent(err)
}

// noCredentials takes over what the error says that Auth gave, where it tells
// something about this call too.
func (a *attempts) noCredentials(err error) {
	for _, kind := range [...]error{errs.Unauthorized, errs.Forbidden, errs.InsufficientCredit, errs.RateLimited} {
		if errors.Is(err, kind) {
			a.verdict.kind = kind
			break
		}
	}
	if r, ok := errors.AsType[interface {
		error
		RetryDelay() time.Duration
	}](err); ok {
		a.res.RetryAfter = r.RetryDelay()
	}
}

// again says whether there is to be another attempt, and sets how long to
// wait before it: what the server asks for, else full jitter.
func (a *attempts) again() bool {
	a.wait = 0
	if a.fatal || a.ctx.Err() != nil {
		return false
	}
	if a.verdict.rejected && !a.renewed {
		if r, ok := a.c.auth.(Refresher); ok && r.Rejected(a.sent) {
			a.renewed = true
			return true
		}
	}
	allowed := a.c.opts.maxRetries
	if a.instant {
		allowed = min(allowed, 1)
	}
	if !a.verdict.retry || a.retries >= allowed || a.res.RetryAfter > maxWait {
		return false
	}
	if a.instant {
		if a.verdict.later || a.res.RetryAfter > 0 {
			return false
		}
	} else {
		a.wait = a.res.RetryAfter
		if a.wait == 0 {
			a.wait = rand.N(min(maxWait, baseBackoff<<a.retries)) //nolint:gosec // spreads load, hides nothing
		}
	}
	if deadline, ok := a.ctx.Deadline(); ok && time.Until(deadline) <= a.wait {
		return false
	}
	a.retries++
	return true
}

func (a *attempts) backoff(_, _ time.Duration, _ int, _ *http.Response) time.Duration { return a.wait }

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

// withEnd adds to err why ctx ended, if it did: its error, and the cause that
// was given for it.
func withEnd(ctx context.Context, err error) error {
	if ctx.Err() == nil {
		return err
	}
	for _, why := range [...]error{ctx.Err(), context.Cause(ctx)} {
		if !errors.Is(err, why) {
			err = errors.Join(err, why)
		}
	}
	return err
}

func (a *attempts) logs() bool {
	l := a.c.opts.logger
	return l != nil && l.Enabled(a.ctx, slog.LevelDebug)
}

func (a *attempts) log(retry bool) {
	if !a.logs() {
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
	if a.verdict.kind != nil && a.res.Status == 0 { // what an answer means, the client has yet to read in it
		r, _ := errs.ReasonOf(a.verdict.kind)
		attrs = append(attrs, slog.String("reason", r.String()))
	}
	if a.res.Cause != nil {
		attrs = append(attrs, slog.String("cause", a.c.Line(a.res.Cause.Error())))
	}
	a.c.opts.logger.LogAttrs(a.ctx, slog.LevelDebug, "cpaas: attempt", attrs...)
}
