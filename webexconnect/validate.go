package webexconnect

import (
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/cpaas-go/cpaas/internal/problems"
	"github.com/cpaas-go/cpaas/webexconnect/internal/wx"
)

// Limits of the page, and of the vendor's SMS page.
const (
	maxSMSText      = 1024 // characters
	maxCorrelation  = 50   // bytes
	maxCallbackData = 2000 // characters
)

// checker collects what is wrong with a request.
type checker struct {
	found *problems.List
	at    string // the request's place in a batch
	rules rules

	addresses int // of all requests so far
}

func (c *checker) add(path, problem string) {
	if problem == "" {
		return
	}
	full := path
	if c.at != "" {
		full = join(c.at, path)
	}
	c.found.Add(problem, "%s", full)
}

// required, chars, atMost and oneOf are for channels that the page only
// names: they hold only while WithRelaxedValidation is not given, as does all
// else behind channel.

func (c *checker) required(path, s string) {
	if s == "" {
		c.add(path, "is missing")
	}
}

func (c *checker) chars(path, s string, most int) {
	if utf8.RuneCountInString(s) > most {
		c.add(path, "is longer than "+strconv.Itoa(most)+" characters")
	}
}

func (c *checker) atMost(path string, n, most int) {
	if n > most {
		c.add(path, "has more than "+strconv.Itoa(most)+" elements")
	}
}

func (c *checker) oneOf(path, s string, allowed ...string) {
	c.add(path, problems.OneOf(s, allowed...))
}

func index(i int) string { return "[" + strconv.Itoa(i) + "]" }

// request checks one request.
func (c *checker) request(r *Request) {
	channel := wx.Channel(string(r.Channel))
	c.required("deliverychannel", string(r.Channel))
	if r.AppID == "" && slices.Contains([]string{wx.Push, wx.RT, wx.Messenger, wx.WhatsApp, wx.Apple}, channel) {
		c.add("appid", "is missing: the channel needs it")
	}
	c.content(r, channel)
	c.destinations(r)
	if r.Template != nil {
		c.required("message.template", r.Template.ID)
		if channel == wx.WhatsApp && !c.rules.relaxed {
			c.whatsAppTemplate(r.Template)
		}
	}
	c.links(r, channel)
	if p := r.ContactPolicy; p != nil {
		at := "channels.contactPolicy"
		if c.rules.policyOnTop {
			at = "contactPolicy"
		}
		if p.Group == "" || !utf8.ValidString(p.Group) {
			c.add(at+".contactPolicyGroup", problems.Required(p.Group))
		}
		if !p.CheckConsent && !p.ApplyFrequencyCap {
			c.add(at, "needs channelCheckConsent or channelApplyFrequencyCap")
		}
	}
	c.correlation("correlationid", r.CorrelationID)
	c.callbacks(r)
	if y := r.Expiry.UTC().Year(); !r.Expiry.IsZero() && (y < 1 || y > 9999) {
		c.add("expiry", "must have a year of four digits")
	}
	if len(r.GTRIDs) > 0 && len(r.GTRIDs) != len(r.Destinations) {
		c.add("gtrId", "must be as many as destination")
	}
	if o := r.Options; o != nil && !c.rules.relaxed {
		c.required("options.domain", o.Domain)
		if slices.Contains([]string{wx.Voice, wx.Push, wx.Apple}, channel) {
			c.add("options", "are not for this channel")
		}
	}
	c.strings(r)
}

