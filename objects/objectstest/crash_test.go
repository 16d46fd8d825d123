package objectstest_test

import (
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/go-git/go-billy/v5"

	"fsk/objects/durable"
	"fsk/objects/objectstest"
)

func TestCrashFSConforms(t *testing.T) {
	objectstest.TestFilesystem(t, func(*testing.T) billy.Filesystem { return objectstest.NewCrashFS().FS() })
	want := durable.Abilities{Sync: true, Names: true, Lock: true, Confined: true}
	if got := durable.AbilitiesOf(objectstest.NewCrashFS().FS()); got != want {
		t.Errorf("abilities %+v, want %+v", got, want)
	}
}

// crashed is what a test does with the power on.
type crashed struct {
	t    *testing.T
	c    *objectstest.CrashFS
	fsys billy.Filesystem
}

func (c *crashed) check(err error) {
	c.t.Helper()
	if err != nil {
		c.t.Fatal(err)
	}
}

func (c *crashed) write(name, text string, sync bool) {
	c.t.Helper()
	f, err := c.fsys.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o666)
	c.check(err)
	_, err = io.WriteString(f, text)
	c.check(err)
	if sync {
		c.check(f.(durable.Syncer).Sync())
	}
	c.check(f.Close())
}

func (c *crashed) mkdir(name string)   { c.check(c.fsys.MkdirAll(name, 0o777)) }
func (c *crashed) rename(a, b string)  { c.check(c.fsys.Rename(a, b)) }
func (c *crashed) remove(name string)  { c.check(c.fsys.Remove(name)) }
func (c *crashed) syncDir(name string) { c.check(durable.SyncDir(c.fsys, name)) }
func (c *crashed) replace(name, s string) {
	c.write("new", s, true)
	c.rename("new", name)
}

// listed shows a state in a line: the files and what is in them, zeros as dots.
func listed(t *testing.T, fsys billy.Filesystem, dir string) string {
	t.Helper()
	var list []string
	for name, err := range durable.Names(fsys, dir) {
		if err != nil {
			t.Fatal(err)
		}
		full := strings.TrimPrefix(dir+"/"+name, "./")
		if info, err := fsys.Lstat(full); err != nil {
			t.Fatal(err)
		} else if info.IsDir() {
			list = append(list, name+"/("+listed(t, fsys, full)+")")
			continue
		}
		list = append(list, name+"="+strings.ReplaceAll(content(t, fsys, full), "\x00", "."))
	}
	slices.Sort(list)
	return strings.Join(list, " ")
}

// TestCrashStates is the model, case by case: after a mark, exactly these states are
// possible.
func TestCrashStates(t *testing.T) {
	for _, test := range []struct {
		name           string
		do             func(c *crashed)
		subset, orders []string // nil: as with any subset
	}{
		{"nothing is lost of what is synced", func(c *crashed) {
			c.write("a", "1234", true)
			c.syncDir(".")
		}, []string{"a=1234"}, nil},
		{"a file that is not synced is empty, cut or zeros", func(c *crashed) {
			c.write("a", "1234", false)
			c.syncDir(".")
		}, []string{"a=", "a=..", "a=12", "a=....", "a=1234"}, nil},
		{"what is appended is lost, what was synced is not", func(c *crashed) {
			c.write("a", "1234", true)
			c.write("a", "5678", false)
			c.syncDir(".")
		}, []string{"a=1234", "a=1234..", "a=123456", "a=1234....", "a=12345678"}, nil},
		{"a name that is not synced is there or not", func(c *crashed) {
			c.write("a", "1234", true)
		}, []string{"", "a=1234"}, nil},
		{"a rename is two changes, or one", func(c *crashed) {
			c.write("a", "1", true)
			c.syncDir(".")
			c.rename("a", "b")
		}, []string{"", "a=1", "b=1", "a=1 b=1"}, []string{"a=1", "b=1"}},
		{"a rename over a file leaves the old one or the new one", func(c *crashed) {
			c.write("a", "1", true)
			c.syncDir(".")
			c.replace("a", "2")
			c.write("b", "", true)
			c.syncDir(".")
		}, []string{"a=2 b="}, nil},
		{"a rename over a file that is not synced", func(c *crashed) {
			c.write("new", "2", true)
			c.write("a", "1", true)
			c.syncDir(".")
			c.rename("new", "a")
		}, []string{"a=1", "a=2", "a=1 new=2", "a=2 new=2"}, []string{"a=1 new=2", "a=2"}},
		{"names come in any order, or in that of the changes", func(c *crashed) {
			c.write("a", "1", true)
			c.write("b", "2", true)
		}, []string{"", "a=1", "b=2", "a=1 b=2"}, []string{"", "a=1", "a=1 b=2"}},
		{"a sync of one directory says nothing of another, or of all before it", func(c *crashed) {
			c.mkdir("x")
			c.mkdir("y")
			c.syncDir(".")
			c.write("x/a", "1", true)
			c.write("y/b", "2", true)
			c.syncDir("y")
		}, []string{"x/() y/(b=2)", "x/(a=1) y/(b=2)"}, []string{"x/(a=1) y/(b=2)"}},
		{"a directory that has no name is lost with all in it", func(c *crashed) {
			c.mkdir("x")
			c.write("x/a", "1", true)
			c.syncDir("x")
		}, []string{"", "x/(a=1)"}, []string{"x/(a=1)"}},
		{"a removal is undone", func(c *crashed) {
			c.write("a", "1", true)
			c.syncDir(".")
			c.remove("a")
		}, []string{"", "a=1"}, nil},
		{"a removal that is synced is not", func(c *crashed) {
			c.write("a", "1", true)
			c.syncDir(".")
			c.remove("a")
			c.syncDir(".")
		}, []string{""}, nil},
	} {
		if test.orders == nil {
			test.orders = test.subset
		}
		for model, want := range map[objectstest.CrashModel][]string{objectstest.AnySubset: test.subset, objectstest.InOrder: test.orders} {
			t.Run(fmt.Sprintf("%s, model %d", test.name, model), func(t *testing.T) {
				c := objectstest.NewCrashFS()
				test.do(&crashed{t, c, c.FS()})
				c.Mark()
				got := make(map[string]bool)
				for s := range c.States(model, 100, 1) {
					if s.Marks == 1 {
						got[listed(t, s.FS, ".")] = true
					}
				}
				slices.Sort(want)
				if list := slices.Sorted(maps.Keys(got)); !slices.Equal(list, want) {
					t.Errorf("states %q, want %q", list, want)
				}
			})
		}
	}
}

