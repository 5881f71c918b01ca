package deflector_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cpaas-go/cpaas/deflector"
	"github.com/cpaas-go/cpaas/internal/testutil"
)

// sentinels are all that an error of this package can be.
var sentinels = []error{
	deflector.ErrInvalidRequest, deflector.ErrInvalidRecipient, deflector.ErrNotOnChannel, deflector.ErrUnauthorized,
	deflector.ErrForbidden, deflector.ErrInsufficientCredit, deflector.ErrRateLimited, deflector.ErrContentRejected,
	deflector.ErrUnavailable, deflector.ErrMaybeAccepted, deflector.ErrDecode,
}

// checkIs fails the test unless err is exactly the sentinels of want.
func checkIs(t *testing.T, err error, want ...error) {
	t.Helper()
	for _, s := range sentinels {
		if got := errors.Is(err, s); got != slices.Contains(want, s) {
			t.Errorf("errors.Is(%q, %q) is %v", err, s, got)
		}
	}
}

const (
	e1Type  = `{"requestError":{"serviceException":{"messageId":"","text":"ContentType not valid","validationErrors":null}}}`
	e1Key   = `{"requestError":{"serviceException":{"messageId":"0123456789abcdef0123456789abcdef","text":"Unauthenticated: apikey not found/ unable to get feedid/clientid","validationErrors":["apikey not valid"]}}}`
	e2Key   = `{"errors":[{"message":"Authorization Failed, invalid token","field":"api_key"}]}`
	e2Type  = `{"errors":[{"message":"ContentType not valid","field":"ContentType"}]}`
	e3      = `{"error":"missing required field: rcs_type","message":"Template creation failed","status":"Failure"}`
	e4      = `{"status":"failure","error":{"code":"8006","message":" type is required."}}`
	e6      = `{"message":"try another","status":400}`
	e6Error = `{"error":"Bad Request","message":"try another","status":400}`
	e7      = `{"response":{"status":"error","details":"no such source"}}`
	e7Deep  = `{"response":{"status":"error","details":{"why":"no such source"}}}`
)

