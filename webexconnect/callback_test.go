package webexconnect_test

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cpaas-go/cpaas/internal/testutil"
	"github.com/cpaas-go/cpaas/webexconnect"
)

func post(t testing.TB, body string) *http.Request {
	t.Helper()
	return httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/hooks", strings.NewReader(body))
}

func parse(t *testing.T, body string) webexconnect.Callback {
	t.Helper()
	c, err := webexconnect.ParseCallback(post(t, body))
	require.NoError(t, err)
	assert.Equal(t, body, string(c.Raw))
	return c
}

func notification(t *testing.T, body string) *webexconnect.Notification {
	t.Helper()
	c := parse(t, body)
	require.NotNil(t, c.Notification)
	assert.Nil(t, c.Inbound)
	return c.Notification
}

func TestGoldenNotifications(t *testing.T) {
	t.Parallel()
	zone := func(s string) time.Time {
		at, err := time.Parse(time.RFC3339, s)
		require.NoError(t, err)
		return at
	}
	n := notification(t, string(testutil.Golden(t, "notification_sms.json")))
	assert.True(t, n.At.Equal(zone("2022-10-10T13:53:13.749+01:00")))
	n.At = time.Time{}
	assert.Equal(t, &webexconnect.Notification{
		TransID: "7f3af32c-8d6a-4d5e-b1c8-4805135ada71", Channel: "SMS", Code: "7500", Description: "Delivered", Status: "Delivered",
		Destination: "918900000000", DestinationType: "msisdn", TimeStamp: "2022-10-10T13:53:13.749+01:00", MessageCount: "1", Carrier: "USTMO",
	}, n)
	assert.Equal(t, webexconnect.StateDelivered, n.State())
	require.NoError(t, n.Err())

	n = notification(t, string(testutil.Golden(t, "notification_whatsapp.json")))
	assert.Equal(t, webexconnect.StateFailed, n.State())
	assert.Equal(t, "IN.2146020959550167", n.BSUID)
	assert.Equal(t, "8VVxxxxxmtw=", n.IdentityKeyHash)
	assert.Equal(t, "false", n.WAIDNormalized)
	assert.Equal(t, "e9dcc7bb-bdb9-4587-be1b-36314ddfc6c9", webexconnect.BaseTransID(n.TransID))
	require.ErrorIs(t, n.Err(), webexconnect.ErrInvalidRequest)
	e, ok := errors.AsType[*webexconnect.Error](n.Err())
	require.True(t, ok)
	assert.Equal(t, "7838", e.Code)
	assert.Equal(t, "Notification", e.Op)
	testutil.NoLeak(t, n.Err(), "2146020959550167")

	n = notification(t, string(testutil.Golden(t, "notification_voice.json")))
	assert.Equal(t, "<xml/>", n.TransInfo)
	assert.Equal(t, "OFFERED", n.Status)
	assert.Equal(t, webexconnect.StateSent, n.State())

	n = notification(t, string(testutil.Golden(t, "notification_push.json")))
	assert.Equal(t, webexconnect.StateRead, n.State())
	assert.Equal(t, map[string]string{"Button_Pressed": "SUBSCRIBE", "pushref": "ui"}, n.Interaction)
	assert.Equal(t, "abc", n.PushID)
	assert.Equal(t, "d1", n.DeviceID)

	n = notification(t, string(testutil.Golden(t, "notification_rcs.json")))
	assert.Equal(t, "GOOGLE", n.ServiceProvider)
	assert.Equal(t, "8", n.Carrier)
	assert.Equal(t, "s", n.SubTransID)
}

