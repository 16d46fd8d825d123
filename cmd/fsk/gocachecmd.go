package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"sync"

	"fsk/cmd/fsk/config"
	"fsk/cmd/fsk/gocache"
	"fsk/objects"
	"fsk/refs"
)

type goCacheCmd struct {
	ReadOnly bool `help:"Store nothing: for jobs that are not trusted."`
	Stats    bool `help:"Tell at the end, on standard error, what was done."`
}

// Help is the end of the help page.
func (goCacheCmd) Help() string {
	return "The go command starts it. Outputs are kept sealed, and verified before they are used again; what does not verify is built anew, and a warning says so.\n\nExample: GOCACHEPROG=\"fsk go-cache\" go build ./..."
}

// A jsonGoCache is the line of what was done.
type jsonGoCache struct {
	Type     string `json:"type"`
	Gets     int64  `json:"gets"`
	Hits     int64  `json:"hits"`
	Misses   int64  `json:"misses"`
	Refused  int64  `json:"refused"`
	Puts     int64  `json:"puts"`
	Kept     int64  `json:"kept"`
	Bytes    int64  `json:"bytes"`
	Security string `json:"security"`
}

func (c *goCacheCmd) Run(a *app) error {
	var mu sync.Mutex // a printer is for one goroutine
	server, err := gocache.NewServer(gocache.Options{
		ReadOnly: c.ReadOnly,
		Places:   a.plainPlaces(),
		Open: func() (*gocache.Store, error) {
			mu.Lock()
			defer mu.Unlock()
			return a.openGoCache(c.ReadOnly)
		},
		Warn: func(text string) {
			mu.Lock()
			defer mu.Unlock()
			a.out.warning(text)
		},
	})
	if err != nil {
		return err
	}
	defer server.Close()
	stats, err := server.Serve(a.ctx, a.stdin, a.out.stdout)
	if c.Stats {
		a.out.goCacheStats(stats)
	}
	if stdout, ok := a.out.stdout.(io.Closer); ok {
		stdout.Close() // the go command waits for this, and not for the plain files to be removed
	}
	return err
}

// sharedMemory is a directory in memory that Linux has, also where no session has set
// XDG_RUNTIME_DIR. A disk is slow there: some filesystems look for a new inode among all
// that were given back in the last minutes, and each build gives back those of the one
// before. There may be as much of it as half the memory, so only a part is taken.
const (
	sharedMemory      = "/dev/shm"
	sharedMemoryLimit = 256 << 20
)

// plainPlaces returns where plain files may be: memory, or the place for temporary files.
func (a *app) plainPlaces() (places []gocache.Place) {
	if dir, ok := a.getenv("XDG_RUNTIME_DIR"); ok && dir != "" {
		places = append(places, gocache.Place{Dir: dir})
	}
	if runtime.GOOS == "linux" {
		places = append(places, gocache.Place{Dir: sharedMemory, Limit: sharedMemoryLimit})
	}
	return append(places, gocache.Place{Dir: os.TempDir()})
}

// openGoCache opens the configured store for the build cache.
func (a *app) openGoCache(readOnly bool) (*gocache.Store, error) {
	cfg, err := a.config()
	if err != nil {
		return nil, err
	}
	if cfg.Type != config.TypeFsk {
		return nil, errors.New("a Python fleche cache cannot keep it")
	}
	o := options(cfg)
	fsys, _, err := openOrCreate(cfg, cfg.MayCreate && !readOnly, o)
	if err != nil {
		return nil, err
	}
	return gocache.OpenStore(fsys, cfg.Ring, &gocache.StoreOptions{
		MaxObjectSize: o.MaxObjectSize, PreRead: o.PreRead, ReadOnly: readOnly,
		Allowed: func(ref refs.Ref) error { return refAllowed(&cfg.Policy, ref) },
		Trail:   trail(cfg),
	})
}

// trail returns the path of what is remembered of the last build with a store, beside the
// marks of its refs, or nothing if there is no place.
func trail(cfg *config.Config) string {
	store, err := filepath.EvalSymlinks(cfg.Store)
	if err != nil || cfg.State == "" {
		return ""
	}
	return filepath.Join(cfg.State, objects.Sum([]byte(store+"\x00"+gocache.Namespace)).String()+".trail")
}

// goCacheStats tells what was done.
func (p *printer) goCacheStats(s gocache.Stats) {
	security := "off"
	if s.Sealed {
		security = "on"
	}
	if p.json {
		p.value(jsonGoCache{"go-cache", s.Gets, s.Hits, s.Misses, s.Refused, s.Puts, s.Kept, s.Bytes, security})
		return
	}
	p.message("go cache", bold, formatGoCache(s, security))
}

func formatGoCache(s gocache.Stats, security string) string {
	return fmt.Sprintf("%d gets: %d hits, %d misses, %d refused; %d puts, %d kept; %s handed out; security: %s",
		s.Gets, s.Hits, s.Misses, s.Refused, s.Puts, s.Kept, formatSize(s.Bytes), security)
}
