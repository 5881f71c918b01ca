package os1

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"testing"

	"github.com/cpaas-go/cpaas/internal/sendbench"
)

// The benchmarks compare one Send with the same call written by hand in ten
// minutes: the same structs on the wire, encoding/json, net/http's default
// client. Both run in the same benchmark, in turns, so that what slows the
// machine down slows both; "x-handwritten" is what a Send costs of the
// hand-written call's time.

const (
	benchAnswer = `{"data":{"messageIds":["7b1e6b4c-3f0a-4a52-9d5e-0a4f6a0f9d11"]},` +
		`"request":{"uri":"/messages","method":"POST","queryString":"","body":{}}}`
	benchBase   = "https://acme.getos1.com"
	benchPath   = "/core/api/v1/messaging-service/messages"
	benchTenant = "acme"
	benchToken  = "0123456789abcdef0123456789abcdef"
)

func benchMessage() SendRequest {
	return SendRequest{
		SMS: []SMSMessage{{
			SenderID: "DLHVRY", Template: "order_sent", Provider: new("tfn-provider"), OriginationNumber: "+18005551234",
			Data: map[string]any{"otp": "342365"},
			To:   []Phone{{CountryCode: "1", Number: "5551234567"}},
		}},
		Callback: &Callback{URL: "https://acme.example/hooks/os1", Meta: map[string]any{"ref": "order-17"}},
	}
}

// handwritten is the call as a user writes it who needs it once: with the
// same request id as the service wants, and the same look at the answer.
func handwritten(ctx context.Context, client *http.Client, url, token string) (string, error) {
	body, err := json.Marshal(benchMessage())
	if err != nil {
		return "", err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url+benchPath, bytes.NewReader(body))
	if err != nil {
		return "", err
	}
	var id [16]byte
	rand.Read(id[:])
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json")
	req.Header.Set("X-COREOS-REQUEST-ID", hex.EncodeToString(id[:]))
	req.Header.Set("X-COREOS-TID", benchTenant)
	req.Header.Set("X-COREOS-ACCESS", token)
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
		Data  json.RawMessage `json:"data"`
		Error *struct {
			Code        string `json:"code"`
			Description string `json:"description"`
		} `json:"error"`
	}
	if err := json.Unmarshal(answer, &out); err != nil {
		return "", err
	}
	if out.Error != nil {
		return "", errors.New(out.Error.Description)
	}
	return string(out.Data), nil
}

var bench = sendbench.Calls{
	BaseURL: benchBase, Status: http.StatusAccepted, Answer: benchAnswer,
	Ours: func(tb testing.TB, baseURL string, client *http.Client) func() error {
		tb.Helper()
		opts := []Option{}
		if client != nil {
			opts = append(opts, WithHTTPClient(client))
		}
		c, err := New(baseURL, benchTenant, StaticToken(benchToken), opts...)
		if err != nil {
			tb.Fatal(err)
		}
		ctx, m := tb.Context(), benchMessage()
		return func() error { _, err := c.Send(ctx, m); return err }
	},
	ByHand: func(tb testing.TB, baseURL string, client *http.Client) func() error {
		tb.Helper()
		ctx := tb.Context()
		return func() error { _, err := handwritten(ctx, client, baseURL, benchToken); return err }
	},
}

func BenchmarkInMemory(b *testing.B)   { bench.InMemory(b) }
func BenchmarkLoopback(b *testing.B)   { bench.Loopback(b) }
func BenchmarkConcurrent(b *testing.B) { bench.Concurrent(b) }

func TestSendAllocations(t *testing.T)          { bench.Allocations(t) } //nolint:paralleltest // the whole process is counted
func TestConnectionsOfManySenders(t *testing.T) { bench.Connections(t) } //nolint:paralleltest // others would make the machine busy
