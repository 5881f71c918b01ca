package delivery

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/cpaas-go/cpaas/fallback"
	"github.com/cpaas-go/cpaas/internal/redact"
)

// maxCallback is the longest callback that is read.
const maxCallback = 1 << 20

// Receipts is the handler of a provider's callbacks. It answers 200 with an
// empty body once they are stored, 401 when they are not verified, 400 when
// they cannot be read, 413 when they are longer than 1 MiB, and 503 when they
// could not be stored: providers that repeat callbacks send them again, but no
// page of Deflector's or Octopush's says that they do. A sender without Verify
// has every callback answered 401. Config.Observe is told of each that is not
// answered 200.
func (r *Runner) Receipts(from Source) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		status, err := r.callback(from, w, req)
		w.WriteHeader(status)
		if err != nil {
			r.observe(Event{Kind: Rejected, Err: oneLine{err}})
		}
	})
}

// callback takes a callback, and says what to answer.
func (r *Runner) callback(from Source, w http.ResponseWriter, req *http.Request) (status int, err error) {
	body, err := io.ReadAll(http.MaxBytesReader(w, req.Body, maxCallback))
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return http.StatusRequestEntityTooLarge, err
	}
	if err != nil {
		return http.StatusBadRequest, err
	}
	req.Body = io.NopCloser(bytes.NewReader(body))
	rs, err := from.Receipts(req)
	switch {
	case errors.Is(err, ErrUnverified):
		return http.StatusUnauthorized, err
	case err != nil:
		return http.StatusBadRequest, err
	}
	if err := r.Receive(req.Context(), rs...); err != nil {
		return http.StatusServiceUnavailable, err
	}
	return http.StatusOK, nil
}

// oneLine is an error that may quote a callback, fit to be shown.
type oneLine struct{ err error }

func (e oneLine) Error() string    { return redact.Line(e.err.Error()) }
func (e oneLine) GoString() string { return e.Error() }
func (e oneLine) Unwrap() error    { return e.err }

// Receive takes receipts that came another way. They must be verified. A
// receipt that has neither Ref nor ID, or that proves nothing, is dropped.
func (r *Runner) Receive(ctx context.Context, rs ...Receipt) error {
	now := time.Now()
	in := make([]Inbound, 0, len(rs))
	for _, receipt := range rs {
		if receipt.Ref == "" && receipt.ID == "" || receipt.Outcome == fallback.Pending || receipt.Outcome == fallback.Unknown {
			continue
		}
		body, err := json.Marshal(storeReceipt(receipt, now))
		if err != nil {
			return err
		}
		i := Inbound{Event: eventOf(receipt), Body: body}
		if receipt.Ref != "" {
			i.Refs = append(i.Refs, refKey(receipt.Ref))
		}
		if receipt.ID != "" {
			i.Refs = append(i.Refs, idKey(receipt.Provider, receipt.ID))
		}
		in = append(in, i)
	}
	if len(in) == 0 {
		return nil
	}
	matched, err := r.cfg.Store.Receive(ctx, in)
	if len(matched) > 0 {
		r.poke()
	}
	return err
}

// eventOf identifies an event, however often it comes: by the provider's own
// id, else by what it says.
func eventOf(r Receipt) string {
	h := sha256.New()
	write := func(parts ...string) {
		for _, p := range parts {
			h.Write([]byte(p))
			h.Write([]byte{0})
		}
	}
	if r.EventID != "" {
		write("id", r.Provider, r.EventID)
	} else {
		write("raw", r.Provider, r.Ref, r.ID, string(r.Channel), r.Outcome.String(), string(r.Raw))
		if len(r.Raw) == 0 {
			write(r.At.UTC().Format(time.RFC3339Nano))
		}
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}
