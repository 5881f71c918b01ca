package webexconnecttest

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/cpaas-go/cpaas/internal/fake"
	"github.com/cpaas-go/cpaas/webexconnect"
)

// Client is a v1 client of this server with the right service key. It panics
// if an option is wrong.
func (s *Server) Client(opts ...webexconnect.Option) *webexconnect.Client {
	client, err := webexconnect.New("", webexconnect.ServiceKey(ServiceKey), append([]webexconnect.Option{webexconnect.WithBaseURL(s.URL)}, opts...)...)
	if err != nil {
		panic(err)
	}
	return client
}

// Accepted is the v1 requests accepted so far, in order, each element of an
// array by itself.
func (s *Server) Accepted() []webexconnect.Request {
	s.mu.Lock()
	raw := slices.Clone(s.v1)
	s.mu.Unlock()
	out := make([]webexconnect.Request, len(raw))
	for i := range raw {
		if err := json.Unmarshal(raw[i], &out[i]); err != nil {
			panic(err) // it was decoded when it was accepted
		}
	}
	return out
}

// Refuse refuses the request as v1 does, with status 200. The request is not
// looked at, and nothing is accepted.
func Refuse(code string) Answer {
	return fake.Respond(http.StatusOK, "application/json", encode(answer{outcome{Code: code, TransID: refusedID, Description: describe(code)}}))
}

// Throttled is [Refuse] with code 7020: above the limit of calls per second.
func Throttled() Answer { return Refuse("7020") }

// Outcomes answers with an array of outcomes, one for each code: a mixture of
// 1001 and others, which the vendor does not rule out. Nothing is recorded as
// accepted.
func Outcomes(codes ...string) Answer {
	out := make([]outcome, len(codes))
	for i, code := range codes {
		out[i] = outcome{Code: code, TransID: batchID(refusedID, i), Description: describe(code)}
	}
	return fake.Respond(http.StatusOK, "application/json", encode(answer{out}))
}

const refusedID = "0facade0-0000-4000-8000-ffffffffffff"

type answer struct {
	Response any `json:"response"` // outcome or []outcome
}

type outcome struct {
	Description   string  `json:"description"`
	CorrelationID *string `json:"correlationid,omitempty"`
	Code          string  `json:"code"`
	TransID       string  `json:"transid"`
}

func encode(v any) string {
	b, _ := json.Marshal(v) //nolint:errchkjson // strings
	return string(b)
}

func describe(code string) string {
	return cmp.Or(map[string]string{
		"1001": "Queued",
		"7000": "Invalid JSON",
		"7001": "Authentication failed.",
	}[code], webexconnect.CodeText(webexconnect.SurfaceV1, "", code), "refused")
}

// batchID is the id of the i-th outcome.
func batchID(id string, i int) string {
	if i == 0 {
		return id
	}
	return id + "_" + strconv.Itoa(i)
}

// refusal is why a request is refused.
type refusal struct{ code, text string }

func (r *refusal) Error() string { return r.text }

func refuse(code, format string, args ...any) error {
	return &refusal{code, fmt.Sprintf(format, args...)}
}

func (s *Server) serveV1(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	subs, batch, err := s.readV1(r.Header, body)
	if err != nil {
		code := "7004"
		if why, ok := errors.AsType[*refusal](err); ok {
			code = why.code
		}
		fmt.Fprint(w, encode(answer{outcome{Code: code, TransID: s.newID(), Description: describe(code) + ": " + err.Error()}}))
		return
	}
	id := s.newID()
	out := make([]outcome, len(subs))
	for i, sub := range subs {
		sub.submission.transID = batchID(id, i)
		out[i] = outcome{Code: "1001", Description: "Queued", TransID: sub.submission.transID}
		if batch {
			out[i].CorrelationID = new("")
		}
		if code := s.refusalOf(sub.submission.recipients); code != "" {
			out[i].Code, out[i].Description = code, describe(code)
			continue
		}
		s.mu.Lock()
		s.v1 = append(s.v1, sub.raw)
		s.mu.Unlock()
		s.remember(sub.submission)
	}
	fmt.Fprint(w, encode(answer{out}))
}

// accepted is a request that was taken.
type accepted struct {
	raw        json.RawMessage
	submission submission
}

