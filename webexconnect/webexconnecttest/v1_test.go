package webexconnecttest_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cpaas-go/cpaas/webexconnect"
	"github.com/cpaas-go/cpaas/webexconnect/webexconnecttest"
)

const goodSMS = `{"deliverychannel":"sms","channels":{"sms":{"text":"x"}},"destination":[{"msisdn":["+449000000009"]}]}`

func newServer(t *testing.T) *webexconnecttest.Server {
	t.Helper()
	srv := webexconnecttest.NewServer()
	t.Cleanup(srv.Close)
	return srv
}

func textSMS(to ...string) webexconnect.Request {
	return webexconnect.NewSMS(webexconnect.SMS{Text: "x", SenderID: "ACME"}, webexconnect.ToPhone(to...))
}

// raw posts a body and returns the status, and the code and shape of the answer.
func raw(t *testing.T, srv *webexconnecttest.Server, method, path, body string, header ...string) (status int, code string, object bool) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, srv.URL+path, strings.NewReader(body))
	require.NoError(t, err)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Key", webexconnecttest.ServiceKey)
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Del(header[i])
		if header[i+1] != "" {
			req.Header.Set(header[i], header[i+1])
		}
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	var one struct{ Response struct{ Code string } }
	if json.Unmarshal(b, &one) == nil {
		return resp.StatusCode, one.Response.Code, true
	}
	var many struct{ Response []struct{ Code string } }
	if json.Unmarshal(b, &many) == nil && len(many.Response) > 0 {
		return resp.StatusCode, many.Response[0].Code, false
	}
	return resp.StatusCode, "", false
}

func TestV1Accepts(t *testing.T) {
	t.Parallel()
	srv := newServer(t)
	c := srv.Client()
	r := textSMS("+449000000009", "+449000000010")
	r.CorrelationID = "order-42"
	res, err := c.Send(t.Context(), r)
	require.NoError(t, err)
	require.Len(t, res.Outcomes, 1, "one for each request")
	assert.Len(t, res.TransID, 36)

	batch, err := c.SendBatch(t.Context(), []webexconnect.Request{textSMS("+1"), textSMS("+2")})
	require.NoError(t, err)
	assert.Equal(t, batch.TransID+"_1", batch.Outcomes[1].TransID)

	accepted := srv.Accepted()
	require.Len(t, accepted, 3)
	assert.Equal(t, r, accepted[0])
	assert.Len(t, srv.Requests(), 2)
	_, ever := srv.Connections()
	assert.Positive(t, ever)
}

