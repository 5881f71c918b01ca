package webexconnect_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cpaas-go/cpaas/internal/testutil"
	"github.com/cpaas-go/cpaas/webexconnect"
)

const bad = "\xff" // not UTF-8

// edit is a right SMS with a change.
func edit(f func(*webexconnect.Request)) webexconnect.Request {
	r := sms()
	f(&r)
	return r
}

func wa(w webexconnect.WhatsApp) webexconnect.Request {
	return webexconnect.NewWhatsApp("a_1", w, webexconnect.ToWhatsApp("919876543210"))
}

func fb(m webexconnect.Messenger) webexconnect.Request {
	return webexconnect.NewMessenger("a_1", m, webexconnect.ToMessenger("p1"))
}

func amb(a webexconnect.Apple) webexconnect.Request {
	return webexconnect.NewApple("a_1", a, webexconnect.ToApple("urn:mbid:1"))
}

func inapp(a webexconnect.InApp) webexconnect.Request {
	return webexconnect.NewInApp("a_1", a, webexconnect.ToUser("u"))
}

func push(p webexconnect.Push) webexconnect.Request {
	return webexconnect.NewPush("a_1", p, webexconnect.Destination{IOSPushID: []string{"t"}})
}

func voice(v webexconnect.Voice) webexconnect.Request {
	return webexconnect.NewVoice(v, webexconnect.ToPhone(testPhone))
}

// withTemplate is r with a template of the platform beside its content.
func withTemplate(r webexconnect.Request) webexconnect.Request {
	r.Template = &webexconnect.Template{ID: "1"}
	return r
}

func many(n int) []string {
	ids := make([]string, n)
	for i := range ids {
		ids[i] = testPhone
	}
	return ids
}

