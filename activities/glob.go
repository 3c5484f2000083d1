package activities

import (
	"context"
	"errors"
	"fmt"
	"path"
	"sort"
	"strings"

	"pitwall/internal/daytona"
)

const (
	// maxWalkEntries bounds how many names one rule may look at, maxWalkDepth how deep ** goes.
	maxWalkEntries = 20_000
	maxWalkDepth   = 16
)

// errWalkEnough ends a walk without an error: what was found suffices.
var errWalkEnough = errors.New("enough")

// errWalkTooMuch: the job left more files than one rule looks at. Its own doing, so no fault of the sandbox.
var errWalkTooMuch = fmt.Errorf("its folders hold more than the %d names that a rule may look at", maxWalkEntries)

// walkGlob calls visit for every entry that an absolute pattern names, in order. It lists folders and never follows a
// link, so a pattern cannot lead out of the tree that it names. A plain path is a pattern without wildcards. Each folder is
// found in the listing of the one above it, because only a listing shows links; home itself no job can replace. Returns
// errWalkTooMuch.
func walkGlob(ctx context.Context, toolbox *daytona.Toolbox, pattern string, visit func(path string, info daytona.FileInfo) error) error {
	walk := globWalk{ctx: ctx, toolbox: toolbox, visit: visit}
	dir, rest := "/", strings.TrimPrefix(path.Clean(pattern), "/")
	if below, isHome := strings.CutPrefix("/"+rest, homeDir+"/"); isHome {
		dir, rest = homeDir, below
	}
	err := walk.in(dir, strings.Split(rest, "/"), 0)
	if errors.Is(err, errWalkEnough) {
		return nil
	}
	return err
}

type globWalk struct {
	ctx     context.Context //nolint:containedctx // one walk, one call
	toolbox *daytona.Toolbox
	visit   func(string, daytona.FileInfo) error
	entries int
}

// in matches the rest of the pattern inside one folder.
func (w *globWalk) in(dir string, rest []string, depth int) error {
	if depth > maxWalkDepth {
		return nil
	}
	entries, err := w.list(dir)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if err := w.match(dir, entry, rest, depth); err != nil {
			return err
		}
	}
	return nil
}

func (w *globWalk) match(dir string, entry daytona.FileInfo, rest []string, depth int) error {
	name := path.Join(dir, entry.Name)
	if rest[0] == "**" {
		if len(rest) == 1 && !entry.IsDir {
			return w.visit(name, entry)
		}
		if len(rest) > 1 {
			if err := w.match(dir, entry, rest[1:], depth); err != nil {
				return err
			}
		}
		if entry.IsDir {
			return w.in(name, rest, depth+1)
		}
		return nil
	}
	matched, _ := path.Match(rest[0], entry.Name) // validation refused a malformed pattern
	switch {
	case !matched:
		return nil
	case len(rest) == 1 && entry.IsDir:
		return nil // a rule names files
	case len(rest) == 1:
		return w.visit(name, entry)
	case entry.IsDir:
		return w.in(name, rest[1:], depth+1)
	}
	return nil
}

func (w *globWalk) list(dir string) ([]daytona.FileInfo, error) {
	entries, err := w.toolbox.List(w.ctx, dir)
	var failed *daytona.Error
	if errors.As(err, &failed) && failed.Status >= 400 && failed.Status < 500 && !errors.Is(err, daytona.ErrSandboxSuspect) {
		return nil, nil // no such folder, or not to be read by the job's user
	}
	if errors.Is(err, daytona.ErrAnswerTooLarge) {
		return nil, errWalkTooMuch
	}
	if err != nil {
		return nil, fmt.Errorf("list %s: %w", dir, err)
	}
	if w.entries += len(entries); w.entries > maxWalkEntries {
		return nil, errWalkTooMuch
	}
	sort.Slice(entries, func(i, k int) bool { return entries[i].Name < entries[k].Name })
	return entries, nil
}
