// Package capillarytest is a Capillary to test against: real HTTP on loopback,
// strict about the wire. It needs no testing.T, so a program can run against
// it too.
//
//	srv := capillarytest.NewServer()
//	defer srv.Close()
//	client := srv.Client()
//
// # What it checks
//
// The rules of the vendor's [Send communication message] page and, for
// headers, credentials and codes, of the pages that the constants of package
// capillary name:
//
//   - POST to /v1.1/communications/sendMessage (404 and 405 otherwise)
//   - either Authorization: Basic of [Till] and the MD5 hash of [Password], or
//     X-CAP-API-OAUTH-TOKEN with a token of this server that has not ended,
//     not both; attribution headers with OAuth only, with a known entity type
//   - Content-Type and Accept application/json or application/xml
//   - channel in the query sms, whatsapp, email or zalo in any case, or left
//     out for sms; no other parameter
//   - UTF-8 JSON without repeated members, or XML without a document type or
//     attributes
//   - root with the key of the channel and no other: sms, email,
//     whatsappMessage or zaloMessage, with at least one message
//   - no field that the page does not have, nor one of the other encoding:
//     scheduledTime in JSON, scheduled_time in XML; fields of attachments in
//     snake case
//   - text for every value; times as RFC 3339
//   - of each message: to and body; to, from and subject, and a body that is
//     not empty unless it is left out, as in the page's own example; receiver
//     and template; mobile numbers of digits; e-mail addresses with an "@",
//     one each in to and from
//   - file_data that is not empty; file_encoding_type base64, and file_data
//     that is base64 then, or left out, not for images by type or by name
//
// And of the other two operations: POST to /v3/oauth/token/generate with
// [Key] and [Secret] and no credentials, POST to /v2/communications/resend
// with a messageId, a number, that this server gave to an SMS in XML.
//
// # What it answers
//
// Successes are as on the page: an id and a state for SMS in XML only, no
// body in the answer to an e-mail in XML, times without a zone in XML, a
// number of ten digits with a country code in front, and several SMS in JSON
// in another order than they came.
//
// How a failed call looks is published nowhere. A call that is wrong as a
// whole is answered as the vendor's resend operation does, with a list of
// errors; the status is 400 unless it is one of 401, 404, 405 and 415. When it
// is a message that is wrong, the answer is 200 with code 201 (some were
// taken) or 500 (none was), and the error stands at the message.
//
// It never calls back: the vendor documents no callbacks.
//
// [Send communication message]: https://docs.capillarytech.com/reference/send-communication-message
package capillarytest
