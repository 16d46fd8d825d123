package main

import (
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// pipeSize is what a process may give to a pipe unless the system was told otherwise.
const pipeSize = 1 << 20

// widenPipe gives a pipe room for a whole chunk: with the usual 64 KiB, writer and
// reader of a large object wait for each other sixteen times as often. If w is no
// pipe, or may not be widened, it stays as it is.
func widenPipe(w io.Writer) {
	if f, ok := w.(*os.File); ok {
		unix.FcntlInt(f.Fd(), unix.F_SETPIPE_SZ, pipeSize)
	}
}
