// Package webexconnect is a client for the Messaging API v1 of Webex Connect
// (formerly imiconnect): SMS, voice, in-app and live chat, push, Facebook
// Messenger, WhatsApp and Apple Messages for Business. RCS, e-mail and MMS
// exist only in the second version of the API, package
// [github.com/cpaas-go/cpaas/webexconnect/v2].
//
//	client, err := webexconnect.New(webexconnect.UK, webexconnect.ServiceKey(key))
//	if err != nil {
//		return err
//	}
//	r := webexconnect.NewSMS(webexconnect.SMS{SenderID: "ACME", Text: "Your parcel is here."},
//		webexconnect.ToPhone("+449000000009"))
//	r.CorrelationID = "parcel-4711"
//	res, err := client.Send(ctx, r)
//
// # Source
//
// The vendor's page is [Send Message v1]. It shows SMS and voice in full and
// only names the other channels; their fields come from the vendor's own page
// for each, named where they stand. What no page documents says so.
//
// # Regions and credentials
//
// A tenant lives in a region, which [New] takes; [WithBaseURL] replaces it. A
// service is set to one of two credentials: [ServiceKey] or [JWT].
//
// # Limits
//
// A call takes up to 1000 destinations, counted here over all destination
// objects: see [Request.Split]. How many calls a second are allowed is in the
// tenant's contract and shared by both versions of the API; each destination
// may count. Above it, the answer has code 7020, which is [ErrRateLimited];
// the vendor sends no Retry-After.
//
// # Answers
//
// The API answers with status 200 whatever happened, and with one outcome or
// several. [Client.Send] returns an error unless every outcome was accepted.
//
// # Retries and duplicates
//
// A send is tried again only when it provably was not accepted: no connection
// could be made, the answer is 429, every outcome in the answer has code 7020,
// or a JWT was refused. One outcome that was accepted forbids it, whatever the
// status. All else that leaves doubt is [ErrMaybeAccepted], also an answer of
// status 408 or 5xx, whatever code is in it. There is no
// idempotency key: a correlation id only comes back in notifications.
//
// # Notifications
//
// Delivery notifications of both versions and inbound messages are read by
// [ParseCallback] and [Handler]. Set Request.NotifyURL, or the service's own
// URL, and find the attempt by CorrelationID or by the transaction id.
//
// [Send Message v1]: https://developers.webexconnect.io/reference/send-message-v1
package webexconnect
