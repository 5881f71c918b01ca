package wx

import (
	"strconv"
	"strings"

	"github.com/cpaas-go/cpaas/internal/errs"
)

// Surfaces: where a code is met. The same number means different things.
const (
	V1      = "v1"      // the answer to a v1 request
	V2      = "v2"      // the answer to a v2 request
	Receipt = "receipt" // a delivery notification, of either version
)

// Channels of the table, as notifications spell them in lower case.
const (
	SMS       = "sms"
	MMS       = "mms"
	Voice     = "voice"
	Email     = "email"
	RCS       = "rcs"
	WhatsApp  = "whatsapp"
	Messenger = "fb"
	RT        = "rt"
	Push      = "push"
	Apple     = "applebusinesschat"
)

// Kind is the sentinel of a code; nil when the code is not known or is not a
// failure. channel is in any letter case; "" where the surface has none.
func Kind(surface, channel, code string) error { return lookup(surface, channel, code).kind }

// Text is what a code means, in a few words; "" when it is not known.
func Text(surface, channel, code string) string { return lookup(surface, channel, code).text }

// Known says whether a code is documented, on any surface and channel.
func Known(code string) bool { return known[code] }

// lookup prefers what is said of the surface and the channel to what is said
// of one of them, and that to what holds everywhere.
func lookup(surface, channel, code string) meaning {
	channel = Channel(channel)
	for _, k := range [...]key{
		{surface, channel, code}, {surface, "", code}, {"", channel, code}, {"", "", code},
	} {
		if m, ok := codes[k]; ok {
			return m
		}
	}
	return meaning{}
}

// Channel is the table's name of a channel: requests and notifications spell
// some in several ways.
func Channel(s string) string {
	switch s = strings.ToLower(s); s {
	case "appmessaging":
		return RT
	case "messenger", "facebook", "facebook messenger":
		return Messenger
	}
	return s
}

type key struct{ surface, channel, code string }

type meaning struct {
	text string
	kind error
}

type codeList map[string]meaning

// codes is the one place that knows what a code means.
//
// Sources: https://developers.webexconnect.io/reference/channel-specific-status-codes
// and https://help.webexconnect.io/docs/references-api-codes; the sentinels
// are this module's reading of them.
var codes = table()

var known = func() map[string]bool {
	all := make(map[string]bool, len(codes))
	for k := range codes {
		all[k.code] = true
	}
	return all
}()

func table() map[key]meaning {
	all := map[key]meaning{}
	add := func(surface, channel string, list codeList) {
		for code, m := range list {
			all[key{surface, channel, code}] = m
		}
	}
	add("", "", everywhere)
	add(V1, "", answers)
	add(V2, "", answers)
	add(V1, "", codeList{
		"7010": {"source address not allowed, or an exception of the provider", errs.Forbidden},
		"7208": {"message expired, or source address not allowed", errs.InvalidRequest},
	})
	add(V2, "", codeList{
		"7010": {"exception of the provider", errs.MaybeAccepted},
		"7016": {"unknown exception", errs.MaybeAccepted},
	})
	for channel, list := range byChannel {
		add("", channel, list)
	}
	add(Receipt, "", receipts)
	for channel, list := range receiptsByChannel {
		add(Receipt, channel, list)
	}
	for code := 7212; code <= 7272; code++ {
		if code != 7240 && code != 7241 { // those are e-mail's
			all[key{"", MMS, strconv.Itoa(code)}] = meaning{"refused by the MMS gateway", errs.Unavailable}
		}
	}
	// Listed as ranges: which of these reasons a code stands for is not known.
	for code := 7880; code <= 7892; code++ {
		if code != 7888 {
			all[key{"", Push, strconv.Itoa(code)}] = meaning{"problem of a token or topic", errs.NotOnChannel}
		}
	}
	for code := 7627; code <= 7643; code++ {
		all[key{"", "", strconv.Itoa(code)}] = meaning{"refused by WeChat: not a follower, an unknown user, or wrong content", errs.NotOnChannel}
	}
	return all
}

// answers are codes of answers to requests only. An internal error is no
// proof that nothing was accepted.
var answers = codeList{
	"7006": {"internal error", errs.MaybeAccepted},
	"7011": {"unknown exception", errs.MaybeAccepted},
	"7200": {"unknown status", errs.MaybeAccepted},
	"7601": {"transaction of another service, or a wrong key", errs.Unauthorized},
}

