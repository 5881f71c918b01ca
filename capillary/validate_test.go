package capillary_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cpaas-go/cpaas/capillary"
)

func paths(t *testing.T, err error) []string {
	t.Helper()
	e, ok := errors.AsType[*capillary.Error](err)
	require.True(t, ok, "%v", err)
	var out []string
	for _, f := range e.Fields {
		out = append(out, f.Path)
	}
	return out
}

func TestValidate(t *testing.T) {
	t.Parallel()
	mail := func(edit func(*capillary.Email)) capillary.Email {
		m := capillary.Email{To: "a@example.com", From: "b@example.com", Subject: "s", Body: "b"}
		edit(&m)
		return m
	}
	bad := "a\xff"
	far := time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)
	for name, tc := range map[string]struct {
		request interface{ Validate() error }
		want    []string
		kind    error
	}{
		"SMS":          {capillary.SMS{To: "919812345678", Body: "x"}, nil, nil},
		"SMS with +":   {capillary.SMS{To: "+919812345678", Body: "x"}, nil, nil},
		"empty SMS":    {capillary.SMS{}, []string{"root.sms[0].to", "root.sms[0].body"}, capillary.ErrInvalidRequest},
		"no to":        {capillary.SMS{Body: "x"}, []string{"root.sms[0].to"}, capillary.ErrInvalidRecipient},
		"letters":      {capillary.SMS{To: "98123a", Body: "x"}, []string{"root.sms[0].to"}, capillary.ErrInvalidRecipient},
		"only +":       {capillary.SMS{To: "+", Body: "x"}, []string{"root.sms[0].to"}, capillary.ErrInvalidRecipient},
		"to not UTF-8": {capillary.SMS{To: bad, Body: "x"}, []string{"root.sms[0].to"}, capillary.ErrInvalidRecipient},
		"SMS not UTF-8": {
			capillary.SMS{To: "1", Body: bad, Sender: bad}, []string{"root.sms[0].body", "root.sms[0].sender"}, capillary.ErrInvalidRequest,
		},
		"time": {capillary.SMS{To: "1", Body: "x", ScheduledTime: far}, []string{"root.sms[0].scheduledTime"}, capillary.ErrInvalidRequest},
		"zone with seconds": {
			capillary.SMS{To: "1", Body: "x", ScheduledTime: time.Now().In(time.FixedZone("", 19270))},
			[]string{"root.sms[0].scheduledTime"},
			capillary.ErrInvalidRequest,
		},
		"extra not JSON": {capillary.SMS{To: "1", Body: "x", Extra: map[string]jsonRaw{"a": jsonRaw("{")}}, []string{"root.sms[0]"}, capillary.ErrInvalidRequest},
		"empty WhatsApp": {capillary.WhatsApp{}, []string{"root.whatsappMessage[0].receiver", "root.whatsappMessage[0].template"}, capillary.ErrInvalidRequest},
		"empty Zalo":     {capillary.Zalo{}, []string{"root.zaloMessage[0].receiver", "root.zaloMessage[0].template"}, capillary.ErrInvalidRequest},
		"Zalo not UTF-8": {capillary.Zalo{Receiver: "1", Template: bad}, []string{"root.zaloMessage[0].template"}, capillary.ErrInvalidRequest},
		"empty e-mail": {
			capillary.Email{},
			[]string{"root.email[0].to", "root.email[0].from", "root.email[0].subject", "root.email[0].body"},
			capillary.ErrInvalidRequest,
		},
		"page's e-mail": {pageEmail, nil, nil},
		"body and OmitBody": {
			mail(func(m *capillary.Email) { m.OmitBody = true }), []string{"root.email[0].body"}, capillary.ErrInvalidRequest,
		},
		"no body": {mail(func(m *capillary.Email) { m.Body = "" }), []string{"root.email[0].body"}, capillary.ErrInvalidRequest},
		"bad to":  {mail(func(m *capillary.Email) { m.To = "nobody" }), []string{"root.email[0].to"}, capillary.ErrInvalidRecipient},
		"commas": {
			mail(func(m *capillary.Email) {
				m.CC, m.BCC = []string{"a@example.com", "b@example.com,c@example.com"}, []string{""}
			}),
			[]string{"root.email[0].cc[1]", "root.email[0].bcc[0]"},
			capillary.ErrInvalidRequest,
		},
		"comma in to": {
			mail(func(m *capillary.Email) { m.To = "a@example.com, b@example.com" }), []string{"root.email[0].to"}, capillary.ErrInvalidRecipient,
		},
		"comma in from": {
			mail(func(m *capillary.Email) { m.From = "a@example.com,b@example.com" }), []string{"root.email[0].from"}, capillary.ErrInvalidRequest,
		},
		"line breaks": {
			mail(func(m *capillary.Email) { m.From, m.Subject = "a@example.com\r\nBcc: x@example.com", "a\nb" }),
			[]string{"root.email[0].from", "root.email[0].subject"},
			capillary.ErrInvalidRequest,
		},
		"image": {
			mail(func(m *capillary.Email) {
				m.Attachments = []capillary.Attachment{
					{FileName: "a.txt", FileData: "x"},
					{FileType: "PNG", FileData: "x"},
					{FileName: "b.JPeG", FileData: "x"},
					{FileType: "image/gif", FileData: "x"},
					{FileType: ".jpg", FileData: "x"},
					{FileName: "b.png", FileType: "image", FileData: "x"},
					{FileType: "png", FileData: "iVA=", FileEncodingType: "base64"},
					{FileName: bad, FileData: "x"},
				}
			}),
			[]string{
				"root.email[0].attachments.attachment[1].file_encoding_type", "root.email[0].attachments.attachment[2].file_encoding_type",
				"root.email[0].attachments.attachment[3].file_encoding_type", "root.email[0].attachments.attachment[4].file_encoding_type",
				"root.email[0].attachments.attachment[5].file_encoding_type", "root.email[0].attachments.attachment[7].file_name",
			},
			capillary.ErrInvalidRequest,
		},
		"attachment": {
			mail(func(m *capillary.Email) {
				m.Attachments = []capillary.Attachment{
					capillary.FileBytes("empty.png", "png", nil),
					capillary.FileText("empty.txt", "txt", ""),
					{FileName: "a.pdf", FileData: "00", FileEncodingType: "hex"},
					{FileName: "a.pdf", FileData: "iVA", FileEncodingType: "base64"},
					{FileName: "a.pdf", FileData: "?", FileEncodingType: "base64"},
					{FileName: "a.pdf", FileData: "iV\r\nA=", FileEncodingType: "base64"},
				}
			}),
			[]string{
				"root.email[0].attachments.attachment[0].file_data", "root.email[0].attachments.attachment[1].file_data",
				"root.email[0].attachments.attachment[2].file_encoding_type", "root.email[0].attachments.attachment[3].file_data",
				"root.email[0].attachments.attachment[4].file_data",
			},
			capillary.ErrInvalidRequest,
		},
		"resend":      {capillary.ResendRequest{MessageID: "1746061653596"}, nil, nil},
		"resend none": {capillary.ResendRequest{}, []string{"messageId"}, capillary.ErrInvalidRequest},
		"resend 0":    {capillary.ResendRequest{MessageID: "0123"}, []string{"messageId"}, capillary.ErrInvalidRequest},
		"resend word": {capillary.ResendRequest{MessageID: `1,"x":2`}, []string{"messageId"}, capillary.ErrInvalidRequest},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := tc.request.Validate()
			if tc.want == nil {
				require.NoError(t, err)
				return
			}
			require.ErrorIs(t, err, tc.kind)
			assert.Equal(t, tc.want, paths(t, err))
			noLeak(t, err)
		})
	}
}

