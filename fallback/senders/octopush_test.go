package senders_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cpaas-go/cpaas/fallback"
	"github.com/cpaas-go/cpaas/fallback/delivery"
	"github.com/cpaas-go/cpaas/fallback/senders"
	"github.com/cpaas-go/cpaas/internal/testutil"
	"github.com/cpaas-go/cpaas/octopush"
	"github.com/cpaas-go/cpaas/octopush/octopushtest"
)

var _ delivery.Source = senders.Octopush{}

const (
	octopushRef    = "7ZK2-sms-0"
	octopushNumber = "+33611223344"
)

func octopushServer(t *testing.T) *octopushtest.Server {
	t.Helper()
	srv := octopushtest.NewServer()
	t.Cleanup(srv.Close)
	return srv
}

func octopushSubmission(ch fallback.Channel, to string, content fallback.Content, class fallback.Class) fallback.Submission {
	return fallback.Submission{
		Ref: octopushRef, Channel: ch, To: to, Content: content,
		Message: fallback.Message{Key: "order-42", Class: class, Text: "In plain words."},
	}
}

func octopushLegs(o senders.Octopush) map[fallback.Channel]fallback.Leg {
	return map[fallback.Channel]fallback.Leg{
		fallback.SMS: o.SMS("ACME"), fallback.Voice: o.Voice("ACME"), fallback.RCS: o.RCS("Acme agent"), fallback.Email: o.Email("acme@example.com"),
	}
}

func TestOctopushLegs(t *testing.T) {
	t.Parallel()
	to := []string{octopushNumber}
	mail := []string{"user@example.com"}
	tests := []struct {
		channel fallback.Channel
		content fallback.Content
		class   fallback.Class
		want    octopushtest.Accepted
	}{
		{fallback.SMS, fallback.Text("Hi."), fallback.OTP, octopushtest.Accepted{Channel: octopush.SMS, SMS: &octopush.SMSRequest{
			Recipients: to, Text: "Hi.", Sender: "ACME", Purpose: octopush.Alert, RequestID: octopushRef, Type: octopush.Premium,
		}}},
		{fallback.SMS, fallback.Text("Sale! STOP 36111"), fallback.Promotional, octopushtest.Accepted{Channel: octopush.SMS, SMS: &octopush.SMSRequest{
			Recipients: to, Text: "Sale! STOP 36111", Sender: "ACME", Purpose: octopush.Wholesale, RequestID: octopushRef, Type: octopush.Premium,
		}}},
		{fallback.Voice, fallback.Text("Hi."), fallback.Transactional, octopushtest.Accepted{Channel: octopush.VoiceSMS, Voice: &octopush.VoiceRequest{
			Recipients: to, Text: "Hi.", Sender: "ACME", Purpose: octopush.Alert, RequestID: octopushRef, Type: octopush.VoiceTypeSMS,
		}}},
		{fallback.RCS, fallback.Text("Hi."), fallback.Transactional, octopushtest.Accepted{Channel: octopush.RCS, RCS: &octopush.RCSRequest{
			Recipients: to, Text: "Hi.", Sender: "Acme agent", Purpose: octopush.Alert, RequestID: octopushRef,
		}}},
		{fallback.Email, fallback.Text("Hi."), fallback.Transactional, octopushtest.Accepted{Channel: octopush.Email, Email: &octopush.EmailRequest{
			Recipients: mail, Text: "Hi.", Purpose: octopush.Alert, RequestID: octopushRef, From: "acme@example.com",
		}}},
		{fallback.Email, fallback.Mail{Subject: "S", Text: "T"}, fallback.Promotional, octopushtest.Accepted{Channel: octopush.Email, Email: &octopush.EmailRequest{
			Recipients: mail, Text: "T", Purpose: octopush.Wholesale, RequestID: octopushRef, From: "acme@example.com", Subject: "S",
		}}},
		{fallback.Email, fallback.Mail{Subject: "S", Text: "T", HTML: "<p>T</p>"}, fallback.Transactional, octopushtest.Accepted{Channel: octopush.Email, Email: &octopush.EmailRequest{
			Recipients: mail, Text: "<p>T</p>", Purpose: octopush.Alert, RequestID: octopushRef, From: "acme@example.com", Subject: "S", BodyFormat: octopush.HTML,
		}}},
		{fallback.Email, fallback.Template{Name: "welcome", Locale: "fr"}, fallback.Transactional, octopushtest.Accepted{Channel: octopush.Email, Email: &octopush.EmailRequest{
			Recipients: mail, Text: "In plain words.", Purpose: octopush.Alert, RequestID: octopushRef, From: "acme@example.com", Template: "welcome",
		}}},
	}
	for i, test := range tests {
		srv := octopushServer(t)
		leg := octopushLegs(senders.Octopush{Client: srv.Client(), SMSType: octopush.Premium})[test.channel]
		if leg.Provider != "octopush" || leg.Channel != test.channel {
			t.Errorf("%d: leg %s of %s", i, leg.Channel, leg.Provider)
		}
		address := octopushNumber
		if test.channel == fallback.Email {
			address = "user@example.com"
		}
		s := octopushSubmission(test.channel, address, test.content, test.class)
		if checker, ok := leg.Sender.(fallback.Checker); !ok || checker.Check(s) != nil {
			t.Errorf("%d: Check refuses", i)
		}
		ack, err := leg.Sender.Send(t.Context(), s)
		if err != nil {
			t.Errorf("%d: %v", i, err)
			continue
		}
		got := srv.Accepted()[0]
		if !strings.HasPrefix(ack.ID, got.Ticket+"/") || strings.Contains(ack.ID, "611223344") || strings.Contains(ack.ID, "user") {
			t.Errorf("%d: id %s", i, ack.ID)
		}
		got.Ticket = ""
		if !reflect.DeepEqual(got, test.want) {
			t.Errorf("%d: got %+v", i, got)
		}
	}
}

