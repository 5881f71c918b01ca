// Package octopush is a client for Octopush's multichannel API: SMS, voice
// SMS, RCS, e-mail and live chat, each with a typed request of its own.
//
//	client, err := octopush.New(os.Getenv("OCTOPUSH_API_LOGIN"), os.Getenv("OCTOPUSH_API_KEY"))
//	if err != nil {
//		return err
//	}
//	res, err := client.SendSMS(ctx, octopush.SMSRequest{
//		Recipients: []string{"+33611223344"},
//		Sender:     "ACME",
//		Text:       "Your parcel waits at the post office.",
//		Purpose:    octopush.Alert,
//		Type:       octopush.Premium,
//		RequestID:  "parcel-4711",
//	})
//
// # Source
//
// The vendor's page is [Multichannel message]. It prints neither the URL nor
// the method of the call: the path "/multi-channel/send" is known from the
// page of the sister call that cancels, and from other people's clients.
// What comes from another page of the vendor's, or from nobody at the vendor,
// says so where it stands.
//
// # Authentication
//
// The account's login and key, in the headers api-login and api-key.
//
// # Limits
//
// 1 to 500 recipients in a call, 1 to 1224 characters of text. No rate limit
// is documented. See [Client.SendSMSChunks] for longer lists.
//
// # Wrong values
//
// The server does not refuse a value that it does not know: it casts it,
// strips it or leaves it out, and sends. So requests are checked here, before
// any call, and every wrong field is named at once: see
// [SMSRequest.Validate].
//
// # Codes in a 2xx
//
// No page has an answer with the status 2xx that refuses, but such answers are
// not taken for success. A code that is known as a refusal's is one, and so
// are errors of fields, and a code from 400 to 499 with a message, as the
// page's 400. Any other code but 0 and HTTP's 200, 201, 202 and 204 is
// [ErrMaybeAccepted], unless there is a ticket. A refusal with a ticket, or
// with a number of contacts that were taken, is ErrMaybeAccepted too.
//
// # Retries and duplicates
//
// A request with a RequestID is tried again also when it may have been
// accepted, because the vendor refuses the same id for 24 hours. Without one
// it is tried again only when it provably was not accepted: no connection
// could be made, or the answer is 429. All else that leaves doubt is
// [ErrMaybeAccepted]; with a RequestID, the same call can then be repeated.
//
// The page gives the refusal of a repeated id no code. Two are known from
// elsewhere, see [CodeDuplicateRequest]. When one of them answers the repeat
// of an attempt that got no answer, that attempt was accepted: the result is
// a [Response] that says Repeated, without a ticket. On a first try it is
// [ErrDuplicate]. Any other refusal of a repeat leaves [ErrMaybeAccepted],
// unless its code means something that was true of the first attempt too.
//
// # Callbacks
//
// See [ParseCallback] and [Handler]. Nothing is signed, and a request's
// RequestID does not come back: receipts are matched by ticket and number.
//
// [Multichannel message]: https://octopush-api.readme.io/reference/post_public_apimulti_channelsend
package octopush
