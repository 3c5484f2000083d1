package sandboxd

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
)

// registry holds all records, in memory and on disk. Records leave it as copies.
type registry struct {
	dir string

	mu     sync.Mutex
	byID   map[string]*record
	byName map[string]string // name → ID
}

// openRegistry reads the records of an earlier server. A file that cannot be read as one is set aside, with a note.
func openRegistry(dir string, note func(file string, err error)) (*registry, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make records directory: %w", err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("read records: %w", err)
	}
	g := &registry{dir: dir, byID: map[string]*record{}, byName: map[string]string{}}
	for _, entry := range entries {
		path := filepath.Join(dir, entry.Name())
		if strings.HasSuffix(path, ".new") {
			_ = os.Remove(path) // of a write that was cut short
			continue
		}
		if !strings.HasSuffix(path, ".json") {
			continue
		}
		r, err := readRecord(path)
		if err != nil {
			note(path, errors.Join(err, os.Rename(path, path+".bad")))
			continue
		}
		g.byID[r.ID] = r
		g.byName[r.Name] = r.ID
	}
	return g, nil
}

func readRecord(path string) (*record, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	r := &record{}
	if err := json.Unmarshal(text, r); err != nil {
		return nil, err
	}
	if uuid.Validate(r.ID) != nil || filepath.Base(path) != r.ID+".json" {
		return nil, fmt.Errorf("it names sandbox %q", r.ID)
	}
	return r, nil
}

func (g *registry) path(id string) string { return filepath.Join(g.dir, id+".json") }

// add enters a new record, unless its name is taken or limit records exist.
func (g *registry) add(r *record, limit int) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if _, taken := g.byName[r.Name]; taken {
		return refuse(http.StatusConflict, "Sandbox with name %s already exists", r.Name)
	}
	if len(g.byID) >= limit {
		return refuse(http.StatusBadRequest, "Total sandbox limit exceeded. Maximum allowed: %d.", limit)
	}
	if err := g.save(r); err != nil {
		return err
	}
	kept := r.copy()
	g.byID[r.ID] = &kept
	g.byName[r.Name] = r.ID
	return nil
}

func (g *registry) save(r *record) error {
	text, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("encode record: %w", err)
	}
	return writeFile(g.path(r.ID), text)
}

// find looks a record up by ID, then by name.
func (g *registry) find(idOrName string) (record, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	r, ok := g.byID[idOrName]
	if !ok {
		r, ok = g.byID[g.byName[idOrName]]
	}
	if !ok {
		return record{}, notFound(idOrName)
	}
	return r.copy(), nil
}

func (r *record) copy() record {
	c := *r
	c.Labels, c.Env = maps.Clone(r.Labels), maps.Clone(r.Env)
	return c
}

// change applies fn to a record and saves it; an error of fn leaves it as it was.
func (g *registry) change(id string, fn func(*record) error) (record, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	r, ok := g.byID[id]
	if !ok {
		return record{}, notFound(id)
	}
	next := r.copy()
	if err := fn(&next); err != nil {
		return record{}, err
	}
	if next.State != r.State || next.Name != r.Name {
		next.UpdatedAt = time.Now().UTC()
	}
	if err := g.save(&next); err != nil && next.State != Destroying && (!r.busy || next.busy) {
		return record{}, err // on a full disk nothing changes, but what has happened has, and sandboxes can still be destroyed
	}
	if next.Name != r.Name {
		delete(g.byName, r.Name)
		g.byName[next.Name] = id
	}
	g.byID[id] = &next
	return next.copy(), nil
}

// touch notes activity, in memory; the clocks write it down.
func (g *registry) touch(id string, now time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if r, ok := g.byID[id]; ok {
		r.LastActivityAt = now
	}
}

// drop forgets a record.
func (g *registry) drop(id string) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if r, ok := g.byID[id]; ok {
		delete(g.byName, r.Name)
		delete(g.byID, id)
	}
	if err := os.Remove(g.path(id)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove record: %w", err)
	}
	return nil
}

// all are copies of the records, newest first.
func (g *registry) all() []record {
	g.mu.Lock()
	defer g.mu.Unlock()
	list := make([]record, 0, len(g.byID))
	for _, r := range g.byID {
		list = append(list, r.copy())
	}
	slices.SortFunc(list, func(a, b record) int { return b.CreatedAt.Compare(a.CreatedAt) })
	return list
}

// flush writes every record, with its last activity.
func (g *registry) flush() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	var errs []error
	for _, r := range g.byID {
		errs = append(errs, g.save(r))
	}
	return errors.Join(errs...)
}
