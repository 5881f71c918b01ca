package login_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"example.com/acme/login"

	"github.com/cpaas-go/cpaas/deflector"
	"github.com/cpaas-go/cpaas/deflector/deflectortest"
	"github.com/cpaas-go/cpaas/fallback"
)

const phone = "+919812345678"

func TestFallsBackToSMS(t *testing.T) {
	t.Parallel()
	srv := deflectortest.NewServer()
	defer srv.Close()
	srv.RefuseChannel(deflector.RCS, 400, deflector.CodeNoWhatsAppContact)
	srv.RefuseChannel(deflector.WhatsApp, 400, deflector.CodeNotOptedIn)

	res, err := login.Service{Codes: login.Route(srv.Client())}.SendCode(t.Context(), phone, "4821")
	if err != nil {
		t.Fatal(err)
	}
	if res.Outcome != fallback.Accepted || res.Channel != fallback.SMS || len(res.Attempts) != 3 {
		t.Errorf("got %v", res)
	}
	got := srv.Accepted()
	if len(got) != 1 || got[0].SMS == nil || got[0].SMS.Text != "4821 is your Acme code." {
		t.Errorf("the server accepted %v", got)
	}
}

func TestErrors(t *testing.T) {
	t.Parallel()
	srv := deflectortest.NewServer()
	defer srv.Close()
	client, err := deflector.New("wrong-key", deflector.WithBaseURL(srv.URL), deflector.WithMaxRetries(0))
	if err != nil {
		t.Fatal(err)
	}
	_, err = login.Service{Codes: login.Route(client)}.SendCode(t.Context(), phone, "4821")
	if !errors.Is(err, deflector.ErrUnauthorized) || !errors.Is(err, fallback.ErrUnauthorized) {
		t.Errorf("error %v, want ErrUnauthorized of both packages", err)
	}
	if e, ok := errors.AsType[*deflector.Error](err); !ok || e.StatusCode == 0 {
		t.Errorf("error %v: no *deflector.Error with a status in it", err)
	}
	if strings.Contains(err.Error(), "wrong-key") || strings.Contains(err.Error(), phone[1:]) {
		t.Errorf("error shows a secret: %v", err)
	}
}

func TestOwnSender(t *testing.T) {
	t.Parallel()
	telegram := fallback.SenderFunc(func(_ context.Context, s fallback.Submission) (fallback.Ack, error) {
		if s.Content != fallback.Text("Your table is ready.") {
			return fallback.Ack{}, fallback.ErrContentRejected
		}
		return fallback.Ack{ID: "42"}, nil
	})
	res, err := fallback.Route{fallback.Leg{Channel: "telegram", Provider: "bot", Sender: telegram}}.Send(t.Context(), fallback.Message{
		To:   fallback.Recipient{Other: map[fallback.Channel]string{"telegram": "99120"}},
		Text: "Your table is ready.",
	})
	if err != nil || res.ID != "42" || res.Provider != "bot" {
		t.Errorf("got %v, %v", res, err)
	}
}
