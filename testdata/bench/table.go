package main

import "os/exec"

// rows are the rows of the table. A row makes its workload when it is measured.
func (b *bench) rows() []row {
	return []row{
		{
			name: "P1 add W1 (10,000 × 4 KiB), git add", target: "1/12", needs: "git",
			fsk:  func() *exec.Cmd { return b.command(b.newDir(), "add", "-q", "-r", b.w1()) },
			peer: func() *exec.Cmd { return b.gitAdd(b.w1()) },
		}, {
			name: "P1 add W1, ostree commit", target: "1/3.5", needs: "ostree",
			fsk:  func() *exec.Cmd { return b.command(b.newDir(), "add", "-q", "-r", b.w1()) },
			peer: func() *exec.Cmd { return b.ostreeCommit(b.w1()) },
		}, {
			name: "P1 add W1, restic backup without compression", target: "1/3.5", needs: "restic",
			fsk:  func() *exec.Cmd { return b.command(b.newDir(), "add", "-q", "-r", b.w1()) },
			peer: func() *exec.Cmd { return b.resticBackup(b.w1()) },
		}, {
			name: "P2 add W2 (2 GiB), cp + sync", target: "1.15", needs: "cp",
			fsk:  func() *exec.Cmd { return b.command(b.newDir(), "add", b.w2()) },
			peer: func() *exec.Cmd { return exec.Command("sh", "-c", `cp "$0" "$1" && sync "$1"`, b.w2(), b.newDir()) },
		}, {
			name: "P3 cat W2 to /dev/null, openssl hmac", target: "1.2", needs: "openssl",
			fsk:  func() *exec.Cmd { return b.command(b.store(b.w2()), "cat", b.digest(b.w2())) },
			peer: b.openssl,
		}, {
			name: "P3 cat W2 to a pipe, openssl hmac", target: "1.4", needs: "openssl",
			fsk:  func() *exec.Cmd { return piped(b.command(b.store(b.w2()), "cat", b.digest(b.w2()))) },
			peer: b.openssl,
		}, {
			name: "P3 fsck W2, openssl hmac", target: "1.1", needs: "openssl",
			fsk:  func() *exec.Cmd { return b.command(b.store(b.w2()), "fsck") },
			peer: b.openssl,
		}, {
			name: "fsck W3 (Go source), git fsck loose", target: "1", needs: "git",
			fsk:  func() *exec.Cmd { return b.command(b.store(b.w3()), "fsck") },
			peer: func() *exec.Cmd { return b.git(b.repo(b.w3(), false), b.w3(), "fsck", "--full") },
		}, {
			name: "P4 fsck W4 (100,000 × 1 KiB), git fsck packed", target: "1/5", needs: "git",
			fsk:  func() *exec.Cmd { return b.command(b.store(b.w4()), "fsck") },
			peer: func() *exec.Cmd { return b.git(b.repo(b.w4(), true), b.w4(), "fsck", "--full") },
		}, {
			name: "P4 fsck W4, git fsck loose", target: "1/9", needs: "git",
			fsk:  func() *exec.Cmd { return b.command(b.store(b.w4()), "fsck") },
			peer: func() *exec.Cmd { return b.git(b.repo(b.w4(), false), b.w4(), "fsck", "--full") },
		}, {
			name: "P5 cat --batch W4, git cat-file --batch packed", target: "0.9", needs: "git",
			fsk: func() *exec.Cmd {
				store := b.store(b.w4())
				names := b.names("names-w4", func() *exec.Cmd { return b.command(store, "ls") })
				return withInput(b.command(store, "cat", "--batch"), names)
			},
			peer: func() *exec.Cmd {
				repo := b.repo(b.w4(), true)
				return withInput(b.git(repo, b.w4(), "cat-file", "--batch"), b.names("blobs-w4", b.blobs(repo)))
			},
		}, {
			name: "P6 cat one 4 KiB object, git cat-file blob", target: "1.9", needs: "git", factor: 40,
			fsk: func() *exec.Cmd { return b.command(b.store(b.small()), "cat", b.digest(b.small())) },
			peer: func() *exec.Cmd {
				repo, blob := b.gitSmall()
				return exec.Command("git", "--git-dir="+repo, "cat-file", "blob", blob)
			},
		}, {
			name: "P7 reseal W4 after a rotation, fsck W4", target: "3", needs: b.fsk,
			fsk:  func() *exec.Cmd { return b.rotated(b.store(b.w4())) },
			peer: func() *exec.Cmd { return b.command(b.store(b.w4()), "fsck") },
		}, {
			name: "P8, P9 add W5 (1,000,000 × 1 KiB), each beside 10,000", target: "1.3, 150 MB", needs: b.fsk, large: true, times: 100,
			fsk:  func() *exec.Cmd { return b.command(b.newDir(), "add", "-q", "-r", b.w5()) },
			peer: func() *exec.Cmd { return b.command(b.newDir(), "add", "-q", "-r", b.w4Part()) },
		}, {
			name: "P8, P9 fsck W5 (1,000,000 × 1 KiB), each beside 10,000", target: "1.3, 150 MB", needs: b.fsk, large: true, times: 100,
			fsk:  func() *exec.Cmd { return b.command(b.store(b.w5()), "fsck") },
			peer: func() *exec.Cmd { return b.command(b.store(b.w4Part()), "fsck") },
		}, {
			name: "P10 go build of fsk, warm, Go's own cache", target: "1.25", needs: "go",
			fsk:  func() *exec.Cmd { return b.goBuild(b.once("warm-store", b.fillStore), b.once("go-dir", makeDir)) },
			peer: func() *exec.Cmd { return b.goBuild("", b.once("warm-cache", b.fillCache)) },
		}, {
			name: "P10 go build of fsk, cold, Go's own cache", target: "1.2", needs: "go",
			fsk:  func() *exec.Cmd { return b.goBuild(b.newDir(), b.newDir()) },
			peer: func() *exec.Cmd { return b.goBuild("", b.newDir()) },
		},
	}
}
