//go:build unix

package config

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

func (w *world) chmod(path string, mode fs.FileMode) {
	w.Helper()
	if err := os.Chmod(filepath.Join(w.root, path), mode); err != nil {
		w.Fatal(err)
	}
}

const (
	plain  = "[default]\ncache='c'\n[c]\nvalues.root='s'\n"
	secret = plain + "values.secret_key='" + canary + "'\n"
)

func TestModes(t *testing.T) {
	for _, path := range []string{walked, own} {
		for _, tt := range []struct {
			name, text string
			mode       fs.FileMode
			want       string
		}{
			{"readable by all", plain, 0o644, ""},
			{"read-only", secret, 0o400, ""},
			{"writable by all", plain, 0o602, "can be written by everybody (mode 0602)"},
			{"a secret readable by all", secret, 0o604, "secret_key and is open to others (mode 0604)"},
			{"a secret readable by a group", secret, 0o640, "mode 0640"},
			{"a secret that may be run by all", secret, 0o601, "mode 0601"},
			{"a secret of another section", plain + "[d.e]\nx=[{secret_key='" + canary + "'}]\n", 0o644, "mode 0644"},
			{"a secret with an escaped name", plain + "values.\"secret\\u005fkey\"='" + canary + "'\n", 0o644, "mode 0644"},
		} {
			t.Run(tt.name, func(t *testing.T) {
				w := newWorld(t)
				file := w.write(path, tt.text)
				w.chmod(path, tt.mode)
				if tt.want == "" {
					w.load()
				} else {
					w.fails(file+": ", tt.want)
					w.in.File = file
					w.fails(file+": ", tt.want)
				}
			})
		}
	}
}

// A statFile is what the system tells about a file of any owner.
type statFile struct {
	fs.FileInfo
	mode fs.FileMode
	sys  syscall.Stat_t
}

func (f *statFile) Mode() fs.FileMode { return f.mode }
func (f *statFile) Sys() any          { return &f.sys }

func TestOwners(t *testing.T) {
	for _, tt := range []struct {
		owner, group uint32
		mode         fs.FileMode
		uid          int
		want         string
	}{
		{1000, 100, 0o644, 1000, ""},
		{0, 0, 0o644, 1000, ""},
		{1000, 1000, 0o664, 1000, ""},
		{1000, 100, 0o664, 1000, "can be written by its group (gid 100, mode 0664)"},
		{0, 0, 0o664, 1000, "can be written by its group"},
		{0, 1000, 0o664, 1000, ""},
		{1001, 1000, 0o644, 1000, "is owned by another user (uid 1001, mode 0644)"},
		{1000, 0, 0o644, 0, "is owned by another user"},
		{0, 0, 0o664, 0, ""},
		{4294967295, 0, 0o600, -1, "is owned by another user"},
	} {
		f := &statFile{mode: tt.mode}
		f.sys.Uid, f.sys.Gid = tt.owner, tt.group
		if got := distrust(f, tt.uid); !strings.HasPrefix(got, tt.want) || (got == "") != (tt.want == "") {
			t.Errorf("%d:%d %o for user %d: %q, want %q", tt.owner, tt.group, tt.mode, tt.uid, got, tt.want)
		}
	}
}

func TestNotRegular(t *testing.T) {
	for _, path := range []string{walked, own} {
		for name, plant := range map[string]func(w *world, path string){
			"FIFO": func(w *world, path string) {
				if err := syscall.Mkfifo(path, 0o600); err != nil {
					w.Skip(err)
				}
			},
			"link": func(w *world, path string) {
				w.write("home/true.toml", plain)
				w.link("/"+strings.TrimPrefix(w.root, "/")+"/home/true.toml", strings.TrimPrefix(path, w.root))
			},
			"dangling link": func(w *world, path string) { w.link("nowhere", strings.TrimPrefix(path, w.root)) },
			"directory":     func(w *world, path string) { w.mkdir(path) },
			"device":        func(w *world, path string) { mknod(w, path) },
		} {
			t.Run(name, func(t *testing.T) {
				w := newWorld(t)
				full := filepath.Join(w.root, path)
				w.mkdir(filepath.Dir(full))
				plant(w, full)
				start := time.Now()
				w.fails(full + ": is not a regular file")
				w.in.File = full
				w.fails(full + ": is not a regular file")
				if took := time.Since(start); took > 10*time.Second { // a FIFO that is waited for takes for ever
					t.Errorf("took %v", took)
				}
			})
		}
	}
}

func mknod(w *world, path string) {
	if os.Getuid() != 0 {
		w.Skip("only root makes devices")
	}
	const zero = 1<<8 | 5
	if err := syscall.Mknod(path, syscall.S_IFCHR|0o600, zero); err != nil {
		w.Skip(err)
	}
}

func TestLarge(t *testing.T) {
	w := newWorld(t)
	path := w.write(walked, "")
	if err := os.Truncate(path, 1<<30); err != nil {
		t.Skip(err)
	}
	w.fails(path + ": is larger than 128 KiB")
	w.write(walked, "#"+strings.Repeat("x", MaxFileSize-1))
	w.load()
	w.write(walked, "#"+strings.Repeat("x", MaxFileSize))
	w.fails("is larger than 128 KiB")
}

