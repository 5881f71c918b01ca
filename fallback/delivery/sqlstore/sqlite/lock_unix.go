//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package sqlite

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// lock takes a lock file, whose lock ends with the process.
func lock(path string) (unlock func() error, err error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600) //nolint:gosec // beside the caller's file
	if err != nil {
		return nil, fmt.Errorf("sqlite: %w", err)
	}
	switch err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); {
	case errors.Is(err, syscall.EWOULDBLOCK):
		return nil, errors.Join(fmt.Errorf("%w: %s", ErrLocked, path), file.Close())
	case err != nil:
		return nil, errors.Join(fmt.Errorf("sqlite: lock: %w", err), file.Close())
	}
	return func() error {
		// A child that was forked and has not yet begun its program has the
		// file too: closing ours alone would leave it locked.
		return errors.Join(syscall.Flock(int(file.Fd()), syscall.LOCK_UN), file.Close())
	}, nil
}