// TestOddNotifications are forms that the vendor's examples have here and
// there, and some that they might.
func TestOddNotifications(t *testing.T) {
	t.Parallel()
	n := notification(t, `{"deliveryInfoNotification":{"deliveryInfo":{"timeStamp":"2020-01-01T00:00:00","code":7528,"deliveryChannel":"rt",
		"transid":"t","subtid":"s","correlationid":"c","callbackData":"d","deliveryStatus":"Clicked","additionalInfo":{"a":1},
		"interactiveData":"{\"identifier\":\"i\",\"url\":\"u\"}","interaction":7,"novelty":[1]}},"more":null}`)
	assert.Equal(t, "t c d s", strings.Join([]string{n.TransID, n.CorrelationID, n.CallbackData, n.SubTransID}, " "), "inside deliveryInfo")
	assert.Equal(t, "7528", n.Code)
	assert.True(t, n.At.IsZero(), "no zone")
	assert.Equal(t, "2020-01-01T00:00:00", n.TimeStamp)
	assert.JSONEq(t, `{"a":1}`, n.AdditionalInfo)
	assert.Equal(t, map[string]string{"identifier": "i", "url": "u"}, n.InteractiveData)
	assert.Nil(t, n.Interaction)
	assert.Equal(t, webexconnect.StateRead, n.State())
}

// TestLenientNotifications: what does not decide what a notification means
// cannot spoil it; what does, can.
func TestLenientNotifications(t *testing.T) {
	t.Parallel()
	for _, odd := range []string{`["1"]`, `{}`, `{"a":[1]}`, `1`, `true`, `null`, `"x"`} {
		inside, beside := "", ""
		for name := range strings.FieldsSeq("timeStamp Description messageCount deliveryChannel additionalInfo destination destinationType " +
			"pushId deviceid waid bsuid waidNormalized identityKeyHash interaction interactiveData subtid callbackData") {
			inside += `,"` + name + `":` + odd
		}
		for name := range strings.FieldsSeq("subtid callbackData carrier serviceProvider") {
			beside += `,"` + name + `":` + odd
		}
		n := notification(t, `{"deliveryInfoNotification":{"deliveryInfo":{"code":7500,"deliveryStatus":"Delivered"`+inside+`},
			"transid":"t","correlationid":"c"`+beside+`},"deliveryTransInfo":`+odd+`}`)
		assert.Equal(t, "7500 Delivered t c", strings.Join([]string{n.Code, n.Status, n.TransID, n.CorrelationID}, " "), odd)
		assert.Equal(t, webexconnect.StateDelivered, n.State())
	}
	for _, body := range []string{
		`{"deliveryInfo":{"code":["7500"],"deliveryStatus":"Delivered"}}`, `{"deliveryInfo":{"code":"7500","deliveryStatus":{}}}`,
		`{"deliveryInfo":{"code":"7500"},"transid":[]}`, `{"deliveryInfo":{"code":"7500"},"correlationid":{}}`,
		`{"deliveryInfo":{"code":"7500","transid":{}}}`,
	} {
		_, err := webexconnect.ParseCallback(post(t, `{"deliveryInfoNotification":`+body+`}`))
		require.ErrorIs(t, err, webexconnect.ErrDecode, body)
	}
}

// TestNotificationErrShowsNobody: what a description quotes of whom the
// message was for is masked.
func TestNotificationErrShowsNobody(t *testing.T) {
	t.Parallel()
	for _, n := range []webexconnect.Notification{
		{Destination: "ann.lee@example.com"}, {WAID: "ann-lee-wa"}, {BSUID: "IN.AnnLee"}, {PushID: "annLeesToken"}, {DeviceID: "ann-lees-phone"},
	} {
		who := n.Destination + n.WAID + n.BSUID + n.PushID + n.DeviceID
		n.Code, n.Status, n.TransID, n.Description = "7520", "Failed", "of "+who, "refused: <"+who+"> is gone"
		testutil.NoLeak(t, n.Err(), who)
		assert.Contains(t, n.Err().Error(), "refused: <")
	}
}

func TestCallbackWithoutBody(t *testing.T) {
	t.Parallel()
	r := post(t, "")
	r.Body = nil
	_, err := webexconnect.ParseCallback(r)
	require.ErrorIs(t, err, webexconnect.ErrDecode)
	r.Body = nil
	require.ErrorIs(t, webexconnect.Signature("s")(r), webexconnect.ErrUnverified)
	r.Body = nil
	w := httptest.NewRecorder()
	webexconnect.Handler(nil, webexconnect.Signature("s")).ServeHTTP(w, r)
	assert.Equal(t, http.StatusUnauthorized, w.Code)
}

