package capillary

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
	"time"
)

// Email is one e-mail.
//
// Source: https://docs.capillarytech.com/reference/send-communication-message
type Email struct {
	// To is the recipient's address. Required.
	To string

	// CC and BCC are further recipients. Nil leaves the key out; an empty
	// slice that is not nil sends an empty string, as the page's example does;
	// several are joined by commas, of which only another page of the vendor's
	// tells, about an older e-mail API.
	CC, BCC []string

	// From is the sender's address. Required.
	From string

	// Subject is the subject line. Required.
	Subject string

	// Body is the content; whether HTML is taken as such is not documented.
	// Required, unless OmitBody is set.
	Body string

	// OmitBody leaves Body out, which must be empty then. The page's table
	// calls the body required, and its JSON example has none.
	OmitBody bool

	// Attachments are files: see [FileBytes], [FileReader] and [FileText]. No
	// limit of number or size is documented.
	Attachments []Attachment

	// ScheduledTime is when to send, in its own zone and to the second; zero:
	// now. What becomes of a time in the past is not documented, nor whether
	// the zone is honoured, nor how to cancel.
	ScheduledTime time.Time

	// Extra are members of the e-mail that this package does not know. In XML
	// each is an element behind the others, and must be a string, a number or
	// a boolean.
	Extra map[string]json.RawMessage
}

// Attachment is a file of an [Email], as it is on the wire. No page shows a
// request of this operation with one.
type Attachment struct {
	FileName string // "invoice.pdf"
	FileType string // the format as an extension, "pdf"

	// FileData is the file, encoded as FileEncodingType says. It must not be
	// empty.
	FileData string

	// FileEncodingType is "base64", or empty for data that stands as it is.
	// Base64 is the only encoding that the vendor names. Images (jpg, jpeg,
	// png, gif, by type or by name) must have one.
	FileEncodingType string
}

// Base64 is the one documented [Attachment.FileEncodingType].
const Base64 = "base64"

// FileBytes is a file of any kind, in base64. The page says that files such as
// TXT and PDF are not base64 encoded, but not how the bytes of a PDF are sent
// then, so they are sent in base64 with the encoding type set. What the server
// does with that is not documented.
func FileBytes(name, fileType string, data []byte) Attachment {
	return Attachment{FileName: name, FileType: fileType, FileData: base64.StdEncoding.EncodeToString(data), FileEncodingType: Base64}
}

// FileReader is [FileBytes] of all that r has. It is read at once, into
// memory.
func FileReader(name, fileType string, r io.Reader) (Attachment, error) {
	data, err := io.ReadAll(r)
	if err != nil {
		return Attachment{}, fmt.Errorf("capillary: attachment: %w", err)
	}
	return FileBytes(name, fileType, data), nil
}

// FileText is a text file, sent as it stands and without an encoding type, as
// the page says of types like TXT.
func FileText(name, fileType, text string) Attachment {
	return Attachment{FileName: name, FileType: fileType, FileData: text}
}

// image reports whether the page says that the file must have an encoding
// type: its type or its name is an image's.
func (a *Attachment) image() bool {
	return slices.ContainsFunc([]string{a.FileType, path.Ext(a.FileName)}, func(kind string) bool {
		kind = strings.TrimPrefix(strings.TrimPrefix(strings.ToLower(kind), "image/"), ".")
		return slices.Contains([]string{"jpg", "jpeg", "png", "gif"}, kind)
	})
}

// EmailResponse is Capillary's word about the e-mails of a call. It prints what
// its Messages hold: do not log it.
type EmailResponse struct {
	Status   Status
	Messages []EmailResult // in an order that is not guaranteed to be the request's

	RequestID string // from the X-Cap-Requestid header
	Attempts  int    // requests made
	Raw       []byte `json:"-"` // the answer, JSON or XML
}

// EmailResult is one e-mail as the vendor repeats it. It holds and prints
// addresses and the text: do not log it.
type EmailResult struct {
	Outcome

	To, CC, BCC   string // the last two perhaps several addresses
	From          string
	Subject       string
	Body          string // in JSON
	ScheduledTime Time   // a time in the past, or none, may come back as now

	// In JSON, and described nowhere.
	LabelOfSender string
	SenderEmail   string
	ReplyToEmail  string
	FileHandler   []json.RawMessage
	Attachments   []json.RawMessage
}

// SendEmail submits e-mails in one call. No largest number of e-mails is
// documented.
//
// The error is an [*Error]. It is [ErrMaybeAccepted] when Capillary may have
// taken some or all of the e-mails; the call is not repeated then. The response
// comes with the error when the vendor's answer names e-mails, whatever its HTTP
// status, and when it is a 2xx that could be read.
func (c *Client) SendEmail(ctx context.Context, messages ...Email) (*EmailResponse, error) {
	r, err := send(ctx, c, &c.email, messages)
	if r == nil || !r.hasResponse() {
		return nil, err
	}
	res := &EmailResponse{Status: r.answered(), RequestID: r.requestID(), Attempts: r.res.Attempts, Raw: r.res.Body}
	for i := range r.items {
		it := &r.items[i]
		m := it.message()
		res.Messages = append(res.Messages, EmailResult{
			Outcome: r.outcome(it),
			To:      string(m.To), CC: string(m.CC), BCC: string(m.BCC), From: string(m.From),
			Subject: string(m.Subject), Body: string(m.Body), ScheduledTime: Time(m.ScheduledTime),
			LabelOfSender: string(m.LabelOfSender), SenderEmail: string(m.SenderEmail), ReplyToEmail: string(m.ReplyToEmail),
			FileHandler: list(m.FileHandler), Attachments: list(m.Attachments),
		})
	}
	return res, err
}

