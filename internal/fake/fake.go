// Package fake is what the fake servers of the vendors have in common: real
// HTTP on loopback, a script of answers and faults, and a record of what
// came in. It knows no vendor.
package fake

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"time"
)

// maxRequest is the longest request that a fake reads.
const maxRequest = 32 << 20

// Server is a fake's HTTP side. Every request is recorded, then answered by
// the next scripted Answer or, when the script is empty, by the vendor's
// handler.
type Server struct {
	URL string

	http    *httptest.Server
	vendor  http.Handler
	done    chan struct{}
	closing sync.Once

	mu       sync.Mutex
	script   []Answer
	apart    map[string][]Answer // scripts of paths that Next leaves alone
	requests []Request
	conns    map[net.Conn]struct{}
	opened   int
}

// Request is a request that came in.
type Request struct {
	Method string
	Path   string // escaped, without the query
	Query  string
	Header http.Header
	Body   []byte
}

// New starts a Server. The handler finds the body of its request unread.
func New(vendor http.Handler) *Server {
	s := &Server{vendor: vendor, done: make(chan struct{}), conns: map[net.Conn]struct{}{}}
	s.http = httptest.NewUnstartedServer(http.HandlerFunc(s.serve))
	s.http.Config.ConnState = s.connState
	s.http.Start()
	s.URL = s.http.URL
	return s
}

// Close stops the Server and ends what hangs.
func (s *Server) Close() {
	s.closing.Do(func() {
		close(s.done)
		s.http.Close()
	})
}

// Next scripts answers: one for each coming request, in order, behind those
// scripted before.
func (s *Server) Next(answers ...Answer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.script = append(s.script, answers...)
}

// NextAt scripts answers for requests to path, which takes none of Next's from
// then on: for a token endpoint, which is called behind the user's back.
func (s *Server) NextAt(path string, answers ...Answer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.apart == nil {
		s.apart = map[string][]Answer{}
	}
	s.apart[path] = append(s.apart[path], answers...)
}

// Requests are all requests so far, in order, also the refused ones.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Request(nil), s.requests...)
}

// Connections says how many connections are open, and how many ever were.
func (s *Server) Connections() (open, ever int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.conns), s.opened
}

func (s *Server) connState(c net.Conn, state http.ConnState) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch state {
	case http.StateNew:
		s.conns[c] = struct{}{}
		s.opened++
	case http.StateClosed, http.StateHijacked:
		delete(s.conns, c)
	case http.StateActive, http.StateIdle:
	}
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	answer := s.next(r.URL.Path)
	if answer.unread {
		s.record(r, nil)
		answer.serve(s, w, r)
		return
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxRequest))
	if err != nil { // the client is gone; nobody reads an answer
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	s.record(r, body)
	if answer.serve == nil {
		s.vendor.ServeHTTP(w, r)
		return
	}
	answer.serve(s, w, r)
}

// next takes the next scripted Answer, the zero Answer if there is none.
func (s *Server) next(path string) Answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	if own, ok := s.apart[path]; ok {
		if len(own) == 0 {
			return Answer{}
		}
		s.apart[path] = own[1:]
		return own[0]
	}
	if len(s.script) == 0 {
		return Answer{}
	}
	answer := s.script[0]
	s.script = s.script[1:]
	return answer
}

func (s *Server) record(r *http.Request, body []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = append(s.requests, Request{
		Method: r.Method, Path: r.URL.EscapedPath(), Query: r.URL.RawQuery, Header: r.Header.Clone(), Body: body,
	})
}

// Answer is a scripted answer or fault.
type Answer struct {
	serve  func(*Server, http.ResponseWriter, *http.Request)
	unread bool // the request's body stays unread
}

// Normally is the vendor's own answer.
func Normally() Answer {
	return Answer{serve: func(s *Server, w http.ResponseWriter, r *http.Request) { s.vendor.ServeHTTP(w, r) }}
}

// Respond answers with a status and a body. header are pairs of name and value.
func Respond(status int, contentType, body string, header ...string) Answer {
	return Answer{serve: func(_ *Server, w http.ResponseWriter, _ *http.Request) {
		for i := 0; i+1 < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.Header().Set("Content-Type", contentType)
		w.WriteHeader(status)
		io.WriteString(w, body) //nolint:errcheck // the client may be gone
	}}
}

