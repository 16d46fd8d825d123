package main

import (
	"fmt"
	"log"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

const key = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"

// newKey takes the place of key in a rotation.
const newKey = "ff0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"

// A bench makes workloads and stores when a row first asks for them.
type bench struct {
	root, fsk string
	runs      int
	made      map[string]bool
	fresh     int
}

// once calls make for the path of that name below the root, the first time only.
func (b *bench) once(name string, make func(path string)) string {
	path := filepath.Join(b.root, name)
	if !b.made[name] {
		if b.made == nil {
			b.made = map[string]bool{}
		}
		b.made[name] = true
		make(path)
	}
	return path
}

// newDir returns the path of a directory that does not exist yet.
func (b *bench) newDir() string {
	b.fresh++
	return filepath.Join(b.root, fmt.Sprintf("fresh-%d", b.fresh))
}

// files is n files of random bytes in 256 directories.
func (b *bench) files(name string, n, size int) string {
	return b.once(name, func(path string) {
		source := rand.NewChaCha8([32]byte{})
		payload := make([]byte, size)
		for i := range n {
			source.Read(payload)
			dir := filepath.Join(path, fmt.Sprintf("%02x", i%256))
			check(os.MkdirAll(dir, 0o777))
			check(os.WriteFile(filepath.Join(dir, fmt.Sprintf("%07d", i)), payload, 0o666))
		}
	})
}

func (b *bench) w1() string { return b.files("w1", 10_000, 4<<10) }
func (b *bench) w4() string { return b.files("w4", 100_000, 1<<10) }
func (b *bench) w5() string { return b.files("w5", 1_000_000, 1<<10) }

// w4Part is the first 10,000 files of w4 and w5.
func (b *bench) w4Part() string { return b.files("w4-10000", 10_000, 1<<10) }

// w2 is one file of 2 GiB.
func (b *bench) w2() string {
	return b.once("w2", func(path string) {
		f, err := os.Create(path)
		check(err)
		source := rand.NewChaCha8([32]byte{2})
		chunk := make([]byte, 1<<20)
		for range 2 << 10 {
			source.Read(chunk)
			_, err := f.Write(chunk)
			check(err)
		}
		check(f.Sync())
		check(f.Close())
	})
}

// w3 is the source tree of Go.
func (b *bench) w3() string { return filepath.Join(output(exec.Command("go", "env", "GOROOT")), "src") }

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

// command is fsk with a key and a store.
func (b *bench) command(store string, args ...string) *exec.Cmd {
	c := exec.Command(b.fsk, args...)
	c.Env = append(os.Environ(), "FLECHE_SECRET_KEY="+key, "FSK_STORE="+store)
	c.Dir = b.root
	return c
}

// store is a store that holds a workload.
func (b *bench) store(workload string) string {
	return b.once("store-"+filepath.Base(workload), func(path string) {
		run(b.command(path, "add", "-q", "-r", workload))
	})
}

// rotated is fsk resealing a copy of a store after a new key was put before the old one.
func (b *bench) rotated(store string) *exec.Cmd {
	path := b.newDir()
	run(exec.Command("cp", "-r", store, path))
	run(exec.Command("sync", "-f", path)) // so that only what is written anew is measured
	c := b.command(path, "fsck", "--reseal")
	c.Env = append(c.Env, "FLECHE_SECRET_KEY="+newKey+":"+key)
	return c
}

// digest is that of the only object in the store of a workload.
func (b *bench) digest(workload string) string {
	digest, _, _ := strings.Cut(output(b.command(b.store(workload), "ls")), "\n")
	return digest
}

// git is git on a repository of its own for a workload.
func (b *bench) git(repo, tree string, args ...string) *exec.Cmd {
	c := exec.Command("git", append([]string{"--git-dir=" + repo, "--work-tree=" + tree}, args...)...)
	c.Dir = tree
	return c
}

// repo is a repository that holds a workload, with its objects in one pack or loose.
func (b *bench) repo(workload string, packed bool) string {
	kind := map[bool]string{true: "packed", false: "loose"}[packed]
	return b.once("git-"+kind+"-"+filepath.Base(workload), func(path string) {
		run(exec.Command("git", "init", "-q", "--bare", path))
		run(b.git(path, workload, "add", "."))
		if packed {
			run(b.git(path, workload, "-c", "user.name=bench", "-c", "user.email=bench@localhost", "commit", "-q", "-m", "all"))
			run(b.git(path, workload, "repack", "-adq"))
		}
	})
}

// names is a file with the name of every object, one a line.
func (b *bench) names(name string, list func() *exec.Cmd) string {
	return b.once(name, func(path string) {
		check(os.WriteFile(path, []byte(output(list())+"\n"), 0o666))
	})
}

// withInput gives a command a file as standard input.
func withInput(c *exec.Cmd, path string) *exec.Cmd {
	f, err := os.Open(path)
	check(err)
	c.Stdin = f
	runtime.AddCleanup(c, func(f *os.File) { f.Close() }, f)
	return c
}

// blobs lists the blobs of a repository.
func (b *bench) blobs(repo string) func() *exec.Cmd {
	return func() *exec.Cmd {
		script := `git --git-dir="$0" cat-file --batch-all-objects --batch-check='%(objecttype) %(objectname)' | sed -n 's/^blob //p'`
		return exec.Command("sh", "-c", script, repo)
	}
}

// openssl is the limit of what verifies a large file: HMAC of all of it.
func (b *bench) openssl() *exec.Cmd {
	return exec.Command("openssl", "dgst", "-sha256", "-hmac", "key", b.w2())
}

func (b *bench) gitAdd(tree string) *exec.Cmd {
	repo := b.newDir()
	run(exec.Command("git", "init", "-q", "--bare", repo))
	return b.git(repo, tree, "-c", "core.fsync=all", "-c", "core.fsyncMethod=batch", "add", ".")
}

func (b *bench) small() (path string) {
	return b.once("w6", func(path string) {
		payload := make([]byte, 4<<10)
		rand.NewChaCha8([32]byte{6}).Read(payload)
		check(os.WriteFile(path, payload, 0o666))
	})
}

func (b *bench) gitSmall() (repo, blob string) {
	repo = b.once("git-w6", func(path string) { run(exec.Command("git", "init", "-q", "--bare", path)) })
	return repo, output(exec.Command("git", "--git-dir="+repo, "hash-object", "-w", b.small()))
}

// goBuild builds fsk with the cache of the go command in a directory, or, if store is not
// empty, with fsk go-cache on that store. The program is a new one each time, so that it
// is linked.
func (b *bench) goBuild(store, cache string) *exec.Cmd {
	c := exec.Command("go", "build", "-buildvcs=false", "-o", b.newDir(), "./cmd/fsk")
	c.Env = append(os.Environ(), "GOCACHE="+cache)
	if store != "" {
		c.Env = append(c.Env, "FLECHE_SECRET_KEY="+key, "FSK_STORE="+store, "GOCACHEPROG="+b.fsk+" go-cache")
	}
	return c
}

// makeDir makes a directory for what the go command keeps there beside its cache.
func makeDir(path string) { check(os.MkdirAll(path, 0o777)) }

func (b *bench) fillStore(store string) { run(b.goBuild(store, b.newDir())) }
func (b *bench) fillCache(cache string) { run(b.goBuild("", cache)) }

// ostreeCommit is ostree committing a workload to a new repository, durably.
func (b *bench) ostreeCommit(workload string) *exec.Cmd {
	repo := b.newDir()
	run(exec.Command("ostree", "--repo="+repo, "init", "--mode=bare-user-only"))
	return exec.Command("ostree", "--repo="+repo, "commit", "--branch=bench", "--tree=dir="+workload)
}

// resticBackup is restic saving a workload in a new repository.
func (b *bench) resticBackup(workload string) *exec.Cmd {
	repo := b.newDir()
	restic := func(args ...string) *exec.Cmd {
		c := exec.Command("restic", append([]string{"--repo=" + repo, "--no-cache", "--quiet"}, args...)...)
		c.Env = append(os.Environ(), "RESTIC_PASSWORD=bench")
		return c
	}
	run(restic("init"))
	return restic("backup", "--compression=off", workload)
}
