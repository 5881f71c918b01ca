package os1test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"github.com/cpaas-go/cpaas/internal/fake"
	"github.com/cpaas-go/cpaas/os1"
)

// Callback is what a Server calls back with. No body of the messaging
// service's callbacks is documented: these are the members of the platform's
// container callbacks and, as they would have to come back, those of your own
// request.
type Callback struct {
	Status  string `json:"status,omitempty"`
	Reason  string `json:"reason,omitempty"`
	Data    any    `json:"data,omitempty"`
	Meta    any    `json:"meta,omitempty"`    // os1.Callback.Meta
	Context any    `json:"context,omitempty"` // os1.TwoWayRequest.Context
}

// Sign proves that a callback is OS1's. How OS1 does is not documented: these
// are what the verifiers of package os1 expect.
type Sign func(header http.Header, body []byte)

// SignHMAC is for [os1.VerifyHMAC] with os1.EncodeSecret(secret).
func SignHMAC(header string, secret []byte) Sign {
	return func(h http.Header, body []byte) {
		mac := hmac.New(sha256.New, secret)
		mac.Write(body)
		h.Set(header, hex.EncodeToString(mac.Sum(nil)))
	}
}

// SignBasic is for [os1.VerifyBasic] with os1.EncodeSecret(userAndPassword).
func SignBasic(userAndPassword []byte) Sign {
	return func(h http.Header, _ []byte) {
		h.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString(userAndPassword))
	}
}

// SignSHA256 is for [os1.VerifySHA256] with os1.NewSecret(secret).
func SignSHA256(header, secret string) Sign {
	return func(h http.Header, body []byte) {
		sum := sha256.Sum256(append(append([]byte(nil), body...), secret...))
		h.Set(header, hex.EncodeToString(sum[:]))
	}
}

// Deliver calls hookURL back. Call it late, twice or in any order for
// callbacks that are so, and without a Sign, or with a wrong one, for forged
// ones. An answer other than 2xx is an error.
func (s *Server) Deliver(ctx context.Context, hookURL string, cb Callback, sign ...Sign) error {
	body, err := json.Marshal(struct {
		TenantID string `json:"tenantId"`
		Callback
	}{TenantID, cb})
	if err != nil {
		return err
	}
	header := http.Header{}
	for _, f := range sign {
		f(header, body)
	}
	if err := fake.Call(ctx, http.MethodPost, hookURL, "application/json", string(body), header); err != nil {
		if u, ok := errors.AsType[*url.Error](err); ok {
			err = u.Err // the URL may hold a token
		}
		return fmt.Errorf("os1test: callback: %w", err)
	}
	return nil
}

// DeliverStatus calls the callback URL of an accepted send back, with a status
// word of your choice, for none is documented, and the callback's meta.
func (s *Server) DeliverStatus(ctx context.Context, req os1.SendRequest, status string, sign ...Sign) error {
	if req.Callback == nil {
		return errors.New("os1test: the request has no callback")
	}
	return s.Deliver(ctx, req.Callback.URL, Callback{Status: status, Meta: req.Callback.Meta}, sign...)
}
