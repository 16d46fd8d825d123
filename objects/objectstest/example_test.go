package objectstest_test

import (
	"errors"
	"fmt"
	"syscall"

	"fsk/objects/objectstest"
)

func ExampleFaultFS() {
	inner := objectstest.NewMemory()
	faults := objectstest.NewFaultFS(inner)
	for n := 1; ; n++ {
		faults.FailAt(n, false, syscall.ENOSPC)
		err := change(faults)
		if faults.Calls() < n {
			break // call n did not happen: every call has failed once
		}
		last := faults.Log()[n-1]
		fmt.Printf("%s: no space left: %t\n", last, errors.Is(err, syscall.ENOSPC))
	}
	// Output:
	// mkdirall dir: no space left: true
	// create dir/file: no space left: true
	// close dir/file: no space left: true
}

func change(faults *objectstest.FaultFS) error {
	fsys := faults.FS()
	if err := fsys.MkdirAll("dir", 0o777); err != nil {
		return err
	}
	f, err := fsys.Create("dir/file")
	if err != nil {
		return err
	}
	return f.Close()
}
