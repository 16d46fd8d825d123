package main

import (
	"context"
	"errors"

	"fsk/cmd/fsk/config"
	"fsk/objects"
	"fsk/refs"
	"fsk/seal"
)

// The exit codes, which are API. Of several the worst counts; worst says which that is.
const (
	exitDone        = 0
	exitMiss        = 1 // a miss, a refusal or a finding
	exitUsage       = 2 // usage, configuration or keys
	exitIncomplete  = 3 // I/O error, or not everything was done
	exitInterrupted = 130
)

// worst relies on the order of the codes being that of their weight.
func worst(a, b int) int { return max(a, b) }

// exitCode is the one table from errors to exit codes.
func exitCode(err error) int {
	var (
		configuration *config.Error
		key           *seal.KeyError
		usage         *usage
		refused       *refusal
	)
	reason := reasonOf(err)
	switch {
	case err == nil:
		return exitDone
	case errors.As(err, &usage), errors.As(err, &configuration), errors.As(err, &key),
		errors.Is(err, objects.ErrNotStore), errors.Is(err, objects.ErrNotEmpty):
		return exitUsage
	case reason != "":
		return reasonCode(reason)
	case errors.As(err, &refused):
		return exitMiss
	case errors.Is(err, context.Canceled):
		return exitInterrupted
	}
	return exitIncomplete
}

// reasonCode is the part of the table that is about objects and refs.
func reasonCode(reason objects.Reason) int {
	switch reason {
	case objects.IOError:
		return exitIncomplete
	case objects.BadName:
		return exitUsage
	}
	return exitMiss
}

// reasonOf returns the reason of an error about an object or a ref, "" for any other.
func reasonOf(err error) objects.Reason {
	var (
		ref    *refs.Error
		object *objects.Error
	)
	switch {
	case errors.As(err, &ref): // its cause may be an object's
		return ref.Reason
	case errors.As(err, &object):
		return object.Reason
	}
	return ""
}

// A usage is an error of the command line.
type usage struct{ problem, hint string }

func (e *usage) Error() string { return e.problem }

// A hinted error comes with what to type next.
type hinted struct {
	error
	hint string
}

func (e *hinted) Unwrap() error { return e.error }

// hintOf returns what to type next, or "".
func hintOf(err error) string {
	var (
		h             *hinted
		usage         *usage
		configuration *config.Error
		refused       *refusal
	)
	switch {
	case errors.As(err, &h):
		return h.hint
	case errors.As(err, &refused):
		return refused.hint
	case errors.As(err, &usage):
		return usage.hint
	case errors.As(err, &configuration):
		return configuration.Hint
	}
	return ""
}
