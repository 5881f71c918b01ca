package webexconnect_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cpaas-go/cpaas/internal/testutil"
	"github.com/cpaas-go/cpaas/webexconnect"
)

// goldens are the requests of the vendor's pages, by file of testdata.
func goldens() map[string]webexconnect.Request {
	link := []webexconnect.SmartLink{{LinkID: 5, Validity: 30}}
	policy := &webexconnect.ContactPolicy{Group: "xKa4xfM3S_a9bP98ryCw8w", CheckConsent: true, ApplyFrequencyCap: true}

	smartlink := webexconnect.NewSMS(webexconnect.SMS{
		Text:     "Sending first SMS with smart link using imiconnect. Click the link to download the mobile app {{link_5}}",
		SenderID: "SENDER",
	}, webexconnect.ToPhone("+4490XXXXX009"))
	smartlink.SmartLinks = link

	section := webexconnect.NewSMS(webexconnect.SMS{
		Text:     "Sending first SMS with smart link using webexconnect. Click the link to download the mobile app {{link_5}}",
		SenderID: "SENDER",
	}, webexconnect.ToPhone("4490XXXXX009"))
	section.SmartLinks = link

	pageAll := webexconnect.NewSMS(webexconnect.SMS{
		Text: "SMS message content with {{link_linkid}}", SenderID: "SENDER", Type: webexconnect.SMSText,
		Extras: &webexconnect.SMSExtras{DLTTemplateID: "1107158158796985790"},
	}, webexconnect.Destination{MSISDN: []string{"<value1>", "<value2>"}, CorrelationID: "<id>"})
	pageAll.CorrelationID, pageAll.CallbackData = "SMSMTusingmsisdn", "smstesting"
	pageAll.SmartLinks, pageAll.ContactPolicy = link, policy

	all := webexconnect.NewSMS(webexconnect.SMS{
		Text: "Click {{link_5}}", SenderID: "SENDER", Type: webexconnect.SMSText,
		Extras: &webexconnect.SMSExtras{DLTTemplateID: "1107158158796985790"},
	}, webexconnect.Destination{MSISDN: []string{"+449000000009"}, CorrelationID: "order-42-1"})
	all.CorrelationID, all.CallbackData = "order-42", "tenant-7"
	all.NotifyURL, all.NotifyURLAuthID = "https://hooks.example.com/webexconnect", "TNPXXXT09U"
	all.Expiry = time.Date(2026, 11, 21, 18, 30, 19, 456e6, time.FixedZone("", 5*3600+1800))
	all.SmartLinks, all.ContactPolicy = link, policy
	all.Options = &webexconnect.LinkOptions{
		TrackClicks: new(true), ShortenLinks: new(true), Domain: "https://s.example.com", Tag1: "a", Tag2: "b", AllowFallbackURL: new(false),
	}

	template := webexconnect.NewWhatsAppTemplate("a_157967534853754560", webexconnect.Template{
		ID: "5139722425",
		Parameters: map[string]any{
			"image":          webexconnect.MediaParameter("https://example.com/a.jpg", ""),
			"movie":          "joker",
			"time":           webexconnect.DateTimeParameter("Feb 20th, 2023 8:45pm", time.Unix(1782231500, 0)),
			"purchase_value": webexconnect.CurrencyParameter("USD", 150000, "EUR 300"),
			"ctaVariable":    webexconnect.URLParameter("url_extension"),
			"quickReply":     webexconnect.QuickReplyParameter(webexconnect.TemplateButton{Text: "Button 1", Payload: "P1"}),
		},
	}, webexconnect.ToWhatsApp("919876543210"))
	template.WhatsApp = &webexconnect.WhatsApp{IdentityKeyHash: "njbYlYcxxxxx"}

	reply := webexconnect.NewWhatsApp("a_157967534853754560", webexconnect.WhatsApp{
		Reply: &webexconnect.WhatsAppReply{
			Header: &webexconnect.WhatsAppHeader{Type: "text", Text: "Order"},
			Body:   webexconnect.WhatsAppBody{Text: "Confirm?"},
			Footer: &webexconnect.WhatsAppBody{Text: "Shop"},
			Action: webexconnect.WhatsAppReplyAction{Buttons: []webexconnect.WhatsAppButton{webexconnect.ReplyButton("yes", "Yes")}},
		},
		IdentityKeyHash: "8VVxxxxxmtw=",
	}, webexconnect.ToWhatsApp("919876543210"))
	reply.CorrelationID = "c-1"

	return map[string]webexconnect.Request{
		"page_smartlink":   smartlink,
		"page_sms_section": section,
		"page_all_fields":  pageAll,
		"sms_all":          all,
		"voice_prompt":     webexconnect.NewVoice(webexconnect.Voice{PromptID: "354"}, webexconnect.ToPhone("+919000000010")),
		"whatsapp_reply":   reply,

		"whatsapp_template": template,
		"inapp": webexconnect.NewInApp("MU20051001", webexconnect.InApp{
			ThreadID: "4b092634-a8eb-4c1e-996b-29ebaded4970",
			Message: &webexconnect.InAppMessage{
				Text: "Do you want to purchase?",
				QuickReplies: &webexconnect.InAppQuickReplies{Reference: "ref", Options: []webexconnect.InAppQuickOption{{
					Type: "quickReplyPostback", Identifier: "21221-323232-231212", Title: "Yes", ImageURL: new(""),
					Payload: map[string]any{"test": "one"},
				}}},
			},
			Notification: &webexconnect.InAppNotification{
				Title: "New message", Text: "Open the app",
				Android: &webexconnect.InAppAndroidExtras{Action: &webexconnect.PushAction{Action: "OPEN_URL", Value: "https://example.com"}},
			},
		}, webexconnect.ToUser("97XX90")),
		"push": webexconnect.NewPush("MU20051001", webexconnect.Push{
			Android: &webexconnect.PushAndroid{Title: "T", Text: "Hello", Extras: &webexconnect.PushAndroidExtras{
				TimeToLive: "1000", CustomTags: map[string]any{"imageurl": "https://example.com/i.png", "k": "v"},
				Action: &webexconnect.PushAction{Action: "OPEN_APP"},
			}},
			IOS: &webexconnect.PushIOS{Title: "T", Text: "Hello", Extras: &webexconnect.PushIOSExtras{Badge: "10", Sound: "default"}},
			Web: &webexconnect.PushWeb{Platforms: []string{"chrome", "firefox"}, Title: "T", Text: "Hello", URL: "https://example.com"},
			Interactive: &webexconnect.PushInteractive{
				Category: "DOUBLE_YES_NO", Reference: "ui", DeviceTypes: []string{"ios", "android"},
				Actions: []webexconnect.PushButton{
					{Position: 1, Action: "OPEN_URL", Value: "https://example.com", Identifier: "YES"},
					{Position: 2, Action: "OPEN_APP", Identifier: "NO"},
				},
			},
		}, webexconnect.Destination{AndroidPushID: []string{"token-1"}}),
		"apple_quickreply": webexconnect.NewApple("a_637818908588360000", webexconnect.Apple{
			Interactive: &webexconnect.AppleInteractive{Data: &webexconnect.AppleData{
				Version: "1.0", RequestIdentifier: "21d4a1c4-327c-ba35-45b1-36a050b15ad2",
				QuickReply: &webexconnect.AppleQuickReply{SummaryText: "Summary", Items: []webexconnect.AppleQuickReplyItem{
					{Identifier: "0", Title: "Yes"}, {Identifier: "1", Title: "No"},
				}},
			}},
		}, webexconnect.ToApple("urn:mbid:AQAAY2E1")),
	}
}