func TestOctopushPassesOver(t *testing.T) {
	t.Parallel()
	o := senders.Octopush{Client: octopushServer(t).Client()}
	template := fallback.Template{Name: "t"}
	for ch, contents := range map[fallback.Channel][]fallback.Content{
		fallback.SMS:   {template, fallback.Mail{}, nil},
		fallback.Voice: {template, fallback.Mail{}, nil},
		fallback.RCS:   {template, fallback.Mail{}, nil},
		fallback.Email: {fallback.Template{Name: "t", Args: []string{"x"}}, fallback.Template{Name: "t", Vars: map[string]string{"a": "b"}}, nil},
	} {
		leg := octopushLegs(o)[ch]
		for _, content := range contents {
			s := octopushSubmission(ch, octopushNumber, content, fallback.Transactional)
			err := leg.Sender.(fallback.Checker).Check(s) //nolint:forcetypeassert,errcheck // TestOctopushLegs knows
			_, sent := leg.Sender.Send(t.Context(), s)
			if !errors.Is(err, fallback.ErrInvalidRequest) || !errors.Is(sent, fallback.ErrInvalidRequest) {
				t.Errorf("%s shows %T: %v, %v", ch, content, err, sent)
			}
		}
	}
	s := octopushSubmission(fallback.Email, "user@example.com", template, fallback.Transactional)
	s.Message.Text = ""
	if _, err := o.Email("").Sender.Send(t.Context(), s); !errors.Is(err, fallback.ErrInvalidRequest) {
		t.Errorf("a template without a text: %v", err)
	}
}

func TestOctopushEdits(t *testing.T) {
	t.Parallel()
	srv := octopushServer(t)
	o := senders.Octopush{
		Client: srv.Client(), Name: "octopush-fr",
		EditSMS:   func(r *octopush.SMSRequest, s fallback.Submission) { r.ListName = "sms " + s.Message.Key },
		EditVoice: func(r *octopush.VoiceRequest, s fallback.Submission) { r.ListName = "voice " + s.Message.Key },
		EditRCS:   func(r *octopush.RCSRequest, s fallback.Submission) { r.ListName = "rcs " + s.Message.Key },
		EditEmail: func(r *octopush.EmailRequest, s fallback.Submission) { r.ListName = "email " + s.Message.Key },
	}
	for i, ch := range []fallback.Channel{fallback.SMS, fallback.Voice, fallback.RCS, fallback.Email} {
		leg := octopushLegs(o)[ch]
		s := octopushSubmission(ch, octopushNumber, fallback.Text("x"), fallback.Transactional)
		s.Ref = fmt.Sprint("ref-", i)
		if ch == fallback.Email {
			s.To = "user@example.com"
		}
		if _, err := leg.Sender.Send(t.Context(), s); err != nil || leg.Provider != "octopush-fr" {
			t.Errorf("%s: %v", ch, err)
		}
	}
	a := srv.Accepted()
	got := []string{a[0].SMS.ListName, a[1].Voice.ListName, a[2].RCS.ListName, a[3].Email.ListName}
	if want := []string{"sms order-42", "voice order-42", "rcs order-42", "email order-42"}; !slices.Equal(got, want) {
		t.Errorf("%v", got)
	}
}

