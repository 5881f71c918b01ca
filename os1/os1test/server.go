package os1test

import (
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

	"github.com/cpaas-go/cpaas/internal/fake"
	"github.com/cpaas-go/cpaas/os1"
)

// What a Server takes.
const (
	TenantID     = "fake-tenant"
	AccessToken  = "fake-os1-access-token"
	ClientID     = "fake-os1-client-id"
	ClientSecret = "fake-os1-client-secret"
)

// Server is a fake OS1 of one tenant. It is safe for concurrent use.
type Server struct {
	URL string // the base URL of os1.New

	fake    *fake.Server
	paths   os1.Paths
	spelled map[string]string
	renamed map[string]bool

	mu                sync.Mutex
	tokens            map[string]bool
	issued            int
	sends             []os1.SendRequest
	twoWays           []os1.TwoWayRequest
	notificationSends []os1.NotificationSendRequest
	providers         []os1.ProviderRequest
	templates         []json.RawMessage
	notifications     []os1.NotificationRequest
}

// Request is a request that came in, accepted or not.
type Request = fake.Request

// Option changes what a Server takes.
type Option func(*Server)

// WithPaths moves operations to the paths that are not empty in p, as
// [os1.WithPaths] does for a client.
func WithPaths(p os1.Paths) Option {
	return func(s *Server) {
		for _, f := range []struct {
			to *string
			p  string
		}{
			{&s.paths.Prefix, p.Prefix},
			{&s.paths.Providers, p.Providers},
			{&s.paths.Templates, p.Templates},
			{&s.paths.Template, p.Template},
			{&s.paths.Notifications, p.Notifications},
			{&s.paths.Messages, p.Messages},
			{&s.paths.NotificationMessages, p.NotificationMessages},
			{&s.paths.TwoWay, p.TwoWay},
			{&s.paths.Token, p.Token},
		} {
			if f.p != "" {
				*f.to = f.p
			}
		}
	}
}

// WithSpelling takes the names of [os1.WithSpelling], and not the default
// ones in their place.
func WithSpelling(names map[string]string) Option {
	return func(s *Server) {
		for name, to := range names {
			if name != to {
				s.spelled[to], s.renamed[name] = name, true
			}
		}
	}
}

// NewServer starts a Server. Close it when done.
func NewServer(opts ...Option) *Server {
	s := &Server{
		paths: os1.DefaultPaths(), spelled: map[string]string{}, renamed: map[string]bool{},
		tokens: map[string]bool{AccessToken: true},
	}
	for _, opt := range opts {
		opt(s)
	}
	s.fake = fake.New(http.HandlerFunc(s.serve))
	s.fake.NextAt(s.paths.Token) // a call for a token takes no answer that is meant for a message
	s.URL = s.fake.URL
	return s
}

// Close stops the server and ends what hangs.
func (s *Server) Close() { s.fake.Close() }

// Client is a client of this server, with its paths, [AccessToken] and
// [TenantID]. It panics if an option is wrong.
func (s *Server) Client(opts ...os1.Option) *os1.Client {
	return s.client(os1.StaticToken(AccessToken), opts)
}

// ClientWithCredentials is as Client, with [ClientID] and [ClientSecret].
func (s *Server) ClientWithCredentials(opts ...os1.Option) *os1.Client {
	return s.client(os1.ClientCredentials(ClientID, ClientSecret), opts)
}

func (s *Server) client(auth os1.Auth, opts []os1.Option) *os1.Client {
	client, err := os1.New(s.URL, TenantID, auth, append([]os1.Option{os1.WithPaths(s.paths)}, opts...)...)
	if err != nil {
		panic(err)
	}
	return client
}

// Next scripts answers: one for each coming request but those for a token, in
// order, behind those scripted before.
func (s *Server) Next(answers ...Answer) { s.fake.Next(answers...) }

// NextToken is Next for requests for a token.
func (s *Server) NextToken(answers ...Answer) { s.fake.NextAt(s.paths.Token, answers...) }