// readV1 reads and checks a call.
func (s *Server) readV1(h http.Header, body []byte) (subs []accepted, batch bool, err error) {
	switch credentialOf(h) {
	case credentialMissing:
		return nil, false, refuse("7002", "no key")
	case credentialWrong:
		return nil, false, refuse("7001", "wrong key or token")
	case credentialGood:
	}
	if media, _, err := mime.ParseMediaType(h.Get("Content-Type")); err != nil || media != "application/json" {
		return nil, false, refuse("7000", "Content-Type is not application/json")
	}
	if !utf8.Valid(body) || !json.Valid(body) {
		return nil, false, refuse("7000", "not JSON")
	}
	if err := noNull(json.NewDecoder(bytes.NewReader(body))); err != nil {
		return nil, false, err
	}
	raw := []json.RawMessage{body}
	if trimmed := bytes.TrimSpace(body); trimmed[0] == '[' {
		batch = true
		if err := json.Unmarshal(body, &raw); err != nil || len(raw) == 0 {
			return nil, true, refuse("7003", "no request")
		}
	}
	addresses := 0
	for _, one := range raw {
		sub, err := checkV1(one)
		if err != nil {
			return nil, batch, err
		}
		addresses += len(sub.recipients)
		subs = append(subs, accepted{one, sub})
	}
	if addresses > maxAddresses {
		return nil, batch, refuse("7009", "%d destinations", addresses)
	}
	return subs, batch, nil
}

// noNull refuses null anywhere: no field of the page may be one.
func noNull(d *json.Decoder) error {
	for {
		switch token, err := d.Token(); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return refuse("7000", "not JSON")
		case token == nil:
			return refuse("7004", "null")
		}
	}
}

const maxAddresses = 1000

type object = map[string]json.RawMessage

// The documented names, for their letter case.
var (
	topNames = []string{
		"appid", "correlationid", "callbackData", "notifyurl", "notifyurlAuthId", "deliverychannel", "channels", "destination",
		"expiry", "message", "options", "gtrId", "icmessage", "contactPolicy",
	}
	channelNames = []string{"sms", "voice", "appmessaging", "push", "OTT-Messaging", "AppleBusinessChat", "smartlinks", "contactPolicy"}
	smsNames     = []string{"text", "senderid", "type", "body", "extras", "sendLinkAsAppClip", "storeRegion"}
	voiceNames   = []string{"callflowid", "promptid", "media", "cli"}
	policyNames  = []string{"contactPolicyGroup", "channelCheckConsent", "channelApplyFrequencyCap"}
	linkNames    = []string{"linkid", "validity"}

	idNames = []string{
		"msisdn", "customerid", "userid", "email", "android_pushid", "ios_pushid", "hms_pushid", "chrome_pushid", "firefox_pushid",
		"safari_pushid", "psid", "waid", "bsuid", "abcUserId", "twitterid", "wechatID",
	}
)

// spelled refuses names that are documented in another letter case.
func spelled(at string, o object, names []string) error {
	for name := range o {
		if slices.Contains(names, name) {
			continue
		}
		if i := slices.IndexFunc(names, func(n string) bool { return strings.EqualFold(n, name) }); i >= 0 {
			return refuse("7004", "%s: %q is spelled %q", at, name, names[i])
		}
	}
	return nil
}

// open decodes a member that must be an object.
func open(at string, raw json.RawMessage, names []string) (object, error) {
	var o object
	if json.Unmarshal(raw, &o) != nil {
		return nil, refuse("7004", "%s is not an object", at)
	}
	return o, spelled(at, o, names)
}

// text decodes a member that must be a string; "" when it is absent.
func text(at string, o object, name string) (string, error) {
	raw, ok := o[name]
	if !ok {
		return "", nil
	}
	var s string
	if json.Unmarshal(raw, &s) != nil {
		return "", refuse("7004", "%s%s is not a string", at, name)
	}
	return s, nil
}

// channelPaths are the objects of the channels, and what needs an appid.
var channelPaths = map[string]struct {
	object []string
	app    bool
}{
	"sms":               {[]string{"sms"}, false},
	"voice":             {[]string{"voice"}, false},
	"push":              {[]string{"push"}, true},
	"appmessaging":      {[]string{"appmessaging"}, true},
	"rt":                {[]string{"appmessaging"}, true},
	"fb":                {[]string{"OTT-Messaging", "fb"}, true},
	"whatsapp":          {[]string{"OTT-Messaging", "wa"}, true},
	"AppleBusinessChat": {[]string{"AppleBusinessChat"}, true},
	"applebusinesschat": {[]string{"AppleBusinessChat"}, true},
}