// Validate names everything that is wrong with m, by JSON path, as the first
// e-mail of a call in JSON. The error is an [*Error].
func (m Email) Validate() error { return validate("SendEmail", keyEmail, []Email{m}, false, false) }

func (m Email) check(p *checker) {
	p.addRecipient(p.addressProblem(m.To), "to")
	m.checkCopies(p, "cc", m.CC)
	m.checkCopies(p, "bcc", m.BCC)
	p.add(p.addressProblem(m.From), "from")
	p.line("subject", m.Subject)
	switch {
	case !m.OmitBody:
		p.required("body", m.Body)
	case m.Body != "":
		p.add("must be empty to be left out", "body")
	}
	for i := range m.Attachments {
		m.Attachments[i].check(p, fmt.Sprintf("attachments.attachment[%d].", i))
	}
	p.time(m.ScheduledTime)
	p.extra(m.Extra, "to", "cc", "bcc", "from", "subject", "body", "attachments")
}

func (a *Attachment) check(p *checker, at string) {
	p.text(at+"file_name", a.FileName)
	p.text(at+"file_type", a.FileType)
	p.required(at+"file_data", a.FileData)
	switch {
	case a.FileEncodingType == "" && a.image():
		p.add("is missing: an image must have one", at+"file_encoding_type")
	case a.FileEncodingType == "" || p.relaxed:
		p.text(at+"file_encoding_type", a.FileEncodingType)
	case a.FileEncodingType != Base64:
		p.add(`must be "base64"`, at+"file_encoding_type")
	case !isBase64(a.FileData):
		p.add("is not base64", at+"file_data")
	}
}

func isBase64(s string) bool {
	_, err := io.Copy(io.Discard, base64.NewDecoder(base64.StdEncoding, strings.NewReader(s)))
	return err == nil
}

// checkCopies checks the further recipients. They count as fields, not as the
// recipient: a message does not become undeliverable to the one in To.
func (m Email) checkCopies(p *checker, name string, addresses []string) {
	for i, s := range addresses {
		problem := p.addressProblem(s)
		if strings.Contains(s, ",") { // also if it is relaxed: several are joined by commas
			problem = "must be one address, without a comma"
		}
		p.add(problem, fmt.Sprintf("%s[%d]", name, i))
	}
}

func (m Email) extra() map[string]json.RawMessage { return m.Extra }

type wireEmail struct {
	To            string         `json:"to"                      xml:"to"`
	CC            *string        `json:"cc,omitempty"            xml:"cc,omitempty"`
	BCC           *string        `json:"bcc,omitempty"           xml:"bcc,omitempty"`
	From          string         `json:"from"                    xml:"from"`
	Subject       string         `json:"subject"                 xml:"subject"`
	Body          *string        `json:"body,omitempty"          xml:"body,omitempty"`
	Attachments   *wireFiles     `json:"attachments,omitempty"   xml:"attachments,omitempty"`
	ScheduledTime string         `json:"scheduledTime,omitempty" xml:"scheduled_time,omitempty"`
	Extra         []extraElement `json:"-"                       xml:"extra"`
}

// wireFiles is a []wireFile or a []wireFileCamel in the element that the page
// puts around them.
type wireFiles struct {
	Attachment any `json:"attachment" xml:"attachment"`
}

type wireFile struct {
	Name     string `json:"file_name,omitempty"          xml:"file_name,omitempty"`
	Type     string `json:"file_type,omitempty"          xml:"file_type,omitempty"`
	Data     string `json:"file_data,omitempty"          xml:"file_data,omitempty"`
	Encoding string `json:"file_encoding_type,omitempty" xml:"file_encoding_type,omitempty"`
}

type wireFileCamel struct {
	Name     string `json:"fileName,omitempty"         xml:"fileName,omitempty"`
	Type     string `json:"fileType,omitempty"         xml:"fileType,omitempty"`
	Data     string `json:"fileData,omitempty"         xml:"fileData,omitempty"`
	Encoding string `json:"fileEncodingType,omitempty" xml:"fileEncodingType,omitempty"`
}

func (m Email) wire(c *Client) any {
	w := &wireEmail{
		To: m.To, CC: joined(m.CC), BCC: joined(m.BCC), From: m.From, Subject: m.Subject,
		ScheduledTime: writeTime(m.ScheduledTime),
	}
	if !m.OmitBody {
		w.Body = new(m.Body)
	}
	if len(m.Attachments) > 0 {
		w.Attachments = &wireFiles{wireFilesOf(m.Attachments, c.camelCase)}
	}
	if c.xml {
		w.Extra = extraElements(m.Extra)
	}
	return w
}

func wireFilesOf(attachments []Attachment, camelCase bool) any {
	files := make([]wireFile, len(attachments))
	for i, a := range attachments {
		files[i] = wireFile{a.FileName, a.FileType, a.FileData, a.FileEncodingType}
	}
	if !camelCase {
		return files
	}
	camel := make([]wireFileCamel, len(files))
	for i, f := range files {
		camel[i] = wireFileCamel(f)
	}
	return camel
}

// joined is nil for nil: the key is left out then.
func joined(addresses []string) *string {
	if addresses == nil {
		return nil
	}
	return new(strings.Join(addresses, ","))
}
