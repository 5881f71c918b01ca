//go:build race

package os1

// raceEnabled: the race detector allocates too, and slows the server down, so
// that more connections are opened.
const raceEnabled = true
