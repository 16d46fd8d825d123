package main_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestScript runs the scripts of testdata/script: what a user types, and what comes of
// it. They have three commands of their own:
//
//	status N program…      the program must end with exactly this exit code
//	flip file offset       inverts the lowest bit of one byte of a file
//	truncate file size     cuts or extends a file; a size of -N takes N bytes off
//
// All of them are searched for a key (A33): what status runs prints, which is all that runs
// fsk, and every file that is there in the end.
func TestScript(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 filepath.Join("..", "..", "testdata", "script"),
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		UpdateScripts:       os.Getenv("FSK_UPDATE_SCRIPTS") != "",
		Setup: func(env *testscript.Env) error {
			env.Setenv("HOME", env.WorkDir)
			env.Setenv("KEYA", keyA)
			env.Setenv("KEYB", keyB)
			env.Setenv("GORACE", "atexit_sleep_ms=0") // a second for each command with -race
			watchKeys(t, env)
			return nil
		},
		Condition: func(cond string) (bool, error) {
			if cond == "root" {
				return os.Geteuid() == 0, nil
			}
			return false, fmt.Errorf("unknown condition %q", cond)
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"status": status, "flip": flip, "truncate": truncate,
		},
	})
}

func status(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: status N program…")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	got := 0
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	for _, name := range []string{"stdout", "stderr"} {
		text := ts.ReadFile(name)
		if text != "" {
			ts.Logf("[%s]\n%s", name, text)
		}
		if shownKey(text) != "" {
			ts.Fatalf("%s shows a key", name)
		}
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

func flip(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: flip file offset")
	}
	path := ts.MkAbs(args[0])
	offset, err := strconv.Atoi(args[1])
	ts.Check(err)
	content, err := os.ReadFile(path)
	ts.Check(err)
	content[offset] ^= 1
	ts.Check(os.Chmod(path, 0o644))
	ts.Check(os.WriteFile(path, content, 0o644))
}

var number = regexp.MustCompile(`^-?[0-9]+$`)

func truncate(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 || !number.MatchString(args[1]) {
		ts.Fatalf("usage: truncate file size")
	}
	path := ts.MkAbs(args[0])
	size, err := strconv.ParseInt(args[1], 10, 64)
	ts.Check(err)
	info, err := os.Stat(path)
	ts.Check(err)
	if strings.HasPrefix(args[1], "-") {
		size += info.Size()
	}
	ts.Check(os.Chmod(path, 0o644))
	ts.Check(os.Truncate(path, size))
}
