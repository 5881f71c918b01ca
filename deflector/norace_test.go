//go:build !race

package deflector

const raceEnabled = false
