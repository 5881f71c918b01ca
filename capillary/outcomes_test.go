package capillary_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cpaas-go/cpaas/capillary"
	"github.com/cpaas-go/cpaas/internal/testutil"
)

// smsAnswer is an answer in JSON to an SMS: the members of status, and the
// items.
func smsAnswer(status, items string) string {
	return `{"status":{` + status + `},"smsList":[` + items + `]}`
}

const (
	goodItem = `{"sms":{"to":"919812345678","body":"hi"},"errors":[],"warnings":[]}`
	badItem  = `{"sms":{"to":"919812345678","body":"hi"},"errors":[{"status":false,"code":8055,"message":"bad 919812345678"}],"warnings":[]}`
	allWell  = `"count":1,"successCount":1,"message":"Success","code":200,"success":true`
)

// TestOutcomes: what an answer means for a call of so many messages.
func TestOutcomes(t *testing.T) {
	t.Parallel()
	const (
		ok = iota
		partial
		failed
	)
	for name, tc := range map[string]struct {
		sent    int
		status  int
		body    string
		outcome int
		kind    error // nil: success
		code    capillary.Code
		decode  bool
		items   int
		noReply bool
	}{
		"taken":              {1, 200, smsAnswer(allWell, goodItem), ok, nil, 0, false, 1, false},
		"taken, HTTP 202":    {1, 202, smsAnswer(allWell, goodItem), ok, nil, 0, false, 1, false},
		"no items":           {1, 200, smsAnswer(allWell, ""), ok, nil, 0, false, 0, false},
		"and error code 0":   {1, 200, `{"status":{"success":true,"code":200},"errorCode":"0"}`, ok, nil, 0, false, 0, false},
		"no counts":          {1, 200, smsAnswer(`"success":true,"code":200`, goodItem), ok, nil, 0, false, 1, false},
		"no success flag":    {1, 200, smsAnswer(`"code":200`, goodItem), ok, nil, 0, false, 1, false},
		"only inner status":  {1, 200, smsAnswer(`"statusCode":{"status":true,"code":200,"message":"Success"}`, goodItem), ok, nil, 0, false, 1, false},
		"warned":             {1, 200, smsAnswer(allWell+`,"warnings":["w"]`, `{"sms":{},"errors":null,"warnings":[{"code":8107,"message":"w"}]}`), ok, nil, 0, false, 1, false},
		"numbers as strings": {1, 200, smsAnswer(`"success":"true","code":"200","count":"1","successCount":1.0`, goodItem), ok, nil, 0, false, 1, false},
		"older form": {1, 200, `{"response":{"status":{"success":"true","code":"200","message":"success"},` +
			`"sms":{"id":"23423443","to":"447700900000","status":"Sent","scheduled_time":"2012-08-05 22:00:00IST"}}}`, ok, nil, 0, false, 1, false},
		"older codes": {1, 200, `{"response":{"status":{"code":4100},"sms":[{"id":1}]}}`, ok, nil, 0, false, 1, false},

		"some failed":                       {2, 200, smsAnswer(`"count":2,"successCount":1,"code":201,"success":true`, goodItem+","+badItem), partial, capillary.ErrMaybeAccepted, 201, false, 2, false},
		"success, item fails":               {2, 200, smsAnswer(`"count":2,"code":200,"success":true`, goodItem+","+badItem), partial, capillary.ErrMaybeAccepted, 200, false, 2, false},
		"fewer than count":                  {1, 200, smsAnswer(`"count":2,"successCount":1,"code":200,"success":true`, goodItem), partial, capillary.ErrMaybeAccepted, 200, false, 1, false},
		"fewer than sent":                   {3, 200, smsAnswer(allWell, goodItem), partial, capillary.ErrMaybeAccepted, 200, false, 1, false},
		"failed by its status, mixed items": {2, 200, smsAnswer(`"code":500,"success":false`, badItem+","+goodItem), partial, capillary.ErrMaybeAccepted, 500, false, 2, false},
		"201 by the items":                  {2, 200, smsAnswer(`"code":201,"success":false`, badItem+","+goodItem), partial, capillary.ErrMaybeAccepted, 201, false, 2, false},
		"some failed, HTTP 400":             {2, 400, smsAnswer(`"count":2,"successCount":1,"code":201,"success":false`, goodItem+","+badItem), partial, capillary.ErrMaybeAccepted, 201, false, 2, false},
		"some failed, HTTP 429":             {2, 429, smsAnswer(`"count":2,"successCount":1,"code":201,"success":false`, goodItem+","+badItem), partial, capillary.ErrMaybeAccepted, 201, false, 2, false},
		"some failed, count a word":         {2, 200, smsAnswer(`"count":2,"successCount":"n/a","code":201,"success":true`, goodItem+","+badItem), partial, capillary.ErrMaybeAccepted, 201, false, 2, false},
		"some failed, count below 0":        {2, 200, smsAnswer(`"count":2,"successCount":-1,"code":201,"success":true`, goodItem+","+badItem), partial, capillary.ErrMaybeAccepted, 201, false, 2, false},

		"201 and nothing else":      {2, 200, smsAnswer(`"code":201,"success":true`, goodItem+","+goodItem), failed, capillary.ErrMaybeAccepted, 201, false, 2, false},
		"a success of nothing":      {1, 200, smsAnswer(`"count":1,"successCount":0,"code":200,"success":true`, goodItem), failed, capillary.ErrMaybeAccepted, 200, false, 1, false},
		"no success, all taken":     {1, 200, smsAnswer(`"count":1,"successCount":1,"code":500,"success":false`, goodItem), failed, capillary.ErrMaybeAccepted, 500, false, 1, false},
		"all taken, one with error": {1, 200, smsAnswer(allWell, badItem), failed, capillary.ErrMaybeAccepted, 200, false, 1, false},
		"some failed, count 0":      {2, 200, smsAnswer(`"count":2,"successCount":0,"code":201,"success":true`, goodItem+","+badItem), failed, capillary.ErrMaybeAccepted, 201, false, 2, false},
		"errors at some only":       {2, 200, smsAnswer(`"count":2,"successCount":0,"code":500,"success":false`, goodItem+","+badItem), failed, capillary.ErrMaybeAccepted, 500, false, 2, false},
		"refused, with an id":       {1, 200, smsAnswer(`"successCount":0,"code":500,"success":false`, `{"sms":{"nsAdminId":17}}`), failed, capillary.ErrMaybeAccepted, 500, false, 1, false},
		"a code of success":         {1, 200, smsAnswer(`"successCount":0,"code":4100,"success":false`, badItem), failed, capillary.ErrMaybeAccepted, 4100, false, 1, false},
		"201, all with errors":      {2, 200, smsAnswer(`"code":201,"success":false`, badItem+","+badItem), failed, capillary.ErrMaybeAccepted, 201, false, 2, false},
		"an error of success":       {1, 200, `{"errorCode":200,"errorMessage":"Success"}`, failed, capillary.ErrMaybeAccepted, 200, false, 0, false},
		"success said twice":        {1, 200, smsAnswer(`"successCount":0,"code":500,"success":false,"statusCode":{"status":true,"code":200}`, ""), failed, capillary.ErrMaybeAccepted, 500, false, 0, false},
		"and the other way":         {1, 200, smsAnswer(allWell+`,"statusCode":{"status":false,"code":500}`, goodItem), failed, capillary.ErrMaybeAccepted, 200, false, 1, false},
		"success is a word":         {1, 200, smsAnswer(`"success":"SUCCESS","code":200`, goodItem), failed, capillary.ErrMaybeAccepted, 200, false, 1, false},
		"errors as strings":         {1, 200, smsAnswer(`"success":true,"code":200,"count":1`, `{"sms":{},"errors":["no"]}`), failed, capillary.ErrMaybeAccepted, 200, false, 1, false},
		"item status beside":        {1, 200, smsAnswer(`"success":true,"code":200`, `{"sms":{"to":"1"},"item_status":{"success":false,"code":4203}}`), failed, capillary.ErrMaybeAccepted, 200, false, 1, false},
		"item status is a code":     {1, 200, smsAnswer(`"success":true,"code":200`, `{"sms":{"to":"1"},"item_status":{"code":4203}}`), failed, capillary.ErrMaybeAccepted, 200, false, 1, false},
		"one for a list":            {1, 200, `{"status":{"success":true,"code":200},"smsList":{"sms":{"to":"1"},"errors":[{"code":4203}]}}`, failed, capillary.ErrMaybeAccepted, 200, false, 1, false},
		"errors beside response":    {1, 200, `{"response":{"status":{"success":true,"code":200}},"errors":[{"code":4217}]}`, failed, capillary.ErrMaybeAccepted, 200, false, 0, false},
		"201, HTTP 400":             {1, 400, smsAnswer(`"code":201,"success":true`, ""), failed, capillary.ErrMaybeAccepted, 201, false, 0, true},
		"taken, HTTP 400":           {1, 400, smsAnswer(allWell, goodItem), failed, capillary.ErrMaybeAccepted, 200, false, 1, false},
		"taken, HTTP 401":           {1, 401, smsAnswer(allWell, goodItem), failed, capillary.ErrMaybeAccepted, 200, false, 1, false},
		"taken, HTTP 402":           {1, 402, smsAnswer(allWell, goodItem), failed, capillary.ErrMaybeAccepted, 200, false, 1, false},
		"taken, HTTP 404":           {1, 404, smsAnswer(allWell, goodItem), failed, capillary.ErrMaybeAccepted, 200, false, 1, false},
		"success and errors":        {1, 200, `{"status":{"success":true,"code":200},"errors":[{"code":400}]}`, failed, capillary.ErrMaybeAccepted, 200, false, 0, false},

		"all failed":           {1, 200, smsAnswer(`"count":1,"successCount":0,"code":500,"success":false,"message":"All requests have failed"`, badItem), failed, capillary.ErrInvalidRequest, 500, false, 1, false},
		"all failed, no count": {2, 200, smsAnswer(`"code":500,"success":false`, badItem+","+badItem), failed, capillary.ErrInvalidRequest, 500, false, 2, false},
		"all failed, id 0":     {1, 200, smsAnswer(`"code":500,"success":false`, `{"sms":{"nsAdminId":0},"errors":[{"code":4203}]}`), failed, capillary.ErrInvalidRequest, 500, false, 1, false},
		"two reasons":          {2, 200, smsAnswer(`"successCount":0,"code":500,"success":false`, badItem+`,{"errors":[{"code":4000}]}`), failed, capillary.ErrInvalidRequest, 500, false, 2, false},
		"one reason":           {2, 200, smsAnswer(`"successCount":0,"code":500,"success":false`, `{"errors":[{"code":"4000"}]},{"errors":{"code":4000.0}}`), failed, capillary.ErrForbidden, 500, false, 2, false},
		"errors of odd form":   {1, 200, smsAnswer(`"successCount":0,"success":false,"code":500`, `{"sms":{},"errors":"no"}`), failed, capillary.ErrInvalidRequest, 500, false, 1, false},
		"item status of good":  {1, 200, smsAnswer(`"success":true,"code":200`, `{"sms":{"to":"1"},"item_status":{"success":"true","code":"200"}}`), ok, nil, 0, false, 1, false},
		"item status":          {1, 200, `{"response":{"status":{"success":false,"code":500},"sms":{"to":"1","item_status":{"success":false,"code":4000,"message":"x"}}}}`, failed, capillary.ErrForbidden, 500, false, 1, false},
		"authentication":       {1, 200, smsAnswer(`"success":false,"code":401`, ""), failed, capillary.ErrUnauthorized, 401, false, 0, false},
		"authentication, 400":  {1, 400, smsAnswer(`"success":false,"code":401`, ""), failed, capillary.ErrUnauthorized, 401, false, 0, true},
		"429 inside":           {1, 200, smsAnswer(`"success":false,"code":429`, ""), failed, capillary.ErrRateLimited, 429, false, 0, false},
		"503 inside":           {1, 200, smsAnswer(`"success":false,"code":503`, ""), failed, capillary.ErrUnavailable, 503, false, 0, false},
		"503 inside a 400":     {1, 400, smsAnswer(`"success":false,"code":503`, ""), failed, capillary.ErrUnavailable, 503, false, 0, true},
		"461 inside":           {1, 200, smsAnswer(`"success":false,"code":461`, ""), failed, capillary.ErrUnavailable, 461, false, 0, false},
		"521 inside":           {1, 200, smsAnswer(`"success":false,"code":521`, ""), failed, capillary.ErrUnavailable, 521, false, 0, false},
		"402 inside":           {1, 200, smsAnswer(`"success":false,"code":402`, ""), failed, capillary.ErrInvalidRequest, 402, false, 0, false},
		"unknown code":         {1, 200, smsAnswer(`"success":false,"code":999`, ""), failed, capillary.ErrInvalidRequest, 999, false, 0, false},
		"403 inside":           {1, 200, smsAnswer(`"success":false,"code":403`, ""), failed, capillary.ErrInvalidRequest, 403, false, 0, false},
		"bare errors":          {1, 200, `{"errors":[{"status":false,"message":"no message","code":4217}]}`, failed, capillary.ErrInvalidRequest, 4217, false, 0, false},
		"bare errors, 400":     {1, 400, `{"warnings":[],"errors":[{"status":false,"code":400,"message":"Input is invalid"}]}`, failed, capillary.ErrInvalidRequest, 400, false, 0, true},
		"error code":           {1, 403, `{"errorCode":4000,"errorMessage":"no"}`, failed, capillary.ErrForbidden, 4000, false, 0, true},
		"as text":              {1, 403, "HttpStatusCode=403 errorMessage=no errorCode=4000", failed, capillary.ErrForbidden, 4000, false, 0, true},
		"401, code 400":        {1, 401, `{"errors":[{"code":400}]}`, failed, capillary.ErrUnauthorized, 400, false, 0, true},
		"403":                  {1, 403, `{"errors":[{"code":403}]}`, failed, capillary.ErrForbidden, 403, false, 0, true},
		"as text, other code":  {1, 403, "errorCode=4001", failed, capillary.ErrForbidden, 0, false, 0, true},
		"as text, 504":         {1, 504, "upstream timed out errorCode=4000", failed, capillary.ErrMaybeAccepted, 0, false, 0, true},
		"as text, 200":         {1, 200, "HttpStatusCode=200 errorMessage=Success errorCode=200", failed, capillary.ErrMaybeAccepted, 0, true, 0, true},
		"402":                  {1, 402, `<html></html>`, failed, capillary.ErrInvalidRequest, 0, false, 0, true},
		"461":                  {1, 461, ``, failed, capillary.ErrUnavailable, 0, false, 0, true},
		"404":                  {1, 404, `<html></html>`, failed, capillary.ErrInvalidRequest, 0, false, 0, true},
		"415":                  {1, 415, ``, failed, capillary.ErrInvalidRequest, 0, false, 0, true},
		"500, known reason":    {1, 500, smsAnswer(`"success":false,"code":500,"successCount":0`, badItem), failed, capillary.ErrInvalidRequest, 500, false, 1, false},
		"500, several reasons": {1, 500, `{"status":{"success":false,"code":500},"errors":[{"code":4217},{"code":4000}]}`, failed, capillary.ErrMaybeAccepted, 500, false, 0, true},
		"500, no reason":       {1, 500, smsAnswer(`"success":false,"code":500,"successCount":0`, ""), failed, capillary.ErrMaybeAccepted, 500, false, 0, true},
		"502, gateway":         {1, 502, `<html><body>Bad Gateway</body></html>`, failed, capillary.ErrMaybeAccepted, 0, false, 0, true},
		"503, other":           {1, 503, `{"errors":[{"code":503}]}`, failed, capillary.ErrMaybeAccepted, 503, false, 0, true},
		"521":                  {1, 521, ``, failed, capillary.ErrMaybeAccepted, 0, false, 0, true},
		"429, code 400":        {1, 429, `{"errors":[{"code":4217}]}`, failed, capillary.ErrRateLimited, 4217, false, 0, true},

		"not an answer": {1, 200, `<html></html>`, failed, capillary.ErrMaybeAccepted, 0, true, 0, true},
		"empty":         {1, 200, ``, failed, capillary.ErrMaybeAccepted, 0, true, 0, true},
		"empty object":  {1, 200, `{}`, failed, capillary.ErrMaybeAccepted, 0, true, 0, true},
		"error code 0":  {1, 200, `{"errorCode":0}`, failed, capillary.ErrMaybeAccepted, 0, true, 0, true},
		"success odd":   {1, 200, smsAnswer(`"success":"perhaps"`, goodItem), failed, capillary.ErrMaybeAccepted, 0, true, 1, true},
		"too many":      {1, 200, `{"status":{"success":true,"code":200},"smsList":[` + strings.Repeat("0,", 100_000) + `0]}`, failed, capillary.ErrMaybeAccepted, 0, true, 0, true},
		"too many, two": {1, 200, `{"status":{"success":true,"code":200},"smsList":[` + strings.Repeat("{},", 60_000) + `{}],"sms":[` + strings.Repeat("{},", 60_000) + `{}]}`, failed, capillary.ErrMaybeAccepted, 0, true, 0, true},
		"no messages":   {1, 200, `{"status":{"success":true,"code":200},"smsList":[0,"x",null,[]]}`, ok, nil, 0, false, 0, false},
		"status a word": {1, 200, `{"status":"ok"}`, failed, capillary.ErrMaybeAccepted, 0, true, 0, true},
		"broken JSON":   {1, 200, `{"status":{"success":true`, failed, capillary.ErrMaybeAccepted, 0, true, 0, true},
		"a list":        {1, 200, `[]`, failed, capillary.ErrMaybeAccepted, 0, true, 0, true},
		"half":          {1, 200, sentAnswer[:len(sentAnswer)/2], failed, capillary.ErrMaybeAccepted, 0, true, 0, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := answering(tc.status, "application/json", tc.body)
			messages := make([]capillary.SMS, tc.sent)
			for i := range messages {
				messages[i] = oneSMS()
			}
			res, err := s.client(t, capillary.WithMaxRetries(0)).SendSMS(t.Context(), messages...)
			assert.Equal(t, 1, s.count())
			if tc.noReply || tc.outcome == failed && tc.decode {
				assert.Nil(t, res)
			} else {
				require.NotNil(t, res)
				assert.Len(t, res.Messages, tc.items)
			}
			if tc.kind == nil {
				require.NoError(t, err)
				return
			}
			require.ErrorIs(t, err, tc.kind)
			e, isError := errors.AsType[*capillary.Error](err)
			require.True(t, isError)
			assert.Equal(t, tc.outcome == partial, e.Partial)
			assert.Equal(t, tc.code, e.Code)
			assert.Equal(t, tc.status, e.StatusCode)
			assert.Equal(t, "0123456789abcdef0123456789abcdef", e.RequestID)
			assert.Equal(t, tc.decode, errors.Is(err, capillary.ErrDecode))
			assert.Len(t, e.Items, tc.items)
			assert.Equal(t, tc.body[:min(len(tc.body), 64<<10)], string(e.RawBody()))
			for _, other := range []error{
				capillary.ErrInvalidRequest, capillary.ErrMaybeAccepted, capillary.ErrUnauthorized, capillary.ErrForbidden,
				capillary.ErrRateLimited, capillary.ErrUnavailable, capillary.ErrInvalidRecipient,
			} {
				if other != tc.kind { //nolint:errorlint // the very values
					assert.NotErrorIs(t, err, other)
				}
			}
			noLeak(t, err)
		})
	}
}