func TestErrorShapes(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		status    int
		body      string
		kind      error
		code      string
		message   string
		requestID string
		fields    []deflector.FieldError
	}{
		"E1 content type": {status: 400, body: e1Type, kind: deflector.ErrInvalidRequest, message: "ContentType not valid"},
		"E1 key": {
			status: 401, body: e1Key, kind: deflector.ErrUnauthorized, requestID: "0123456789abcdef0123456789abcdef",
			message: "Unauthenticated: apikey not found/ unable to get feedid/clientid", fields: []deflector.FieldError{{Message: "apikey not valid"}},
		},
		"E1 key with 400": {
			status: 400, body: e1Key, kind: deflector.ErrUnauthorized, requestID: "0123456789abcdef0123456789abcdef",
			message: "Unauthenticated: apikey not found/ unable to get feedid/clientid", fields: []deflector.FieldError{{Message: "apikey not valid"}},
		},
		"E1 of odd types": {
			status: 400, body: `{"requestError":{"serviceException":{"messageId":7,"text":"x","validationErrors":"y"}}}`,
			kind: deflector.ErrInvalidRequest, message: "x", requestID: "7", fields: []deflector.FieldError{{Message: "y"}},
		},
		"E1 as text": {status: 400, body: `{"requestError":"x"}`, kind: deflector.ErrInvalidRequest, message: "x"},
		"E2 key": {
			status: 400, body: e2Key, kind: deflector.ErrUnauthorized, message: "Authorization Failed, invalid token",
			fields: []deflector.FieldError{{Path: "api_key", Message: "Authorization Failed, invalid token"}},
		},
		"E2 content type": {
			status: 400, body: e2Type, kind: deflector.ErrInvalidRequest, message: "ContentType not valid",
			fields: []deflector.FieldError{{Path: "ContentType", Message: "ContentType not valid"}},
		},
		"E2 of texts":    {status: 400, body: `{"errors":["x"]}`, kind: deflector.ErrInvalidRequest, message: "x", fields: []deflector.FieldError{{Message: "x"}}},
		"E2 in 200":      {status: 200, body: e2Type, kind: deflector.ErrInvalidRequest, message: "ContentType not valid", fields: []deflector.FieldError{{Path: "ContentType", Message: "ContentType not valid"}}},
		"E3":             {status: 400, body: e3, kind: deflector.ErrInvalidRequest, message: "missing required field: rcs_type"},
		"E4":             {status: 400, body: e4, kind: deflector.ErrInvalidRequest, code: "8006", message: "type is required."},
		"E4 in 200":      {status: 200, body: e4, kind: deflector.ErrInvalidRequest, code: "8006", message: "type is required."},
		"E4 code 200":    {status: 200, body: `{"status":"failure","error":{"code":8002}}`, kind: deflector.ErrNotOnChannel, code: "8002"},
		"E4 odd code":    {status: 200, body: `{"status":"failure","error":{"code":"9999","message":"x"}}`, kind: deflector.ErrInvalidRequest, code: "9999", message: "x"},
		"E4 odd message": {status: 400, body: `{"error":{"code":"8003","message":{"x":1}}}`, kind: deflector.ErrNotOnChannel, code: "8003"},
		"failure only":   {status: 200, body: `{"status":"failure","message":"x"}`, kind: deflector.ErrInvalidRequest, message: "x"},
		"E6":             {status: 400, body: e6, kind: deflector.ErrInvalidRequest, message: "try another"},
		"E6 in 200":      {status: 200, body: e6, kind: deflector.ErrInvalidRequest, message: "try another"},
		"E6 with error":  {status: 403, body: e6Error, kind: deflector.ErrForbidden, message: "Bad Request"},
		"E7":             {status: 200, body: e7, kind: deflector.ErrInvalidRequest, message: "no such source"},
		"E7 deep":        {status: 200, body: e7Deep, kind: deflector.ErrInvalidRequest, message: `{"why":"no such source"}`},
		"list in 200":    {status: 200, body: `[` + e4 + `]`, kind: deflector.ErrInvalidRequest, code: "8006", message: "type is required."},
		"HTML":           {status: 404, body: "<html>" + testPhone + "</html>", kind: deflector.ErrInvalidRequest},
		"empty 401":      {status: 401, kind: deflector.ErrUnauthorized},
		"empty 402":      {status: 402, kind: deflector.ErrInsufficientCredit},
		"empty 403":      {status: 403, kind: deflector.ErrForbidden},
		"empty 429":      {status: 429, kind: deflector.ErrRateLimited},
		"HTML 502":       {status: 502, body: "<html></html>", kind: deflector.ErrMaybeAccepted},
		"E3 with 500":    {status: 500, body: e3, kind: deflector.ErrMaybeAccepted, message: "missing required field: rcs_type"},
		"E4 with 408":    {status: 408, body: e4, kind: deflector.ErrMaybeAccepted, code: "8006", message: "type is required."},
		"E4 with 501":    {status: 501, body: e4, kind: deflector.ErrInvalidRequest, code: "8006", message: "type is required."},
		"E2 with 502":    {status: 502, body: e2Key, kind: deflector.ErrMaybeAccepted, message: "Authorization Failed, invalid token", fields: []deflector.FieldError{{Path: "api_key", Message: "Authorization Failed, invalid token"}}},
		"gateway's own":  {status: 504, body: `{"message":"Authorization failed: upstream auth timed out"}`, kind: deflector.ErrMaybeAccepted, message: "Authorization failed: upstream auth timed out"},
		"redirect":       {status: 302, body: e4, kind: deflector.ErrMaybeAccepted, code: "8006", message: "type is required."},
		"key, by prefix": {status: 400, body: `{"message":"Authorization Failed"}`, kind: deflector.ErrUnauthorized, message: "Authorization Failed"},
		"key, by words":  {status: 400, body: `{"message":"unauthenticated"}`, kind: deflector.ErrUnauthorized, message: "unauthenticated"},
		"not the key":    {status: 400, body: `{"message":"the authorization failed"}`, kind: deflector.ErrInvalidRequest, message: "the authorization failed"},
		"key, by field":  {status: 400, body: `{"errors":[{"message":"x","field":"api_key"}]}`, kind: deflector.ErrUnauthorized, message: "x", fields: []deflector.FieldError{{Path: "api_key", Message: "x"}}},
		"key, by dashed field": {
			status: 400, body: `{"errors":[{"message":"x","field":"api-key"}]}`, kind: deflector.ErrUnauthorized, message: "x",
			fields: []deflector.FieldError{{Path: "api-key", Message: "x"}},
		},
		"E2 with a code": {
			status: 200, body: `{"errors":[{},{"code":8003,"message":"x"},{"message":"y"}]}`, kind: deflector.ErrNotOnChannel, code: "8003", message: "x",
			fields: []deflector.FieldError{{Message: "x"}, {Message: "y"}},
		},
		"E2 of codes":     {status: 200, body: `{"errors":[{"code":"8003"}]}`, kind: deflector.ErrNotOnChannel, code: "8003"},
		"E2 of a field":   {status: 200, body: `{"errors":{"field":"to"}}`, kind: deflector.ErrInvalidRequest, fields: []deflector.FieldError{{Path: "to"}}},
		"E3 as a list":    {status: 200, body: `{"error":["x"]}`, kind: deflector.ErrInvalidRequest, message: "x", fields: []deflector.FieldError{{Message: "x"}}},
		"E4 with success": {status: 200, body: `{"status":"success","error":{"code":"8002"}}`, kind: deflector.ErrNotOnChannel, code: "8002"},
		"second shape":    {status: 200, body: `{"requestError":{},"errors":[],"error":"x"}`, kind: deflector.ErrInvalidRequest, message: "x"},
		"E6 of 429":       {status: 200, body: `{"message":"x","status":429}`, kind: deflector.ErrInvalidRequest, message: "x"},
		"null":            {status: 400, body: "null", kind: deflector.ErrInvalidRequest},
		"numbers masked":  {status: 400, body: `{"error":{"code":"8006","message":"text ` + testPhone + ` and ` + testKey + `"}}`, kind: deflector.ErrInvalidRequest, code: "8006", message: "text *** and ***"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := answering(test.status, test.body)
			res, err := server.client(t).Send(t.Context(), smsTo(testPhone))
			if res != nil {
				t.Errorf("response %+v", res)
			}
			checkIs(t, err, test.kind)
			e, ok := errors.AsType[*deflector.Error](err)
			if !ok {
				t.Fatalf("%T", err)
			}
			if e.Op != "Send" || e.StatusCode != test.status || e.Attempts != 1 {
				t.Errorf("error %+v", e)
			}
			if e.Code != test.code || e.Message != test.message || e.RequestID != test.requestID || !slices.Equal(e.Fields, test.fields) {
				t.Errorf("code %q, message %q, request %q, fields %q", e.Code, e.Message, e.RequestID, e.Fields)
			}
			if string(e.RawBody()) != test.body {
				t.Errorf("raw body %q", e.RawBody())
			}
			testutil.NoLeak(t, err, testPhone, testKey, "4821")
			if strings.Contains(err.Error(), "\n") || !strings.HasPrefix(err.Error(), "deflector: Send: ") {
				t.Errorf("text %q", err)
			}
		})
	}
}

