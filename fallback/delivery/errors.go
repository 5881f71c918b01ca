package delivery

import (
	"errors"

	"github.com/cpaas-go/cpaas/internal/errs"
)

// What can go wrong beyond a provider's refusal, for errors.Is.
var (
	// ErrUnverified is a callback that is not proven to be the provider's: the
	// value that the clients have under the same name.
	ErrUnverified = errs.Unverified

	// ErrKeyReused is a message whose Key was used for another message: on
	// another route, or with anything else in it that is not the same but its
	// Deadline. Nothing was sent.
	ErrKeyReused = errors.New("delivery: key used for another message")

	// ErrStale is a Store's word that a record was changed by somebody else
	// since it was read.
	ErrStale = errors.New("delivery: changed underneath")

	// ErrNotFound is a Store's word that it has no record of a key.
	ErrNotFound = errors.New("delivery: no such message")
)
