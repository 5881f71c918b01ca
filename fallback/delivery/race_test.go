//go:build race

package delivery_test

// raceEnabled says that the race detector watches, and that measures are not
// worth taking.
const raceEnabled = true
