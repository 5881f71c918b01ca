package capillarytest

import (
	"crypto/md5" //nolint:gosec // the vendor's scheme asks for it
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/cpaas-go/cpaas/capillary"
	"github.com/cpaas-go/cpaas/internal/fake"
)

// The credentials that a Server takes.
const (
	Key      = "fake-capillary-key"
	Secret   = "fake-capillary-secret"
	Till     = "fake.till"
	Password = "fake-capillary-password"
)

const (
	pathSend   = "/v1.1/communications/sendMessage"
	pathToken  = "/v3/oauth/token/generate"
	pathResend = "/v2/communications/resend"

	typeJSON = "application/json"
	typeXML  = "application/xml"
)

// Server is a fake Capillary. It is safe for concurrent use.
type Server struct {
	URL string // for capillary.New

	fake *fake.Server

	mu         sync.Mutex
	accepted   Accepted
	recipients map[string]problem
	ttl        time.Duration
	tokens     map[string]time.Time // when they end
	issued     int
	calls      int
	lastID     int64
	ids        map[string]bool
}

// Accepted is what a Server has accepted, in order.
type Accepted struct {
	SMS      []capillary.SMS
	Emails   []capillary.Email
	WhatsApp []capillary.WhatsApp
	Zalo     []capillary.Zalo
	Resends  []capillary.ResendRequest
}

// Request is a request that came in, accepted or not.
type Request = fake.Request

// NewServer starts a Server. Close it when done.
func NewServer() *Server {
	s := &Server{
		recipients: map[string]problem{}, ttl: 300 * time.Second, tokens: map[string]time.Time{},
		lastID: 1706734307813, ids: map[string]bool{},
	}
	s.fake = fake.New(http.HandlerFunc(s.serve))
	s.fake.NextAt(pathToken)
	s.URL = s.fake.URL
	return s
}

// Close stops the server and ends what hangs.
func (s *Server) Close() { s.fake.Close() }

// Client is a client of this server with [Key] and [Secret]. It panics if an
// option is wrong.
func (s *Server) Client(opts ...capillary.Option) *capillary.Client {
	return s.client(capillary.OAuth(Key, Secret), opts)
}

// BasicClient is as Client, with [Till] and [Password].
func (s *Server) BasicClient(opts ...capillary.Option) *capillary.Client {
	return s.client(capillary.Basic(Till, Password), opts)
}

func (s *Server) client(auth capillary.Auth, opts []capillary.Option) *capillary.Client {
	client, err := capillary.New(s.URL, auth, opts...)
	if err != nil {
		panic(err)
	}
	return client
}

// Accepted is what was accepted so far: the messages of every call that were
// not refused, each by itself. Copies that were left out are nil.
func (s *Server) Accepted() Accepted {
	s.mu.Lock()
	defer s.mu.Unlock()
	return Accepted{
		slices.Clone(s.accepted.SMS), slices.Clone(s.accepted.Emails), slices.Clone(s.accepted.WhatsApp),
		slices.Clone(s.accepted.Zalo), slices.Clone(s.accepted.Resends),
	}
}

// Requests is everything that came in, in order, also what was refused and
// the requests for tokens.
func (s *Server) Requests() []Request { return s.fake.Requests() }

// Connections says how many connections are open, and how many ever were.
func (s *Server) Connections() (open, ever int) { return s.fake.Connections() }

// Next scripts answers: one for each coming request, in order, behind those
// scripted before. Requests beyond them are answered normally. Requests for
// tokens do not count.
func (s *Server) Next(answers ...Answer) { s.fake.Next(answers...) }

// NextToken is Next for requests for tokens.
func (s *Server) NextToken(answers ...Answer) { s.fake.NextAt(pathToken, answers...) }

// RefuseRecipient has every message to an address or number refused with an
// error of its own, until AcceptRecipient.
func (s *Server) RefuseRecipient(to string, code capillary.Code, message string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.recipients[to] = problem{code, message}
}

// AcceptRecipient ends RefuseRecipient.
func (s *Server) AcceptRecipient(to string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.recipients, to)
}

// TokensLast sets how long the tokens given out from now on last, in whole
// seconds. The default is 300 seconds, as in the vendor's sample.
func (s *Server) TokensLast(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ttl = d
}

