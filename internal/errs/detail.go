package errs

import (
	"log/slog"
	"strconv"
	"strings"
	"time"
)

// Detail is what every provider's Error shows. The strings of a Detail must
// already be fit to be shown (package redact).
type Detail struct {
	Provider   string
	Op         string
	StatusCode int
	Code       string
	Message    string
	RequestID  string
	RetryAfter time.Duration
	Attempts   int
	Kind       error // the sentinel
	Cause      string
}

// Text is the error on one line:
//
//	deflector: Send: rate limited: status 429, code 1007, request 9f, 3 attempts, retry after 20s: slow down
func (d Detail) Text() string {
	var b strings.Builder
	b.WriteString(d.Provider)
	if d.Op != "" {
		b.WriteString(": ")
		b.WriteString(d.Op)
	}
	if d.Kind != nil {
		b.WriteString(": ")
		b.WriteString(d.Kind.Error())
	}
	sep := ": "
	add := func(parts ...string) {
		b.WriteString(sep)
		sep = ", "
		for _, p := range parts {
			b.WriteString(p)
		}
	}
	if d.StatusCode != 0 {
		add("status ", strconv.Itoa(d.StatusCode))
	}
	if d.Code != "" && d.Code != "0" {
		add("code ", d.Code)
	}
	if d.RequestID != "" {
		add("request ", d.RequestID)
	}
	if d.Attempts > 1 {
		add(strconv.Itoa(d.Attempts), " attempts")
	}
	if d.RetryAfter > 0 {
		add("retry after ", d.RetryAfter.String())
	}
	if d.Message != "" {
		b.WriteString(": ")
		b.WriteString(d.Message)
	}
	if d.Cause != "" {
		b.WriteString(": ")
		b.WriteString(d.Cause)
	}
	return b.String()
}

// LogValue is the error as attributes.
func (d Detail) LogValue() slog.Value {
	attrs := []slog.Attr{slog.String("provider", d.Provider), slog.String("op", d.Op)}
	if r, ok := ReasonOf(d.Kind); ok && d.Kind != nil {
		attrs = append(attrs, slog.String("reason", r.String()))
	}
	if d.StatusCode != 0 {
		attrs = append(attrs, slog.Int("status", d.StatusCode))
	}
	if d.Code != "" && d.Code != "0" {
		attrs = append(attrs, slog.String("code", d.Code))
	}
	if d.RequestID != "" {
		attrs = append(attrs, slog.String("request_id", d.RequestID))
	}
	if d.Attempts != 0 {
		attrs = append(attrs, slog.Int("attempts", d.Attempts))
	}
	if d.RetryAfter > 0 {
		attrs = append(attrs, slog.Duration("retry_after", d.RetryAfter))
	}
	if d.Message != "" {
		attrs = append(attrs, slog.String("message", d.Message))
	}
	if d.Cause != "" {
		attrs = append(attrs, slog.String("cause", d.Cause))
	}
	return slog.GroupValue(attrs...)
}