// TestNothingIsSent: what is invalid is refused before any call.
func TestNothingIsSent(t *testing.T) {
	t.Parallel()
	s := newStub()
	c, x := s.client(t), s.client(t, capillary.WithXML())
	control := "a\x0bb"
	for name, tc := range map[string]struct {
		call func() error
		want string
	}{
		"no SMS":      {func() error { _, err := c.SendSMS(t.Context()); return err }, "root.sms"},
		"no e-mail":   {func() error { _, err := c.SendEmail(t.Context()); return err }, "root.email"},
		"no WhatsApp": {func() error { _, err := c.SendWhatsApp(t.Context()); return err }, "root.whatsappMessage"},
		"no Zalo":     {func() error { _, err := c.SendZalo(t.Context()); return err }, "root.zaloMessage"},
		"second SMS":  {func() error { _, err := c.SendSMS(t.Context(), oneSMS(), capillary.SMS{To: "1"}); return err }, "root.sms[1].body"},
		"resend": {func() error {
			_, err := c.Resend(t.Context(), capillary.ResendRequest{MessageID: "x"})
			return err
		}, "messageId"},
		"extra twice": {func() error {
			_, err := c.SendSMS(t.Context(), capillary.SMS{To: "1", Body: "x", Extra: map[string]jsonRaw{"to": jsonRaw(`"2"`)}})
			return err
		}, "root.sms[0]"},
		"extra time": {func() error {
			_, err := c.SendZalo(t.Context(), capillary.Zalo{Receiver: "1", Template: "x", Extra: map[string]jsonRaw{"scheduledTime": jsonRaw(`"2"`)}})
			return err
		}, "root.zaloMessage[0]"},
		"XML character": {func() error {
			_, err := x.SendSMS(t.Context(), capillary.SMS{To: "1", Body: control, Sender: "\ufffe"})
			return err
		}, "root.sms[0].body root.sms[0].sender"},
		"XML extra name": {func() error {
			_, err := x.SendSMS(t.Context(), capillary.SMS{To: "1", Body: "x", Extra: map[string]jsonRaw{"a b": jsonRaw(`"2"`)}})
			return err
		}, "root.sms[0]"},
		"XML extra object": {func() error {
			_, err := x.SendSMS(t.Context(), capillary.SMS{To: "1", Body: "x", Extra: map[string]jsonRaw{"a": jsonRaw(` {}`)}})
			return err
		}, "root.sms[0]"},
		"XML extra null": {func() error {
			_, err := x.SendSMS(t.Context(), capillary.SMS{To: "1", Body: "x", Extra: map[string]jsonRaw{"a": jsonRaw("\nnull")}})
			return err
		}, "root.sms[0]"},
		"XML extra half a character": {func() error {
			_, err := x.SendSMS(t.Context(), capillary.SMS{To: "1", Body: "x", Extra: map[string]jsonRaw{"a": jsonRaw(`"\\\ud83d\u0041"`)}})
			return err
		}, "root.sms[0]"},
		"XML extra other half": {func() error {
			_, err := x.SendSMS(t.Context(), capillary.SMS{To: "1", Body: "x", Extra: map[string]jsonRaw{"a": jsonRaw(`"\ud83d\ude00\uDE00"`)}})
			return err
		}, "root.sms[0]"},
		"XML extra twice": {func() error {
			_, err := x.SendSMS(t.Context(), capillary.SMS{To: "1", Body: "x", Extra: map[string]jsonRaw{"body": jsonRaw(`"y"`)}})
			return err
		}, "root.sms[0]"},
		"XML e-mail": {func() error {
			_, err := x.SendEmail(t.Context(), capillary.Email{To: "a@b" + control, From: "a@b", Subject: "s", Body: "b"})
			return err
		}, "root.email[0].to"},
	} {
		err := tc.call()
		require.Error(t, err, name)
		assert.Equal(t, strings.Fields(tc.want), paths(t, err), name)
		e, ok := errors.AsType[*capillary.Error](err)
		require.True(t, ok)
		assert.Zero(t, e.Attempts, name)
	}
	assert.Zero(t, s.count())
}

