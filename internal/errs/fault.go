package errs

// Fault is what every provider's Error holds behind its exported fields.
type Fault struct {
	Kind  error         // the sentinel
	Also  error         // a second one, or nil
	Cause error         // what went wrong on the way, or nil
	Text  string        // Cause, fit to be shown
	Raw   func() []byte // the beginning of the answer, where no printing reaches it
}

// Is reports whether target is one of the fault's sentinels.
func (f Fault) Is(target error) bool {
	return target != nil && (target == f.Kind || target == f.Also)
}

// RawBody is the beginning of the answer, or nil.
func (f Fault) RawBody() []byte {
	if f.Raw == nil {
		return nil
	}
	return f.Raw()
}
