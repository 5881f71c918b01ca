package octopush

import (
	"cmp"
	"context"
	"encoding/json"
	"net/url"
	"time"

	"github.com/cpaas-go/cpaas/internal/errs"
	"github.com/cpaas-go/cpaas/internal/jsonx"
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
	ID string

	// Credit is the pack's, in a unit that is not documented: in
	// a sample, 204 "sms_premium" are one pack with a credit of 12.54.
	Credit float64

	Expires time.Time // zero: not said, or not understood
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
	res, a, err := c.read(ctx, c.balance, query)
	if err != nil {
		return nil, err
	}
	b := &BalanceResponse{RequestID: c.requestID(res), Attempts: res.Attempts, Raw: res.Body}
	if !b.decode(res.Body) {
		return nil, c.unread("Balance", res, a, errs.Unavailable)
	}
	return b, nil
}

// decode reports whether body is a balance: no amount in it is guessed.
func (b *BalanceResponse) decode(body []byte) bool {
	var o jsonx.Object
	if !o.Read(body) {
		return false
	}
	amount, ok := readNumber(o.Get("amount"))
	if !ok {
		return false
	}
	b.Amount, b.Unit = float64(amount), toText(o.Get("unit"))
	raw := o.Get("wallet_packs")
	packs, _ := jsonx.Elements(raw)
	for _, pack := range members(raw) { // as PHP writes a list with gaps
		packs = append(packs, pack)
	}
	for _, raw := range packs {
		var p jsonx.Object
		if !p.Read(raw) {
			continue
		}
		pack := Pack{ID: cmp.Or(toText(p.Get("wallet_pack_id")), toText(p.Get("id")))} // its name varies
		if !amountInto(&pack.Credit, p.Get("credit")) {
			return false
		}
		if at, err := time.Parse(time.RFC3339, toText(p.Get("expiration_date"))); err == nil {
			pack.Expires = at
		}
		b.Packs = append(b.Packs, pack)
	}
	return true
}

// amountInto takes over an amount. It reports whether it is one, or not
// given.
func amountInto(to *float64, raw json.RawMessage) bool {
	n, ok := readNumber(raw)
	*to = float64(n)
	return ok || len(raw) == 0 || string(raw) == "null"
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
	res, a, err := c.read(ctx, c.credits, url.Values{"country_codes[]": r.Countries})
	if err != nil {
		return nil, err
	}
	out := &CreditsResponse{
		Countries: map[string]Credits{}, RequestID: c.requestID(res), Attempts: res.Attempts, Raw: res.Body,
	}
	for country, raw := range members(res.Body) {
		var o jsonx.Object
		items, ok := jsonx.Elements(raw)
		if country == "errors" || !o.Read(raw) && (!ok || len(items) > 0) { // PHP writes {} as []
			continue
		}
		var credits Credits
		if !amountInto(&credits.SMSPremium, o.Get("premium_sms")) || !amountInto(&credits.SMSLowCost, o.Get("low_cost_sms")) ||
			!amountInto(&credits.Voice, o.Get("vocal_sms")) || !amountInto(&credits.HLR, o.Get("hlr")) {
			return nil, c.unread("Credits", res, a, errs.Unavailable)
		}
		out.Countries[country] = credits
	}
	return out, nil
}

// read makes a call that leaves nothing behind. Its answer is a JSON object,
// or an array, as PHP writes an object without members, if that is empty.
func (c *Client) read(ctx context.Context, endpoint transport.Endpoint, query url.Values) (transport.Result, *answer, error) {
	res := c.transport.Do(ctx, transport.Call{Endpoint: endpoint, Query: query.Encode()})
	a := readAnswer(res.Body)
	if res.Kind != nil || a.refuses() {
		return res, &a, c.fail(endpoint.Op, res, &a)
	}
	if items, ok := jsonx.Elements(res.Body); !a.clear() && (!ok || len(items) > 0) {
		return res, &a, c.unread(endpoint.Op, res, &a, errs.Unavailable)
	}
	return res, &a, nil
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