// checkV1 checks one request and says what notifications of it are made of.
func checkV1(raw json.RawMessage) (submission, error) {
	o, err := open("request", raw, topNames)
	if err != nil {
		return submission{}, err
	}
	fields := map[string]string{}
	for _, name := range []string{"appid", "correlationid", "callbackData", "notifyurl", "notifyurlAuthId", "deliverychannel", "expiry", "icmessage"} {
		if fields[name], err = text("", o, name); err != nil {
			return submission{}, err
		}
	}
	channel := fields["deliverychannel"]
	path, known := channelPaths[channel]
	switch {
	case channel == "":
		return submission{}, refuse("7003", "deliverychannel")
	case !known:
		return submission{}, refuse("7004", "deliverychannel")
	case path.app && fields["appid"] == "":
		return submission{}, refuse("7003", "appid")
	case len(fields["correlationid"]) > 50:
		return submission{}, refuse("7004", "correlationid")
	}
	recipients, err := checkDestinations(o, fields["correlationid"])
	if err != nil {
		return submission{}, err
	}
	if len(recipients) > maxAddresses {
		return submission{}, refuse("7009", "%d destinations", len(recipients))
	}
	if err := checkMessage(o); err != nil {
		return submission{}, err
	}
	if err := checkChannels(o, path.object); err != nil {
		return submission{}, err
	}
	var r webexconnect.Request
	if err := json.Unmarshal(raw, &r); err != nil {
		return submission{}, refuse("7004", "a value is of the wrong type")
	}
	if err := r.Validate(); err != nil {
		return submission{}, refuse("7004", "%v", err)
	}
	if channel == "appmessaging" {
		channel = "rt"
	}
	return submission{
		channel: strings.ToLower(channel), callbackData: fields["callbackData"], notifyURL: fields["notifyurl"], recipients: recipients,
	}, nil
}

func checkDestinations(o object, correlation string) ([]recipient, error) {
	var list []object
	if raw, ok := o["destination"]; ok && json.Unmarshal(raw, &list) != nil {
		return nil, refuse("7004", "destination is not an array of objects")
	}
	if len(list) == 0 {
		return nil, refuse("7003", "destination")
	}
	var out []recipient
	for i, d := range list {
		at := fmt.Sprintf("destination[%d]", i)
		if err := spelled(at, d, append([]string{"correlationid"}, idNames...)); err != nil {
			return nil, err
		}
		own, err := text(at+".", d, "correlationid")
		if err != nil {
			return nil, err
		}
		if len(own) > 50 {
			return nil, refuse("7004", "%s.correlationid", at)
		}
		before := len(out)
		for _, name := range slices.Sorted(maps.Keys(d)) {
			if name == "correlationid" {
				continue
			}
			var ids []string
			if json.Unmarshal(d[name], &ids) != nil || slices.Contains(ids, "") {
				return nil, refuse("7004", "%s.%s is not an array of identifiers", at, name)
			}
			for _, id := range ids {
				out = append(out, recipient{id, name, cmp.Or(own, correlation)})
			}
		}
		if len(out) == before {
			return nil, refuse("7003", "%s has no identifier", at)
		}
	}
	var gtr []string
	if raw, ok := o["gtrId"]; ok && (json.Unmarshal(raw, &gtr) != nil || len(gtr) != len(list)) {
		return nil, refuse("7004", "gtrId")
	}
	return out, nil
}

func checkMessage(o object) error {
	raw, ok := o["message"]
	if !ok {
		return nil
	}
	m, err := open("message", raw, []string{"template", "parameters"})
	if err != nil {
		return err
	}
	id, err := text("message.", m, "template")
	if err != nil {
		return err
	}
	if id == "" {
		return refuse("7003", "message.template")
	}
	if parameters, ok := m["parameters"]; ok {
		_, err = open("message.parameters", parameters, nil)
	}
	return err
}

