package os1

import (
	"context"
	"encoding/json"

	"github.com/cpaas-go/cpaas/internal/jsonx"
	"github.com/cpaas-go/cpaas/internal/problems"
)

// NotificationRequest registers a notification, which the tenant's admin then
// enables or disables: a name for what an application sends, and the
// templates it may use for it.
//
// The vendor's page of it survived in part. It marks name, label and
// templates as required, which [WithRelaxedValidation] switches off.
//
// Source: https://docs.getos1.com/register-message-notifications
type NotificationRequest struct {
	Name        string `json:"name"`                  // of the group of notifications
	Label       string `json:"label"`                 // for people
	Description string `json:"description,omitempty"` // empty is left out

	// Templates are the templates that may be used, for each channel. Their
	// form is not documented: it is encoded as it is.
	Templates any `json:"templates,omitempty"`

	// Extra are members of the JSON object that this package does not know,
	// such as whatever names the application.
	Extra map[string]json.RawMessage `json:"-"`
}

// MarshalJSON is r with Extra.
func (r NotificationRequest) MarshalJSON() ([]byte, error) {
	type plain NotificationRequest
	return jsonx.EncodeWith(plain(r), r.Extra)
}

// UnmarshalJSON reads what MarshalJSON writes.
func (r *NotificationRequest) UnmarshalJSON(b []byte) error {
	type plain NotificationRequest
	var p plain
	if err := json.Unmarshal(b, &p); err != nil {
		return err
	}
	var err error
	p.Extra, err = unknown(b, notificationShape)
	*r = NotificationRequest(p)
	return err
}

// NotificationResponse is the answer to a registration. Its data is not
// documented: see [Meta.Data].
type NotificationResponse struct {
	Meta
}

// CreateNotification registers a notification. Its path is a guess, see
// [Paths]. The error is an [*Error]; it is [ErrMaybeAccepted] when the
// notification may have been registered.
func (c *Client) CreateNotification(ctx context.Context, req NotificationRequest) (*NotificationResponse, error) {
	op := c.ops.createNotification
	if err := req.validate(op.Op, c.relaxed); err != nil {
		return nil, err
	}
	meta, err := c.post(ctx, op, req, notificationShape)
	if err != nil {
		return nil, err
	}
	return &NotificationResponse{meta}, nil
}

// Validate names everything that is wrong with r, by JSON path. The error is
// an [*Error].
func (r NotificationRequest) Validate() error { return r.validate("CreateNotification", false) }

func (r *NotificationRequest) validate(op string, relaxed bool) error {
	required := problems.Required
	if relaxed {
		required = problems.Text
	}
	c := checker{relaxed: relaxed}
	c.at(required(r.Name), "name")
	c.at(required(r.Label), "label")
	c.at(problems.Text(r.Description), "description")
	switch {
	case r.Templates == nil && !relaxed:
		c.at("is missing", "templates")
	case !valid(r.Templates):
		c.at("is not valid UTF-8", "templates")
	}
	c.at(extraProblem(r.Extra, notificationShape), "")
	return invalid(op, c.List)
}

// NotificationSendRequest sends messages of registered notifications.
//
// Nothing of its body is documented. It is taken to be that of [SendRequest]
// with more members, which go into Extra; all of it may go there.
type NotificationSendRequest struct {
	SendRequest

	// Extra are members of the JSON object that this package does not know,
	// such as whatever names the notification.
	Extra map[string]json.RawMessage `json:"-"`
}

// MarshalJSON is r with Extra.
func (r NotificationSendRequest) MarshalJSON() ([]byte, error) {
	return jsonx.EncodeWith(r.SendRequest, r.Extra)
}

// UnmarshalJSON reads what MarshalJSON writes.
func (r *NotificationSendRequest) UnmarshalJSON(b []byte) error {
	var p NotificationSendRequest
	if err := json.Unmarshal(b, &p.SendRequest); err != nil {
		return err
	}
	var err error
	p.Extra, err = unknown(b, sendShape)
	*r = p
	return err
}

// SendWithNotifications is [Client.Send] for registered notifications: OS1
// checks that their templates are approved and that they are enabled.
//
// Its path is not known: [ErrPathNotConfigured] until [WithPaths] sets
// NotificationMessages. The error is as [Client.Send]'s.
func (c *Client) SendWithNotifications(ctx context.Context, req NotificationSendRequest) (*SendResponse, error) {
	op := c.ops.sendWithNotifications
	if err := op.configured(); err != nil {
		return nil, err
	}
	if err := req.validate(op.Op, c.relaxed); err != nil {
		return nil, err
	}
	meta, err := c.post(ctx, op, req, sendShape)
	if err != nil {
		return nil, err
	}
	return &SendResponse{meta}, nil
}

// Validate names everything that is wrong with r, by JSON path. The error is
// an [*Error].
func (r NotificationSendRequest) Validate() error { return r.validate("SendWithNotifications", false) }

func (r *NotificationSendRequest) validate(op string, relaxed bool) error {
	c := checker{relaxed: relaxed}
	if r.count() == 0 && len(r.Extra) == 0 {
		c.at("no message", "")
	}
	r.check(&c)
	c.at(extraProblem(r.Extra, sendShape), "")
	return invalid(op, c.List)
}
