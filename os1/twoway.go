package os1

import (
	"context"
	"fmt"

	"github.com/cpaas-go/cpaas/internal/problems"
)

// TwoWayRequest sends a WhatsApp message to which an answer is awaited. It
// goes to one person.
//
// Source: https://docs.getos1.com/messaging
type TwoWayRequest struct {
	From    string        `json:"from"` // the sender's number; required
	Message TwoWayMessage `json:"message"`

	// Provider is the name of a registered provider. Nil leaves it out.
	Provider *string `json:"provider,omitempty"`

	To Phone `json:"to"` // required

	// AcceptedResponses are the answers that are expected. Nil is left out.
	AcceptedResponses []AcceptedResponse `json:"acceptedResponses,omitzero"`

	// DynamicResponseRegex says what other answers are accepted. It is the
	// server's dialect, which is not documented, so it is sent as given.
	// Empty is left out.
	DynamicResponseRegex string `json:"dynamicResponseRegex,omitempty"`

	Webhook *Webhooks `json:"webhook,omitempty"`

	// ResponseTimeout is how long an answer is awaited. The page does not say
	// in what; its sample of 300 reads like seconds. Zero is left out.
	ResponseTimeout int `json:"responseTimeout,omitempty"`

	// Context is for your own use; that webhooks carry it is likely and not
	// documented. Nil is left out, empty is {}.
	Context map[string]any `json:"context,omitzero"`

	// ErrorMessage seems to be sent to a person whose answer is not accepted.
	// Empty is left out.
	ErrorMessage string `json:"errorMessage,omitempty"`
}

// TwoWayMessage is what a [TwoWayRequest] shows.
type TwoWayMessage struct {
	// Template is the template's name. Required.
	Template string `json:"template"`

	// Data are the values of the template's placeholders, by name: text in
	// every sample. Nil is left out, empty is {}.
	Data map[string]any `json:"data,omitzero"`

	Media   *TwoWayMedia  `json:"media,omitempty"`
	Buttons []ReplyButton `json:"buttons,omitzero"`
}

// ReplyButton is the text of a button of a two-way message.
type ReplyButton string

// TwoWayMedia is what a two-way message shows besides its text.
type TwoWayMedia struct {
	Document *Document `json:"document,omitempty"`
	Image    *Image    `json:"image,omitempty"`
	Location *Location `json:"location,omitempty"`
}

// Location is a place, in degrees.
type Location struct {
	Latitude  float64 `json:"latitude"`
	Longitude float64 `json:"longitude"`
}

// AcceptedResponse is answers, any of which is passed on to Webhook.
type AcceptedResponse struct {
	Messages []string `json:"messages"`
	Webhook  *Webhook `json:"webhook,omitempty"`
}

// Webhooks are where OS1 reports what came of a two-way message.
type Webhooks struct {
	DefaultInbound  *Webhook `json:"defaultInbound,omitempty"`  // answers that nothing else takes
	Status          *Webhook `json:"status,omitempty"`          // delivery
	InvalidResponse *Webhook `json:"invalidResponse,omitempty"` // answers that are not accepted
}

// Webhook is a URL of yours.
type Webhook struct {
	URL string `json:"url"` // absolute

	// Secret is base64 in every sample, see [EncodeSecret]; what OS1 does
	// with it is not documented, see [Verifier]. The zero Secret is left out.
	Secret Secret `json:"secret,omitzero"`
}

// TwoWayResponse is OS1's word that it took the message. What it says in its
// data is not documented: see [Meta.Data].
type TwoWayResponse struct {
	Meta
}

// SendTwoWay sends a WhatsApp message to which an answer is awaited. Answers
// come to the request's webhooks, see [Handler].
//
// Its path is not known: [ErrPathNotConfigured] until [WithPaths] sets
// TwoWay. The error is as [Client.Send]'s.
func (c *Client) SendTwoWay(ctx context.Context, req TwoWayRequest) (*TwoWayResponse, error) {
	op := c.ops.sendTwoWay
	if err := op.configured(); err != nil {
		return nil, err
	}
	if err := req.validate(op.Op); err != nil {
		return nil, err
	}
	op.secrets = req.secrets()
	meta, err := c.post(ctx, op, req.wire(), twoWayShape)
	if err != nil {
		return nil, err
	}
	return &TwoWayResponse{meta}, nil
}

// Validate names everything that is wrong with r, by JSON path. The error is
// an [*Error].
func (r TwoWayRequest) Validate() error { return r.validate("SendTwoWay") }

