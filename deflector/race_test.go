//go:build race

package deflector

// raceEnabled: under the race detector pools drop what they hold at random, so
// allocations are not to be counted.
const raceEnabled = true