// pageRules are those that hold whatever the options: request, and the paths
// that are wrong.
func pageRules() map[string]struct {
	r     webexconnect.Request
	paths string
} {
	type tt = struct {
		r     webexconnect.Request
		paths string
	}
	return map[string]tt{
		"empty":                  {webexconnect.Request{}, "deliverychannel, channels, destination"},
		"no channel":             {edit(func(r *webexconnect.Request) { r.Channel = "" }), "deliverychannel, channels"},
		"no destination":         {edit(func(r *webexconnect.Request) { r.Destinations = nil }), "destination"},
		"no content":             {edit(func(r *webexconnect.Request) { r.SMS = nil }), "channels"},
		"other content":          {edit(func(r *webexconnect.Request) { r.Voice = &webexconnect.Voice{PromptID: "1"} }), "channels.voice"},
		"only other content":     {edit(func(r *webexconnect.Request) { r.Channel = "voice" }), "channels.sms, channels"},
		"content, other channel": {edit(func(r *webexconnect.Request) { r.Channel = "kakao" }), "channels.sms, channels"},
		"no text":                {edit(func(r *webexconnect.Request) { r.SMS.Text = "" }), "channels.sms.text"},
		"long text":              {edit(func(r *webexconnect.Request) { r.SMS.Text = strings.Repeat("é", 1025) }), "channels.sms.text"},
		"type":                   {edit(func(r *webexconnect.Request) { r.SMS.Type = "5" }), "channels.sms.type"},
		"no body":                {edit(func(r *webexconnect.Request) { r.SMS.Type = webexconnect.SMSBinary }), "channels.sms.body"},
		"link 05": {edit(func(r *webexconnect.Request) {
			r.SMS.Text = "{{link_05}}"
			r.SmartLinks = []webexconnect.SmartLink{{LinkID: 5}}
		}), "channels.sms.text"},
		"empty smart link": {edit(func(r *webexconnect.Request) { r.SmartLinks = make([]webexconnect.SmartLink, 1) }), "channels.smartlinks[0].linkid"},
		"wrong smart links": {edit(func(r *webexconnect.Request) {
			r.SmartLinks = []webexconnect.SmartLink{{LinkID: 5, Validity: -1}, {LinkID: -5}}
		}), "channels.smartlinks[0].validity, channels.smartlinks[1].linkid"},
		"far expiry": {edit(func(r *webexconnect.Request) { r.Expiry = time.Date(12026, 1, 1, 0, 0, 0, 0, time.UTC) }), "expiry"},
		"far expiry in UTC": {edit(func(r *webexconnect.Request) {
			r.Expiry = time.Date(9999, 12, 31, 23, 0, 0, 0, time.FixedZone("", -2*60*60))
		}), "expiry"},
		"template, flow and media": {edit(func(r *webexconnect.Request) {
			*r = voice(webexconnect.Voice{CallFlowID: "1", Media: "m"})
			r.Template = &webexconnect.Template{ID: "1"}
		}), "channels.voice"},
		"no voice":       {voice(webexconnect.Voice{CLI: "0453745878"}), "channels.voice"},
		"flow and media": {voice(webexconnect.Voice{CallFlowID: "1", Media: "m"}), "channels.voice"},
		"all of voice":   {voice(webexconnect.Voice{CallFlowID: "1", Media: "m", PromptID: "p"}), "channels.voice"},
		"policy without group": {edit(func(r *webexconnect.Request) {
			r.ContactPolicy = &webexconnect.ContactPolicy{CheckConsent: true}
		}), "channels.contactPolicy.contactPolicyGroup"},
		"policy without flag": {edit(func(r *webexconnect.Request) {
			r.ContactPolicy = &webexconnect.ContactPolicy{Group: "g"}
		}), "channels.contactPolicy"},
		"gtrId":         {edit(func(r *webexconnect.Request) { r.GTRIDs = []string{"a", "b"} }), "gtrId"},
		"correlation":   {edit(func(r *webexconnect.Request) { r.CorrelationID = strings.Repeat("é", 26) }), "correlationid"},
		"destination's": {edit(func(r *webexconnect.Request) { r.Destinations[0].CorrelationID = strings.Repeat("c", 51) }), "destination[0].correlationid"},
		"smart link":    {edit(func(r *webexconnect.Request) { r.SMS.Text = "see {{link_5}}" }), "channels.sms.text"},
		"other smart link": {edit(func(r *webexconnect.Request) {
			r.SMS.Text = "{{link_5}}"
			r.SmartLinks = []webexconnect.SmartLink{{LinkID: 6}}
		}), "channels.sms.text"},
		"huge smart link": {edit(func(r *webexconnect.Request) { r.SMS.Text = "{{link_99999999999999999999}}" }), "channels.sms.text"},
		"template":        {edit(func(r *webexconnect.Request) { r.Template = &webexconnect.Template{} }), "message.template"},
		"appid of WhatsApp": {edit(func(r *webexconnect.Request) {
			*r = wa(webexconnect.WhatsApp{Text: &webexconnect.WhatsAppText{Body: "x"}})
			r.AppID = ""
		}), "appid"},
		"appid of Messenger": {edit(func(r *webexconnect.Request) { *r = fb(webexconnect.Messenger{Text: "x"}); r.AppID = "" }), "appid"},
		"appid of Apple":     {edit(func(r *webexconnect.Request) { *r = amb(webexconnect.Apple{Text: "x"}); r.AppID = "" }), "appid"},
		"appid of push": {edit(func(r *webexconnect.Request) {
			*r = push(webexconnect.Push{IOS: &webexconnect.PushIOS{Text: "x"}})
			r.AppID = ""
		}), "appid"},
		"appid of in-app": {edit(func(r *webexconnect.Request) {
			*r = inapp(webexconnect.InApp{ThreadID: "t", Type: "typingStart"})
			r.AppID = ""
		}), "appid"},
		"appid of rt": {edit(func(r *webexconnect.Request) {
			*r = inapp(webexconnect.InApp{ThreadID: "t", Type: "typingStart"})
			r.AppID, r.Channel = "", "rt"
		}), "appid"},
		"links on voice": {edit(func(r *webexconnect.Request) {
			*r = voice(webexconnect.Voice{PromptID: "1"})
			r.SmartLinks = []webexconnect.SmartLink{{LinkID: 5}}
		}), "channels.smartlinks"},
		"links on push": {edit(func(r *webexconnect.Request) {
			*r = push(webexconnect.Push{IOS: &webexconnect.PushIOS{Text: "x"}})
			r.SmartLinks = []webexconnect.SmartLink{{LinkID: 5}}
		}), "channels.smartlinks"},
		"links on Apple": {edit(func(r *webexconnect.Request) {
			*r = amb(webexconnect.Apple{Text: "x"})
			r.SmartLinks = []webexconnect.SmartLink{{LinkID: 5}}
		}), "channels.smartlinks"},
		"link on WhatsApp":  {wa(webexconnect.WhatsApp{Text: &webexconnect.WhatsAppText{Body: "{{link_5}}"}}), "channels.OTT-Messaging.wa.text.body"},
		"link on Messenger": {fb(webexconnect.Messenger{Text: "{{link_5}}"}), "channels.OTT-Messaging.fb.text"},
		"link in the app":   {inapp(webexconnect.InApp{ThreadID: "t", Message: &webexconnect.InAppMessage{Text: "{{link_5}}"}}), "channels.appmessaging.message.text"},
		"too many":          {edit(func(r *webexconnect.Request) { r.Destinations[0].MSISDN = many(1001) }), "destination"},
		"too many over objects": {edit(func(r *webexconnect.Request) {
			r.Destinations = []webexconnect.Destination{webexconnect.ToPhone(many(999)...), webexconnect.ToCustomer("a", "b")}
		}), "destination"},

		"UTF-8 in text":    {edit(func(r *webexconnect.Request) { r.SMS.Text = bad }), "channels.sms.text"},
		"UTF-8 at the top": {edit(func(r *webexconnect.Request) { r.CorrelationID, r.CallbackData, r.NotifyURLAuthID = bad, bad, bad }), "correlationid, callbackData, notifyurlAuthId"},
		"UTF-8 in identifiers": {edit(func(r *webexconnect.Request) {
			r.Destinations[0] = webexconnect.Destination{WAID: []string{"x", bad}, CorrelationID: bad}
		}), "destination[0].waid[1], destination[0].correlationid"},
		"UTF-8 in others": {edit(func(r *webexconnect.Request) { r.Destinations[0].Other = map[string][]string{"x": {bad}, bad: {"x"}} }), "destination[0].x[0], destination[0]"},
		"UTF-8 in parameters": {edit(func(r *webexconnect.Request) {
			r.Template = &webexconnect.Template{ID: "1", Parameters: map[string]any{"a": bad, "b": []any{map[string]any{"c": bad}}}}
		}), "message.parameters.a, message.parameters.b[0].c"},
		"UTF-8 in options": {edit(func(r *webexconnect.Request) {
			r.Options = &webexconnect.LinkOptions{Domain: bad, Tag1: bad, Tag2: bad}
		}), "options.domain, options.tag1, options.tag2"},
		"UTF-8 in gtrId": {edit(func(r *webexconnect.Request) { r.GTRIDs, r.ICMessage = []string{bad}, new(bad) }), "gtrId[0], icmessage"},
		"UTF-8 in policy": {edit(func(r *webexconnect.Request) {
			r.ContactPolicy = &webexconnect.ContactPolicy{Group: bad, CheckConsent: true}
		}), "channels.contactPolicy.contactPolicyGroup"},
		"UTF-8 in voice":     {voice(webexconnect.Voice{PromptID: bad}), "channels.voice.promptid"},
		"UTF-8 in WhatsApp":  {wa(webexconnect.WhatsApp{Text: &webexconnect.WhatsAppText{Body: bad}}), "channels.OTT-Messaging.wa.text.body"},
		"UTF-8 in Messenger": {fb(webexconnect.Messenger{Text: bad}), "channels.OTT-Messaging.fb.text"},
		"UTF-8 in Apple":     {amb(webexconnect.Apple{Text: bad}), "channels.AppleBusinessChat.text"},
		"UTF-8 in push":      {push(webexconnect.Push{IOS: &webexconnect.PushIOS{Text: bad}}), "channels.push.ios.text"},
		"UTF-8 in the app":   {inapp(webexconnect.InApp{ThreadID: bad, Type: "typingStart"}), "channels.appmessaging.thread_id"},
		"extra": {edit(func(r *webexconnect.Request) {
			r.Extra = map[string]json.RawMessage{"a": json.RawMessage(`{`), "b": nil}
			r.ChannelsExtra = map[string]json.RawMessage{"c": json.RawMessage(`x`)}
			r.OTTExtra = map[string]json.RawMessage{"d": json.RawMessage(`x`)}
			r.SMS.Extra = map[string]json.RawMessage{"e": json.RawMessage(`x`), bad: json.RawMessage(`1`)}
		}), "channels.sms.e, channels.sms, a, b, channels.c, channels.OTT-Messaging.d"},
	}
}

