package octopush_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/cpaas-go/cpaas/internal/testutil"
	"github.com/cpaas-go/cpaas/octopush"
	"github.com/cpaas-go/cpaas/octopush/octopushtest"
)

func TestCancel(t *testing.T) {
	t.Parallel()
	c, requests, bodies := answering(t, http.StatusNoContent, "")
	res, err := c.Cancel(t.Context(), octopush.CancelRequest{Channel: octopush.SMS, Ticket: "sms_5f3fbce61266e"})
	if err != nil || res.Attempts != 1 || res.RequestID != "9f-1" {
		t.Fatalf("%+v, %v", res, err)
	}
	if _, err := json.Marshal(res); err != nil {
		t.Error(err)
	}
	r := (*requests)[0]
	if r.Method != http.MethodDelete || r.URL.String() != "https://api.octopush.com/v1/public/multi-channel/cancel" {
		t.Errorf("%s %s", r.Method, r.URL)
	}
	if want := strings.TrimSpace(string(testutil.Golden(t, "cancel.json"))); string((*bodies)[0]) != want {
		t.Errorf("body %s", (*bodies)[0])
	}
	for path, bad := range map[string]octopush.CancelRequest{
		"channel": {Channel: octopush.LiveChat, Ticket: "t"}, "ticket_number": {Channel: octopush.RCS}, "channel ": {Ticket: "t"},
	} {
		_, err := c.Cancel(t.Context(), bad)
		if e, ok := errors.AsType[*octopush.Error](err); !ok || len(e.Fields) != 1 || e.Fields[0].Path != strings.TrimSpace(path) {
			t.Errorf("%+v: %v", bad, err)
		}
	}
	if len(*requests) != 1 {
		t.Errorf("%d requests", len(*requests))
	}
	for _, test := range []struct {
		status int
		body   string
		is     error
	}{
		{200, `{"code":131}`, octopush.ErrInvalidRequest},
		{200, `<html>`, octopush.ErrDecode},
		{500, ``, octopush.ErrMaybeAccepted},
		{400, `{"code":131}`, octopush.ErrInvalidRequest},
		{200, `{"code":500}`, octopush.ErrMaybeAccepted},
		{401, ``, octopush.ErrUnauthorized},
	} {
		c, requests, _ := answering(t, test.status, test.body)
		res, err := c.Cancel(t.Context(), octopush.CancelRequest{Channel: octopush.SMS, Ticket: "t"})
		if !errors.Is(err, test.is) || res != nil || len(*requests) != 1 {
			t.Errorf("%d %s: %v", test.status, test.body, err)
		}
	}
	for _, body := range []string{`{}`, ` `, `{"message":"Campaign canceled."}`} {
		c, _, _ := answering(t, http.StatusOK, body)
		if _, err := c.Cancel(t.Context(), octopush.CancelRequest{Channel: octopush.SMS, Ticket: "t"}); err != nil {
			t.Errorf("%s: %v", body, err)
		}
	}
}

func TestCancelOfTheFake(t *testing.T) {
	t.Parallel()
	srv := octopushtest.NewServer()
	defer srv.Close()
	c, ctx := srv.Client(), t.Context()
	later := pageSMS()
	later.SendAt = time.Now().Add(time.Hour)
	res, err := c.SendSMS(ctx, later)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Cancel(ctx, octopush.CancelRequest{Channel: octopush.RCS, Ticket: res.Ticket}); !errors.Is(err, octopush.ErrInvalidRequest) {
		t.Errorf("another channel: %v", err)
	}
	if _, err := c.Cancel(ctx, octopush.CancelRequest{Channel: octopush.SMS, Ticket: res.Ticket}); err != nil || !srv.Accepted()[0].Cancelled {
		t.Errorf("cancelled: %v", err)
	}
	_, err = c.Cancel(ctx, octopush.CancelRequest{Channel: octopush.SMS, Ticket: res.Ticket})
	if e, ok := errors.AsType[*octopush.Error](err); !ok || !e.HasCode(131) {
		t.Errorf("twice: %v", err)
	}
}