func TestGoldenRequests(t *testing.T) {
	t.Parallel()
	for name, r := range goldens() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want := testutil.Golden(t, name+".json")
			s := accepting()
			_, err := s.client(t).Send(t.Context(), r)
			require.NoError(t, err)
			testutil.JSONEqual(t, want, s.bodies[0])

			var back webexconnect.Request
			require.NoError(t, json.Unmarshal(want, &back))
			again, err := json.Marshal(back)
			require.NoError(t, err)
			testutil.JSONEqual(t, want, again)
		})
	}
}

func TestGoldenBatch(t *testing.T) {
	t.Parallel()
	s := answering(http.StatusOK, string(testutil.Golden(t, "answer_batch.json")))
	res, err := s.client(t).SendBatch(t.Context(), []webexconnect.Request{
		webexconnect.NewSMS(webexconnect.SMS{Text: "Hi John"}, webexconnect.ToPhone("91900000009")),
		webexconnect.NewSMS(webexconnect.SMS{Text: "Hi Mark"}, webexconnect.ToPhone("91900000008")),
	})
	require.NoError(t, err)
	testutil.JSONEqual(t, testutil.Golden(t, "batch.json"), s.bodies[0])
	require.Len(t, res.Outcomes, 2)
	assert.Equal(t, "29e6cff5-5f0d-4872-b336-57799cb63da7", res.TransID)
	assert.Equal(t, "29e6cff5-5f0d-4872-b336-57799cb63da7_1", res.Outcomes[1].TransID)
	assert.Equal(t, "Queued", res.Outcomes[1].Description)
}

