package v2_test

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"github.com/cpaas-go/cpaas/internal/testutil"
	v2 "github.com/cpaas-go/cpaas/webexconnect/v2"
)

const (
	number = "+449000000009"
	agent  = "a_636893638318070000"
)

func at(s string) time.Time {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		panic(err)
	}
	return t.UTC()
}

// goldens are the vendor's samples, with values in place of "{{…}}" and
// without the members that are empty in them.
func goldens() map[string]v2.Request {
	phone := []v2.Destination{v2.ToPhone(number)}
	policy := &v2.ContactPolicy{Group: "g", CheckConsent: true, ApplyFrequencyCap: true}
	fallback := v2.Options{SMSFallback: new(true), SMSSenderID: "SENDER", SMSText: "fallback text"}
	links := v2.Options{
		ShortenLinks: new(true), Domain: "https://s.imiconnect.co", Tag1: "tag1", Tag2: "tag2", AllowFallbackURL: new(false),
	}
	smsLinks, emailLinks, rcsText, rcsTemplate := links, links, links, fallback
	smsLinks.TrackClicks = new(true)
	emailLinks.FromName = "Acme"
	rcsText.TrackClicks = new(true)
	rcsText.SMSFallback, rcsText.SMSSenderID, rcsText.SMSText, rcsText.CarrierID = new(true), "SENDER", "fallback text", 3
	rcsTemplate.CarrierID = 3
	return map[string]v2.Request{
		"sms.json": {
			From:              "SENDER",
			To:                []v2.Destination{{MSISDN: []string{number}, Substitutions: map[string]string{"name": "Ann"}, CorrelationID: "c-1"}},
			Content:           v2.SMS{Text: "Hi $(name)", Type: v2.TypeText},
			RequestedReceipts: []v2.Receipt{v2.SMSSubmitted, v2.SMSDelivered, v2.SMSFailed},
			Validity:          time.Hour, NotifyURL: "https://hooks.example.com/webexconnect", CallbackData: "tenant-7",
		},
		"sms-full.json": {
			From: "SENDER",
			To: []v2.Destination{{
				MSISDN: []string{number}, CorrelationID: "c-1",
				Substitutions: map[string]string{"sms_parameter1": "sms_value1", "sms_parameter2": "sms_value2"},
			}},
			Substitutions:     map[string]string{"sms_parameter3": "sms_value3", "sms_parameter4": "sms_value4"},
			Options:           &smsLinks,
			RequestedReceipts: []v2.Receipt{v2.SMSSubmitted, v2.SMSSent, v2.SMSDelivered, v2.SMSClicked, v2.SMSFailed},
			BatchID:           "batch-1", SendAt: at("2024-03-01T10:00:00Z"), ExpireAt: at("2024-03-02T10:00:00.5Z"),
			Content:      v2.SMS{Text: "This is sample content <&>", Type: v2.TypeUnicode},
			CallbackData: "data", NotifyURL: "https://hooks.example.com/webexconnect", NotifyURLAuthID: "TNPXXXT09U",
			ContactPolicy: &v2.ContactPolicy{Group: "xKa4xfM3S_a9bP98ryCw8w", CheckConsent: true, ApplyFrequencyCap: true},
		},
		"sms-template.json": {
			From: "SENDER",
			To: []v2.Destination{{
				MSISDN: []string{number}, CorrelationID: "c-1", Substitutions: map[string]string{"sms_parameter1": "sms_value1"},
			}},
			Substitutions: map[string]string{"sms_parameter2": "sms_value2"},
			Content:       v2.Template{On: v2.ChannelSMS, ID: "5S2XXXXFNR"}, NotifyURLAuthID: "TNPXXXT09U",
		},
		"sms-smartlink.json": {
			From: "SENDER", To: phone, SmartLinks: []v2.SmartLink{{ID: 4371, Validity: 1}},
			Content: v2.SMS{Text: "Hi {{smartlink_4371}}, API V2 with smartlink", Type: v2.TypeText},
		},
		"email-text.json": {
			From: "news@example.com",
			To: []v2.Destination{{
				Email: []string{"user@example.com"}, CorrelationID: "c-1", Substitutions: map[string]string{"param1": "value1", "param2": "value2"},
			}},
			Substitutions: map[string]string{"param3": "value3", "param4": "value4"},
			CC:            []string{"copy@example.com"}, BCC: []string{"blind@example.com"}, MultipleToRecipients: new(true),
			Options: &emailLinks,
			Content: v2.Email{Type: v2.TypePlain, Encoding: "utf-8", Subject: "Subject", ReplyTo: "help@example.com", Text: "Simple text content"},
			RequestedReceipts: []v2.Receipt{
				v2.EmailSubmitted, v2.EmailDelivered, v2.EmailBounce, v2.EmailNotVerified, v2.EmailInvalid, v2.EmailComplaint, v2.EmailFailed,
			},
			NotifyURLAuthID: "TNPXXXT09U", ContactPolicy: policy,
		},
		"email-html.json": {
			From: "news@example.com", To: []v2.Destination{v2.ToEmail("user@example.com")},
			Options: &v2.Options{
				FromName: "Acme", TrackClicks: new(true), TrackOpens: new(true), ListUnsubscribeURL: "https://example.com/u",
				UnsubscribeEmailAddress: "unsubscribe@example.com", UnsubscribeEmailSubject: "Bye",
			},
			Content: v2.Email{
				Type: v2.TypeHTML, Subject: "Order", ReplyTo: "help@example.com", Text: "Fallback text",
				HTML: `<body> <h2>Thanks</h2> <img src="cid:orderconf" alt="order"> </body>`,
				Attachments: []v2.EmailAttachment{{
					MIMEType: "image/jpg", Name: "order_confirmation", URL: "https://example.com/order_confirmation.jpg", CID: "orderconf",
				}},
			},
			RequestedReceipts: []v2.Receipt{v2.EmailSubmitted, v2.EmailDelivered, v2.EmailRead, v2.EmailClicked},
		},
		"email-template.json": {
			From:    "news@example.com",
			To:      []v2.Destination{{Email: []string{"user@example.com"}, Substitutions: map[string]string{"param1": "value1"}}},
			Content: v2.Template{On: v2.ChannelEmail, ID: "T1", Subject: "Subject"},
		},
		"rcs-text.json": {
			From: agent,
			To: []v2.Destination{{
				MSISDN: []string{number}, CorrelationID: "c-1", Substitutions: map[string]string{"rcs_parameter1": "rcs_value1"},
			}},
			Substitutions: map[string]string{"rcs_parameter1": "rcs_value1"}, Options: &rcsText,
			RequestedReceipts: []v2.Receipt{
				v2.RCSSent, v2.RCSClicked, v2.RCSDelivered, v2.RCSRead, v2.RCSFailed,
			},
			Content: v2.RCSText{
				Text: "This is the message regarding $(rcs_parameter1). Reply Yes or No.",
				Suggestions: []v2.Suggestion{
					v2.Reply{Text: "Yes", PostbackData: "usr_msg_yes"},
					v2.ViewLocation{Text: "Where", Address: "Toronto", Latitude: 43.649269, Longitude: -79.378423},
					v2.ShareLocation{Text: "Share"},
					v2.OpenURL{Text: "Open", URL: "https://www.domain.com"},
					v2.CalendarEvent{
						Text: "Add", Start: at("2024-09-26T13:47:18Z"), End: at("2024-09-26T14:47:18Z"), Title: "Visit", Description: "At noon",
					},
					v2.DialPhone{Text: "Call", Phone: "+449000000001"},
				},
			},
		},
		"rcs-template.json": {
			From: agent, To: phone, Options: &rcsTemplate, Content: v2.Template{On: v2.ChannelRCS, ID: "T2"},
			RequestedReceipts: []v2.Receipt{v2.RCSSent, v2.RCSDelivered, v2.RCSRead, v2.RCSFailed},
		},
		"rcs-media.json": {
			From: agent, To: phone, Options: &fallback, SendAt: at("2024-02-08T05:59:04Z"), ExpireAt: at("2024-02-08T06:57:04Z"),
			Content: v2.RCSMedia{URL: "https://asset.com/asset.jpg", FileSize: 120534, Suggestions: []v2.Suggestion{v2.Reply{Text: "Yes"}}},
		},
		"rcs-card.json": {
			From: agent, To: phone,
			Content: v2.RCSCard{
				Title: "Title", Description: "About", Orientation: v2.Horizontal, ThumbnailAlignment: v2.Left,
				Media: v2.CardMedia{URL: "https://asset.com/asset.jpg", Height: v2.HeightTall, FileSize: 1},
				Thumbnail: &v2.Thumbnail{
					URL: "https://asset.com/asset.gif", FileSize: 12864, Height: v2.HeightMedium, ContentType: "image/gif", Description: "small",
				},
				Suggestions: []v2.Suggestion{v2.Reply{Text: "Yes"}},
			},
		},
		"rcs-carousel.json": {
			From: agent, To: phone,
			Content: v2.RCSCarousel{
				Width: v2.WidthMedium,
				Cards: []v2.CarouselCard{
					{
						Title: "One", Description: "First", Suggestions: []v2.Suggestion{v2.Reply{Text: "1"}},
						Media: v2.CardMedia{URL: "https://asset.com/1.jpg", FileSize: 12053, Height: v2.HeightMedium},
					},
					{Title: "Two", Media: v2.CardMedia{URL: "https://asset.com/2.jpg", FileSize: 15860, Height: v2.HeightMedium}},
				},
				Suggestions: []v2.Suggestion{v2.ShareLocation{Text: "Share"}},
			},
		},
		"rcs-typing.json": {From: agent, To: phone, Content: v2.RCSTyping{}},
		"rcs-read.json":   {From: agent, To: phone, Content: v2.RCSMarkRead{MessageID: "m-1"}},
		"mms.json": {
			From: "101010",
			To: []v2.Destination{{
				MSISDN: []string{"+15550001001", "+15550001002"}, Substitutions: map[string]string{"mms_parameter1": "mms_value1"},
			}},
			Substitutions:     map[string]string{"mms_parameter1": "mms_value1"},
			RequestedReceipts: []v2.Receipt{v2.SMSDelivered, v2.SMSSubmitted, v2.SMSFailed}, Options: &v2.Options{},
			Content: v2.MMS{
				Subject: `MMS "Hello "check`, FallbackText: "fallback $(mms_parameter1)text as SMS", Name: "Internal $(mms_parameter1)Name",
				Slides: []v2.Slide{
					{
						Type: v2.SlideImage, Text: "Sample image file", Duration: 5,
						URL: "http://res.cloudinary.com/demo/image/upload/sample.jpg",
					},
					{Type: v2.SlidePDF, Text: "Sample pdf file", URL: "http://www.pdf995.com/samples/pdf.pdf", Duration: 5},
				},
			},
			CorrelationID: "c-1", NotifyURLAuthID: "TNPXXXT09U",
		},
		"voice-media.json": {
			From: "+449000000001", To: phone, Content: v2.VoiceMedia{MediaID: "354"},
			RequestedReceipts: []v2.Receipt{
				v2.VoiceOffered, v2.VoiceAccepted, v2.VoiceAnswered, v2.VoiceReleased, v2.VoiceRejected, v2.VoiceDisconnected, v2.VoiceDropped,
			},
			CorrelationID: "c-1", NotifyURLAuthID: "TNPXXXT09U", ContactPolicy: &v2.ContactPolicy{Group: "g", CheckConsent: true},
		},
		"voice-speech.json": {
			From: "+449000000001", To: phone,
			Content: v2.VoiceSpeech{
				Text: "This is a notification of school closure", Language: "en-US", Voice: "GuyNeural", Region: "Canada", Gender: "male",
				Type: "Neural", Processor: "Azure",
			},
		},
	}
}

