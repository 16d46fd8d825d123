package gocache

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"fsk/objects"
)

const (
	// What was put is kept when it is that much, or that many, or that long ago: little
	// enough that not much is lost when the program is killed and that the end of the
	// build does not wait long, and enough to make packs of it.
	keepBytes = 64 << 20
	keepCount = 512
	keepAfter = 5 * time.Second
)

// kept is an output that the store is to have.
type kept struct {
	action id
	held
}

// A keeper brings outputs to the store, many at a time. The lock of the store is held
// only while it does, so that others who need the store for themselves can have it.
type keeper struct {
	store *Store
	stats *counters
	warn  func(string)

	mu      sync.Mutex
	waiting []kept
	bytes   int64
	wake    *time.Timer
	broken  bool // the store failed once, and is not tried again

	working sync.Mutex // held by the one who keeps
}

func (k *keeper) add(item kept) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.waiting = append(k.waiting, item)
	k.bytes += item.file.size
	switch {
	case k.bytes >= keepBytes, len(k.waiting) == keepCount:
		k.wake.Reset(0)
	case len(k.waiting) == 1:
		k.wake.Reset(keepAfter)
	}
}

// flush brings all that waits to the store. A failure is told, and nothing depends on it.
func (k *keeper) flush(ctx context.Context) {
	k.working.Lock()
	defer k.working.Unlock()
	k.mu.Lock()
	items, broken := k.waiting, k.broken
	k.waiting, k.bytes = nil, 0
	k.mu.Unlock()
	if broken || len(items) == 0 {
		return
	}
	if err := k.commit(ctx, items); err != nil {
		k.warn(fmt.Sprintf("go cache: outputs are not kept any more: %s", err))
		k.mu.Lock()
		k.broken = true
		k.mu.Unlock()
	}
}

// commit stores the outputs and then sets the refs, so that no ref is without its object
// whenever the program is killed.
func (k *keeper) commit(ctx context.Context, items []kept) error {
	batch := k.store.db.NewBatch()
	defer batch.Discard()
	infos := make([]objects.Info, len(items))
	var g errgroup.Group
	g.SetLimit(runtime.GOMAXPROCS(0))
	for i, item := range items {
		g.Go(func() (err error) {
			infos[i], err = store(ctx, batch, item)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	if err := batch.Commit(ctx); err != nil {
		return err
	}
	for i, item := range items {
		e := item.entry
		e.digest = infos[i].Digest
		// An object that has a place already may be an old one, which a gc that saw no
		// ref to it is about to remove.
		isNew := infos[i].Where == ""
		err := k.store.set(ctx, item.action, e, isNew)
		if isMiss(err) && !isNew { // somebody removed it, or planted something meanwhile
			k.warn(fmt.Sprintf("go cache: action %s: not kept: %s", item.action, err))
			continue
		}
		if err != nil {
			return err
		}
		k.stats.Kept.Add(1)
	}
	return nil
}

// store puts one output from its plain file, once it is certain that it is the output.
func store(ctx context.Context, batch *objects.Batch, item kept) (objects.Info, error) {
	f, err := os.Open(item.file.path)
	if err != nil {
		return objects.Info{}, err
	}
	defer f.Close()
	sum := sha256.New()
	var info objects.Info
	if item.size <= memorySize {
		buf := buffers.Get().(*[memorySize]byte)
		defer buffers.Put(buf)
		if _, err := io.ReadFull(f, buf[:item.size]); err != nil {
			return objects.Info{}, err
		}
		sum.Write(buf[:item.size])
		info, err = batch.Put(ctx, buf[:item.size])
	} else {
		info, err = batch.PutReader(ctx, io.TeeReader(f, sum))
	}
	if err == nil && id(sum.Sum(nil)) != item.output {
		err = errors.New("a plain file was changed by somebody")
	}
	return info, err
}
