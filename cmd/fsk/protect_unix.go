//go:build unix

package main

import (
	"os/signal"
	"syscall"
)

// protect keeps keys out of core files, and lets a closed pipe be an error of the
// write, so that the program ends in order instead of being killed.
func protect() {
	syscall.Setrlimit(syscall.RLIMIT_CORE, &syscall.Rlimit{})
	signal.Ignore(syscall.SIGPIPE)
}

// inputFlags open a file that was found in a directory: not through a link that was
// put in its place meanwhile, and without waiting for the writer of a FIFO.
const inputFlags = syscall.O_NOFOLLOW | syscall.O_NONBLOCK
