package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"

	"fsk/cmd/fsk/config"
	"fsk/objects"
	"fsk/objects/rootfs"
)

// An app is one run of the command.
type app struct {
	ctx        context.Context // ended by interrupts
	interrupts *interrupts
	globals    globals
	stdin      io.Reader
	getenv     func(string) (string, bool)
	out        *printer
	db         *objects.DB    // the store, once it is open
	code       int            // the worst so far
	warned     bool           // that objects were not verified
	cfg        *config.Config // once it is read
	refs       refNames
}

// report prints an error, if there is one, and remembers its exit code.
func (a *app) report(err error) {
	if err != nil {
		a.code = worst(a.code, exitCode(err))
		a.out.failure("", err)
	}
}

// reportOn is report with the name of the file or object that the error is about.
func (a *app) reportOn(what string, err error) {
	if what == "" {
		what = `""` // an empty argument should be seen
	}
	if err != nil {
		a.code = worst(a.code, exitCode(err))
		a.out.failure(what, err)
	}
}

// config reads the configuration, once, and prints its warnings.
func (a *app) config() (*config.Config, error) {
	if a.cfg != nil {
		return a.cfg, nil
	}
	dir, err := os.Getwd()
	if err != nil {
		return nil, err
	}
	home, _ := os.UserHomeDir() // without one, no file of the user's is looked for
	cfg, err := config.Load(config.Input{
		Store: text(a.globals.Store), Cache: text(a.globals.Cache), File: text(a.globals.Config),
		Getenv: a.getenv, Dir: dir, Home: home, UID: os.Geteuid(),
		Environ: os.Environ(), TempDir: os.TempDir(),
	})
	if err != nil {
		return nil, err
	}
	for _, w := range cfg.Warnings {
		a.out.warning(w)
	}
	if len(cfg.Policy.PreRead) > 0 {
		a.interrupts.listen() // a hook program is not to be left behind
	}
	a.cfg = cfg
	return cfg, nil
}

// openStore opens the configured store; if create is set it makes one where the
// configuration lets it.
func (a *app) openStore(create bool) (*objects.DB, *config.Config, error) {
	return a.openStoreWith(create, options)
}

// openStoreWith opens it with other options than those of the configuration.
func (a *app) openStoreWith(create bool, options func(*config.Config) *objects.Options) (*objects.DB, *config.Config, error) {
	cfg, err := a.config()
	if err != nil {
		return nil, nil, err
	}
	if cfg.Type != config.TypeFsk {
		return nil, nil, notOnFleche(cfg)
	}
	fsys, db, err := openOrCreate(cfg, create && cfg.MayCreate, options(cfg))
	if err != nil {
		return nil, nil, err
	}
	a.db = db
	a.refs.of(fsys, db, cfg, a.globals.NoMarks)
	return db, cfg, nil
}

// close gives back what the store holds open: a program that runs commands one after
// another in one process must not wait for the garbage collector to do that.
func (a *app) close() {
	if a.db != nil {
		a.db.Close() // never fails
	}
}

func openOrCreate(cfg *config.Config, create bool, options *objects.Options) (*rootfs.FS, *objects.DB, error) {
	fsys, err := rootfs.Open(cfg.Store)
	if errors.Is(err, fs.ErrNotExist) && create {
		fsys, err = rootfs.Create(cfg.Store)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, noStore(cfg)
	}
	if err != nil {
		return nil, nil, notDirectory(cfg, err)
	}
	db, err := objects.Open(fsys, cfg.Ring, options)
	if errors.Is(err, objects.ErrNotStore) && create {
		if err := objects.Init(fsys); err != nil {
			return nil, nil, fmt.Errorf("%s: %w", cfg.Store, err)
		}
		db, err = objects.Open(fsys, cfg.Ring, options)
	}
	if errors.Is(err, objects.ErrNotStore) {
		return nil, nil, &hinted{fmt.Errorf("%s: %w", cfg.Store, err), initHint}
	}
	return fsys, db, err
}

const initHint = "fsk init DIR makes a store, --store DIR names another one"

func noStore(cfg *config.Config) error {
	return &hinted{fmt.Errorf("%s: %w: there is no such directory (named by %s)", cfg.Store, objects.ErrNotStore, cfg.StoreFrom), initHint}
}

// notDirectory makes the error that there is no store of the one that something else is
// in its place, or in the place of a directory above.
func notDirectory(cfg *config.Config, err error) error {
	if isNoDirectory(cfg.Store) {
		return &hinted{fmt.Errorf("%s: %w: it is not a directory (named by %s)", cfg.Store, objects.ErrNotStore, cfg.StoreFrom), initHint}
	}
	return err
}

func isNoDirectory(path string) bool {
	info, err := os.Stat(path)
	return errors.Is(err, syscall.ENOTDIR) || err == nil && !info.IsDir()
}

// options turns the configuration into those of the library.
func options(cfg *config.Config) *objects.Options {
	o := &objects.Options{Durability: cfg.Durability, MaxObjectSize: cfg.Policy.MaxObjectSize}
	if asked := policies(cfg); len(asked) > 0 {
		o.PreRead = asked
	}
	return o
}

// unverified warns, once, that sealed objects are read without a key.
func (a *app) unverified(info objects.Info) {
	if info.Reason == objects.OKUnverified && !a.warned {
		a.warned = true
		a.out.warning(fmt.Sprintf("object %s is sealed, but security is off: its seal was not verified", info.Digest))
	}
}
