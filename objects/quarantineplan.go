package objects

import (
	"path"
	"strings"

	"fsk/objects/packfile"
)

// A quarantinePlan sorts findings by what has to be done about them.
type quarantinePlan struct {
	files  []Finding       // that are moved as they are, each once; with a digest for loose objects only
	packs  []packfile.ID   // that are mended, each once
	packed map[Digest]bool // objects that are taken out of packs

	findings []Finding // of which all this was made
}

func (p *quarantinePlan) size() int { return len(p.files) + len(p.packs) + len(p.packed) }

// planQuarantine takes only paths that are those of objects and packs: findings may come
// from anywhere, and nothing else may be moved.
func planQuarantine(findings []Finding) quarantinePlan {
	p := quarantinePlan{packed: make(map[Digest]bool)}
	paths := make(map[string]bool)
	packs := make(map[packfile.ID]bool)
	file := func(f Finding) {
		if !paths[f.Path] {
			paths[f.Path] = true
			p.files = append(p.files, f)
		}
	}
	pack := func(id packfile.ID) {
		if !packs[id] {
			packs[id] = true
			p.packs = append(p.packs, id)
		}
	}
	for _, f := range findings {
		if f.Severity != SeverityError || !isMovable(f.Reason) {
			continue
		}
		before, found := p.size(), f
		dir, name := path.Split(f.Path)
		if f.Reason == UnsafePath && path.Dir(path.Clean(dir)) == objectsDir {
			dir, name = path.Split(path.Clean(dir)) // it is the directory that is a link
		}
		parent, below := strings.CutPrefix(dir, objectsDir+"/")
		parent = strings.TrimSuffix(parent, "/")
		id, isPack := packID(name)
		d, isLoose := looseDigest(parent, name)
		switch {
		case !below:
		case f.Reason == UnsafePath:
			if parent == "" && (isFanOut(name) || name == packDir) {
				file(Finding{Reason: UnsafePath, Severity: f.Severity, Path: dir + name, Next: f.Next})
			}
		case isLoose:
			f.Digest = d
			file(f)
		case parent != packDir || !isPack:
		case f.Reason == NotRegular:
			f.Digest = Digest{}
			file(f)
			pack(id) // what is left of it
		case f.Reason == BadPack, f.Reason == BadIndex:
			pack(id)
		default:
			p.packed[f.Digest] = true
		}
		if p.size() > before {
			p.findings = append(p.findings, found)
		}
	}
	return p
}

// isMovable tells the reasons that are about what lies in the store. What could not be
// read may be whole.
func isMovable(reason Reason) bool {
	switch reason {
	case Unsealed, MalformedTrailer, BadSeal, WrongName, Corrupt, NotRegular, UnsafePath, TooLarge, BadPack, BadIndex, ChangedDuringRead:
		return true
	}
	return false
}