// otherRules are those of the vendor's other pages: WithRelaxedValidation
// switches them off.
func otherRules() map[string]struct {
	r     webexconnect.Request
	paths string
} {
	type tt = struct {
		r     webexconnect.Request
		paths string
	}
	template := func(name string, value any) webexconnect.Request {
		return webexconnect.NewWhatsAppTemplate("a_1", webexconnect.Template{ID: "1", Parameters: map[string]any{name: value}}, webexconnect.ToWhatsApp("1"))
	}
	buttons := make([]webexconnect.MessengerButton, 4)
	for i := range buttons {
		buttons[i] = webexconnect.MessengerButton{Type: "web_url", Title: "t", URL: "u"}
	}
	const ott, was, app = "channels.OTT-Messaging.fb", "channels.OTT-Messaging.wa", "channels.appmessaging"
	return map[string]tt{
		"Messenger: template and two": {withTemplate(fb(webexconnect.Messenger{Text: "x", SenderAction: "typing_on"})), "channels.OTT-Messaging.fb"},
		"in-app: template, no thread": {withTemplate(inapp(webexconnect.InApp{})), "channels.appmessaging.thread_id"},
		"Apple: template, no type":    {withTemplate(amb(webexconnect.Apple{})), "channels.AppleBusinessChat.type"},

		"odd body":       {edit(func(r *webexconnect.Request) { r.SMS.Type, r.SMS.Body = "3", "abc" }), "channels.sms.body"},
		"body not hex":   {edit(func(r *webexconnect.Request) { r.SMS.Type, r.SMS.Body = "3", "zz" }), "channels.sms.body"},
		"store region":   {edit(func(r *webexconnect.Request) { r.SMS.StoreRegion = "US" }), "channels.sms.storeRegion"},
		"callbackData":   {edit(func(r *webexconnect.Request) { r.CallbackData = strings.Repeat("c", 2001) }), "callbackData"},
		"notifyurl http": {edit(func(r *webexconnect.Request) { r.NotifyURL = "http://example.com" }), "notifyurl"},
		"notifyurl":      {edit(func(r *webexconnect.Request) { r.NotifyURL = "example.com/x" }), "notifyurl"},
		"notifyurl, %":   {edit(func(r *webexconnect.Request) { r.NotifyURL = "https://%zz" }), "notifyurl"},
		"notifyurl, ' '": {edit(func(r *webexconnect.Request) { r.NotifyURL = "https://example.com/x " }), "notifyurl"},
		"no domain":      {edit(func(r *webexconnect.Request) { r.Options = &webexconnect.LinkOptions{} }), "options.domain"},
		"options, voice": {edit(func(r *webexconnect.Request) {
			*r = voice(webexconnect.Voice{PromptID: "1"})
			r.Options = &webexconnect.LinkOptions{Domain: "d"}
		}), "options"},

		"WhatsApp: nothing":        {wa(webexconnect.WhatsApp{}), was},
		"WhatsApp: two":            {wa(webexconnect.WhatsApp{Text: &webexconnect.WhatsAppText{Body: "x"}, Location: &webexconnect.WhatsAppLocation{}}), was},
		"WhatsApp: type":           {wa(webexconnect.WhatsApp{Type: "image", Text: &webexconnect.WhatsAppText{Body: "x"}}), was + ".type"},
		"WhatsApp: type alone":     {wa(webexconnect.WhatsApp{Type: "hsm"}), was},
		"WhatsApp: no body":        {wa(webexconnect.WhatsApp{Text: &webexconnect.WhatsAppText{}}), was + ".text.body"},
		"WhatsApp: long body":      {wa(webexconnect.WhatsApp{Text: &webexconnect.WhatsAppText{Body: strings.Repeat("x", 4097)}}), was + ".text.body"},
		"WhatsApp: media":          {wa(webexconnect.WhatsApp{Document: &webexconnect.WhatsAppMedia{}}), was + ".document.url, " + was + ".document.mimeType"},
		"WhatsApp: audio caption":  {wa(webexconnect.WhatsApp{Audio: &webexconnect.WhatsAppMedia{URL: "u", MIMEType: "m", Caption: "c"}}), was + ".audio.caption"},
		"WhatsApp: contact's name": {wa(webexconnect.WhatsApp{Contacts: []webexconnect.WhatsAppContact{{Birthday: "1.1.1970"}}}), was + ".contacts[0].name.formatted_name, " + was + ".contacts[0].name, " + was + ".contacts[0].birthday"},
		"WhatsApp: contact's types": {wa(webexconnect.WhatsApp{Contacts: []webexconnect.WhatsAppContact{{
			Name:      webexconnect.WhatsAppName{FormattedName: "A B", FirstName: "A"},
			Addresses: []webexconnect.WhatsAppAddress{{Type: "x"}}, Emails: []webexconnect.WhatsAppEmail{{Type: "x"}},
			Phones: []webexconnect.WhatsAppPhone{{Type: "x"}}, URLs: []webexconnect.WhatsAppURL{{Type: "x"}},
		}}}), was + ".contacts[0].addresses[0].type, " + was + ".contacts[0].emails[0].type, " + was + ".contacts[0].phones[0].type, " + was + ".contacts[0].urls[0].type"},
		"WhatsApp: list": {wa(webexconnect.WhatsApp{List: &webexconnect.WhatsAppList{
			Header: &webexconnect.WhatsAppHeader{Type: "image"}, Action: webexconnect.WhatsAppListAction{Button: strings.Repeat("b", 21)},
		}}), was + ".list.header.type, " + was + ".list.header, " + was + ".list.body.text, " + was + ".list.action.button, " + was + ".list.action.sections"},
		"WhatsApp: sections": {wa(webexconnect.WhatsApp{List: &webexconnect.WhatsAppList{
			Body: webexconnect.WhatsAppBody{Text: "b"}, Action: webexconnect.WhatsAppListAction{Button: "b", Sections: []webexconnect.WhatsAppSection{
				{Rows: make([]webexconnect.WhatsAppRow, 1)}, {Title: strings.Repeat("t", 25)},
			}},
		}}), was + ".list.action.sections[0].title, " + was + ".list.action.sections[0].rows[0].id, " + was + ".list.action.sections[0].rows[0].title, " +
			was + ".list.action.sections[1].title, " + was + ".list.action.sections[1].rows"},
		"WhatsApp: rows": {wa(webexconnect.WhatsApp{List: &webexconnect.WhatsAppList{
			Body: webexconnect.WhatsAppBody{Text: "b"}, Action: webexconnect.WhatsAppListAction{Button: "b", Sections: []webexconnect.WhatsAppSection{
				{Rows: func() (rows []webexconnect.WhatsAppRow) {
					for range 11 {
						rows = append(rows, webexconnect.WhatsAppRow{ID: "i", Title: "t"})
					}
					return rows
				}()},
			}},
		}}), was + ".list.action.sections"},
		"WhatsApp: reply": {wa(webexconnect.WhatsApp{Reply: &webexconnect.WhatsAppReply{
			Header: &webexconnect.WhatsAppHeader{Type: "gif"}, Footer: &webexconnect.WhatsAppBody{Text: strings.Repeat("f", 61)},
		}}), was + ".reply.header.type, " + was + ".reply.body.text, " + was + ".reply.footer.text, " + was + ".reply.action.buttons"},
		"WhatsApp: buttons": {wa(webexconnect.WhatsApp{Reply: &webexconnect.WhatsAppReply{
			Header: &webexconnect.WhatsAppHeader{Type: "image", Image: &webexconnect.WhatsAppHeaderMedia{}},
			Body:   webexconnect.WhatsAppBody{Text: "b"},
			Action: webexconnect.WhatsAppReplyAction{Buttons: []webexconnect.WhatsAppButton{
				{}, webexconnect.ReplyButton("1", "1"), webexconnect.ReplyButton("2", "2"), webexconnect.ReplyButton("3", "3"),
			}},
		}}), was + ".reply.header.image.url, " + was + ".reply.action.buttons, " + was + ".reply.action.buttons[0].type, " +
			was + ".reply.action.buttons[0].reply.id, " + was + ".reply.action.buttons[0].reply.title"},
		"WhatsApp: OTP":               {template("otp", webexconnect.OTPParameter("12 34")), "message.parameters.otp.value"},
		"WhatsApp: long OTP":          {template("otp", webexconnect.OTPParameter(strings.Repeat("1", 16))), "message.parameters.otp.value"},
		"WhatsApp: quick replies":     {template("quickReply", webexconnect.QuickReplyParameter(make([]webexconnect.TemplateButton, 4)...)), "message.parameters.quickReply"},
		"WhatsApp: own quick replies": {template("quickReply", make([]any, 4)), "message.parameters.quickReply"},

		"Messenger: nothing":       {fb(webexconnect.Messenger{}), ott},
		"Messenger: two":           {fb(webexconnect.Messenger{Text: "x", SenderAction: "typing_on"}), ott},
		"Messenger: attachment":    {fb(webexconnect.Messenger{Attachment: &webexconnect.MessengerAttachment{}}), ott + ".attachment.type, " + ott + ".attachment.payload.url"},
		"Messenger: template":      {fb(webexconnect.Messenger{Attachment: &webexconnect.MessengerAttachment{Type: "template"}}), ott + ".attachment.payload.template_type, " + ott + ".attachment.payload.elements"},
		"Messenger: quick replies": {fb(webexconnect.Messenger{Text: "x", QuickReplies: make([]webexconnect.MessengerQuickReply, 11)[:11:11]}), ott + ".quick_replies" + repeat(11, ", "+ott+".quick_replies[%d].content_type")},
		"Messenger: quick reply": {fb(webexconnect.Messenger{Text: "x", QuickReplies: []webexconnect.MessengerQuickReply{
			{ContentType: "text"}, {ContentType: "text", Title: strings.Repeat("t", 21), Payload: strings.Repeat("p", 1001)},
		}}), ott + ".quick_replies[0].title, " + ott + ".quick_replies[0].payload, " + ott + ".quick_replies[1].title, " + ott + ".quick_replies[1].payload"},
		"Messenger: button": {fb(webexconnect.Messenger{Attachment: &webexconnect.MessengerAttachment{Type: "template", Payload: webexconnect.MessengerPayload{
			TemplateType: "button", Buttons: []webexconnect.MessengerButton{{Type: "postback"}},
		}}}), ott + ".attachment.payload.text, " + ott + ".attachment.payload.buttons[0].title, " + ott + ".attachment.payload.buttons[0].payload"},
		"Messenger: generic": {fb(webexconnect.Messenger{Attachment: &webexconnect.MessengerAttachment{Type: "template", Payload: webexconnect.MessengerPayload{
			TemplateType: "generic", Elements: []webexconnect.MessengerElement{{Title: strings.Repeat("t", 81), Subtitle: strings.Repeat("s", 81), Buttons: buttons}},
		}}}), ott + ".attachment.payload.elements[0].title, " + ott + ".attachment.payload.elements[0].subtitle, " + ott + ".attachment.payload.elements[0].buttons"},
		"Messenger: receipt": {fb(webexconnect.Messenger{Attachment: &webexconnect.MessengerAttachment{Type: "template", Payload: webexconnect.MessengerPayload{
			TemplateType: "receipt",
		}}}), ott + ".attachment.payload.recipient_name, " + ott + ".attachment.payload.order_number, " + ott + ".attachment.payload.currency, " +
			ott + ".attachment.payload.payment_method, " + ott + ".attachment.payload.summary, " + ott + ".attachment.payload.elements"},

		"in-app: nothing": {inapp(webexconnect.InApp{}), app + ".thread_id, " + app + ".message"},
		"in-app: message": {inapp(webexconnect.InApp{ThreadID: "t", Message: &webexconnect.InAppMessage{}}), app + ".message"},
		"in-app: video":   {inapp(webexconnect.InApp{ThreadID: "t", Message: &webexconnect.InAppMessage{Attachment: &webexconnect.InAppAttachment{ContentType: "video"}}}), app + ".message.attachment.file, " + app + ".message.attachment.preview"},
		"in-app: kind":    {inapp(webexconnect.InApp{ThreadID: "t", Message: &webexconnect.InAppMessage{Attachment: &webexconnect.InAppAttachment{ContentType: "gif"}}}), app + ".message.attachment.contentType"},
		"in-app: place":   {inapp(webexconnect.InApp{ThreadID: "t", Message: &webexconnect.InAppMessage{Attachment: &webexconnect.InAppAttachment{ContentType: "location"}}}), app + ".message.attachment"},
		"in-app: cards":   {inapp(webexconnect.InApp{ThreadID: "t", Message: &webexconnect.InAppMessage{Attachment: &webexconnect.InAppAttachment{ContentType: "template"}}}), app + ".message.attachment.payload.elements"},
		"in-app: buttons": {inapp(webexconnect.InApp{ThreadID: "t", Message: &webexconnect.InAppMessage{Attachment: &webexconnect.InAppAttachment{
			ContentType: "template", Payload: &webexconnect.InAppTemplate{Elements: []webexconnect.InAppElement{{
				Title: "t", ImageURLs: make([]string, 6), Buttons: []webexconnect.InAppButton{
					{Type: "webUrl", Identifier: "1", Title: "t"}, {Type: "templatePostback", Identifier: "1", Title: "t"},
				},
			}}},
		}}}), app + ".message.attachment.payload.elements[0].imageUrls, " + app + ".message.attachment.payload.elements[0].buttons[0].url, " +
			app + ".message.attachment.payload.elements[0].buttons[1].identifier"},
		"in-app: notification": {inapp(webexconnect.InApp{ThreadID: "t", Type: "threadAlert", Notification: &webexconnect.InAppNotification{
			Interactive: &webexconnect.PushInteractive{Category: "DOUBLE_REPLY_YES_NO", DeviceTypes: []string{"ios"}, Actions: []webexconnect.PushButton{{Position: 1, Action: "SHARE"}}},
		}}), app + ".notification.title, " + app + ".notification.text, " + app + ".notification.interactive.device_types, " + app + ".notification.interactive.actions[0].value"},
		"in-app: quick replies": {
			inapp(webexconnect.InApp{ThreadID: "t", Message: &webexconnect.InAppMessage{Text: "x", QuickReplies: &webexconnect.InAppQuickReplies{Options: make([]webexconnect.InAppQuickOption, 1)}}}),
			app + ".message.quickReplies.options[0].type, " + app + ".message.quickReplies.options[0].identifier, " + app + ".message.quickReplies.options[0].title",
		},

		"push: nothing": {push(webexconnect.Push{}), "channels.push"},
		"push: texts":   {push(webexconnect.Push{Android: &webexconnect.PushAndroid{}, IOS: &webexconnect.PushIOS{}, Web: &webexconnect.PushWeb{}}), "channels.push.android.text, channels.push.ios.text, channels.push.web.text, channels.push.web.platform_types"},
		"push: browser": {push(webexconnect.Push{Web: &webexconnect.PushWeb{Text: "x", Platforms: []string{"opera"}}}), "channels.push.web.platform_types[0]"},
		"push: buttons": {push(webexconnect.Push{IOS: &webexconnect.PushIOS{Text: "x"}, Interactive: &webexconnect.PushInteractive{
			Category: "DOUBLE_REPLY_YES_NO", DeviceTypes: []string{"ios", "ios"},
			Actions: []webexconnect.PushButton{{Position: 1, Action: "DISMISS"}, {Position: 1, Action: "OPEN_URL"}, {Position: 3}},
		}}), "channels.push.interactive.category, channels.push.interactive.device_types[1], channels.push.interactive.actions[1].pos, " +
			"channels.push.interactive.actions[1].value, channels.push.interactive.actions[2].pos, channels.push.interactive.actions[2].action"},
		"push: no buttons": {push(webexconnect.Push{IOS: &webexconnect.PushIOS{Text: "x"}, Interactive: &webexconnect.PushInteractive{}}), "channels.push.interactive.device_types, channels.push.interactive.category, channels.push.interactive.actions"},

		"Apple: nothing":     {amb(webexconnect.Apple{}), "channels.AppleBusinessChat.type"},
		"Apple: text":        {amb(webexconnect.Apple{Type: "text", Attachments: make([]webexconnect.AppleAttachment, 1)}), "channels.AppleBusinessChat.text, channels.AppleBusinessChat.attachments[0].url, channels.AppleBusinessChat.attachments[0].mimeType"},
		"Apple: rich link":   {amb(webexconnect.Apple{Type: "richLink"}), "channels.AppleBusinessChat.richLinkData"},
		"Apple: link":        {amb(webexconnect.Apple{RichLink: &webexconnect.AppleRichLink{}}), "channels.AppleBusinessChat.richLinkData.url, channels.AppleBusinessChat.richLinkData.title, channels.AppleBusinessChat.richLinkData.assets"},
		"Apple: interactive": {amb(webexconnect.Apple{Type: "interactive"}), "channels.AppleBusinessChat.interactiveData"},
		"Apple: data":        {amb(webexconnect.Apple{Interactive: &webexconnect.AppleInteractive{}}), "channels.AppleBusinessChat.interactiveData.data"},
		"Apple: kinds":       {amb(webexconnect.Apple{Interactive: &webexconnect.AppleInteractive{Data: &webexconnect.AppleData{}}}), "channels.AppleBusinessChat.interactiveData.data.version, channels.AppleBusinessChat.interactiveData.data.requestIdentifier, channels.AppleBusinessChat.interactiveData.data"},
		"Apple: lists": {amb(webexconnect.Apple{Interactive: &webexconnect.AppleInteractive{
			ReceivedMessage: &webexconnect.AppleBubble{Title: strings.Repeat("t", 513), Subtitle: strings.Repeat("s", 513), Style: "huge"},
			Data: &webexconnect.AppleData{
				Version: "1.0", RequestIdentifier: "r", ListPicker: &webexconnect.AppleListPicker{Sections: []webexconnect.AppleSection{{Items: make([]webexconnect.AppleItem, 21)}}},
				Event: &webexconnect.AppleEvent{Timeslots: make([]webexconnect.AppleSlot, 11)}, QuickReply: &webexconnect.AppleQuickReply{Items: make([]webexconnect.AppleQuickReplyItem, 1)},
			},
		}}), "channels.AppleBusinessChat.interactiveData.receivedMessage.title, channels.AppleBusinessChat.interactiveData.receivedMessage.subtitle, " +
			"channels.AppleBusinessChat.interactiveData.receivedMessage.style, channels.AppleBusinessChat.interactiveData.data, " +
			"channels.AppleBusinessChat.interactiveData.data.listPicker.sections[0].items, channels.AppleBusinessChat.interactiveData.data.event.timeslots, " +
			"channels.AppleBusinessChat.interactiveData.data.quick-reply.summaryText, channels.AppleBusinessChat.interactiveData.data.quick-reply.items, " +
			"channels.AppleBusinessChat.interactiveData.data.quick-reply.items[0].identifier, channels.AppleBusinessChat.interactiveData.data.quick-reply.items[0].title"},
		"Apple: empty lists": {amb(webexconnect.Apple{Interactive: &webexconnect.AppleInteractive{Data: &webexconnect.AppleData{
			Version: "1.0", RequestIdentifier: "r", ListPicker: &webexconnect.AppleListPicker{}, Event: &webexconnect.AppleEvent{},
		}}}), "channels.AppleBusinessChat.interactiveData.data, channels.AppleBusinessChat.interactiveData.data.listPicker.sections, channels.AppleBusinessChat.interactiveData.data.event.timeslots"},
		"Apple: invitation": {amb(webexconnect.Apple{Type: "invitation", RequestIdentifier: strings.Repeat("r", 101)}), "channels.AppleBusinessChat.brandName, channels.AppleBusinessChat.withImage, channels.AppleBusinessChat.requestIdentifier"},
	}
}

