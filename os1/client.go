package os1

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"

	"github.com/cpaas-go/cpaas/internal/errs"
	"github.com/cpaas-go/cpaas/internal/jsonx"
	"github.com/cpaas-go/cpaas/internal/transport"
)

// Client talks to the messaging service of one tenant. It is immutable, safe
// for concurrent use, and prints no secret in any form.
type Client struct {
	transport *transport.Client
	relaxed   bool
	spelling  spelling
	ops       operations
}

// New makes a Client for the tenant whose URL is baseURL, such as
// "https://acme.getos1.com", and whose id is tenantID. The vendor has no host
// that serves every tenant. No call is made: whether the credentials are good
// shows with the first one.
func New(baseURL, tenantID string, auth Auth, opts ...Option) (*Client, error) {
	cfg := config{Options: transport.Defaults(""), paths: DefaultPaths()}
	problems := []error{cfg.SetBaseURL(baseURL)}
	if tenantID == "" || !transport.ValidHeaderValue(tenantID) {
		problems = append(problems, errors.New("tenant id: empty, or not fit for a header"))
	}
	for _, opt := range opts {
		if opt != nil {
			problems = append(problems, opt(&cfg))
		}
	}
	var bound transport.Auth
	if errors.Join(problems...) == nil { // it makes a client of its own from the options
		var err error
		bound, err = auth.bind(&cfg, tenantID)
		problems = append(problems, err)
	}
	if cfg.limit != nil {
		problems = append(problems, cfg.limit(&cfg.Options))
	}
	if err := errors.Join(problems...); err != nil {
		return nil, fmt.Errorf("os1: New: %w", err)
	}
	header := serviceHeaders(tenantID)
	if cfg.userInfo != "" {
		header.Set("X-COREOS-USERINFO", cfg.userInfo)
	}
	t, err := transport.New("os1", cfg.Options, bound, header)
	if err != nil {
		return nil, fmt.Errorf("os1: New: %w", err)
	}
	return &Client{
		transport: t,
		relaxed:   cfg.RelaxedValidation(),
		spelling:  cfg.spelling,
		ops:       newOperations(t, cfg.paths),
	}, nil
}

// serviceHeaders are the same for every call.
func serviceHeaders(tenantID string) http.Header {
	h := http.Header{"Content-Type": {"application/json"}, "Accept": {"application/json"}}
	h.Set("X-COREOS-TID", tenantID)
	return h
}

// String names the client and where it sends to.
func (c *Client) String() string { return "os1.Client(" + c.transport.BaseURL() + ")" }

// GoString is as String.
func (c *Client) GoString() string { return c.String() }

const headerRequestID = "X-Coreos-Request-Id"

// newRequestID is a new id for a call, a random UUID.
func newRequestID() string {
	var b [16]byte
	_, _ = rand.Read(b[:])  // never fails
	b[6] = b[6]&0x0f | 0x40 // version 4
	b[8] = b[8]&0x3f | 0x80
	var s [36]byte
	hex.Encode(s[:8], b[:4])
	hex.Encode(s[9:13], b[4:6])
	hex.Encode(s[14:18], b[6:8])
	hex.Encode(s[19:23], b[8:10])
	hex.Encode(s[24:], b[10:])
	s[8], s[13], s[18], s[23] = '-', '-', '-', '-'
	return string(s[:])
}

// post sends body, which has the shape s and has been checked.
func (c *Client) post(ctx context.Context, op operation, body any, s shape) (Meta, error) {
	encoded, err := jsonx.Encode(body)
	if err == nil && len(c.spelling) > 0 {
		encoded, err = c.spelling.apply(encoded, s)
	}
	if err != nil {
		// What an encoder says of a value may quote it.
		return Meta{}, &Error{Op: op.Op, Message: "the request cannot be encoded", fault: errs.Fault{Kind: errs.InvalidRequest}}
	}
	return c.do(ctx, op, transport.Call{Body: encoded})
}

// configured is an error for an operation whose path is not set.
func (op operation) configured() error {
	if !op.unset {
		return nil
	}
	return &Error{
		Op: op.Op, Message: op.setting + " is not set, and no page of the vendor's names the path",
		fault: errs.Fault{Kind: errs.InvalidRequest, Also: ErrPathNotConfigured},
	}
}

// do makes a call. What comes back is a 2xx whose envelope says that it
// worked.
func (c *Client) do(ctx context.Context, op operation, call transport.Call) (Meta, error) {
	id := newRequestID()
	call.Endpoint = op.Endpoint
	call.Header = http.Header{headerRequestID: {id}}
	if op.Class == transport.Send {
		call.Means = means
	}
	res := c.transport.Do(ctx, call)
	if res.Kind != nil {
		return Meta{}, c.fail(op, id, res)
	}
	answer, ok := readAnswer(res.Body)
	switch {
	case !ok:
		return Meta{}, c.doubtful(op, id, res, errNoEnvelope)
	case answer.refused && answer.hasData():
		return Meta{}, c.doubtful(op, id, res, errBoth)
	case answer.refused:
		return Meta{}, c.fail(op, id, res)
	case answer.doubt && !answer.hasData():
		return Meta{}, c.doubtful(op, id, res, errNoEnvelope)
	}
	return Meta{
		RequestID: c.requestID(id, res.Header), StatusCode: res.Status, Attempts: res.Attempts, answer: keep(answer),
	}, nil
}

// means finds data in an answer that is no 2xx: what was to be done was, then,
// whatever the status.
func means(status int, body []byte) transport.Meaning {
	if status/100 == 2 {
		return transport.AsStatus
	}
	if answer, ok := readAnswer(body); ok && answer.hasData() {
		return transport.Taken
	}
	return transport.AsStatus
}

// requestID is the id that the service knows the call by: the one sent, which
// it is documented to send back.
func (c *Client) requestID(sent string, h http.Header) string {
	if got := h.Get(headerRequestID); got != "" && c.transport.ID(got) == got {
		return got
	}
	return sent // another one that cannot be shown whole is of no use
}
