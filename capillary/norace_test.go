//go:build !race

package capillary

const raceEnabled = false
