package octopushtest

import (
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/cpaas-go/cpaas/internal/fake"
	"github.com/cpaas-go/cpaas/octopush"
)

// Receipt is the delivery receipt of the i-th recipient of a, for
// [Server.Deliver]. Change it to send another one, or a forged one.
func (a Accepted) Receipt(i int, status octopush.Status) octopush.Event {
	var number string
	switch {
	case a.SMS != nil:
		number = a.SMS.Recipients[i]
	case a.Voice != nil:
		number = a.Voice.Recipients[i]
	case a.RCS != nil:
		number = a.RCS.Recipients[i]
	case a.Email != nil:
		number = a.Email.Recipients[i]
	case a.LiveChat != nil:
		number = a.LiveChat.Recipients[i].Phone
	}
	return octopush.Event{Receipt: &octopush.Receipt{
		Channel: a.Channel, Ticket: a.Ticket, Number: number, Status: status,
		Date: now(),
	}}
}

// now is the time as the vendor writes it.
func now() octopush.Date { return octopush.Date(time.Now().UTC().Format(time.DateTime)) }

// Deliver calls back to hook with e as JSON. A Date that is empty becomes the
// time of the call: the name of a date tells what kind a callback is. An e
// without any pointer is a callback of no known kind. An answer other than 2xx
// is an error. Late, repeated, reordered and forged callbacks are made by
// calling it so.
func (s *Server) Deliver(ctx context.Context, hook string, e octopush.Event) error {
	body, err := json.Marshal(callback(e))
	if err != nil {
		return err
	}
	return fake.Call(ctx, http.MethodPost, hook, "application/json", string(body), nil)
}

// DeliverForm is as Deliver, but as a form, which only third parties tell of.
func (s *Server) DeliverForm(ctx context.Context, hook string, e octopush.Event) error {
	form := url.Values{}
	for name, value := range callback(e) {
		switch v := value.(type) {
		case string:
			form.Set(name, v)
		case float64:
			form.Set(name, strconv.FormatFloat(v, 'f', -1, 64))
		case json.RawMessage:
			form.Set(name, string(v))
		}
	}
	return fake.Call(ctx, http.MethodPost, hook, "application/x-www-form-urlencoded", form.Encode(), nil)
}

// callback is the members of a callback: those of the page of its kind, the
// date always, and channel where it is set.
func callback(e octopush.Event) map[string]any {
	m := map[string]any{}
	optional := func(name, value string) {
		if value != "" {
			m[name] = value
		}
	}
	switch {
	case e.Receipt != nil:
		r := e.Receipt
		m["message_id"], m["number"], m["status"], m["delivery_date"] = r.Ticket, r.Number, string(r.Status), string(cmp.Or(r.Date, now()))
		optional("channel", string(r.Channel))
		if r.Channel == octopush.VoiceSMS {
			m["pressed_keys_code"] = r.PressedKeys
			m["call_duration"], m["charged_duration"] = r.CallDuration.Seconds(), r.ChargedDuration.Seconds()
		}
		if r.MetaData != nil {
			m["meta_data"] = r.MetaData
		}
	case e.Reply != nil:
		r := e.Reply
		m["message_id"], m["number"], m["text"] = r.Ticket, r.Number, r.Text
		m["sim_card_number"], m["reception_date"] = r.SIMCard, string(cmp.Or(r.Date, now()))
		optional("channel", string(r.Channel))
	case e.Stop != nil:
		r := e.Stop
		m["message_id"], m["number"], m["text"], m["stop_date"] = r.Ticket, r.Number, r.Text, string(cmp.Or(r.Date, now()))
		optional("channel", string(r.Channel))
	}
	return m
}
