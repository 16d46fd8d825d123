// Bench measures whole commands of fsk beside those of git, openssl and cp on the
// same files, and prints a table of medians and ratios.
//
//	go run ./testdata/bench [-dir DIR] [-runs N] [-only REGEXP] [-large]
//
// It builds fsk with plain go build, makes the workloads in a new directory below
// -dir, alternates the two commands of a row, and begins every run that writes in a
// fresh directory. Nothing is removed before the end, because creating files soon
// after many were deleted is slow on some filesystems. Rows whose peer is not
// installed are left out. All of it needs about 10 GB. With -large there are also rows
// with a million objects, which compare fsk with itself on ten thousand of them, object
// by object; each run of them takes half a minute and 1.2 GB, their files 4 GB.
package main

import (
	"flag"
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
)

func main() {
	log.SetFlags(0)
	dir := flag.String("dir", os.TempDir(), "make the workloads in a new directory below this one")
	runs := flag.Int("runs", 5, "runs of each command")
	only := flag.String("only", "", "measure only the rows whose name matches")
	large := flag.Bool("large", false, "measure a million objects, too")
	flag.Parse()
	wanted, err := regexp.Compile(*only)
	if err != nil {
		log.Fatal(err)
	}
	root, err := os.MkdirTemp(*dir, "fsk-bench-")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(root)
	b := &bench{root: root, fsk: filepath.Join(root, "fsk"), runs: *runs}
	build := exec.Command("go", "build", "-o", b.fsk, "./cmd/fsk")
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		log.Fatalf("go build ./cmd/fsk: %v (run this in the top directory of the module)", err)
	}
	fmt.Printf("%s, %s/%s, %d processors, medians of %d runs\n\n", runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), *runs)
	fmt.Println("| row | fsk | peer | ratio (min–max) | target | fsk CPU | fsk memory |")
	fmt.Println("| --- | --- | --- | --- | --- | --- | --- |")
	for _, r := range b.rows() {
		if wanted.MatchString(r.name) && (*large || !r.large) {
			b.measure(r)
		}
	}
}

// A row compares a command of fsk with one of a peer. The functions are called for
// each run and return a command that is ready to start.
type row struct {
	name, target string
	needs        string // the peer's program
	factor       int    // runs are this many times as many: for short commands
	large        bool   // only if asked for
	fsk, peer    func() *exec.Cmd
	times        float64 // fsk does so many times the work of the peer; 0 is once
}

func (b *bench) measure(r row) {
	if _, err := exec.LookPath(r.needs); err != nil {
		fmt.Printf("| %s | – | %s is not installed | | %s | | |\n", r.name, r.needs, r.target)
		return
	}
	n := b.runs * max(1, r.factor)
	var ours, theirs, cpu, ratio []float64
	var memory int64
	times := max(1, r.times)
	for i := range n + 1 {
		a, p := run(r.fsk()), run(r.peer())
		if i == 0 { // the first run of each warms the page cache
			continue
		}
		ours, theirs = append(ours, a.wall), append(theirs, p.wall)
		cpu, ratio = append(cpu, a.cpu), append(ratio, a.wall/p.wall/times)
		memory = max(memory, a.memory)
	}
	slices.Sort(ratio)
	fmt.Printf("| %s | %s | %s | %.2f (%.2f–%.2f) | %s | %s | %d MB |\n", r.name, seconds(median(ours)), seconds(median(theirs)),
		median(ratio), ratio[0], ratio[len(ratio)-1], r.target, seconds(median(cpu)), memory>>20)
}

func median(v []float64) float64 {
	v = slices.Sorted(slices.Values(v))
	return (v[(len(v)-1)/2] + v[len(v)/2]) / 2
}

func seconds(s float64) string {
	if s < 0.1 {
		return fmt.Sprintf("%.2f ms", 1000*s)
	}
	return fmt.Sprintf("%.2f s", s)
}
