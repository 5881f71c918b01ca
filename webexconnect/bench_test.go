package webexconnect

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

const (
	benchKey    = "0123456789abcdef0123456789abcdef"
	benchBase   = "https://api.uk.webexconnect.io"
	benchAnswer = `{"response":[{"code":"1001","transid":"3f09295d-9eb3-4c9e-8ee8-a3272e5f00c1","description":"Queued"}]}`
)

// benchMessage is the SMS with all that the page shows of one.
func benchMessage() Request {
	r := NewSMS(SMS{
		Text: "SMS message content with {{link_linkid}}", SenderID: "SENDER", Type: SMSText,
		Extras: &SMSExtras{DLTTemplateID: "1107158158796985790"},
	}, Destination{MSISDN: []string{"<value1>", "<value2>"}, CorrelationID: "<id>"})
	r.CorrelationID, r.CallbackData = "SMSMTusingmsisdn", "smstesting"
	r.SmartLinks = []SmartLink{{LinkID: 5, Validity: 30}}
	r.ContactPolicy = &ContactPolicy{Group: "xKa4xfM3S_a9bP98ryCw8w", CheckConsent: true, ApplyFrequencyCap: true}
	return r
}

// The request as a user declares it who sends nothing else.
type (
	handRequest struct {
		DeliveryChannel string            `json:"deliverychannel"`
		CorrelationID   string            `json:"correlationid,omitempty"`
		CallbackData    string            `json:"callbackData,omitempty"`
		Channels        handChannels      `json:"channels"`
		Destination     []handDestination `json:"destination"`
	}
	handChannels struct {
		SMS           handSMS         `json:"sms"`
		SmartLinks    []handSmartLink `json:"smartlinks,omitempty"`
		ContactPolicy *handPolicy     `json:"contactPolicy,omitempty"`
	}
	handSMS struct {
		Text     string            `json:"text"`
		SenderID string            `json:"senderid"`
		Type     string            `json:"type"`
		Extras   map[string]string `json:"extras,omitempty"`
	}
	handSmartLink struct {
		LinkID   int `json:"linkid"`
		Validity int `json:"validity"`
	}
	handPolicy struct {
		Group        string `json:"contactPolicyGroup"`
		CheckConsent bool   `json:"channelCheckConsent"`
		ApplyCap     bool   `json:"channelApplyFrequencyCap"`
	}
	handDestination struct {
		MSISDN        []string `json:"msisdn"`
		CorrelationID string   `json:"correlationid,omitempty"`
	}
)

// handwritten is the call as a user writes it who needs it once.
func handwritten(ctx context.Context, client *http.Client, url, key string) (string, error) {
	body, err := json.Marshal(handRequest{
		DeliveryChannel: "sms", CorrelationID: "SMSMTusingmsisdn", CallbackData: "smstesting",
		Channels: handChannels{
			SMS: handSMS{
				Text: "SMS message content with {{link_linkid}}", SenderID: "SENDER", Type: "1",
				Extras: map[string]string{"dlt_templateid": "1107158158796985790"},
			},
			SmartLinks:    []handSmartLink{{LinkID: 5, Validity: 30}},
			ContactPolicy: &handPolicy{"xKa4xfM3S_a9bP98ryCw8w", true, true},
		},
		Destination: []handDestination{{[]string{"<value1>", "<value2>"}, "<id>"}},
	})
	if err != nil {
		return "", err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url+"/resources/v1/messaging", bytes.NewReader(body))
	if err != nil {
		return "", err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json")
	req.Header.Set("key", key)
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
		Response []struct {
			Code        string `json:"code"`
			Description string `json:"description"`
			TransID     string `json:"transid"`
		} `json:"response"`
	}
	if err := json.Unmarshal(answer, &out); err != nil {
		return "", err
	}
	if len(out.Response) != 1 {
		return "", errors.New("not one outcome")
	}
	if r := out.Response[0]; r.Code != "1001" {
		return "", fmt.Errorf("code %s: %s", r.Code, r.Description)
	}
	return out.Response[0].TransID, nil
}

var bench = sendbench.Calls{
	BaseURL: benchBase, Status: http.StatusOK, Answer: benchAnswer,
	Ours: func(tb testing.TB, baseURL string, client *http.Client) func() error {
		tb.Helper()
		opts := []Option{WithBaseURL(baseURL)}
		if client != nil {
			opts = append(opts, WithHTTPClient(client))
		}
		c, err := New(UK, ServiceKey(benchKey), opts...)
		if err != nil {
			tb.Fatal(err)
		}
		ctx, m := tb.Context(), benchMessage()
		return func() error { _, err := c.Send(ctx, m); return err }
	},
	ByHand: func(tb testing.TB, baseURL string, client *http.Client) func() error {
		tb.Helper()
		ctx := tb.Context()
		return func() error { _, err := handwritten(ctx, client, baseURL, benchKey); return err }
	},
}

func BenchmarkInMemory(b *testing.B)   { bench.InMemory(b) }
func BenchmarkLoopback(b *testing.B)   { bench.Loopback(b) }
func BenchmarkConcurrent(b *testing.B) { bench.Concurrent(b) }

func TestSendAllocations(t *testing.T)          { bench.Allocations(t) } //nolint:paralleltest // the whole process is counted
func TestConnectionsOfManySenders(t *testing.T) { bench.Connections(t) } //nolint:paralleltest // others would make the machine busy
