package policy

import (
	"cmp"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"pitwall/internal/spec"
)

// Bounds of a policy, far above honest use. MaxPatterns of MaxPatternBytes over spec.MaxInlineBytes are judged in well under
// a second: RE2 takes linear time.
const (
	maxEntries      = 256
	maxEntryBytes   = 256
	maxPatterns     = 32
	maxPatternBytes = 1024
	maxTime         = 30 * 24 * time.Hour
)

// patternName is what a violation calls a pattern.
var patternName = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,39}$`)

// checker collects what is wrong with a file.
type checker struct{ found []spec.Problem }

func (c *checker) bad(path, format string, args ...any) {
	c.found = append(c.found, spec.Problem{Path: path, Message: fmt.Sprintf(format, args...)})
}

func validate(f File) []spec.Problem {
	var c checker
	if f.Version != 1 {
		c.bad("version", "%d is not a version of this format: write version: 1", f.Version)
	}
	c.section("all", f.All)
	c.section("kinds."+spec.KindEvaluation, f.Kinds.Evaluation)
	c.section("kinds."+spec.KindDataPrep, f.Kinds.DataPrep)
	c.section("kinds."+spec.KindToolSimulation, f.Kinds.ToolSimulation)
	return c.found
}

func (c *checker) section(at string, s Section) {
	c.entries(at+".languages", s.Languages, "python, javascript, typescript, bash or *", func(name string) bool {
		return slices.Contains([]string{"python", "javascript", "typescript", "bash", "*"}, name)
	})
	anything := func(string) bool { return true }
	c.entries(at+".snapshots", s.Snapshots, "", anything)
	named := func(name string) bool { return name != "" }
	c.entries(at+".images", s.Images, "an image's name", named)
	c.entries(at+".secrets", s.Secrets, "a secret's name", named)
	c.entries(at+".tools", s.Tools, "a tool's name", named)
	c.duration(at+".max_ttl", s.MaxTTL)
	c.duration(at+".max_time_limit", s.MaxTimeLimit)
	c.duration(at+".max_job_time", s.MaxJobTime)
	positive(c, at+".max_output_bytes", s.MaxOutputBytes)
	positive(c, at+".max_artifact_bytes", s.MaxArtifactBytes)
	positive(c, at+".max_artifacts", s.MaxArtifacts)
	positive(c, at+".max_artifacts_bytes", s.MaxArtifactsBytes)
	positive(c, at+".resources.cpu", s.Resources.CPU)
	positive(c, at+".resources.memory_gib", s.Resources.MemoryGiB)
	positive(c, at+".resources.disk_gib", s.Resources.DiskGiB)
	c.network(at+".network", s.Network)
	c.entries(at+".input_folders", s.InputFolders, "an absolute path without .. and without a slash at its end, such as /srv/inputs", isFolder)
	c.patterns(at+".refuse.commands", s.Refuse.Commands)
	c.patterns(at+".refuse.code", s.Refuse.Code)
}

// entries checks a list: bounded, without duplicates, each entry as it should be.
func (c *checker) entries(at string, entries []string, want string, valid func(string) bool) {
	if len(entries) > maxEntries {
		c.bad(at, "has %d entries, more than %d: use *", len(entries), maxEntries)
		return
	}
	for i, entry := range entries {
		switch {
		case len(entry) > maxEntryBytes:
			c.bad(indexed(at, i), "has %d bytes, more than %d: shorten it", len(entry), maxEntryBytes)
		case !valid(entry):
			c.bad(indexed(at, i), "%s is not %s", quoted(entry), want)
		case slices.Index(entries, entry) < i:
			c.bad(indexed(at, i), "%s stands in the list already: keep one", quoted(entry))
		}
	}
}

func (c *checker) network(at string, n Network) {
	modes := []string{spec.NetworkNone, spec.NetworkAllow, spec.NetworkFull}
	if n.Mode != nil && !slices.Contains(modes, *n.Mode) {
		c.bad(at+".mode", "%s is not known: want %s", quoted(*n.Mode), strings.Join(modes, ", "))
	}
	c.entries(at+".cidrs", n.CIDRs, "an IPv4 network such as 203.0.113.0/24", spec.IsCIDR)
	c.entries(at+".domains", n.Domains, "a host name such as pypi.org, *.pythonhosted.org or *", func(name string) bool {
		return name == "*" || spec.IsDomain(name)
	})
}

// isFolder takes clean absolute paths, those of Windows with slashes too.
func isFolder(folder string) bool {
	return (path.IsAbs(folder) || windowsPath.MatchString("/"+folder)) && path.Clean(folder) == folder
}

func (c *checker) duration(at string, d *spec.Duration) {
	if d != nil && (d.Std() <= 0 || d.Std() > maxTime) {
		c.bad(at, "%s is out of bounds: want more than 0 and at most %s", *d, maxTime)
	}
}

func positive[T cmp.Ordered](c *checker, at string, n *T) {
	var zero T
	if n != nil && *n <= zero {
		c.bad(at, "%v is out of bounds: want 1 or more", *n)
	}
}

func (c *checker) patterns(at string, patterns []Pattern) {
	if len(patterns) > maxPatterns {
		c.bad(at, "has %d patterns, more than %d: join some with |", len(patterns), maxPatterns)
		return
	}
	seen := map[string]int{}
	for i, p := range patterns {
		here := indexed(at, i)
		if !patternName.MatchString(p.Name) {
			c.bad(here+".name", "%s is not a pattern's name: use 1 to 40 lower-case letters, digits, - and _", quoted(p.Name))
		} else if first, twice := seen[p.Name]; twice {
			c.bad(here+".name", "%s is already the name of %s: names are unique", quoted(p.Name), indexed(at, first))
		}
		seen[p.Name] = i
		c.pattern(here+".pattern", p.Pattern)
	}
}

func (c *checker) pattern(at, pattern string) {
	switch {
	case pattern == "":
		c.bad(at, "is empty: give an RE2 expression")
	case len(pattern) > maxPatternBytes:
		c.bad(at, "has %d bytes, more than %d: shorten it", len(pattern), maxPatternBytes)
	default:
		if _, err := regexp.Compile(pattern); err != nil {
			c.bad(at, "%v: write it in RE2's syntax", err)
		}
	}
}