func TestGoldens(t *testing.T) {
	t.Parallel()
	for name, r := range goldens() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if err := r.Validate(); err != nil {
				t.Fatal(err)
			}
			want := testutil.Golden(t, name)
			got, err := json.Marshal(r)
			if err != nil {
				t.Fatal(err)
			}
			testutil.JSONEqual(t, want, got)
			var back v2.Request
			if err := json.Unmarshal(want, &back); err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(r, back) {
				t.Errorf("decoded differs\nwant %+v\n got %+v", r, back)
			}
		})
	}
}

// What is left empty is what the vendor's pages have as the only value, or
// what goes without saying.
func TestDefaults(t *testing.T) {
	t.Parallel()
	to := []v2.Destination{v2.ToPhone(number)}
	for _, c := range []struct {
		content v2.Content
		want    string
	}{
		{v2.SMS{Text: "x"}, `{"type":"text","text":"x"}`},
		{v2.Email{Subject: "s", Text: "x"}, `{"type":"text","subject":"s","text":"x"}`},
		{v2.Email{Subject: "s", HTML: "<p>"}, `{"type":"html","subject":"s","html":"<p>"}`},
		{
			v2.VoiceSpeech{Text: "x", Language: "en-US", Voice: "GuyNeural", Region: "Canada", Gender: "male"},
			`{"type":"TTS","ttsProcessor":"Azure","language":"en-US","voice":"GuyNeural","region":"Canada","text":"x","voiceType":"Neural","gender":"male"}`,
		},
		{v2.RCSText{Text: "x", Suggestions: []v2.Suggestion{v2.ViewLocation{Text: "v"}}}, `{"type":"text","text":"x","suggestions":[{"type":"viewLocation","displayText":"v","latitude":0,"longitude":0}]}`},
		{v2.RawContent{On: v2.ChannelRCS, JSON: json.RawMessage(`{"type":"new"}`)}, `{"type":"new"}`},
	} {
		b, err := json.Marshal(v2.Request{From: "f", To: to, Content: c.content})
		if err != nil {
			t.Fatal(err)
		}
		var got struct{ Content json.RawMessage }
		if err := json.Unmarshal(b, &got); err != nil {
			t.Fatal(err)
		}
		testutil.JSONEqual(t, []byte(c.want), got.Content)
	}
}

