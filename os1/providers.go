package os1

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/cpaas-go/cpaas/internal/problems"
)

// ProviderType is the kind of a service provider.
type ProviderType string

// The kinds that the page names. Their letter case is lost; write another if
// your tenant wants it.
const (
	ProviderSES      ProviderType = "ses"      // e-mail
	ProviderInfobip  ProviderType = "infobip"  // WhatsApp
	ProviderPinpoint ProviderType = "pinpoint" // SMS; named in the text only
)

// ProviderRequest registers a service provider. For SMS and e-mail a tenant
// has one by default; WhatsApp needs one registered.
//
// Source: https://docs.getos1.com/messaging
type ProviderRequest struct {
	Name         string       `json:"name"`         // required; it becomes a part of the inbound webhook
	ProviderType ProviderType `json:"providerType"` // required

	// Credentials are [SESCredentials], [InfobipCredentials] or
	// [OtherCredentials]. Nil is left out.
	Credentials Credentials `json:"credentials,omitempty"`

	IsActive        *bool `json:"isActive,omitempty"`
	IsTenantDefault *bool `json:"isTenantDefault,omitempty"`
}

// Credentials are a provider's credentials. Nothing but the client's methods
// reads what is secret in them.
type Credentials interface {
	check(*checker)
	secrets() []Secret
	wire() any
}

// SESCredentials are those of Amazon SES. What is empty is left out.
type SESCredentials struct {
	AccessKeyID     Secret `json:"accessKeyId,omitzero"`
	Region          string `json:"region,omitempty"` // "ap-south-1"
	SecretAccessKey Secret `json:"secretAccessKey,omitzero"`
	ProjectID       Secret `json:"projectId,omitzero"` // your account's id, for reference
}

func (s SESCredentials) check(c *checker) {
	c.at(s.AccessKeyID.problem(), "credentials.accessKeyId")
	c.at(problems.Text(s.Region), "credentials.region")
	c.at(s.SecretAccessKey.problem(), "credentials.secretAccessKey")
	c.at(s.ProjectID.problem(), "credentials.projectId")
}

func (s SESCredentials) secrets() []Secret {
	return []Secret{s.AccessKeyID, s.SecretAccessKey, s.ProjectID}
}

func (s SESCredentials) wire() any {
	return struct {
		AccessKeyID     any    `json:"accessKeyId,omitempty"`
		Region          string `json:"region,omitempty"`
		SecretAccessKey any    `json:"secretAccessKey,omitempty"`
		ProjectID       any    `json:"projectId,omitempty"`
	}{s.AccessKeyID.wire(), s.Region, s.SecretAccessKey.wire(), s.ProjectID.wire()}
}

// InfobipCredentials are those of Infobip. What is empty is left out.
type InfobipCredentials struct {
	ClientID     Secret `json:"clientId,omitzero"`
	ClientSecret Secret `json:"clientSecret,omitzero"`

	// APIBaseURL is "https://api.infobip.com", or your account's own. It may
	// be spelled apiBaseURL: then use OtherCredentials.
	APIBaseURL string `json:"apiBaseUrl,omitempty"`
}

func (i InfobipCredentials) check(c *checker) {
	c.at(i.ClientID.problem(), "credentials.clientId")
	c.at(i.ClientSecret.problem(), "credentials.clientSecret")
	c.at(problems.Text(i.APIBaseURL), "credentials.apiBaseUrl")
}

func (i InfobipCredentials) secrets() []Secret { return []Secret{i.ClientID, i.ClientSecret} }

func (i InfobipCredentials) wire() any {
	return struct {
		ClientID     any    `json:"clientId,omitempty"`
		ClientSecret any    `json:"clientSecret,omitempty"`
		APIBaseURL   string `json:"apiBaseUrl,omitempty"`
	}{i.ClientID.wire(), i.ClientSecret.wire(), i.APIBaseURL}
}

// OtherCredentials are those of any other provider, by the names that OS1
// gives them. Those of Pinpoint are not documented.
type OtherCredentials map[string]Secret

func (o OtherCredentials) check(c *checker) {
	for _, name := range slices.Sorted(maps.Keys(o)) {
		if problem := problems.Text(name); problem != "" {
			c.at(problem, "credentials")
			continue
		}
		c.at(o[name].problem(), "credentials."+name)
	}
}

func (o OtherCredentials) secrets() []Secret { return slices.Collect(maps.Values(o)) }

