//go:build !race

package sendbench

const raceEnabled = false
