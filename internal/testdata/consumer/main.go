// Command acme sends a code as a program outside of the module would. With no
// key it sends to a fake server of its own.
package main

import (
	"context"
	"fmt"
	"log"
	"os"

	"example.com/acme/login"

	"github.com/cpaas-go/cpaas/deflector"
	"github.com/cpaas-go/cpaas/deflector/deflectortest"
	"github.com/cpaas-go/cpaas/fallback"
)

func main() {
	if err := run(context.Background()); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context) error {
	srv := deflectortest.NewServer()
	defer srv.Close()
	srv.RefuseChannel(deflector.RCS, 400, deflector.CodeNoWhatsAppContact)

	res, err := login.Service{Codes: login.Route(srv.Client())}.SendCode(ctx, "+919812345678", "4821")
	fmt.Fprintln(os.Stdout, res)
	if err == nil && res.Channel != fallback.WhatsApp {
		return fmt.Errorf("got through on %q", res.Channel)
	}
	return err
}