func TestRelaxedValidation(t *testing.T) {
	t.Parallel()
	s := answering(http.StatusOK, "application/json", sentAnswer)
	c := s.client(t, capillary.WithRelaxedValidation())
	_, err := c.SendSMS(t.Context(), capillary.SMS{To: "(98) 123-45", Body: "x"})
	require.NoError(t, err)
	_, err = c.SendEmail(t.Context(), capillary.Email{To: "list", From: "me", Subject: "a\nb", Body: "x"})
	require.NoError(t, err)
	_, err = c.SendEmail(t.Context(), capillary.Email{To: "a@b.c, d@e.f", From: "me", Subject: "s", Body: "x", Attachments: []capillary.Attachment{
		{FileName: "a.bin", FileData: "00", FileEncodingType: "hex"}, {FileName: "a.bin", FileData: "-_", FileEncodingType: "base64"},
	}})
	require.NoError(t, err)
	_, err = c.SendEmail(t.Context(), capillary.Email{To: "a", From: "me", Subject: "s", Body: "x", CC: []string{"a,b"}})
	require.ErrorIs(t, err, capillary.ErrInvalidRequest)
	_, err = c.SendSMS(t.Context(), capillary.SMS{Body: "x"})
	require.ErrorIs(t, err, capillary.ErrInvalidRecipient)
	_, err = c.SendSMS(t.Context(), capillary.SMS{To: "1\xff", Body: "x"})
	require.ErrorIs(t, err, capillary.ErrInvalidRecipient)
	_, err = s.client(t, capillary.WithXML(), capillary.WithRelaxedValidation()).SendSMS(t.Context(), capillary.SMS{To: "1\x00", Body: "x"})
	require.ErrorIs(t, err, capillary.ErrInvalidRecipient)
}
