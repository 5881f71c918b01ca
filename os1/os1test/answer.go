package os1test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/cpaas-go/cpaas/internal/fake"
)

// Answer is a scripted answer or fault, for [Server.Next].
type Answer = fake.Answer

// Code is the made-up error code that a Server answers with a status.
func Code(status int) string { return fmt.Sprintf("%012d", status) }

// Refuse refuses the request in the vendor's form, with a code of 12 digits
// and a description. The request is not looked at, and nothing is accepted.
func Refuse(status int, code, description string) Answer {
	return fake.Respond(status, "application/json", failureText(code, description))
}

// Respond answers with a status and a body of your own. header are pairs of
// name and value. Nothing is accepted.
func Respond(status int, contentType, body string, header ...string) Answer {
	return fake.Respond(status, contentType, body, header...)
}

// Normally answers as if nothing were scripted: to let a request through
// before a fault.
func Normally() Answer { return fake.Normally() }

// RateLimited answers 429 with a Retry-After in seconds; 0 leaves it out.
// The vendor documents neither.
func RateLimited(after time.Duration) Answer {
	return fake.RateLimited(after, failureText(Code(http.StatusTooManyRequests), "too many requests"))
}

// Hang reads the request, accepts nothing and never answers.
func Hang() Answer { return fake.Hang() }

// Slow answers as usual after d.
func Slow(d time.Duration) Answer { return fake.Slow(d) }

// CloseBeforeReading resets the connection before the request is read.
func CloseBeforeReading() Answer { return fake.CloseBeforeReading() }

// CloseAfterReading reads the request, accepts nothing and resets the
// connection.
func CloseAfterReading() Answer { return fake.CloseAfterReading() }

// LoseAnswer accepts the request and resets the connection instead of
// answering.
func LoseAnswer() Answer { return fake.LoseAnswer() }

// Truncate accepts the request and breaks the answer off in the middle.
func Truncate() Answer { return fake.Truncate() }

// Huge answers with a body of size bytes. Nothing is accepted.
func Huge(status int, size int64) Answer { return fake.Huge(status, size) }

// HTML answers with the page of a gateway. Nothing is accepted.
func HTML(status int) Answer { return fake.HTML(status) }

// failure is the vendor's envelope of an error.
func failure(code, description string) map[string]any {
	return map[string]any{
		"error": map[string]any{"code": code, "description": description, "additionalInfo": map[string]any{"errorTrace": []any{}}},
	}
}

func failureText(code, description string) string {
	b, _ := json.Marshal(failure(code, description)) //nolint:errchkjson // texts only
	return string(b)
}