// A right number is not wrong for the legs of other providers because EditSMS
// added a wrong one, nor are the others of its batch.
func TestOctopushRecipientOfAnEdit(t *testing.T) {
	t.Parallel()
	srv := octopushServer(t)
	o := senders.Octopush{Client: srv.Client(), EditSMS: func(r *octopush.SMSRequest, _ fallback.Submission) {
		r.Recipients = append(r.Recipients, "0611223344")
	}}
	s := octopushSubmission(fallback.SMS, octopushNumber, fallback.Text("x"), fallback.OTP)
	_, err := o.SMS("").Sender.Send(t.Context(), s)
	errs := []error{err}
	for _, r := range sendBatch(t, o, batchOf(2)) {
		errs = append(errs, r.Err)
	}
	for _, err := range errs {
		if !errors.Is(err, fallback.ErrInvalidRequest) || errors.Is(err, fallback.ErrInvalidRecipient) || !strings.Contains(err.Error(), "recipients[1]") {
			t.Error(err)
		}
	}
	o.EditSMS = nil
	s.To = "0611223344" // wrong everywhere
	if _, err := o.SMS("").Sender.Send(t.Context(), s); !errors.Is(err, fallback.ErrInvalidRecipient) {
		t.Error(err)
	}
	if n := len(srv.Requests()); n != 0 {
		t.Errorf("%d requests", n)
	}
}

// What was taken in part is in doubt, and has its id all the same.
func TestOctopushTicketInDoubt(t *testing.T) {
	t.Parallel()
	srv := octopushServer(t)
	answer := octopushtest.Respond(http.StatusOK, "application/json", `{"sms_ticket":"t-1","errors":{"recipients.1":{"code":181}}}`)
	srv.Next(answer, answer)
	o := senders.Octopush{Client: srv.Client()}
	s := octopushSubmission(fallback.SMS, octopushNumber, fallback.Text("x"), fallback.OTP)
	ack, err := o.SMS("").Sender.Send(t.Context(), s)
	if !errors.Is(err, fallback.ErrMaybeAccepted) || !strings.HasPrefix(ack.ID, "t-1/") {
		t.Errorf("%+v, %v", ack, err)
	}
	for _, r := range sendBatch(t, o, batchOf(2)) {
		if !errors.Is(r.Err, fallback.ErrMaybeAccepted) || !strings.HasPrefix(r.ID, "t-1/") {
			t.Errorf("%+v", r)
		}
	}
}

// A 2xx that does not say success is not taken for it: the SMS follows.
func TestOctopushRCSNotApproved(t *testing.T) {
	t.Parallel()
	srv := octopushServer(t)
	srv.Next(octopushtest.Respond(http.StatusOK, "application/json", `{"code":1400,"message":"RCS agent not approved"}`))
	o := senders.Octopush{Client: srv.Client()}
	m := fallback.Message{Key: "order-42", To: fallback.Recipient{Phone: octopushNumber}, Text: "Your order is on its way."}
	res, err := fallback.Route{o.RCS(""), o.SMS("ACME")}.Send(t.Context(), m)
	accepted := srv.Accepted()
	if err != nil || res.Outcome != fallback.Accepted || len(accepted) != 1 {
		t.Errorf("%+v, %v, %d accepted", res, err, len(accepted))
	}
}

func TestOctopushNeedsAClient(t *testing.T) {
	t.Parallel()
	for ch, leg := range octopushLegs(senders.Octopush{}) {
		if err := (fallback.Route{leg}).Validate(); err == nil {
			t.Errorf("%s: a leg without a client", ch)
		}
	}
}

