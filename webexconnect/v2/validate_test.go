package v2_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jarcoal/httpmock"

	"github.com/cpaas-go/cpaas/internal/testutil"
	v2 "github.com/cpaas-go/cpaas/webexconnect/v2"
)

func sms(edit func(*v2.Request)) v2.Request {
	r := v2.Request{From: "SENDER", To: []v2.Destination{v2.ToPhone(number)}, Content: v2.SMS{Text: "hello"}}
	if edit != nil {
		edit(&r)
	}
	return r
}

func email(edit func(*v2.Request, *v2.Email)) v2.Request {
	r := v2.Request{From: "news@example.com", To: []v2.Destination{v2.ToEmail("user@example.com")}}
	c := v2.Email{Subject: "s", Text: "t"}
	edit(&r, &c)
	r.Content = c
	return r
}

func rcs(c v2.Content) v2.Request {
	return v2.Request{From: agent, To: []v2.Destination{v2.ToPhone(number)}, Content: c}
}

const bad = "\xff"

func TestValidate(t *testing.T) {
	t.Parallel()
	chips := func(n int) []v2.Suggestion { return slices.Repeat([]v2.Suggestion{v2.Reply{Text: "x"}}, n) }
	media := v2.CardMedia{URL: "https://example.com/a.jpg", Height: v2.HeightTall}
	card := v2.CarouselCard{Title: "t", Media: media}
	for name, c := range map[string]struct {
		r     v2.Request
		paths string // of the fields that are wrong
		// relaxed: the paths that are still wrong under WithRelaxedValidation;
		// "=": all of them.
		relaxed string
	}{
		"fine":            {r: sms(nil)},
		"nothing":         {v2.Request{}, "content from to", "="},
		"no channel":      {rcs(v2.Template{ID: "x"}), "channel", "="},
		"unknown channel": {rcs(v2.Template{On: "fax", ID: "x"}), "channel", "="},
		"bad text": {sms(func(r *v2.Request) {
			r.From, r.BatchID, r.NotifyURLAuthID, r.CallbackData, r.CorrelationID = bad, bad, bad, bad, bad
		}), "from correlationId callbackData notifyUrlAuthId batchId", "="},
		"no address":         {sms(func(r *v2.Request) { r.To = []v2.Destination{{}} }), "to[0].msisdn", "="},
		"empty address":      {sms(func(r *v2.Request) { r.To[0].MSISDN = []string{"", bad} }), "to[0].msisdn[0] to[0].msisdn[1]", "="},
		"e-mail on SMS":      {sms(func(r *v2.Request) { r.To[0].Email = []string{"user@example.com"} }), "to[0].email", "="},
		"phone on e-mail":    {email(func(r *v2.Request, _ *v2.Email) { r.To[0].MSISDN = []string{number} }), "to[0].msisdn", "="},
		"no e-mail":          {email(func(r *v2.Request, _ *v2.Email) { r.To[0].Email = nil }), "to[0].email", "="},
		"1000 addresses":     {r: sms(func(r *v2.Request) { r.To[0].MSISDN = slices.Repeat([]string{number}, 1000) })},
		"1001 addresses":     {sms(func(r *v2.Request) { r.To[0].MSISDN = slices.Repeat([]string{number}, 1001) }), "to", "="},
		"1001 objects":       {sms(func(r *v2.Request) { r.To = slices.Repeat(r.To, 1001) }), "to", "="},
		"correlation 50":     {r: sms(func(r *v2.Request) { r.To[0].CorrelationID = strings.Repeat("x", 50) })},
		"correlation 51":     {sms(func(r *v2.Request) { r.To[0].CorrelationID = strings.Repeat("é", 26) }), "to[0].correlationId", ""},
		"substitutions":      {sms(func(r *v2.Request) { r.Substitutions = map[string]string{"": "x"} }), "substitutions", "="},
		"substitutions of":   {sms(func(r *v2.Request) { r.To[0].Substitutions = map[string]string{"x": bad} }), "to[0].substitutions", "="},
		"callback data 2000": {r: sms(func(r *v2.Request) { r.CallbackData = strings.Repeat("é", 2000) })},
		"callback data 2001": {sms(func(r *v2.Request) { r.CallbackData = strings.Repeat("é", 2001) }), "callbackData", "="},
		"notify http":        {sms(func(r *v2.Request) { r.NotifyURL = "http://example.com" }), "notifyUrl", ""},
		"notify space":       {sms(func(r *v2.Request) { r.NotifyURL = "https://example.com " }), "notifyUrl", ""},
		"notify path":        {sms(func(r *v2.Request) { r.NotifyURL = "https:///path" }), "notifyUrl", ""},
		"notify port only":   {sms(func(r *v2.Request) { r.NotifyURL = "https://:443/" }), "notifyUrl", ""},
		"notify loopback":    {r: sms(func(r *v2.Request) { r.NotifyURL = "http://127.0.0.1:8080/x" })},
		"notify UTF-8":       {sms(func(r *v2.Request) { r.NotifyURL = "https://example.com/" + bad }), "notifyUrl", "="},
		"receipt":            {sms(func(r *v2.Request) { r.RequestedReceipts = []v2.Receipt{"sent", v2.EmailBounce} }), "requestedReceipts[1]", ""},
		"receipt empty":      {sms(func(r *v2.Request) { r.RequestedReceipts = []v2.Receipt{""} }), "requestedReceipts[0]", "="},
		"policy":             {sms(func(r *v2.Request) { r.ContactPolicy = &v2.ContactPolicy{} }), "contactPolicy.contactPolicyGroup contactPolicy", "="},
		"extra":              {sms(func(r *v2.Request) { r.Extra = map[string]json.RawMessage{"x": json.RawMessage("{")} }), "", "="},
		"extra twice": {sms(func(r *v2.Request) {
			r.Extra = map[string]json.RawMessage{"from": json.RawMessage(`"x"`), "callbackData": json.RawMessage(`""`)}
			r.Options = &v2.Options{Domain: "d", Extra: map[string]json.RawMessage{"domain": json.RawMessage(`"x"`)}}
		}), "options.domain from", "="},
		"only e-mail": {sms(func(r *v2.Request) {
			r.CC, r.BCC, r.MultipleToRecipients = []string{"a@example.com"}, []string{"b@example.com"}, new(false)
		}), "cc bcc multipleToRecipients", "="},
		"both ends": {sms(func(r *v2.Request) { r.ExpireAt, r.Validity = time.Now().Add(time.Hour), time.Hour }), "validity", "="},
		"validity":  {sms(func(r *v2.Request) { r.Validity = -time.Second }), "validity", "="},
		"validity fraction": {
			sms(func(r *v2.Request) { r.Validity = 1500 * time.Millisecond }), "validity", "=",
		},
		"validity 72 h":   {r: sms(func(r *v2.Request) { r.Validity = 72 * time.Hour })},
		"validity 73 h":   {sms(func(r *v2.Request) { r.Validity = 73 * time.Hour }), "validity", "="},
		"validity e-mail": {r: email(func(r *v2.Request, _ *v2.Email) { r.Validity = 73 * time.Hour })},
		"far": {sms(func(r *v2.Request) {
			r.SendAt, r.ExpireAt = time.Now().Add(8*24*time.Hour), time.Now().Add(9*24*time.Hour)
		}), "sendAt expireAt", ""},
		"year 10000": {sms(func(r *v2.Request) { r.SendAt = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC) }), "sendAt", "="},

		"smart link missing": {sms(func(r *v2.Request) { r.Content = v2.SMS{Text: "{{smartlink_5}}"} }), "smartlinks", "="},
		"smart link other":   {r: sms(func(r *v2.Request) { r.Content = v2.SMS{Text: "{{smartlink_id}} {{link_5}}"} })},
		"smart link":         {sms(func(r *v2.Request) { r.SmartLinks = []v2.SmartLink{{}} }), "smartlinks[0].smartlinkId smartlinks[0].validity", "="},
		"smart link on RCS": {v2.Request{
			From: agent, To: []v2.Destination{v2.ToPhone(number)}, Content: v2.RCSText{Text: "x"}, SmartLinks: []v2.SmartLink{{5, 1}},
		}, "smartlinks", "="},

		"options domain": {sms(func(r *v2.Request) { r.Options = &v2.Options{} }), "options.domain", ""},
		"options of others": {sms(func(r *v2.Request) {
			r.Options = &v2.Options{
				Domain: "d", FromName: "x", TrackOpens: new(true), ListUnsubscribeURL: "x", UnsubscribeEmailAddress: "x",
				UnsubscribeEmailSubject: "x", SMSFallback: new(false), SMSSenderID: "x", SMSText: "x", CarrierID: 1,
			}
		}), "options.fromName options.trackOpens options.listUnsubscribeUrl options.unsubscribeEmailAddress options.unsubscribeEmailSubject " +
			"options.smsFallback options.smsSenderId options.text options.carrierId", "="},
		"options fallback": {
			v2.Request{From: agent, To: []v2.Destination{v2.ToPhone(number)}, Content: v2.RCSText{Text: "x"}, Options: &v2.Options{SMSFallback: new(true)}},
			"options.smsSenderId options.text", "=",
		},
		"options fallback text": {
			v2.Request{
				From: agent, To: []v2.Destination{v2.ToPhone(number)}, Content: v2.RCSText{Text: "x"},
				Options: &v2.Options{SMSText: strings.Repeat("x", 1025), Tag1: bad, Extra: map[string]json.RawMessage{"x": nil}},
			},
			"options.tag1 options.text options", "=",
		},
		"options shorten": {email(func(r *v2.Request, _ *v2.Email) { r.Options = &v2.Options{ShortenLinks: new(true)} }), "options.domain", ""},
		"options voice": {
			v2.Request{From: "1", To: []v2.Destination{v2.ToPhone(number)}, Content: v2.VoiceMedia{MediaID: "1"}, Options: &v2.Options{Domain: "d"}},
			"options", "=",
		},

		"SMS":           {sms(func(r *v2.Request) { r.Content = v2.SMS{Type: "flash"} }), "content.text content.type", "="},
		"SMS 4000":      {r: sms(func(r *v2.Request) { r.Content = v2.SMS{Text: strings.Repeat("é", 4000)} })},
		"SMS 4001":      {sms(func(r *v2.Request) { r.Content = v2.SMS{Text: strings.Repeat("é", 4001)} }), "content.text", "="},
		"template":      {rcs(v2.Template{On: v2.ChannelRCS, Subject: "x"}), "template.id template.subject", "="},
		"raw":           {rcs(v2.RawContent{On: v2.ChannelRCS, JSON: json.RawMessage("{")}), "content", "="},
		"raw array":     {rcs(v2.RawContent{On: v2.ChannelRCS, JSON: json.RawMessage("[]")}), "content", "="},
		"raw fine":      {r: rcs(v2.RawContent{On: v2.ChannelRCS, JSON: json.RawMessage("{}")})},
		"e-mail":        {email(func(_ *v2.Request, c *v2.Email) { *c = v2.Email{} }), "content.subject content.text", "="},
		"e-mail type":   {email(func(_ *v2.Request, c *v2.Email) { c.Type = "rtf" }), "content.type", "="},
		"e-mail HTML":   {email(func(_ *v2.Request, c *v2.Email) { c.Type = v2.TypeHTML }), "content.html", ""},
		"e-mail 500 KB": {email(func(_ *v2.Request, c *v2.Email) { c.HTML = strings.Repeat("x", 500<<10+1) }), "content.html", "="},
		"e-mail from":   {email(func(r *v2.Request, c *v2.Email) { r.From, c.ReplyTo = "Acme", "Acme" }), "content.replyTo from", ""},
		"e-mail text":   {email(func(_ *v2.Request, c *v2.Email) { c.Text, c.HTML, c.Encoding, c.ReplyTo = bad, bad, bad, "a@b"+bad }), "content.text content.html content.replyTo content.encoding", "content.text content.html content.replyTo content.encoding"},
		"e-mail addresses": {email(func(r *v2.Request, _ *v2.Email) {
			r.To[0].Email = []string{"", "user", "@x", "x@", "a b@example.com", "a@b", strings.Repeat("x", 65) + "@example.com", "a@" + strings.Repeat("x", 256)}
			r.CC, r.BCC = []string{"x"}, []string{"x"}
		}), "to[0].email[0] to[0].email[1] to[0].email[2] to[0].email[3] to[0].email[4] to[0].email[6] to[0].email[7] cc[0] bcc[0]", "to[0].email[0]"},
		"attachment": {
			email(func(_ *v2.Request, c *v2.Email) {
				c.Attachments = []v2.EmailAttachment{{CID: bad}, {"a", "b", "/c.png", ""}}
			}),
			"content.attachments[0].mimetype content.attachments[0].name content.attachments[0].mediaUrl content.attachments[0].cid content.attachments[1].mediaUrl",
			"content.attachments[0].mimetype content.attachments[0].name content.attachments[0].mediaUrl content.attachments[0].cid",
		},

		"MMS":    {rcs(v2.MMS{}), "content.subject content.attachments", "="},
		"MMS 9":  {r: rcs(v2.MMS{Subject: strings.Repeat("é", 80), Slides: slices.Repeat([]v2.Slide{{Text: "x"}}, 9)})},
		"MMS 10": {rcs(v2.MMS{Subject: strings.Repeat("é", 81), Slides: slices.Repeat([]v2.Slide{{Text: "x"}}, 10)}), "content.subject content.attachments", "="},
		"MMS slides": {
			rcs(v2.MMS{Subject: "s", FallbackText: bad, Name: bad, Slides: []v2.Slide{{}, {URL: "x"}, {Text: strings.Repeat("x", 4097), Duration: -1}, {Text: "x", Type: "gif"}}}),
			"content.fallbacktext content.name content.attachments[0] content.attachments[1].mediaUrl content.attachments[1].type " +
				"content.attachments[2].messageText content.attachments[2].duration content.attachments[3].type",
			"content.fallbacktext content.name content.attachments[0] content.attachments[1].type content.attachments[2].messageText content.attachments[2].duration",
		},

		"voice media": {rcs(v2.VoiceMedia{}), "content.mediaId", "="},
		"voice speech": {
			rcs(v2.VoiceSpeech{Type: "x", Processor: "x"}),
			"content.text content.language content.voice content.region content.gender content.voiceType content.ttsProcessor", "=",
		},
		"voice 2001": {rcs(v2.VoiceSpeech{Text: strings.Repeat("x", 2001), Language: "l", Voice: "v", Region: "r", Gender: "g"}), "content.text", "="},

		"RCS text":      {rcs(v2.RCSText{Text: strings.Repeat("é", 1025), Suggestions: chips(11)}), "content.text content.suggestions", "="},
		"RCS text fine": {r: rcs(v2.RCSText{Text: strings.Repeat("é", 1024), Suggestions: chips(10)})},
		"RCS media":     {rcs(v2.RCSMedia{FileSize: -1, Suggestions: chips(11)}), "content.mediaContentUrl content.fileSize content.suggestions", "="},
		"RCS read":      {rcs(v2.RCSMarkRead{}), "content.messageId", "="},
		"RCS card empty": {
			rcs(v2.RCSCard{Description: bad, Thumbnail: &v2.Thumbnail{ContentType: bad, Description: bad}, Suggestions: chips(5)}),
			"content.richCard.title content.richCard.description content.richCard.orientation content.richCard.thumbnailAlignment " +
				"content.richCard.media.url content.richCard.media.height content.richCard.thumbnail.url content.richCard.thumbnail.height " +
				"content.richCard.thumbnail.contentType content.richCard.thumbnail.description content.richCard.suggestions", "=",
		},
		"RCS card words": {
			rcs(v2.RCSCard{Title: "t", Orientation: "x", ThumbnailAlignment: "x", Media: v2.CardMedia{URL: "https://x/y", Height: "x", FileSize: -1}}),
			"content.richCard.orientation content.richCard.thumbnailAlignment content.richCard.media.height content.richCard.media.fileSize", "=",
		},
		"RCS card fine": {r: rcs(v2.RCSCard{Title: "t", Orientation: v2.Vertical, ThumbnailAlignment: v2.Right, Media: media, Suggestions: chips(4)})},
		"carousel":      {rcs(v2.RCSCarousel{Cards: []v2.CarouselCard{card}, Suggestions: chips(11)}), "content.width content.cards content.suggestions", "="},
		"carousel cards": {
			rcs(v2.RCSCarousel{Width: "x", Cards: []v2.CarouselCard{{Suggestions: chips(3)}, card}}),
			"content.width content.cards[0].title content.cards[0].media.url content.cards[0].media.height content.cards[0].suggestions", "=",
		},
		"chips": {
			rcs(v2.RCSText{Text: "x", Suggestions: []v2.Suggestion{
				nil,
				v2.Reply{PostbackData: bad},
				v2.ViewLocation{Text: "x", Address: bad, Latitude: 91, Longitude: -181},
				v2.ShareLocation{},
				v2.OpenURL{Text: "x", URL: "no url"},
				v2.CalendarEvent{Text: "x", Description: bad},
				v2.DialPhone{Text: "x"},
			}}), "content.suggestions[0] content.suggestions[1].displayText content.suggestions[1].postbackData content.suggestions[2].address " +
				"content.suggestions[2].latitude content.suggestions[2].longitude content.suggestions[3].displayText content.suggestions[4].url " +
				"content.suggestions[5].startTime content.suggestions[5].endTime content.suggestions[5].meetingTitle " +
				"content.suggestions[5].meetingDescription content.suggestions[6].phone",
			"content.suggestions[0] content.suggestions[1].displayText content.suggestions[1].postbackData content.suggestions[2].address " +
				"content.suggestions[2].latitude content.suggestions[2].longitude content.suggestions[3].displayText " +
				"content.suggestions[5].startTime content.suggestions[5].endTime content.suggestions[5].meetingTitle " +
				"content.suggestions[5].meetingDescription content.suggestions[6].phone",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if c.relaxed == "=" {
				c.relaxed = c.paths
			}
			wantPaths(t, c.r.Validate(), name == "extra", c.paths)
			relaxed := client(t, refusing(t), v2.WithRelaxedValidation())
			if c.relaxed != "" || name == "extra" {
				_, err := relaxed.Send(t.Context(), c.r)
				wantPaths(t, err, name == "extra", c.relaxed)
			}
		})
	}
}

