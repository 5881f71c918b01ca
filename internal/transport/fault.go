package transport

import "github.com/cpaas-go/cpaas/internal/errs"

// Fault is what a provider's Error keeps of a Result that failed.
func (c *Client) Fault(res Result) errs.Fault {
	f := errs.Fault{Kind: res.Kind, Cause: res.Cause}
	if res.Cause != nil {
		f.Text = c.Line(res.Cause.Error())
	}
	if res.Status/100 == 2 && (res.unread || res.Kind == errs.MaybeAccepted) { //nolint:errorlint // Kind is a sentinel
		f.Also = errs.Decode // an answer came, but not all of it, or not the one that was to come
	}
	if body := res.Body; len(body) > 0 {
		body = body[:min(len(body), MaxErrorBody):min(len(body), MaxErrorBody)]
		f.Raw = func() []byte { return body }
	}
	return f
}