func TestBalance(t *testing.T) {
	t.Parallel()
	expires := func(s string) time.Time {
		at, err := time.Parse(time.RFC3339, s)
		if err != nil {
			t.Fatal(err)
		}
		return at
	}
	tests := []struct {
		request octopush.BalanceRequest
		query   string
		body    string
		want    octopush.BalanceResponse
	}{
		{octopush.BalanceRequest{}, "", `{"amount":12.54,"unit":"euros"}`, octopush.BalanceResponse{Amount: 12.54, Unit: "euros"}},
		{
			octopush.BalanceRequest{Country: "FR", Product: octopush.ProductSMSPremium, Details: true},
			"country_code=FR&product_name=sms_premium&with_details=true",
			`{"amount": 204, "unit": "sms_premium", "wallet_packs": [{"wallet_pack_id": "bacf3d83", "credit": 12.54, "expiration_date": "2030-10-23T13:41:46+02:00"}]}`,
			octopush.BalanceResponse{Amount: 204, Unit: "sms_premium", Packs: []octopush.Pack{
				{ID: "bacf3d83", Credit: 12.54, Expires: expires("2030-10-23T13:41:46+02:00")},
			}},
		},
		{
			octopush.BalanceRequest{Details: true},
			"with_details=true",
			`{"amount": "10", "unit": "vocal_sms", "wallet_packs": [{"id": "1d234c18", "credit": "10", "expiration_date": "soon"}]}`,
			octopush.BalanceResponse{Amount: 10, Unit: "vocal_sms", Packs: []octopush.Pack{{ID: "1d234c18", Credit: 10}}},
		},
		{octopush.BalanceRequest{}, "", `{"amount":"0","unit":"euros","wallet_packs":null}`, octopush.BalanceResponse{Unit: "euros"}},
	}
	for _, test := range tests {
		c, requests, bodies := answering(t, http.StatusOK, test.body)
		got, err := c.Balance(t.Context(), test.request)
		if err != nil {
			t.Errorf("%s: %v", test.body, err)
			continue
		}
		r := (*requests)[0]
		if r.Method != http.MethodGet || r.URL.Path != "/v1/public/wallet/check-balance" || r.URL.RawQuery != test.query || len((*bodies)[0]) != 0 {
			t.Errorf("%s %s", r.Method, r.URL)
		}
		if got.Attempts != 1 || got.RequestID != "9f-1" || string(got.Raw) != test.body {
			t.Errorf("%+v", got)
		}
		got.Attempts, got.RequestID, got.Raw = 0, "", nil
		for i, p := range got.Packs { // equal zones are not identical ones
			if p.Expires.Equal(test.want.Packs[i].Expires) {
				got.Packs[i].Expires = test.want.Packs[i].Expires
			}
		}
		if !reflect.DeepEqual(*got, test.want) {
			t.Errorf("got  %+v\nwant %+v", *got, test.want)
		}
	}
}

func TestCredits(t *testing.T) {
	t.Parallel()
	c, requests, _ := answering(t, http.StatusOK, `{"FR":{"premium_sms":1,"vocal_sms":2,"low_cost_sms":"3","hlr":4.5},"ES":{}}`)
	got, err := c.Credits(t.Context(), octopush.CreditsRequest{Countries: []string{"FR", "ES"}})
	if err != nil {
		t.Fatal(err)
	}
	if r := (*requests)[0]; r.URL.Path != "/v1/public/wallet/check-credits" || r.URL.RawQuery != "country_codes%5B%5D=FR&country_codes%5B%5D=ES" {
		t.Errorf("%s", r.URL)
	}
	want := map[string]octopush.Credits{"FR": {SMSPremium: 1, SMSLowCost: 3, Voice: 2, HLR: 4.5}, "ES": {}}
	if !reflect.DeepEqual(got.Countries, want) || got.Attempts != 1 || len(got.Raw) == 0 {
		t.Errorf("%+v", got)
	}
}

// TestReadsLeaveNoDoubt: nothing can have been accepted by a call that only
// reads.
func TestReadsLeaveNoDoubt(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		answer answer
		is     error
	}{
		{answer{200, `<html>`}, octopush.ErrDecode},
		{answer{200, ``}, octopush.ErrDecode},
		{answer{200, `[{}]`}, octopush.ErrDecode},
		{answer{200, `{"amount":5,"code":999,"message":"x"}`}, octopush.ErrDecode},
		{answer{200, `{"code":400,"message":"x"}`}, octopush.ErrInvalidRequest},
		{answer{500, `{"code":500}`}, octopush.ErrUnavailable},
		{answer{}, octopush.ErrUnavailable},
		{answer{401, ``}, octopush.ErrUnauthorized},
		{answer{400, `{"code":113}`}, octopush.ErrForbidden},
		{answer{200, `{"code":113}`}, octopush.ErrForbidden},
	} {
		c, _, _ := scripted(t, []answer{test.answer}, octopush.WithMaxRetries(0))
		_, err1 := c.Balance(t.Context(), octopush.BalanceRequest{})
		_, err2 := c.Credits(t.Context(), octopush.CreditsRequest{Countries: []string{"FR"}})
		for _, err := range []error{err1, err2} {
			if !errors.Is(err, test.is) || errors.Is(err, octopush.ErrMaybeAccepted) {
				t.Errorf("%+v: %v", test.answer, err)
			}
			testutil.NoLeak(t, err, key, login)
		}
	}
}

