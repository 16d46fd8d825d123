package objectstest

import (
	"iter"

	"github.com/go-git/go-billy/v5"

	"fsk/objects/durable"
)

type faultOpener struct {
	f     *FaultFS
	inner durable.RegularOpener
}

func (o *faultOpener) OpenRegular(name string) (durable.RegularFile, error) {
	file, err := open(o.f, "openregular", name,
		func() (durable.RegularFile, error) { return o.inner.OpenRegular(name) }, durable.RegularFile.Close)
	if err != nil {
		return nil, err
	}
	regular := &faultRegular{RegularFile: file, f: o.f, name: name}
	if s, ok := file.(durable.Syncer); ok {
		return struct {
			durable.RegularFile
			durable.Syncer
		}{regular, &faultSyncer{f: o.f, inner: s, name: name}}, nil
	}
	return regular, nil
}

type faultLister struct {
	f     *FaultFS
	inner durable.NameLister
}

func (l *faultLister) Names(dir string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		if x := l.f.count("names", dir); x.err != nil {
			yield("", x.err)
			return
		}
		for name, err := range l.inner.Names(dir) {
			if !yield(name, err) || err != nil {
				return
			}
		}
		if x := l.f.count("names-end", dir); x.err != nil {
			yield("", x.err)
		}
	}
}

type faultDirSyncer struct {
	f     *FaultFS
	inner durable.DirSyncer
}

func (s *faultDirSyncer) SyncDir(dir string) error {
	return s.f.call("syncdir", dir, func() error { return s.inner.SyncDir(dir) })
}

type faultLocker struct {
	f     *FaultFS
	inner durable.Locker
}

func (l *faultLocker) TryLock(name string, exclusive bool) (func() error, error) {
	unlock, err := open(l.f, "trylock", name,
		func() (func() error, error) { return l.inner.TryLock(name, exclusive) },
		func(unlock func() error) error { return unlock() })
	if err != nil {
		return nil, err
	}
	return func() error { return l.f.end("unlock", name, unlock) }, nil
}

// wrap gives a filesystem that has exactly the abilities of inner: code under test
// asks by type assertion, so there is a type for each set of them.
func (f *FaultFS) wrap(inner billy.Filesystem) billy.Filesystem {
	type (
		opener = durable.RegularOpener
		lister = durable.NameLister
		syncer = durable.DirSyncer
		locker = durable.Locker
	)
	b := &faultBasic{f: f, inner: inner}
	var (
		o *faultOpener
		n *faultLister
		s *faultDirSyncer
		l *faultLocker

		set int
	)
	if i, ok := inner.(opener); ok {
		o, set = &faultOpener{f, i}, set|1
	}
	if i, ok := inner.(lister); ok {
		n, set = &faultLister{f, i}, set|2
	}
	if i, ok := inner.(syncer); ok {
		s, set = &faultDirSyncer{f, i}, set|4
	}
	if i, ok := inner.(locker); ok {
		l, set = &faultLocker{f, i}, set|8
	}
	return [...]billy.Filesystem{
		b,
		struct {
			*faultBasic
			opener
		}{b, o},
		struct {
			*faultBasic
			lister
		}{b, n},
		struct {
			*faultBasic
			opener
			lister
		}{b, o, n},
		struct {
			*faultBasic
			syncer
		}{b, s},
		struct {
			*faultBasic
			opener
			syncer
		}{b, o, s},
		struct {
			*faultBasic
			lister
			syncer
		}{b, n, s},
		struct {
			*faultBasic
			opener
			lister
			syncer
		}{b, o, n, s},
		struct {
			*faultBasic
			locker
		}{b, l},
		struct {
			*faultBasic
			opener
			locker
		}{b, o, l},
		struct {
			*faultBasic
			lister
			locker
		}{b, n, l},
		struct {
			*faultBasic
			opener
			lister
			locker
		}{b, o, n, l},
		struct {
			*faultBasic
			syncer
			locker
		}{b, s, l},
		struct {
			*faultBasic
			opener
			syncer
			locker
		}{b, o, s, l},
		struct {
			*faultBasic
			lister
			syncer
			locker
		}{b, n, s, l},
		struct {
			*faultBasic
			opener
			lister
			syncer
			locker
		}{b, o, n, s, l},
	}[set]
}
