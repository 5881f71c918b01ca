package capillary_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cpaas-go/cpaas/capillary"
	"github.com/cpaas-go/cpaas/internal/testutil"
)

type jsonRaw = json.RawMessage

var errReader = errors.New("broken")

type failingReader struct{}

func (failingReader) Read([]byte) (int, error) { return 0, errReader }

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	const hash = "8a16a6b70505eb1f1ff7cdc0cd5559a7"
	oauth, basic := capillary.OAuth(testKey, testSecret), capillary.Basic("store.server", testPassword)
	for name, tc := range map[string]struct {
		base string
		auth capillary.Auth
		opts []capillary.Option
		want string
	}{
		"no base URL":         {"", oauth, nil, "base URL"},
		"plain http":          {"http://eu.api.capillarytech.com", oauth, nil, "https"},
		"a host alone":        {"eu.api.capillarytech.com", oauth, nil, "base URL"},
		"no credentials":      {base, capillary.Auth{}, nil, "credentials"},
		"no key":              {base, capillary.OAuth("", testSecret), nil, "key"},
		"no secret":           {base, capillary.OAuth(testKey, ""), nil, "secret"},
		"secret not UTF-8":    {base, capillary.OAuth(testKey, "a\xff"), nil, "UTF-8"},
		"no till":             {base, capillary.Basic("", testPassword), nil, "till"},
		"till with colon":     {base, capillary.Basic("a:b", testPassword), nil, "till"},
		"no password":         {base, capillary.Basic("till", ""), nil, "password"},
		"hash too short":      {base, capillary.BasicHash("till", hash[1:]), nil, "hash"},
		"hash in upper case":  {base, capillary.BasicHash("till", "8A16A6B70505EB1F1FF7CDC0CD5559A7"), nil, "hash"},
		"bad option":          {base, oauth, []capillary.Option{capillary.WithTimeout(0)}, "timeout"},
		"bad token header":    {base, oauth, []capillary.Option{capillary.WithTokenHeader("a b")}, "token header"},
		"token header, Basic": {base, basic, []capillary.Option{capillary.WithTokenHeader("X-Token")}, "only with OAuth"},
		"attribution, Basic":  {base, basic, []capillary.Option{capillary.WithAttribution(capillary.EntityTill, "t1")}, "only with OAuth"},
		"attribution, empty":  {base, oauth, []capillary.Option{capillary.WithAttribution(capillary.EntityTill, "")}, "attribution"},
		"attribution, type":   {base, oauth, []capillary.Option{capillary.WithAttribution("SHOP", "t1")}, "entity type"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := capillary.New(tc.base, tc.auth, tc.opts...)
			require.ErrorContains(t, err, tc.want)
			noLeak(t, err)
		})
	}
	for name, opts := range map[string][]capillary.Option{
		"nil option": {nil}, "relaxed entity": {capillary.WithAttribution("SHOP", "t1"), capillary.WithRelaxedValidation()},
	} {
		_, err := capillary.New(base, oauth, opts...)
		require.NoError(t, err, name)
	}
	for _, name := range []string{
		"Idempotency-Key", "x-idempotency-key", "content-type", "Content-Length", "Host", "User-Agent", "Transfer-Encoding", "Connection",
		"Cookie", "Accept", "X-CAP-API-ATTRIBUTION-ENTITY-TYPE", "X-CAP-API-ATTRIBUTION-ENTITY-CODE",
	} {
		_, err := capillary.New(base, oauth, capillary.WithTokenHeader(name))
		require.ErrorContains(t, err, "token header", name)
	}
	for _, name := range []string{"Authorization", "CAP-API-ACCESS-TOKEN"} {
		_, err := capillary.New(base, oauth, capillary.WithTokenHeader(name))
		require.NoError(t, err, name)
	}
	_, err := capillary.New("", oauth, capillary.WithBaseURL(base))
	require.NoError(t, err)
}

func TestNothingPrintsSecrets(t *testing.T) {
	t.Parallel()
	for _, auth := range []capillary.Auth{
		capillary.OAuth(testKey, testSecret), capillary.Basic("store.server", testPassword),
		capillary.BasicHash("store.server", "8a16a6b70505eb1f1ff7cdc0cd5559a7"),
		{},
	} {
		c := newStub().with(t, capillary.OAuth(testKey, testSecret))
		type holder struct {
			auth   capillary.Auth
			client *capillary.Client
			value  any
		}
		for _, v := range []any{auth, &auth, c, *c, holder{auth, c, auth}, []any{auth, c}} {
			testutil.NoLeak(t, v, allSecrets...)
		}
	}
	assert.Equal(t, "capillary.Auth(OAuth)", fmt.Sprint(capillary.OAuth("k", "s")))
	assert.Equal(t, "capillary.Client("+base+")", fmt.Sprintf("%#v", newStub().client(t)))
}

func TestBasePathIsKept(t *testing.T) {
	t.Parallel()
	s := newStub()
	s.RegisterNoResponder(func(*http.Request) (*http.Response, error) { return nil, errReader })
	c, err := capillary.New(base+"/proxy/", capillary.Basic("t", "p"), capillary.WithHTTPClient(&http.Client{Transport: s}), capillary.WithMaxRetries(0))
	require.NoError(t, err)
	_, err = c.SendZalo(t.Context(), pageZalo)
	require.ErrorIs(t, err, capillary.ErrMaybeAccepted)
	req, _ := s.last(t)
	assert.Equal(t, base+"/proxy/v1.1/communications/sendMessage?channel=zalo", req.URL.String())
}

func TestTime(t *testing.T) {
	t.Parallel()
	at, err := capillary.Time("2024-02-22T00:25:06+05:30").Parse(time.UTC)
	require.NoError(t, err)
	assert.True(t, at.Equal(pageTime), at)
	at, err = capillary.Time("2024-02-22 00:25:06").Parse(india)
	require.NoError(t, err)
	assert.True(t, at.Equal(pageTime), at)
	at, err = capillary.Time("2024-02-22 00:25:06").Parse(nil)
	require.NoError(t, err)
	assert.Equal(t, time.Date(2024, 2, 22, 0, 25, 6, 0, time.UTC), at)
	for _, s := range []capillary.Time{"", "2012-08-05 22:00:00IST", "919812345678"} {
		_, err = s.Parse(time.UTC)
		require.Error(t, err)
		noLeak(t, err)
	}
}
