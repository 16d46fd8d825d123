// Fsk stores files under their BLAKE3 digest, sealed with a key, and gives them
// back only if every byte is what a key holder stored. See the README of the
// project and docs/cli.md; the work is done by packages objects and seal.
package main

import (
	"context"
	"io"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	protect()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	code := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	os.Exit(code)
}

// run does what the arguments say and returns the exit code.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	a := &app{ctx: ctx, stdin: stdin, getenv: os.LookupEnv, out: newPrinter(stdout, stderr)}
	defer a.close()
	a.report(a.parseAndRun(args))
	a.refs.finish(a.out)
	return a.out.finish(a.code)
}
