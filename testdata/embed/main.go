// Mk is a small make whose results come from a store of fsk: a module of its own, as
// those who embed fsk have it. A rule is a line "target: files" and a line with a command
// that writes the target. What a rule made is found again by the digest of the command
// and the files, in any directory, by all who share store and key.
package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log"
	"os"
	"os/exec"
	"strings"

	"fsk/objects"
	"fsk/objects/rootfs"
	"fsk/refs"
	"fsk/seal"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("mk: ")
	if len(os.Args) != 3 {
		log.Fatal("usage: MK_KEY=<hex> mk STORE RULES")
	}
	c, err := open(os.Args[1], os.Getenv("MK_KEY"))
	check(err)
	rules, err := os.Open(os.Args[2])
	check(err)
	defer rules.Close()
	for lines := bufio.NewScanner(rules); lines.Scan(); {
		target, files, ok := strings.Cut(lines.Text(), ":")
		if !ok || !lines.Scan() {
			log.Fatalf("not a rule: %s", lines.Text())
		}
		what, err := c.make(context.Background(), target, strings.Fields(files), strings.TrimSpace(lines.Text()))
		check(err)
		fmt.Println(what, target)
	}
}

// A cache is a store and its refs.
type cache struct {
	db   *objects.DB
	refs *refs.Store
}

func open(dir, key string) (*cache, error) {
	ring, err := seal.ParseKeys(key) // no key is an error: security is never off by accident
	if err != nil {
		return nil, err
	}
	fsys, err := rootfs.Create(dir)
	if err != nil {
		return nil, err
	}
	if err := objects.Init(fsys); err != nil {
		return nil, err
	}
	db, err := objects.Open(fsys, ring, nil)
	if err != nil {
		return nil, err
	}
	store, err := refs.Open(fsys, ring, db, &refs.Options{Namespace: "mk", NoHistory: true})
	return &cache{db, store}, err
}

// make brings a target up to date: from the cache, or by the command.
func (c *cache) make(ctx context.Context, target string, files []string, command string) (what string, err error) {
	name, err := key(target, files, command)
	if err != nil {
		return "", err
	}
	err = c.restore(ctx, name, target)
	if !errors.Is(err, fs.ErrNotExist) {
		return "restored", err // it is there, or a fault of the disk that to build again would hide
	}
	sh := exec.Command("sh", "-c", command)
	sh.Stdout, sh.Stderr = os.Stderr, os.Stderr
	if err := sh.Run(); err != nil {
		return "", fmt.Errorf("%s: %w", target, err)
	}
	return "built", c.keep(ctx, name, target)
}

// key names a rule by all that its target depends on.
func key(target string, files []string, command string) (refs.Name, error) {
	text := fmt.Sprintf("%q %q\n", target, command)
	for _, file := range files {
		payload, err := os.ReadFile(file)
		if err != nil {
			return refs.Name{}, err
		}
		text += fmt.Sprintf("%q %s\n", file, objects.Sum(payload))
	}
	return refs.ParseName("rules/" + objects.Sum([]byte(text)).String())
}

// restore writes a target that the cache has. Whatever is wrong with what is there, it is
// as if it were not there: [fs.ErrNotExist].
func (c *cache) restore(ctx context.Context, name refs.Name, target string) error {
	ref, err := c.refs.Get(ctx, name)
	if err != nil {
		return err
	}
	payload, err := c.db.Open(ctx, ref.Digest)
	if err != nil {
		return err
	}
	defer payload.Close()
	out, err := os.Create(target)
	if err != nil {
		return fmt.Errorf("%s: %v", target, err) // without %w: it is no miss
	}
	_, err = io.Copy(out, payload)
	return errors.Join(err, out.Close())
}

// keep stores a target, and then lets the rule name it.
func (c *cache) keep(ctx context.Context, name refs.Name, target string) error {
	in, err := os.Open(target)
	if err != nil {
		return err
	}
	defer in.Close()
	info, err := c.db.PutReader(ctx, in)
	if err != nil {
		return err
	}
	_, err = c.refs.Update(ctx, name, refs.Change{Digest: info.Digest})
	return err
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