func (r *TwoWayRequest) validate(op string) error {
	var c checker
	c.at(problems.Required(r.From), "from")
	r.Message.check(&c)
	c.at(optional(r.Provider), "provider")
	c.phone(r.To, "to")
	for i, a := range r.AcceptedResponses {
		c.texts(a.Messages, fmt.Sprintf("acceptedResponses[%d].messages", i))
		c.webhook(a.Webhook, fmt.Sprintf("acceptedResponses[%d].webhook", i))
	}
	c.at(problems.Text(r.DynamicResponseRegex), "dynamicResponseRegex")
	if w := r.Webhook; w != nil {
		c.webhook(w.DefaultInbound, "webhook.defaultInbound")
		c.webhook(w.Status, "webhook.status")
		c.webhook(w.InvalidResponse, "webhook.invalidResponse")
	}
	c.at(valuesProblem(r.Context), "context")
	c.at(problems.Text(r.ErrorMessage), "errorMessage")
	return invalid(op, c.List)
}

func (m *TwoWayMessage) check(c *checker) {
	c.at(problems.Required(m.Template), "message.template")
	c.at(valuesProblem(m.Data), "message.data")
	if m.Media != nil {
		c.document(m.Media.Document, "message.media")
		c.image(m.Media.Image, "message.media")
	}
	for i, b := range m.Buttons {
		c.Check(problems.Text(string(b)), "message.buttons[%d]", i)
	}
}

// The request as it is on the wire: as the types above, with the secrets.
type (
	wireTwoWay struct {
		From                 string         `json:"from"`
		Message              TwoWayMessage  `json:"message"`
		Provider             *string        `json:"provider,omitempty"`
		To                   Phone          `json:"to"`
		AcceptedResponses    []wireAccepted `json:"acceptedResponses,omitzero"`
		DynamicResponseRegex string         `json:"dynamicResponseRegex,omitempty"`
		Webhook              *wireWebhooks  `json:"webhook,omitempty"`
		ResponseTimeout      int            `json:"responseTimeout,omitempty"`
		Context              map[string]any `json:"context,omitzero"`
		ErrorMessage         string         `json:"errorMessage,omitempty"`
	}
	wireAccepted struct {
		Messages []string     `json:"messages"`
		Webhook  *wireWebhook `json:"webhook,omitempty"`
	}
	wireWebhooks struct {
		DefaultInbound  *wireWebhook `json:"defaultInbound,omitempty"`
		Status          *wireWebhook `json:"status,omitempty"`
		InvalidResponse *wireWebhook `json:"invalidResponse,omitempty"`
	}
	wireWebhook struct {
		URL    string `json:"url"`
		Secret any    `json:"secret,omitempty"`
	}
)

func (r *TwoWayRequest) wire() wireTwoWay {
	w := wireTwoWay{
		From: r.From, Message: r.Message, Provider: r.Provider, To: r.To,
		DynamicResponseRegex: r.DynamicResponseRegex, ResponseTimeout: r.ResponseTimeout,
		Context: r.Context, ErrorMessage: r.ErrorMessage,
	}
	if r.AcceptedResponses != nil {
		w.AcceptedResponses = make([]wireAccepted, len(r.AcceptedResponses))
	}
	for i, a := range r.AcceptedResponses {
		if a.Messages == nil {
			a.Messages = []string{} // [] on the wire
		}
		w.AcceptedResponses[i] = wireAccepted{a.Messages, a.Webhook.wire()}
	}
	if hooks := r.Webhook; hooks != nil {
		w.Webhook = &wireWebhooks{hooks.DefaultInbound.wire(), hooks.Status.wire(), hooks.InvalidResponse.wire()}
	}
	return w
}

// secrets are the webhooks' secrets.
func (r *TwoWayRequest) secrets() []Secret {
	var found []Secret
	add := func(w *Webhook) {
		if w != nil {
			found = append(found, w.Secret)
		}
	}
	for _, a := range r.AcceptedResponses {
		add(a.Webhook)
	}
	if hooks := r.Webhook; hooks != nil {
		add(hooks.DefaultInbound)
		add(hooks.Status)
		add(hooks.InvalidResponse)
	}
	return found
}

func (w *Webhook) wire() *wireWebhook {
	if w == nil {
		return nil
	}
	return &wireWebhook{w.URL, w.Secret.wire()}
}