// TestOutcomesXML: the forms that only XML answers have.
func TestOutcomesXML(t *testing.T) {
	t.Parallel()
	xmlAnswer := func(status, rest string) string {
		return "<response><status>" + status + "</status>" + rest + "</response>"
	}
	const (
		well = "<message>Success</message><code>200</code><success>true</success><totalCount>1</totalCount><successCount>1</successCount>"
		sms  = "<smsData><sms><status>Queued</status><nsAdminId>17</nsAdminId><to>919812345678</to></sms></smsData>"
		bad  = "<smsData><sms><to>919812345678</to></sms><errors><error><code>4203</code><message>no 919812345678</message></error></errors></smsData>"
	)
	for name, tc := range map[string]struct {
		sent    int
		body    string
		partial bool
		kind    error
		decode  bool
		errors  [][]capillary.Issue
	}{
		"taken":               {1, xmlAnswer(well, "<messages>"+sms+"</messages>"), false, nil, false, [][]capillary.Issue{nil}},
		"declaration":         {1, `<?xml version="1.0" encoding="UTF-8"?>` + "\n" + xmlAnswer(well, "<messages>"+sms+"</messages>"), false, nil, false, [][]capillary.Issue{nil}},
		"mark":                {1, "\xef\xbb\xbf" + xmlAnswer(well, "<messages>"+sms+"</messages>"), false, nil, false, [][]capillary.Issue{nil}},
		"empty errors":        {1, xmlAnswer(well, "<messages><smsData><sms><nsAdminId>17</nsAdminId></sms><errors/><warnings></warnings></smsData></messages>"), false, nil, false, [][]capillary.Issue{nil}},
		"refused, with an id": {1, xmlAnswer("<code>500</code><success>false</success>", "<messages>"+sms+"</messages>"), false, capillary.ErrMaybeAccepted, false, [][]capillary.Issue{nil}},
		"item status beside": {
			1, xmlAnswer(well, "<messages><smsData><sms><nsAdminId>1</nsAdminId></sms><item_status><success>false</success><code>4203</code></item_status></smsData></messages>"),
			false, capillary.ErrMaybeAccepted, false,
			[][]capillary.Issue{{{Code: 4203}}},
		},
		"errors in several elements": {
			1, xmlAnswer("<code>500</code><success>false</success>", "<messages><smsData><sms/><errors/><errors><code>4000</code></errors></smsData></messages>"),
			false, capillary.ErrForbidden, false,
			[][]capillary.Issue{{{Code: 4000}}},
		},
		"errors of the list": {1, xmlAnswer(well, "<messages>"+sms+"<errors><code>4000</code></errors></messages>"), false, capillary.ErrMaybeAccepted, false, [][]capillary.Issue{nil}},
		"older form":         {1, xmlAnswer("<success>true</success><code>200</code>", "<sms><id>1</id><status>Sent</status></sms>"), false, nil, false, [][]capillary.Issue{nil}},
		"no id":              {1, xmlAnswer(well, "<messages><smsData><sms><status>Queued</status></sms></smsData></messages>"), false, capillary.ErrMaybeAccepted, true, [][]capillary.Issue{nil}},
		"no message":         {1, xmlAnswer(well, ""), false, capillary.ErrMaybeAccepted, true, nil},
		"one of two": {
			2, xmlAnswer("<code>201</code><success>true</success><totalCount>2</totalCount><successCount>1</successCount>", "<messages>"+sms+bad+"</messages>"),
			true, capillary.ErrMaybeAccepted, false,
			[][]capillary.Issue{nil, {{Code: 4203, Message: "no ***"}}},
		},
		"none": {
			1, xmlAnswer("<code>500</code><success>false</success><totalCount>1</totalCount><successCount>0</successCount>", "<messages>"+bad+"</messages>"),
			false, capillary.ErrInvalidRequest, false,
			[][]capillary.Issue{{{Code: 4203, Message: "no ***"}}},
		},
		"errors without a message": {
			1, xmlAnswer("<code>500</code><success>false</success>", "<messages><smsData><errors><code>4000</code></errors></smsData></messages>"),
			false, capillary.ErrForbidden, false,
			[][]capillary.Issue{{{Code: 4000}}},
		},
		"item status": {
			1, xmlAnswer("<code>500</code><success>false</success>", "<sms><to>1</to><item_status><success>false</success><code>4000</code></item_status></sms>"),
			false, capillary.ErrForbidden, false,
			[][]capillary.Issue{{{Code: 4000}}},
		},
		"text as error": {
			1, xmlAnswer("<code>500</code><success>false</success>", "<messages><smsData><sms/><errors>no</errors></smsData></messages>"),
			false, capillary.ErrInvalidRequest, false,
			[][]capillary.Issue{{{Message: "no"}}},
		},
		"odd children": {
			1, xmlAnswer("<code>500</code><success>false</success>", "<messages><smsData><sms/><errors><e/><e>x</e></errors></smsData></messages>"),
			false, capillary.ErrInvalidRequest, false,
			[][]capillary.Issue{{{}, {Message: "x"}}},
		},
		"errors of the call": {1, "<response><errors><error><code>4217</code></error></errors></response>", false, capillary.ErrInvalidRequest, false, nil},

		"other root":    {1, "<root><status><success>true</success></status></root>", false, capillary.ErrMaybeAccepted, true, nil},
		"two roots":     {1, xmlAnswer(well, sms) + "<x/>", false, capillary.ErrMaybeAccepted, true, nil},
		"not closed":    {1, "<response><status>", false, capillary.ErrMaybeAccepted, true, nil},
		"document type": {1, `<!DOCTYPE response [<!ENTITY a "b">]>` + xmlAnswer(well, sms), false, capillary.ErrMaybeAccepted, true, nil},
		"entity":        {1, xmlAnswer(well, "<messages><smsData><sms><nsAdminId>&a;</nsAdminId></sms></smsData></messages>"), false, capillary.ErrMaybeAccepted, true, nil},
		"too deep":      {1, strings.Repeat("<response>", 100_000), false, capillary.ErrMaybeAccepted, true, nil},
		"too many":      {1, xmlAnswer(well, strings.Repeat("<a/>", 100_001)), false, capillary.ErrMaybeAccepted, true, nil},
		"other charset": {1, `<?xml version="1.0" encoding="ISO-8859-1"?>` + xmlAnswer(well, sms), false, capillary.ErrMaybeAccepted, true, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := answering(http.StatusOK, "application/xml", tc.body)
			messages := make([]capillary.SMS, tc.sent)
			for i := range messages {
				messages[i] = oneSMS()
			}
			res, err := s.client(t, capillary.WithXML()).SendSMS(t.Context(), messages...)
			if res != nil {
				require.Len(t, res.Messages, len(tc.errors))
				for i, m := range res.Messages {
					assert.Equal(t, tc.errors[i], m.Errors)
					if len(m.Errors) > 0 {
						require.Error(t, m.Err())
						noLeak(t, m.Err())
					}
				}
			}
			if tc.kind == nil {
				require.NoError(t, err)
				require.NotNil(t, res)
				require.NoError(t, res.Messages[0].Err())
				return
			}
			require.ErrorIs(t, err, tc.kind)
			assert.Equal(t, tc.decode, errors.Is(err, capillary.ErrDecode))
			e, _ := errors.AsType[*capillary.Error](err)
			assert.Equal(t, tc.partial, e.Partial)
			require.Len(t, e.Items, len(tc.errors))
			for i, it := range e.Items {
				assert.Equal(t, tc.errors[i], it.Errors)
			}
			noLeak(t, err)
			testutil.NoLeak(t, e.Items, testPhone)
		})
	}
}