// wantPaths wants exactly these fields to be wrong. one: the whole request is.
func wantPaths(t *testing.T, err error, one bool, want string) {
	t.Helper()
	var got []string
	if err != nil {
		e, ok := errors.AsType[*v2.Error](err)
		if !ok {
			t.Fatalf("%T: %v", err, err)
		}
		for _, f := range e.Fields {
			got = append(got, f.Path)
		}
		testutil.NoLeak(t, err, number, "hello", "user@example.com")
	}
	if one && len(got) == 1 && got[0] == "" {
		return
	}
	if strings.Join(got, " ") != want {
		t.Errorf("wrong:\n got %s\nwant %s", strings.Join(got, " "), want)
	}
}

// ErrInvalidRecipient is for when nothing but addresses is wrong.
func TestValidateKind(t *testing.T) {
	t.Parallel()
	err := sms(func(r *v2.Request) { r.To[0].MSISDN = []string{""} }).Validate()
	if !errors.Is(err, v2.ErrInvalidRecipient) || errors.Is(err, v2.ErrInvalidRequest) {
		t.Errorf("got %v", err)
	}
	err = sms(func(r *v2.Request) { r.To[0].MSISDN, r.From = []string{""}, "" }).Validate()
	if errors.Is(err, v2.ErrInvalidRecipient) || !errors.Is(err, v2.ErrInvalidRequest) {
		t.Errorf("got %v", err)
	}
}

