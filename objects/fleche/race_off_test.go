//go:build !race

package fleche_test

const raceEnabled = false