// RevokeTokens ends every token given so far, and [AccessToken]: calls with
// them are answered 401.
func (s *Server) RevokeTokens() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.tokens)
}

// Requests are all requests so far, in order, also the refused ones and those
// for a token. They hold credentials.
func (s *Server) Requests() []Request { return s.fake.Requests() }

// Connections says how many connections are open, and how many ever were.
func (s *Server) Connections() (open, ever int) { return s.fake.Connections() }

// Accepted are the accepted calls of [os1.Client.Send], in order.
func (s *Server) Accepted() []os1.SendRequest { return list(s, &s.sends) }

// TwoWays are the accepted calls of [os1.Client.SendTwoWay], in order.
func (s *Server) TwoWays() []os1.TwoWayRequest { return list(s, &s.twoWays) }

// NotificationSends are the accepted calls of
// [os1.Client.SendWithNotifications], in order.
func (s *Server) NotificationSends() []os1.NotificationSendRequest {
	return list(s, &s.notificationSends)
}

// Providers are the registered providers, in order.
func (s *Server) Providers() []os1.ProviderRequest { return list(s, &s.providers) }

// Notifications are the registered notifications, in order.
func (s *Server) Notifications() []os1.NotificationRequest { return list(s, &s.notifications) }

// Templates are the created templates, in order.
func (s *Server) Templates() []os1.TemplateRequest {
	var all []os1.TemplateRequest
	for _, raw := range list(s, &s.templates) {
		t, err := readTemplate(raw)
		if err != nil {
			panic(err) // it was checked
		}
		all = append(all, t)
	}
	return all
}

func list[T any](s *Server, from *[]T) []T {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(*from)
}

func readTemplate(raw []byte) (os1.TemplateRequest, error) {
	var wire struct {
		Name     string          `json:"name"`
		Mode     os1.Mode        `json:"mode"`
		Data     json.RawMessage `json:"data"`
		IsActive *bool           `json:"isActive"`
		Tags     []string        `json:"tags"`
	}
	if err := json.Unmarshal(raw, &wire); err != nil {
		return os1.TemplateRequest{}, err
	}
	t := os1.TemplateRequest{Name: wire.Name, Mode: wire.Mode, IsActive: wire.IsActive, Tags: wire.Tags}
	var err error
	switch strings.ToLower(string(wire.Mode)) {
	case "sms":
		t.Data, err = read[os1.SMSTemplate](wire.Data)
	case "email":
		t.Data, err = read[os1.EmailTemplate](wire.Data)
	default:
		t.Data, err = read[os1.WhatsAppTemplate](wire.Data)
	}
	return t, err
}

func read[T any](raw []byte) (v T, err error) {
	err = json.Unmarshal(raw, &v)
	return v, err
}

// call is a request with its body.
type call struct {
	*http.Request
	body []byte
	uri  string // the path without the prefix
}

// refusal is how a call is refused.
type refusal struct {
	status      int
	description string
}

func refuse(status int, format string, args ...any) *refusal {
	return &refusal{status, fmt.Sprintf(format, args...)}
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	c := call{Request: r, body: body, uri: r.URL.Path}
	if id := r.Header.Get("X-COREOS-REQUEST-ID"); id != "" {
		w.Header().Set("X-COREOS-REQUEST-ID", id)
	}
	status, data, no := s.answer(&c)
	envelope := map[string]any{"data": data}
	if no != nil {
		status, envelope = no.status, failure(Code(no.status), no.description)
	}
	envelope["request"] = c.echo()
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(envelope) //nolint:errchkjson // the client may be gone
}

// echo is the request as the vendor repeats it.
func (c *call) echo() map[string]any {
	body := json.RawMessage(c.body)
	if !json.Valid(body) {
		body = json.RawMessage("{}")
	}
	return map[string]any{"uri": c.uri, "method": c.Method, "queryString": c.URL.RawQuery, "body": body}
}