// content checks that there is content, that it is the channel's, and what it
// is.
func (c *checker) content(r *Request, channel string) {
	matching := false
	for _, content := range [...]struct {
		has     bool
		channel string
		path    string
	}{
		{r.SMS != nil, wx.SMS, "channels.sms"},
		{r.Voice != nil, wx.Voice, "channels.voice"},
		{r.InApp != nil, wx.RT, "channels.appmessaging"},
		{r.Push != nil, wx.Push, "channels.push"},
		{r.Messenger != nil, wx.Messenger, "channels.OTT-Messaging.fb"},
		{r.WhatsApp != nil, wx.WhatsApp, "channels.OTT-Messaging.wa"},
		{r.Apple != nil, wx.Apple, "channels.AppleBusinessChat"},
	} {
		switch {
		case !content.has:
		case content.channel == channel:
			matching = true
		case channel != "":
			c.add(content.path, "does not match deliverychannel")
		}
	}
	if !matching && r.Template == nil && len(r.ChannelsExtra) == 0 && len(r.OTTExtra) == 0 {
		c.add("channels", "has no content for the channel, and there is no message")
	}
	if r.SMS != nil {
		c.sms(r.SMS, r.Template != nil)
	}
	if v := r.Voice; v != nil {
		given := 0
		for _, s := range [...]string{v.CallFlowID, v.PromptID, v.Media} {
			if s != "" {
				given++
			}
		}
		switch {
		case given > 1:
			c.add("channels.voice", "has more than one of callflowid, promptid and media")
		case given == 0 && r.Template == nil:
			c.add("channels.voice", "needs one of callflowid, promptid and media")
		}
	}
	if c.rules.relaxed {
		return
	}
	if r.InApp != nil {
		c.inApp(r.InApp, r.Template != nil, "channels.appmessaging")
	}
	if r.Push != nil {
		c.push(r.Push, r.Template != nil, "channels.push")
	}
	if r.Messenger != nil {
		c.messenger(r.Messenger, r.Template != nil, "channels.OTT-Messaging.fb")
	}
	if r.WhatsApp != nil {
		c.whatsApp(r.WhatsApp, r.Template != nil, "channels.OTT-Messaging.wa")
	}
	if r.Apple != nil {
		c.apple(r.Apple, r.Template != nil, "channels.AppleBusinessChat")
	}
}

func (c *checker) sms(s *SMS, template bool) {
	if s.Text == "" && s.Type != SMSBinary && !template {
		c.add("channels.sms.text", "is missing")
	}
	if len(s.Text) > maxSMSText {
		c.chars("channels.sms.text", s.Text, maxSMSText)
	}
	c.add("channels.sms.type", problems.OneOf(s.Type, SMSText, SMSFlash, SMSBinary, SMSUnicode))
	if s.Type == SMSBinary {
		c.required("channels.sms.body", s.Body)
	}
	if c.rules.relaxed {
		return
	}
	if _, err := hex.DecodeString(s.Body); err != nil {
		c.add("channels.sms.body", "is not hexadecimal, two digits for each byte")
	}
	if s.StoreRegion != "" && (s.SendLinkAsAppClip == nil || !*s.SendLinkAsAppClip) {
		c.add("channels.sms.storeRegion", "is only for sendLinkAsAppClip")
	}
}

func (c *checker) destinations(r *Request) {
	if len(r.Destinations) == 0 {
		c.add("destination", "is empty")
	}
	for i := range r.Destinations {
		d := &r.Destinations[i]
		n := 0
		for kind, ids := range d.kinds() {
			if len(*ids) > 0 {
				c.identifiers(i, kindNames[kind], *ids)
				n += len(*ids)
			}
		}
		if len(d.Other) > 0 {
			for _, name := range slices.Sorted(maps.Keys(d.Other)) {
				if !utf8.ValidString(name) {
					c.add("destination"+index(i), "has a name that is not valid UTF-8")
				}
				c.identifiers(i, name, d.Other[name])
				n += len(d.Other[name])
			}
		}
		if n == 0 {
			c.recipient("destination"+index(i), "has no identifier")
		}
		c.addresses += n
		if len(d.CorrelationID) > maxCorrelation || !utf8.ValidString(d.CorrelationID) {
			at := "destination" + index(i) + ".correlationid"
			c.correlation(at, d.CorrelationID)
			c.add(at, problems.Text(d.CorrelationID))
		}
	}
}

func (c *checker) identifiers(i int, name string, ids []string) {
	for j, id := range ids {
		var problem string
		switch {
		case id == "":
			problem = "is empty"
		case !utf8.ValidString(id):
			problem = "is not valid UTF-8"
		case c.rules.e164 && name == "msisdn":
			problem = wx.E164Problem(id)
		}
		if problem == "" {
			continue
		}
		c.recipient("destination"+index(i)+"."+name+index(j), problem)
	}
}

// recipient notes that a recipient's address is wrong.
func (c *checker) recipient(path, problem string) {
	if c.at != "" {
		path = join(c.at, path)
	}
	c.found.CheckRecipient(problem, "%s", path)
}

// count checks how many addresses the call has.
func (c *checker) count() {
	if c.addresses > MaxDestinations {
		c.add("destination", fmt.Sprintf("has more than %d addresses; see Request.Split", MaxDestinations))
	}
}

func (c *checker) correlation(path, s string) {
	if len(s) > maxCorrelation {
		c.add(path, "is longer than "+strconv.Itoa(maxCorrelation)+" bytes")
	}
}

func (c *checker) callbacks(r *Request) {
	if c.rules.relaxed {
		return
	}
	c.chars("callbackData", r.CallbackData, maxCallbackData)
	if r.NotifyURL == "" {
		return
	}
	c.add("notifyurl", wx.NotifyURLProblem(r.NotifyURL))
}

