// Package os1test is an OS1 messaging service to test against: real HTTP on
// loopback, strict about the wire. It needs no testing.T, so a program can
// run against it too.
//
//	srv := os1test.NewServer()
//	defer srv.Close()
//	client := srv.Client()
//
// # What it checks
//
// Of every call, what package os1 knows of the service, see there what of it
// is a guess:
//
//   - method and path, as in [os1.DefaultPaths]; the two operations whose path
//     nobody knows are not there unless [WithPaths] puts them somewhere
//   - X-COREOS-REQUEST-ID; X-COREOS-TID, [TenantID]; X-COREOS-ACCESS,
//     [AccessToken] or a token that it gave, without "Bearer"
//   - Content-Type application/json, and UTF-8 JSON without repeated members,
//     null, or anything behind it
//   - names to the letter, in the default spelling unless [WithSpelling] says
//     otherwise; no member that is not known but in e-mail objects, SMS
//     template data and notifications, of which the vendor's page had members
//     that are lost; no value of another type
//   - a send: at least one object, each with a template and a to that is not
//     empty, a country code and a number for every phone, to + cc + bcc of an
//     e-mail at most 50 addresses of the page's pattern, as far as it is known
//   - a provider: name and providerType. A template: name, mode (sms, email or
//     whatsapp in any letter case) and data with the members of that mode and
//     a body. A notification: name, label and templates
//   - a two-way message: from, template and to
//   - callback and webhook URLs that are absolute
//   - for a token: [ClientID] and [ClientSecret]
//
// The tenant is taken as set up: it has a provider for each channel and every
// template that a send names.
//
// # What it answers
//
// The vendor's envelope, with the request repeated in it as the vendor does,
// credentials and all. Templates that were created can be read and listed. The
// page shows the answer to a new provider and no other: data of the others,
// their statuses, and the error codes, 12 digits of which the last three are
// the status, are made up.
package os1test