func TestExtra(t *testing.T) {
	t.Parallel()
	r := v2.Request{
		From: "f", To: []v2.Destination{v2.ToPhone(number)}, Content: v2.SMS{Text: "x", Type: v2.TypeText},
		Options: &v2.Options{Domain: "https://s.example.com", Extra: map[string]json.RawMessage{"bypassSuppression": json.RawMessage(`true`)}},
		Extra:   map[string]json.RawMessage{"priority": json.RawMessage(`"1"`), "callbackData": json.RawMessage(`""`)},
	}
	b, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	testutil.JSONEqual(t, []byte(`{"channel":"sms","from":"f","to":[{"msisdn":["+449000000009"]}],"content":{"type":"text","text":"x"},
		"options":{"domain":"https://s.example.com","bypassSuppression":true},"priority":"1","callbackData":""}`), b)
	var back v2.Request
	if err := json.Unmarshal([]byte(`{"channel":"sms","from":"f","to":[],"content":{"type":"text","text":"x","new":1},"priority":"1"}`), &back); err != nil {
		t.Fatal(err)
	}
	if _, ok := back.Content.(v2.RawContent); !ok || string(back.Extra["priority"]) != `"1"` || len(back.Extra) != 1 {
		t.Errorf("got %+v", back)
	}

	r.Extra = map[string]json.RawMessage{"from": json.RawMessage(`"x"`)}
	if _, err := json.Marshal(r); err == nil {
		t.Error("a member that is known twice was accepted")
	}
}

func TestNotARequest(t *testing.T) {
	t.Parallel()
	for _, s := range []string{
		`[]`, `{}`, `null`, `{"content":null}`, `{"channel":"sms","content":{},"template":{}}`, `{"channel":"sms","content":{},"sendAt":"tomorrow"}`,
		`{"channel":"sms","content":{},"validity":"-1"}`, `{"channel":"sms","content":{},"options":{"trackClicks":"maybe"}}`,
		`{"channel":"sms","content":{},"smartlinks":[{"smartlinkId":"x"}]}`,
	} {
		var r v2.Request
		if err := json.Unmarshal([]byte(s), &r); err == nil {
			t.Errorf("%s was read as %+v", s, r)
		}
	}
}
