package webexconnecttest

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/cpaas-go/cpaas/internal/fake"
)

// Credentials that a Server takes.
const (
	ServiceKey    = "fake-webexconnect-service-key"
	ServiceID     = "fake-service-id"
	ServiceSecret = "ZmFrZS13ZWJleGNvbm5lY3Qtc2VydmljZS1zZWNyZXQ="
)

// Server is a fake Webex Connect. It is safe for concurrent use.
type Server struct {
	URL string // for WithBaseURL of both versions

	fake *fake.Server
	v2   v2State

	mu          sync.Mutex
	v1          []json.RawMessage // accepted v1 requests
	submissions []submission      // accepted by either version
	refused     map[string]string // code by address
	hubSecret   string
	ids         int
}

// submission is what notifications are made of.
type submission struct {
	transID      string
	channel      string // as notifications spell it
	callbackData string
	notifyURL    string
	recipients   []recipient
}

// recipient is one address.
type recipient struct {
	address, kind, correlationID string
}

// Request is a request that came in, accepted or not.
type Request = fake.Request

// NewServer starts a Server. Close it when done.
func NewServer() *Server {
	s := &Server{refused: map[string]string{}}
	s.fake = fake.New(http.HandlerFunc(s.serve))
	s.URL = s.fake.URL
	return s
}

// Close stops the server and ends what hangs.
func (s *Server) Close() { s.fake.Close() }

// Requests is everything that came in, in order, also what was refused.
func (s *Server) Requests() []Request { return s.fake.Requests() }

// Connections says how many connections are open, and how many ever were.
func (s *Server) Connections() (open, ever int) { return s.fake.Connections() }

// Next scripts answers: one for each coming request, in order, behind those
// scripted before. Requests beyond them are answered normally.
func (s *Server) Next(answers ...Answer) { s.fake.Next(answers...) }

// RefuseRecipient has every request with this address refused with a code,
// such as 9002; an empty code ends it.
func (s *Server) RefuseRecipient(address, code string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refused[address] = code
	if code == "" {
		delete(s.refused, address)
	}
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.URL.Path == "/resources/v1/messaging":
		s.serveV1(w, r)
	case strings.HasPrefix(r.URL.Path, "/v2/"):
		s.serveV2(w, r)
	default:
		http.NotFound(w, r)
	}
}

// refusalOf is the code by which one of the recipients is refused, or "".
func (s *Server) refusalOf(recipients []recipient) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range recipients {
		if code := s.refused[r.address]; code != "" {
			return code
		}
	}
	return ""
}

// newID is an id in the vendor's form.
func (s *Server) newID() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ids++
	return fmt.Sprintf("0facade0-0000-4000-8000-%012x", s.ids)
}

// remember keeps what notifications can be made of.
func (s *Server) remember(sub submission) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.submissions = append(s.submissions, sub)
}

// credential is the outcome of looking at a request's credentials.
type credential uint8

const (
	credentialMissing credential = iota
	credentialWrong
	credentialGood
)

// credentialOf looks at a request's credentials: of a JWT and a key, the JWT
// decides.
func credentialOf(h http.Header) credential {
	if jwt, ok := strings.CutPrefix(h.Get("Authorization"), "Bearer "); ok {
		if goodJWT(jwt, time.Now()) {
			return credentialGood
		}
		return credentialWrong
	}
	switch key := h.Get("Key"); {
	case key == "":
		return credentialMissing
	case hmac.Equal([]byte(key), []byte(ServiceKey)):
		return credentialGood
	}
	return credentialWrong
}

// goodJWT says whether the server's service signed a token that is not over.
func goodJWT(jwt string, now time.Time) bool {
	parts := strings.Split(jwt, ".")
	if len(parts) != 3 {
		return false
	}
	var raw [3][]byte
	for i, part := range parts {
		var err error
		if raw[i], err = base64.RawURLEncoding.DecodeString(part); err != nil {
			return false
		}
	}
	var header struct {
		Algorithm string `json:"alg"`
		Type      string `json:"typ"`
	}
	var claims struct {
		Issuer   string `json:"iss"`
		IssuedAt int64  `json:"iat"`
	}
	if json.Unmarshal(raw[0], &header) != nil || json.Unmarshal(raw[1], &claims) != nil {
		return false
	}
	secret, err := base64.StdEncoding.DecodeString(ServiceSecret)
	if err != nil {
		return false
	}
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(parts[0] + "." + parts[1]))
	issued := time.Unix(claims.IssuedAt, 0)
	return header.Algorithm == "HS256" && header.Type == "JWT" && claims.Issuer == ServiceID &&
		hmac.Equal(raw[2], mac.Sum(nil)) && !issued.After(now.Add(time.Minute)) && now.Before(issued.Add(time.Hour))
}

// SetHubSecret has Deliver and Write sign what they send, with SHA-256, as
// the platform does for outbound webhooks with a secret. An empty secret ends
// it.
func (s *Server) SetHubSecret(secret string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hubSecret = secret
}

// Deliver calls back about an accepted message, of either version, by its
// transaction or message id: for each code in the order given, one
// notification for each recipient. Without a code it is 7500, delivered. The
// status word is the code's on the message's channel, else "Failed". Call it
// late, twice, or with the codes in any order for callbacks that are so. An
// empty hookURL is the request's own.
//
// It is an error if there is no such message or no URL, or if the answer is
// not a 2xx; the calls after that are not made.
func (s *Server) Deliver(ctx context.Context, hookURL, id string, codes ...string) error {
	s.mu.Lock()
	secret := s.hubSecret
	s.mu.Unlock()
	return s.deliver(ctx, secret, hookURL, id, codes)
}

