//go:build !race

package os1

const raceEnabled = false