func TestStates(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		channel      webexconnect.Channel
		code, status string
		state        webexconnect.State
		err          error
	}{
		// The code of the four comes before the status.
		{"sms", "7501", "Failed", webexconnect.StateSent, nil},
		{"mms", "7500", "Submitted", webexconnect.StateDelivered, nil},
		{"whatsapp", "7502", "", webexconnect.StateRead, nil},
		{"email", "7528", "Bounce", webexconnect.StateRead, nil},
		// Else the status, whatever the code.
		{"sms", "7102", "Submitted", webexconnect.StateSent, nil},
		{"sms", "", "Submited", webexconnect.StateSent, nil},
		{"sms", "", "Delivered", webexconnect.StateDelivered, nil},
		{"mms", "7524", "Opened", webexconnect.StateRead, nil},
		{"sms", "7102", "Failed", webexconnect.StateFailed, webexconnect.ErrInvalidRecipient},
		{"sms", "7207", "Un-Delivered", webexconnect.StateFailed, webexconnect.ErrNotOnChannel},
		{"sms", "7109", "Undelivered", webexconnect.StateFailed, webexconnect.ErrOptedOut},
		{"email", "7520", "Bounce", webexconnect.StateFailed, webexconnect.ErrInvalidRecipient},
		{"email", "7523", "Invalid", webexconnect.StateFailed, webexconnect.ErrInvalidRecipient},
		{"email", "7522", "Not Verified", webexconnect.StateFailed, webexconnect.ErrInvalidRecipient},
		{"email", "7521", "Complaint", webexconnect.StateOptedOut, webexconnect.ErrOptedOut},
		{"rcs", "", "Unsubscribe", webexconnect.StateOptedOut, webexconnect.ErrOptedOut},
		{"rcs", "", "Subscribe", webexconnect.StateUnknown, nil},
		{"voice", "7519", "ANSWERED", webexconnect.StateDelivered, nil},
		{"Voice", "7406", "REJECTED", webexconnect.StateFailed, webexconnect.ErrNotOnChannel},
		{"voice", "7409", "DROPPED", webexconnect.StateFailed, webexconnect.ErrNotOnChannel},
		{"voice", "7405", "Released", webexconnect.StateSent, nil},
		{"voice", "7408", "ACCEPTED", webexconnect.StateSent, nil},
		{"voice", "7410", "DISCONNECTED", webexconnect.StateSent, nil},
		{"voice", "7411", "TROMBONE_CONNECTED", webexconnect.StateSent, nil},
		{"voice", "", "RINGING", webexconnect.StateUnknown, nil},
		{"sms", "", "ANSWERED", webexconnect.StateUnknown, nil},
		{"sms", "7999", "Novel", webexconnect.StateUnknown, nil},
	} {
		n := webexconnect.Notification{Channel: tt.channel, Code: tt.code, Status: tt.status}
		assert.Equal(t, tt.state, n.State(), "%+v", tt)
		if failed := tt.state == webexconnect.StateFailed || tt.state == webexconnect.StateOptedOut; !failed {
			require.NoError(t, n.Err())
			continue
		}
		require.ErrorIs(t, n.Err(), tt.err, "%+v", tt)
	}
	n := webexconnect.Notification{Status: "Failed", Code: "1"}
	require.Error(t, n.Err(), "failed, for a reason that is not known")
	words := map[string]bool{}
	for s := range webexconnect.StateOptedOut + 2 {
		words[s.String()] = true
	}
	assert.Len(t, words, 6)
}

func TestBaseTransID(t *testing.T) {
	t.Parallel()
	for id, want := range map[string]string{
		"a-b_0": "a-b", "a-b_12": "a-b", "a-b": "a-b", "a_b": "a_b", "a_": "a_", "_0": "_0", "": "", "a_0_1": "a_0",
	} {
		assert.Equal(t, want, webexconnect.BaseTransID(id))
	}
}

