package octopushtest

import (
	"crypto/subtle"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"slices"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/cpaas-go/cpaas/internal/fake"
	"github.com/cpaas-go/cpaas/octopush"
)

// The credentials that a Server takes.
const (
	Login  = "fake-octopush@example.com"
	APIKey = "fake-octopush-api-key"
)

const prefix = "/v1/public"

// Server is a fake Octopush. It is safe for concurrent use.
type Server struct {
	URL string // for octopush.WithBaseURL

	fake *fake.Server

	mu       sync.Mutex
	accepted []Accepted
	waiting  map[string]waiting   // by ticket
	seen     map[string]time.Time // request_id: when it was accepted
}

// waiting is a campaign that may be cancelled.
type waiting struct {
	channel    octopush.Channel
	recipients int
	at         time.Time
	accepted   int // place in Server.accepted; -1: not sent by a request
}

// Accepted is a request that a Server took: one of its requests is set.
type Accepted struct {
	Channel   octopush.Channel
	Ticket    string // empty for live chat
	Cancelled bool

	SMS      *octopush.SMSRequest
	Voice    *octopush.VoiceRequest
	RCS      *octopush.RCSRequest
	Email    *octopush.EmailRequest
	LiveChat *octopush.LiveChatRequest
}

// Request is a request that came in, accepted or not.
type Request = fake.Request

// NewServer starts a Server. Close it when done.
func NewServer() *Server {
	s := &Server{waiting: map[string]waiting{}, seen: map[string]time.Time{}}
	mux := http.NewServeMux()
	mux.Handle(prefix+"/multi-channel/send", s.endpoint(http.MethodPost, s.send))
	mux.Handle(prefix+"/multi-channel/cancel", s.endpoint(http.MethodDelete, s.cancel))
	mux.Handle(prefix+"/wallet/check-balance", s.endpoint(http.MethodGet, s.balance))
	mux.Handle(prefix+"/wallet/check-credits", s.endpoint(http.MethodGet, s.credits))
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		refuse(w, http.StatusNotFound, http.StatusNotFound, "Not found.")
	})
	s.fake = fake.New(mux)
	s.URL = s.fake.URL + prefix
	return s
}

// Close stops the server and ends what hangs.
func (s *Server) Close() { s.fake.Close() }

// Client is a client of this server with the right credentials. It panics if
// an option is wrong.
func (s *Server) Client(opts ...octopush.Option) *octopush.Client {
	client, err := octopush.New(Login, APIKey, append([]octopush.Option{octopush.WithBaseURL(s.URL)}, opts...)...)
	if err != nil {
		panic(err)
	}
	return client
}

// Accepted is what was accepted so far, in order, also what is simulated.
func (s *Server) Accepted() []Accepted {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.accepted)
}

// Requests is everything that came in, in order, also what was refused.
func (s *Server) Requests() []Request { return s.fake.Requests() }

// Connections says how many connections are open, and how many ever were.
func (s *Server) Connections() (open, ever int) { return s.fake.Connections() }

// Next scripts answers: one for each coming request, in order, behind those
// scripted before. Requests beyond them are answered normally.
func (s *Server) Next(answers ...Answer) { s.fake.Next(answers...) }

// Scheduled makes a campaign of one recipient that waits for a day from now,
// for [octopush.Client.Cancel].
func (s *Server) Scheduled(channel octopush.Channel, ticket string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.waiting[ticket] = waiting{channel: channel, recipients: 1, at: time.Now().Add(24 * time.Hour), accepted: -1}
}

// endpoint checks what all operations have in common.
func (s *Server) endpoint(method string, serve func(http.ResponseWriter, *http.Request, []byte)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		mediaType, _, mediaErr := mime.ParseMediaType(r.Header.Get("Content-Type"))
		switch {
		case r.Method != method:
			w.Header().Set("Allow", method)
			refuse(w, http.StatusMethodNotAllowed, http.StatusMethodNotAllowed, "Method not allowed.")
		case !same(r.Header.Values("Api-Login"), Login) || !same(r.Header.Values("Api-Key"), APIKey):
			refuse(w, http.StatusUnauthorized, octopush.CodeUnauthorized, "Unauthorized.")
		case err != nil:
			refuse(w, http.StatusBadRequest, octopush.CodeValidation, "Unreadable body.")
		case method != http.MethodGet && (mediaErr != nil || mediaType != "application/json"):
			refuse(w, http.StatusBadRequest, octopush.CodeValidation, "Content-Type must be application/json.")
		default:
			serve(w, r, body)
		}
	})
}

