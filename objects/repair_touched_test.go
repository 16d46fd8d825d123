package objects_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"fsk/objects"
)

// TestResealTellsWhatItCouldNotReseal: what somebody touches again and again, always
// before it can be replaced, stays sealed by the retired key, and that is said.
func TestResealTellsWhatItCouldNotReseal(t *testing.T) {
	for name, path := range map[string]func(t *testing.T, h *hooked) string{
		"loose": func(t *testing.T, h *hooked) string {
			plant(t, h, digestOf([]byte("p")), sealed(key2, []byte("p")))
			return fileOf(digestOf([]byte("p")))
		},
		"packed": func(t *testing.T, h *hooked) string {
			return packFile(plantPack(t, h, record{digestOf([]byte("p")), sealed(key2, []byte("p"))}))
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := &hooked{FS: newRoot(t), before: func(string, string) {}}
			file := path(t, h)
			before := read(t, h, file)
			at := time.Now()
			h.before = func(op, _ string) {
				if op == "queue" {
					at = at.Add(time.Second)
					if err := os.Chtimes(filepath.Join(h.Root(), file), at, at); err != nil {
						t.Error(err)
					}
				}
			}
			ring := ringOf(t, key1, key2)
			stats, findings := reseal(t, open(t, h, ring, nil))
			if len(findings) != 1 || findings[0].Reason != objects.ChangedDuringRead || findings[0].Path != file || findings[0].Severity != objects.SeverityError {
				t.Errorf("findings %+v, want that %s was changed", findings, file)
			}
			if len(stats.Resealed) > 0 || stats.Keys[ring.ID(0)] != 0 {
				t.Errorf("stats %+v", stats)
			}
			if string(read(t, h, file)) != string(before) {
				t.Error("it was resealed all the same")
			}
			h.before = func(string, string) {}
			if stats, findings := reseal(t, open(t, h, ring, nil)); len(findings) > 0 || stats.Resealed[ring.ID(1)] != 1 {
				t.Errorf("when it is left alone: %+v, %+v", stats, findings)
			}
		})
	}
}
