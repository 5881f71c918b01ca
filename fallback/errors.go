package fallback

import "github.com/cpaas-go/cpaas/internal/errs"

// What went wrong, for errors.Is. They are the values that the provider
// packages have under the same names. A Sender returns or wraps them. The
// comment at the end of each line says what it does to a route.
var (
	ErrNotOnChannel       = errs.NotOnChannel       // next channel, now; no other provider of this one
	ErrInvalidRecipient   = errs.InvalidRecipient   // the steps that use this address end; others go on
	ErrOptedOut           = errs.OptedOut           // the route ends
	ErrInvalidRequest     = errs.InvalidRequest     // next channel
	ErrContentRejected    = errs.ContentRejected    // next channel
	ErrFrequencyCapped    = errs.FrequencyCapped    // next channel; Promotional ends
	ErrRateLimited        = errs.RateLimited        // next provider, then next channel
	ErrInsufficientCredit = errs.InsufficientCredit // next provider, then next channel
	ErrUnauthorized       = errs.Unauthorized       // next provider, then next channel
	ErrForbidden          = errs.Forbidden          // next provider, then next channel
	ErrUnavailable        = errs.Unavailable        // next provider, then next channel
	ErrMaybeAccepted      = errs.MaybeAccepted      // by Class and AtMostOnce
	ErrDecode             = errs.Decode             // as ErrMaybeAccepted, with which it comes
	ErrDuplicate          = errs.Duplicate          // counts as accepted
)
