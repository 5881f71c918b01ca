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

// The message as a user declares it who needs no more.
type (
	handMessage struct {
		To           []handTo      `json:"to"`
		CallbackData string        `json:"callbackData,omitempty"`
		Tags         []string      `json:"tags,omitempty"`
		WhatsApp     *handWhatsApp `json:"whatsapp,omitempty"`
		RCS          *handRCS      `json:"rcs,omitempty"`
		SMS          *handSMS      `json:"sms,omitempty"`
		Flow         [][]handStage `json:"flow"`
	}
	handTo struct {
		PhoneNumber string `json:"phoneNumber"`
	}
	handWhatsApp struct {
		Message []handWhatsAppMessage `json:"message"`
	}
	handWhatsAppMessage struct {
		APIHeader     string         `json:"x-apiheader"`
		MessageType   string         `json:"message_type"`
		RecipientType string         `json:"recipient_type"`
		TypeTemplate  []handTemplate `json:"type_template"`
	}
	handTemplate struct {
		Name       string       `json:"name"`
		Attributes []string     `json:"attributes"`
		Language   handLanguage `json:"language"`
	}
	handLanguage struct {
		Locale string `json:"locale"`
		Policy string `json:"policy"`
	}
	handRCS struct {
		Content handRCSContent `json:"content"`
	}
	handRCSContent struct {
		Type         string            `json:"type"`
		TemplateCode string            `json:"templateCode"`
		Attributes   map[string]string `json:"attributes"`
	}
	handSMS struct {
		From string `json:"From"`
		Text string `json:"Text"`
	}
	handStage struct {
		Channel Channel `json:"channel"`
	}
)

// handwritten is the call as a user writes it who needs it once.
func handwritten(ctx context.Context, client *http.Client, url, key string) (string, error) {
	body, err := json.Marshal([]handMessage{{
		To:           []handTo{{PhoneNumber: "919812345678"}},
		CallbackData: "order-17",
		Tags:         []string{"welcome"},
		WhatsApp: &handWhatsApp{Message: []handWhatsAppMessage{{
			APIHeader: "order-17-wa", MessageType: "template", RecipientType: "individual",
			TypeTemplate: []handTemplate{{
				Name: "new_client_welcome", Attributes: []string{"https://example.com/"},
				Language: handLanguage{Locale: "en", Policy: "deterministic"},
			}},
		}}},
		RCS: &handRCS{Content: handRCSContent{
			Type: "template", TemplateCode: "welcome_rcs", Attributes: map[string]string{"FIRSTNAME": "Asha"},
		}},
		SMS:  &handSMS{From: "ACMEIN", Text: "Welcome to ACME, Asha."},
		Flow: [][]handStage{{{Channel: RCS}}, {{Channel: WhatsApp}}, {{Channel: SMS}}},
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