func (o OtherCredentials) wire() any {
	w := make(map[string]any, len(o))
	for name, secret := range o {
		if w[name] = secret.wire(); secret.IsZero() {
			w[name] = ""
		}
	}
	return w
}

// ProviderResponse is a registered provider.
type ProviderResponse struct {
	Name string `json:"name"`

	// InboundWebhookURL is to be registered with the provider, so that it
	// passes people's answers on. The page shows it for WhatsApp.
	InboundWebhookURL string `json:"inboundWebhookUrl"`

	Meta
}

// CreateProvider registers a service provider. The answer repeats the
// credentials, so [Meta.Raw] does too.
//
// The error is an [*Error]; it is [ErrMaybeAccepted] when the provider may
// have been registered.
func (c *Client) CreateProvider(ctx context.Context, req ProviderRequest) (*ProviderResponse, error) {
	op := c.ops.createProvider
	if err := req.validate(op.Op); err != nil {
		return nil, err
	}
	if req.Credentials != nil {
		op.secrets = req.Credentials.secrets()
	}
	wire := struct {
		Name            string       `json:"name"`
		ProviderType    ProviderType `json:"providerType"`
		Credentials     any          `json:"credentials,omitempty"`
		IsActive        *bool        `json:"isActive,omitempty"`
		IsTenantDefault *bool        `json:"isTenantDefault,omitempty"`
	}{Name: req.Name, ProviderType: req.ProviderType, IsActive: req.IsActive, IsTenantDefault: req.IsTenantDefault}
	if req.Credentials != nil {
		wire.Credentials = req.Credentials.wire()
	}
	meta, err := c.post(ctx, op, wire, providerShape)
	if err != nil {
		return nil, err
	}
	data := readLoose(meta.Data())
	if data == nil {
		return nil, c.unreadable(op, meta, errNoData)
	}
	return &ProviderResponse{
		Name: data.text("name"), InboundWebhookURL: data.text("inboundWebhookUrl"), Meta: meta,
	}, nil
}

// Validate names everything that is wrong with r, by JSON path. The error is
// an [*Error].
func (r ProviderRequest) Validate() error { return r.validate("CreateProvider") }

func (r *ProviderRequest) validate(op string) error {
	var c checker
	c.at(problems.Required(r.Name), "name")
	c.at(problems.Required(string(r.ProviderType)), "providerType")
	switch {
	case nilPointer(r.Credentials):
		c.at("is a nil pointer", "credentials")
	case r.Credentials != nil:
		r.Credentials.check(&c)
	}
	return invalid(op, c.List)
}

// UnmarshalJSON reads a request, such as from a file of settings. Credentials
// become those of its provider type, in whatever letter case that is.
func (r *ProviderRequest) UnmarshalJSON(b []byte) error {
	type plain ProviderRequest
	wire := struct {
		*plain
		Credentials json.RawMessage `json:"credentials"`
	}{plain: &plain{}}
	if err := json.Unmarshal(b, &wire); err != nil {
		return err
	}
	credentials, err := readCredentials(wire.ProviderType, notNull(wire.Credentials))
	if err != nil {
		return err
	}
	*r = ProviderRequest(*wire.plain)
	r.Credentials = credentials
	return nil
}

// readCredentials reads credentials as those of the type, or, if they have
// members that those do not, as others.
func readCredentials(t ProviderType, raw json.RawMessage) (Credentials, error) {
	if raw == nil {
		return nil, nil //nolint:nilnil // none
	}
	var other OtherCredentials
	if err := json.Unmarshal(raw, &other); err != nil {
		return nil, err
	}
	only := func(names ...string) bool {
		for name := range other {
			if !slices.Contains(names, name) {
				return false
			}
		}
		return true
	}
	switch {
	case strings.EqualFold(string(t), string(ProviderSES)) && only("accessKeyId", "region", "secretAccessKey", "projectId"):
		return SESCredentials{
			AccessKeyID: other["accessKeyId"], Region: other["region"].text(),
			SecretAccessKey: other["secretAccessKey"], ProjectID: other["projectId"],
		}, nil
	case strings.EqualFold(string(t), string(ProviderInfobip)) && only("clientId", "clientSecret", "apiBaseUrl"):
		return InfobipCredentials{
			ClientID: other["clientId"], ClientSecret: other["clientSecret"], APIBaseURL: other["apiBaseUrl"].text(),
		}, nil
	}
	return other, nil
}