// everywhere holds where nothing narrower is said.
var everywhere = codeList{
	CodeQueued: {"queued", nil},
	"7000":     {"invalid JSON", errs.InvalidRequest},
	"7001":     {"authentication failed", errs.Unauthorized},
	"7002":     {"service key missing", errs.Unauthorized},
	"7003":     {"mandatory parameter missing", errs.InvalidRequest},
	"7004":     {"invalid parameter", errs.InvalidRequest},
	"7005":     {"request expired", errs.InvalidRequest},
	"7006":     {"internal error", errs.Unavailable},
	"7007":     {"service inactive", errs.Forbidden},
	"7008":     {"inactive profile", errs.NotOnChannel},
	"7009":     {"more than 1000 destinations", errs.InvalidRequest},
	"7010":     {"exception of the provider", errs.Unavailable},
	"7011":     {"unknown exception", errs.Unavailable},
	"7016":     {"unknown exception", errs.Unavailable},
	"7019":     {"request expired", errs.InvalidRequest},

	CodeThrottled: {"limit of transactions reached", errs.RateLimited},

	"7022": {"JSON too large", errs.InvalidRequest},
	"7101": {"invalid sender ID", errs.InvalidRequest},
	"7102": {"invalid address", errs.InvalidRecipient},
	"7103": {"not enough credits", errs.InsufficientCredit},
	"7104": {"invalid app ID", errs.InvalidRequest},
	"7105": {"customer profile not found", errs.InvalidRecipient},
	"7106": {"channel not configured", errs.Forbidden},
	"7107": {"message too long", errs.InvalidRequest},
	"7108": {"invalid template ID", errs.ContentRejected},
	"7109": {"do not disturb", errs.OptedOut},
	"7110": {"user not active", errs.NotOnChannel},
	"7111": {"spam detected", errs.ContentRejected},
	"7112": {"invalid message type", errs.InvalidRequest},
	"7113": {"outside social hours", errs.ContentRejected},
	"7114": {"configuration error", errs.Forbidden},
	"7115": {"rate plan not defined", errs.Forbidden},
	"7116": {"destination profile not verified", errs.NotOnChannel},
	"7117": {"real-time messaging not enabled for the app", errs.Forbidden},
	"7118": {"push not enabled for the app", errs.Forbidden},
	"7119": {"destination profile without system details", errs.NotOnChannel},
	"7120": {"voice parameters too long", errs.InvalidRequest},
	"7121": {"template parameters could not be fetched", errs.ContentRejected},
	"7126": {"invalid content type", errs.InvalidRequest},
	"7127": {"source address not allowed", errs.Forbidden},
	"7200": {"unknown status", nil},
	"7201": {"delivery failed at the operator", errs.Unavailable},
	"7202": {"delivery failed at the platform", errs.Unavailable},
	"7203": {"unknown subscriber", errs.InvalidRecipient},
	"7204": {"subscriber without credit", errs.NotOnChannel},
	"7205": {"error in the binary message", errs.InvalidRequest},
	"7206": {"SIM full", errs.NotOnChannel},
	"7207": {"subscriber out of coverage", errs.NotOnChannel},
	"7208": {"message expired", errs.Unavailable},
	"7209": {"multipart message not deliverable", errs.NotOnChannel},
	"7210": {"billing configuration error", errs.Forbidden},
	"7211": {"billing error at the operator", errs.Unavailable},
	"7212": {"invalid registration", errs.NotOnChannel},
	"7213": {"unregistered", errs.NotOnChannel},
	"7214": {"failure of the push service", errs.Unavailable},
	"7240": {"address bounced before", errs.InvalidRecipient},
	"7241": {"unsubscribed", errs.OptedOut},
	"7301": {"message expired", errs.Unavailable},
	"7302": {"rate limit exceeded", errs.RateLimited},
	"7303": {"notification of a message expired", errs.Unavailable},
	"7304": {"invalid credentials of the app", errs.Unauthorized},
	"7305": {"invalid credentials of the user", errs.Unauthorized},
	"7307": {"endpoint not reachable", errs.NotOnChannel},
	"7401": {"no answer", errs.NotOnChannel},
	"7402": {"busy", errs.NotOnChannel},
	"7403": {"call rejected", errs.NotOnChannel},
	"7404": {"call failed", errs.Unavailable},
	"7500": {"delivered", nil},
	"7501": {"submitted", nil},
	"7502": {"read", nil},
	"7528": {"clicked", nil},
	"7600": {"no results found", errs.InvalidRequest},
	"7602": {"user presence failure", errs.NotOnChannel},
	"7603": {"user verification failure", errs.InvalidRequest},
	"7608": {"image too large", errs.InvalidRequest},
	"7609": {"audio too large", errs.InvalidRequest},
	"7610": {"video too large", errs.InvalidRequest},
	"7611": {"thumbnail too large", errs.InvalidRequest},
	"7618": {"invalid characters", errs.InvalidRequest},
	"7720": {"recipient blocked", errs.OptedOut},
	"8009": {"profile of another tenant", errs.InvalidRequest},

	"9000": {"contact policy not enabled", errs.Forbidden},
	"9001": {"contact policy: inputs required", errs.InvalidRequest},
	"9002": {"contact policy: no consent", errs.OptedOut},
	"9003": {"contact policy: consumer not in the group", errs.ContentRejected},
	"9004": {"contact policy: service not reachable", errs.Unavailable},
	"9005": {"contact policy: unknown group or channel", errs.InvalidRequest},
	"9006": {"contact policy: frequency cap exceeded", errs.FrequencyCapped},
	"9007": {"contact policy: group not found", errs.InvalidRequest},
	"9010": {"contact policy: consent expired", errs.OptedOut},
}