func TestInbound(t *testing.T) {
	t.Parallel()
	c := parse(t, string(testutil.Golden(t, "inbound_whatsapp.json")))
	assert.Nil(t, c.Notification)
	in := c.Inbound
	require.NotNil(t, in)
	assert.Equal(t, "WhatsApp MO Hello 919900000000 IN.2146020959550167 a_155054536910425280",
		strings.Join([]string{in.Channel, in.Event, in.Message, in.WAID, in.BSUID, in.AppID}, " "))
	assert.Equal(t, "0cab6280-9d98-4a4f-4877-0bde6515b15a_0", in.TID)
	assert.True(t, in.At.Equal(time.Date(2019, 3, 3, 7, 40, 51, 297e6, time.UTC)))
	assert.Equal(t, "8VVxxxxxmtw=", in.Get("identityKeyHash"))
	assert.Len(t, in.Fields(), 16)
	var attachments []struct{ URL string }
	require.NoError(t, in.Decode("attachments", &attachments))
	assert.Empty(t, attachments)
	require.NoError(t, in.Decode("location", &attachments), "empty")
	require.NoError(t, in.Decode("nothing", &attachments), "absent")
	require.Error(t, in.Decode("message", &attachments), "not JSON")

	in = parse(t, `{"Channel":"SMS","tid":"t","oa":"+44","da":"60060","userld":"u","message":"STOP","datetime":"x"}`).Inbound
	assert.Equal(t, "SMS +44 60060 u STOP", strings.Join([]string{in.Channel, in.OA, in.DA, in.UserID, in.Message}, " "))
	assert.True(t, in.At.IsZero())

	in = parse(t, `{"channel":"Facebook","event":"OnPostback","psid":"p","postback":"{\"payload\":\"P1\"}"}`).Inbound
	var postback struct {
		Payload string `json:"payload"`
	}
	require.NoError(t, in.Decode("postback", &postback))
	assert.Equal(t, "P1", postback.Payload)
	assert.Equal(t, "p", in.PSID)

	in = parse(t, `{"channel":"email","event":"MO","from":"user@example.com","to":["a@example.com"],"textMessage":"x"}`).Inbound
	var to []string
	require.NoError(t, in.Decode("to", &to), "an array as such")
	assert.Equal(t, []string{"a@example.com"}, to)
	assert.Equal(t, `["a@example.com"]`, in.Get("to"))
	assert.Equal(t, "user@example.com x", in.From+" "+in.Message)
}

func TestNoCallback(t *testing.T) {
	t.Parallel()
	for _, body := range []string{
		"", "x", "[]", "null", "{}", `{"a":1}`, `{"deliveryInfoNotification":null}`, `{"deliveryInfoNotification":{}}`, `{"deliveryInfoNotification":[]}`,
		`{"deliveryInfoNotification":{"deliveryInfo":{}}}`, `{"deliveryInfoNotification":{"deliveryInfo":{"code":{"a":1}}}}`,
		`{"channel":"sms"` + strings.Repeat(" ", webexconnect.MaxCallback),
	} {
		_, err := webexconnect.ParseCallback(post(t, body))
		require.ErrorIs(t, err, webexconnect.ErrDecode)
	}
	r := post(t, "")
	r.Body = io.NopCloser(errReader{})
	_, err := webexconnect.ParseCallback(r)
	require.ErrorIs(t, err, errRead)
}

var errRead = errors.New("broken")

type errReader struct{}

func (errReader) Read([]byte) (int, error) { return 0, errRead }

func sign(h func() hash.Hash, secret, body string) string {
	mac := hmac.New(h, []byte(secret))
	mac.Write([]byte(body))
	return hex.EncodeToString(mac.Sum(nil))
}

