//go:build unix

package hooks_test

import (
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

func mkfifo(path string) error { return syscall.Mkfifo(path, 0o755) }

func need(t testing.TB, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Skipf("needs %s, which is not installed", name)
	}
	return path
}

// alive reports whether there is a process that could still do something.
func alive(pid string) bool {
	if stat, err := os.ReadFile("/proc/" + pid + "/stat"); err == nil && strings.Contains(string(stat), ") Z ") {
		return false
	}
	n, err := strconv.Atoi(pid)
	return err != nil || syscall.Kill(n, 0) == nil
}

func killGroup(pid string) {
	if n, err := strconv.Atoi(pid); err == nil && n > 1 {
		syscall.Kill(-n, syscall.SIGKILL)
	}
}

// eventually waits for something that another process does.
func eventually(done func() bool) bool {
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if done() {
			return true
		}
	}
	return false
}