func TestV1RefusesWhatThePageRefuses(t *testing.T) {
	t.Parallel()
	srv := newServer(t)
	sms := func(content string) string {
		return `{"deliverychannel":"sms","channels":{"sms":` + content + `},"destination":[{"msisdn":["1"]}]}`
	}
	top := func(member string) string {
		return strings.TrimSuffix(goodSMS, "}") + "," + member + "}"
	}
	many := `"` + strings.Repeat(`1","`, 1000) + `1"`
	for name, tt := range map[string]struct{ body, code string }{
		"not JSON":              {`{`, "7000"},
		"comments":              {`{} // x`, "7000"},
		"not UTF-8":             {sms("{\"text\":\"\xff\"}"), "7000"},
		"null":                  {top(`"correlationid":null`), "7004"},
		"a string":              {`"x"`, "7004"},
		"empty array":           {`[]`, "7003"},
		"array of other things": {`[1]`, "7004"},
		"no channel":            {strings.Replace(goodSMS, `"deliverychannel":"sms",`, "", 1), "7003"},
		"unknown channel":       {strings.Replace(goodSMS, `"deliverychannel":"sms"`, `"deliverychannel":"SMS"`, 1), "7004"},
		"letter case":           {top(`"notifyUrl":"https://example.com"`), "7004"},
		"letter case, deep":     {sms(`{"Text":"x"}`), "7004"},
		"no destination":        {`{"deliverychannel":"sms","channels":{"sms":{"text":"x"}}}`, "7003"},
		"empty destination":     {`{"deliverychannel":"sms","channels":{"sms":{"text":"x"}},"destination":[]}`, "7003"},
		"destination object":    {`{"deliverychannel":"sms","channels":{"sms":{"text":"x"}},"destination":{}}`, "7004"},
		"no identifier":         {`{"deliverychannel":"sms","channels":{"sms":{"text":"x"}},"destination":[{"correlationid":"c"}]}`, "7003"},
		"one identifier":        {`{"deliverychannel":"sms","channels":{"sms":{"text":"x"}},"destination":[{"msisdn":"1"}]}`, "7004"},
		"empty identifier":      {`{"deliverychannel":"sms","channels":{"sms":{"text":"x"}},"destination":[{"msisdn":[""]}]}`, "7004"},
		"own correlation id":    {`{"deliverychannel":"sms","channels":{"sms":{"text":"x"}},"destination":[{"msisdn":["1"],"correlationid":"` + strings.Repeat("c", 51) + `"}]}`, "7004"},
		"its type":              {`{"deliverychannel":"sms","channels":{"sms":{"text":"x"}},"destination":[{"msisdn":["1"],"correlationid":1}]}`, "7004"},
		"its letter case":       {`{"deliverychannel":"sms","channels":{"sms":{"text":"x"}},"destination":[{"MSISDN":["1"]}]}`, "7004"},
		"1001 addresses":        {`{"deliverychannel":"sms","channels":{"sms":{"text":"x"}},"destination":[{"msisdn":[` + many + `]}]}`, "7009"},
		"1001 over an array":    {`[` + goodSMS + `,{"deliverychannel":"sms","channels":{"sms":{"text":"x"}},"destination":[{"msisdn":[` + strings.TrimPrefix(many, `"1",`) + `]}]}]`, "7009"},
		"no content":            {`{"deliverychannel":"sms","destination":[{"msisdn":["1"]}]}`, "7003"},
		"channels array":        {`{"deliverychannel":"sms","channels":[],"destination":[{"msisdn":["1"]}]}`, "7004"},
		"other content":         {`{"deliverychannel":"sms","channels":{"voice":{"promptid":"1"}},"destination":[{"msisdn":["1"]}]}`, "7003"},
		"two contents":          {`{"deliverychannel":"sms","channels":{"sms":{"text":"x"},"voice":{"promptid":"1"}},"destination":[{"msisdn":["1"]}]}`, "7004"},
		"two OTT contents":      {`{"deliverychannel":"fb","appid":"a","channels":{"OTT-Messaging":{"fb":{"text":"x"},"wa":{}}},"destination":[{"psid":["1"]}]}`, "7004"},
		"OTT array":             {`{"deliverychannel":"fb","appid":"a","channels":{"OTT-Messaging":[]},"destination":[{"psid":["1"]}]}`, "7004"},
		"no appid":              {`{"deliverychannel":"whatsapp","channels":{"OTT-Messaging":{"wa":{"type":"text","text":{"body":"x"}}}},"destination":[{"waid":["1"]}]}`, "7003"},
		"correlation id":        {top(`"correlationid":"` + strings.Repeat("c", 51) + `"`), "7004"},
		"string field":          {top(`"callbackData":1`), "7004"},
		"gtrId":                 {top(`"gtrId":["a","b"]`), "7004"},
		"message":               {top(`"message":{"parameters":{}}`), "7003"},
		"message type":          {top(`"message":{"template":1}`), "7004"},
		"message array":         {top(`"message":[]`), "7004"},
		"parameters":            {top(`"message":{"template":"1","parameters":[]}`), "7004"},
		"policy":                {top(`"contactPolicy":{"contactPolicyGroup":"g"}`), "7003"},
		"policy group":          {top(`"contactPolicy":{"channelCheckConsent":true}`), "7003"},
		"policy flag":           {top(`"contactPolicy":{"contactPolicyGroup":"g","channelCheckConsent":"true"}`), "7004"},
		"policy group's type":   {top(`"contactPolicy":{"contactPolicyGroup":1}`), "7004"},
		"policy array":          {top(`"contactPolicy":[]`), "7004"},
		"SMS array":             {sms(`[]`), "7004"},
		"SMS text":              {sms(`{"senderid":"s"}`), "7003"},
		"SMS text's type":       {sms(`{"text":1}`), "7004"},
		"SMS long text":         {sms(`{"text":"` + strings.Repeat("é", 1025) + `"}`), "7004"},
		"SMS type":              {sms(`{"text":"x","type":"5"}`), "7004"},
		"SMS type number":       {sms(`{"text":"x","type":1}`), "7004"},
		"SMS body":              {sms(`{"type":"3"}`), "7003"},
		"SMS body not hex":      {sms(`{"type":"3","body":"0"}`), "7004"},
		"SMS extras":            {sms(`{"text":"x","extras":{"dlt_templateid":1}}`), "7004"},
		"SMS link":              {sms(`{"text":"{{link_5}}"}`), "7004"},
		"links object":          {`{"deliverychannel":"sms","channels":{"sms":{"text":"x"},"smartlinks":{}},"destination":[{"msisdn":["1"]}]}`, "7004"},
		"links as strings":      {`{"deliverychannel":"sms","channels":{"sms":{"text":"x"},"smartlinks":[{"linkid":"5"}]},"destination":[{"msisdn":["1"]}]}`, "7004"},
		"links' letter case":    {`{"deliverychannel":"sms","channels":{"sms":{"text":"x"},"smartlinks":[{"linkId":5}]},"destination":[{"msisdn":["1"]}]}`, "7004"},
		"links on voice":        {`{"deliverychannel":"voice","channels":{"voice":{"promptid":"1"},"smartlinks":[{"linkid":5}]},"destination":[{"msisdn":["1"]}]}`, "7004"},
		"voice":                 {`{"deliverychannel":"voice","channels":{"voice":{"cli":"1"}},"destination":[{"msisdn":["1"]}]}`, "7003"},
		"voice, two":            {`{"deliverychannel":"voice","channels":{"voice":{"callflowid":"1","media":"m"}},"destination":[{"msisdn":["1"]}]}`, "7003"},
		"voice array":           {`{"deliverychannel":"voice","channels":{"voice":[]},"destination":[{"msisdn":["1"]}]}`, "7004"},
		"voice type":            {`{"deliverychannel":"voice","channels":{"voice":{"promptid":354}},"destination":[{"msisdn":["1"]}]}`, "7004"},
		"another page's rule":   {`{"deliverychannel":"push","appid":"a","channels":{"push":{}},"destination":[{"userid":["1"]}]}`, "7004"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			status, code, object := raw(t, srv, http.MethodPost, "/resources/v1/messaging", tt.body)
			assert.Equal(t, http.StatusOK, status)
			assert.Equal(t, tt.code, code)
			assert.True(t, object)
		})
	}
	t.Cleanup(func() { assert.Empty(t, srv.Accepted()) })
}