// TestEitherEncodingIsRead: what comes is read for what it is.
func TestEitherEncodingIsRead(t *testing.T) {
	t.Parallel()
	s := answering(http.StatusOK, "application/json", string(testutil.Golden(t, "response-zalo.json")))
	res, err := s.client(t, capillary.WithXML()).SendZalo(t.Context(), pageXMLZalo)
	require.NoError(t, err)
	assert.Equal(t, pageText, res.Messages[0].Template)
	s = answering(http.StatusOK, "application/xml", string(testutil.Golden(t, "response-whatsapp.xml")))
	wa, err := s.client(t).SendWhatsApp(t.Context(), pageWhatsApp)
	require.NoError(t, err)
	assert.Equal(t, "OTP body", wa.Messages[0].Template)
}

// TestOlderForm: what the older form has that the page's has not.
func TestOlderForm(t *testing.T) {
	t.Parallel()
	s := answering(http.StatusOK, "application/json", `{"response":{"status":{"success":"true","code":"200","message":"success"},`+
		`"sms":{"id":"23423443","to":"447700900000","status":"Sent","scheduled_time":"2012-08-05 22:00:00IST"}}}`)
	res, err := s.client(t).SendSMS(t.Context(), oneSMS())
	require.NoError(t, err)
	assert.Equal(t, capillary.Status{Success: true, Code: 200, Message: "success"}, res.Status)
	assert.Equal(t, []capillary.SMSResult{{
		Outcome: capillary.Outcome{ID: "23423443", Status: "Sent"}, To: "447700900000",
		ScheduledTime: "2012-08-05 22:00:00IST",
	}}, res.Messages)
}