func same(got []string, want string) bool {
	return len(got) == 1 && subtle.ConstantTimeCompare([]byte(got[0]), []byte(want)) == 1
}

func (s *Server) send(w http.ResponseWriter, _ *http.Request, body []byte) {
	c := check(body)
	switch {
	case c.code != 0:
		refuse(w, http.StatusBadRequest, c.code, c.message)
		return
	case len(c.errors) > 0:
		refuseFields(w, http.StatusBadRequest, c.errors)
		return
	}
	answer, ok := s.accept(c)
	if !ok {
		refuse(w, http.StatusBadRequest, octopush.CodeDuplicateRequest, "Loop detected.")
		return
	}
	writeJSON(w, http.StatusOK, answer)
}

// The answers of the page. RCS has none there.
type (
	smsAnswer struct {
		Ticket   string  `json:"sms_ticket"`
		Contacts int     `json:"number_of_contacts"`
		Cost     float64 `json:"total_cost"`
		SMS      int     `json:"number_of_sms_needed"`
		Credit   float64 `json:"residual_credit"`
		Message  string  `json:"message"`
	}
	voiceAnswer struct {
		Ticket   string  `json:"ticket_number"`
		Contacts int     `json:"number_of_contacts"`
		Cost     float64 `json:"total_cost"`
		Duration int     `json:"estimated_duration"`
		Credit   float64 `json:"residual_credit"`
	}
	otherAnswer struct {
		Ticket   *string `json:"ticket_number"`
		Contacts int     `json:"number_of_contacts"`
		Cost     float64 `json:"total_cost"`
		Credit   float64 `json:"residual_credit"`
	}
)

const (
	price  = 0.05   // of a recipient
	credit = 149.95 // left, always
)

// accept records a request, unless its request_id was seen.
func (s *Server) accept(c checked) (answer any, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	if c.requestID != "" && !c.simulated {
		if at, ok := s.seen[c.requestID]; ok && now.Sub(at) < 24*time.Hour {
			return nil, false
		}
		s.seen[c.requestID] = now
	}
	a := c.accepted
	n, cost := c.recipients, float64(c.recipients)*price
	a.Ticket = s.ticket(a.Channel)
	switch a.Channel {
	case octopush.SMS:
		answer = smsAnswer{a.Ticket, n, cost, n, credit, ""}
	case octopush.VoiceSMS:
		answer = voiceAnswer{a.Ticket, n, cost, 30, credit}
	case octopush.LiveChat:
		a.Ticket = ""
		answer = otherAnswer{nil, n, 0, credit}
	case octopush.RCS, octopush.Email:
		answer = otherAnswer{&a.Ticket, n, cost, credit}
	}
	if a.Ticket != "" && !c.simulated {
		s.waiting[a.Ticket] = waiting{a.Channel, n, c.sendAt, len(s.accepted)}
	}
	s.accepted = append(s.accepted, a)
	return answer, true
}

// ticket is a new ticket: the page's first, then those after it.
func (s *Server) ticket(channel octopush.Channel) string {
	for n := 0x5f3fbce61266e + len(s.accepted); ; n++ {
		ticket := fmt.Sprintf("%s_%013x", ticketPrefixes[channel], n)
		if _, taken := s.waiting[ticket]; !taken {
			return ticket
		}
	}
}

var ticketPrefixes = map[octopush.Channel]string{
	octopush.SMS: "sms", octopush.VoiceSMS: "voice", octopush.RCS: "rcs", octopush.Email: "email",
}

