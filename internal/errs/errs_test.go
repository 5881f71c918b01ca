package errs

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"regexp"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var sentinels = map[string]error{
	"invalid_request": InvalidRequest, "invalid_recipient": InvalidRecipient, "not_on_channel": NotOnChannel, "unauthorized": Unauthorized,
	"forbidden": Forbidden, "insufficient_credit": InsufficientCredit, "rate_limited": RateLimited, "frequency_capped": FrequencyCapped,
	"opted_out": OptedOut, "content_rejected": ContentRejected, "duplicate": Duplicate, "unavailable": Unavailable,
	"maybe_accepted": MaybeAccepted, "decode": Decode,
}

// TestWords: they are stored, so none may ever change.
func TestWords(t *testing.T) {
	t.Parallel()
	if len(sentinels) != int(reasons)-1 || len(precedence) != int(reasons)-1 {
		t.Fatalf("%d words, %d in order, of %d reasons", len(sentinels), len(precedence), reasons-1)
	}
	snake := regexp.MustCompile(`^[a-z]+(_[a-z]+)*$`)
	texts := map[string]bool{}
	for word, err := range sentinels {
		r, ok := ReasonOf(err)
		if !ok || r.String() != word || r.Err() != err || !snake.MatchString(word) { //nolint:errorlint // the very value
			t.Errorf("%s is %v, %v", word, r, ok)
		}
		if back, ok := Parse(word); !ok || back != r {
			t.Errorf("%s parses as %v", word, back)
		}
		if texts[err.Error()] || err.Error() == "" {
			t.Errorf("text %q is not its own", err)
		}
		texts[err.Error()] = true
		for other, e := range sentinels {
			if other != word && errors.Is(err, e) {
				t.Errorf("%s is %s", word, other)
			}
		}
	}
}

func TestNoReason(t *testing.T) {
	t.Parallel()
	if r, ok := ReasonOf(nil); r != None || !ok || r.String() != "none" || r.Err() != nil {
		t.Errorf("nil is %v, %v", r, ok)
	}
	if r, ok := ReasonOf(io.EOF); r != None || ok {
		t.Errorf("EOF is %v, %v", r, ok)
	}
	if r, ok := Parse("none"); r != None || !ok {
		t.Errorf("none is %v, %v", r, ok)
	}
	if r, ok := Parse("nonsense"); r != None || ok {
		t.Errorf("nonsense is %v, %v", r, ok)
	}
	if reasons.String() != "unknown" || reasons.Err() != nil || Reason(255).String() != "unknown" {
		t.Errorf("%v %v", reasons, reasons.Err())
	}
}

// TestPrecedence: of several, what forbids sending again counts.
func TestPrecedence(t *testing.T) {
	t.Parallel()
	seen := map[Reason]bool{}
	for i, first := range precedence {
		if seen[first] {
			t.Errorf("%v comes twice", first)
		}
		seen[first] = true
		for _, later := range precedence[i:] {
			err := fmt.Errorf("x: %w", errors.Join(later.Err(), io.EOF, first.Err()))
			if r, ok := ReasonOf(err); !ok || r != first {
				t.Errorf("%v and %v is %v", first, later, r)
			}
		}
	}
	if precedence[0] != ReasonMaybeAccepted {
		t.Errorf("%v comes first", precedence[0])
	}
}

// TestClassify: what nothing proves to be refused may have been accepted.
func TestClassify(t *testing.T) {
	t.Parallel()
	dial := &net.OpError{Op: "dial", Err: io.EOF}
	for _, c := range []struct {
		err   error
		want  Reason
		never bool
	}{
		{nil, None, false},
		{RateLimited, ReasonRateLimited, false},
		{Decode, ReasonMaybeAccepted, false},
		{io.EOF, ReasonMaybeAccepted, false},
		{dial, ReasonUnavailable, true},
		{fmt.Errorf("x: %w", dial), ReasonUnavailable, true},
		{&net.DNSError{Err: "no such host"}, ReasonUnavailable, true},
		{&net.OpError{Op: "read", Err: io.EOF}, ReasonMaybeAccepted, false},
		{&net.OpError{Op: "write", Err: &net.DNSError{}}, ReasonMaybeAccepted, false},
		{errors.Join(MaybeAccepted, dial), ReasonMaybeAccepted, false},
		{errors.Join(errors.New("primary: reset after write"), dial), ReasonMaybeAccepted, false}, // another try
		{errors.Join(dial, fmt.Errorf("x: %w", dial)), ReasonUnavailable, true},
		{errors.Join(dial, context.Canceled, context.DeadlineExceeded), ReasonUnavailable, true},
		{errors.Join(context.Canceled), ReasonMaybeAccepted, false},
	} {
		if got := Classify(c.err); got != c.want {
			t.Errorf("%v is %v, not %v", c.err, got, c.want)
		}
		if NeverSent(c.err) != c.never {
			t.Errorf("%v: never sent is %v", c.err, !c.never)
		}
	}
}

func FuzzParse(f *testing.F) {
	for word := range sentinels {
		f.Add(word)
	}
	f.Add("none")
	f.Add("")
	f.Fuzz(func(t *testing.T, word string) {
		if r, ok := Parse(word); ok != (r.String() == word) {
			t.Errorf("%q is %v, %v", word, r, ok)
		}
	})
}

func TestDetail(t *testing.T) {
	t.Parallel()
	full := Detail{
		Provider: "acme", Op: "Send", StatusCode: 429, Code: "1007", Message: "slow down", RequestID: "9f", RetryAfter: 20 * time.Second,
		Attempts: 3, Kind: RateLimited, Cause: "EOF",
	}
	for want, d := range map[string]Detail{
		"acme: Send: rate limited: status 429, code 1007, request 9f, 3 attempts, retry after 20s: slow down: EOF": full,
		"acme":                               {Provider: "acme"},
		"acme: Send: invalid request: bad":   {Provider: "acme", Op: "Send", Kind: InvalidRequest, Message: "bad"},
		"acme: Send: status 500":             {Provider: "acme", Op: "Send", StatusCode: 500, Code: "0", Attempts: 1},
		"acme: provider unavailable: no way": {Provider: "acme", Kind: Unavailable, Cause: "no way", Attempts: 1},
	} {
		if got := d.Text(); got != want {
			t.Errorf("%q, not %q", got, want)
		}
	}
	show := func(d Detail) string {
		var b bytes.Buffer
		slog.New(slog.NewTextHandler(&b, nil)).Info("m", "e", d.LogValue())
		_, line, _ := strings.Cut(strings.TrimSpace(b.String()), "msg=m ")
		return line
	}
	if got := show(full); got != `e.provider=acme e.op=Send e.reason=rate_limited e.status=429 e.code=1007 e.request_id=9f e.attempts=3 e.retry_after=20s e.message="slow down" e.cause=EOF` {
		t.Error(got)
	}
	if got := show(Detail{Provider: "acme", Op: "Send", Code: "0"}); got != "e.provider=acme e.op=Send" {
		t.Error(got)
	}
}

func TestFault(t *testing.T) {
	t.Parallel()
	f := Fault{Kind: MaybeAccepted, Also: Decode, Raw: func() []byte { return []byte("raw") }}
	if !f.Is(MaybeAccepted) || !f.Is(Decode) || f.Is(Unavailable) || f.Is(nil) || (Fault{}).Is(nil) {
		t.Errorf("%+v", f)
	}
	if string(f.RawBody()) != "raw" || (Fault{}).RawBody() != nil {
		t.Errorf("%s", f.RawBody())
	}
}