// TestEmailExtras: members of an answer that no page describes.
func TestEmailExtras(t *testing.T) {
	t.Parallel()
	s := answering(http.StatusOK, "application/json", `{"status":{"success":true,"code":200,"warningsAsStatusCode":[{"status":false,"code":8107,"message":"w"}]},`+
		`"emails":[{"email":{"fileHandler":[{"a":1}],"attachments":{"b":2},"cc":"x@example.com,y@example.com"}}]}`)
	res, err := s.client(t).SendEmail(t.Context(), pageEmail)
	require.NoError(t, err)
	assert.Equal(t, []capillary.Issue{{Code: 8107, Message: "w"}}, res.Status.Warnings)
	assert.Equal(t, []jsonRaw{jsonRaw(`{"a":1}`)}, res.Messages[0].FileHandler)
	assert.Equal(t, []jsonRaw{jsonRaw(`{"b":2}`)}, res.Messages[0].Attachments)
	assert.Equal(t, "x@example.com,y@example.com", res.Messages[0].CC)
}

// TestItems: a caller can tell which messages of a call to send again.
func TestItems(t *testing.T) {
	t.Parallel()
	s := answering(http.StatusOK, "application/json", smsAnswer(`"count":2,"successCount":1,"code":201,"success":true,"message":"Some failed"`,
		`{"sms":{"to":"911111111111"}},{"sms":{"to":"912222222222"},"errors":[{"code":8055,"message":"invalid 912222222222"}],"warnings":["late"]}`))
	_, err := s.client(t).SendSMS(t.Context(), oneSMS(), oneSMS())
	e, ok := errors.AsType[*capillary.Error](err)
	require.True(t, ok)
	assert.True(t, e.Partial)
	assert.Equal(t, "911111111111", e.Items[0].Recipient())
	assert.Empty(t, e.Items[0].Errors)
	assert.Equal(t, "912222222222", e.Items[1].Recipient())
	assert.Equal(t, []capillary.Issue{{Message: "late"}}, e.Items[1].Warnings)
	require.ErrorIs(t, e.Items[1].Errors[0], capillary.ErrInvalidRequest)
	assert.True(t, e.HasCode(capillary.CodeInvalidEmail))
	assert.True(t, e.HasCode(capillary.CodePartial))
	assert.False(t, e.HasCode(capillary.CodeNotAuthorized))
	assert.Equal(t, "capillary: SendSMS: may have been accepted: status 200, code 201, request 0123456789abcdef0123456789abcdef: "+
		"Some failed; 8055 invalid ***", err.Error())
	testutil.NoLeak(t, err, "911111111111", "912222222222")
	testutil.NoLeak(t, e.Items, "911111111111", "912222222222")
	testutil.NoLeak(t, e.Items[1].Errors[0], "912222222222")
	assert.Empty(t, capillary.Item{}.Recipient())
}

