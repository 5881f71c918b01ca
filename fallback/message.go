package fallback

import (
	"cmp"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"
)

// Channel names a way to reach a person. Any name may be used; the constants
// are those that the providers of this module have.
type Channel string

// The channels of this module's providers.
const (
	SMS       Channel = "sms"
	RCS       Channel = "rcs"
	WhatsApp  Channel = "whatsapp"
	Email     Channel = "email"
	Voice     Channel = "voice"
	Zalo      Channel = "zalo"
	Messenger Channel = "messenger"
)

// Class says what a message is for, and so what matters more when it is not
// known whether a provider accepted it: arriving, or not arriving twice.
type Class uint8

// The classes. The zero Class is Transactional.
const (
	Transactional Class = iota // moves on; the result says PossibleDuplicate
	OTP                        // as Transactional, and never held back by quiet hours
	Promotional                // stops: never sent twice
)

// String is the class as a fixed word.
func (c Class) String() string {
	switch c {
	case Transactional:
		return "transactional"
	case OTP:
		return "otp"
	case Promotional:
		return "promotional"
	}
	return "unknown"
}

// Message is one message to one person. It is plain data: it can be stored,
// logged by Key, and sent again.
type Message struct {
	// Key identifies the message to you. Sent twice, the same Key and
	// recipient is one message wherever that can be known. Empty: a new one
	// is made and reported in the Result. It is never given to a provider,
	// but it is printed: keep phone numbers out of it.
	Key   string
	Class Class
	To    Recipient

	// Text is shown on every channel that has nothing in Content.
	Text    string
	Content Contents

	// Deadline ends the message: nothing is submitted after it, and
	// providers are told to drop it where they can. Zero: none.
	Deadline time.Time

	// AtMostOnce stops the route as soon as one attempt may have been
	// accepted, whatever the Class.
	AtMostOnce bool
}

// Recipient is where a person can be reached. A channel without an address
// is passed over.
type Recipient struct {
	Phone string             `json:"phone,omitempty"` // E.164 with "+"; for every channel that goes by number
	Email string             `json:"email,omitempty"` // for Email
	Other map[Channel]string `json:"other,omitempty"` // an address on one channel, before Phone and Email
	Only  []Channel          `json:"only,omitzero"`   // nil: every channel of the route
	Zone  string             `json:"zone,omitempty"`  // IANA name, for quiet hours
}

// Contents is what to show on which channel.
type Contents map[Channel]Content

// Content is what one channel shows: a [Text], a [Template] or a [Mail].
type Content interface{ content() }

// Text is plain text.
type Text string

// Template is content approved by the channel beforehand.
type Template struct {
	Name   string            `json:"name"`
	Locale string            `json:"locale,omitempty"` // "en"
	Args   []string          `json:"args,omitempty"`   // for providers that number their placeholders
	Vars   map[string]string `json:"vars,omitempty"`   // for providers that name them
}

// Mail is an e-mail.
type Mail struct {
	Subject string `json:"subject"`
	Text    string `json:"text,omitempty"`
	HTML    string `json:"html,omitempty"`
}

func (Text) content()     {}
func (Template) content() {}
func (Mail) content()     {}

// ContentFor is what to show on ch: what Content has for it, else the Text;
// nil if there is neither.
func (m Message) ContentFor(ch Channel) Content {
	if c := m.Content[ch]; c != nil {
		return c
	}
	if m.Text != "" {
		return Text(m.Text)
	}
	return nil
}

// String names the message without its recipient and content, so that it can
// be logged.
func (m Message) String() string {
	return "message " + m.Key + " (" + m.Class.String() + ")"
}

// GoString is as String.
func (m Message) GoString() string { return m.String() }

// LogValue is the key and the class.
func (m Message) LogValue() slog.Value {
	return slog.GroupValue(slog.String("key", m.Key), slog.String("class", m.Class.String()))
}

// String says what kinds of address there are, not the addresses.
func (r Recipient) String() string {
	var kinds []string
	if r.Phone != "" {
		kinds = append(kinds, "phone")
	}
	if r.Email != "" {
		kinds = append(kinds, "e-mail")
	}
	for _, ch := range slices.Sorted(maps.Keys(r.Other)) {
		kinds = append(kinds, string(ch))
	}
	return "recipient with " + cmp.Or(strings.Join(kinds, ", "), "no address")
}

// GoString is as String.
func (r Recipient) GoString() string { return r.String() }

// LogValue is as String.
func (r Recipient) LogValue() slog.Value { return slog.StringValue(r.String()) }