func TestSignature(t *testing.T) {
	t.Parallel()
	const secret, body, compact = "hub-secret", "{ \"channel\": \"SMS\",\n\"tid\": \"t 1\" }", `{"channel":"SMS","tid":"t 1"}`
	s256, s512 := sign(sha256.New, secret, body), sign(sha512.New, secret, body)
	for header, good := range map[string]bool{
		s256: true, "sha256=" + s256: true, s512: true, "sha512=" + s512: true, strings.ToUpper(s256): true, "SHA256=" + s256: true, " " + s256: true,

		"": false, "sha256=": false, "=": false, "sha512=" + s256: false, "sha256=" + s512: false, "sha1=" + s256: false, "=" + s256: false,
		s256[2:]: false, s256 + "00": false, "x" + s256[1:]: false,
		sign(sha1.New, secret, body): false, "sha1=" + sign(sha1.New, secret, body): false,
		sign(sha256.New, "other", body): false, sign(sha256.New, "", body): false, sign(sha256.New, secret, compact): false,
	} {
		r := post(t, body)
		r.Header.Set("X-Hub-Signature", header)
		err := webexconnect.Signature(secret)(r)
		if good {
			require.NoError(t, err, header)
		} else {
			require.ErrorIs(t, err, webexconnect.ErrUnverified, header)
			testutil.NoLeak(t, err, secret, s256, s512)
		}
		rest, err := io.ReadAll(r.Body)
		require.NoError(t, err)
		assert.Equal(t, body, string(rest), "can be read again")
	}
	r := post(t, body)
	r.Header.Set("X-Hub-Signature", sign(sha256.New, "", body))
	require.ErrorIs(t, webexconnect.Signature("")(r), webexconnect.ErrUnverified, "no secret")

	r.Header.Set("X-Hub-Signature", sign(sha256.New, secret, compact))
	require.NoError(t, webexconnect.CompactSignature(secret)(r))
	r = post(t, "not JSON")
	r.Header.Set("X-Hub-Signature", sign(sha256.New, secret, "not JSON"))
	require.NoError(t, webexconnect.CompactSignature(secret)(r), "as it is")
	r.Body = io.NopCloser(errReader{})
	require.ErrorIs(t, webexconnect.Signature(secret)(r), errRead)
}

func TestHandler(t *testing.T) {
	t.Parallel()
	const secret, body = "hub-secret", `{"channel":"SMS","tid":"t"}`
	good := "sha256=" + sign(sha256.New, secret, body)
	for name, tt := range map[string]struct {
		method, body, signature string
		verify                  func(*http.Request) error
		err                     error
		want                    int
		taken                   bool
	}{
		"good":         {http.MethodPost, body, good, webexconnect.Signature(secret), nil, 200, true},
		"fn fails":     {http.MethodPost, body, good, webexconnect.Signature(secret), errRead, 500, true},
		"forged":       {http.MethodPost, body, "sha256=00", webexconnect.Signature(secret), nil, 401, false},
		"not signed":   {http.MethodPost, body, "", webexconnect.Signature(secret), nil, 401, false},
		"no verify":    {http.MethodPost, body, good, nil, nil, 401, false},
		"not readable": {http.MethodPost, "x", "sha256=" + sign(sha256.New, secret, "x"), webexconnect.Signature(secret), nil, 400, false},
		"too long":     {http.MethodPost, strings.Repeat(" ", webexconnect.MaxCallback+1), good, webexconnect.Signature(secret), nil, 400, false},
		"tried out":    {http.MethodHead, "", "", webexconnect.Signature(secret), nil, 200, false},
		"GET":          {http.MethodGet, "", "", webexconnect.Signature(secret), nil, 405, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			taken := false
			h := webexconnect.Handler(func(_ context.Context, c webexconnect.Callback) error {
				taken = true
				assert.Equal(t, "t", c.Inbound.TID)
				return tt.err
			}, tt.verify)
			r := httptest.NewRequestWithContext(t.Context(), tt.method, "/hooks", bytes.NewReader([]byte(tt.body)))
			r.Header.Set("X-Hub-Signature", tt.signature)
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			assert.Equal(t, tt.want, w.Code)
			assert.Empty(t, w.Body.String())
			assert.Equal(t, tt.taken, taken)
		})
	}
}
