package v2

import (
	"encoding/json"
	"reflect"
	"time"

	"github.com/cpaas-go/cpaas/internal/problems"
)

// Content is what a [Request] sends. Its type decides the channel.
type Content interface {
	// Channel is the channel that shows the content.
	Channel() Channel

	// body is the content as it is on the wire.
	body() (any, error)

	// check notes what is wrong with the content.
	check(*problems.List, rules)
}

// plain is a Content or a Suggestion without the pointer that the caller may
// have put around it; nil if that is nil.
func plain[T any](v T) T {
	p := reflect.ValueOf(v)
	if p.Kind() != reflect.Pointer {
		return v
	}
	var value T
	if !p.IsNil() {
		value, _ = reflect.TypeAssert[T](p.Elem())
	}
	return value
}

// Template is a template of the platform, in place of content. Its
// placeholders are filled from the substitutions.
type Template struct {
	On      Channel // the template's channel
	ID      string
	Subject string // e-mail only: instead of the template's own; empty is left out
}

// Channel is t.On.
func (t Template) Channel() Channel { return t.On }

// RawContent is content that this package does not know, as it is.
type RawContent struct {
	On   Channel
	JSON json.RawMessage // the content object
}

// Channel is c.On.
func (c RawContent) Channel() Channel { return c.On }

// TextType says how an SMS is encoded.
type TextType string

// The documented types.
const (
	TypeText    TextType = "text"
	TypeUnicode TextType = "unicode" // every character, for two or three times as many segments
)

// SMS is a text message.
//
// Source: https://developers.webexconnect.io/reference/send-sms-message-api-v2
type SMS struct {
	Text string   // at most 4000 characters; below 450 is recommended
	Type TextType // empty is TypeText
}

// Channel is [ChannelSMS].
func (SMS) Channel() Channel { return ChannelSMS }

// EmailType says which part of an [Email] is the message.
type EmailType string

// The documented types.
const (
	TypePlain EmailType = "text"
	TypeHTML  EmailType = "html"
)

// Email is an e-mail. Whole, encoded attachments and all, it may have 10 MB
// unless the asset is set up otherwise.
//
// Source: https://developers.webexconnect.io/reference/email-api
type Email struct {
	Subject string
	Text    string // required unless there is HTML, then shown where HTML cannot be
	HTML    string // at most 500 KB by the table, 350 by the samples

	// Type is empty for TypeHTML if there is HTML, else TypePlain.
	Type EmailType

	ReplyTo     string            // an address; empty is left out
	Encoding    string            // "utf-8", in older samples; empty is left out
	Attachments []EmailAttachment // empty is left out
}

// EmailAttachment is a file that the platform fetches and attaches.
type EmailAttachment struct {
	MIMEType string // "image/png"
	Name     string
	URL      string // of the file itself, ending with its extension
	CID      string // for "cid:" in the HTML; empty is left out
}

// Channel is [ChannelEmail].
func (Email) Channel() Channel { return ChannelEmail }

// MMS is a multimedia message: one to nine slides, 750 KB in all. United
// States and Canada only, unless agreed otherwise.
//
// Source: https://developers.webexconnect.io/reference/mms-api
type MMS struct {
	Subject      string // at most 80 characters
	FallbackText string // sent as SMS when the media do not fit; empty is left out
	Name         string // internal; empty is left out
	Slides       []Slide
}

// Slide is one slide of an [MMS]: text, a file, or both. A slide with an
// image shows no video, one with audio no image's video, and one with a
// calendar, contact or PDF file nothing else.
type Slide struct {
	Type     SlideType // of the file
	Text     string    // at most 4096 characters
	URL      string    // of the file itself, public, ending with its extension
	Duration int       // how long it is shown; the unit is not documented, samples have 5
}

// SlideType is the kind of file on a [Slide].
type SlideType string

// The kinds that the vendor's samples have.
const (
	SlideImage    SlideType = "image"
	SlideVideo    SlideType = "video"
	SlideAudio    SlideType = "audio"
	SlideCalendar SlideType = "ical"
	SlideContact  SlideType = "vcard"
	SlidePDF      SlideType = "pdf"
)

// Channel is [ChannelMMS].
func (MMS) Channel() Channel { return ChannelMMS }

// VoiceMedia calls and plays a recording.
//
// Source: https://developers.webexconnect.io/reference/send-message-api-v2-make-voice-call
type VoiceMedia struct {
	MediaID string // of a prompt that was uploaded to the platform
}

// Channel is [ChannelVoice].
func (VoiceMedia) Channel() Channel { return ChannelVoice }

