package main_test

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// configured is a world whose own cache.toml names the store.
func configured(t *testing.T, lines ...string) *box {
	b := newBox(t).with("FLECHE_SECRET_KEY")
	b.write(b.userFile(), "[default]\ncache = \"main\"\n[main]\nvalues.root = \""+b.store+"\"\n"+strings.Join(lines, "\n")+"\n")
	if err := os.Chmod(b.userFile(), 0o600); err != nil {
		t.Fatal(err)
	}
	return b
}

func (b *box) userFile() string {
	return filepath.Join(b.env["HOME"], ".config", "fleche", "cache.toml")
}

// A29 and A30: a configuration that cannot be believed is an error with path and mode,
// never skipped, whatever store is named.
func TestConfigurationThatIsNotBelieved(t *testing.T) {
	const text = "[default]\ncache = \"x\"\n[x]\nvalues.root = \"values\"\n"
	const keyed = text + "values.secret_key = \"" + keyB + "\"\n"
	tests := []struct {
		claim string
		plant func(b *box, path string) error
		says  string
	}{
		{"A29 owned by another user", func(b *box, path string) error {
			needRoot(b.t)
			b.write(path, text)
			return os.Chown(path, 65534, 65534)
		}, `is owned by another user \(uid 65534, mode 0644\)`},
		{"A29 writable by everybody", func(b *box, path string) error { b.write(path, text); return os.Chmod(path, 0o666) }, `can be written by everybody \(mode 0666\)`},
		{"A29 writable by a group", func(b *box, path string) error {
			needRoot(b.t)
			b.write(path, text)
			os.Chown(path, 0, 4)
			return os.Chmod(path, 0o664)
		}, `can be written by its group \(gid 4, mode 0664\)`},
		{"A29 in a directory that everybody may write to", func(b *box, path string) error {
			b.write(path, text)
			return os.Chmod(filepath.Dir(path), 0o777)
		}, `the directory can be written by everybody \(mode 0777\)`},
		{"A30 link", func(b *box, path string) error { return os.Symlink(b.write("real.toml", text), path) }, `is not a regular file.*`},
		{"A30 dangling link", func(b *box, path string) error { return os.Symlink("nowhere", path) }, `is not a regular file.*`},
		{"A30 FIFO", func(b *box, path string) error { return syscall.Mkfifo(path, 0o600) }, `is not a regular file.*`},
		{"A30 directory", func(b *box, path string) error { return os.Mkdir(path, 0o755) }, `is not a regular file.*`},
		{"A30 a sparse GiB", func(b *box, path string) error { b.write(path, text); return os.Truncate(path, 1<<30) }, `is larger than 128 KiB`},
		{"A30 key open to others", func(b *box, path string) error { b.write(path, keyed); return os.Chmod(path, 0o644) }, `holds a secret_key and is open to others \(mode 0644\)`},
		{"A30 key open to the group", func(b *box, path string) error { b.write(path, keyed); return os.Chmod(path, 0o640) }, `holds a secret_key and is open to others \(mode 0640\)`},
		{"A30 key in a section that is not used", func(b *box, path string) error {
			b.write(path, text+"[other]\nvalues.secret_key = \""+keyB+"\"\n")
			return os.Chmod(path, 0o604)
		}, `holds a secret_key and is open to others \(mode 0604\)`},
	}
	for _, test := range tests {
		for _, where := range []string{"walked", "the user's own", "--config"} {
			t.Run(test.claim+", "+where, func(t *testing.T) {
				b := newBox(t)
				digest := b.add("payload")
				sub := b.mkdir("work/project/sub")
				path := filepath.Join(b.dir, "project", "fleche.toml")
				args := []string{"cat", digest}
				switch where {
				case "the user's own":
					path = b.userFile()
				case "--config":
					path = filepath.Join(b.dir, "named", "x.toml")
					args = []string{"--config", path, "cat", digest}
				}
				if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := test.plant(b, path); err != nil {
					t.Fatal(err)
				}
				file := path
				if strings.Contains(test.says, "the directory") {
					file = filepath.Dir(path)
				}
				r := b.in(sub).run(args...)
				r.want(t, 2, "", `fsk: error: `+file+`: `+test.says+`\n(fsk: hint: .*\n)?`)
				if r.took > 10e9 {
					t.Errorf("it took %v", r.took)
				}
			})
		}
	}
}

