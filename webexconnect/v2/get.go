package v2

import (
	"context"
	"encoding/json"
	"errors"
	"strconv"
	"time"

	"github.com/cpaas-go/cpaas/internal/errs"
	"github.com/cpaas-go/cpaas/internal/jsonx"
	"github.com/cpaas-go/cpaas/internal/problems"
	"github.com/cpaas-go/cpaas/internal/transport"
)

// Status is what the platform knows of a message that was sent. It holds the
// person's address and may hold the text: do not log it.
//
// Source: https://developers.webexconnect.io/reference/retrieve-message-v2
type Status struct {
	MessageID     string
	CorrelationID string
	Channel       Channel
	Status        string // "Submitted"; the other words are not documented
	From          string
	To            string
	ToType        string // "msisdn"
	Direction     string // "outbound"
	Segments      string // numSegments, "1"
	CallbackData  string
	NotifyURL     string
	Version       string // "2.0"
	RequestedAt   time.Time
	ClientID      int
	GroupID       int
	TeamID        int

	// Type and Text are the content's. In the page's example the text is
	// encoded as in a form, "Here+is+a+message".
	Type string
	Text string

	Options           json.RawMessage // as the platform has them
	RequestedReceipts json.RawMessage // an array; of what is not documented

	RequestID string          // from the X-Request-Id header, if there is one: none is documented
	Attempts  int             // requests made
	Raw       json.RawMessage // the answer
}

// Get asks what became of a message, by the id from [Response]. The operation
// is in beta and open to selected clients only. Asking leaves nothing behind,
// so it is tried again on any failure that may pass.
//
// The error is an [*Error]: with StatusCode 404 when the message is not known.
func (c *Client) Get(ctx context.Context, messageID string) (*Status, error) {
	var found problems.List
	found.Check(problems.Required(messageID), "messageId")
	if err := invalid(opGet, found); err != nil {
		return nil, err
	}
	res := c.transport.Do(ctx, transport.Call{Endpoint: c.get, Args: []string{messageID}, Means: means})
	if res.Kind != nil {
		return nil, c.failGet(res)
	}
	s, ok := readStatus(res.Body)
	if !ok {
		return nil, c.failGet(res)
	}
	s.RequestID, s.Attempts, s.Raw = c.transport.ID(res.Header.Get("X-Request-Id")), res.Attempts, res.Body
	return s, nil
}

var errNoStatus = errors.New("the answer is not a message")

// failGet is the error for a Get that came to res, which is no message.
func (c *Client) failGet(res transport.Result) *Error {
	for _, a := range readAnswer(res.Body) {
		if !a.refused() {
			continue
		}
		e := c.refusal(opGet, "", res, c.transport.Words(res), a)
		if errors.Is(e, errs.MaybeAccepted) { // there is nothing that could have been
			e.fault.Kind = errs.Unavailable
		}
		return e
	}
	if res.Kind != nil {
		return c.failed(opGet, res)
	}
	res.Kind, res.Cause = errs.Unavailable, errNoStatus
	e := c.failed(opGet, res)
	e.fault.Also = errs.Decode
	return e
}

func readStatus(body []byte) (*Status, bool) {
	var o, content jsonx.Object
	o.Read(body)
	text := func(name string) string { return jsonx.Scalar(o.Get(name)) }
	number := func(name string) int { n, _ := strconv.Atoi(text(name)); return n } // of another shape: see Raw
	content.Read(o.Get("content"))
	s := &Status{
		MessageID: text("messageId"), CorrelationID: text("correlationId"), Channel: Channel(text("channel")), Status: text("status"),
		From: text("from"), To: text("to"), ToType: text("toType"), Direction: text("direction"), Segments: text("numSegments"),
		CallbackData: text("callbackData"), NotifyURL: text("notifyUrl"), Version: text("version"),
		RequestedAt: readTime(text("requestTimestamp")), ClientID: number("clientId"), GroupID: number("groupId"),
		TeamID: number("teamId"), Type: jsonx.Scalar(content.Get("type")), Text: jsonx.Scalar(content.Get("text")),
		Options: o.Get("options"), RequestedReceipts: o.Get("requestedReceipts"),
	}
	return s, s.MessageID != "" && s.Status != ""
}