// byChannel holds on a channel, in answers and receipts.
var byChannel = map[string]codeList{
	SMS: {
		"7280": {"message deleted", errs.Unavailable},
		"7281": {"campaign error", errs.Forbidden},
		"7282": {"invalid route", errs.Unavailable},
		"7283": {"invalid operator, or a landline", errs.NotOnChannel},
		"7284": {"duplicate message", errs.Duplicate},
		"7513": {"unregistered device", errs.NotOnChannel},
		"7518": {"unknown error", errs.Unavailable},
		"7607": {"invalid message type", errs.InvalidRequest},
	},
	Voice: {
		"7405": {"released", nil},
		"7406": {"rejected", errs.NotOnChannel},
		"7407": {"offered", nil},
		"7408": {"accepted", nil},
		"7409": {"dropped", errs.NotOnChannel},
		"7410": {"disconnected", nil},
		"7411": {"trombone connected", nil},
		"7412": {"trombone released", nil},
		"7413": {"number not registered for voice", errs.Forbidden},
		"7414": {"tenant not registered for voice", errs.Forbidden},
		"7415": {"voice quota exceeded", errs.InsufficientCredit},
		"7519": {"answered", nil},
	},
	RT: {
		"7026": {"payload over 4 KB", errs.InvalidRequest},
		"7034": {"more than 8 elements", errs.InvalidRequest},
		"7308": {"invalid topic", errs.InvalidRequest},
		"7309": {"topic without subscribers", errs.NotOnChannel},
		"7310": {"no segment", errs.InvalidRequest},
		"7311": {"thread or stream name missing", errs.InvalidRequest},
		"7312": {"invalid thread ID", errs.InvalidRequest},
		"7505": {"payload over 4 KB", errs.InvalidRequest},
		"7703": {"more than 3 buttons", errs.InvalidRequest},
		"7704": {"identifier used twice", errs.InvalidRequest},
		"7706": {"more than 5 quick replies", errs.InvalidRequest},
		"7708": {"more than 5 image URLs", errs.InvalidRequest},
	},
	Messenger: {
		"7303":    {"endpoint not reachable", errs.NotOnChannel},
		"7313":    {"the person has not written", errs.NotOnChannel},
		"7526":    {"no subscription permission, or an invalid tag", errs.Forbidden},
		"2018336": {"European privacy rules", errs.ContentRejected},
		"2018047": {"European privacy rules", errs.ContentRejected},
	},
	Push: {
		"7503": {"expired before it was tried", errs.Unavailable},
		"7504": {"authentication with the push service failed", errs.Unauthorized},
		"7505": {"payload over 4 KB", errs.InvalidRequest},
		"7506": {"wrong time to live", errs.InvalidRequest},
		"7507": {"too many requests for the app", errs.RateLimited},
		"7508": {"error of the push service", errs.Unavailable},
		"7509": {"too many requests at once", errs.RateLimited},
		"7510": {"payload too large", errs.InvalidRequest},
		"7511": {"wrong time to live", errs.InvalidRequest},
		"7512": {"invalid push ID", errs.InvalidRecipient},
		"7513": {"unregistered device", errs.NotOnChannel},
		"7514": {"wrong push gateway", errs.Forbidden},
		"7515": {"wrong push certificate", errs.Unauthorized},
		"7516": {"too many messages for the device", errs.RateLimited},
		"7517": {"error of the push service", errs.Unavailable},
		"7518": {"unknown error", errs.Unavailable},
		"7537": {"some tokens failed", errs.Unavailable},
		"7538": {"wrong token parameters", errs.InvalidRequest},
		"7539": {"must be one token", errs.InvalidRequest},
		"7540": {"wrong structure", errs.InvalidRequest},
		"7541": {"expiry in the past", errs.InvalidRequest},
		"7542": {"wrong collapse key", errs.InvalidRequest},
		"7543": {"sensitive information", errs.ContentRejected},
		"7544": {"OAuth error", errs.Unauthorized},
		"7545": {"OAuth token expired", errs.Unauthorized},
		"7546": {"no permission", errs.Forbidden},
		"7547": {"all tokens invalid", errs.InvalidRecipient},
		"7548": {"body too large", errs.InvalidRequest},
		"7549": {"too many tokens", errs.InvalidRequest},
		"7550": {"high priority not allowed", errs.Forbidden},
		"7551": {"internal error of the push service", errs.Unavailable},
		"7560": {"invalid parameters", errs.InvalidRequest},
		"7562": {"token of another sender", errs.Forbidden},
		"7563": {"quota exceeded", errs.RateLimited},
		"7564": {"push service overloaded", errs.Unavailable},
		"7565": {"internal error of the push service", errs.Unavailable},
		"7566": {"wrong certificate or web key", errs.Unauthorized},
		"7569": {"wrong OAuth token", errs.Unauthorized},
		"7570": {"no permission", errs.Forbidden},
		"7571": {"unregistered device", errs.NotOnChannel},
		"7577": {"unknown error of the push service", errs.Unavailable},
		"7578": {"not implemented by the push service", errs.InvalidRequest},
	},
	Email: {
		"7520": {"bounced", errs.InvalidRecipient},
		"7521": {"complaint", errs.OptedOut},
		"7522": {"address not verified", errs.InvalidRecipient},
		"7523": {"invalid address", errs.InvalidRecipient},
		"7524": {"address too long", errs.InvalidRecipient},
		"7535": {"attachments too large", errs.InvalidRequest},
		"7536": {"exception in the template", errs.ContentRejected},
		"7553": {"authentication with the mail server failed", errs.Unauthorized},
		"7554": {"mail server failed", errs.Unavailable},
	},
	MMS: {
		"7144": {"country not supported", errs.NotOnChannel},
		"7145": {"text of a slide too long", errs.InvalidRequest},
		"7146": {"too many slides", errs.InvalidRequest},
		"7147": {"quota of the route exceeded", errs.RateLimited},
		"7148": {"invalid attachment type", errs.InvalidRequest},
		"7524": {"opened", nil},
		"7525": {"clicked", nil},
		"7552": {"address error", errs.InvalidRecipient},
		"7553": {"address not found", errs.InvalidRecipient},
		"7554": {"content refused", errs.ContentRejected},
		"7555": {"format corrupt", errs.InvalidRequest},
		"7556": {"rejected", errs.ContentRejected},
	},
	RCS: {
		"7318": {"bad request", errs.InvalidRequest},
		"7319": {"not found", errs.NotOnChannel},
		"7320": {"invalid JSON", errs.InvalidRequest},
		"7321": {"invalid content", errs.InvalidRequest},
		"7322": {"provider not configured", errs.Forbidden},
		"7323": {"carrier not found", errs.NotOnChannel},
		"7324": {"limit of transactions reached", errs.RateLimited},
		"7325": {"unauthorized", errs.Unauthorized},
		"7326": {"internal error", errs.Unavailable},
		"7327": {"external error", errs.Unavailable},
		"7328": {"error of the provider", errs.Unavailable},
		"7329": {"carrier lookup failed", errs.NotOnChannel},
		"7330": {"details of the RCS platform missing", errs.Forbidden},
		"7331": {"rate limit of the RCS platform", errs.RateLimited},
		"7334": {"delivery report says failed", errs.Unavailable},
		"7740": {"invalid media", errs.ContentRejected},
	},
	Apple: {
		"7314": {"invalid application details", errs.InvalidRequest},
		"7316": {"invalid application details", errs.InvalidRequest},
		"7317": {"merchant session failed", errs.Unavailable},
		"7722": {"invalid parameter value", errs.InvalidRequest},
		"7738": {"media upload failed", errs.Unavailable},
	},
	WhatsApp: {
		"7701": {"media could not be downloaded", errs.ContentRejected},
		"7703": {"payment issue", errs.InsufficientCredit},
		"7704": {"pending too long", errs.Unavailable},
		"7705": {"message expired", errs.Unavailable},
		"7706": {"rate limit", errs.RateLimited},
		"7707": {"unsigned certificate", errs.Forbidden},
		"7710": {"over 24 hours since the person wrote", errs.ContentRejected},
		"7711": {"spam rate limit", errs.RateLimited},
		"7712": {"recipient is part of an experiment", errs.NotOnChannel},
		"7713": {"generic error", errs.Unavailable},
		"7714": {"text over 4096 characters", errs.InvalidRequest},
		"7715": {"invalid recipient type", errs.InvalidRequest},
		"7717": {"resource exists", errs.InvalidRequest},
		"7721": {"parameter missing", errs.InvalidRequest},
		"7722": {"invalid parameter value", errs.InvalidRequest},
		"7723": {"parameter not required", errs.InvalidRequest},
		"7726": {"user not valid", errs.NotOnChannel},
		"7727": {"media upload failed", errs.Unavailable},
		"7729": {"system overloaded", errs.Unavailable},
		"7730": {"not the primary", errs.Unavailable},
		"7731": {"not the primary", errs.Unavailable},
		"7733": {"sender is the recipient", errs.InvalidRecipient},
		"7736": {"generic error", errs.Unavailable},
		"7802": {"identity changed", errs.NotOnChannel},
		"7803": {"sender locked", errs.Forbidden},
		"7804": {"wrong number of template parameters", errs.ContentRejected},
		"7805": {"template missing", errs.ContentRejected},
		"7808": {"template parameter too long", errs.ContentRejected},
		"7809": {"text too long", errs.ContentRejected},
		"7811": {"policy violated", errs.ContentRejected},
		"7812": {"component missing", errs.InvalidRequest},
		"7813": {"wrong URL", errs.InvalidRequest},
		"7814": {"wrong media format", errs.ContentRejected},
		"7815": {"wrong phone number", errs.InvalidRecipient},
		"7816": {"wrong parameter format", errs.InvalidRequest},
		"7819": {"wrong number of sections", errs.InvalidRequest},
		"7820": {"wrong number of rows", errs.InvalidRequest},
		"7821": {"wrong number of characters", errs.InvalidRequest},
		"7830": {"wrong header structure", errs.InvalidRequest},
		"7832": {"authentication exception", errs.Unauthorized},
		"7833": {"unknown API error", errs.Unavailable},
		"7834": {"API service error", errs.Unavailable},
		"7835": {"API method error", errs.InvalidRequest},
		"7836": {"too many calls", errs.RateLimited},
		"7837": {"no permission", errs.Forbidden},
		"7838": {"invalid parameter", errs.InvalidRequest},
		"7839": {"token expired", errs.Unauthorized},
		"7840": {"no permission", errs.Forbidden},
		"7842": {"blocked for policy violations", errs.Forbidden},
		"7845": {"throughput limit", errs.RateLimited},
		"7846": {"system overloaded", errs.Unavailable},
		"7849": {"template does not exist", errs.ContentRejected},
		"7854": {"server unavailable", errs.Unavailable},
		"7860": {"account locked", errs.Forbidden},
		"7861": {"wrong MIME type", errs.InvalidRequest},
		"7862": {"identity does not match", errs.NotOnChannel},
		"7863": {"user error", errs.InvalidRequest},
		"7865": {"business number not registered", errs.Forbidden},
		"7868": {"template disabled", errs.ContentRejected},
		"7869": {"template paused", errs.ContentRejected},
		"7870": {"maintenance", errs.Unavailable},
		"7871": {"undeliverable", errs.NotOnChannel},
		"7872": {"recipient is part of an experiment", errs.NotOnChannel},
		"7874": {"limit of messages to one recipient", errs.RateLimited},
	},
}

// receipts are codes of delivery notifications only.
var receipts = codeList{
	"7004": {"failed", errs.InvalidRequest},
	"7005": {"expired", errs.Unavailable},
	"7019": {"expired", errs.Unavailable},
}

// receiptsByChannel are codes of delivery notifications of one channel.
var receiptsByChannel = map[string]codeList{
	SMS: {
		"7004": {"failed", errs.Unavailable},
		"7006": {"failed", errs.Unavailable},
	},
}
