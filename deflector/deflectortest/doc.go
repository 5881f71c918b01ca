// Package deflectortest is a Deflector to test against: real HTTP on
// loopback, strict about the wire. It needs no testing.T, so a program can
// run against it too.
//
//	srv := deflectortest.NewServer()
//	defer srv.Close()
//	client := srv.Client()
//
// # What it checks
//
// The rules of the vendor's [Send Message] page, of every request:
//
//   - POST to /messages/send (404 and 405 otherwise)
//   - [APIKey] in the header api-key, api_key or both: the page names both
//   - Content-Type application/json
//   - UTF-8 JSON, without repeated members, null, or anything behind it
//   - an array of at least one message at the root
//   - names to the letter: sms.From and sms.Text with capitals
//   - no member that the page does not have, and no value of another type
//   - to: at least one phoneNumber, each without "+"
//   - whatsapp, rcs and sms complete when they are there, in the flow or not;
//     attributes an array of texts for WhatsApp, an object of texts for RCS,
//     and never missing
//   - message_type "template", recipient_type "individual", rcs.content.type
//     "template"; any policy
//   - flow: at least one stage, no empty stage, channels WhatsApp, RCS and SMS
//     to the letter, each with its content
//
// And one rule of the vendor's WhatsApp API: a phoneNumber is 10 to 15 digits.
//
// # What it answers
//
// The page documents one answer, {"messageId":"…"}, and no error. A request
// without the right key or content type is answered as the vendor's RCS API
// does, other wrong ones and those that [Refuse], [Server.RefuseChannel] or
// [Server.RefuseRecipient] are for as its WhatsApp API does, with the codes of
// that. Statuses are a guess: 401 for the key, 400 for the rest.
//
// [Send Message]: https://emaildocs.netcorecloud.com/reference/deflector-send-message-api
package deflectortest