func (s *Server) answer(c *call) (status int, data any, no *refusal) {
	if no := c.check(); no != nil {
		return 0, nil, no
	}
	if c.URL.Path == s.paths.Token {
		return s.serveToken(c)
	}
	if no := s.checkToken(c); no != nil {
		return 0, nil, no
	}
	path, ok := strings.CutPrefix(c.URL.EscapedPath(), strings.TrimRight(s.paths.Prefix, "/"))
	if !ok {
		return 0, nil, refuse(http.StatusNotFound, "no such path")
	}
	c.uri = path
	switch {
	case path == s.paths.Messages:
		return s.post(c, send, keep(s, &s.sends))
	case path == s.paths.NotificationMessages && path != "":
		return s.post(c, notificationSend, keep(s, &s.notificationSends))
	case path == s.paths.TwoWay && path != "":
		return s.post(c, twoWay, keep(s, &s.twoWays))
	case path == s.paths.Notifications:
		return s.post(c, notification, keep(s, &s.notifications))
	case path == s.paths.Providers:
		return s.serveProvider(c)
	case path == s.paths.Templates && c.Method == http.MethodGet:
		return s.listTemplates(c)
	case path == s.paths.Templates:
		return s.createTemplate(c)
	}
	if name, ok := s.templateName(path); ok {
		return s.getTemplate(c, name)
	}
	return 0, nil, refuse(http.StatusNotFound, "no such path")
}

// check checks what every call must have.
func (c *call) check() *refusal {
	media, _, err := mime.ParseMediaType(c.Header.Get("Content-Type"))
	switch {
	case c.Header.Get("X-COREOS-REQUEST-ID") == "":
		return refuse(http.StatusBadRequest, "X-COREOS-REQUEST-ID is missing")
	case c.Header.Get("X-COREOS-TID") != TenantID:
		return refuse(http.StatusBadRequest, "X-COREOS-TID is not the tenant's")
	case c.Method == http.MethodPost && (err != nil || media != "application/json"):
		return refuse(http.StatusBadRequest, "Content-Type is not application/json")
	}
	return nil
}

func (s *Server) checkToken(c *call) *refusal {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.tokens[c.Header.Get("X-COREOS-ACCESS")] {
		return refuse(http.StatusUnauthorized, "X-COREOS-ACCESS is no valid access token")
	}
	return nil
}

// checked reads the body and puts it into the default spelling.
func (s *Server) checked(c *call, want *schema) ([]byte, *refusal) {
	if c.Method != http.MethodPost {
		return nil, refuse(http.StatusMethodNotAllowed, "not a POST")
	}
	v, err := parse(c.body)
	if err != nil {
		return nil, refuse(http.StatusBadRequest, "body: %v", err)
	}
	check := checker{spelled: s.spelled, renamed: s.renamed}
	v = check.object(v, want, "")
	if len(check.wrong) > 0 {
		slices.Sort(check.wrong)
		return nil, refuse(http.StatusBadRequest, "%s", strings.TrimSpace(strings.Join(check.wrong, "; ")))
	}
	b, err := json.Marshal(v)
	if err != nil {
		return nil, refuse(http.StatusBadRequest, "body: %v", err)
	}
	return b, nil
}

