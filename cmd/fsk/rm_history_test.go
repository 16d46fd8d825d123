package main_test

import (
	"regexp"
	"strings"
	"testing"
)

// What keeps the history of a ref together is not removed by accident.
func TestRmLeavesHistories(t *testing.T) {
	b := newBox(t).with("FLECHE_SECRET_KEY=" + keyA)
	first, second := b.add("first"), b.add("second")
	for _, d := range []string{first, second} {
		if r := b.run("ref", "set", "builds/main", d); r.code != 0 {
			t.Fatal(r)
		}
	}
	prev := regexp.MustCompile(`(?m)^prev (.*)$`).FindStringSubmatch(b.read(b.ref("builds/main")))
	if prev == nil {
		t.Fatal("no record before this one")
	}
	if r := b.run("rm", prev[1]); r.code != 1 || !strings.Contains(r.err, ": it is in the history of the ref builds/main (denied)\n") {
		t.Errorf("fsk rm of a record that was replaced: %v", r)
	}
	if r := b.run("rm", first); r.code != 0 { // what a ref named once is not kept by it
		t.Errorf("fsk rm: %v", r)
	}
	if r := b.run("fsck"); r.code != 0 {
		t.Errorf("fsk fsck: %v", r)
	}
	if r := b.run("rm", "--force", prev[1]); r.code != 0 {
		t.Errorf("fsk rm --force: %v", r)
	}
	if r := b.run("rm", second); r.code != 1 || !strings.Contains(r.err, ": the ref builds/main names it (denied)\n") {
		t.Errorf("fsk rm of what is named: %v", r)
	}
	if r := b.run("rm", b.add("another")); r.code != 1 || !strings.Contains(r.err, "refs/builds/main may name it and cannot be read: ") {
		t.Errorf("fsk rm beside a history that cannot be read: %v", r)
	}
}
