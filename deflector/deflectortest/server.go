package deflectortest

import (
	"cmp"
	"crypto/subtle"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/cpaas-go/cpaas/deflector"
	"github.com/cpaas-go/cpaas/internal/fake"
)

// APIKey is the key that a Server takes.
const APIKey = "fake-deflector-api-key"

// Server is a fake Deflector. It is safe for concurrent use.
type Server struct {
	URL string // for deflector.WithBaseURL

	fake *fake.Server

	mu         sync.Mutex
	accepted   []record
	channels   map[deflector.Channel]refusal
	recipients map[string]refusal
	hookHeader http.Header
}

// record is an accepted message.
type record struct {
	id   string // the answer's
	wire json.RawMessage
}

// refusal is how something is refused.
type refusal struct {
	status int
	code   string
}

// Request is a request that came in, accepted or not.
type Request = fake.Request

// NewServer starts a Server. Close it when done.
func NewServer() *Server {
	s := &Server{
		channels:   map[deflector.Channel]refusal{},
		recipients: map[string]refusal{},
		hookHeader: http.Header{},
	}
	s.fake = fake.New(http.HandlerFunc(s.serve))
	s.URL = s.fake.URL
	return s
}

// Close stops the server and ends what hangs.
func (s *Server) Close() { s.fake.Close() }

// Client is a client of this server with the right key. It panics if an
// option is wrong.
func (s *Server) Client(opts ...deflector.Option) *deflector.Client {
	client, err := deflector.New(APIKey, append([]deflector.Option{deflector.WithBaseURL(s.URL)}, opts...)...)
	if err != nil {
		panic(err)
	}
	return client
}

// Accepted is the messages accepted so far, in order, each element of a
// request's array by itself. They are as they came: what the client fills in,
// such as the policy, is filled in, and no attributes are an empty slice or
// map.
func (s *Server) Accepted() []deflector.Message {
	s.mu.Lock()
	records := slices.Clone(s.accepted)
	s.mu.Unlock()
	messages := make([]deflector.Message, len(records))
	for i, r := range records {
		messages[i] = decode(r.wire).message()
	}
	return messages
}

// Requests is everything that came in, in order, also what was refused.
func (s *Server) Requests() []Request { return s.fake.Requests() }

// Connections says how many connections are open, and how many ever were.
func (s *Server) Connections() (open, ever int) { return s.fake.Connections() }

// Next scripts answers: one for each coming request, in order, behind those
// scripted before. Requests beyond them are answered normally.
func (s *Server) Next(answers ...Answer) { s.fake.Next(answers...) }

// RefuseChannel has every message refused whose flow has no other channel
// than ch and those refused before, as [Refuse] does, until AcceptChannel.
func (s *Server) RefuseChannel(ch deflector.Channel, status int, code string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.channels[ch] = refusal{status, code}
}

// AcceptChannel ends RefuseChannel.
func (s *Server) AcceptChannel(ch deflector.Channel) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.channels, ch)
}

// RefuseRecipient has every message to phone refused, as [Refuse] does, until
// AcceptRecipient.
func (s *Server) RefuseRecipient(phone string, status int, code string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.recipients[phone] = refusal{status, code}
}

// AcceptRecipient ends RefuseRecipient.
func (s *Server) AcceptRecipient(phone string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.recipients, phone)
}

// serve answers as the vendor would.
func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	if r.URL.EscapedPath() != "/messages/send" || r.URL.RawQuery != "" {
		refuseCode(w, http.StatusNotFound, "", "no such resource")
		return
	}
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		refuseCode(w, http.StatusMethodNotAllowed, "", "method not allowed")
		return
	}
	if !authorized(r.Header) {
		refuseService(w, http.StatusUnauthorized, "Unauthenticated: key not found", []string{"apikey not valid"})
		return
	}
	if media, params, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil ||
		media != "application/json" || params["charset"] != "" && !strings.EqualFold(params["charset"], "utf-8") {
		refuseService(w, http.StatusBadRequest, "ContentType not valid", nil)
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // the client is gone
	}
	messages, problem := parse(body)
	if problem != nil {
		refuseCode(w, http.StatusBadRequest, problem.code, problem.text)
		return
	}
	if r, refused := s.refuses(messages); refused {
		refuseCode(w, r.status, r.code, cmp.Or(meanings[r.code], "refused"))
		return
	}
	writeJSON(w, http.StatusOK, map[string]string{"messageId": s.accept(messages)})
}

// authorized reports whether every key is the right one, and there is one.
func authorized(h http.Header) bool {
	keys := slices.Concat(h.Values("api-key"), h.Values("api_key"))
	for _, key := range keys {
		if subtle.ConstantTimeCompare([]byte(key), []byte(APIKey)) != 1 {
			return false
		}
	}
	return len(keys) > 0
}

// refuses says whether a message is to be refused, and how.
func (s *Server) refuses(messages []json.RawMessage) (refusal, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, raw := range messages {
		m := decode(raw)
		for _, to := range m.To {
			if r, ok := s.recipients[to.PhoneNumber]; ok {
				return r, true
			}
		}
		if r, ok := s.refusesFlow(m); ok {
			return r, true
		}
	}
	return refusal{}, false
}

// refusesFlow says whether every channel of m is refused, and how the last is.
func (s *Server) refusesFlow(m message) (last refusal, all bool) {
	for _, stage := range m.Flow {
		for _, c := range stage {
			r, ok := s.channels[c.Channel]
			if !ok {
				return refusal{}, false
			}
			last = r
		}
	}
	return last, true
}

// accept records messages under one id.
func (s *Server) accept(messages []json.RawMessage) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	id := fmt.Sprintf("ack-%d", len(s.accepted)+1)
	for _, raw := range messages {
		s.accepted = append(s.accepted, record{id, raw})
	}
	return id
}

// meanings are what the vendor's WhatsApp API means by its codes.
var meanings = map[string]string{
	deflector.CodeParameterMissing:  "a required parameter is missing",
	deflector.CodeNotOptedIn:        "the number is not opted in",
	deflector.CodeNoWhatsAppContact: "there is no such contact",
	deflector.CodeClientNotFound:    "client details not found",
	deflector.CodeTechnicalError:    "technical error",
	deflector.CodeValidation:        "validation failed",
	deflector.CodeOutsideWindow:     "outside the 24-hour window: use a template",
	deflector.CodeInvalidMedia:      "invalid media",
}

// refuseCode answers as the WhatsApp API refuses.
func refuseCode(w http.ResponseWriter, status int, code, message string) {
	writeJSON(w, status, refusalBody(code, message))
}

func refusalBody(code, message string) any {
	type inner struct {
		Code    string `json:"code"`
		Message string `json:"message"`
	}
	return struct {
		Status string `json:"status"`
		Error  inner  `json:"error"`
	}{"failure", inner{code, message}}
}

// refuseService answers as the RCS API refuses.
func refuseService(w http.ResponseWriter, status int, text string, problems []string) {
	type exception struct {
		MessageID        string   `json:"messageId"`
		Text             string   `json:"text"`
		ValidationErrors []string `json:"validationErrors"`
	}
	type requestError struct {
		ServiceException exception `json:"serviceException"`
	}
	writeJSON(w, status, struct {
		RequestError requestError `json:"requestError"`
	}{requestError{exception{"", text, problems}}})
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(v) //nolint:errcheck,errchkjson // the client may be gone
}