// TestAmountsAreNotGuessed: what is no number is not 0.
func TestAmountsAreNotGuessed(t *testing.T) {
	t.Parallel()
	for _, amount := range []string{`"n/a"`, `{"v":5}`, `"12,54"`, `true`, `""`, `[5]`, `"NaN"`, `"Inf"`} {
		c, _, _ := answering(t, http.StatusOK, `{"amount":`+amount+`,"FR":{"premium_sms":`+amount+`}}`)
		_, err1 := c.Balance(t.Context(), octopush.BalanceRequest{})
		_, err2 := c.Credits(t.Context(), octopush.CreditsRequest{Countries: []string{"FR"}})
		c, _, _ = answering(t, http.StatusOK, `{"amount":5,"wallet_packs":[{"credit":`+amount+`}]}`)
		_, err3 := c.Balance(t.Context(), octopush.BalanceRequest{})
		for i, err := range []error{err1, err2, err3} {
			if !errors.Is(err, octopush.ErrDecode) || !errors.Is(err, octopush.ErrUnavailable) {
				t.Errorf("%d, %s: %v", i, amount, err)
			}
		}
	}
	for _, body := range []string{`{"unit":"euros"}`, `{"amount":null}`, `[]`} {
		c, _, _ := answering(t, http.StatusOK, body)
		if _, err := c.Balance(t.Context(), octopush.BalanceRequest{}); !errors.Is(err, octopush.ErrDecode) {
			t.Errorf("%s: %v", body, err)
		}
	}
}

// TestEmptyShapesOfPHP: an object without members may be an array.
func TestEmptyShapesOfPHP(t *testing.T) {
	t.Parallel()
	pack := []octopush.Pack{{ID: "x", Credit: 5}}
	for packs, want := range map[string][]octopush.Pack{
		`{}`: nil, `""`: nil, `[]`: nil, `false`: nil, `[null,5]`: nil, `{"1":{"id":"x","credit":5}}`: pack, `[null,{"id":"x","credit":"5"}]`: pack,
	} {
		c, _, _ := answering(t, http.StatusOK, `{"amount":5,"code":0,"errors":"","wallet_packs":`+packs+`}`)
		if b, err := c.Balance(t.Context(), octopush.BalanceRequest{}); err != nil || b.Amount != 5 || !reflect.DeepEqual(b.Packs, want) {
			t.Errorf("%s: %+v, %v", packs, b, err)
		}
	}
	for body, want := range map[string]map[string]octopush.Credits{
		`[]`:                             {},
		`{}`:                             {},
		`{"FR":[],"ES":{"hlr":1}}`:       {"FR": {}, "ES": {HLR: 1}},
		`{"FR":null,"ES":{"hlr":null}}`:  {"ES": {}},
		`{"ES":{},"code":0,"errors":[]}`: {"ES": {}},
	} {
		c, _, _ := answering(t, http.StatusOK, body)
		got, err := c.Credits(t.Context(), octopush.CreditsRequest{Countries: []string{"FR"}})
		if err != nil || !reflect.DeepEqual(got.Countries, want) {
			t.Errorf("%s: %+v, %v", body, got, err)
		}
	}
}

func TestWalletValidation(t *testing.T) {
	t.Parallel()
	for i, err := range []error{
		octopush.BalanceRequest{Country: "FR"}.Validate(),
		octopush.BalanceRequest{Product: octopush.ProductHLR}.Validate(),
		octopush.BalanceRequest{Country: "fr", Product: octopush.ProductVoice}.Validate(),
		octopush.BalanceRequest{Country: "FR", Product: "sms"}.Validate(),
		octopush.CreditsRequest{}.Validate(),
		octopush.CreditsRequest{Countries: []string{"FR", ""}}.Validate(),
		octopush.CreditsRequest{Countries: []string{"FRA"}}.Validate(),
	} {
		if !errors.Is(err, octopush.ErrInvalidRequest) {
			t.Errorf("%d: %v", i, err)
		}
	}
	if err := (octopush.BalanceRequest{Country: "FR", Product: octopush.ProductSMSLowCost}).Validate(); err != nil {
		t.Error(err)
	}
}

func TestWalletOfTheFake(t *testing.T) {
	t.Parallel()
	srv := octopushtest.NewServer()
	defer srv.Close()
	c, ctx := srv.Client(), t.Context()
	b, err := c.Balance(ctx, octopush.BalanceRequest{Country: "FR", Product: octopush.ProductHLR, Details: true})
	if err != nil || b.Unit != "hlr" || len(b.Packs) != 1 || b.Packs[0].Expires.IsZero() {
		t.Errorf("%+v, %v", b, err)
	}
	credits, err := c.Credits(ctx, octopush.CreditsRequest{Countries: []string{"FR", "ES"}})
	if err != nil || len(credits.Countries) != 2 {
		t.Errorf("%+v, %v", credits, err)
	}
}
