package octopush

import (
	"bytes"
	"context"
	"encoding/json"
	"net/url"
	"time"

	"github.com/cpaas-go/cpaas/internal/errs"
	"github.com/cpaas-go/cpaas/internal/problems"
	"github.com/cpaas-go/cpaas/internal/transport"
)

// Product is what credit buys.
type Product string

// The documented products.
const (
	ProductSMSPremium Product = "sms_premium"
	ProductSMSLowCost Product = "sms_low_cost"
	ProductVoice      Product = "vocal_sms"
	ProductHLR        Product = "hlr"
)

// BalanceRequest asks what is left on the account.
type BalanceRequest struct {
	// Country and Product ask how many of a product are left for a country:
	// two capital letters, "FR". Both or none; none: in euros.
	Country string
	Product Product

	Details bool // with the packs that the balance is made of
}

// BalanceResponse is what is left on the account.
type BalanceResponse struct {
	Amount float64
	Unit   string // "euros", or the product
	Packs  []Pack // with BalanceRequest.Details

	RequestID string          // from the X-Request-Id header, if there is one
	Attempts  int             // requests made
	Raw       json.RawMessage // the answer
}

// Pack is credit that was bought together and ends together.
type Pack struct {
	ID      string
	Credit  float64
	Expires time.Time // zero: not said, or not understood
}

type wireBalance struct {
	Amount *number  `json:"amount"`
	Unit   loose    `json:"unit"`
	Packs  wirePack `json:"wallet_packs"`
}

// wirePack is a list of packs that an early answer had as null, and in which
// the name of the id varies.
type wirePack []struct {
	ID      loose  `json:"wallet_pack_id"`
	Short   loose  `json:"id"`
	Credit  number `json:"credit"`
	Expires loose  `json:"expiration_date"`
}

// Validate names everything that is wrong with r, by the name of the
// parameter. The error is an [*Error].
func (r BalanceRequest) Validate() error { return r.validate(false) }

func (r BalanceRequest) validate(relaxed bool) error {
	var found problems.List
	if (r.Country == "") != (r.Product == "") {
		found.Add("go together: both or none", "country_code, product_name")
	}
	if r.Country != "" {
		found.Check(countryProblem(r.Country, relaxed), "country_code")
	}
	found.Check(problems.OneOf(r.Product, ProductSMSPremium, ProductSMSLowCost, ProductVoice, ProductHLR), "product_name")
	return invalid("Balance", found)
}

// Balance asks what is left on the account. Known from another page of the
// vendor's than that of the send call.
//
// Source: https://dev.octopush.com/en/sms-gateway-api-documentation/check-sms-balance
func (c *Client) Balance(ctx context.Context, r BalanceRequest) (*BalanceResponse, error) {
	if err := r.validate(c.relaxed); err != nil {
		return nil, err
	}
	query := url.Values{}
	if r.Country != "" {
		query.Set("country_code", r.Country)
		query.Set("product_name", string(r.Product))
	}
	if r.Details {
		query.Set("with_details", "true")
	}
	var wire wireBalance
	res, err := c.read(ctx, c.balance, query, &wire)
	if err != nil {
		return nil, err
	}
	if wire.Amount == nil {
		return nil, c.unread("Balance", res, errs.Unavailable)
	}
	b := &BalanceResponse{
		Amount: float64(*wire.Amount), Unit: string(wire.Unit),
		RequestID: c.requestID(res), Attempts: res.Attempts, Raw: res.Body,
	}
	for _, p := range wire.Packs {
		pack := Pack{ID: string(p.ID), Credit: float64(p.Credit)}
		if pack.ID == "" {
			pack.ID = string(p.Short)
		}
		if at, err := time.Parse(time.RFC3339, string(p.Expires)); err == nil {
			pack.Expires = at
		}
		b.Packs = append(b.Packs, pack)
	}
	return b, nil
}

// CreditsRequest asks how many messages the credit is good for.
type CreditsRequest struct {
	Countries []string // two capital letters each, "FR"; at least one
}

// CreditsResponse says how many messages the credit is good for.
type CreditsResponse struct {
	Countries map[string]Credits // by country code

	RequestID string          // from the X-Request-Id header, if there is one
	Attempts  int             // requests made
	Raw       json.RawMessage // the answer
}

// Credits is how many of each product can be sent to a country.
type Credits struct{ SMSPremium, SMSLowCost, Voice, HLR float64 }

type wireCredits struct {
	Premium number `json:"premium_sms"`
	LowCost number `json:"low_cost_sms"`
	Voice   number `json:"vocal_sms"`
	HLR     number `json:"hlr"`
}

// Validate names everything that is wrong with r, by the name of the
// parameter. The error is an [*Error].
func (r CreditsRequest) Validate() error { return r.validate(false) }

func (r CreditsRequest) validate(relaxed bool) error {
	var found problems.List
	if len(r.Countries) == 0 {
		found.Add("is empty", "country_codes")
	}
	for i, country := range r.Countries {
		found.Check(countryProblem(country, relaxed), "country_codes[%d]", i)
	}
	return invalid("Credits", found)
}

// Credits asks how many messages the credit is good for, by country. Known
// from another page of the vendor's than that of the send call.
//
// Source: https://dev.octopush.com/en/sms-gateway-api-documentation/check-credit/
func (c *Client) Credits(ctx context.Context, r CreditsRequest) (*CreditsResponse, error) {
	if err := r.validate(c.relaxed); err != nil {
		return nil, err
	}
	var wire map[string]wireCredits
	res, err := c.read(ctx, c.credits, url.Values{"country_codes[]": r.Countries}, &wire)
	if err != nil {
		return nil, err
	}
	out := &CreditsResponse{
		Countries: make(map[string]Credits, len(wire)), RequestID: c.requestID(res), Attempts: res.Attempts, Raw: res.Body,
	}
	for country, w := range wire {
		out.Countries[country] = Credits{float64(w.Premium), float64(w.LowCost), float64(w.Voice), float64(w.HLR)}
	}
	return out, nil
}

// read makes a call that leaves nothing behind and decodes its answer.
func (c *Client) read(ctx context.Context, endpoint transport.Endpoint, query url.Values, into any) (transport.Result, error) {
	res := c.transport.Do(ctx, transport.Call{Endpoint: endpoint, Query: query.Encode()})
	if res.Kind != nil || readAnswer(res.Body).refuses(res.Status) {
		return res, c.fail(endpoint.Op, res)
	}
	if body := bytes.TrimSpace(res.Body); len(body) == 0 || body[0] != '{' || json.Unmarshal(body, into) != nil {
		return res, c.unread(endpoint.Op, res, errs.Unavailable)
	}
	return res, nil
}

func countryProblem(s string, relaxed bool) string {
	if s == "" || relaxed {
		return problems.Required(s)
	}
	if len(s) != 2 || s[0] < 'A' || s[0] > 'Z' || s[1] < 'A' || s[1] > 'Z' {
		return "must be two capital letters"
	}
	return ""
}