// TestOctopushRCSThenSMS: both legs are of one vendor, which refuses a
// repeated request_id: their references must differ.
func TestOctopushRCSThenSMS(t *testing.T) {
	t.Parallel()
	srv := octopushServer(t)
	o := senders.Octopush{Client: srv.Client()}
	// The request_id of the RCS attempt is taken, and the attempt refused.
	srv.Next(octopushtest.Refuse(http.StatusBadRequest, octopush.CodeTextRefused))
	m := fallback.Message{Key: "order-42", To: fallback.Recipient{Phone: octopushNumber}, Text: "Your order is on its way."}
	route := fallback.Route{o.RCS(""), o.SMS("ACME")}
	res, err := route.Send(t.Context(), m)
	if err != nil || res.Channel != fallback.SMS || res.Outcome != fallback.Accepted || len(res.Attempts) != 2 {
		t.Fatalf("%v\n%+v", err, res)
	}
	if !errors.Is(res.Attempts[0].Err, fallback.ErrContentRejected) || res.PossibleDuplicate {
		t.Errorf("%+v", res)
	}
	accepted := srv.Accepted()
	if len(accepted) != 1 || accepted[0].SMS == nil || !strings.HasPrefix(res.ID, accepted[0].Ticket+"/") {
		t.Fatalf("accepted %+v", accepted)
	}

	// RCS is accepted, but nobody hears of it: SMS follows, under another id.
	srv.Next(octopushtest.LoseAnswer(), octopushtest.HTML(http.StatusBadGateway))
	m.Key = "order-43"
	res, err = route.Send(t.Context(), m)
	if err != nil || res.Channel != fallback.SMS || !res.PossibleDuplicate {
		t.Fatalf("%v\n%+v", err, res)
	}
	accepted = srv.Accepted()
	if len(accepted) != 3 || accepted[1].RCS.RequestID == accepted[2].SMS.RequestID || accepted[2].SMS.RequestID == "" {
		t.Errorf("accepted %+v", accepted)
	}

	// The same message again is the same message: the vendor refuses it.
	before := len(srv.Accepted())
	if res, err = route.Send(t.Context(), m); err != nil || res.Channel != fallback.RCS || len(srv.Accepted()) != before {
		t.Errorf("%v\n%+v", err, res)
	}
}

func TestOctopushLostAnswer(t *testing.T) {
	t.Parallel()
	srv := octopushServer(t)
	leg := senders.Octopush{Client: srv.Client()}.SMS("ACME")
	s := octopushSubmission(fallback.SMS, octopushNumber, fallback.Text("x"), fallback.OTP)

	// Within the call: the repeat is refused, which proves acceptance.
	srv.Next(octopushtest.LoseAnswer())
	ack, err := leg.Sender.Send(t.Context(), s)
	if !errors.Is(err, fallback.ErrDuplicate) || ack.ID != "" || len(srv.Requests()) != 2 || len(srv.Accepted()) != 1 {
		t.Errorf("%+v, %v", ack, err)
	}
	testutil.NoLeak(t, err, octopushtest.APIKey, octopushtest.Login, "611223344")

	// By the route, with the same Ref.
	if _, err := leg.Sender.Send(t.Context(), s); !errors.Is(err, fallback.ErrDuplicate) || len(srv.Accepted()) != 1 {
		t.Error(err)
	}

	// It does not wait.
	srv.Next(octopushtest.RateLimited(5 * time.Second))
	s.Ref = "other"
	before := len(srv.Requests())
	if _, err := leg.Sender.Send(t.Context(), s); !errors.Is(err, fallback.ErrRateLimited) || len(srv.Requests()) != before+1 {
		t.Errorf("%v after %d requests", err, len(srv.Requests())-before)
	}
}

func TestOctopushLimits(t *testing.T) {
	t.Parallel()
	client := octopushServer(t).Client()
	reports := []delivery.Goal{delivery.Accepted, delivery.Delivered}
	for ch, leg := range octopushLegs(senders.Octopush{Client: client}) {
		want := delivery.Caps{Reports: reports, Idempotent: 24 * time.Hour}
		_, batches := leg.Sender.(delivery.Batcher)
		if ch == fallback.SMS {
			want.MaxBatch = 500
		}
		got := leg.Sender.(delivery.Limits).Limits() //nolint:forcetypeassert,errcheck // a panic fails the test
		if !reflect.DeepEqual(got, want) || batches != (ch == fallback.SMS) {
			t.Errorf("%s: %+v", ch, got)
		}
	}
}

func batchOf(n int) []fallback.Submission {
	batch := make([]fallback.Submission, n)
	for i := range batch {
		batch[i] = octopushSubmission(fallback.SMS, fmt.Sprintf("+336%08d", i), fallback.Text("x"), fallback.Transactional)
		batch[i].Ref = fmt.Sprint("ref-", i)
	}
	return batch
}

func sendBatch(t *testing.T, o senders.Octopush, batch []fallback.Submission) []delivery.BatchResult {
	t.Helper()
	b, ok := o.SMS("ACME").Sender.(delivery.Batcher)
	if !ok {
		t.Fatal("no Batcher")
	}
	results := b.SendBatch(t.Context(), batch)
	if len(results) != len(batch) {
		t.Fatalf("%d results for %d submissions", len(results), len(batch))
	}
	return results
}

