package deflector

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

// The benchmarks compare one Send with the same call written by hand in ten
// minutes: the same structs on the wire, encoding/json, net/http's default
// client. Both run in the same benchmark, in turns, so that what slows the
// machine down slows both; "x-handwritten" is what a Send costs of the
// hand-written call's time.

const benchAnswer = `{"messageId":"7b1e6b4c-3f0a-4a52-9d5e-0a4f6a0f9d11"}`

func benchMessage() Message {
	return Message{
		To:           []string{"919812345678"},
		CallbackData: "order-17",
		Tags:         []string{"welcome"},
		RCS:          &RCSTemplate{Code: "welcome_rcs", Attributes: map[string]string{"FIRSTNAME": "Asha"}},
		WhatsApp: OnWhatsApp("order-17-wa", WhatsAppTemplate{
			Name: "new_client_welcome", Attributes: []string{"https://example.com/"}, Locale: "en",
		}),
		SMS:  &SMSText{From: "ACMEIN", Text: "Welcome to ACME, Asha."},
		Flow: InOrder(RCS, WhatsApp, SMS),
	}
}

// handwritten is the call as a user writes it who needs it once.
func handwritten(ctx context.Context, client *http.Client, url, key string) (string, error) {
	body, err := json.Marshal([]wireMessage{{
		To:           []wireTo{{PhoneNumber: "919812345678"}},
		CallbackData: "order-17",
		Tags:         []string{"welcome"},
		WhatsApp: &wireWhatsApp{Message: []wireWhatsAppMessage{{
			APIHeader: "order-17-wa", MessageType: "template", RecipientType: "individual",
			TypeTemplate: []wireTemplate{{
				Name: "new_client_welcome", Attributes: []string{"https://example.com/"},
				Language: wireLanguage{Locale: "en", Policy: "deterministic"},
			}},
		}}},
		RCS: &wireRCS{Content: wireRCSContent{
			Type: "template", TemplateCode: "welcome_rcs", Attributes: map[string]string{"FIRSTNAME": "Asha"},
		}},
		SMS:  &wireSMS{From: "ACMEIN", Text: "Welcome to ACME, Asha."},
		Flow: [][]wireStage{{{Channel: RCS}}, {{Channel: WhatsApp}}, {{Channel: SMS}}},
	}})
	if err != nil {
		return "", err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url+"/messages/send", bytes.NewReader(body))
	if err != nil {
		return "", err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json")
	req.Header.Set("api-key", key)
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
		MessageID string `json:"messageId"`
	}
	if err := json.Unmarshal(answer, &out); err != nil {
		return "", err
	}
	if out.MessageID == "" {
		return "", errors.New("no message id")
	}
	return out.MessageID, nil
}

var bench = sendbench.Calls{
	BaseURL: BaseURL, Status: http.StatusAccepted, Answer: benchAnswer,
	Ours: func(tb testing.TB, baseURL string, client *http.Client) func() error {
		tb.Helper()
		opts := []Option{WithBaseURL(baseURL)}
		if client != nil {
			opts = append(opts, WithHTTPClient(client))
		}
		c, err := New("0123456789abcdef0123456789abcdef", opts...)
		if err != nil {
			tb.Fatal(err)
		}
		ctx, m := tb.Context(), benchMessage()
		return func() error { _, err := c.Send(ctx, m); return err }
	},
	ByHand: func(tb testing.TB, baseURL string, client *http.Client) func() error {
		tb.Helper()
		ctx := tb.Context()
		return func() error {
			_, err := handwritten(ctx, client, baseURL, "0123456789abcdef0123456789abcdef")
			return err
		}
	},
}

func BenchmarkInMemory(b *testing.B)   { bench.InMemory(b) }
func BenchmarkLoopback(b *testing.B)   { bench.Loopback(b) }
func BenchmarkConcurrent(b *testing.B) { bench.Concurrent(b) }

func TestSendAllocations(t *testing.T)          { bench.Allocations(t) } //nolint:paralleltest // the whole process is counted
func TestConnectionsOfManySenders(t *testing.T) { bench.Connections(t) } //nolint:paralleltest // others would make the machine busy