// RateLimited answers 429; after 0 leaves Retry-After out.
func RateLimited(after time.Duration, body string) Answer {
	if after <= 0 {
		return Respond(http.StatusTooManyRequests, "application/json", body)
	}
	seconds := strconv.FormatFloat(after.Seconds(), 'f', -1, 64)
	return Respond(http.StatusTooManyRequests, "application/json", body, "Retry-After", seconds)
}

// Hang reads the request and never answers; it ends with the client's
// patience, or with the server.
func Hang() Answer {
	return Answer{serve: func(s *Server, _ http.ResponseWriter, r *http.Request) {
		select {
		case <-r.Context().Done():
		case <-s.done:
		}
		panic(http.ErrAbortHandler)
	}}
}

// Slow waits, then answers as the vendor would.
func Slow(d time.Duration) Answer {
	return Answer{serve: func(s *Server, w http.ResponseWriter, r *http.Request) {
		t := time.NewTimer(d)
		defer t.Stop()
		select {
		case <-t.C:
			s.vendor.ServeHTTP(w, r)
		case <-s.done:
			panic(http.ErrAbortHandler) // else it would be an empty 200
		}
	}}
}

// CloseBeforeReading resets the connection without reading the body.
func CloseBeforeReading() Answer {
	return Answer{unread: true, serve: func(_ *Server, w http.ResponseWriter, _ *http.Request) { reset(w) }}
}

// CloseAfterReading reads the request, takes nothing, and resets the
// connection.
func CloseAfterReading() Answer {
	return Answer{serve: func(_ *Server, w http.ResponseWriter, _ *http.Request) { reset(w) }}
}

// LoseAnswer lets the vendor take the request and resets the connection
// instead of answering.
func LoseAnswer() Answer {
	return Answer{serve: func(s *Server, w http.ResponseWriter, r *http.Request) {
		s.vendor.ServeHTTP(httptest.NewRecorder(), r)
		reset(w)
	}}
}

// Truncate lets the vendor take the request and breaks its answer off in the
// middle.
func Truncate() Answer {
	return Answer{serve: func(s *Server, w http.ResponseWriter, r *http.Request) {
		rec := httptest.NewRecorder()
		s.vendor.ServeHTTP(rec, r)
		body := rec.Body.Bytes()
		w.Header().Set("Content-Type", rec.Header().Get("Content-Type"))
		w.Header().Set("Content-Length", strconv.Itoa(len(body)+1))
		w.WriteHeader(rec.Code)
		w.Write(body[:len(body)/2])           //nolint:errcheck // the client may be gone
		http.NewResponseController(w).Flush() //nolint:errcheck // likewise
		panic(http.ErrAbortHandler)
	}}
}

// Stall answers with a status and a body that stops in the middle: the
// connection stays open, and no more comes until the client's patience or the
// server ends.
func Stall(status int, contentType, begin string) Answer {
	return Answer{serve: func(s *Server, w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", contentType)
		w.WriteHeader(status)
		io.WriteString(w, begin)              //nolint:errcheck // the client may be gone
		http.NewResponseController(w).Flush() //nolint:errcheck // likewise
		select {
		case <-r.Context().Done():
		case <-s.done:
		}
		panic(http.ErrAbortHandler)
	}}
}

// Huge answers with a body of size bytes.
func Huge(status int, size int64) Answer {
	return Answer{serve: func(_ *Server, w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		chunk := bytes.Repeat([]byte(" "), 64<<10)
		for size > 0 {
			n, err := w.Write(chunk[:min(size, int64(len(chunk)))])
			if err != nil {
				return
			}
			size -= int64(n)
		}
	}}
}

// HTML answers as a gateway does that knows nothing of the vendor's API.
func HTML(status int) Answer {
	return Respond(status, "text/html",
		fmt.Sprintf("<html><head><title>%d %s</title></head></html>", status, http.StatusText(status)))
}

func reset(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		tcp.SetLinger(0) //nolint:errcheck // a FIN instead of a RST
	}
	conn.Close()
}

// Call sends a callback as a vendor does. An answer other than 2xx is an
// error.
func Call(ctx context.Context, method, url, contentType, body string, header http.Header) error {
	req, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		return err
	}
	maps.Copy(req.Header, header)
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 30 * time.Second}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, io.LimitReader(resp.Body, 64<<10)); err != nil {
		return err
	}
	if resp.StatusCode/100 != 2 {
		return fmt.Errorf("callback answered %s", resp.Status)
	}
	return nil
}