func checkChannels(o object, path []string) error {
	_, template := o["message"]
	channels := object{}
	if raw, ok := o["channels"]; ok {
		var err error
		if channels, err = open("channels", raw, channelNames); err != nil {
			return err
		}
	}
	for _, policy := range []object{channels, o} {
		if raw, ok := policy["contactPolicy"]; ok {
			if err := checkPolicy(raw); err != nil {
				return err
			}
		}
	}
	content, has := channels[path[0]]
	if len(path) == 2 && has {
		nested, err := open("channels."+path[0], content, []string{"fb", "wa"})
		if err != nil {
			return err
		}
		content, has = nested[path[1]]
		if other := map[string]string{"fb": "wa", "wa": "fb"}[path[1]]; nested[other] != nil {
			return refuse("7004", "%s does not match deliverychannel", other)
		}
	}
	if !has && !template {
		return refuse("7003", "%s", strings.Join(path, "."))
	}
	for _, name := range channelNames[:6] {
		if _, ok := channels[name]; ok && name != path[0] {
			return refuse("7004", "channels.%s does not match deliverychannel", name)
		}
	}
	links, err := smartLinks(channels)
	if err != nil {
		return err
	}
	if len(links) > 0 && slices.Contains([]string{"voice", "push", "AppleBusinessChat"}, path[0]) {
		return refuse("7004", "smartlinks are not for this channel")
	}
	switch {
	case !has:
		return nil
	case path[0] == "sms":
		return checkSMS(content, template, links)
	case path[0] == "voice":
		return checkVoice(content)
	}
	return nil
}

func checkPolicy(raw json.RawMessage) error {
	p, err := open("contactPolicy", raw, policyNames)
	if err != nil {
		return err
	}
	group, err := text("contactPolicy.", p, "contactPolicyGroup")
	if err != nil {
		return err
	}
	set := false
	for _, name := range policyNames[1:] {
		var flag bool
		if raw, ok := p[name]; ok && json.Unmarshal(raw, &flag) != nil {
			return refuse("7004", "contactPolicy.%s is not a boolean", name)
		}
		set = set || flag
	}
	if group == "" || !set {
		return refuse("7003", "contactPolicy needs a group and a true flag")
	}
	return nil
}

func smartLinks(channels object) ([]int, error) {
	raw, ok := channels["smartlinks"]
	if !ok {
		return nil, nil
	}
	var list []object
	if json.Unmarshal(raw, &list) != nil {
		return nil, refuse("7004", "smartlinks is not an array of objects")
	}
	var ids []int
	for _, l := range list {
		if err := spelled("smartlinks", l, linkNames); err != nil {
			return nil, err
		}
		var id int
		if json.Unmarshal(l["linkid"], &id) != nil {
			return nil, refuse("7004", "linkid is not a number")
		}
		ids = append(ids, id)
	}
	return ids, nil
}

var linkToken = regexp.MustCompile(`\{\{link_(\d+)\}\}`)

func checkSMS(raw json.RawMessage, template bool, links []int) error {
	o, err := open("sms", raw, smsNames)
	if err != nil {
		return err
	}
	fields := map[string]string{}
	for _, name := range []string{"text", "senderid", "type", "body"} {
		if fields[name], err = text("sms.", o, name); err != nil {
			return err
		}
	}
	body := fields["text"]
	switch kind := fields["type"]; {
	case !slices.Contains([]string{"", "1", "2", "3", "4"}, kind):
		return refuse("7004", "sms.type")
	case kind == "3" && fields["body"] == "":
		return refuse("7003", "sms.body")
	case kind != "3" && body == "" && !template:
		return refuse("7003", "sms.text")
	case utf8.RuneCountInString(body) > 1024:
		return refuse("7004", "sms.text is longer than 1024 characters")
	}
	for _, token := range linkToken.FindAllStringSubmatch(body, -1) {
		if id, err := strconv.Atoi(token[1]); err != nil || !slices.Contains(links, id) {
			return refuse("7004", "sms.text names a smart link that is not there")
		}
	}
	return nil
}

func checkVoice(raw json.RawMessage) error {
	o, err := open("voice", raw, voiceNames)
	if err != nil {
		return err
	}
	given := 0
	for _, name := range voiceNames {
		value, err := text("voice.", o, name)
		if err != nil {
			return err
		}
		if value != "" && name != "cli" {
			given++
		}
	}
	if given != 1 {
		return refuse("7003", "exactly one of callflowid, promptid and media")
	}
	return nil
}
