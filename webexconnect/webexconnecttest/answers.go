package webexconnecttest

import (
	"time"

	"github.com/cpaas-go/cpaas/internal/fake"
)

// Answer is a scripted answer or fault, for [Server.Next].
type Answer = fake.Answer

// Respond answers with a status and a body of your own. header are pairs of
// name and value. Nothing is accepted.
func Respond(status int, contentType, body string, header ...string) Answer {
	return fake.Respond(status, contentType, body, header...)
}

// Normally answers as if nothing were scripted: to let a request through
// before a fault.
func Normally() Answer { return fake.Normally() }

// RateLimited answers 429 with a Retry-After in seconds; 0 leaves it out. The
// vendor documents neither for v1: see [Throttled].
func RateLimited(after time.Duration) Answer {
	return fake.RateLimited(after, `{"code":"7020","message":"limit of transactions reached"}`)
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