func TestV1Door(t *testing.T) {
	t.Parallel()
	srv := newServer(t)
	const path = "/resources/v1/messaging"
	for name, tt := range map[string]struct {
		method, path string
		header       []string
		status       int
		code         string
	}{
		"good":          {http.MethodPost, path, nil, 200, "1001"},
		"charset":       {http.MethodPost, path, []string{"Content-Type", "application/json; charset=utf-8"}, 200, "1001"},
		"no key":        {http.MethodPost, path, []string{"Key", ""}, 200, "7002"},
		"wrong key":     {http.MethodPost, path, []string{"Key", "x"}, 200, "7001"},
		"JWT decides":   {http.MethodPost, path, []string{"Authorization", "Bearer x.y.z"}, 200, "7001"},
		"not a JWT":     {http.MethodPost, path, []string{"Authorization", "Bearer x"}, 200, "7001"},
		"empty JWT":     {http.MethodPost, path, []string{"Authorization", "Bearer .."}, 200, "7001"},
		"media type":    {http.MethodPost, path, []string{"Content-Type", "text/plain"}, 200, "7000"},
		"no media type": {http.MethodPost, path, []string{"Content-Type", ""}, 200, "7000"},
		"GET":           {http.MethodGet, path, nil, 405, ""},
		"other path":    {http.MethodPost, "/resources/v1/messages", nil, 404, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			status, code, _ := raw(t, srv, tt.method, tt.path, goodSMS, tt.header...)
			assert.Equal(t, tt.status, status)
			assert.Equal(t, tt.code, code)
		})
	}
	for name, tt := range map[string]struct {
		auth webexconnect.Auth
		want error
	}{
		"good":            {webexconnect.JWT(webexconnecttest.ServiceID, webexconnecttest.ServiceSecret), nil},
		"another service": {webexconnect.JWT("another", webexconnecttest.ServiceSecret), webexconnect.ErrUnauthorized},
		"another secret":  {webexconnect.JWT(webexconnecttest.ServiceID, "YW5vdGhlcg=="), webexconnect.ErrUnauthorized},
	} {
		t.Run("JWT, "+name, func(t *testing.T) {
			t.Parallel()
			c, err := webexconnect.New("", tt.auth, webexconnect.WithBaseURL(srv.URL))
			require.NoError(t, err)
			_, err = c.Send(t.Context(), textSMS("+1"))
			if tt.want == nil {
				require.NoError(t, err)
			} else {
				require.ErrorIs(t, err, tt.want)
			}
		})
	}
}

