// Package capillary is a client for the "Send communication message" API
// (v1.1) of Capillary Technologies: SMS, e-mail, WhatsApp and Zalo, in JSON
// or XML.
//
//	client, err := capillary.New(capillary.Europe, capillary.OAuth(os.Getenv("CAPILLARY_KEY"), os.Getenv("CAPILLARY_SECRET")))
//	if err != nil {
//		return err
//	}
//	res, err := client.SendSMS(ctx, capillary.SMS{To: "919812345678", Body: "4821 is your Acme code."})
//
// # Source
//
// The vendor's page is [Send communication message]. It shows successful
// answers only: how a failure of this operation looks is published nowhere.
// This package reads the forms that other pages of the vendor show, and says
// at each place what is not documented.
//
// # Host
//
// An organisation lives on one cluster, and the vendor's list of clusters has
// changed often, so the base URL is yours to give; see [Europe] and the other
// constants.
//
// # Authentication
//
// [OAuth] with a client key and secret, or [Basic] with a till and its
// password. Basic is disabled for new organisations. The key needs WRITE
// access to the Communication access group resource.
//
// # Encodings
//
// JSON is the default, [WithXML] changes to XML; the types are the same. The
// answers differ: only the answer to an XML SMS has an id and a state for
// each message, and times in XML answers have no zone.
//
// # Limits
//
// Neither a largest number of messages in a call, nor lengths, nor sizes of
// attachments are documented. Calls are limited per minute and API key: 100
// on demo and testing clusters, agreed with each brand elsewhere; see
// [WithRateLimit]. Source: https://docs.capillarytech.com/reference/rate-limits
//
// # Outcomes
//
// A call carries one or more messages, and the vendor may take some of them
// and refuse the rest. All of that is an [*Error] with an [Item] for each
// message that the answer names, and the response is there too;
// [Error.Partial] says that some were taken. An answer that contradicts itself
// is [ErrMaybeAccepted], whatever its HTTP status.
// The order of an answer is not guaranteed, and recipients in it may be
// rewritten, so with one message in a call there is never a doubt which is
// meant.
//
// # Retries and duplicates
//
// No idempotency key exists. A send is tried again only when it provably was
// not accepted: no connection could be made, the answer is 429, it is a 401,
// as the HTTP status or as the code of a refusal inside, and another OAuth
// token can be had (once), or it is a 503 with [CodeAuthorizationUnavailable];
// and nothing in the answer speaks for a message that was taken. All else that
// leaves doubt is [ErrMaybeAccepted].
//
// # Callbacks
//
// None is documented: the vendor does not call back with delivery receipts,
// and no operation to look a message up by its id is documented either.
//
// [Send communication message]: https://docs.capillarytech.com/reference/send-communication-message
package capillary