func TestOctopushBatch(t *testing.T) {
	t.Parallel()
	srv := octopushServer(t)
	o := senders.Octopush{Client: srv.Client()}
	batch := batchOf(1103)
	batch[7].Content = fallback.Mail{}
	batch[8].Message.Class = fallback.Promotional
	batch[8].Content = fallback.Text("x STOP")
	batch[9].To = batch[6].To // the same person twice
	results := sendBatch(t, o, batch)
	ids := map[string]bool{}
	for i, r := range results {
		if i == 7 {
			if !errors.Is(r.Err, fallback.ErrInvalidRequest) {
				t.Errorf("%d: %v", i, r.Err)
			}
			continue
		}
		if r.Err != nil || r.ID == "" || ids[r.ID] {
			t.Errorf("%d: %+v", i, r)
		}
		ids[r.ID] = true
	}
	var counts []int
	requests := map[string]bool{}
	for _, a := range srv.Accepted() {
		counts = append(counts, len(a.SMS.Recipients))
		requests[a.SMS.RequestID] = true
		if len(a.SMS.RequestID) > 50 {
			t.Errorf("request_id %s", a.SMS.RequestID)
		}
	}
	slices.Sort(counts)
	if !slices.Equal(counts, []int{1, 1, 100, 500, 500}) {
		t.Errorf("calls of %v", counts)
	}
	if len(requests) != len(counts) || !requests["ref-8"] {
		t.Errorf("request ids %v", requests)
	}

	// The same batch again, in another order, is refused whole.
	before := len(srv.Accepted())
	small := batchOf(3)
	for i := range small {
		small[i].Ref = "again-" + small[i].Ref
	}
	sendBatch(t, o, small)
	slices.Reverse(small)
	for _, r := range sendBatch(t, o, small) {
		if !errors.Is(r.Err, fallback.ErrDuplicate) {
			t.Errorf("%+v", r)
		}
	}
	if n := len(srv.Accepted()); n != before+1 {
		t.Errorf("%d calls accepted", n-before)
	}
}

func TestOctopushBatchFails(t *testing.T) {
	t.Parallel()
	srv := octopushServer(t)
	srv.Next(octopushtest.Refuse(http.StatusBadRequest, octopush.CodeInsufficientCredit))
	o := senders.Octopush{Client: srv.Client()}
	for _, r := range sendBatch(t, o, batchOf(3)) {
		if !errors.Is(r.Err, fallback.ErrInsufficientCredit) || r.ID != "" {
			t.Errorf("%+v", r)
		}
	}
	o.EditSMS = func(r *octopush.SMSRequest, s fallback.Submission) {
		switch s.Ref {
		case "ref-0":
			r.Recipients = append(r.Recipients, "+33700000000")
		case "ref-1":
			r.RequestID = "mine"
		case "ref-2":
			r.Recipients = nil
		}
	}
	results := sendBatch(t, o, batchOf(5))
	if accepted := srv.Accepted(); len(accepted) != 3 || len(accepted[0].SMS.Recipients) != 2 || accepted[1].SMS.RequestID != "mine" || len(accepted[2].SMS.Recipients) != 2 {
		t.Errorf("accepted %+v", accepted)
	}
	for i, r := range results {
		if (r.Err != nil) != (i == 2) {
			t.Errorf("%d: %+v", i, r)
		}
	}
	if results := sendBatch(t, o, nil); len(results) != 0 {
		t.Errorf("%+v", results)
	}
}

