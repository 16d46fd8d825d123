package main_test

import (
	"fmt"
	"sync"
	"testing"
)

// rotation rotates the key while builds run: with both keys nothing is rebuilt, and when
// all is resealed nothing is with the new one alone.
func (w *goWorld) rotation(t *testing.T, program string) {
	c := w.fork(t, "rotation")
	both := c.with("FLECHE_SECRET_KEY=" + keyB + ":" + keyA)
	both.wantWarm("before", program)
	builders := 2
	if full {
		builders = 6
	}
	stop := make(chan struct{})
	var begun, builds sync.WaitGroup
	for k := range builders {
		here := both.at(w.module(fmt.Sprint("rotating", k)))
		begun.Add(1)
		builds.Go(func() {
			first := sync.OnceFunc(begun.Done)
			defer first()
			for n := 0; n == 0 || !closed(stop); n++ {
				if k == 0 { // stores something new
					here.write("other/other.go", fmt.Sprintf("package other\n\nfunc Other() int { return %d }\n", n))
					if b := here.build("build", "-trimpath", "./other"); b.refused > 0 {
						t.Errorf("%+v", b)
					}
				} else {
					here.wantWarm("meanwhile", program)
				}
				first()
			}
		})
	}
	begun.Wait()
	for range builders {
		if r := both.run("fsck", "--reseal"); r.code != 0 || r.err != "" {
			t.Errorf("reseal: exit %d, %s%s", r.code, r.out, r.err)
		}
	}
	close(stop)
	builds.Wait()
	alone := c.with("FLECHE_SECRET_KEY=" + keyB)
	alone.wantWarm("afterwards", program)
	alone.wantClean()
}
