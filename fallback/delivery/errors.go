package delivery

import "errors"

// ErrUnverified is a callback that is not proven to be the provider's.
var ErrUnverified = errors.New("delivery: callback not verified")