func TestUnreadable(t *testing.T) {
	w := newWorld(t)
	path := w.write(walked, plain)
	w.chmod(walked, 0)
	if os.Getuid() == 0 {
		t.Skip("root reads everything")
	}
	w.fails(path + ": cannot be read: permission denied")
	w.chmod("home/project", 0)
	defer w.chmod("home/project", 0o755)
	w.fails("cannot be read: permission denied")
}

func TestMissingConfig(t *testing.T) {
	w := newWorld(t)
	w.in.File = "x.toml"
	w.fails(filepath.Join(w.dir, "x.toml") + ": there is no such file")
}

func TestDirectoryModes(t *testing.T) {
	for _, path := range []string{walked, own} {
		w := newWorld(t)
		w.write(path, plain)
		dir := filepath.Dir(path)
		w.chmod(dir, 0o777)
		w.fails(filepath.Join(w.root, dir)+": the directory can be written by everybody (mode 0777)", "chmod")
		w.chmod(dir, 0o777|fs.ModeSticky)
		w.load()
		w.chmod(dir, 0o775)
		w.load()
	}
}

func TestStoreDirectory(t *testing.T) {
	const dir = "home/project/.fsk"
	w := newWorld(t)
	path := filepath.Join(w.root, dir)
	w.mkdir(path)
	w.chmod(dir, 0o777)
	w.fails(path+": can be written by everybody (mode 0777)", "--store")
	w.chmod(dir, 0o775) // shared by a group
	w.load()
	w.chmod("home/project", 0o777)
	w.fails("home/project: the directory can be written by everybody")
	w.in.Store = path
	w.load()

	for name, plant := range map[string]func(*world){
		"file":          func(w *world) { w.write(dir, "") },
		"link":          func(w *world) { w.mkdir(filepath.Join(w.root, "s")); w.link("../../s", dir) },
		"dangling link": func(w *world) { w.link("nowhere", dir) },
	} {
		w := newWorld(t)
		w.mkdir(filepath.Join(w.root, "home/.fsk"))
		plant(w)
		if w.fails(dir+": is not a directory", "--store"); t.Failed() {
			t.Fatal(name)
		}
	}
}

// What another user has planted above the working directory is refused, whatever
// it holds, and a mark of another user switches nothing off.
func TestPlanted(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root gives files away")
	}
	const nobody = 65534
	chown := func(w *world, path string) {
		w.Helper()
		if err := os.Chown(filepath.Join(w.root, path), nobody, nobody); err != nil {
			w.Skip(err)
		}
	}
	w := newWorld(t)
	path := w.write(walked, "[default]\ncache='c'\n[c]\nvalues.secret_key='"+canary+"'\n[[c.policy.pre_read]]\n")
	chown(w, walked)
	w.fails(path+": is owned by another user (uid 65534, mode 0600)", "remove it")
	w.in.Store = "/x"
	w.fails("is owned by another user")

	w = newWorld(t)
	w.mkdir(filepath.Join(w.root, "home/project/.fsk"))
	chown(w, "home/project/.fsk")
	w.fails("home/project/.fsk: belongs to another user (mode 0755)", "--store")

	w = newWorld(t)
	w.write("home/fsk-store", mark)
	chown(w, "home/fsk-store")
	w.write(walked, secret)
	if c := w.load(); c.Ring.Len() != 1 || len(c.Warnings) != 0 {
		t.Errorf("a mark of another user: %+v", c)
	}
}

// A deny list that others can change is not believed: they could let through what it refuses.
func TestDenyFileThatIsNotBelieved(t *testing.T) {
	for claim, tt := range map[string]struct {
		plant func(w *world, path string) error
		says  string
	}{
		"writable by everybody": {func(w *world, path string) error { return os.Chmod(w.write(path, ""), 0o666) }, "can be written by everybody (mode 0666)"},
		"a link":                {func(w *world, path string) error { return os.Symlink(w.write("home/real", ""), path) }, "is not a regular file"},
		"a FIFO":                {func(_ *world, path string) error { return syscall.Mkfifo(path, 0o600) }, "is not a regular file"},
		"a directory":           {func(_ *world, path string) error { return os.Mkdir(path, 0o700) }, "is not a regular file"},
		"in a directory of everybody": {func(w *world, path string) error {
			w.write(path, "")
			return os.Chmod(filepath.Dir(path), 0o777)
		}, "is in a directory that can be written by everybody (mode 0777)"},
	} {
		t.Run(claim, func(t *testing.T) {
			w := newWorld(t)
			w.mkdir(filepath.Join(w.home, "lists"))
			if err := tt.plant(w, filepath.Join(w.home, "lists", "deny")); err != nil {
				t.Fatal(err)
			}
			path := w.write(own, useC+"policy.deny_file='~/lists/deny'\n")
			w.fails(path+":4:8: c.policy.deny_file: the list ", tt.says)
		})
	}
}
