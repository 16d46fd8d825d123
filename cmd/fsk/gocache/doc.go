// Package gocache keeps the build cache of the go command in a store: it is the program
// behind GOCACHEPROG.
//
//	store, err := gocache.OpenStore(fs, ring, nil) // any store will do
//	server, err := gocache.NewServer(gocache.Options{
//		Places: []gocache.Place{{Dir: os.TempDir()}},
//		Open: func() (*gocache.Store, error) { return store, nil },
//	})
//	stats, err := server.Serve(ctx, os.Stdin, os.Stdout)
//	server.Close()
//
// # What is kept
//
// The go command asks for the output of an action, and puts one, by the SHA-256 of all
// that the action depends on. An output is an object. The action is a ref in the
// namespace [Namespace], named go/<first 2 digits>/<64 digits> after the action, which
// names the object and has the attributes output, the SHA-256 of the payload by which the
// go command knows it, and size, in bytes. Refs keep no history and no marks: an older
// record of the same action that somebody puts back is accepted, as both were sealed for
// the same inputs.
//
// # What is handed out
//
// The go command opens outputs by their paths and never checks them again. So what is
// handed out is a plain file in a directory of this process that nobody else can enter,
// written after the record and the object were verified. That the object has the SHA-256
// of the record was made sure of before the record was sealed. Everything else is a miss:
// the action is done again, and its put replaces what was refused. A line tells what was
// refused and why, ten times at most, and one more how often it was after that.
//
// # What is made ready before
//
// The go command asks for one or two outputs at a time, waits for each, and does so in
// nearly the same order every time. So a server keeps what it was asked for, if the
// options of the store name a file for that, and the next one verifies and writes up to 32
// outputs ahead while the go command does something else. It reads at most twice as many
// as are asked for, and 32. Nothing depends on it: what is bad is told when it is asked
// for, and without the file everything is only slower.
//
// # What is promised
//
// A put is answered when the plain file is there; the store gets it a little later, many
// outputs at a time, and all of them before the close is answered. Refs are set after
// the objects that they name are committed, so whenever the program is killed no ref is
// without its object. A store that fails, is full or is not there makes a build slow,
// never wrong, and does not end it.
//
// Many programs may serve on one store at once.
package gocache
