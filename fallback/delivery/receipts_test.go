package delivery_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cpaas-go/cpaas/deflector"
	"github.com/cpaas-go/cpaas/deflector/deflectortest"
	"github.com/cpaas-go/cpaas/fallback"
	"github.com/cpaas-go/cpaas/fallback/delivery"
	"github.com/cpaas-go/cpaas/fallback/fallbacktest"
	"github.com/cpaas-go/cpaas/fallback/senders"
	"github.com/cpaas-go/cpaas/octopush"
	"github.com/cpaas-go/cpaas/octopush/octopushtest"
	"github.com/cpaas-go/cpaas/webexconnect"
	v2 "github.com/cpaas-go/cpaas/webexconnect/v2"
	"github.com/cpaas-go/cpaas/webexconnect/webexconnecttest"
)

const hookToken = "hook-token-1"

// before is an http.Client that, when told, runs something between a
// provider's answer and its being read: what comes before the answer.
type before struct {
	base http.RoundTripper
	do   atomic.Pointer[func(body []byte)]
}

func (b *before) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := b.base.RoundTrip(r)
	do := b.do.Swap(nil)
	if err != nil || do == nil {
		return res, err
	}
	body, err := io.ReadAll(res.Body)
	res.Body.Close()
	res.Body = io.NopCloser(bytes.NewReader(body))
	(*do)(body)
	return res, err
}

// account is a provider as the tests of callbacks see it.
type account struct {
	source delivery.Source
	leg    fallback.Leg
	link   *before

	// deliver calls back about what was accepted last. id is the provider's;
	// empty: it is not known yet, and answer is what will tell it.
	deliver func(url string, sub fallback.Attempt, answer []byte, outcome fallback.Outcome) error
}

func accounts(t *testing.T) map[string]func(t *testing.T) account {
	t.Helper()
	verify := senders.Token("token", hookToken)
	link := func() (*before, *http.Client) {
		transport := &http.Transport{}
		t.Cleanup(transport.CloseIdleConnections)
		b := &before{base: transport}
		return b, &http.Client{Transport: b}
	}
	deflected := func(leg func(senders.Deflector) fallback.Leg, ch deflector.Channel) func(*testing.T) account {
		return func(t *testing.T) account {
			t.Helper()
			srv := deflectortest.NewServer()
			t.Cleanup(srv.Close)
			b, client := link()
			d := senders.Deflector{Client: srv.Client(deflector.WithHTTPClient(client)), Verify: verify}
			words := map[fallback.Outcome]deflector.Status{
				fallback.Accepted: deflector.StatusSent, fallback.Delivered: deflector.StatusDelivered, fallback.Failed: deflector.StatusFailed,
			}
			return account{d, leg(d), b, func(url string, sub fallback.Attempt, _ []byte, outcome fallback.Outcome) error {
				ref := sub.Ref
				if ref == "" {
					accepted := srv.Accepted()
					ref = accepted[len(accepted)-1].CallbackData
				}
				return srv.Deliver(t.Context(), url, ref, ch, words[outcome])
			}}
		}
	}
	octo := func(leg func(senders.Octopush) fallback.Leg, form bool) func(*testing.T) account {
		return func(t *testing.T) account {
			t.Helper()
			srv := octopushtest.NewServer()
			t.Cleanup(srv.Close)
			b, client := link()
			o := senders.Octopush{Client: srv.Client(octopush.WithHTTPClient(client)), Verify: verify}
			words := map[fallback.Outcome]octopush.Status{
				fallback.Accepted: octopush.StatusAck, fallback.Delivered: octopush.StatusDelivered, fallback.Failed: octopush.StatusNotDelivered,
			}
			return account{o, leg(o), b, func(url string, _ fallback.Attempt, _ []byte, outcome fallback.Outcome) error {
				accepted := srv.Accepted()
				e := accepted[len(accepted)-1].Receipt(0, words[outcome])
				if form {
					return srv.DeliverForm(t.Context(), url, e)
				}
				return srv.Deliver(t.Context(), url, e)
			}}
		}
	}
	webex := func(leg func(senders.WebexConnect) fallback.Leg, rejected string) func(*testing.T) account {
		return func(t *testing.T) account {
			t.Helper()
			srv := webexconnecttest.NewServer()
			t.Cleanup(srv.Close)
			b, client := link()
			w := senders.WebexConnect{
				Client: srv.Client(webexconnect.WithHTTPClient(client)), V2: srv.ClientV2(v2.WithHTTPClient(client)), Verify: verify,
			}
			words := map[fallback.Outcome]string{fallback.Accepted: "7501", fallback.Delivered: "7500", fallback.Failed: rejected}
			return account{w, leg(w), b, func(url string, sub fallback.Attempt, answer []byte, outcome fallback.Outcome) error {
				id := sub.ID
				if id == "" {
					var told struct {
						Response []struct{ TransID string }
						ID       string `json:"messageId"`
					}
					if err := json.Unmarshal(answer, &told); err != nil {
						return err
					}
					if id = told.ID; id == "" {
						id = told.Response[0].TransID
					}
				}
				return srv.Deliver(t.Context(), url, webexconnect.BaseTransID(id), words[outcome])
			}}
		}
	}
	return map[string]func(*testing.T) account{
		"deflector RCS":      deflected(senders.Deflector.RCS, deflector.RCS),
		"deflector WhatsApp": deflected(senders.Deflector.WhatsApp, deflector.WhatsApp),
		"deflector SMS":      deflected(func(d senders.Deflector) fallback.Leg { return d.SMS("ACMEIN") }, deflector.SMS),
		"octopush SMS":       octo(func(o senders.Octopush) fallback.Leg { return o.SMS("ACME") }, false),
		"octopush SMS, form": octo(func(o senders.Octopush) fallback.Leg { return o.SMS("ACME") }, true),
		"octopush RCS":       octo(func(o senders.Octopush) fallback.Leg { return o.RCS("") }, false),
		"webexconnect SMS":   webex(func(w senders.WebexConnect) fallback.Leg { return w.SMS("ACME") }, "7203"),
		"webexconnect RCS":   webex(func(w senders.WebexConnect) fallback.Leg { return w.RCS("a_636893638318070000") }, "7329"),
	}
}

