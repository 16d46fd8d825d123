//go:build race

package fleche_test

// raceEnabled leaves out what only repeats: the detector makes sorting and inflating slow.
const raceEnabled = true