// TestErrorsOfTheCall: they are typed, as those of a message are.
func TestErrorsOfTheCall(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"JSON": `{"status":{"success":false,"code":500,"warnings":[{"code":1,"message":"w ` + testPhone + `"}]},"errors":[{"code":4217,"message":"no ` + testPhone + `"}]}`,
		"XML": `<response><status><success>false</success><code>500</code></status><errors><error><code>4217</code><message>no ` + testPhone + `</message></error></errors>` +
			`<warnings><warning><code>1</code><message>w ` + testPhone + `</message></warning></warnings></response>`,
	} {
		_, err := answering(400, "", body).client(t).SendSMS(t.Context(), oneSMS())
		require.ErrorIs(t, err, capillary.ErrInvalidRequest, name)
		e, ok := errors.AsType[*capillary.Error](err)
		require.True(t, ok)
		assert.Equal(t, capillary.Code(500), e.Code)
		assert.Equal(t, []capillary.Issue{{Code: 4217, Message: "no ***"}}, e.Errors)
		assert.Equal(t, []capillary.Issue{{Code: 1, Message: "w ***"}}, e.Warnings)
		assert.True(t, e.HasCode(4217))
		assert.True(t, e.HasCode(500))
		assert.False(t, e.HasCode(1))
		noLeak(t, err)
		testutil.NoLeak(t, e.Errors, testPhone)
	}
}

