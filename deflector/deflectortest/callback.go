package deflectortest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cpaas-go/cpaas/deflector"
	"github.com/cpaas-go/cpaas/internal/fake"
)

// SetCallbackHeader has Deliver send a header, as the vendor's dashboard can
// be told to. An empty value ends it; a wrong one makes forgeries.
func (s *Server) SetCallbackHeader(name, value string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hookHeader = http.Header{}
	if value != "" {
		s.hookHeader.Set(name, value)
	}
}

// Deliver calls hookURL back about the last message accepted with this
// CallbackData: one call for each status, in the order given, each with an
// event for each recipient. Without a status it is StatusDelivered. Call it
// late, twice or with the statuses in any order for callbacks that are so.
//
// RCS and SMS events are an array, WhatsApp's a delivery_status, as the
// vendor's pages have them. StatusClicked, for RCS and SMS, is as in the
// vendor's sample: with neither status nor CallbackData. A status that is not
// one of the constants goes out as it is.
//
// It is an error if there is no such message, if ch is not in its flow, or if
// the answer is not a 2xx; the calls after that are not made.
func (s *Server) Deliver(ctx context.Context, hookURL, callbackData string, ch deflector.Channel, statuses ...deflector.Status) error {
	s.mu.Lock()
	header := s.hookHeader.Clone()
	s.mu.Unlock()
	return s.deliver(ctx, header, hookURL, callbackData, ch, statuses)
}

// Forge is Deliver by somebody who knows everything but the header of
// SetCallbackHeader.
func (s *Server) Forge(ctx context.Context, hookURL, callbackData string, ch deflector.Channel, statuses ...deflector.Status) error {
	return s.deliver(ctx, nil, hookURL, callbackData, ch, statuses)
}

func (s *Server) deliver(
	ctx context.Context, header http.Header, hookURL, callbackData string, ch deflector.Channel, statuses []deflector.Status,
) error {
	m, err := s.find(callbackData)
	if err != nil {
		return err
	}
	before, ok := m.before(ch)
	if !ok {
		return fmt.Errorf("deflectortest: the flow of the message does not have %q", ch)
	}
	if len(statuses) == 0 {
		statuses = []deflector.Status{deflector.StatusDelivered}
	}
	for _, status := range statuses {
		var callback any
		switch {
		case ch != deflector.WhatsApp:
			callback = m.events(ch, before, status)
		case status == deflector.StatusClicked:
			return errors.New("deflectortest: no WhatsApp click is documented")
		default:
			callback = m.deliveryStatus(status)
		}
		body, err := json.Marshal(callback)
		if err != nil {
			return err
		}
		if err := fake.Call(ctx, http.MethodPost, hookURL, "application/json", string(body), header); err != nil {
			if u, ok := errors.AsType[*url.Error](err); ok {
				err = u.Err // the URL may hold a token
			}
			return fmt.Errorf("deflectortest: %s callback: %w", status, err)
		}
	}
	return nil
}

// find is the last message accepted with callbackData.
func (s *Server) find(callbackData string) (message, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range slices.Backward(s.accepted) {
		if m := decode(r.wire); m.CallbackData == callbackData {
			return m, nil
		}
	}
	return message{}, errors.New("deflectortest: no message was accepted with this CallbackData")
}

// before is the channel of the stage before ch's; ok: the flow has ch.
func (m message) before(ch deflector.Channel) (before deflector.Channel, ok bool) {
	for _, stage := range m.Flow {
		for _, c := range stage {
			if c.Channel == ch {
				return before, true
			}
		}
		before = stage[len(stage)-1].Channel
	}
	return "", false
}

// The vendor's ids, as its samples have them.
const (
	requestID = "fedcba9876543210fedcba9876543210"
	botID     = "700"
)

type event struct {
	CallbackData string            `json:"callbackdata"`
	Channel      deflector.Channel `json:"channel"`
	Click        *click            `json:"click_data,omitempty"`
	Time         int64             `json:"event_time"`
	LastChannel  deflector.Channel `json:"last_channel"`
	MessageID    string            `json:"message_id"`
	Mobile       string            `json:"mobile"`
	BotID        string            `json:"nc_bot_id"`
	*eventRest
}

// eventRest is what the vendor's sample of a click does not show.
type eventRest struct {
	Remarks   string   `json:"remarks"`
	RequestID string   `json:"requestid"`
	Status    string   `json:"status"`
	Tags      []string `json:"tags"`
	Type      string   `json:"type"`
}

type click struct {
	Postback string `json:"postbackData"`
	Text     string `json:"text"`
	Type     string `json:"type"`
}

// events is an RCS or SMS callback.
func (m message) events(ch, before deflector.Channel, status deflector.Status) []event {
	now := time.Now().Unix()
	events := make([]event, len(m.To))
	for i, to := range m.To {
		e := &events[i]
		*e = event{Channel: ch, Time: now, Mobile: to.PhoneNumber, BotID: botID}
		e.MessageID = fmt.Sprintf("api-100-%s-0123456789abcdef0123456789abcdef-%d", to.PhoneNumber, now)
		if status == deflector.StatusClicked {
			e.Click = &click{"action-1", "https://example.com", "CLICK"}
			continue
		}
		e.CallbackData, e.LastChannel = m.CallbackData, before
		e.eventRest = &eventRest{RequestID: requestID, Status: word(status), Tags: append([]string{}, m.Tags...), Type: "Template"}
		if ch == deflector.SMS {
			e.MessageID, e.Type = fmt.Sprintf("sms-100-0a1b2c3d4e5f-AbCdEfGhIjKlMnOp-%d", now), "Text"
		}
	}
	return events
}

// word is a status as RCS and SMS events have it.
func word(status deflector.Status) string {
	switch status {
	case deflector.StatusSent, deflector.StatusDelivered, deflector.StatusRead, deflector.StatusFailed:
		return strings.ToUpper(string(status[:1])) + string(status[1:])
	case deflector.StatusClicked, deflector.StatusReceived, deflector.StatusUnknown:
	}
	return string(status)
}

type whatsAppEvent struct {
	MessageID  string `json:"ncmessage_id"`
	Sender     string `json:"phoneNumber"`
	ReceivedAt string `json:"received_at"`
	Recipient  string `json:"recipient"`
	Source     string `json:"source"`
	Status     string `json:"status"`
	Remark     string `json:"status_remark"`
	APIHeader  string `json:"x-apiheader"`
}

// deliveryStatus is a WhatsApp callback.
func (m message) deliveryStatus(status deflector.Status) map[string][]whatsAppEvent {
	now := strconv.FormatInt(time.Now().Unix(), 10)
	var events []whatsAppEvent
	for _, to := range m.To {
		for i, w := range m.WhatsApp.Message {
			events = append(events, whatsAppEvent{
				MessageID: fmt.Sprintf("11111111-2222-3333-4444-%012d", i), Sender: "911111111111", ReceivedAt: now,
				Recipient: to.PhoneNumber, Status: string(status), APIHeader: w.APIHeader,
			})
		}
	}
	return map[string][]whatsAppEvent{"delivery_status": events}
}
