package wx

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cpaas-go/cpaas/internal/errs"
	"github.com/cpaas-go/cpaas/internal/transport"
)

func TestEntries(t *testing.T) {
	t.Parallel()
	full := Entry{Code: "1001", Description: "Queued", TransID: "t", CorrelationID: "c"}
	for body, want := range map[string][]Entry{
		`{"response":[{"code":"1001","description":"Queued","transid":"t","correlationid":"c"}]}`: {full},
		`{"response":{"code":"1001","description":"Queued","transid":"t","correlationid":"c"}}`:   {full},
		`{"response":[{"code":1001,"description":"Queued","transid":"t","correlationid":"c"}]}`:   {full},
		` [{"code":"1001","message":"Queued","transid":"t","correlationid":"c"}] `:                {full},
		`{"code":7004,"message":"m"}`:                                      {{Code: "7004", Description: "m"}},
		`{"response":[{"code":"1001"},{"code":"7020","description":"d"}]}`: {{Code: "1001"}, {Code: "7020", Description: "d"}},

		``: nil, `x`: nil, `{}`: nil, `[]`: nil, `null`: nil, `"1001"`: nil, `{"response":"1001"}`: nil, `{"response":[{}]}`: nil,
		`{"code":504,"message":"upstream timeout"}`: nil, `{"code":"BAD_GATEWAY"}`: nil, `{"code":"7999"}`: nil, // a proxy's, or may be
		`{"response":{"code":"7999"}}`: {{Code: "7999"}}, `{"code":"7888"}`: nil, `{"code":7641}`: {{Code: "7641"}},

		`{"response":[{"code":"1001"},{"transid":"t"}]}`: nil, `{"response":[{"code":{}}]}`: nil, `{"code":[]}`: nil, `{`: nil,
	} {
		assert.Equal(t, want, Entries([]byte(body)), body)
	}
}

// TestTable holds what the table must be: every code that is a failure has a
// sentinel, every one has a text, and what ended well has none.
func TestTable(t *testing.T) {
	t.Parallel()
	good := strings.Fields("1001 7200 7405 7407 7408 7410 7411 7412 7500 7501 7502 7519 7524 7525 7528")
	for k, m := range codes {
		assert.NotEmpty(t, m.text, "%v", k)
		assert.Equal(t, strings.ToLower(k.channel), k.channel)
		if m.kind == nil {
			assert.Contains(t, good, k.code, "%v has no sentinel", k)
		} else {
			r, ok := errs.ReasonOf(m.kind)
			assert.True(t, ok && r != errs.ReasonDecode, "%v", k)
		}
	}
	for _, surface := range []string{V1, V2, Receipt} {
		for code := range strings.FieldsSeq("7109 9002 9010 7720 7241") {
			assert.Equal(t, errs.OptedOut, Kind(surface, SMS, code), code)
		}
		assert.Equal(t, errs.FrequencyCapped, Kind(surface, "", "9006"))
		assert.Equal(t, errs.RateLimited, Kind(surface, WhatsApp, CodeThrottled))
	}
}

func TestGravest(t *testing.T) {
	t.Parallel()
	other := errors.New("x")
	first, again := fmt.Errorf("1: %w", errs.OptedOut), fmt.Errorf("2: %w", errs.OptedOut)
	for name, c := range map[string]struct {
		all  []error
		at   int
		kind error
	}{
		"none":          {nil, -1, nil},
		"all accepted":  {[]error{nil, nil}, -1, nil},
		"one":           {[]error{nil, errs.InvalidRequest}, 1, errs.InvalidRequest},
		"gravest later": {[]error{errs.InvalidRecipient, nil, first, errs.InvalidRequest, again}, 2, errs.OptedOut},
		"gravest first": {[]error{errs.MaybeAccepted, first}, 0, errs.MaybeAccepted},
		"no sentinel":   {[]error{nil, other}, 1, nil},
	} {
		at, kind := Gravest(c.all)
		assert.Equal(t, c.at, at, name)
		assert.Equal(t, c.kind, kind, name)
	}
}

func TestAuth(t *testing.T) {
	t.Parallel()
	h := http.Header{}
	require.ErrorIs(t, Auth{}.Apply(t.Context(), h), errNoAuth)
	require.Error(t, JWT("id", "?").Apply(t.Context(), h))
	assert.Empty(t, h)
	assert.Empty(t, Auth{}.Secrets())
	assert.False(t, Auth{}.Rejected(h))

	require.NoError(t, ServiceKey("k-1").Apply(t.Context(), h))
	assert.Equal(t, http.Header{"Key": {"k-1"}}, h)
	assert.False(t, ServiceKey("k-1").Rejected(h), "a key cannot be renewed")

	a := JWT("id", "c2VjcmV0")
	assert.Equal(t, []string{"c2VjcmV0"}, a.Secrets())
	h = http.Header{}
	require.NoError(t, a.Apply(t.Context(), h))
	assert.True(t, a.Rejected(h))
	assert.False(t, a.Rejected(http.Header{}), "sent without one")
	assert.Len(t, a.Secrets(), 2)
	assert.Equal(t, "Auth(none) ServiceKey(***) JWT(***)", Auth{}.String()+" "+ServiceKey("k-1").GoString()+" "+a.LogValue().String())

	ctx, cancel := context.WithCancelCause(t.Context())
	gone := errors.New("gone")
	cancel(gone)
	if err := JWT("id", "c2VjcmV0").Apply(ctx, http.Header{}); err != nil { // made at once, or not waited for
		require.ErrorIs(t, err, gone)
	}
}

func TestChecks(t *testing.T) {
	t.Parallel()
	for s, good := range map[string]bool{
		"+449000000009": true, "+12025550123": true, "+3581234": true, "+123456789012345": true,

		"": false, "+": false, "+12": false, "+44900": false, "+358123": false, "+1234567890123456": false, "449000000009": false,
		"+9991234567": false, "+0449000000009": false, "+4490XXXXX009": false, "+44 9000000009": false, "++449000000009": false,
	} {
		assert.Equal(t, good, E164Problem(s) == "", s)
	}
	for s, good := range map[string]bool{
		"https://hooks.example.com/wx?token=1": true, "https://127.0.0.1": true, "http://127.0.0.1:8080/x": true, "http://[::1]:80": true,
		"http://localhost": true, "http://127.1.2.3": true,

		"": false, "/hooks": false, "https://": false, "https://:443": false, "http://hooks.example.com": false, "http://localhost.example.com": false,
		" https://a.example": false, "https://a.example ": false, "https://a.example/b c": false, "https://a.example/\n": false, "ftp://localhost": false,
		"http://10.0.0.1": false, "hooks.example.com": false,
	} {
		assert.Equal(t, good, NotifyURLProblem(s) == "", s)
	}
}

func TestTransportNamesEveryProblem(t *testing.T) {
	t.Parallel()
	o := transport.Defaults("")
	_, err := Transport("mars", Auth{}, &o)
	require.ErrorContains(t, err, "region")
	require.ErrorContains(t, err, "credentials")
}

func TestID(t *testing.T) {
	t.Parallel()
	const id = "7670c9a8-131f-4166-ac30-17f6109340D6"
	for s, want := range map[string]string{
		id: id, id + "_0": id + "_0", id + "_": "", id + "_x": "", id + "_12345": "", id + "0": "", "x" + id[1:]: "", id[1:]: "", "": "",
		"+449000000009": "", "76-0c9a8-131f-4166-ac30-17f6109340d6": "", strings.Repeat("4", 36): "",
	} {
		assert.Equal(t, want, ID(s), s)
	}
}
