// Package delivery runs routes that wait for delivery receipts: it submits,
// waits, and moves on when a receipt says failed or none says delivered in
// time. It survives restarts, and never sends twice without saying so.
//
//	octo := senders.Octopush{Client: client, Verify: senders.Token("token", secret)} // without Verify, no callback is believed
//	runner, err := delivery.New(delivery.Config{Store: store})
//	otp, err := runner.Bind("otp", delivery.Route{
//		{Try: netcore.RCS(), Within: 20 * time.Second},
//		{Try: netcore.WhatsApp(), Within: 30 * time.Second},
//		{Try: octo.SMS("ACME").Or(netcore.SMS("ACMEIN"))},
//	})
//	go runner.Run(ctx)
//	http.Handle("/hooks/deflector", runner.Receipts(netcore))
//	http.Handle("/hooks/octopush", runner.Receipts(octo))
//
//	res, err := otp.Send(ctx, message)
//
// # What is promised
//
// Before every call the attempt is stored as under way; after it its verdict
// is. An attempt that a crash left without verdict may have been accepted, and
// is treated so: never as not sent. A store that fails after a call makes the
// verdict be stored again, never the call be made again. What a message's
// route means is stored with it, so that a new configuration does not change
// messages under way.
//
// What certainly was not accepted because a provider was not there, or had too
// much to do, is tried at the next provider of the channel; where there is
// none, up to five times, and then on the next channel. When the route has no
// more and nobody may have taken the message, such attempts are made again,
// after seconds at first and some minutes later, until the deadline: an outage
// that ends before it loses no message. A one-time password should have a
// Deadline.
//
// What was observed about an attempt only grows. Receipts may come late,
// twice, in any order, before the provider's answer, or at another replica.
//
// # What is not
//
// No provider of this module takes a message back, and only Webex Connect
// lets one expire. Where a stage's Within ends in silence, the message may
// still arrive after the next channel's: the result then says
// PossibleDuplicate, and Duplicate once both are known to be delivered. A
// Within is your word that silence is enough to move on, for Promotional
// messages too.
//
// A route that ends when a provider accepts needs none of this: see
// fallback.Route.
package delivery
