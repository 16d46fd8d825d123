package durable

import "fmt"

// A Level says what an acknowledged write survives.
type Level int

const (
	// Full: a write that was acknowledged survives a power loss.
	Full Level = iota
	// None: a write that was acknowledged survives the end of the process, but not
	// of the system. For caches that can be rebuilt.
	None
)

// String returns the level's name in the configuration: "full" or "none".
func (l Level) String() string {
	if l == None {
		return "none"
	}
	return "full"
}

// ParseLevel returns the level of that name.
func ParseLevel(name string) (Level, error) {
	switch name {
	case "full":
		return Full, nil
	case "none":
		return None, nil
	}
	return Full, fmt.Errorf("unknown durability level: it is full or none")
}