// TestPageChannelObjects are the page's objects that are not requests.
func TestPageChannelObjects(t *testing.T) {
	t.Parallel()
	for want, v := range map[string]any{
		`{"text":"Sending first SMS using imiconnect","senderid":"CONNCT"}`: webexconnect.SMS{
			Text: "Sending first SMS using imiconnect", SenderID: "CONNCT",
		},
		`{"text":"Sending first SMS with smart link using imiconnect. Click the link to get surprise gift {{link_5}}","senderid":"CONNCT"}`: webexconnect.SMS{
			Text: "Sending first SMS with smart link using imiconnect. Click the link to get surprise gift {{link_5}}", SenderID: "CONNCT",
		},
		`{"promptid":"354"}`:                                                        webexconnect.Voice{PromptID: "354"},
		`{"callflowid":"184","cli":"0453745878"}`:                                   webexconnect.Voice{CallFlowID: "184", CLI: "0453745878"},
		`{"senderid":"CONNCT","type":"3","body":"0605"}`:                            webexconnect.BinarySMS("CONNCT", []byte{6, 5}),
		`{"template":"<Template ID>","parameters":{"parameter1":"<value>"}}`:        webexconnect.Template{ID: "<Template ID>", Parameters: map[string]any{"parameter1": "<value>"}},
		`{"type":"invitation","withImage":true,"brandName":"Delta"}`:                webexconnect.AppleInvitation("Delta", true),
		`{"type":"text","text":{"body":"Hello"}}`:                                   webexconnect.WhatsApp{Text: &webexconnect.WhatsAppText{Body: "Hello"}},
		`{"type":"location","location":{"longitude":0,"latitude":51.5}}`:            webexconnect.WhatsApp{Location: &webexconnect.WhatsAppLocation{Latitude: 51.5}},
		`{"type":"richLink","richLinkData":{"url":"u","title":"t","assets":{}}}`:    webexconnect.Apple{RichLink: &webexconnect.AppleRichLink{URL: "u", Title: "t"}},
		`{"type":"typing_start"}`:                                                   webexconnect.Apple{Type: "typing_start"},
		`{"thread_id":"t","type":"threadAlert","extras":{}}`:                        webexconnect.InApp{ThreadID: "t", Type: "threadAlert", Extras: map[string]any{}},
		`{"attachment":{"type":"image","payload":{"url":"https://example.com/i"}}}`: webexconnect.Messenger{Attachment: &webexconnect.MessengerAttachment{Type: "image", Payload: webexconnect.MessengerPayload{URL: "https://example.com/i"}}},
	} {
		var got bytes.Buffer
		enc := json.NewEncoder(&got)
		enc.SetEscapeHTML(false)
		require.NoError(t, enc.Encode(v))
		assert.JSONEq(t, want, got.String())
	}
}