func TestE164Check(t *testing.T) {
	t.Parallel()
	c := client(t, refusing(t), v2.WithE164Check())
	_, err := c.Send(t.Context(), sms(func(r *v2.Request) {
		r.To[0].MSISDN = []string{"449000000009", "+4490XXXXX009", "+0449000000009", "+44", "+1234567890123456", "+2100000000"}
	}))
	wantPaths(t, err, false, "to[0].msisdn[0] to[0].msisdn[1] to[0].msisdn[2] to[0].msisdn[3] to[0].msisdn[4] to[0].msisdn[5]")
	if !errors.Is(err, v2.ErrInvalidRecipient) {
		t.Errorf("got %v", err)
	}
	if err := sms(func(r *v2.Request) { r.To[0].MSISDN = []string{"+4490XXXXX009"} }).Validate(); err != nil {
		t.Errorf("the vendor's own sample is refused: %v", err)
	}
}

// A pointer to content or to a suggestion is as what it points to.
func TestPointers(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		value, pointer v2.Content
		paths          string
	}{
		"template":   {v2.Template{On: v2.ChannelSMS, ID: "1"}, &v2.Template{On: v2.ChannelSMS, ID: "1"}, ""},
		"SMS":        {v2.SMS{Text: "x"}, &v2.SMS{Text: "x"}, ""},
		"smart link": {v2.SMS{Text: "{{smartlink_5}}"}, &v2.SMS{Text: "{{smartlink_5}}"}, "smartlinks"},
		"raw":        {v2.RawContent{On: v2.ChannelSMS, JSON: json.RawMessage("{")}, &v2.RawContent{On: v2.ChannelSMS, JSON: json.RawMessage("{")}, "content"},
		"nil":        {nil, (*v2.SMS)(nil), "content"},
		"nil of RCS": {nil, (*v2.RCSTyping)(nil), "content"},
		"chip": {
			v2.RCSText{Text: "x", Suggestions: []v2.Suggestion{v2.Reply{Text: "x"}}},
			v2.RCSText{Text: "x", Suggestions: []v2.Suggestion{&v2.Reply{Text: "x"}}},
			"",
		},
		"nil chip": {
			v2.RCSText{Text: "x", Suggestions: []v2.Suggestion{nil}},
			&v2.RCSText{Text: "x", Suggestions: []v2.Suggestion{(*v2.Reply)(nil)}},
			"content.suggestions[0]",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wantPaths(t, rcs(c.value).Validate(), false, c.paths)
			wantPaths(t, rcs(c.pointer).Validate(), false, c.paths)
			want, err := json.Marshal(rcs(c.value))
			got, pointerErr := json.Marshal(rcs(c.pointer))
			if string(got) != string(want) || (err == nil) != (pointerErr == nil) {
				t.Errorf("got %s, %v\nwant %s, %v", got, pointerErr, want, err)
			}
			if c.paths != "" {
				return
			}
			mt := httpmock.NewMockTransport()
			mt.RegisterResponder(http.MethodPost, sendURL, httpmock.NewStringResponder(201, `{"messageId":"m-1","status":"queued"}`))
			r := rcs(c.pointer)
			if _, err := client(t, mt).Send(t.Context(), r); err != nil {
				t.Error(err)
			}
		})
	}
}
