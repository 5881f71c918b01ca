package sqlite

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// sharingViolation is Windows' word that a file is open elsewhere.
const sharingViolation = syscall.Errno(32)

// lock takes a lock file that nobody else may open, until the process ends.
func lock(path string) (unlock func() error, err error) {
	name, err := syscall.UTF16PtrFromString(path)
	if err != nil {
		return nil, fmt.Errorf("sqlite: %w", err)
	}
	h, err := syscall.CreateFile(name, syscall.GENERIC_READ|syscall.GENERIC_WRITE, 0, nil, syscall.OPEN_ALWAYS, syscall.FILE_ATTRIBUTE_NORMAL, 0)
	switch {
	case errors.Is(err, sharingViolation):
		return nil, fmt.Errorf("%w: %s", ErrLocked, path)
	case err != nil:
		return nil, fmt.Errorf("sqlite: lock: %w", err)
	}
	return os.NewFile(uintptr(h), path).Close, nil
}