// Forge is Deliver by somebody who knows everything but the hub secret: it
// signs with another.
func (s *Server) Forge(ctx context.Context, hookURL, id string, codes ...string) error {
	return s.deliver(ctx, "not the hub secret", hookURL, id, codes)
}

func (s *Server) deliver(ctx context.Context, secret, hookURL, id string, codes []string) error {
	s.mu.Lock()
	i := slices.IndexFunc(s.submissions, func(sub submission) bool { return sub.transID == id })
	var sub submission
	if i >= 0 {
		sub = s.submissions[i]
	}
	s.mu.Unlock()
	if i < 0 {
		return errors.New("webexconnecttest: no message was accepted under this id")
	}
	if hookURL == "" {
		hookURL = sub.notifyURL
	}
	if len(codes) == 0 {
		codes = []string{"7500"}
	}
	for _, code := range codes {
		for _, to := range sub.recipients {
			if err := call(ctx, secret, hookURL, sub.notification(to, code)); err != nil {
				return err
			}
		}
	}
	return nil
}

// Write calls hookURL with an inbound event, such as {"channel": "WhatsApp",
// "event": "MO", "waid": …, "message": …}. "tid" and "ts" are filled in when
// they are absent; what is nested goes as JSON in a string, as the vendor
// sends it.
func (s *Server) Write(ctx context.Context, hookURL string, event map[string]any) error {
	out := map[string]any{"tid": s.newID() + "_0", "ts": time.Now().UTC().Format("2006-01-02T15:04:05.000Z")}
	maps.Copy(out, event)
	for name, value := range out {
		switch value.(type) {
		case nil, string, bool, int, float64:
			continue
		}
		b, err := json.Marshal(value)
		if err != nil {
			return err
		}
		out[name] = string(b)
	}
	s.mu.Lock()
	secret := s.hubSecret
	s.mu.Unlock()
	return call(ctx, secret, hookURL, out)
}

func call(ctx context.Context, secret, hookURL string, callback any) error {
	if hookURL == "" {
		return errors.New("webexconnecttest: no URL to call")
	}
	body, err := json.Marshal(callback)
	if err != nil {
		return err
	}
	header := http.Header{}
	if secret != "" {
		mac := hmac.New(sha256.New, []byte(secret))
		mac.Write(body)
		header.Set("X-Hub-Signature", "sha256="+hex.EncodeToString(mac.Sum(nil)))
	}
	if err := fake.Call(ctx, http.MethodPost, hookURL, "application/json", string(body), header); err != nil {
		if u, ok := errors.AsType[*url.Error](err); ok {
			err = u.Err // the URL may hold a token
		}
		return fmt.Errorf("webexconnecttest: callback: %w", err)
	}
	return nil
}

type notification struct {
	TransInfo string           `json:"deliveryTransInfo,omitempty"`
	Info      notificationInfo `json:"deliveryInfoNotification"`
}

type notificationInfo struct {
	DeliveryInfo  deliveryInfo `json:"deliveryInfo"`
	SubTransID    string       `json:"subtid"`
	TransID       string       `json:"transid"`
	CallbackData  string       `json:"callbackData"`
	CorrelationID string       `json:"correlationid"`
}

type deliveryInfo struct {
	TimeStamp       string `json:"timeStamp"`
	Description     string `json:"Description"`
	Code            string `json:"code"`
	DeliveryChannel string `json:"deliveryChannel"`
	AdditionalInfo  string `json:"additionalInfo"`
	Destination     string `json:"destination"`
	DestinationType string `json:"destinationType"`
	DeliveryStatus  string `json:"deliveryStatus"`
}

func (sub submission) notification(to recipient, code string) notification {
	word := status(sub.channel, code)
	n := notification{Info: notificationInfo{
		TransID: sub.transID, CallbackData: sub.callbackData, CorrelationID: to.correlationID,
		DeliveryInfo: deliveryInfo{
			TimeStamp: time.Now().Format("2006-01-02T15:04:05.000-07:00"), Description: word, Code: code,
			DeliveryChannel: sub.channel, Destination: to.address, DestinationType: to.kind, DeliveryStatus: word,
		},
	}}
	switch sub.channel {
	case "voice":
		n.TransInfo = "<xml/>"
	case "whatsapp", "email":
		n.Info.TransID += "_0"
	}
	return n
}

// status is the status word of a code.
func status(channel, code string) string {
	words := map[string]string{"7500": "Delivered", "7501": "Submitted", "7502": "Read", "7528": "Clicked"}
	if word, ok := words[code]; ok {
		return word
	}
	switch channel {
	case "voice":
		words = map[string]string{
			"7405": "Released", "7406": "REJECTED", "7407": "OFFERED", "7408": "ACCEPTED", "7409": "DROPPED",
			"7410": "DISCONNECTED", "7411": "TROMBONE_CONNECTED", "7412": "TROMBONE_RELEASED", "7519": "ANSWERED",
		}
	case "email":
		words = map[string]string{"7520": "Bounce", "7521": "Complaint", "7522": "Not Verified", "7523": "Invalid"}
	case "mms":
		words = map[string]string{"7524": "Opened", "7525": "Clicked"}
	case "sms":
		if len(code) == 4 && code >= "7201" && code <= "7211" {
			return "Un-Delivered"
		}
	}
	if word, ok := words[code]; ok {
		return word
	}
	return "Failed"
}
