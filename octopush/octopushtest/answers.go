package octopushtest

import (
	"encoding/json"
	"net/http"
	"time"

	"github.com/cpaas-go/cpaas/internal/fake"
	"github.com/cpaas-go/cpaas/octopush"
)

// Answer is a scripted answer or fault, for [Server.Next].
type Answer = fake.Answer

// Refuse answers with a code of the vendor's, as {"code": …, "message": …}.
// The vendor's status for refusals is 400.
func Refuse(status int, code octopush.Code) Answer {
	return respond(status, refusal{Code: code, Message: "refused by the test"})
}

// RefuseField answers that a field is wrong, as the page shows it for
// "voice_language".
func RefuseField(status int, field string, code octopush.Code) Answer {
	return respond(status, refusal{
		octopush.CodeValidation, "Payload validation error.", map[string]fieldErr{field: {code, "refused by the test"}},
	})
}

func respond(status int, body any) Answer {
	b, err := json.Marshal(body)
	if err != nil { // of this package's types
		panic(err)
	}
	return fake.Respond(status, "application/json", string(b))
}

// Respond answers with a status and a body. header are pairs of name and
// value.
func Respond(status int, contentType, body string, header ...string) Answer {
	return fake.Respond(status, contentType, body, header...)
}

// Normally answers as the server does without a script.
func Normally() Answer { return fake.Normally() }

// RateLimited answers 429, with Retry-After unless after is 0. The vendor
// documents no rate limit.
func RateLimited(after time.Duration) Answer {
	return fake.RateLimited(after, `{"code":429,"message":"`+http.StatusText(http.StatusTooManyRequests)+`"}`)
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
// answering: its request_id is used up.
func LoseAnswer() Answer { return fake.LoseAnswer() }

// Truncate accepts the request and breaks the answer off in the middle.
func Truncate() Answer { return fake.Truncate() }

// Huge answers with a body of size bytes.
func Huge(status int, size int64) Answer { return fake.Huge(status, size) }

// HTML answers as a gateway does that knows nothing of the API.
func HTML(status int) Answer { return fake.HTML(status) }
