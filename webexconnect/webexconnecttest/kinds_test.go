package webexconnecttest_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cpaas-go/cpaas/webexconnect"
)

// TestEveryKind sends every documented kind of content, and finds it again as
// it was sent.
func TestEveryKind(t *testing.T) {
	t.Parallel()
	const app = "a_157967534853754560"
	media := &webexconnect.WhatsAppMedia{URL: "https://example.com/f.bin", MIMEType: "x/y", Filename: "f.bin"}
	file := func(kind string) webexconnect.Messenger {
		return webexconnect.Messenger{Attachment: &webexconnect.MessengerAttachment{
			Type: kind, Payload: webexconnect.MessengerPayload{URL: "https://example.com/f"},
		}}
	}
	inApp := func(a webexconnect.InAppAttachment) webexconnect.InApp {
		return webexconnect.InApp{ThreadID: "t", Message: &webexconnect.InAppMessage{Attachment: &a, Extras: map[string]any{}}}
	}
	apple := func(d webexconnect.AppleData) webexconnect.Apple {
		d.Version, d.RequestIdentifier = "1.0", "21d4a1c4-327c-ba35-45b1-36a050b15ad2"
		d.Images = []webexconnect.AppleImage{{Identifier: "1", URL: "https://example.com/i.png"}}
		return webexconnect.Apple{Interactive: &webexconnect.AppleInteractive{
			Data: &d, UseLiveLayout: new(true),
			ReceivedMessage: &webexconnect.AppleBubble{Title: "t", Subtitle: "s", Style: "small", ImageIdentifier: "1"},
		}}
	}
	webURL := []webexconnect.MessengerButton{{Type: "web_url", Title: "t", URL: "https://example.com"}}

	requests := map[string]webexconnect.Request{
		"SMS, Unicode": webexconnect.NewSMS(webexconnect.SMS{Text: "é", Type: webexconnect.SMSUnicode}, webexconnect.ToCustomer("c")),
		"SMS, binary":  webexconnect.NewSMS(webexconnect.BinarySMS("ACME", []byte{1, 2}), webexconnect.ToPhone("+1")),
		"SMS, App Clip": webexconnect.NewSMS(webexconnect.SMS{
			Text: "x", SendLinkAsAppClip: new(true), StoreRegion: "US",
		}, webexconnect.Destination{Email: []string{"user@example.com"}}),
		"voice, flow":  webexconnect.NewVoice(webexconnect.Voice{CallFlowID: "184", CLI: "0453745878"}, webexconnect.ToPhone("+1")),
		"voice, media": webexconnect.NewVoice(webexconnect.Voice{Media: "m"}, webexconnect.ToPhone("+1")),
	}
	for name, w := range map[string]webexconnect.WhatsApp{
		"text":     {Text: &webexconnect.WhatsAppText{Body: "x", PreviewURL: new(false)}},
		"audio":    {Audio: &webexconnect.WhatsAppMedia{URL: "u", MIMEType: "audio/aac"}},
		"document": {Document: media}, "image": {Image: media}, "video": {Video: media}, "sticker": {Sticker: media},
		"location": {Location: &webexconnect.WhatsAppLocation{Latitude: 51.5, Longitude: -0.1, Name: "n", Address: "a"}},
		"contacts": {Contacts: []webexconnect.WhatsAppContact{{
			Name: webexconnect.WhatsAppName{FormattedName: "A B", FirstName: "A"}, Birthday: "1970-01-01",
			Org:       &webexconnect.WhatsAppOrg{Company: "c"},
			Addresses: []webexconnect.WhatsAppAddress{{City: "c", Type: "HOME"}}, Emails: []webexconnect.WhatsAppEmail{{Email: "user@example.com", Type: "WORK"}},
			Phones: []webexconnect.WhatsAppPhone{{Phone: "+1", Type: "CELL", WAID: "1"}}, URLs: []webexconnect.WhatsAppURL{{URL: "u", Type: "WORK"}},
		}}},
		"list": {List: &webexconnect.WhatsAppList{
			Header: &webexconnect.WhatsAppHeader{Type: "text", Text: "h"}, Body: webexconnect.WhatsAppBody{Text: "b"}, Footer: &webexconnect.WhatsAppBody{Text: "f"},
			Action: webexconnect.WhatsAppListAction{Button: "b", Sections: []webexconnect.WhatsAppSection{{Rows: []webexconnect.WhatsAppRow{{ID: "i", Title: "t", Description: "d"}}}}},
		}},
		"reply": {Reply: &webexconnect.WhatsAppReply{
			Header: &webexconnect.WhatsAppHeader{Type: "document", Document: &webexconnect.WhatsAppHeaderMedia{
				URL: "u", Filename: "f", Provider: &webexconnect.WhatsAppProvider{Name: "p"},
			}},
			Body: webexconnect.WhatsAppBody{Text: "b"}, Action: webexconnect.WhatsAppReplyAction{Buttons: []webexconnect.WhatsAppButton{webexconnect.ReplyButton("i", "t")}},
		}},
	} {
		requests["WhatsApp, "+name] = webexconnect.NewWhatsApp(app, w, webexconnect.Destination{WAID: []string{"1"}, BSUID: []string{"IN.1"}})
	}
	requests["WhatsApp, template"] = webexconnect.NewWhatsAppTemplate(app, webexconnect.Template{ID: "1", Parameters: map[string]any{
		"document": webexconnect.MediaParameter("https://example.com/d.pdf", "d.pdf"), "otp": webexconnect.OTPParameter("123456"),
	}}, webexconnect.ToWhatsApp("1"))
	for name, m := range map[string]webexconnect.Messenger{
		"text": {
			Text: "x", NotificationType: "NO_PUSH", MessagingType: "MESSAGE_TAG", Tag: "HUMAN_AGENT", Type: "conversation",
			QuickReplies: []webexconnect.MessengerQuickReply{{ContentType: "text", Title: "t", Payload: "p", ImageURL: "u"}, {ContentType: "location"}},
		},
		"action": {SenderAction: "typing_on"}, "file": file("file"), "image": file("image"), "audio": file("audio"), "video": file("video"),
		"generic": {Attachment: &webexconnect.MessengerAttachment{Type: "template", Payload: webexconnect.MessengerPayload{
			TemplateType: "generic", Elements: []webexconnect.MessengerElement{{Title: "t", Subtitle: "s", ItemURL: "u", ImageURL: "i", Buttons: webURL}},
		}}},
		"button": {Attachment: &webexconnect.MessengerAttachment{Type: "template", Payload: webexconnect.MessengerPayload{
			TemplateType: "button", Text: "x", Buttons: append(webURL, webexconnect.MessengerButton{Type: "postback", Title: "t", Payload: "p"}),
		}}},
		"receipt": {Attachment: &webexconnect.MessengerAttachment{Type: "template", Payload: webexconnect.MessengerPayload{
			TemplateType: "receipt", RecipientName: "n", OrderNumber: "1", Currency: "EUR", PaymentMethod: "card", Timestamp: "1", OrderURL: "u",
			Elements:    []webexconnect.MessengerElement{{Title: "t", Quantity: 2, Price: new(0.0), Currency: "EUR"}},
			Address:     &webexconnect.MessengerAddress{Street1: "s", City: "c", PostalCode: "p", State: "s", Country: "c"},
			Summary:     &webexconnect.MessengerSummary{Subtotal: new(1.0), ShippingCost: new(0.0), TotalTax: new(0.2), TotalCost: 1.2},
			Adjustments: []webexconnect.MessengerAdjustment{{Name: "a", Amount: new(0.5)}},
		}}},
	} {
		requests["Messenger, "+name] = webexconnect.NewMessenger(app, m, webexconnect.ToMessenger("p"))
	}
	for name, a := range map[string]webexconnect.InApp{
		"image":    inApp(webexconnect.InAppAttachment{ContentType: "image", File: "u", Size: "1"}),
		"video":    inApp(webexconnect.InAppAttachment{ContentType: "video", File: "u", Preview: "YQ==", Duration: "1"}),
		"location": inApp(webexconnect.InAppAttachment{ContentType: "location", Latitude: new(0.0), Longitude: new(1.5)}),
		"template": inApp(webexconnect.InAppAttachment{ContentType: "template", TemplateType: "generic", Payload: &webexconnect.InAppTemplate{
			Reference: "r", Elements: []webexconnect.InAppElement{{
				Title: "t", Subtitle: "s", ImageURLs: []string{"u"}, Buttons: []webexconnect.InAppButton{
					{Type: "webUrl", Identifier: "1", Title: "t", URL: "u"}, {Type: "templatePostback", Identifier: "2", Title: "t", Payload: map[string]any{"a": "b"}},
				},
			}},
		}}),
		"alert": {ThreadID: "t", Type: "threadAlert", Extras: map[string]any{"a": "b"}},
		"typing": {ThreadID: "t", Type: "typingStart", Notification: &webexconnect.InAppNotification{
			Title: "t", Text: "x", IOS: &webexconnect.InAppIOSExtras{Badge: "1"}, Web: &webexconnect.InAppWebExtras{URL: "u"},
			Interactive: &webexconnect.PushInteractive{Category: "DOUBLE_REPLY_YES_NO", Actions: []webexconnect.PushButton{{Position: 1, Action: "DISMISS"}}},
		}},
	} {
		requests["in-app, "+name] = webexconnect.NewInApp(app, a, webexconnect.ToUser("u"))
	}
	for name, a := range map[string]webexconnect.Apple{
		"text":      {Text: "x \ufffc", Attachments: []webexconnect.AppleAttachment{{URL: "u", MIMEType: "image/png"}}},
		"rich link": {RichLink: &webexconnect.AppleRichLink{URL: "u", Title: "t", Assets: webexconnect.AppleAssets{Video: &webexconnect.AppleAttachment{URL: "u", MIMEType: "video/mp4"}}}},
		"list": apple(webexconnect.AppleData{ListPicker: &webexconnect.AppleListPicker{Sections: []webexconnect.AppleSection{{
			Title: "t", MultipleSelection: new(true), Order: new(0), Items: []webexconnect.AppleItem{{Identifier: "0", Title: "t", Subtitle: "s", Style: "default", ImageIdentifier: "1", Order: new(0)}},
		}}}}),
		"time": apple(webexconnect.AppleData{Event: &webexconnect.AppleEvent{
			Identifier: "1", Title: "t", TimezoneOffset: new(-60), Timeslots: []webexconnect.AppleSlot{{Identifier: "0", StartTime: "2026-05-26T08:27+0000", Duration: 3600}},
			Location: &webexconnect.AppleLocation{Title: "t", Latitude: 1, Longitude: 2, Radius: new(100.0)},
		}}),
		"quick reply": apple(webexconnect.AppleData{QuickReply: &webexconnect.AppleQuickReply{
			SummaryText: "s", Items: []webexconnect.AppleQuickReplyItem{{Identifier: "0", Title: "Yes"}, {Identifier: "1", Title: "No"}},
		}}),
		"form":       apple(webexconnect.AppleData{Dynamic: json.RawMessage(`{"template":"messageForms"}`)}),
		"payment":    apple(webexconnect.AppleData{Payment: json.RawMessage(`{"paymentRequest":{}}`)}),
		"typing":     {Type: "typing_end"},
		"invitation": webexconnect.AppleInvitation("Acme", true),
		"app": {Interactive: &webexconnect.AppleInteractive{BID: "b", Extra: map[string]json.RawMessage{
			"appId": json.RawMessage(`"1"`), "appName": json.RawMessage(`"n"`), "URL": json.RawMessage(`"u"`),
		}}},
	} {
		to := webexconnect.ToApple("urn:mbid:1")
		if name == "invitation" {
			to = webexconnect.ToPhone("+1")
		}
		requests["Apple, "+name] = webexconnect.NewApple(app, a, to)
	}
	for name, d := range map[string]webexconnect.Destination{
		"ios": {IOSPushID: []string{"t"}}, "hms": {HMSPushID: []string{"t"}}, "chrome": {ChromePushID: []string{"t"}},
		"firefox": {FirefoxPushID: []string{"t"}}, "safari": {SafariPushID: []string{"t"}},
	} {
		requests["push, "+name] = webexconnect.NewPush(app, webexconnect.Push{
			Web: &webexconnect.PushWeb{Platforms: []string{"safari"}, Text: "x", ActionText: "a", Extras: &webexconnect.PushWebExtras{TimeToLive: "60"}},
		}, d)
	}

	srv := newServer(t)
	c := srv.Client()
	for name, r := range requests {
		_, err := c.Send(t.Context(), r)
		require.NoError(t, err, name)
		want, err := json.Marshal(r)
		require.NoError(t, err, name)
		accepted := srv.Accepted()
		got, err := json.Marshal(accepted[len(accepted)-1])
		require.NoError(t, err, name)
		assert.JSONEq(t, string(want), string(got), name)
	}
}
