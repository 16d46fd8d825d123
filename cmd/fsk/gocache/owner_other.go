//go:build !unix

package gocache

import "io/fs"

// Elsewhere the mode says nothing, and the directory for temporary files is the user's.

func ownedByUs(fs.FileInfo, bool) bool { return true }
func keepsOthersOut(fs.FileMode) bool  { return true }
func isPrivate(fs.FileMode) bool       { return true }
