package main_test

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// A killScene is a command beside add, pack, rm, ref set and reseal, which have loops of
// their own, and what there is when it was done.
type killScene struct {
	packScene
	done func(s *killScene)
}

// killScenes are the other commands that write to a store.
func killScenes(t *testing.T) []*killScene {
	t.Helper()
	foreign, plain := digestOf("a foreign payload"), digestOf("a plain payload")
	scenes := []*killScene{
		{packScene: packScene{claim: "init", args: []string{"init"}}, done: func(s *killScene) { s.add("payload") }},
		{packScene: packScene{claim: "gc", args: []string{"gc", "--max-age", "1d"}, aged: true}, done: func(s *killScene) {
			// An object whose action has gone already stays: nothing tells that it is garbage.
			s.run(s.args...).want(s.t, 0, "actions: 0, .*\n", "")
		}},
		{packScene: packScene{claim: "quarantine", args: []string{"fsck", "--quarantine"}, code: 1, harmed: []string{"bad-seal", "unsealed"}}, done: func(s *killScene) {
			for digest, name := range map[string]string{foreign: foreign + ".bad-seal*", plain: plain + ".unsealed*"} {
				if files, _ := filepath.Glob(filepath.Join(s.store, "quarantine", name)); len(files) == 0 {
					s.t.Errorf("%s is not in the quarantine", digest)
				}
			}
		}},
		{packScene: packScene{claim: "adopt", args: []string{"fsck", "--adopt", foreign, "--adopt", plain}, harmed: []string{"bad-seal", "unsealed"}}, done: func(s *killScene) {
			s.wantPayload(foreign, "a foreign payload")
			s.wantPayload(plain, "a plain payload")
		}},
		{packScene: packScene{claim: "prune", args: []string{"fsck", "--prune"}, aged: true}, done: func(s *killScene) {
			if slices.Contains(s.leftovers(), strings.Repeat("0", 32)) {
				s.t.Error("the leftover of a writer is still there")
			}
		}},
		{packScene: packScene{claim: "ref rm", args: []string{"ref", "rm", "main"}}, done: func(s *killScene) {
			s.run("ref", "get", "main").want(s.t, 1, "", `fsk: error: ref main: [^\n]*\(missing\)\n`)
		}},
	}
	for _, s := range scenes {
		s.box, s.few = newBox(t), 8
		s.inMemory()
		s.prepare()
		s.template = filepath.Join(filepath.Dir(s.store), "template")
		if err := os.CopyFS(s.template, os.DirFS(s.store)); err != nil {
			t.Fatal(err)
		}
	}
	return scenes
}

// prepare makes the store that the command finds.
func (s *killScene) prepare() {
	s.t.Helper()
	s.want = make(map[string]string)
	if s.claim == "init" {
		if err := os.Mkdir(s.store, 0o777); err != nil {
			s.t.Fatal(err)
		}
		return
	}
	s.addTree("packed", 9)
	s.addTree("loose", 3)
	switch s.claim {
	case "gc":
		s.input(putRequest(1, "output 1")+putRequest(2, strings.Repeat("output 2", 100))+`{"ID":3,"Command":"close"}`+"\n").
			run("go-cache").want(s.t, 0, "(?s).*", "")
	case "quarantine", "adopt":
		s.plant(digestOf("a foreign payload"), sealed(s.t, keyB, "a foreign payload"))
		s.plantPack(s.sealedRecord("beside it"), record{digestOf("a plain payload"), "a plain payload"})
	case "prune":
		s.write(filepath.Join(s.store, "tmp", strings.Repeat("0", 32)), "half")
	case "ref rm":
		s.run("ref", "set", "main", digestOf(s.payload("loose", 1))).want(s.t, 0, "", "")
	}
}

// age makes all files of a store days old.
func (s *packScene) age() {
	s.t.Helper()
	old := time.Now().Add(-72 * time.Hour)
	err := filepath.WalkDir(s.store, func(path string, e fs.DirEntry, err error) error {
		if err == nil && e.Type().IsRegular() {
			err = os.Chtimes(path, old, old)
		}
		return err
	})
	if err != nil {
		s.t.Fatal(err)
	}
}

// F1 for the rest: killed before each system call, every command leaves what was there,
// and does the rest when it is run again.
func TestOthersKilledAtEverySystemCall(t *testing.T) {
	needStrace(t)
	for _, scene := range killScenes(t) {
		t.Run("F1 "+scene.claim, func(t *testing.T) {
			t.Parallel()
			s := *scene
			s.box = s.under()
			s.t = t
			runs := 0
			points := s.points()
			for _, p := range some(points, s.few) {
				if _, hit := s.injected(p, "signal=KILL:when="+strconv.Itoa(p.n)); hit {
					runs++
					s.after(fmt.Sprintf("killed at %s %d", p.name, p.n))
				}
			}
			t.Logf("%d runs of %d calls", runs, len(points))
		})
	}
}

func (s *killScene) after(what string) {
	s.t.Helper()
	what = s.claim + ", " + what
	if _, err := os.Stat(filepath.Join(s.store, "fsk-store")); err == nil {
		s.wantAll(what, s.want)
		s.wantFindings(what, append([]string{"leftover-temp", "no-index"}, s.harmed...)...)
	}
	s.finish(what)
	if r := s.run("pack"); r.code != 0 {
		s.t.Errorf("%s: fsk pack: exit %d, %s%s", what, r.code, r.out, r.err)
	}
	if s.harmed != nil { // an old pack that had lost its index has its bad copies again
		s.finish(what + ", after pack")
	}
	s.done(s)
	s.wantAll(what+", again", s.want)
	s.wantFindings(what+", again", "leftover-temp")
}

// finish runs the command again. It may warn of a pack without an index, and say that what
// it was to remove has gone.
func (s *killScene) finish(what string) {
	s.t.Helper()
	r := s.run(s.args...)
	if r.code > s.code && !(r.code == 1 && (strings.HasSuffix(r.err, "(missing)\n") || strings.Contains(r.out, "warning: 1 no-index: "))) {
		s.t.Errorf("%s: run again: exit %d, %s%s", what, r.code, r.out, r.err)
	}
}
