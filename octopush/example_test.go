package octopush_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/cpaas-go/cpaas/octopush"
	"github.com/cpaas-go/cpaas/octopush/octopushtest"
)

func Example() {
	srv := octopushtest.NewServer() // octopush.New(login, apiKey) in earnest
	defer srv.Close()
	client := srv.Client(octopush.WithTimeout(5 * time.Second))

	res, err := client.SendSMS(context.Background(), octopush.SMSRequest{
		Recipients:   []string{"+33611223344"},
		Sender:       "ACME",
		Text:         "Your parcel waits at the post office.",
		Purpose:      octopush.Alert,
		Type:         octopush.Premium,
		RequestID:    "parcel-4711",
		OptimizeText: new(false),
	})
	switch {
	case err == nil:
		fmt.Printf("%s: %d contact, %.2f left\n", res.Ticket, res.Contacts, res.ResidualCredit)
	case errors.Is(err, octopush.ErrDuplicate):
		fmt.Println("sent before")
	case errors.Is(err, octopush.ErrMaybeAccepted):
		fmt.Println("perhaps sent; the same RequestID makes it safe to repeat:", err)
	default:
		fmt.Println(err)
	}
	// Output: sms_5f3fbce61266e: 1 contact, 149.95 left
}

func ExampleError_HasCode() {
	srv := octopushtest.NewServer()
	defer srv.Close()

	_, err := srv.Client().SendSMS(context.Background(), octopush.SMSRequest{
		Recipients: []string{"+33611223344"},
		Text:       "Ten per cent off until Sunday.",
		Purpose:    octopush.Wholesale,
	})
	if e, ok := errors.AsType[*octopush.Error](err); ok && e.HasCode(octopush.CodeStopMissing) {
		fmt.Println("marketing texts need the STOP mention")
	}
	// Output: marketing texts need the STOP mention
}

func ExampleClient_SendSMSChunks() {
	srv := octopushtest.NewServer()
	defer srv.Close()
	sale := octopush.SMSRequest{Text: "Ten per cent off until Sunday. STOP 36111", Purpose: octopush.Wholesale, RequestID: "sale-2026"}
	for i := range 1100 {
		sale.Recipients = append(sale.Recipients, fmt.Sprintf("+336%08d", i))
	}

	for chunk, err := range srv.Client().SendSMSChunks(context.Background(), sale, 0) {
		if err != nil {
			fmt.Println("not sent:", sale.Recipients[chunk.First:chunk.First+chunk.Count], err)
			continue
		}
		fmt.Println(chunk.Response.Ticket, chunk.Count)
	}
	// Output:
	// sms_5f3fbce61266e 500
	// sms_5f3fbce61266f 500
	// sms_5f3fbce612670 100
}

func ExampleClient_SendRCS() {
	srv := octopushtest.NewServer()
	defer srv.Close()

	// What a card is made of is not documented: it is sent as it is.
	res, err := srv.Client().SendRCS(context.Background(), octopush.RCSRequest{
		Recipients: []string{"+33611223344"},
		Text:       "Our new collection",
		Purpose:    octopush.Alert,
		Type:       octopush.RichCard,
		Cards:      []json.RawMessage{json.RawMessage(`{"title":"Spring"}`)},
	})
	fmt.Println(res.Contacts, err)
	// Output: 1 <nil>
}

func ExampleClient_Cancel() {
	srv := octopushtest.NewServer()
	defer srv.Close()
	client, ctx := srv.Client(), context.Background()

	res, err := client.SendSMS(ctx, octopush.SMSRequest{
		Recipients: []string{"+33611223344"}, Text: "See you tomorrow.", Purpose: octopush.Alert, SendAt: time.Now().Add(time.Hour),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = client.Cancel(ctx, octopush.CancelRequest{Channel: octopush.SMS, Ticket: res.Ticket})
	fmt.Println(err)
	// Output: <nil>
}

func ExampleSMSRequest_Validate() {
	err := octopush.SMSRequest{Recipients: []string{"0611223344"}, Text: "Hi", Sender: "Acme Shop", Purpose: "marketing"}.Validate()
	for problem := range strings.SplitSeq(err.Error(), "; ") {
		fmt.Println(problem)
	}
	// Output:
	// octopush: SendSMS: invalid request: recipients[0].phone_number must be "+" and digits
	// sender must be 3 to 11 letters or digits
	// purpose must be one of ["alert" "wholesale"]
}

func ExampleHandler() {
	handler := octopush.Handler(func(_ context.Context, e octopush.Event) error {
		switch {
		case e.Receipt != nil:
			fmt.Println(e.Receipt.Ticket, e.Receipt.Status)
		case e.Stop != nil:
			fmt.Println("never again:", e.Stop.Ticket)
		}
		return nil // 200; an error is a 500
	}, octopush.WithCallbackSecret("token", "a long secret"))
	http.Handle("/hooks/octopush", handler) // register https://acme.example/hooks/octopush?token=…
}
