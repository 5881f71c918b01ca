// Package v2 is a client for the Messaging API v2 of Webex Connect (formerly
// imiconnect): SMS, e-mail, RCS, MMS and voice. WhatsApp, Messenger, push and
// the other channels exist only in v1, package
// [github.com/cpaas-go/cpaas/webexconnect].
//
//	client, err := v2.New(webexconnect.UK, webexconnect.ServiceKey(key))
//	if err != nil {
//		return err
//	}
//	res, err := client.Send(ctx, v2.Request{
//		From:    "a_636893638318070000",
//		To:      []v2.Destination{v2.ToPhone("+449000000009")},
//		Content: v2.RCSText{Text: "Your parcel is here.", Suggestions: []v2.Suggestion{v2.Reply{Text: "Thanks"}}},
//	})
//
// # Source
//
// The vendor's pages are [Send Message v2] and [Get Message v2] and those of
// the channels, named at each type. Where they contradict each other or leave
// something open, the comment says so.
//
// # Regions and credentials
//
// As in package webexconnect, whose regions and credentials [New] takes.
//
// # Limits
//
// A call takes up to 1000 addresses, counted here over all destinations. How
// many calls a second are allowed is in the tenant's contract and shared with
// v1; each destination may count. Above it, the answer has status 429, or 400
// with code 7020: [ErrRateLimited]. The vendor sends no Retry-After.
//
// # Answers
//
// 201 with an id, 400 with a code and a message, 401 with nothing. The voice
// page also has 201 with status "Rejected", which is an error here. An answer
// that says of a recipient that the message is queued is never taken for a
// refusal of the whole call, whatever its status.
//
// # Retries and duplicates
//
// A send is tried again only when it provably was not accepted: no connection
// could be made, the answer is 429 or 400 with code 7020, or a token is
// refused (401 or code 7001): it is renewed, once. All else that leaves doubt
// is [ErrMaybeAccepted], such as the statuses 500 and 503, whatever the code
// beside them: the vendor says that they may be tried again, but not that
// nothing was sent. There is no idempotency key: a correlation ID only comes
// back in receipts.
//
// # Receipts
//
// They have the same shape as v1's, and are read by
// [webexconnect.ParseCallback] and [webexconnect.Handler]. Set
// Request.NotifyURL, or the service's own URL.
//
// [Send Message v2]: https://developers.webexconnect.io/reference/send-message-v2
// [Get Message v2]: https://developers.webexconnect.io/reference/retrieve-message-v2
package v2
