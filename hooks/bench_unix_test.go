//go:build unix

package hooks_test

import (
	"bytes"
	"os/exec"
	"testing"

	"fsk/hooks"
	"fsk/objects"
)

// BenchmarkProgram compares asking a program with starting it plainly, with the same
// 4 KiB on standard input.
func BenchmarkProgram(b *testing.B) {
	payload := make([]byte, 4096)
	programs := map[string]string{"shell script": script(b, "#!/bin/sh\nexit 0\n")}
	if path, err := exec.LookPath("true"); err == nil {
		programs["true"] = path
	}
	if path, err := exec.LookPath("python3"); err == nil {
		if real, err := exec.Command(path, "-c", "import sys; print(end=sys.executable)").Output(); err == nil {
			programs["python script"] = script(b, "#!"+string(real)+" -I\n")
		}
	}
	for name, path := range programs {
		sum := pin(b, path)
		b.Run(name+"/plain", func(b *testing.B) {
			for b.Loop() {
				cmd := exec.Command(path)
				cmd.Stdin = bytes.NewReader(payload)
				if err := cmd.Run(); err != nil {
					b.Fatal(err)
				}
			}
		})
		for _, first := range []bool{true, false} {
			kind := map[bool]string{true: "/hook, first", false: "/hook, next"}[first]
			b.Run(name+kind, func(b *testing.B) {
				p := newProgram(b, path, sum)
				for b.Loop() {
					if first { // read and hashed each time, as in a process that reads one object
						p = newProgram(b, path, sum)
					}
					if err := p.PreRead(b.Context(), objects.Info{Size: int64(len(payload))}, bytes.NewReader(payload)); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

func newProgram(b *testing.B, path string, sum objects.Digest) *hooks.Program {
	p, err := hooks.NewProgram(hooks.ProgramOptions{Run: []string{path}, BLAKE3: sum})
	if err != nil {
		b.Fatal(err)
	}
	return p
}
