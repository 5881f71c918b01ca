package fallback

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
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

// The classes. The zero Class is Transactional. What each does when an attempt
// may have been accepted, and nothing proves it, is said at the end of its line.
const (
	Transactional Class = iota // the route moves on; the result says PossibleDuplicate
	OTP                        // as Transactional, and never held back by quiet hours
	Promotional                // the route stops: never sent twice
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

// MarshalText is the class as String has it.
func (c Class) MarshalText() ([]byte, error) {
	if c > Promotional {
		return nil, errNoClass
	}
	return []byte(c.String()), nil
}

// UnmarshalText reads what MarshalText writes.
func (c *Class) UnmarshalText(b []byte) error {
	for *c = Transactional; *c <= Promotional; *c++ {
		if c.String() == string(b) {
			return nil
		}
	}
	*c = Transactional
	return errNoClass
}

var errNoClass = errors.New("fallback: unknown class")

// Message is one message to one person. It is plain data: it can be stored or
// queued as JSON, logged by Key, and sent again.
type Message struct {
	// Key identifies the message to you. Sent twice, the same Key and
	// recipient is one message to a provider that refuses repeats (Octopush)
	// and to package delivery, which knows what it has sent; a Route knows
	// nothing of earlier calls, and to other providers it is another message.
	// Empty: a new one is made and reported in the Result. It is never given
	// to a provider, but it is printed: keep phone numbers out of it.
	Key   string    `json:"key,omitempty"`
	Class Class     `json:"class,omitempty"`
	To    Recipient `json:"to"`

	// Text is shown on every channel that has nothing in Content and shows
	// texts.
	Text    string   `json:"text,omitempty"`
	Content Contents `json:"content,omitempty"`

	// Deadline ends the message: nothing is submitted after it, and
	// providers are told to drop it where they can. Zero: none.
	Deadline time.Time `json:"deadline,omitzero"`

	// AtMostOnce stops the route as soon as one attempt may have been
	// accepted, whatever the Class.
	AtMostOnce bool `json:"at_most_once,omitempty"`
}

// Recipient is where a person can be reached. A channel without an address
// is passed over: Email without Email, any other without Phone, unless Other
// has one. A channel that does not go by number needs one in Other.
type Recipient struct {
	Phone string             `json:"phone,omitempty"` // E.164 with "+"; for every channel but Email
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

// tagged is a Content as JSON: which one it is, and it.
type tagged struct {
	Text     *Text     `json:"text,omitempty"`
	Template *Template `json:"template,omitempty"`
	Mail     *Mail     `json:"mail,omitempty"`
}

// MarshalJSON is an object of the channels, each with an object that has a
// "text", a "template" or a "mail".
func (c Contents) MarshalJSON() ([]byte, error) {
	all := make(map[Channel]tagged, len(c))
	for ch, content := range c {
		switch content := content.(type) {
		case nil:
		case Text:
			all[ch] = tagged{Text: &content}
		case Template:
			all[ch] = tagged{Template: &content}
		case Mail:
			all[ch] = tagged{Mail: &content}
		default:
			return nil, fmt.Errorf("fallback: content of type %T", content)
		}
	}
	return json.Marshal(all)
}

// UnmarshalJSON reads what MarshalJSON writes.
func (c *Contents) UnmarshalJSON(b []byte) error {
	var all map[Channel]tagged
	if err := json.Unmarshal(b, &all); err != nil {
		return err
	}
	*c = nil
	if all != nil {
		*c = make(Contents, len(all))
	}
	for ch, t := range all {
		switch {
		case t.Text != nil:
			(*c)[ch] = *t.Text
		case t.Template != nil:
			(*c)[ch] = *t.Template
		case t.Mail != nil:
			(*c)[ch] = *t.Mail
		default:
			return errors.New("fallback: content that is no text, template or mail")
		}
	}
	return nil
}

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
