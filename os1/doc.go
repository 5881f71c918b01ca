// Package os1 is a client for the messaging service of OS1 by Delhivery: SMS,
// e-mail and WhatsApp from templates, one at a time or in bulk, and WhatsApp
// messages that await an answer.
//
//	client, err := os1.New("https://acme.getos1.com", "acme",
//		os1.ClientCredentials(os.Getenv("OS1_CLIENT_ID"), os.Getenv("OS1_CLIENT_SECRET")))
//	if err != nil {
//		return err
//	}
//	res, err := client.Send(ctx, os1.SendRequest{
//		SMS: []os1.SMSMessage{{
//			Template: "order_sent",
//			Data:     map[string]any{"otp": "342365"},
//			To:       []os1.Phone{{CountryCode: "1", Number: "5551234567"}},
//		}},
//	})
//
// # Source
//
// The vendor's page is [Messaging]. Of its reference pages of single
// operations none could be read, and of that page itself only a text without
// letter case, punctuation and tables. Names of fields are therefore
// reconstructed from it and from the vendor's pages about sibling services,
// all of it untested against OS1.
//
// # What is a guess
//
//   - Every path but "/providers" and the token's: [Paths]. Of two operations,
//     [Client.SendWithNotifications] and [Client.SendTwoWay], the path is not
//     even guessed: [ErrPathNotConfigured] until [WithPaths] sets it.
//   - The prefix of the paths: it stands in a webhook URL on the page, and is
//     joined to "/providers" by analogy with sibling services.
//   - The spelling of names of several words: [WithSpelling]. Least sure are
//     filename, quick_reply and whatsapp; of credentials, which are not
//     changed by it, apiBaseUrl: [OtherCredentials].
//   - The letter case of enum values: [ProviderType], [Mode],
//     [EmailTemplate].Format. Any may be written.
//   - Fields that the page had and its text lost, about four of e-mails and
//     one of SMS templates: Extra of [EmailMessage] and [SMSTemplate].
//   - The type of cc and bcc, and that the limit of 50 addresses is counted for each
//     object: [MaxEmailRecipients].
//   - Mixed channels in one call: [SendRequest].
//   - The bodies of notifications but for four names: [NotificationRequest],
//     [NotificationSendRequest].
//   - The unit of [TwoWayRequest].ResponseTimeout.
//   - All answers but that to [Client.CreateProvider]: [Meta.Data]. The query
//     and the form of lists of templates: [ListTemplatesOptions],
//     [TemplatePage].
//   - Which headers besides the request id, the tenant and the access token
//     the service reads: [WithUserInfo], [WithUserToken], [WithOriginToken],
//     [WithCallbackSecret].
//   - All of what callbacks hold and how they are signed: [Event], [Verifier].
//
// # Authentication
//
// An access token in the header X-COREOS-ACCESS, without "Bearer": given
// ([StaticToken]), or got for client credentials ([ClientCredentials]) by a
// JSON call, kept until shortly before its end, and got anew once when a call
// is answered 401. X-COREOS-TID names the tenant, X-COREOS-REQUEST-ID is new
// for each call.
//
// # Limits
//
// An e-mail object has at most 50 addresses. A WhatsApp image is a jpg, jpeg
// or png of at most 5 MB, a document a pdf, doc or docx of at most 100 MB;
// both are given by URL, which tells neither, so that is not checked. No limit
// of calls per second is documented. Which fields are required is lost with
// the tables: refused is only what cannot be meant, see the Validate methods.
//
// # Retries and duplicates
//
// A send is tried again only when it provably was not accepted: no connection
// could be made, no token could be had, or the answer is 401 (once, with a
// new token) or 429. All else that leaves doubt is [ErrMaybeAccepted]. No key
// is documented that makes OS1 refuse a repeat. Reading templates and getting
// a token are repeated, and never [ErrMaybeAccepted].
//
// # Secrets
//
// Provider credentials and webhook secrets are [Secret] values, which no form
// of printing shows. OS1 repeats a request in its answer, so what came in is
// reached by methods only, such as [Meta.Raw].
//
// [Messaging]: https://docs.getos1.com/messaging
package os1