func TestWire(t *testing.T) {
	t.Parallel()
	s := accepting()
	r := sms()
	r.Channel, r.ICMessage, r.GTRIDs = webexconnect.ChannelSMS, new("true"), []string{"rcsgtrid"}
	r.SMS.Text = "1 < 2 & 3 > 2"
	r.SMS.Extra = map[string]json.RawMessage{"media-path": json.RawMessage(`"x"`)}
	r.SMS.Extras = &webexconnect.SMSExtras{Extra: map[string]json.RawMessage{"dlt_entityid": json.RawMessage(`"9"`)}}
	r.Destinations[0].Other = map[string][]string{"lineid": {"U1"}}
	r.ContactPolicy = &webexconnect.ContactPolicy{Group: "g", CheckConsent: true}
	r.Extra = map[string]json.RawMessage{"appid": json.RawMessage(`""`), "priority": json.RawMessage(`"1"`)}
	r.ChannelsExtra = map[string]json.RawMessage{"kakao": json.RawMessage(`{}`)}
	r.OTTExtra = map[string]json.RawMessage{"twitter": json.RawMessage(`{"text":"x"}`)}
	const common = `"deliverychannel":"sms","icmessage":"true","gtrId":["rcsgtrid"],"appid":"","priority":"1",
		"destination":[{"msisdn":["+449000000009"],"lineid":["U1"]}]`
	const channels = `"sms":{"text":"1 < 2 & 3 > 2","senderid":"ACME","media-path":"x","extras":{"dlt_entityid":"9"}},
		"kakao":{},"OTT-Messaging":{"twitter":{"text":"x"}}`
	const policy = `"contactPolicy":{"contactPolicyGroup":"g","channelCheckConsent":true}`

	_, err := s.client(t).Send(t.Context(), r)
	require.NoError(t, err)
	testutil.JSONEqual(t, []byte(`{`+common+`,"channels":{`+channels+`,`+policy+`}}`), s.bodies[0])
	assert.Contains(t, string(s.bodies[0]), "1 < 2 & 3 > 2", "no HTML escaping")

	_, err = s.client(t, webexconnect.WithContactPolicyTopLevel()).Send(t.Context(), r)
	require.NoError(t, err)
	testutil.JSONEqual(t, []byte(`{`+common+`,`+policy+`,"channels":{`+channels+`}}`), s.bodies[1])

	for _, body := range s.bodies {
		var back webexconnect.Request
		require.NoError(t, json.Unmarshal(body, &back))
		assert.Equal(t, map[string]json.RawMessage{"priority": json.RawMessage(`"1"`)}, back.Extra)
		assert.Equal(t, r.SMS.Extra, back.SMS.Extra)
		assert.Equal(t, r.SMS.Extras, back.SMS.Extras)
		assert.Equal(t, r.ChannelsExtra, back.ChannelsExtra)
		assert.Equal(t, r.OTTExtra, back.OTTExtra)
		assert.Equal(t, r.Destinations, back.Destinations)
		assert.Equal(t, r.ContactPolicy, back.ContactPolicy)
	}

	req := s.requests[0]
	assert.Equal(t, http.MethodPost, req.Method)
	assert.Equal(t, "https://api.uk.webexconnect.io/resources/v1/messaging", req.URL.String())
	assert.Equal(t, testKey, req.Header.Get("Key"))
	assert.Equal(t, "application/json", req.Header.Get("Content-Type"))
	assert.Empty(t, req.Header.Values("Authorization"))
	assert.Empty(t, req.Header.Values("Idempotency-Key"))
}

// TestDecodesOtherForms reads what other pages of the vendor's write.
func TestDecodesOtherForms(t *testing.T) {
	t.Parallel()
	var r webexconnect.Request
	require.NoError(t, json.Unmarshal([]byte(`{"deliverychannel":"sms","expiry":"2015-04-12T18:30:19.456+5:30",
		"options":{"trackClicks":true,"shortenLinks":"false","domain":"d"},
		"channels":{"smartlinks":[{"linkid":"5","validity":"30"}]},"destination":[{"customerid":["c"]}]}`), &r))
	assert.True(t, r.Expiry.Equal(time.Date(2015, 4, 12, 13, 0, 19, 456e6, time.UTC)))
	assert.Equal(t, []webexconnect.SmartLink{{LinkID: 5, Validity: 30}}, r.SmartLinks)
	assert.Equal(t, &webexconnect.LinkOptions{TrackClicks: new(true), ShortenLinks: new(false), Domain: "d"}, r.Options)

	var b webexconnect.PushButton
	require.NoError(t, json.Unmarshal([]byte(`{"pos":"2","action":"DISMISS"}`), &b))
	assert.Equal(t, 2, b.Position)

	for _, bad := range []string{
		`{"expiry":"tomorrow"}`, `{"channels":[]}`, `{"channels":{"smartlinks":[{"linkid":"x"}]}}`, `{"destination":[{"msisdn":"x"}]}`,
		`{"destination":[{"newid":"x"}]}`, `{"channels":{"OTT-Messaging":1}}`, `{"options":1}`, `[]`,
	} {
		assert.Error(t, json.Unmarshal([]byte(bad), new(webexconnect.Request)), bad)
	}
}