// A29: a cloned repository that carries a configuration of its own.
func TestConfigurationOfAClonedRepository(t *testing.T) {
	t.Run("its keys are not those of the user's store", func(t *testing.T) {
		b := configured(t, `values.secret_key = "`+keyA+`"`)
		clone := b.mkdir("work/clone")
		b.write(filepath.Join(clone, "fleche.toml"), "[default]\ncache = \"main\"\n[main]\nvalues.root = \""+b.store+"\"\nvalues.secret_key = \""+keyB+"\"\n")
		os.Chmod(filepath.Join(clone, "fleche.toml"), 0o600)
		r := b.in(clone).input("payload").run("!", "add", "-")
		if r.code != 0 || !strings.Contains(r.err, "not used") {
			t.Errorf("add: exit %d, stderr %q", r.code, r.err)
		}
		if got := b.read(b.object(digestOf("payload"))); got != sealed(t, keyA, "payload") {
			t.Errorf("stored: %q, want it sealed by the user's key", got)
		}
	})
	t.Run("its keys are not those of a store that --store names", func(t *testing.T) {
		b := newBox(t).with("FLECHE_SECRET_KEY")
		clone := b.mkdir("work/clone")
		b.write(filepath.Join(clone, "fleche.toml"), "[default]\ncache = \"c\"\n[c]\nvalues.root = \"own\"\nvalues.secret_key = \""+keyB+"\"\n")
		os.Chmod(filepath.Join(clone, "fleche.toml"), 0o600)
		r := b.in(clone).run("status")
		if r.code != 0 || !strings.Contains(r.out, "\nsecurity: off\n") || !strings.Contains(r.err, "not used") {
			t.Errorf("status: exit %d, %s%s", r.code, r.out, r.err)
		}
		if r = b.in(clone).run("!", "status"); !strings.Contains(r.out, "\nsecurity: on\n") {
			t.Errorf("status of its own store: %s%s", r.out, r.err)
		}
	})
	t.Run("its policies add to the user's", func(t *testing.T) {
		b := configured(t, `values.secret_key = "`+keyA+`"`, "[main.policy]", "max_object_size = 100", `deny = ["`+digestOf("denied")+`"]`, `keys = "first"`)
		for _, p := range []string{"denied", "also denied", "fine"} {
			b.with("FLECHE_SECRET_KEY=" + keyA).add(p)
		}
		clone := b.mkdir("work/clone")
		b.write(filepath.Join(clone, "fleche.toml"), "[main.policy]\nmax_object_size = \"1GiB\"\ndeny = [\""+digestOf("also denied")+"\"]\nkeys = \"any\"\nrequire_seal = false\n")
		in := b.in(clone).with("FLECHE_SECRET_KEY=" + keyA)
		for payload, code := range map[string]int{"denied": 1, "also denied": 1} {
			if r := in.run("--cache", "main", "cat", digestOf(payload)); r.code != code || r.out != "" {
				t.Errorf("cat of what is %s: exit %d, stdout %q, stderr %q", payload, r.code, r.out, r.err)
			}
		}
		r := in.run("--cache", "main", "--json", "status")
		s := find(lines(t, r.out), "status")
		if s["key_policy"] != "first" || s["max_object_size"] != 100.0 || s["deny"] != 2.0 {
			t.Errorf("status: %v %s", s, r.err)
		}
	})
	t.Run("its hooks are refused with a hint", func(t *testing.T) {
		b := newBox(t)
		b.add("payload")
		clone := b.mkdir("work/clone")
		b.write(filepath.Join(clone, "fleche.toml"), "[default]\ncache = \"c\"\n[c]\n[[c.policy.pre_read]]\nrun = [\"/bin/sh\", \"-c\", \"touch pwned\"]\n")
		r := b.in(clone).run("ls")
		r.want(t, 2, "", `fsk: error: .*/clone/fleche.toml.*: c.policy.pre_read: .*\nfsk: hint: .*\n`)
		if _, err := os.Lstat(filepath.Join(clone, "pwned")); err == nil {
			t.Error("the hook was run")
		}
	})
	t.Run("its .fsk directory of another user is an error", func(t *testing.T) {
		needRoot(t)
		b := newBox(t)
		clone := b.mkdir("work/clone")
		if r := b.in(clone).run("!", "init"); r.code != 0 {
			t.Fatal(r.err)
		}
		os.Chown(filepath.Join(clone, ".fsk"), 65534, 65534)
		r := b.in(clone).run("!", "ls")
		r.want(t, 2, "", `fsk: error: .*/clone/.fsk: belongs to another user.*\nfsk: hint: .*\n`)
	})
}

