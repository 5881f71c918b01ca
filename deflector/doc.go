// Package deflector is a client for the Deflector API of Netcore Cloud: one
// call carries the content for RCS, WhatsApp and SMS, and the vendor goes
// from channel to channel by itself.
//
//	client, err := deflector.New(os.Getenv("DEFLECTOR_API_KEY"))
//	if err != nil {
//		return err
//	}
//	res, err := client.Send(ctx, deflector.Message{
//		To:   []string{"919812345678"},
//		RCS:  &deflector.RCSTemplate{Code: "welcome_card", Attributes: map[string]string{"NAME": "Asha"}},
//		SMS:  &deflector.SMSText{From: "ACMEIN", Text: "Welcome to Acme, Asha."},
//		Flow: deflector.InOrder(deflector.RCS, deflector.SMS),
//	})
//
// # Source
//
// The vendor's page is [Send Message]. It documents one operation, one
// successful answer and no error: neither HTTP statuses, nor error bodies,
// nor limits, nor callbacks. What this package knows beyond it comes from the
// vendor's pages about its sibling APIs, and says so where it stands.
//
// # Authentication
//
// A static key in a header. The page calls the header "api-key" in its table
// and "api_key" in its example; the first is the default, see
// [WithAPIKeyHeader].
//
// # Limits
//
// None is documented: neither calls per second, nor recipients or messages in
// a call, nor lengths. Safest is one recipient in one message in a call: the
// answer holds one id whatever was sent.
//
// # Retries and duplicates
//
// A send is tried again only when it provably was not accepted: no connection
// could be made, or the answer is 429 and has no id. All else that leaves doubt
// is [ErrMaybeAccepted], whatever the body of a 408, 500, 502, 503 or 504 says
// besides. The page describes x-apiheader as "used for tracking
// and idempotency", but neither how long nor what a repeat is answered with,
// so it is not relied upon.
//
// # Callbacks
//
// See [Handler] and [ParseCallback]. Put your own id in [Message.CallbackData]
// and in [WhatsAppMessage.APIHeader]: RCS and SMS events carry the first,
// WhatsApp events the second, and how the id of the answer relates to those of
// events is not documented. Callbacks are not signed: see [WithCallbackHeader].
//
// [Send Message]: https://emaildocs.netcorecloud.com/reference/deflector-send-message-api
package deflector