func TestErrorCodes(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		code, message string
		want          error
	}{
		{deflector.CodeParameterMissing, "", deflector.ErrInvalidRequest},
		{deflector.CodeNotOptedIn, "", deflector.ErrNotOnChannel},
		{deflector.CodeNoWhatsAppContact, "", deflector.ErrNotOnChannel},
		{deflector.CodeClientNotFound, "", deflector.ErrUnauthorized},
		{deflector.CodeTechnicalError, "", deflector.ErrUnavailable},
		{deflector.CodeValidation, "type is required.", deflector.ErrInvalidRequest},
		{deflector.CodeValidation, "recipient_whatsapp cannot be less than 10 digits", deflector.ErrInvalidRecipient},
		{deflector.CodeValidation, "Recipient WhatsApp is blank", deflector.ErrInvalidRecipient},
		{deflector.CodeValidation, "[0].to[0].phoneNumber: digits only", deflector.ErrInvalidRecipient},
		{deflector.CodeValidation, "recipient_type cannot be blank", deflector.ErrInvalidRequest},
		{deflector.CodeValidation, "Recipient type must be individual", deflector.ErrInvalidRequest},
		{deflector.CodeParameterMissing, "recipient_whatsapp", deflector.ErrInvalidRequest},
		{deflector.CodeOutsideWindow, "", deflector.ErrContentRejected},
		{deflector.CodeInvalidMedia, "", deflector.ErrContentRejected},
	} {
		body, err := json.Marshal(map[string]any{"status": "failure", "error": map[string]string{"code": test.code, "message": test.message}})
		if err != nil {
			t.Fatal(err)
		}
		for _, status := range []int{200, 400, 403, 408, 500, 504} {
			_, err := answering(status, string(body)).client(t).Send(t.Context(), smsTo(testPhone))
			if status >= 408 { // no page documents a refusal with one of these
				checkIs(t, err, deflector.ErrMaybeAccepted)
			} else {
				checkIs(t, err, test.want)
			}
			if e, ok := errors.AsType[*deflector.Error](err); !ok || e.Code != test.code {
				t.Errorf("%d %s: %v", status, test.code, err)
			}
		}
	}
}