// TestCrashStatesOfPages: of a large file any page may be missing.
func TestCrashStatesOfPages(t *testing.T) {
	c := objectstest.NewCrashFS()
	crashed := &crashed{t, c, c.FS()}
	whole := strings.Repeat("x", 5*4096+1)
	crashed.write("a", whole, false)
	crashed.syncDir(".")
	c.Mark()
	holes := make(map[string]int)
	for s := range c.States(objectstest.AnySubset, 100, 1) {
		if s.Marks == 0 {
			continue
		}
		got := content(t, s.FS, "a")
		var pages []byte
		for off := 0; off < len(got); off += 4096 {
			pages = append(pages, got[off])
			if page := got[off:min(off+4096, len(got))]; strings.Trim(page, page[:1]) != "" {
				t.Errorf("a page is neither zeros nor written")
			}
		}
		holes[strings.ReplaceAll(string(pages), "\x00", ".")]++
	}
	for _, want := range []string{"", "......", "xxxxxx", "x.....", ".xxxxx", "xxxxx."} {
		if holes[want] != 1 {
			t.Errorf("no state has the pages %q: %v", want, holes)
		}
	}
}

// TestCrashStatesAreBounded: there are no more than the limit for each moment, always the
// same ones, and with all of it lost and all of it there among them.
func TestCrashStatesAreBounded(t *testing.T) {
	c := objectstest.NewCrashFS()
	crashed := &crashed{t, c, c.FS()}
	for i := range 20 {
		crashed.write(fmt.Sprint("file ", i), "x", true)
	}
	c.Mark()
	states := func(seed uint64) (list []string) {
		for s := range c.States(objectstest.AnySubset, 50, seed) {
			if s.Marks == 1 {
				list = append(list, listed(t, s.FS, "."))
			}
		}
		return list
	}
	first := states(1)
	if n := len(first); n > 50 || n < 45 {
		t.Errorf("%d states, want about 50", n)
	}
	if !slices.Equal(first, states(1)) {
		t.Error("a seed gives other states the second time")
	}
	if slices.Equal(first, states(2)) {
		t.Error("two seeds give the same states")
	}
	all := listed(t, c.FS(), ".")
	if !slices.Contains(first, "") || !slices.Contains(first, all) {
		t.Error("the states with nothing and with everything are not among them")
	}
}

// TestCrashStateIsAFilesystem: what is done after the power came back stays, and does not
// change other states.
func TestCrashStateIsAFilesystem(t *testing.T) {
	c := objectstest.NewCrashFS()
	crashed0 := &crashed{t, c, c.FS()}
	crashed0.write("a", "1", true)
	crashed0.syncDir(".")
	c.Settle()
	crashed0.write("b", "2", false)
	n := 0
	for s := range c.States(objectstest.AnySubset, 100, 1) {
		n++
		after := &crashed{t, nil, s.FS}
		after.write("a", "more", true)
		if got := content(t, s.FS, "a"); got != "1more" {
			t.Errorf("a = %q", got)
		}
	}
	if n != 4 { // no b, empty, zero, whole
		t.Errorf("%d states, want 4", n)
	}
	if got := listed(t, c.FS(), "."); got != "a=1 b=2" {
		t.Errorf("the filesystem itself is %q", got)
	}
}