func TestV1Script(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		answer   webexconnecttest.Answer
		want     error // nil: accepted
		accepted int
		calls    int
	}{
		"refuse":       {webexconnecttest.Refuse("9006"), webexconnect.ErrFrequencyCapped, 0, 1},
		"refuse, odd":  {webexconnecttest.Refuse("1"), webexconnect.ErrInvalidRequest, 0, 1},
		"throttled":    {webexconnecttest.Throttled(), webexconnect.ErrRateLimited, 0, 1},
		"mixed":        {webexconnecttest.Outcomes("1001", "7102"), webexconnect.ErrMaybeAccepted, 0, 1},
		"respond":      {webexconnecttest.Respond(403, "text/plain", "no"), webexconnect.ErrForbidden, 0, 1},
		"normally":     {webexconnecttest.Normally(), nil, 1, 1},
		"rate limited": {webexconnecttest.RateLimited(time.Minute), webexconnect.ErrRateLimited, 0, 1},
		"hang":         {webexconnecttest.Hang(), webexconnect.ErrMaybeAccepted, 0, 1},
		"slow":         {webexconnecttest.Slow(time.Millisecond), nil, 1, 1},
		"close before": {webexconnecttest.CloseBeforeReading(), webexconnect.ErrMaybeAccepted, 0, 1},
		"close after":  {webexconnecttest.CloseAfterReading(), webexconnect.ErrMaybeAccepted, 0, 1},
		"lose":         {webexconnecttest.LoseAnswer(), webexconnect.ErrMaybeAccepted, 1, 1},
		"truncate":     {webexconnecttest.Truncate(), webexconnect.ErrMaybeAccepted, 1, 1},
		"huge":         {webexconnecttest.Huge(200, 11<<20), webexconnect.ErrMaybeAccepted, 0, 1},
		"HTML":         {webexconnecttest.HTML(502), webexconnect.ErrMaybeAccepted, 0, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := newServer(t)
			srv.Next(tt.answer)
			retries := 2
			if name == "throttled" { // the wait is another test's
				retries = 0
			}
			opts := []webexconnect.Option{webexconnect.WithMaxRetries(retries)}
			if name == "hang" {
				opts = append(opts, webexconnect.WithTimeout(time.Second))
			}
			_, err := srv.Client(opts...).Send(t.Context(), textSMS("+449000000009"))
			if tt.want == nil {
				require.NoError(t, err)
			} else {
				require.ErrorIs(t, err, tt.want)
			}
			assert.Len(t, srv.Accepted(), tt.accepted)
			assert.Len(t, srv.Requests(), tt.calls)
		})
	}
}

