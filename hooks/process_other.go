//go:build !unix

package hooks

import (
	"context"
	"errors"
	"io/fs"
)

const openFlags = 0

func isExecutable(fs.FileInfo) bool { return true }

// ask fails: without process groups a program could not be held to its limits.
func (im *image) ask(context.Context, *Program, *input, []string) (ending, error) {
	return ending{}, errors.New("hook programs are not run on this system")
}
