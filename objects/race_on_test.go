//go:build race

package objects_test

// raceEnabled leaves out what only repeats: the detector makes large objects slow.
const raceEnabled = true