func TestOctopushReceipts(t *testing.T) {
	t.Parallel()
	srv := octopushServer(t)
	o := senders.Octopush{Client: srv.Client(), Name: "octopush-fr", Verify: senders.Token("token", "s3cret"), Zone: time.FixedZone("", 3600)}
	ack, err := o.SMS("ACME").Sender.Send(t.Context(), octopushSubmission(fallback.SMS, octopushNumber, fallback.Text("x"), fallback.OTP))
	if err != nil {
		t.Fatal(err)
	}
	ticket := srv.Accepted()[0].Ticket
	receive := func(e octopush.Event) []delivery.Receipt {
		t.Helper()
		var got []delivery.Receipt
		hook := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			var err error
			if got, err = o.Receipts(r); err != nil {
				t.Error(err)
			}
		}))
		defer hook.Close()
		for _, deliver := range []func(context.Context, string, octopush.Event) error{srv.DeliverForm, srv.Deliver} {
			if err := deliver(t.Context(), hook.URL+"?token=s3cret", e); err != nil {
				t.Fatal(err)
			}
		}
		return got
	}
	tests := map[octopush.Status]struct {
		outcome fallback.Outcome
		err     error
	}{
		octopush.StatusAck: {fallback.Accepted, nil}, octopush.StatusDelivered: {fallback.Delivered, nil}, "delivered ": {fallback.Delivered, nil},
		octopush.StatusNotDelivered: {fallback.Failed, nil}, octopush.StatusNotDeliverable: {fallback.Failed, nil},
		octopush.StatusExpired: {fallback.Failed, nil}, octopush.StatusNotAllowed: {fallback.Failed, nil},
		octopush.StatusAntiFlooding: {fallback.Failed, nil}, octopush.StatusBusy: {fallback.Failed, nil}, octopush.StatusRefused: {fallback.Failed, nil},
		octopush.StatusBadDestination:    {fallback.Failed, fallback.ErrInvalidRecipient},
		octopush.StatusBlacklistedNumber: {fallback.Failed, fallback.ErrOptedOut},
		octopush.StatusUnknownDelivery:   {}, octopush.StatusUndefined: {}, "SOMETHING_NEW": {},
	}
	for status, want := range tests {
		e := srv.Accepted()[0].Receipt(0, status)
		e.Receipt.Date = "2020-11-04 11:11:45"
		got := receive(e)
		if want.outcome == fallback.Pending {
			if len(got) != 0 {
				t.Errorf("%s proves %+v", status, got)
			}
			continue
		}
		if len(got) != 1 || got[0].Outcome != want.outcome || !errors.Is(got[0].Err, want.err) || got[0].ID != ack.ID || got[0].Ref != "" ||
			got[0].Provider != "octopush-fr" || got[0].Channel != fallback.SMS || len(got[0].Raw) == 0 ||
			got[0].At.Format(time.RFC3339) != "2020-11-04T11:11:45+01:00" {
			t.Errorf("%s: %+v", status, got)
		}
	}

	stop := octopush.Event{Stop: &octopush.Stop{Ticket: ticket, Number: "33611223344", Text: "stop", Date: "2020-11-04 11:11:45"}} // without "+"
	if got := receive(stop); len(got) != 1 || got[0].ID != ack.ID || got[0].Outcome != fallback.Failed || !errors.Is(got[0].Err, fallback.ErrOptedOut) {
		t.Errorf("stop: %+v", got)
	}
	stop.Stop.Ticket = ""
	reply := octopush.Event{Reply: &octopush.Reply{Ticket: ticket, Number: octopushNumber, Text: "yes", Date: "d"}}
	for _, e := range []octopush.Event{stop, reply} {
		if got := receive(e); len(got) != 0 {
			t.Errorf("%+v gives %+v", e, got)
		}
	}
	other := srv.Accepted()[0].Receipt(0, octopush.StatusDelivered)
	other.Receipt.Number = "+33611223345"
	if got := receive(other); len(got) != 1 || got[0].ID == ack.ID {
		t.Errorf("another person's receipt: %+v", got)
	}
	voice := srv.Accepted()[0].Receipt(0, octopush.StatusDelivered)
	voice.Receipt.Channel = octopush.VoiceSMS
	o.Zone = nil
	if got := receive(voice); len(got) != 1 || got[0].Channel != fallback.Voice || !got[0].At.IsZero() {
		t.Errorf("voice: %+v", got)
	}
}

func TestOctopushVerifies(t *testing.T) {
	t.Parallel()
	const body = `{"status":"DELIVERED","message_id":"t","number":"+33611223344"}`
	request := func(url, body string) *http.Request {
		return httptest.NewRequest(http.MethodPost, url, strings.NewReader(body))
	}
	for _, o := range []senders.Octopush{{}, {Verify: senders.Token("token", "s3cret")}} {
		if got, err := o.Receipts(request("/?token=guess", body)); !errors.Is(err, delivery.ErrUnverified) || len(got) != 0 {
			t.Errorf("%+v, %v", got, err)
		}
	}
	o := senders.Octopush{Verify: senders.Token("token", "s3cret")}
	if got, err := o.Receipts(request("/?token=s3cret", body)); err != nil || len(got) != 1 {
		t.Errorf("%+v, %v", got, err)
	}
	if got, err := o.Receipts(request("/?token=s3cret", "[]")); err == nil || len(got) != 0 {
		t.Errorf("%+v, %v", got, err)
	}
}