// RevokeTokens ends every token given out so far: who uses one gets a 401.
func (s *Server) RevokeTokens() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.tokens)
}

// TokensIssued is how many tokens were given out.
func (s *Server) TokensIssued() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.issued
}

// serve answers as the vendor would.
func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.calls++
	w.Header().Set("X-Cap-Requestid", "fake-"+strconv.Itoa(s.calls))
	s.mu.Unlock()
	handle, ok := map[string]func(http.ResponseWriter, *http.Request, []byte){
		pathSend: s.serveSend, pathToken: s.serveToken, pathResend: s.serveResend,
	}[r.URL.EscapedPath()]
	switch {
	case !ok:
		refuse(w, http.StatusNotFound, problem{capillary.CodeNotFound, "no such resource"})
		return
	case r.Method != http.MethodPost:
		refuse(w, http.StatusMethodNotAllowed, problem{capillary.CodeNotSupported, "not an operation of the resource"})
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // the client is gone
	}
	handle(w, r, body)
}

func (s *Server) serveSend(w http.ResponseWriter, r *http.Request, body []byte) {
	if !s.authorized(w, r) {
		return
	}
	request, answer := media(r.Header.Get("Content-Type")), media(r.Header.Get("Accept"))
	if request == "" || answer == "" {
		refuse(w, http.StatusUnsupportedMediaType, problem{capillary.CodeUnsupportedMediaType, "Content-Type and Accept must be JSON or XML"})
		return
	}
	ch, ok := channelOf(r.URL.Query())
	if !ok {
		refuse(w, http.StatusBadRequest, problem{capillary.CodeInvalidChannel, "invalid parameter or communication channel"})
		return
	}
	parse := parseJSON
	if request == typeXML {
		parse = parseXML
	}
	messages, p := parse(ch, body)
	if p != nil {
		refuse(w, http.StatusBadRequest, *p)
		return
	}
	s.take(ch, messages)
	if answer == typeXML {
		write(w, http.StatusOK, typeXML, ch.answerXML(messages))
		return
	}
	write(w, http.StatusOK, typeJSON, ch.answerJSON(messages))
}

// take records the messages that nothing is wrong with.
func (s *Server) take(ch *channel, messages []*message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range messages {
		if p, ok := s.recipients[m.fields[ch.recipient]]; ok && m.problem == nil {
			m.problem = &p
		}
		if m.problem != nil {
			continue
		}
		s.lastID++
		m.id = strconv.FormatInt(s.lastID, 10)
		if ch == sms {
			s.ids[m.id] = true
		}
		ch.record(&s.accepted, m)
	}
}

// authorized checks the credentials and refuses the request without.
func (s *Server) authorized(w http.ResponseWriter, r *http.Request) bool {
	tokens, basics := r.Header.Values("X-Cap-Api-Oauth-Token"), r.Header.Values("Authorization")
	till, hash, ok := r.BasicAuth()
	sum := md5.Sum([]byte(Password)) //nolint:gosec // the vendor's scheme asks for it
	switch {
	case len(tokens) == 1 && len(basics) == 0 && s.valid(tokens[0]):
		entity := r.Header.Values("X-Cap-Api-Attribution-Entity-Type")
		if len(entity) == 0 || len(entity) == 1 && slices.Contains(entities, entity[0]) {
			return true
		}
		refuse(w, http.StatusBadRequest, problem{capillary.CodeInvalidInput, "no such entity type"})
	case len(tokens) == 0 && len(basics) == 1 && ok && till == Till && hash == hex.EncodeToString(sum[:]):
		if r.Header.Get("X-Cap-Api-Attribution-Entity-Type")+r.Header.Get("X-Cap-Api-Attribution-Entity-Code") == "" {
			return true
		}
		refuse(w, http.StatusBadRequest, problem{capillary.CodeInvalidInput, "attribution is for OAuth only"})
	default:
		refuse(w, http.StatusUnauthorized, problem{capillary.CodeAuthenticationFailed, "authentication failed"})
	}
	return false
}

var entities = []string{
	capillary.EntityTill, capillary.EntityStoreCode, capillary.EntityStoreName, capillary.EntityStoreExternalID,
	capillary.EntityStoreExternalID1, capillary.EntityStoreExternalID2,
}

func (s *Server) valid(token string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return time.Now().Before(s.tokens[token])
}