// VoiceSpeech calls and reads a text out. The page marks every field as
// mandatory, and lists languages, voices and genders.
//
// Source: https://developers.webexconnect.io/reference/send-message-api-v2-make-voice-call
type VoiceSpeech struct {
	Text      string // at most 2000 characters
	Language  string // "en-US"
	Voice     string // "GuyNeural"
	Region    string // "Canada"
	Gender    string // "male"
	Type      string // empty is "Neural", the only kind
	Processor string // empty is "Azure", the only one
}

// Channel is [ChannelVoice].
func (VoiceSpeech) Channel() Channel { return ChannelVoice }

// RCSText is a text on RCS.
//
// Source of this and all RCS types: https://developers.webexconnect.io/reference/rcs-api
type RCSText struct {
	Text        string       // at most 1024 characters
	Suggestions []Suggestion // at most 10
}

// Channel is [ChannelRCS].
func (RCSText) Channel() Channel { return ChannelRCS }

// RCSMedia is a file on RCS.
type RCSMedia struct {
	URL         string // public, of the file itself
	FileSize    int    // KB by the table, bytes by a note on the same page; 0 is left out
	Suggestions []Suggestion
}

// Channel is [ChannelRCS].
func (RCSMedia) Channel() Channel { return ChannelRCS }

// RCSCard is a rich card.
type RCSCard struct {
	Title              string
	Description        string
	Orientation        Orientation
	ThumbnailAlignment Alignment
	Media              CardMedia
	Thumbnail          *Thumbnail
	Suggestions        []Suggestion // at most 4
}

// Channel is [ChannelRCS].
func (RCSCard) Channel() Channel { return ChannelRCS }

// RCSCarousel is a row of at least two cards.
type RCSCarousel struct {
	Width       Width
	Cards       []CarouselCard
	Suggestions []Suggestion // below the cards, at most 10
}

// Channel is [ChannelRCS].
func (RCSCarousel) Channel() Channel { return ChannelRCS }

// CarouselCard is a card of an [RCSCarousel].
type CarouselCard struct {
	Title       string
	Description string
	Media       CardMedia
	Suggestions []Suggestion // at most 2
}

// CardMedia is the picture or film of a card.
type CardMedia struct {
	URL      string // public, of the file itself
	Height   Height
	FileSize int // KB by the table, bytes by a note on the same page; 0 is left out
}

// Thumbnail is the small picture of an [RCSCard].
type Thumbnail struct {
	URL         string
	Height      Height
	FileSize    int // as CardMedia's
	ContentType string
	Description string
}

// Orientation is how an [RCSCard] stands.
type Orientation string

// The documented orientations.
const (
	Horizontal Orientation = "HORIZONTAL"
	Vertical   Orientation = "VERTICAL"
)

// Alignment is where an [RCSCard] has its thumbnail.
type Alignment string

// The documented alignments.
const (
	Left  Alignment = "LEFT"
	Right Alignment = "RIGHT"
)

// Width is how wide the cards of an [RCSCarousel] are.
type Width string

// The documented widths.
const (
	WidthSmall  Width = "SMALL"
	WidthMedium Width = "MEDIUM"
)

// Height is how high media are shown.
type Height string

// The documented heights.
const (
	HeightShort  Height = "SHORT"
	HeightMedium Height = "MEDIUM"
	HeightTall   Height = "TALL"
)

// RCSTyping shows the person that the agent is typing.
type RCSTyping struct{}

// Channel is [ChannelRCS].
func (RCSTyping) Channel() Channel { return ChannelRCS }

// RCSMarkRead tells the person that their message was read. That they read
// yours is the receipt [RCSRead].
type RCSMarkRead struct {
	MessageID string // of their message
}

// Channel is [ChannelRCS].
func (RCSMarkRead) Channel() Channel { return ChannelRCS }

// Suggestion is a chip or button below an RCS message: [Reply],
// [ViewLocation], [ShareLocation], [OpenURL], [CalendarEvent] or [DialPhone].
type Suggestion interface {
	suggestion() wireSuggestion
	checkSuggestion(found *problems.List, path string, r rules)
}

// Reply answers with a text. PostbackData comes to your webhook.
type Reply struct{ Text, PostbackData string }

// ViewLocation opens the map at a place.
type ViewLocation struct {
	Text, PostbackData  string
	Address             string // empty is left out
	Latitude, Longitude float64
}

// ShareLocation asks the person for their place.
type ShareLocation struct{ Text, PostbackData string }

// OpenURL opens a page.
type OpenURL struct{ Text, PostbackData, URL string }

// CalendarEvent begins an entry in the calendar.
type CalendarEvent struct {
	Text, PostbackData string
	Start, End         time.Time // both required
	Title              string
	Description        string // empty is left out
}

// DialPhone begins a call.
type DialPhone struct{ Text, PostbackData, Phone string }
