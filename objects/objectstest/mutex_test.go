package objectstest_test

import (
	"testing"

	"github.com/go-git/go-billy/v5"

	"fsk/objects/durable"
	"fsk/objects/objectstest"
	"fsk/objects/rootfs"
)

func TestMemoryConforms(t *testing.T) {
	objectstest.TestFilesystem(t, func(*testing.T) billy.Filesystem { return objectstest.NewMemory() })
}

func TestMemoryPretendsNothing(t *testing.T) {
	if got := durable.AbilitiesOf(objectstest.NewMemory()); got != (durable.Abilities{}) {
		t.Errorf("abilities %+v, want none", got)
	}
}

func TestMutexedHidesAbilities(t *testing.T) {
	dir, err := rootfs.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	if got := durable.AbilitiesOf(objectstest.Mutexed(dir)); got != (durable.Abilities{}) {
		t.Errorf("abilities %+v, want none", got)
	}
}