func (s *Server) cancel(w http.ResponseWriter, _ *http.Request, body []byte) {
	c := checked{}
	m := c.object(body)
	c.oneOf(m, "channel", true, channels[:4]...)
	ticket := c.text(m, "ticket_number", true)
	if len(c.errors) > 0 {
		refuseFields(w, http.StatusBadRequest, c.errors)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	campaign, ok := s.waiting[ticket]
	switch {
	case !ok || string(campaign.channel) != toText(m["channel"]):
		refuse(w, http.StatusBadRequest, codeNoCampaign, "Campaign not found.")
	case campaign.recipients > 2:
		refuse(w, http.StatusBadRequest, octopush.CodeValidation, "Too many recipients to cancel.")
	case time.Until(campaign.at) <= 10*time.Minute:
		refuse(w, http.StatusBadRequest, octopush.CodeValidation, "Too late to cancel.")
	default:
		delete(s.waiting, ticket)
		if campaign.accepted >= 0 {
			s.accepted[campaign.accepted].Cancelled = true
		}
		w.WriteHeader(http.StatusNoContent)
	}
}

const codeNoCampaign octopush.Code = 131 // of the vendor's former API

func (s *Server) balance(w http.ResponseWriter, r *http.Request, _ []byte) {
	query := r.URL.Query()
	country, product := query.Get("country_code"), query.Get("product_name")
	products := []string{"sms_low_cost", "sms_premium", "vocal_sms", "hlr"}
	if (country == "") != (product == "") || country != "" && (!isCountry(country) || !slices.Contains(products, product)) {
		refuse(w, http.StatusBadRequest, octopush.CodeValidation, "country_code and product_name go together.")
		return
	}
	type pack struct {
		ID      string  `json:"wallet_pack_id"`
		Credit  float64 `json:"credit"`
		Expires string  `json:"expiration_date"`
	}
	answer := struct {
		Amount float64 `json:"amount"`
		Unit   string  `json:"unit"`
		Packs  []pack  `json:"wallet_packs,omitempty"`
	}{12.54, "euros", nil}
	if product != "" {
		answer.Amount, answer.Unit = 204, product
	}
	if query.Get("with_details") == "true" {
		answer.Packs = []pack{{"bacf3d83-1524-13eb-a5e2-0242af120002", answer.Amount, "2030-10-23T13:41:46+02:00"}}
	}
	writeJSON(w, http.StatusOK, answer)
}

func (s *Server) credits(w http.ResponseWriter, r *http.Request, _ []byte) {
	countries := r.URL.Query()["country_codes[]"]
	type credits struct {
		Premium int `json:"premium_sms"`
		Voice   int `json:"vocal_sms"`
		LowCost int `json:"low_cost_sms"`
		HLR     int `json:"hlr"`
	}
	answer := map[string]credits{}
	for _, country := range countries {
		if isCountry(country) {
			answer[country] = credits{204, 250, 300, 1254}
		}
	}
	if len(answer) == 0 || len(answer) != len(countries) {
		refuse(w, http.StatusBadRequest, octopush.CodeValidation, "country_codes[] must be countries.")
		return
	}
	writeJSON(w, http.StatusOK, answer)
}

func isCountry(s string) bool {
	return len(s) == 2 && s[0] >= 'A' && s[0] <= 'Z' && s[1] >= 'A' && s[1] <= 'Z'
}

// refusal is the body of a refusal.
type refusal struct {
	Code    octopush.Code       `json:"code"`
	Message string              `json:"message"`
	Errors  map[string]fieldErr `json:"errors,omitempty"`
}

type fieldErr struct {
	Code    octopush.Code `json:"code"`
	Message string        `json:"message"`
}

func refuse(w http.ResponseWriter, status int, code octopush.Code, message string) {
	writeJSON(w, status, refusal{Code: code, Message: message})
}

func refuseFields(w http.ResponseWriter, status int, errors map[string]fieldErr) {
	writeJSON(w, status, refusal{octopush.CodeValidation, "Payload validation error.", errors})
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(v) //nolint:errcheck,errchkjson // the client may be gone
}

func valid(body []byte) bool { return utf8.Valid(body) && json.Valid(body) }