// TestManyIssues: an answer cannot make an error of any size.
func TestManyIssues(t *testing.T) {
	t.Parallel()
	many := "[" + strings.Repeat("1,", 200_000) + "1]"
	_, err := answering(200, "", `{"status":{"success":false,"code":500},"errors":`+many+`,"warnings":[`+strings.Repeat("1,", 50)+`1]}`).
		client(t).SendSMS(t.Context(), oneSMS())
	e, ok := errors.AsType[*capillary.Error](err)
	require.True(t, ok)
	assert.Len(t, e.Errors, 1)
	assert.Len(t, e.Warnings, 32)
}

// TestQuotedText: the vendor quotes the message in its refusal, in JSON and in
// XML.
func TestQuotedText(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"whole":  `{"status":{"success":false,"code":500,"message":"no: ` + testText + `"}}`,
		"errors": `{"errors":[{"code":100,"message":"'` + testText[:15] + `…' is no template"}]}`,
		"item":   `{"status":{"success":true,"code":201},"smsList":[{"sms":{},"errors":[{"message":"code ` + testText[:4] + ` is wrong"}],"warnings":[{"message":"` + testText + `"}]}]}`,
		"XML":    `<response><errors><error><code>1</code><message>no: ` + testText + `</message></error></errors></response>`,
	} {
		for _, opts := range [][]capillary.Option{nil, {capillary.WithXML()}} {
			res, err := answering(400, "", body).client(t, opts...).SendSMS(t.Context(), oneSMS())
			require.Error(t, err, name)
			testutil.NoLeak(t, err, testText, testText[:4], testText[:15])
			if res != nil {
				for _, m := range res.Messages {
					testutil.NoLeak(t, m.Outcome, testText, testText[:4])
				}
			}
		}
	}
}
