package activities

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"pitwall/internal/daytona"
	"pitwall/internal/spec"
)

const (
	// maxListedNames bounds the names of a manifest, in bytes, so that it stays a record of the store's (16 MiB).
	maxListedNames = 4 << 20
	// maxInline and maxInlineBytes bound the lines that a result carries, and their bytes of JSON: a payload of Temporal's holds
	// 2 MiB, and a line of a campaign's rows 1 MiB.
	maxInline      = 1000
	maxInlineBytes = 512 << 10
)

// foundFile is a file that some rule named.
type foundFile struct {
	// path in the sandbox; name is the path without secrets.
	path, name string
	size       int64
	// limit is the rule's, in bytes.
	limit int64
	line  spec.Artifact
}

// foundRule is what one rule came to.
type foundRule struct {
	rule spec.ArtifactRule
	// files that the rule named; first says of each whether no rule before it did.
	files []*foundFile
	first []bool
	// line is of the rule itself: why it has no files, or not all of them.
	line *spec.Artifact
}

type foundArtifacts []*foundRule

// collectArtifacts looks for what the rules name, without reading any file: up to maxFiles of them.
func collectArtifacts(ctx context.Context, toolbox *daytona.Toolbox, filter *artifactFilter, in DownloadArtifactsInput, maxFiles int) (foundArtifacts, error) {
	c := artifactCollection{filter: filter, known: map[string]*foundFile{}, maxFiles: maxFiles}
	var all foundArtifacts
	for _, rule := range in.Rules {
		found := &foundRule{rule: rule}
		all = append(all, found)
		if why := skipped(rule, in.Succeeded); why != "" {
			found.say(spec.ArtifactSkipped, why)
			continue
		}
		err := walkGlob(ctx, toolbox, absolute(absolute(homeDir, in.Cwd), rule.Path), func(path string, info daytona.FileInfo) error {
			return c.add(found, path, info)
		})
		if errors.Is(err, errWalkTooMuch) {
			found.say(spec.ArtifactRefused, err.Error())
		} else if err != nil {
			return nil, err
		}
	}
	return all, nil
}

// skipped says why a rule does not apply.
func skipped(rule spec.ArtifactRule, succeeded bool) string {
	switch {
	case rule.When == spec.WhenFailure && succeeded:
		return "the job succeeded, and the rule is for failures"
	case rule.When == spec.WhenSuccess && !succeeded, rule.When == "" && !succeeded:
		return "the job did not succeed, and the rule is for success"
	}
	return ""
}

type artifactCollection struct {
	filter    *artifactFilter
	known     map[string]*foundFile
	maxFiles  int
	nameBytes int
}

func (c *artifactCollection) add(rule *foundRule, path string, info daytona.FileInfo) error {
	if known, seen := c.known[path]; seen {
		rule.files, rule.first = append(rule.files, known), append(rule.first, false)
		return nil
	}
	name := c.filter.name(path)
	file := &foundFile{path: path, name: name, size: info.Size, limit: rule.rule.MaxBytes, line: spec.Artifact{Path: spec.Printable(name)}}
	nameBytes := c.nameBytes + spec.EncodedBytes(file.line.Path) // of one name, a hostile listing may send megabytes
	if len(c.known) >= c.maxFiles || nameBytes > maxListedNames {
		rule.say(spec.ArtifactRefused, fmt.Sprintf("it names more than the %d files that an attempt keeps, or their names have more than %d bytes", c.maxFiles, maxListedNames))
		return errWalkEnough
	}
	switch {
	case !info.Regular():
		file.refuse("not a regular file: " + info.Mode[:min(len(info.Mode), 1)])
	case info.Size > file.limit:
		file.tooLarge("%d bytes, more than the rule's %d", info.Size, file.limit)
	}
	c.known[path] = file
	c.nameBytes = nameBytes
	rule.files, rule.first = append(rule.files, file), append(rule.first, true)
	return nil
}

func (f *foundFile) refuse(reason string) {
	f.line.Status, f.line.Reason = spec.ArtifactRefused, reason
}

func (f *foundFile) tooLarge(format string, args ...any) {
	f.line.Status, f.line.Reason = spec.ArtifactTooLarge, fmt.Sprintf(format, args...)
}

func (f *foundFile) isStored() bool { return f.line.Status == spec.ArtifactStored }

func (r *foundRule) say(status, reason string) {
	r.line = &spec.Artifact{Path: spec.Printable(r.rule.Path), Status: status, Reason: reason}
}

// files are those that are to be fetched, each once.
func (a foundArtifacts) files() []*foundFile {
	var files []*foundFile
	for _, rule := range a {
		for i, file := range rule.files {
			if rule.first[i] && file.line.Status == "" {
				files = append(files, file)
			}
		}
	}
	return files
}

// lines are the manifest's: for each rule its files, and what is to be said of it.
func (a foundArtifacts) lines() []spec.Artifact {
	var lines []spec.Artifact
	for _, rule := range a {
		kept := 0
		for i, file := range rule.files {
			if rule.first[i] {
				lines = append(lines, file.line)
			}
			if file.isStored() {
				kept++
			}
		}
		switch {
		case rule.line != nil:
		case len(rule.files) == 0:
			rule.say(spec.ArtifactMissing, "no such file")
		case kept == 0 && rule.rule.Required:
			rule.say(spec.ArtifactRefused, "none of its files could be kept")
		}
		if rule.line != nil {
			lines = append(lines, *rule.line)
		}
	}
	return lines
}

// inline are the lines that the result carries: those of rules, of which there are few, and the first of the others.
func (a foundArtifacts) inline(lines []spec.Artifact) []spec.Artifact {
	ofRules := map[string]bool{}
	for _, rule := range a {
		if rule.line != nil {
			ofRules[rule.line.Path] = true
		}
	}
	var kept []spec.Artifact
	files, size := 0, 0
	for _, line := range lines {
		if !ofRules[line.Path] {
			files, size = files+1, size+lineBytes(line)
			if files > maxInline || size > maxInlineBytes {
				continue
			}
		}
		kept = append(kept, line)
	}
	return kept
}

// lineBytes is what a line takes in a payload.
func lineBytes(line spec.Artifact) int {
	text, err := json.Marshal(line)
	if err != nil {
		return maxInlineBytes // it has no such fields
	}
	return len(text)
}