// What a 2xx without a plain "yes" can hold.
func TestMaybeAccepted(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"empty":             "",
		"space":             "  ",
		"null":              "null",
		"object":            "{}",
		"list":              "[]",
		"text":              `"ok"`,
		"HTML":              "<html></html>",
		"cut off":           `{"messageId":"ack`,
		"empty id":          `{"messageId":""}`,
		"blank id":          `{"messageId":" "}`,
		"null id":           `{"messageId":null}`,
		"false id":          `{"messageId":false}`,
		"id of objects":     `{"messageId":{"x":1}}`,
		"sibling's success": `{"status":"success","message":"Request received successfully.","data":{"id":"x"}}`,
		"id and error":      `{"messageId":"ack-1","error":{"code":"8006","message":"x"}}`,
		"id and failure":    `{"messageId":"ack-1","status":"failure"}`,
		"one id of two":     `[{"messageId":"ack-1"},{}]`,
		"one of two failed": `[{"messageId":"ack-1"},` + e4 + `]`,
		"failed, nothing":   `[` + e4 + `,{}]`,
		"list of texts":     `["ack-1"]`,
		"failed, a text":    `[` + e4 + `,"x"]`,

		// An error that says nothing, and a success that names an error.
		"empty error":          `{"status":"success","error":{}}`,
		"empty error, data":    `{"status":"success","data":{"id":"b5c3"},"error":{}}`,
		"error of nothing":     `{"error":{"code":0,"message":""},"status":"success"}`,
		"error none":           `{"error":"none","status":"ok"}`,
		"empty requestError":   `{"requestError":{}}`,
		"null exception":       `{"requestError":{"serviceException":null}}`,
		"exception of nothing": `{"requestError":{"serviceException":{"text":"","validationErrors":[]}}}`,
		"empty errors":         `{"errors":{}}`,
		"errors of nothing":    `{"status":"success","errors":[{}]}`,
		"errors of less":       `{"errors":[0,"",false,null,[],{"message":" ","field":""}]}`,
		"success with error":   `{"status":"Success","error":{"code":"77","message":"paused"}}`,
		"200 with error":       `{"status":200,"errors":[{"message":"paused"}]}`,
		"in doubt inside":      `{"status":504,"message":"upstream timed out"}`,
		"in doubt, with code":  `{"status":"500","error":{"code":"8002"}}`,
		"in doubt, response":   `{"response":{"status":408,"details":"x"}}`,
		"unknown error":        `{"error":{"reason":"no credit"}}`,
		"id, unknown error":    `{"messageId":"ack-1","error":{"reason":"no credit"}}`,
		"id, unknown errors":   `{"messageId":"ack-1","errors":[{"reason":{"deep":["no credit"]}}]}`,
		"id, unknown shape":    `{"messageId":"ack-1","requestError":{"policyException":{"text":"x"}}}`,
		"id, listed error":     `{"messageId":"ack-1","error":["x"]}`,
		"id, second shape":     `{"messageId":"ack-1","errors":[],"error":"x"}`,
		"id, ok and error":     `{"messageId":"ack-1","status":"ok","error":"x"}`,
		"id, much of nothing":  `{"messageId":"ack-1","error":{"x":"` + strings.Repeat(" ", 2000) + `"}}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := answering(200, body)
			res, err := server.client(t, deflector.WithMaxRetries(5)).Send(t.Context(), smsTo(testPhone))
			if res != nil || len(server.requests) != 1 {
				t.Errorf("%+v after %d requests", res, len(server.requests))
			}
			checkIs(t, err, deflector.ErrMaybeAccepted, deflector.ErrDecode)
			if e, ok := errors.AsType[*deflector.Error](err); !ok || e.StatusCode != 200 || string(e.RawBody()) != body {
				t.Errorf("error %#v", err)
			}
		})
	}
}

func TestAccepted(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		`{"messageId":"ack-1"}`:                                "ack-1",
		` {"messageId":"ack-1","status":"success","new":[1]} `: "ack-1",
		`{"messageId":17}`:                                     "17",
		`{"messageId":"a\u0062c","errors":[],"error":null}`:    "abc",
		`{"messageId":"x","error":"","status":200}`:            "x",
		`{"messageId":"x","error":false}`:                      "x",
		`{"messageId":"x","error":{}}`:                         "x",
		`{"messageId":"x","errors":{}}`:                        "x",
		`{"messageId":"x","errors":false,"requestError":{}}`:   "x",
		`{"messageId":"x","errors":[{"message":""}]}`:          "x",
		`{"messageId":"x","error":{"code":0,"message":""}}`:    "x",
		`{"messageId":"x","error":{"code":"0","x":[null,{}]}}`: "x",
		`{"messageId":"x","error":"none","status":"ok"}`:       "x",
		`[{"messageId":"ack-1"},{"messageId":"ack-2"}]`:        "ack-1",
	} {
		server := answering(202, body)
		server.header = http.Header{"X-Request-Id": {"11111111-2222-3333-4444-55555555555a"}}
		res, err := server.client(t).Send(t.Context(), smsTo(testPhone))
		if err != nil {
			t.Errorf("%s: %v", body, err)
			continue
		}
		if res.MessageID != want || res.RequestID != "11111111-2222-3333-4444-55555555555a" || string(res.Raw) != body {
			t.Errorf("%s: %+v", body, res)
		}
	}
}

// An id, and nothing of a failure: the request was taken, whatever the status.
func TestTaken(t *testing.T) {
	t.Parallel()
	for _, body := range []string{
		`{"messageId":"ack-1"}`, `{"messageId":"ack-1","error":{}}`, `{"messageId":"ack-1","message":"slow down"}`, `[{"messageId":"ack-1"},` + e4 + `]`,
		`[` + e4 + `,{"messageId":"ack-1"}]`, `{"messageId":"ack-1","error":"x","status":"success"}`,
	} {
		for _, status := range []int{302, 400, 401, 403, 408, 429, 500, 501, 503} {
			server := answering(status, body)
			res, err := server.client(t, deflector.WithMaxRetries(5)).Send(t.Context(), smsTo(testPhone))
			checkIs(t, err, deflector.ErrMaybeAccepted)
			if e, ok := errors.AsType[*deflector.Error](err); !ok || res != nil || e.StatusCode != status || len(server.requests) != 1 {
				t.Errorf("%d %s: %v after %d requests", status, body, err, len(server.requests))
			}
		}
	}
	for _, body := range []string{
		``, `{}`, `{"messageId":""}`, `{"messageId":"ack-1","error":{"code":"77"}}`, `{"messageId":"ack-1","status":"failed"}`,
		`[{"messageId":"ack-1","error":"x"}]`, `{"requestError":{"serviceException":{"messageId":"req-1","text":"x"}}}`,
	} {
		_, err := answering(400, body).client(t).Send(t.Context(), smsTo(testPhone))
		checkIs(t, err, deflector.ErrInvalidRequest)
	}
}

func TestErrorText(t *testing.T) {
	t.Parallel()
	server := answering(429, `{"status":"failure","error":{"code":"1007","message":"slow\r\ndown, `+testPhone+`"}}`)
	server.header = http.Header{"Retry-After": {"20"}, "X-Request-Id": {"req-9"}}
	_, err := server.client(t).Send(t.Context(), smsTo(testPhone))
	const want = "deflector: Send: rate limited: status 429, code 1007, request req-9, retry after 20s: slow down, ***"
	if err.Error() != want {
		t.Errorf("text\n got %s\nwant %s", err, want)
	}
	e, ok := errors.AsType[*deflector.Error](err)
	if !ok || e.RetryAfter != 20*time.Second || e.RetryDelay() != e.RetryAfter || e.GoString() != want {
		t.Errorf("error %#v", err)
	}
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Error("x", "err", err)
	for _, part := range []string{`"op":"Send"`, `"reason":"rate_limited"`, `"status":429`, `"code":"1007"`, `"request_id":"req-9"`} {
		if !strings.Contains(log.String(), part) {
			t.Errorf("log lacks %s: %s", part, log.String())
		}
	}
}

func TestManyFieldErrors(t *testing.T) {
	t.Parallel()
	body := `{"errors":[` + strings.Repeat(`{"message":"`+testPhone+` x","field":"f"},`, 99) + `{"message":"y","field":"g"}]}`
	_, err := answering(400, body).client(t).Send(t.Context(), smsTo(testPhone))
	e, ok := errors.AsType[*deflector.Error](err)
	if !ok || len(e.Fields) != 32 || e.Fields[0] != (deflector.FieldError{Path: "f", Message: "*** x"}) {
		t.Errorf("%d fields, %v", len(e.Fields), err)
	}
}

// An answer of millions of errors, or of ids, costs no more than its like of
// one.
func TestFarTooManyErrorsAreCheap(t *testing.T) { //nolint:paralleltest // the whole process is counted
	for name, body := range map[string]string{
		"errors":            `{"errors":[` + strings.Repeat("1,", 500_000) + `1]}`,
		"validation errors": `{"requestError":{"serviceException":{"validationErrors":[` + strings.Repeat("1,", 500_000) + `1]}}}`,
		"list of errors":    `{"error":[` + strings.Repeat("1,", 500_000) + `1]}`,
		"root list":         `[` + strings.Repeat("{},", 500_000) + `{}]`,
		"an id as well":     `{"messageId":"ack-1","errors":[` + strings.Repeat("0,", 200_000) + `0]}`,
		"as many as read":   `{"errors":[` + strings.Repeat("1,", 99_999) + `1]}`,
	} {
		client := answering(200, body).client(t)
		allocations := testing.AllocsPerRun(1, func() {
			if _, err := client.Send(t.Context(), smsTo(testPhone)); err == nil {
				t.Errorf("%s: accepted", name)
			}
		})
		if allocations > 1000 {
			t.Errorf("%s: %v allocations", name, allocations)
		}
	}
}

func TestContextEnded(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancelCause(t.Context())
	cause := errors.New("shutting down")
	cancel(cause)
	server := accepting()
	_, err := server.client(t).Send(ctx, smsTo(testPhone))
	checkIs(t, err, deflector.ErrUnavailable)
	if !errors.Is(err, cause) || len(server.requests) != 0 {
		t.Errorf("%v after %d requests", err, len(server.requests))
	}
	testutil.NoLeak(t, err, testPhone, testKey)
}
