package capillarytest

import (
	"encoding/json"
	"net/http"
	"time"

	"github.com/cpaas-go/cpaas/capillary"
	"github.com/cpaas-go/cpaas/internal/fake"
)

// Answer is a scripted answer or fault, for [Server.Next].
type Answer = fake.Answer

// Refuse answers with an error of the whole call, in JSON: the form of the
// vendor's resend operation, for lack of one of its own.
func Refuse(status int, code capillary.Code) Answer {
	return fake.Respond(status, typeJSON, errorBody(code, "refused by the test"))
}

// AuthorizationUnavailable answers 503 with code 4001, as the vendor prints
// it: nothing was taken, and the call may be made again.
func AuthorizationUnavailable() Answer {
	return fake.Respond(http.StatusServiceUnavailable, "text/plain",
		"HttpStatusCode=503 errorMessage=authorization status unavailable errorCode=4001")
}

// Respond answers with a status and a body. header are pairs of name and
// value.
func Respond(status int, contentType, body string, header ...string) Answer {
	return fake.Respond(status, contentType, body, header...)
}

// Normally answers as the server does without a script.
func Normally() Answer { return fake.Normally() }

// RateLimited answers 429, with Retry-After unless after is 0. The vendor
// documents neither for this API.
func RateLimited(after time.Duration) Answer {
	return fake.RateLimited(after, errorBody(http.StatusTooManyRequests, "too many requests"))
}

// Hang takes the request and never answers.
func Hang() Answer { return fake.Hang() }

// Slow answers normally after d.
func Slow(d time.Duration) Answer { return fake.Slow(d) }

// CloseBeforeReading resets the connection before the request's body is read.
func CloseBeforeReading() Answer { return fake.CloseBeforeReading() }

// CloseAfterReading reads the request, does not accept it, and resets the
// connection.
func CloseAfterReading() Answer { return fake.CloseAfterReading() }

// LoseAnswer accepts the request and resets the connection instead of
// answering.
func LoseAnswer() Answer { return fake.LoseAnswer() }

// Truncate accepts the request and breaks the answer off in the middle.
func Truncate() Answer { return fake.Truncate() }

// Huge answers with a body of size bytes.
func Huge(status int, size int64) Answer { return fake.Huge(status, size) }

// HTML answers as a gateway does that knows nothing of the API.
func HTML(status int) Answer { return fake.HTML(status) }

// errorBody is an answer about a whole call that failed.
func errorBody(code capillary.Code, message string) string {
	type failure struct {
		Status  bool           `json:"status"`
		Code    capillary.Code `json:"code"`
		Message string         `json:"message"`
	}
	b, err := json.Marshal(struct {
		Warnings []failure `json:"warnings"`
		Errors   []failure `json:"errors"`
	}{[]failure{}, []failure{{false, code, message}}})
	if err != nil { // of this package's types
		panic(err)
	}
	return string(b)
}
