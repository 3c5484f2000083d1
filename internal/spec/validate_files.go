package spec

import (
	"encoding/base64"
	"path"
	"slices"
	"strings"
)

func (c *checker) files(at string, files []File) {
	if len(files) > MaxFiles {
		c.bad(at, "has %d files, more than %d: pack them into an archive and unpack it in the first step", len(files), MaxFiles)
		return
	}
	seen := map[string]int{}
	for i, f := range files {
		here := index(at, i)
		c.path(here+".path", f.Path)
		full := f.Path
		if !path.IsAbs(full) {
			full = path.Join(HomeDir, full)
		}
		if first, dup := seen[path.Clean(full)]; dup && !c.open(f.Path) {
			c.bad(here+".path", "%q is already written by %s: keep one", clip(f.Path), index(at, first))
		}
		seen[path.Clean(full)] = i
		c.content(here, f)
	}
}

func (c *checker) content(at string, f File) {
	sources := 0
	for _, given := range []bool{f.Content != "", f.ContentBase64 != "", f.URI != ""} {
		if given {
			sources++
		}
	}
	// No source at all is an empty file.
	if sources > 1 {
		c.bad(at, "has more than one of content, content_base64 and uri: give one")
	}
	c.inline += len(f.Content)
	if f.ContentBase64 != "" && !c.open(f.ContentBase64) {
		decoded, err := base64.StdEncoding.DecodeString(f.ContentBase64)
		if err != nil {
			c.bad(at+".content_base64", "is not standard base64: encode the file's bytes with base64 -w0")
		}
		c.inline += len(decoded)
	}
	c.uri(at+".uri", f.URI)
	c.sha256(at+".sha256", f.SHA256)
	c.size(at+".bytes", f.Bytes, MaxFileBytes)
	if f.URI == "" && (f.SHA256 != "" || f.Bytes != 0) {
		c.bad(at, "sha256 and bytes belong to a uri: give one or remove them")
	}
}

// uri checks where bytes are; unset is no problem.
func (c *checker) uri(at, uri string) {
	if uri == "" || c.open(uri) {
		return
	}
	c.text(at, uri, MaxPathBytes)
	scheme, rest, ok := strings.Cut(uri, ":")
	switch {
	case ok && scheme == "store" && rest != "" && !path.IsAbs(rest) && !hasDotDot(rest):
	case strings.HasPrefix(uri, "file:///") && !hasDotDot(rest):
	default:
		c.bad(at, "%q is not usable: want store:KEY, or file:///PATH of a file that the worker sees", clip(uri))
	}
}

func (c *checker) sha256(at, sum string) {
	if sum != "" && !c.open(sum) && !sha256Re.MatchString(sum) {
		c.bad(at, "%q is not a SHA-256: want 64 lower-case hex digits, as sha256sum prints", clip(sum))
	}
}

// path checks a path inside the sandbox.
func (c *checker) path(at, p string) {
	switch {
	case c.open(p):
	case p == "":
		c.bad(at, "is empty: give a path, absolute or relative to %s", HomeDir)
	case len(p) > MaxPathBytes:
		c.bad(at, "has %d bytes, more than the %d of a path", len(p), MaxPathBytes)
	case hasControl(p):
		c.bad(at, "%q has a control character: remove it", clip(p))
	case hasDotDot(p):
		c.bad(at, "%q has a .. in it: write the path out", clip(p))
	case strings.HasSuffix(p, "/") && p != "/":
		c.bad(at, "%q names a directory: remove the final /", clip(p))
	case slices.ContainsFunc(strings.Split(p, "/"), func(part string) bool { return len(part) > 255 }):
		c.bad(at, "%q has a name of more than 255 bytes: shorten it", clip(p))
	}
}

func hasDotDot(p string) bool { return slices.Contains(strings.Split(p, "/"), "..") }

func (c *checker) artifacts(in EvalInput) {
	rules := in.Artifacts
	if n := len(rules) + len(in.OnFailure.Keep); n > MaxArtifactRules {
		c.bad("artifacts", "has, with on_failure.keep, %d rules, more than %d: use globs, or write one archive", n, MaxArtifactRules)
		return
	}
	for i, kept := range in.OnFailure.Keep {
		c.path(index("on_failure.keep", i), kept)
		c.glob(index("on_failure.keep", i), kept)
	}
	c.size("artifact_limits.max_files", int64(in.ArtifactLimits.MaxFiles), MaxArtifactFiles)
	c.size("artifact_limits.max_bytes", in.ArtifactLimits.MaxBytes, MaxArtifactTotal)
	seen := map[string]int{}
	for i, rule := range rules {
		at := index("artifacts", i)
		c.path(at+".path", rule.Path)
		c.glob(at+".path", rule.Path)
		if first, dup := seen[rule.Path]; dup && !c.open(rule.Path) {
			c.bad(at+".path", "%q stands in %s too: keep one", clip(rule.Path), index("artifacts", first))
		}
		seen[rule.Path] = i
		c.choice(at+".when", rule.When, WhenSuccess, WhenAlways)
		c.size(at+".max_bytes", rule.MaxBytes, MaxFileBytes)
	}
}

// glob checks the parts of a pattern: ** stands alone, the rest is path.Match's syntax.
func (c *checker) glob(at, pattern string) {
	if c.open(pattern) {
		return
	}
	for _, part := range strings.Split(pattern, "/") {
		if _, err := path.Match(part, ""); err != nil {
			c.bad(at, "%q is not a glob: close the bracket, or escape it with a backslash", clip(pattern))
		} else if part != "**" && strings.Contains(part, "**") {
			c.bad(at, "%q: ** stands alone between slashes, such as out/**/*.txt", clip(pattern))
		}
	}
}
