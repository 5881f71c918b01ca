// Package webexconnecttest is a Webex Connect to test against: real HTTP on
// loopback, strict about the wire, for both versions of the Messaging API. It
// needs no testing.T, so a program can run against it too.
//
//	srv := webexconnecttest.NewServer()
//	defer srv.Close()
//	client := srv.Client()
//
// # What it checks of v1
//
// The rules of the vendor's [Send Message v1] page, of every request:
//
//   - POST to /resources/v1/messaging (404 and 405 otherwise)
//   - [ServiceKey] in the header key, or in Authorization a JWT of
//     [ServiceID] that [ServiceSecret] signed less than 60 minutes ago; a JWT
//     decides when there are both
//   - Content-Type application/json
//   - UTF-8 JSON without null, and nothing behind it: an object, or an array
//     of complete requests
//   - documented names in their letter case, values of the documented types;
//     other names are let through, as this module's Extra fields send them
//   - a known deliverychannel, with its own content in channels and no
//     other's, or with a message
//   - appid on push, in-app, Messenger, WhatsApp and Apple
//   - at least one destination, each with an identifier, and up to 1000
//     addresses over all
//   - correlation ids up to 50 bytes, gtrId as many as destinations, a
//     contact policy with its group and a true flag, smart links for what
//     names them and on the channels that have them
//   - SMS: a text of up to 1024 characters, types 1 to 4, a body for type 3
//   - voice: exactly one of callflowid, promptid and media
//
// Then the rules of the channels' own pages, as package webexconnect knows
// them and with its code: a client with relaxed validation is checked here.
//
// # What it answers
//
// Status 200 and a "response": an array with code 1001 for what it accepts,
// an object with the vendor's code for what it refuses, and for an array of
// requests an array. Nothing documents which shape the refusals of parameters
// have.
//
// [Send Message v1]: https://developers.webexconnect.io/reference/send-message-v1
package webexconnecttest
