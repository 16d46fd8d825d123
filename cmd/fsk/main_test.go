package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"runtime"
	"strconv"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// binaryVariable tells the tests, which are a package of their own, where the binary is.
const binaryVariable = "FSK_TEST_BINARY"

// TestMain makes the test binary stand in for fsk in the scripts. The other tests look at
// system calls, memory and processes, so they run the program as it is built for users.
func TestMain(m *testing.M) {
	testscript.Main(suite{m}, map[string]func(){"fsk": main, "peak": peakMain})
}

// peakMain runs a command and writes the most memory that it had, in KiB on Linux, to
// the file that the first argument names. A process measures this of its children only,
// and counts what it has itself until the child runs another program: so it is done by
// one that is small.
func peakMain() {
	cmd := exec.Command(os.Args[2], os.Args[3:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.Run()
	usage := reflect.Indirect(reflect.ValueOf(cmd.ProcessState.SysUsage())).FieldByName("Maxrss")
	os.WriteFile(os.Args[1], []byte(strconv.FormatInt(usage.Int(), 10)), 0o644)
	os.Exit(cmd.ProcessState.ExitCode())
}

// A suite builds the binary before the tests and removes it after them.
type suite struct{ m *testing.M }

func (s suite) Run() int {
	dir, err := os.MkdirTemp("", "fsk-test")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	os.Chmod(dir, 0o755) // tests run it as another user, too
	binary := filepath.Join(dir, "fsk")
	if runtime.GOOS == "windows" {
		binary += ".exe"
	}
	build := exec.Command("go", "build", "-o", binary, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0") // no loader whose system calls would count
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "go build: %v\n%s", err, out)
		return 1
	}
	os.Setenv(binaryVariable, binary)
	if os.Getenv("FSK_TEST_FULL") == "" {
		// The short tests are about what is done, not about the disk that syncs it.
		if memory, err := os.MkdirTemp("/dev/shm", "fsk-test"); err == nil {
			defer os.RemoveAll(memory)
			os.Setenv("TMPDIR", memory)
		}
	}
	return s.m.Run()
}
