// Fsk stores files under their BLAKE3 digest, sealed with a key, and gives them
// back only if every byte is what a key holder stored. See the README of the
// project and docs/cli.md; the work is done by packages objects and seal.
package main

import (
	"io"
	"os"
)

func main() {
	protect()
	os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// run does what the arguments say and returns the exit code.
func run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	ctx, interrupts := newInterrupts()
	a := &app{ctx: ctx, interrupts: interrupts, stdin: stdin, getenv: os.LookupEnv, out: newPrinter(stdout, stderr)}
	defer a.close()
	a.report(a.parseAndRun(args))
	a.refs.finish(a.out)
	return a.out.finish(a.code)
}