func repeat(n int, format string) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(strings.ReplaceAll(format, "%d", string(rune('0'+i/10))+string(rune('0'+i%10))))
	}
	return strings.ReplaceAll(b.String(), "[0", "[")
}

func paths(t *testing.T, err error) string {
	t.Helper()
	e, ok := errors.AsType[*webexconnect.Error](err)
	require.True(t, ok, "%v", err)
	var out []string
	for _, f := range e.Fields {
		out = append(out, f.Path)
		assert.NotEmpty(t, f.Message)
	}
	return strings.Join(out, ", ")
}

func TestValidate(t *testing.T) {
	t.Parallel()
	relaxed := accepting()
	client := relaxed.client(t, webexconnect.WithRelaxedValidation())
	for name, tt := range pageRules() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := tt.r.Validate()
			assert.Equal(t, tt.paths, strings.ReplaceAll(paths(t, err), bad, "?"))
			testutil.NoLeak(t, err, testPhone, testText)
			_, err = client.Send(t.Context(), tt.r)
			require.Error(t, err, "relaxed or not")
			_, err = client.SendBatch(t.Context(), []webexconnect.Request{sms(), tt.r})
			require.Error(t, err)
			e, ok := errors.AsType[*webexconnect.Error](err)
			require.True(t, ok)
			assert.Equal(t, "SendBatch", e.Op)
			if tt.paths != "destination" { // too many are counted over all
				assert.True(t, strings.HasPrefix(e.Fields[0].Path, "[1]"), e.Fields[0].Path)
			}
		})
	}
	for name, tt := range otherRules() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := tt.r.Validate()
			require.ErrorIs(t, err, webexconnect.ErrInvalidRequest)
			assert.Equal(t, tt.paths, paths(t, err))
			_, err = client.Send(t.Context(), tt.r)
			require.NoError(t, err, "relaxed")
		})
	}
}

