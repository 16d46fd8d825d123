//go:build !unix

package main

// protect has nothing to do: there are no core files and no SIGPIPE.
func protect() {}

// inputFlags are not needed: there are no FIFOs among the files.
const inputFlags = 0