func (s *Server) serveToken(w http.ResponseWriter, r *http.Request, body []byte) {
	given, ok := exactly(body, "key", "secret")
	switch {
	case media(r.Header.Get("Content-Type")) != typeJSON:
		refuse(w, http.StatusUnsupportedMediaType, problem{capillary.CodeUnsupportedMediaType, "Content-Type must be JSON"})
		return
	case r.Header.Get("Authorization") != "" || r.Header.Get("X-Cap-Api-Oauth-Token") != "":
		refuse(w, http.StatusBadRequest, problem{capillary.CodeInvalidInput, "no credentials but in the body"})
		return
	case !ok || text(given["key"]) != Key || text(given["secret"]) != Secret:
		refuse(w, http.StatusUnauthorized, problem{capillary.CodeAuthenticationFailed, "failed to generate a token"})
		return
	}
	s.mu.Lock()
	s.issued++
	token := "fake-capillary-token-" + strconv.Itoa(s.issued)
	s.tokens[token] = time.Now().Add(s.ttl)
	answer := fmt.Sprintf(`{"data":{"accessToken":%q,"ttlSeconds":%d},"errors":null}`, token, int64(s.ttl/time.Second))
	s.mu.Unlock()
	write(w, http.StatusOK, typeJSON, []byte(answer))
}

func (s *Server) serveResend(w http.ResponseWriter, r *http.Request, body []byte) {
	if !s.authorized(w, r) {
		return
	}
	given, ok := exactly(body, "messageId")
	id := string(given["messageId"])
	switch {
	case media(r.Header.Get("Content-Type")) != typeJSON:
		refuse(w, http.StatusUnsupportedMediaType, problem{capillary.CodeUnsupportedMediaType, "Content-Type must be JSON"})
		return
	case !ok || id == "" || strings.Trim(id, "0123456789") != "":
		refuse(w, http.StatusBadRequest, problem{capillary.CodeInvalidInput, "the input is invalid"})
		return
	}
	s.mu.Lock()
	if !s.ids[id] {
		s.mu.Unlock()
		refuse(w, http.StatusBadRequest, problem{capillary.CodeUnknownMessage, "failed to resend: message not found"})
		return
	}
	s.lastID++
	resent := strconv.FormatInt(s.lastID, 10)
	s.ids[resent] = true
	s.accepted.Resends = append(s.accepted.Resends, capillary.ResendRequest{MessageID: id})
	s.mu.Unlock()
	write(w, http.StatusOK, typeJSON, []byte(`{"orgId":1001,"undeliveredMessageId":`+id+`,"resentMessageId":`+resent+`,"warnings":[]}`))
}

// exactly is the members of a JSON object that has none but those named, each
// once and to the letter.
func exactly(object []byte, names ...string) (map[string]json.RawMessage, bool) {
	var members map[string]json.RawMessage
	if !utf8.Valid(object) || json.Unmarshal(object, &members) != nil || members == nil || repeats(object) {
		return nil, false
	}
	for name := range members {
		if !slices.Contains(names, name) {
			return nil, false
		}
	}
	return members, true
}

// text is a JSON string; of anything else it is "".
func text(raw json.RawMessage) string {
	var s *string
	if len(raw) == 0 || json.Unmarshal(raw, &s) != nil || s == nil {
		return ""
	}
	return *s
}

// media is one of the two media types, or "".
func media(header string) string {
	t, params, err := mime.ParseMediaType(header)
	if err != nil || t != typeJSON && t != typeXML || params["charset"] != "" && !strings.EqualFold(params["charset"], "utf-8") {
		return ""
	}
	return t
}

// channelOf is the channel that the query names.
func channelOf(q url.Values) (*channel, bool) {
	if len(q) > 1 || len(q) == 1 && len(q["channel"]) != 1 {
		return nil, false
	}
	name := q.Get("channel")
	if len(q) == 0 {
		name = "sms"
	}
	ch, ok := channels[strings.ToLower(name)]
	return ch, ok
}

func refuse(w http.ResponseWriter, status int, p problem) {
	write(w, status, typeJSON, []byte(errorBody(p.code, p.message)))
}

func write(w http.ResponseWriter, status int, contentType string, body []byte) {
	w.Header().Set("Content-Type", contentType)
	w.WriteHeader(status)
	w.Write(body) //nolint:errcheck // the client may be gone
}
