// Command deflector sends the requests of Netcore Deflector's page: its
// example, and the same with its use case's flow.
//
//	go run ./examples/deflector list
//	go run ./examples/deflector sequential
//	go run ./examples/deflector -to 919812345678 simultaneous
//
// Without DEFLECTOR_API_KEY it runs against a fake server of its own.
// DEFLECTOR_BASE_URL sends it elsewhere.
package main

import (
	"context"
	"strings"

	"github.com/cpaas-go/cpaas/deflector"
	"github.com/cpaas-go/cpaas/deflector/deflectortest"
	"github.com/cpaas-go/cpaas/examples/internal/example"
)

func main() { program.Main() }

const keyVar = "DEFLECTOR_API_KEY"

var program = example.Program{
	Provider:      "deflector",
	Credentials:   [][]string{{keyVar}},
	SecretHeaders: []string{"api-key", "api_key"},
	RealHosts:     []string{"netcorecloud.net"},
	Fake: func() (string, map[string]string, func()) {
		srv := deflectortest.NewServer()
		return srv.URL, map[string]string{keyVar: deflectortest.APIKey}, srv.Close
	},
	Examples: []example.Example{
		{Name: "sequential", Run: send(deflector.InOrder(deflector.RCS, deflector.WhatsApp, deflector.SMS))},
		{Name: "simultaneous", Run: send(deflector.AtOnce(deflector.RCS, deflector.WhatsApp, deflector.SMS))},
	},
}

// send sends the page's message with a flow.
func send(flow deflector.Flow) func(context.Context, example.Session) (any, error) {
	return func(ctx context.Context, s example.Session) (any, error) {
		opts := []deflector.Option{deflector.WithHTTPClient(s.HTTP)}
		if s.BaseURL != "" {
			opts = append(opts, deflector.WithBaseURL(s.BaseURL))
		}
		client, err := deflector.New(s.Getenv(keyVar), opts...)
		if err != nil {
			return nil, example.Misuse(err.Error())
		}
		to := "917499081814"
		if s.To != "" {
			to = strings.TrimPrefix(s.To, "+") // the API wants numbers without it
		}
		return client.Send(ctx, deflector.Message{
			To:           []string{to},
			CallbackData: "7890986",
			Tags:         []string{"welcome"},
			WhatsApp: deflector.OnWhatsApp("xpi-12345-7319798", deflector.WhatsAppTemplate{
				Name:       "new_client_welcome",
				Attributes: []string{"https://www.netcorecloud.com/"},
				Locale:     "en",
			}),
			RCS:  &deflector.RCSTemplate{Code: "Verification_temp", Attributes: map[string]string{"FIRSTNAME": "Akash"}},
			SMS:  &deflector.SMSText{From: "NETCRE", Text: "STN IS OK NC ALRT"},
			Flow: flow,
		})
	}
}
