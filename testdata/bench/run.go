package main

import (
	"io"
	"log"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// A result is what one run of a command cost, its children included.
type result struct {
	wall, cpu float64 // seconds
	memory    int64   // peak, in bytes
}

// run runs a command whose standard output, if it has none yet, goes to /dev/null.
// A failing command ends the program: its time would say nothing.
func run(c *exec.Cmd) result {
	var stderr strings.Builder
	if c.Stderr == nil {
		c.Stderr = &stderr
	}
	start := time.Now()
	err := c.Run()
	wall := time.Since(start).Seconds()
	if err != nil {
		log.Fatalf("%s: %v\n%s", c, err, stderr.String())
	}
	usage := c.ProcessState.SysUsage().(*syscall.Rusage)
	return result{
		wall:   wall,
		cpu:    (c.ProcessState.UserTime() + c.ProcessState.SystemTime()).Seconds(),
		memory: usage.Maxrss << 10,
	}
}

// output runs a command and returns what it prints.
func output(c *exec.Cmd) string {
	c.Stderr = os.Stderr
	out, err := c.Output()
	if err != nil {
		log.Fatalf("%s: %v", c, err)
	}
	return strings.TrimSpace(string(out))
}

// piped makes the standard output of a command a pipe that is read as cat would.
func piped(c *exec.Cmd) *exec.Cmd {
	c.Stdout = struct{ io.Writer }{io.Discard} // not a file: exec makes a pipe and copies
	return c
}
