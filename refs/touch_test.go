package refs_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"fsk/objects"
)

// A use is noted at most once an hour, and nothing else is touched by it.
func TestTouch(t *testing.T) {
	c := newCache(t)
	used := func(file string) time.Time {
		t.Helper()
		info, err := c.fs.Lstat(file)
		if err != nil {
			t.Fatal(err)
		}
		return info.ModTime()
	}
	c.entry("entry", "payload", 2*days)
	before := read(t, c.fs, "refs/e/entry")
	c.wantEntry("entry", "payload", true)
	if age := time.Since(used("refs/e/entry")); age > time.Hour {
		t.Skipf("uses are not noted on this system: last use %s ago", age)
	}
	if !bytes.Equal(read(t, c.fs, "refs/e/entry"), before) {
		t.Error("the record was changed")
	}
	c.age("refs/e/entry", 50*time.Minute)
	then := used("refs/e/entry")
	c.wantEntry("entry", "payload", true)
	if !used("refs/e/entry").Equal(then) {
		t.Error("touched twice within an hour")
	}
	c.age("refs/e/entry", -2*days) // a clock that was wrong
	c.wantEntry("entry", "payload", true)
	if used("refs/e/entry").After(time.Now().Add(time.Hour)) {
		t.Error("the future stays")
	}
	// A file that has another name may be somebody else's.
	c.age("refs/e/entry", 2*days)
	if err := os.Link(filepath.Join(c.root.Root(), "refs/e/entry"), filepath.Join(t.TempDir(), "other")); err != nil {
		t.Skip(err)
	}
	then = used("refs/e/entry")
	c.wantEntry("entry", "payload", true)
	if !used("refs/e/entry").Equal(then) {
		t.Error("a file with two names was touched")
	}
	// What does not verify was not used, nor what was only listed.
	c.entry("bad", "payload", 2*days)
	c.entry("listed", "payload", 2*days)
	write(t, c.fs, "refs/e/bad", append(bytes.Clone(read(t, c.fs, "refs/e/bad")), 'x'))
	c.age("refs/e/bad", 2*days)
	c.wantMiss("e/bad", objects.MalformedRef)
	for range c.All(t.Context(), "") {
	}
	for _, name := range []string{"bad", "listed"} {
		if time.Since(used("refs/e/"+name)) < days {
			t.Errorf("%s was touched", name)
		}
	}
}