func TestInvalidRecipients(t *testing.T) {
	t.Parallel()
	for _, d := range []webexconnect.Destination{{}, {CorrelationID: "c"}, webexconnect.ToPhone(testPhone, "")} {
		r := sms()
		r.Destinations = append(r.Destinations, d)
		require.ErrorIs(t, r.Validate(), webexconnect.ErrInvalidRecipient)
		r.SMS.Text = ""
		err := r.Validate()
		require.ErrorIs(t, err, webexconnect.ErrInvalidRequest, "not only the recipient is wrong")
		require.NotErrorIs(t, err, webexconnect.ErrInvalidRecipient)
	}
}

func TestE164Check(t *testing.T) {
	t.Parallel()
	s := accepting()
	c := s.client(t, webexconnect.WithE164Check())
	for number, good := range map[string]bool{
		testPhone: true, "+12025550123": true, "+1": false, "+12": false, "+44900": false, "+9991234567": false, "+99900000000": false, "449000000009": false, "+4490XXXXX009": false, "+0449000000009": false, "+": false, "+1234567890123456": false, "+44 90": false,
	} {
		r := sms()
		r.Destinations[0].MSISDN[0] = number
		require.NoError(t, r.Validate(), "not checked by default")
		_, err := c.Send(t.Context(), r)
		if good {
			require.NoError(t, err, number)
			continue
		}
		require.ErrorIs(t, err, webexconnect.ErrInvalidRecipient, number)
		assert.Equal(t, "destination[0].msisdn[0]", paths(t, err))
		testutil.NoLeak(t, err, "449000000009", "4490XXXXX009", "1234567890123456")
	}
}

