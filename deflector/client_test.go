package deflector_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/cpaas-go/cpaas/deflector"
	"github.com/cpaas-go/cpaas/internal/testutil"
)

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		key string
		opt deflector.Option
	}{
		"empty key":         {key: ""},
		"blank key":         {key: "  "},
		"key with a break":  {key: testKey + "\r\nx: y"},
		"key beyond ASCII":  {key: testKey + "é"},
		"no URL":            {testKey, deflector.WithBaseURL(":" + testKey)},
		"plain http":        {testKey, deflector.WithBaseURL("http://example.com/" + testKey)},
		"URL with a user":   {testKey, deflector.WithBaseURL("https://u:" + testKey + "@example.com")},
		"URL with a query":  {testKey, deflector.WithBaseURL("https://example.com/?k=" + testKey)},
		"no HTTP client":    {testKey, deflector.WithHTTPClient(nil)},
		"no time":           {testKey, deflector.WithTimeout(0)},
		"negative retries":  {testKey, deflector.WithMaxRetries(-1)},
		"too many retries":  {testKey, deflector.WithMaxRetries(21)},
		"no rate":           {testKey, deflector.WithRateLimit(0, 1)},
		"no number":         {testKey, deflector.WithRateLimit(math.NaN(), 1)},
		"no burst":          {testKey, deflector.WithRateLimit(1, 0)},
		"no product":        {testKey, deflector.WithUserAgent("")},
		"product of lines":  {testKey, deflector.WithUserAgent("a\nb")},
		"no header":         {testKey, deflector.WithAPIKeyHeader()},
		"header of another": {testKey, deflector.WithAPIKeyHeader("api-key", "Authorization")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client, err := deflector.New(test.key, test.opt) // a nil option is no option
			if err == nil || client != nil {
				t.Fatalf("%v, %v", client, err)
			}
			if !strings.HasPrefix(err.Error(), "deflector: New: ") {
				t.Errorf("text %q", err)
			}
			testutil.NoLeak(t, err, testKey)
		})
	}
}

func TestNewTellsAllThatIsWrong(t *testing.T) {
	t.Parallel()
	_, err := deflector.New("", deflector.WithTimeout(-1), deflector.WithMaxRetries(-1))
	for _, part := range []string{"API key", "timeout", "retries"} {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("%v does not tell of the %s", err, part)
		}
	}
}

func TestKeyHeader(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		opts []deflector.Option
		want map[string]string
	}{
		{nil, map[string]string{"Api-Key": testKey, "Api_key": ""}},
		{[]deflector.Option{deflector.WithAPIKeyHeader("api_key")}, map[string]string{"Api-Key": "", "Api_key": testKey}},
		{[]deflector.Option{deflector.WithAPIKeyHeader("api-key", "api_key")}, map[string]string{"Api-Key": testKey, "Api_key": testKey}},
	} {
		server := accepting()
		if _, err := server.client(t, test.opts...).Send(t.Context(), smsTo(testPhone)); err != nil {
			t.Fatal(err)
		}
		for name, want := range test.want {
			if got := strings.Join(server.requests[0].Header[name], ","); got != want {
				t.Errorf("%s: %q, want %q", name, got, want)
			}
		}
	}
}

func TestOptions(t *testing.T) {
	t.Parallel()
	var seen *http.Request
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen = r.Clone(r.Context())
		if strings.Contains(r.UserAgent(), "slow") {
			io.Copy(io.Discard, r.Body) //nolint:errcheck // only a body that was read lets the server see the client leave
			<-r.Context().Done()
		}
		fmt.Fprint(w, `{"messageId":"ack-1"}`)
	}))
	defer server.Close()
	var log bytes.Buffer
	mine := server.Client()
	client, err := deflector.New(testKey,
		deflector.WithUserAgent("acme-shop/1.4"),
		deflector.WithBaseURL(server.URL+"/proxy/"),
		deflector.WithLogger(slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))),
		deflector.WithRateLimit(1000, 10),
		deflector.WithHTTPClient(mine),
		nil,
	)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.Send(t.Context(), smsTo(testPhone)); err != nil {
		t.Fatal(err)
	}
	if seen.URL.Path != "/proxy/messages/send" || !strings.HasPrefix(seen.UserAgent(), "acme-shop/1.4 cpaas-go/") {
		t.Errorf("%s by %s", seen.URL, seen.UserAgent())
	}
	if !strings.Contains(log.String(), `"op":"Send"`) || !strings.Contains(log.String(), `"path":"/messages/send"`) {
		t.Errorf("log %s", log.String())
	}
	for _, secret := range []string{testKey, testPhone, "4821"} {
		if strings.Contains(log.String(), secret) {
			t.Errorf("log shows %s: %s", secret, log.String())
		}
	}

	hasty, err := deflector.New(testKey, deflector.WithBaseURL(server.URL), deflector.WithHTTPClient(mine),
		deflector.WithTimeout(time.Second), deflector.WithUserAgent("slow"))
	if err != nil {
		t.Fatal(err)
	}
	_, err = hasty.Send(t.Context(), smsTo(testPhone))
	checkIs(t, err, deflector.ErrMaybeAccepted)
	if mine.CheckRedirect != nil || mine.Timeout != 0 {
		t.Error("the caller's http.Client was changed")
	}
}

func TestRateLimitOption(t *testing.T) {
	t.Parallel()
	server := accepting()
	client := server.client(t, deflector.WithRateLimit(0.001, 1))
	if _, err := client.Send(t.Context(), smsTo(testPhone)); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	_, err := client.Send(ctx, smsTo(testPhone))
	checkIs(t, err, deflector.ErrRateLimited)
	if len(server.requests) != 1 {
		t.Errorf("%d requests", len(server.requests))
	}
}

func TestClientPrintsNoSecret(t *testing.T) {
	t.Parallel()
	client := accepting().client(t, deflector.WithAPIKeyHeader("api-key", "api_key"))
	testutil.NoLeak(t, client, testKey)
	testutil.NoLeak(t, *client, testKey)
	testutil.NoLeak(t, struct{ C *deflector.Client }{client}, testKey)
	testutil.NoLeak(t, []any{client, *client}, testKey)
	const want = "deflector.Client(https://cpass-deflector.netcorecloud.net)"
	if got := fmt.Sprintf("%v %+v %#v", client, client, client); got != want+" "+want+" "+want {
		t.Errorf("prints as %s", got)
	}
}
