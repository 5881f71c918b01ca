package os1

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"net/http"
	"strings"
)

// Verifier decides whether a callback is OS1's. How OS1 proves that, and what
// it does with [Webhook.Secret], no page of the vendor's says: the verifiers
// here are the likely ways, each unconfirmed. Look at a callback of your
// tenant before you trust one.
type Verifier interface {
	// Verify returns nil for a callback with this header and this body, as
	// received, that is genuine. Its error shows nothing of the secret.
	Verify(header http.Header, body []byte) error
}

// VerifierFunc makes a function a [Verifier].
type VerifierFunc func(http.Header, []byte) error

// Verify calls f; nil refuses everything.
func (f VerifierFunc) Verify(header http.Header, body []byte) error {
	if f == nil {
		return errors.New("no verifier")
	}
	return f(header, body)
}

var errSignature = errors.New("wrong or missing signature")

// VerifyHMAC expects an HMAC-SHA256 of the body in the header, in hexadecimal
// or base64, perhaps behind "sha256=". Its key is what secret is the base64
// of, as [EncodeSecret] makes it. A secret that is no base64, or empty,
// refuses everything.
//
// Unconfirmed. The platform's subscriptions to webhook events have such a
// key: https://docs.getos1.com/subscribing-to-webhook-events
func VerifyHMAC(header string, secret Secret) Verifier {
	key, err := base64.StdEncoding.DecodeString(secret.text())
	usable := err == nil && len(key) > 0
	return VerifierFunc(func(h http.Header, body []byte) error {
		mac := hmac.New(sha256.New, key)
		mac.Write(body)
		if !usable || !sameSum(h.Get(header), mac.Sum(nil)) {
			return errSignature
		}
		return nil
	})
}

// VerifyBasic expects "Authorization: Basic" followed by the secret as it was
// given to OS1: the base64 of "user:password". An empty secret refuses
// everything.
//
// Unconfirmed. A secret of the page's sample is the base64 of
// "username:password".
func VerifyBasic(secret Secret) Verifier {
	want := sha256.Sum256([]byte(secret.text()))
	usable := secret.text() != ""
	return VerifierFunc(func(h http.Header, _ []byte) error {
		scheme, got, _ := strings.Cut(h.Get("Authorization"), " ")
		sum := sha256.Sum256([]byte(strings.TrimSpace(got)))
		if !usable || subtle.ConstantTimeCompare(sum[:], want[:]) != 1 || !strings.EqualFold(scheme, "Basic") {
			return errSignature
		}
		return nil
	})
}

// VerifySHA256 expects the SHA-256 of the body followed by the secret in the
// header, in hexadecimal or base64. An empty secret refuses everything.
//
// Unconfirmed. Other people's code checks callbacks of the platform so, with
// the secret of [WithCallbackSecret] and the header x-coreos-hmac-signature.
func VerifySHA256(header string, secret Secret) Verifier {
	usable := secret.text() != ""
	return VerifierFunc(func(h http.Header, body []byte) error {
		sum := sha256.New()
		sum.Write(body)
		sum.Write([]byte(secret.text()))
		if !usable || !sameSum(h.Get(header), sum.Sum(nil)) {
			return errSignature
		}
		return nil
	})
}

// sameSum compares a sum as it came with the right one, in constant time.
func sameSum(got string, want []byte) bool {
	got = strings.TrimPrefix(strings.TrimSpace(got), "sha256=")
	sum, err := hex.DecodeString(got)
	if err != nil {
		if sum, err = base64.StdEncoding.DecodeString(got); err != nil {
			return false
		}
	}
	return hmac.Equal(sum, want)
}
