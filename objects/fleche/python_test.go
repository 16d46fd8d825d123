package fleche_test

import (
	"bytes"
	"encoding/hex"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"fsk/objects"
	"fsk/objects/fleche"
)

// pythonWrites makes files as fleche does: hmac, pickle and gzip of its standard library.
// Arguments: the directory, two keys. Each line of its output is a name, the
// number of the key, and the pickle.
const pythonWrites = `
import gzip, hashlib, hmac, os, pickle, sys
dir, keys = sys.argv[1], [bytes.fromhex(k) for k in sys.argv[2:]]
class Runs:
    def __reduce__(self): return (os.mkdir, (os.path.join(dir, "loaded"),))
values = [None, {"a": [1, 2.5, True]}, b".\x00." * 1000, "x" * 1_500_000, os.urandom(300_000), Runs()]
for i, value in enumerate(values):
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        for k, key in enumerate(keys):
            for zip in False, True:
                p = pickle.dumps(value, protocol)
                data = p + hmac.new(key, p, hashlib.sha256).hexdigest().encode()
                name = hashlib.sha256(repr((i, protocol, k, zip)).encode()).hexdigest()
                with open(os.path.join(dir, name), "wb") as f:
                    f.write(gzip.compress(data) if zip else data)
                with open(os.path.join(dir, name + ".lock"), "wb"): pass
                print(name, k, hashlib.sha256(p).hexdigest(), int(zip))
`

// pythonReads accepts files as fleche does, with one key. It loads no pickle.
const pythonReads = `
import gzip, hashlib, hmac, os, sys
dir, key = sys.argv[1], bytes.fromhex(sys.argv[2])
for name in sorted(os.listdir(dir)):
    if name.startswith(".") or name.endswith(".lock"): continue
    with open(os.path.join(dir, name), "rb") as f: data = f.read()
    zip = data[:2] == b"\x1f\x8b"
    if zip: data = gzip.decompress(data)
    end = data.rfind(b".") + 1
    ok = hmac.compare_digest(hmac.new(key, data[:end], hashlib.sha256).hexdigest().encode(), data[end:])
    print(name, int(ok), hashlib.sha256(data[:end]).hexdigest(), int(zip))
`

func python(t *testing.T, script string, args ...string) [][]string {
	t.Helper()
	exe, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("python3 is not on the PATH")
	}
	var stderr bytes.Buffer
	cmd := exec.Command(exe, append([]string{"-c", script}, args...)...)
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("python3: %v\n%s", err, &stderr)
	}
	var lines [][]string
	for line := range strings.Lines(string(out)) {
		lines = append(lines, strings.Fields(line))
	}
	return lines
}

func TestPythonAcceptsWhatWasResealed(t *testing.T) {
	fsys, dir := newDir(t)
	written := python(t, pythonWrites, dir, hex.EncodeToString(key1), hex.EncodeToString(key2))
	if len(written) < 100 {
		t.Fatalf("Python wrote %d files", len(written))
	}
	planted := map[string]string{}
	for i, make := range []func(genuine []byte) []byte{
		func(b []byte) []byte { return append([]byte("cos\nsystem\n(S'true'\ntR."), b...) },
		func(b []byte) []byte { return b[:len(b)-64] },
		func(b []byte) []byte { return b[:len(b)-1] },
	} {
		n := name(strings.Repeat("planted", i+1)).String()
		content := make(sealed(key2, "\x80\x04N."))
		put(t, fsys, n, content)
		planted[n] = string(content)
	}

	c := open(t, fsys, ringOf(t, key1, key2), nil)
	for _, line := range written {
		n, err := fleche.ParseName(line[0])
		if err != nil {
			t.Fatal(err)
		}
		info := verdict(t, c, n)
		if info.Reason != objects.OK || info.Retired != (line[1] == "1") || info.Compressed != (line[3] == "1") {
			t.Errorf("Python wrote %v, and this is %+v", line, info)
		}
	}
	half := int64(len(written) / 2)
	_, before := fsck(t, c, fleche.FsckOptions{})
	if id := ringOf(t, key2).ID(0); before.Keys[id] != half || before.Reasons[objects.OK] != 2*half {
		t.Errorf("before: %+v", before)
	}

	findings, stats := reseal(t, c, fleche.FsckOptions{})
	if resealed(stats) != half || len(findings) != len(planted) || !stats.Complete {
		t.Errorf("resealed: %+v, %v", stats, findings)
	}

	accepted := make(map[string][]string)
	for _, line := range python(t, pythonReads, dir, hex.EncodeToString(key1)) {
		accepted[line[0]] = line
	}
	for _, line := range written {
		got := accepted[line[0]]
		if len(got) != 4 || got[1] != "1" || got[2] != line[2] || got[3] != line[3] {
			t.Errorf("Python wrote %v and finds %v", line, got)
		}
	}
	files := contents(t, dir)
	for n, content := range planted {
		if files[n] != content {
			t.Errorf("the planted %s was changed", n)
		}
		if accepted[n][1] != "0" {
			t.Errorf("Python accepts the planted %s", n)
		}
	}
	if m, err := filepath.Glob(filepath.Join(dir, "loaded")); len(m) > 0 || err != nil {
		t.Errorf("a pickle was loaded: %v, %v", m, err)
	}
	if files, _ := filepath.Glob(filepath.Join(dir, fleche.TempDir, "*")); len(files) > 0 {
		t.Errorf("left behind: %v", files)
	}
}