func TestPolicyPathFollowsTheOption(t *testing.T) {
	t.Parallel()
	r := sms()
	r.ContactPolicy = &webexconnect.ContactPolicy{}
	_, err := accepting().client(t, webexconnect.WithContactPolicyTopLevel()).Send(t.Context(), r)
	assert.Equal(t, "contactPolicy.contactPolicyGroup, contactPolicy", paths(t, err))
}

// TestAllowed is what must pass.
func TestAllowed(t *testing.T) {
	t.Parallel()
	for name, r := range map[string]webexconnect.Request{
		"1024 characters":     edit(func(r *webexconnect.Request) { r.SMS.Text = strings.Repeat("é", 1024) }),
		"50 bytes":            edit(func(r *webexconnect.Request) { r.CorrelationID = strings.Repeat("c", 50) }),
		"2000 characters":     edit(func(r *webexconnect.Request) { r.CallbackData = strings.Repeat("é", 2000) }),
		"the page's token":    edit(func(r *webexconnect.Request) { r.SMS.Text = "{{link_linkid}}" }),
		"flash":               edit(func(r *webexconnect.Request) { r.SMS.Type = webexconnect.SMSFlash }),
		"binary":              webexconnect.NewSMS(webexconnect.BinarySMS("ACME", []byte{1}), webexconnect.ToPhone("1")),
		"template, no text":   edit(func(r *webexconnect.Request) { r.SMS.Text = ""; r.Template = &webexconnect.Template{ID: "1"} }),
		"template only":       edit(func(r *webexconnect.Request) { r.SMS = nil; r.Template = &webexconnect.Template{ID: "1"} }),
		"template, in-app":    withTemplate(inapp(webexconnect.InApp{ThreadID: "t"})),
		"template, Messenger": withTemplate(fb(webexconnect.Messenger{MessagingType: "MESSAGE_TAG", Tag: "HUMAN_AGENT"})),
		"template, push": withTemplate(push(webexconnect.Push{Interactive: &webexconnect.PushInteractive{
			Category: "DOUBLE_YES_NO", DeviceTypes: []string{"ios"}, Actions: []webexconnect.PushButton{{Position: 1, Action: "DISMISS"}, {Position: 2, Action: "DISMISS"}},
		}})),
		"template, Apple":          withTemplate(amb(webexconnect.Apple{Type: "text"})),
		"template, Apple's others": withTemplate(amb(webexconnect.Apple{Type: "interactive"})),
		"template, voice":          withTemplate(voice(webexconnect.Voice{CLI: "0453745878"})),
		"template, prompt":         withTemplate(voice(webexconnect.Voice{PromptID: "1"})),
		"link 5": edit(func(r *webexconnect.Request) {
			r.SMS.Text, r.SmartLinks = "{{link_5}}", []webexconnect.SmartLink{{LinkID: 5}}
		}),
		"1000":            edit(func(r *webexconnect.Request) { r.Destinations[0].MSISDN = many(1000) }),
		"local notifyurl": edit(func(r *webexconnect.Request) { r.NotifyURL = "http://127.0.0.1:8080/x" }),
		"Apple, low": edit(func(r *webexconnect.Request) {
			*r = amb(webexconnect.Apple{Text: "x"})
			r.Channel = webexconnect.ChannelAppleLow
		}),
		"Apple, raw": amb(webexconnect.Apple{Interactive: &webexconnect.AppleInteractive{Extra: map[string]json.RawMessage{
			"appId": json.RawMessage(`"1"`), "appName": json.RawMessage(`"a"`), "URL": json.RawMessage(`"u"`),
		}}}),
		"Apple, form":   amb(webexconnect.Apple{Interactive: &webexconnect.AppleInteractive{Data: &webexconnect.AppleData{Version: "1.0", RequestIdentifier: "r", Dynamic: json.RawMessage(`{}`)}}}),
		"Apple, typing": amb(webexconnect.Apple{Type: "typing_start"}),
		"invitation":    webexconnect.NewApple("a", webexconnect.AppleInvitation("b", false), webexconnect.ToPhone(testPhone)),
		"WhatsApp, raw": wa(webexconnect.WhatsApp{Type: "hsm", Extra: map[string]json.RawMessage{"hsm": json.RawMessage(`{}`)}}),
		"OTP":           webexconnect.NewWhatsAppTemplate("a", webexconnect.Template{ID: "1", Parameters: map[string]any{"otp": webexconnect.OTPParameter("123456")}}, webexconnect.ToWhatsApp("1")),
		"Twitter": {
			Channel: "twitter", OTTExtra: map[string]json.RawMessage{"twitter": json.RawMessage(`{"text":"x"}`)},
			Destinations: []webexconnect.Destination{{TwitterID: []string{"t"}}},
		},
		"expired": edit(func(r *webexconnect.Request) { r.Expiry = time.Unix(1, 0) }), // the clock is the vendor's
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.NoError(t, r.Validate())
			_, err := accepting().client(t).Send(t.Context(), r)
			require.NoError(t, err)
		})
	}
	for name, r := range goldens() {
		require.NoError(t, r.Validate(), name)
	}
}