// links checks smart links against the channel and the texts that use them.
func (c *checker) links(r *Request, channel string) {
	if len(r.SmartLinks) > 0 && slices.Contains([]string{wx.Voice, wx.Push, wx.Apple}, channel) {
		c.add("channels.smartlinks", "are not for this channel")
	}
	for i, l := range r.SmartLinks {
		if l.LinkID < 1 {
			c.add("channels.smartlinks"+index(i)+".linkid", "must be positive")
		}
		if l.Validity < 0 {
			c.add("channels.smartlinks"+index(i)+".validity", "must not be negative")
		}
	}
	if r.SMS != nil {
		c.tokens("channels.sms.text", r.SMS.Text, r.SmartLinks)
	}
	if r.InApp != nil && r.InApp.Message != nil {
		c.tokens("channels.appmessaging.message.text", r.InApp.Message.Text, r.SmartLinks)
	}
	if r.Messenger != nil {
		c.tokens("channels.OTT-Messaging.fb.text", r.Messenger.Text, r.SmartLinks)
	}
	if r.WhatsApp != nil && r.WhatsApp.Text != nil {
		c.tokens("channels.OTT-Messaging.wa.text.body", r.WhatsApp.Text.Body, r.SmartLinks)
	}
}

// tokens checks that every link that a text names is there: the vendor would
// send the token itself.
func (c *checker) tokens(path, text string, links []SmartLink) {
	const begin, end = "{{link_", "}}"
	for {
		_, rest, found := strings.Cut(text, begin)
		if !found {
			return
		}
		text = rest
		digits, _, closed := strings.Cut(text, end)
		if !closed || digits == "" || strings.Trim(digits, "0123456789") != "" { // "{{link_linkid}}" is the page's own
			continue
		}
		if !slices.ContainsFunc(links, func(l SmartLink) bool { return strconv.Itoa(l.LinkID) == digits }) { // "05" is not 5
			c.add(path, "names a smart link that is not in channels.smartlinks")
			return
		}
	}
}

// strings checks what can be wrong with any string.
func (c *checker) strings(r *Request) {
	for _, s := range [...]struct {
		path string
		text string
	}{
		{"deliverychannel", string(r.Channel)},
		{"appid", r.AppID},
		{"correlationid", r.CorrelationID},
		{"callbackData", r.CallbackData},
		{"notifyurl", r.NotifyURL},
		{"notifyurlAuthId", r.NotifyURLAuthID},
	} {
		c.add(s.path, problems.Text(s.text))
	}
	if o := r.Options; o != nil {
		c.add("options.domain", problems.Text(o.Domain))
		c.add("options.tag1", problems.Text(o.Tag1))
		c.add("options.tag2", problems.Text(o.Tag2))
	}
	// Only what is there: the walk through it is not free.
	if s := r.SMS; s != nil && !s.plain() {
		c.text("channels.sms", s)
	}
	if r.Voice != nil {
		c.text("channels.voice", r.Voice)
	}
	if r.InApp != nil {
		c.text("channels.appmessaging", r.InApp)
	}
	if r.Push != nil {
		c.text("channels.push", r.Push)
	}
	if r.Messenger != nil {
		c.text("channels.OTT-Messaging.fb", r.Messenger)
	}
	if r.WhatsApp != nil {
		c.text("channels.OTT-Messaging.wa", r.WhatsApp)
	}
	if r.Apple != nil {
		c.text("channels.AppleBusinessChat", r.Apple)
	}
	if r.Template != nil {
		c.text("message", r.Template)
	}
	if len(r.GTRIDs) > 0 {
		c.text("gtrId", r.GTRIDs)
	}
	if r.ICMessage != nil {
		c.text("icmessage", r.ICMessage)
	}
	if len(r.Extra) > 0 {
		c.text("", r.Extra)
	}
	if len(r.ChannelsExtra) > 0 {
		c.text("channels", r.ChannelsExtra)
	}
	if len(r.OTTExtra) > 0 {
		c.text("channels.OTT-Messaging", r.OTTExtra)
	}
}

// plain says whether all of s is UTF-8, quickly.
func (s *SMS) plain() bool {
	return (s.Extras == nil || s.Extras.Extra == nil && utf8.ValidString(s.Extras.DLTTemplateID)) && s.Extra == nil && utf8.ValidString(s.Text) && utf8.ValidString(s.SenderID) &&
		utf8.ValidString(string(s.Type)) && utf8.ValidString(s.Body) && utf8.ValidString(s.StoreRegion)
}
