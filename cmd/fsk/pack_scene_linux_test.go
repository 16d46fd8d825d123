package main_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// A packScene is a command that changes packs, and a store for it that can be had again
// as often as needed.
type packScene struct {
	*box
	claim    string
	args     []string
	template string            // a copy of the store
	want     map[string]string // what is there, and has to stay: payloads by digest
	gone     string            // the digest of what the command removes, or ""
	new      map[string]string // what the command adds: payloads by digest
	harmed   []string          // reasons that fsck gives before the command
	few      int               // how many calls a short test looks at
	code     int               // with which the command ends well
	aged     bool              // the files of the store are days old
	tmpKept  bool              // what was injected kept a temporary file from being removed
}

// packScenes are the commands for the loops over all system calls.
func packScenes(t *testing.T) []*packScene {
	t.Helper()
	scenes := []*packScene{
		{claim: "pack", args: []string{"pack"}, few: 12},
		{claim: "pack of damage", args: []string{"pack"}, harmed: []string{"bad-pack", "bad-index"}, few: 3}, // fsck takes its time
		{claim: "rm of a packed object", few: 12},
		{claim: "rm of an object that is loose and packed", few: 12},
		{claim: "add that folds", few: 6},
	}
	for i, s := range scenes {
		s.box = newBox(t)
		s.inMemory()
		s.want = make(map[string]string)
		for _, prefix := range []string{"a", "b"} {
			s.addTree(prefix, 9)
		}
		s.addTree("loose", 7)
		twice := digestOf(s.payload("a", 2))
		s.plant(twice, sealed(t, keyA, s.want[twice]))
		switch i {
		case 1:
			hidden, places := packBytes(s.sealedRecords("hidden", 3)...)
			_, id := indexBytes(places...)
			s.write(s.packFile(id), hidden)
			half, _ := packBytes(append(s.sealedRecords("half", 2), s.sealedRecord(s.payload("a", 1)))...)
			s.write(s.packFile(strings.Repeat("5a", 32)), half[:len(half)-5])
			s.write(s.indexFile(strings.Repeat("5b", 32)), "")
		case 2:
			s.gone = digestOf(s.payload("a", 4))
		case 3:
			s.gone = twice
		case 4:
			s.prepareFold()
		}
		if s.gone != "" {
			s.args = []string{"rm", s.gone}
			delete(s.want, s.gone)
		}
		s.template = filepath.Join(filepath.Dir(s.store), "template")
		if err := os.CopyFS(s.template, os.DirFS(s.store)); err != nil {
			t.Fatal(err)
		}
	}
	return scenes
}

// prepareFold makes so many packs that the next commit gathers them.
func (s *packScene) prepareFold() {
	for i := range 65 {
		payload := s.payload(fmt.Sprint("small ", i), i%20)
		s.want[digestOf(payload)] = payload
		s.plantPack(s.sealedRecord(payload))
	}
	s.args, s.new = []string{"add"}, make(map[string]string)
	for i := range 8 {
		payload := s.payload("new", i)
		s.new[digestOf(payload)] = payload
		s.args = append(s.args, s.write(filepath.Join("new", fmt.Sprint(i)), payload))
	}
}

// payload has a length of its own.
func (*packScene) payload(prefix string, i int) string {
	return fmt.Sprint(prefix, " ", i, strings.Repeat(".", 100*i))
}

// addTree adds n files, together.
func (s *packScene) addTree(prefix string, n int) {
	s.t.Helper()
	for i := range n {
		payload := s.payload(prefix, i)
		s.want[digestOf(payload)] = payload
		s.write(filepath.Join(prefix, fmt.Sprint(i)), payload)
	}
	if r := s.run("add", "-r", prefix); r.code != 0 {
		s.t.Fatalf("add: exit %d, %s", r.code, r.err)
	}
}

// again makes the store as it was before the command.
func (s *packScene) again() {
	s.t.Helper()
	for _, dir := range []string{s.store, filepath.Join(s.env["HOME"], ".local")} { // marks are kept there
		if err := os.RemoveAll(dir); err != nil {
			s.t.Fatal(err)
		}
	}
	if err := os.CopyFS(s.store, os.DirFS(s.template)); err != nil {
		s.t.Fatal(err)
	}
	if s.aged {
		s.age()
	}
}

// A point is a system call of a command: the nth of its name in a thread.
type point struct {
	name string
	n    int
}

var callOfThread = regexp.MustCompile(`(?m)^(\d+) +(\w+)\(`)

