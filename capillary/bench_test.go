package capillary

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/cpaas-go/cpaas/internal/sendbench"
)

// The benchmarks compare one Send with the same call written by hand in ten
// minutes: the same structs on the wire, encoding/json, net/http's default
// client. Both run in the same benchmark, in turns, so that what slows the
// machine down slows both; "x-handwritten" is what a Send costs of the
// hand-written call's time.

const (
	benchAnswer = `{"status":{"count":1,"statusCode":{"status":true,"message":"Success","code":200},"successCount":1,` +
		`"warnings":[],"warningsAsStatusCode":[],"message":"Success","code":200,"success":true},"smsList":[{"sms":` +
		`{"to":"919812345678","body":"4821 is your Acme code.","scheduledTime":"2024-02-22T00:25:06+05:30","sender":""},"errors":[],"warnings":[]}]}`

	benchAuthorization = "Basic c3RvcmUuc2VydmVyOjhhMTZhNmI3MDUwNWViMWYxZmY3Y2RjMGNkNTU1OWE3"
)

func benchMessage() SMS {
	return SMS{
		To: "919812345678", Body: "4821 is your Acme code.",
		ScheduledTime: time.Date(2024, 2, 22, 0, 25, 6, 0, time.FixedZone("", 5*3600+1800)),
	}
}

type (
	handRequest struct {
		Root handRoot `json:"root"`
	}
	handRoot struct {
		SMS []handSMS `json:"sms"`
	}
	handSMS struct {
		To            string    `json:"to"`
		Body          string    `json:"body"`
		ScheduledTime time.Time `json:"scheduledTime,omitzero"`
		Sender        string    `json:"sender,omitempty"`
	}
	handStatus struct {
		Status  bool   `json:"status"`
		Message string `json:"message"`
		Code    int    `json:"code"`
	}
	handIssue struct {
		Code    int    `json:"code"`
		Message string `json:"message"`
	}
	handItem struct {
		SMS      handSMS     `json:"sms"`
		Errors   []handIssue `json:"errors"`
		Warnings []handIssue `json:"warnings"`
	}
	handResponse struct {
		Status struct {
			Count        int         `json:"count"`
			StatusCode   handStatus  `json:"statusCode"`
			SuccessCount int         `json:"successCount"`
			Warnings     []handIssue `json:"warnings"`
			Message      string      `json:"message"`
			Code         int         `json:"code"`
			Success      bool        `json:"success"`
		} `json:"status"`
		SMSList []handItem `json:"smsList"`
	}
)

// handwritten is the call as a user writes it who needs it once.
func handwritten(ctx context.Context, client *http.Client, base string) (*handResponse, error) {
	m := benchMessage()
	body, err := json.Marshal(handRequest{handRoot{[]handSMS{{To: m.To, Body: m.Body, ScheduledTime: m.ScheduledTime}}}})
	if err != nil {
		return nil, err
	}
	query := url.Values{"channel": {"sms"}}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, base+"/v1.1/communications/sendMessage?"+query.Encode(), bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json")
	req.Header.Set("Authorization", benchAuthorization)
	resp, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode/100 != 2 {
		return nil, fmt.Errorf("status %d", resp.StatusCode)
	}
	var out handResponse
	if err := json.Unmarshal(answer, &out); err != nil {
		return nil, err
	}
	if !out.Status.Success || out.Status.SuccessCount < 1 {
		return nil, errors.New("refused")
	}
	return &out, nil
}

var bench = sendbench.Calls{
	BaseURL: Europe, Status: http.StatusOK, Answer: benchAnswer,
	Ours: func(tb testing.TB, baseURL string, client *http.Client) func() error {
		tb.Helper()
		opts := []Option{}
		if client != nil {
			opts = append(opts, WithHTTPClient(client))
		}
		c, err := New(baseURL, Basic("store.server", "server123"), opts...)
		if err != nil {
			tb.Fatal(err)
		}
		ctx, m := tb.Context(), benchMessage()
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

type roundTripper func(*http.Request) (*http.Response, error)

func (rt roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return rt(r) }

func respond(r *http.Request, body string) *http.Response {
	return &http.Response{
		Status: "200 OK", StatusCode: http.StatusOK, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: http.Header{},
		Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body)), Request: r,
	}
}