// keep records a request of type T.
func keep[T any](s *Server, to *[]T) func([]byte) error {
	return func(raw []byte) error {
		v, err := read[T](raw)
		if err != nil {
			return err
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		*to = append(*to, v)
		return nil
	}
}

func (s *Server) post(c *call, want *schema, keep func([]byte) error) (int, any, *refusal) {
	body, no := s.checked(c, want)
	if no != nil {
		return 0, nil, no
	}
	if keep(body) != nil {
		return 0, nil, refuse(http.StatusBadRequest, "a value is out of range")
	}
	return http.StatusAccepted, map[string]any{}, nil
}

func (s *Server) serveToken(c *call) (int, any, *refusal) {
	body, no := s.checked(c, tokenRequest)
	if no != nil {
		return 0, nil, no
	}
	var in struct {
		ClientID     string `json:"clientId"`
		ClientSecret string `json:"clientSecret"`
	}
	if json.Unmarshal(body, &in) != nil || in.ClientID != ClientID || in.ClientSecret != ClientSecret {
		return 0, nil, refuse(http.StatusUnauthorized, "no such client")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.issued++
	token := AccessToken + "-" + strconv.Itoa(s.issued)
	s.tokens[token] = true
	return http.StatusOK, map[string]any{"accessToken": token, "tokenType": "Bearer", "expiresIn": 86400}, nil
}

func (s *Server) serveProvider(c *call) (int, any, *refusal) {
	body, no := s.checked(c, provider)
	if no != nil {
		return 0, nil, no
	}
	req, err := read[os1.ProviderRequest](body)
	if err != nil {
		return 0, nil, refuse(http.StatusBadRequest, "credentials: %v", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.providers = append(s.providers, req)
	data := map[string]any{"name": req.Name}
	if strings.EqualFold(string(req.ProviderType), string(os1.ProviderInfobip)) {
		data["inboundWebhookUrl"] = s.URL + strings.TrimRight(s.paths.Prefix, "/") +
			"/webhooks/whatsapp/" + url.PathEscape(req.Name) + "/communications"
	}
	return http.StatusCreated, data, nil
}

func (s *Server) createTemplate(c *call) (int, any, *refusal) {
	v, err := parse(c.body)
	if err != nil {
		return 0, nil, refuse(http.StatusBadRequest, "body: %v", err)
	}
	o, _ := v.(object)
	mode, _ := o.values[s.spelling("mode")].(string)
	want, ok := templates[strings.ToLower(mode)]
	if !ok {
		return 0, nil, refuse(http.StatusBadRequest, "mode must be sms, email or whatsapp")
	}
	body, no := s.checked(c, want)
	if no != nil {
		return 0, nil, no
	}
	if _, err := readTemplate(body); err != nil {
		return 0, nil, refuse(http.StatusBadRequest, "a value is out of range")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.templates = append(s.templates, body)
	return http.StatusCreated, json.RawMessage(body), nil
}

// spelling is how a member's name comes.
func (s *Server) spelling(name string) string {
	for to, from := range s.spelled {
		if from == name {
			return to
		}
	}
	return name
}

// templateName is the name in a path of one template.
func (s *Server) templateName(path string) (string, bool) {
	before, after, _ := strings.Cut(s.paths.Template, "{name}")
	escaped, ok := strings.CutPrefix(path, before)
	if !ok {
		return "", false
	}
	escaped, ok = strings.CutSuffix(escaped, after)
	if !ok || escaped == "" || strings.Contains(escaped, "/") {
		return "", false
	}
	name, err := url.PathUnescape(escaped)
	return name, err == nil
}

func (s *Server) getTemplate(c *call, name string) (int, any, *refusal) {
	if c.Method != http.MethodGet {
		return 0, nil, refuse(http.StatusMethodNotAllowed, "not a GET")
	}
	for _, raw := range list(s, &s.templates) {
		if t, err := readTemplate(raw); err == nil && t.Name == name {
			return http.StatusOK, raw, nil
		}
	}
	return 0, nil, refuse(http.StatusNotFound, "no such template")
}

// listTemplates pages by limit and offset, as the platform's container
// service does.
func (s *Server) listTemplates(c *call) (int, any, *refusal) {
	all := list(s, &s.templates)
	query := c.URL.Query()
	numbers := map[string]int{"limit": len(all), "offset": 0}
	for name := range numbers {
		if !query.Has(name) {
			continue
		}
		n, err := strconv.Atoi(query.Get(name))
		if err != nil || n < 0 {
			return 0, nil, refuse(http.StatusBadRequest, "%s must be a number", name)
		}
		numbers[name] = min(n, len(all))
	}
	page := all[numbers["offset"]:]
	page = page[:min(numbers["limit"], len(page))]
	return http.StatusOK, map[string]any{
		"templates": append([]json.RawMessage{}, page...), "meta": map[string]any{"totalElements": len(all)},
	}, nil
}
