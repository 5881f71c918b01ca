// Package octopushtest is an Octopush to test against: real HTTP on loopback,
// strict about the wire. It needs no testing.T, so a program can run against
// it too.
//
//	srv := octopushtest.NewServer()
//	defer srv.Close()
//	client := srv.Client()
//
// # What it checks
//
// The real server casts or leaves out what it does not understand, and sends
// all the same. This one refuses it. The rules of the vendor's
// [Multichannel message] page, of every send:
//
//   - POST to /v1/public/multi-channel/send (404 and 405 otherwise)
//   - [Login] and [APIKey] in the headers api-login and api-key
//   - Content-Type application/json, a UTF-8 JSON object, no member null
//     and none twice
//   - channel: one of the five
//   - text: 1 to 1224 characters
//   - recipients: 1 to 500 objects with what the channel goes by: phone_number
//     ("+" and digits), email, for live chat at least one of these or a
//     conversation_id (a UUID)
//   - sender: 3 to 11 letters or digits; anything for RCS
//   - send_at: ISO 8601 with an offset; the past is taken
//   - purpose, metadata.type, voice_gender, voice_language, emailing_service,
//     body_format and message_type: a value of the page, to the letter
//   - metadata.subject: at most 1000 characters
//   - metadata.cards only with "rich_card", metadata.actions only without it
//   - every member of the page's type, in its place (request_id in metadata,
//     purpose outside), and on its channel (voice_gender on voice_sms)
//   - a request_id that was accepted in the last 24 hours is refused, with
//     code 182, which only other people's code tells of
//
// Members that the page does not have are taken, as the vendor does, and are
// in Extra and ExtraMetadata of what [Server.Accepted] returns.
//
// And from other pages of the vendor's: a marketing SMS (purpose "wholesale",
// or none) to a French number needs the word STOP in its text, else code 121;
// the rules of cancelling (four channels, fewer than 3 recipients, scheduled
// for more than 10 minutes from now); the parameters of the two balance calls.
//
// # What it answers
//
// What the page shows: {"code": …, "message": …}, or "Payload validation
// error." with the errors by field. Codes that no page has are those that
// other people's code knows, or 400. The answer to RCS is not documented: it
// is as that to e-mail, with a ticket that begins with "rcs_".
//
// [Multichannel message]: https://octopush-api.readme.io/reference/post_public_apimulti_channelsend
package octopushtest