func TestRefuseRecipient(t *testing.T) {
	t.Parallel()
	srv := newServer(t)
	srv.RefuseRecipient("+1", webexconnect.CodeNoConsent)
	c := srv.Client()
	_, err := c.Send(t.Context(), textSMS("+1"))
	require.ErrorIs(t, err, webexconnect.ErrOptedOut)
	res, err := c.SendBatch(t.Context(), []webexconnect.Request{textSMS("+1"), textSMS("+2")})
	require.ErrorIs(t, err, webexconnect.ErrMaybeAccepted)
	require.ErrorIs(t, res.Outcomes[0].Err, webexconnect.ErrOptedOut)
	require.NoError(t, res.Outcomes[1].Err)
	srv.RefuseRecipient("+1", "")
	_, err = c.Send(t.Context(), textSMS("+1"))
	require.NoError(t, err)
	assert.Len(t, srv.Accepted(), 2)
}

// hook collects callbacks.
type hook struct {
	*httptest.Server

	mu   sync.Mutex
	got  []webexconnect.Callback
	fail error
}

func newHook(t *testing.T, secret string) *hook {
	t.Helper()
	h := &hook{}
	h.Server = httptest.NewServer(webexconnect.Handler(func(_ context.Context, c webexconnect.Callback) error {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.got = append(h.got, c)
		return h.fail
	}, webexconnect.Signature(secret)))
	t.Cleanup(h.Close)
	return h
}

func TestDeliver(t *testing.T) {
	t.Parallel()
	const secret = "hub-secret"
	srv, h := newServer(t), newHook(t, secret)
	srv.SetHubSecret(secret)
	r := textSMS("+449000000009")
	r.Destinations = append(r.Destinations, webexconnect.Destination{MSISDN: []string{"+449000000010"}, CorrelationID: "own"})
	r.CorrelationID, r.CallbackData, r.NotifyURL = "order-42", "tenant-7", h.URL
	c := srv.Client()
	res, err := c.Send(t.Context(), r)
	require.NoError(t, err)
	require.NoError(t, srv.Deliver(t.Context(), "", res.TransID, "7501", "7207"))
	require.NoError(t, srv.Deliver(t.Context(), h.URL, res.TransID))
	require.Len(t, h.got, 6)
	n := h.got[0].Notification
	assert.Equal(t, "order-42", n.CorrelationID)
	assert.Equal(t, "tenant-7", n.CallbackData)
	assert.Equal(t, "+449000000009", n.Destination)
	assert.Equal(t, "msisdn", n.DestinationType)
	assert.Equal(t, res.TransID, n.TransID)
	assert.WithinDuration(t, time.Now(), n.At, time.Minute)
	assert.Equal(t, webexconnect.StateSent, n.State())
	assert.Equal(t, "own", h.got[1].Notification.CorrelationID)
	require.ErrorIs(t, h.got[2].Notification.Err(), webexconnect.ErrNotOnChannel)
	assert.Equal(t, webexconnect.StateDelivered, h.got[4].Notification.State())

	require.Error(t, srv.Forge(t.Context(), h.URL, res.TransID))
	require.Error(t, srv.Deliver(t.Context(), h.URL, "unknown"))
	h.fail = errors.New("full")
	err = srv.Deliver(t.Context(), h.URL+"?token=s3cret", res.TransID)
	require.ErrorContains(t, err, "500")
	require.NotContains(t, err.Error(), "s3cret")
	h.Close()
	err = srv.Deliver(t.Context(), h.URL+"?token=s3cret", res.TransID)
	require.Error(t, err)
	require.NotContains(t, err.Error(), "s3cret")
	assert.Len(t, h.got, 7)

	silent, err := c.Send(t.Context(), textSMS("+1"))
	require.NoError(t, err)
	require.ErrorContains(t, srv.Deliver(t.Context(), "", silent.TransID), "no URL")
}

