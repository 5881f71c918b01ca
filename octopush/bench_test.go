package octopush

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"testing"

	"github.com/cpaas-go/cpaas/internal/sendbench"
)

// The benchmarks compare one SendSMS with the same call written by hand in
// ten minutes: the same structs on the wire, encoding/json, net/http's default
// client. Both run in the same benchmark, in turns, so that what slows the
// machine down slows both; "x-handwritten" is what a SendSMS costs of the
// hand-written call's time.

const (
	benchAnswer = `{"sms_ticket":"sms_5f3fbce61266e","number_of_contacts":1,"total_cost":0.05,"number_of_sms_needed":1,"residual_credit":50.75,"message":"******"}`
	benchLogin  = "someone@example.com"
	benchKey    = "0123456789abcdef0123456789abcdef"
)

func benchRequest() SMSRequest {
	return SMSRequest{
		Recipients: []string{"+33611223344"}, Text: "4821 is your ACME code.", Sender: "ACME", Purpose: Alert,
		Type: Premium, RequestID: "order-17", OptimizeText: new(false),
	}
}

// The campaign as a user declares it who sends nothing else.
type (
	handRequest struct {
		Channel    string          `json:"channel"`
		Text       string          `json:"text"`
		Recipients []handRecipient `json:"recipients"`
		Sender     string          `json:"sender,omitempty"`
		Purpose    string          `json:"purpose,omitempty"`
		Optimize   *bool           `json:"auto_optimize_text,omitempty"`
		Metadata   handMetadata    `json:"metadata"`
	}
	handRecipient struct {
		Phone string `json:"phone_number"`
	}
	handMetadata struct {
		Type      string `json:"type,omitempty"`
		RequestID string `json:"request_id,omitempty"`
	}
)

// handwritten is the call as a user writes it who needs it once.
func handwritten(ctx context.Context, client *http.Client, url string) (string, error) {
	body, err := json.Marshal(handRequest{
		Channel: "sms", Text: "4821 is your ACME code.", Recipients: []handRecipient{{Phone: "+33611223344"}},
		Sender: "ACME", Purpose: "alert", Optimize: new(false),
		Metadata: handMetadata{Type: "sms_premium", RequestID: "order-17"},
	})
	if err != nil {
		return "", err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url+"/multi-channel/send", bytes.NewReader(body))
	if err != nil {
		return "", err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json")
	req.Header.Set("api-login", benchLogin)
	req.Header.Set("api-key", benchKey)
	resp, err := client.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		return "", err
	}
	if resp.StatusCode/100 != 2 {
		return "", fmt.Errorf("status %d", resp.StatusCode)
	}
	var out struct {
		Ticket   string  `json:"sms_ticket"`
		Contacts int     `json:"number_of_contacts"`
		Cost     float64 `json:"total_cost"`
		SMS      int     `json:"number_of_sms_needed"`
		Credit   float64 `json:"residual_credit"`
		Message  string  `json:"message"`
	}
	if err := json.Unmarshal(answer, &out); err != nil {
		return "", err
	}
	if out.Ticket == "" {
		return "", errors.New("no ticket")
	}
	return out.Ticket, nil
}

var bench = sendbench.Calls{
	BaseURL: BaseURL, Status: http.StatusOK, Answer: benchAnswer,
	Ours: func(tb testing.TB, baseURL string, client *http.Client) func() error {
		tb.Helper()
		opts := []Option{WithBaseURL(baseURL)}
		if client != nil {
			opts = append(opts, WithHTTPClient(client))
		}
		c, err := New(benchLogin, benchKey, opts...)
		if err != nil {
			tb.Fatal(err)
		}
		ctx, m := tb.Context(), benchRequest()
		return func() error { _, err := c.SendSMS(ctx, m); return err }
	},
	ByHand: func(tb testing.TB, baseURL string, client *http.Client) func() error {
		tb.Helper()
		ctx := tb.Context()
		return func() error { _, err := handwritten(ctx, client, baseURL); return err }
	},
}

func BenchmarkInMemory(b *testing.B)   { bench.InMemory(b) }
func BenchmarkLoopback(b *testing.B)   { bench.Loopback(b) }
func BenchmarkConcurrent(b *testing.B) { bench.Concurrent(b) }

func TestSendAllocations(t *testing.T)          { bench.Allocations(t) } //nolint:paralleltest // the whole process is counted
func TestConnectionsOfManySenders(t *testing.T) { bench.Connections(t) } //nolint:paralleltest // others would make the machine busy