// A29: what another user wrote above the working directory is refused when it is met.
func TestConfigurationWrittenByNobody(t *testing.T) {
	needRoot(t)
	setpriv := needTool(t, "setpriv")
	b := newBox(t)
	shared := b.mkdir("work/shared")
	os.Chmod(shared, 0o1777)
	below := b.mkdir("work/shared/mine")
	b.letOthersIn()
	sh := b.under(setpriv, "--reuid", "65534", "--regid", "65534", "--clear-groups", "sh", "-c",
		"echo '[default]' > "+shared+"/fleche.toml")
	if r := sh.run("!"); r.code != 0 {
		t.Skipf("nobody cannot write there: %s", r.err)
	}
	r := b.in(below).run("ls")
	r.want(t, 2, "", `fsk: error: `+shared+`/fleche.toml: is owned by another user \(uid 65534, mode 0644\)\nfsk: hint: .*\n`)
}

// A31: security is never off silently.
func TestSecurityOff(t *testing.T) {
	b := newBox(t)
	digest := b.add("payload")
	off := b.with("FLECHE_SECRET_KEY")
	r := off.run("cat", digest)
	r.want(t, 0, "payload", `fsk: warning: object `+digest+` is sealed, but security is off: its seal was not verified\n`)
	other := b.add("other")
	r = off.run("cat", digest, other)
	r.want(t, 0, "payloadother", `fsk: warning: [^\n]*\n`)
	r = off.run("-q", "cat", digest)
	r.want(t, 0, "payload", "")
	r = off.run("status")
	if r.code != 0 || !strings.Contains(r.out, "\nsecurity: off\n") {
		t.Errorf("status: exit %d, %s", r.code, r.out)
	}
	for name, b := range map[string]*box{
		"FSK_REQUIRE_SEAL": off.with("FSK_REQUIRE_SEAL=1"),
		"require_seal":     off.in(configured(t, "[main.policy]", "require_seal = true").dir).with("HOME=" + configured(t, "[main.policy]", "require_seal = true").env["HOME"]),
	} {
		for _, args := range [][]string{{"cat", digest}, {"ls"}, {"stat", digest}, {"fsck"}, {"add", "/etc/hostname"}, {"rm", digest}, {"status"}, {"key", "ls"},
			{"pack"}, {"init"}, {"hook", "test", digest}, {"hook", "pin", "/bin/sh"}, {"cat", "-o", "out", digest}, {"cat", "--batch"}, {"add", "-"}, {"--json", "-q", "stat", digest}} {
			r := b.run(args...)
			if args[0] == "--json" {
				if r.code != 2 || !strings.Contains(r.out, "sealing is required") {
					t.Errorf("exit %d, %s", r.code, r.out)
				}
				continue
			}
			r.want(t, 2, "", `fsk: error: .*: sealing is required, but there is no key for this store\nfsk: hint: .*\n`)
			if t.Failed() {
				t.Fatalf("%s %q", name, args)
			}
		}
	}
	r = b.with("FSK_REQUIRE_SEAL=1").run("cat", digest)
	r.want(t, 0, "payload", "")
	r = b.with("FSK_REQUIRE_SEAL=yes").run("cat", digest)
	r.want(t, 2, "", `fsk: error: FSK_REQUIRE_SEAL: must be 1 or 0\n`)
}