func TestDeliverByChannel(t *testing.T) {
	t.Parallel()
	const secret = "hub-secret"
	srv, h := newServer(t), newHook(t, secret)
	srv.SetHubSecret(secret)
	c := srv.Client()
	for _, tt := range []struct {
		r     webexconnect.Request
		code  string
		state webexconnect.State
	}{
		{webexconnect.NewVoice(webexconnect.Voice{PromptID: "354"}, webexconnect.ToPhone("+1")), "7519", webexconnect.StateDelivered},
		{webexconnect.NewVoice(webexconnect.Voice{PromptID: "354"}, webexconnect.ToPhone("+1")), "7406", webexconnect.StateFailed},
		{webexconnect.NewWhatsApp("a", webexconnect.WhatsApp{Text: &webexconnect.WhatsAppText{Body: "x"}}, webexconnect.ToWhatsApp("1")), "7710", webexconnect.StateFailed},
		{webexconnect.NewInApp("a", webexconnect.InApp{ThreadID: "t", Type: "typingStart"}, webexconnect.ToUser("u")), "7502", webexconnect.StateRead},
	} {
		res, err := c.Send(t.Context(), tt.r)
		require.NoError(t, err)
		require.NoError(t, srv.Deliver(t.Context(), h.URL, res.TransID, tt.code))
		n := h.got[len(h.got)-1].Notification
		assert.Equal(t, tt.state, n.State())
		assert.Equal(t, res.TransID, webexconnect.BaseTransID(n.TransID))
		assert.Equal(t, tt.r.Channel == webexconnect.ChannelVoice, n.TransInfo != "")
		assert.Equal(t, tt.r.Channel == webexconnect.ChannelWhatsApp, n.TransID != res.TransID)
		assert.Equal(t, tt.r.Channel == webexconnect.ChannelInApp, n.Channel == webexconnect.ChannelRT)
	}
}

func TestWrite(t *testing.T) {
	t.Parallel()
	const secret = "hub-secret"
	srv, h := newServer(t), newHook(t, secret)
	srv.SetHubSecret(secret)
	require.NoError(t, srv.Write(t.Context(), h.URL, map[string]any{
		"channel": "WhatsApp", "event": "list", "waid": "919900000000", "message": "STOP", "contacts": []map[string]string{{"a": "b"}},
	}))
	in := h.got[0].Inbound
	assert.Equal(t, "WhatsApp list STOP", strings.Join([]string{in.Channel, in.Event, in.Message}, " "))
	assert.NotEmpty(t, in.TID)
	assert.JSONEq(t, `[{"a":"b"}]`, in.Get("contacts"))
	require.Error(t, srv.Write(t.Context(), h.URL, map[string]any{"x": func() {}}))
	require.Error(t, srv.Write(t.Context(), h.URL, map[string]any{"x": []any{func() {}}}))
	srv.SetHubSecret("")
	require.Error(t, srv.Write(t.Context(), h.URL, map[string]any{"channel": "SMS"}), "not signed")
}

func TestClientPanicsOnAWrongOption(t *testing.T) {
	t.Parallel()
	srv := newServer(t)
	assert.Panics(t, func() { srv.Client(webexconnect.WithTimeout(0)) })
}