// Every provider's documented callbacks, over HTTP, through its adapter: at
// every time at which they may come.
func TestReceiptsEndToEnd(t *testing.T) {
	t.Parallel()
	for name, open := range accounts(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			acc := open(t)
			store := faulty()
			r := running(t, delivery.Config{Store: store})
			hook := httptest.NewServer(r.Receipts(acc.source))
			t.Cleanup(hook.Close)
			url := hook.URL + "?token=" + hookToken
			next := silent("next")
			route := bind(t, r, delivery.Route{{Try: acc.leg, Within: time.Hour}, {Try: next.on(fallback.Email), Until: delivery.Accepted}})
			send := func(key string) fallback.Attempt {
				t.Helper()
				m := templated(key)
				if acc.leg.Channel == fallback.SMS || acc.leg.Provider != "deflector" {
					m.Content = nil
				}
				res, err := route.Send(t.Context(), m)
				require.NoError(t, err)
				require.NotEmpty(t, res.Attempts)
				return res.Attempts[0]
			}
			wait := func(key string, want fallback.Outcome) fallback.Result {
				t.Helper()
				res, err := route.Wait(t.Context(), key)
				require.NoError(t, err)
				assert.Equal(t, want, res.Outcome, "%s\n%s", key, res)
				return res
			}

			sub := send("after")
			require.NoError(t, acc.deliver(url, sub, nil, fallback.Accepted))
			require.NoError(t, acc.deliver(url, sub, nil, fallback.Delivered))
			assert.Equal(t, acc.leg.Channel, wait("after", fallback.Delivered).Channel)

			early := func(answer []byte) {
				assert.NoError(t, acc.deliver(url, fallback.Attempt{}, answer, fallback.Delivered))
			}
			acc.link.do.Store(&early)
			send("early")
			wait("early", fallback.Delivered)

			sub = send("twice")
			for range 3 {
				require.NoError(t, acc.deliver(url, sub, nil, fallback.Delivered))
				assert.False(t, wait("twice", fallback.Delivered).Duplicate)
			}

			sub = send("out of order")
			require.NoError(t, acc.deliver(url, sub, nil, fallback.Delivered))
			require.NoError(t, acc.deliver(url, sub, nil, fallback.Accepted))
			require.NoError(t, acc.deliver(url, sub, nil, fallback.Failed))
			wait("out of order", fallback.Delivered)

			// It fails, the next stage follows at once, and late it is delivered.
			sub = send("late")
			require.NoError(t, acc.deliver(url, sub, nil, fallback.Failed))
			assert.Equal(t, fallback.Email, wait("late", fallback.Accepted).Channel)
			require.NoError(t, acc.deliver(url, sub, nil, fallback.Delivered))
			for range 200 { // it is taken in after the callback was answered
				if res, _ := route.Wait(t.Context(), "late"); res.Outcome == fallback.Delivered {
					break
				}
				time.Sleep(10 * time.Millisecond)
			}
			assert.True(t, wait("late", fallback.Delivered).PossibleDuplicate)
			assert.Len(t, next.Sent(), 1)

			// About a message that this Runner does not know.
			other := runnerOver(t, fallbacktest.VolatileStore())
			elsewhere := httptest.NewServer(other.Receipts(acc.source))
			t.Cleanup(elsewhere.Close)
			require.NoError(t, acc.deliver(elsewhere.URL+"?token="+hookToken, sub, nil, fallback.Delivered))
			require.Error(t, acc.deliver(elsewhere.URL, sub, nil, fallback.Delivered), "without the token")

			// The store is down: the callback fails, and comes again.
			sub = send("down")
			store.SetDown(true)
			require.Error(t, acc.deliver(url, sub, nil, fallback.Delivered))
			store.SetDown(false)
			require.NoError(t, acc.deliver(url, sub, nil, fallback.Delivered))
			wait("down", fallback.Delivered)
		})
	}
}