// uninteresting are calls of the Go runtime, which ends when one of them fails.
var uninteresting = []string{"execve", "mmap", "access", "epoll_create1", "epoll_ctl", "epoll_pwait", "eventfd2", "fcntl", "ioctl"}

// points runs the command to the end and returns all its calls that have to do with files,
// in the order of a seed. No run is quite like another, so there are some more.
func (s *packScene) points() []point {
	s.t.Helper()
	s.again()
	traced, log := s.traced("-e", "trace=file,desc")
	if r := traced.run(s.args...); r.code != s.code {
		s.t.Fatalf("%s: exit %d, %s", s.claim, r.code, r.err)
	}
	if packs, _ := filepath.Glob(s.packFile("*")); s.gone == "" && len(packs) > 10 {
		s.t.Fatalf("%s: there are still %d packs", s.claim, len(packs))
	}
	threads, most := make(map[string]int), make(map[string]int)
	for _, m := range callOfThread.FindAllStringSubmatch(s.read(log), -1) {
		threads[m[1]+m[2]]++
		most[m[2]] = max(most[m[2]], threads[m[1]+m[2]])
	}
	var list []point
	for _, name := range slices.Sorted(maps.Keys(most)) {
		if slices.Contains(uninteresting, name) {
			continue
		}
		for n := 1; n <= most[name]+1; n++ {
			list = append(list, point{name, n})
		}
	}
	order := rand.New(rand.NewPCG(3, 2026))
	order.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	return list
}

// tmpNotOpened is the call that comes before the removal of a temporary file, failing.
var tmpNotOpened = regexp.MustCompile(`"tmp", \{.*\(INJECTED\)`)

// injected runs the command with something injected into a call; it reports false if
// there was no such call.
func (s *packScene) injected(p point, what string) (result, bool) {
	s.t.Helper()
	s.again()
	traced, log := s.traced("-e", "trace="+p.name, "-e", "inject="+p.name+":"+what)
	r := traced.run(s.args...)
	text := s.read(log)
	os.Remove(log)
	s.tmpKept = tmpNotOpened.MatchString(text)
	return r, strings.Contains(text, "INJECTED") || strings.Contains(text, "killed by SIGKILL")
}

// after checks what must hold however the command ended: nothing that was there is lost,
// what was removed is gone when the command said so, fsck finds nothing that was not
// there, the command can be run again, and the next pack heals.
func (s *packScene) after(what string, r result) {
	s.t.Helper()
	what = s.claim + ", " + what
	s.wantAll(what, s.want)
	acknowledged := make(map[string]string)
	for line := range strings.Lines(r.out) {
		if digest, _, _ := strings.Cut(line, "  "); s.new != nil && strings.HasSuffix(line, "\n") {
			acknowledged[digest] = s.new[digest]
		}
	}
	s.wantAll(what+", acknowledged", acknowledged)
	s.wantFindings(what, append([]string{"leftover-temp", "no-index"}, s.harmed...)...)
	if s.gone != "" {
		payloads, misses := s.readAll([]string{s.gone})
		if payload, ok := payloads[s.gone]; ok && (r.code == 0 || digestOf(payload) != s.gone) || !ok && misses[s.gone] != "missing" {
			s.t.Errorf("%s: exit %d, and what is removed is there: %t, %v", what, r.code, ok, misses)
		}
	}
	again := s.run(s.args...)
	if again.code != 0 && !(s.gone != "" && again.code == 1 && strings.HasSuffix(again.err, "(missing)\n")) {
		s.t.Errorf("%s: run again: exit %d, %s%s", what, again.code, again.out, again.err)
	}
	if heal := s.run("pack"); heal.code != 0 {
		s.t.Errorf("%s: fsk pack: exit %d, %s%s", what, heal.code, heal.out, heal.err)
	}
	s.wantAll(what+", healed", s.want)
	s.wantAll(what+", added again", s.new)
	s.wantFindings(what+", healed", "leftover-temp")
	if s.gone != "" {
		if _, misses := s.readAll([]string{s.gone}); misses[s.gone] != "missing" {
			s.t.Errorf("%s: what was removed has come back: %v", what, misses)
		}
	}
}

// wantFindings wants fsck to be complete and to have no reason but these.
func (s *packScene) wantFindings(what string, allowed ...string) {
	s.t.Helper()
	r := s.run("--json", "fsck")
	for _, v := range lines(s.t, r.out) {
		if v["type"] == "finding" && !slices.Contains(allowed, v["reason"].(string)) || v["complete"] == false {
			s.t.Errorf("%s: fsck: %v", what, v)
		}
	}
}
