package v2

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/cpaas-go/cpaas/internal/errs"
	"github.com/cpaas-go/cpaas/internal/jsonx"
	"github.com/cpaas-go/cpaas/internal/problems"
	"github.com/cpaas-go/cpaas/internal/transport"
)

// Status is what the platform knows of a message that was sent.
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
		return nil, c.fail(opGet, "", res)
	}
	s, ok := readStatus(res.Body)
	if !ok {
		if a := readAnswer(res.Body); len(a) > 0 && a[0].refused() {
			return nil, c.fail(opGet, "", res)
		}
		res.Kind, res.Cause = errs.Unavailable, errNoStatus
		e := c.fail(opGet, "", res)
		e.fault.Also = errs.Decode
		return nil, e
	}
	s.RequestID, s.Attempts, s.Raw = c.transport.ID(res.Header.Get("X-Request-Id")), res.Attempts, res.Body
	return s, nil
}

var errNoStatus = errors.New("the answer is not a message")

func readStatus(body []byte) (*Status, bool) {
	var w struct {
		MessageID         jsonx.String    `json:"messageId"`
		CorrelationID     jsonx.String    `json:"correlationId"`
		Channel           Channel         `json:"channel"`
		Status            jsonx.String    `json:"status"`
		From              jsonx.String    `json:"from"`
		To                jsonx.String    `json:"to"`
		ToType            jsonx.String    `json:"toType"`
		Direction         jsonx.String    `json:"direction"`
		Segments          jsonx.String    `json:"numSegments"`
		CallbackData      jsonx.String    `json:"callbackData"`
		NotifyURL         jsonx.String    `json:"notifyUrl"`
		Version           jsonx.String    `json:"version"`
		RequestTimestamp  jsonx.String    `json:"requestTimestamp"`
		ClientID          wireInt         `json:"clientId"`
		GroupID           wireInt         `json:"groupId"`
		TeamID            wireInt         `json:"teamId"`
		Content           json.RawMessage `json:"content"`
		Options           json.RawMessage `json:"options"`
		RequestedReceipts json.RawMessage `json:"requestedReceipts"`
	}
	if json.Unmarshal(body, &w) != nil || w.MessageID == "" || w.Status == "" {
		return nil, false
	}
	s := &Status{
		MessageID: string(w.MessageID), CorrelationID: string(w.CorrelationID), Channel: w.Channel, Status: string(w.Status),
		From: string(w.From), To: string(w.To), ToType: string(w.ToType), Direction: string(w.Direction),
		Segments: string(w.Segments), CallbackData: string(w.CallbackData), NotifyURL: string(w.NotifyURL),
		Version: string(w.Version), RequestedAt: readTime(string(w.RequestTimestamp)), ClientID: int(w.ClientID),
		GroupID: int(w.GroupID), TeamID: int(w.TeamID), Options: w.Options, RequestedReceipts: w.RequestedReceipts,
	}
	var content struct {
		Type jsonx.String `json:"type"`
		Text jsonx.String `json:"text"`
	}
	if json.Unmarshal(w.Content, &content) == nil { // of another shape: see Raw
		s.Type, s.Text = string(content.Type), string(content.Text)
	}
	return s, true
}
