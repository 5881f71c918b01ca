package capillary_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cpaas-go/cpaas/capillary"
	"github.com/cpaas-go/cpaas/capillary/capillarytest"
)

func ExampleNew() {
	client, err := capillary.New(capillary.Europe, capillary.OAuth("client key", "client secret"),
		capillary.WithAttribution(capillary.EntityTill, "till-1"), // the till that the messages count for
		capillary.WithRateLimit(100.0/60, 10),                     // what demo clusters allow
	)
	fmt.Println(client, err)
	// Output: capillary.Client(https://eu.api.capillarytech.com) <nil>
}

func ExampleClient_SendSMS() {
	srv := capillarytest.NewServer() // in production: capillary.New(capillary.Europe, …)
	defer srv.Close()
	client := srv.Client()

	res, err := client.SendSMS(context.Background(), capillary.SMS{
		To: "919812345678", Body: "4821 is your Acme code.", Sender: "ACME",
		ScheduledTime: time.Date(2030, 1, 2, 9, 0, 0, 0, time.FixedZone("IST", 5*3600+1800)),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(res.Status.Message, res.Messages[0].To, res.Messages[0].ScheduledTime)
	// Output: Success 919812345678 2030-01-02T09:00:00+05:30
}

// In XML the vendor answers an SMS with an id.
func ExampleWithXML() {
	srv := capillarytest.NewServer()
	defer srv.Close()
	client := srv.Client(capillary.WithXML())

	res, err := client.SendSMS(context.Background(), capillary.SMS{To: "919812345678", Body: "4821 is your Acme code."})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(res.Messages[0].ID, res.Messages[0].Status)
	// Output: 1706734307814 Queued
}

func ExampleClient_SendEmail() {
	srv := capillarytest.NewServer()
	defer srv.Close()
	client := srv.Client()

	res, err := client.SendEmail(context.Background(), capillary.Email{
		To: "asha@example.com", CC: []string{"ops@example.com"}, From: "acme@example.com",
		Subject: "Your invoice", Body: "Dear Asha, it is attached.",
		Attachments: []capillary.Attachment{
			capillary.FileBytes("invoice.pdf", "pdf", []byte("%PDF-1.7")),
			capillary.FileText("terms.txt", "txt", "Payable within 30 days."),
		},
	})
	fmt.Println(res.Status.Succeeded, err)
	// Output: 1 <nil>
}

// Of several messages some may be taken and some not.
func ExampleError() {
	srv := capillarytest.NewServer()
	defer srv.Close()
	srv.RefuseRecipient("919800000000", capillary.CodeUnableToSend, "unable to send")

	_, err := srv.Client().SendSMS(context.Background(),
		capillary.SMS{To: "919812345678", Body: "4821 is your Acme code."},
		capillary.SMS{To: "919800000000", Body: "1754 is your Acme code."},
	)
	if e, ok := errors.AsType[*capillary.Error](err); ok && e.Partial {
		for _, item := range e.Items {
			if len(item.Errors) > 0 {
				fmt.Println("not sent to", item.Recipient(), "because of", item.Errors[0].Code)
			}
		}
	}
	fmt.Println("send all of them again?", !errors.Is(err, capillary.ErrMaybeAccepted))
	// Output:
	// not sent to 919800000000 because of 4101
	// send all of them again? false
}
