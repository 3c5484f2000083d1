package docs

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const root = ".."

// page is one Markdown file of the repository.
type page struct {
	// path below the root.
	path string
	text string
}

// pages are all of the repository's, but those that were generated or fetched.
func pages(t *testing.T) []page {
	t.Helper()
	var found []page
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && (entry.Name() == "node_modules" || entry.Name() == "bin" || entry.Name() == ".git" || entry.Name() == "testdata"):
			return filepath.SkipDir
		case filepath.Ext(path) != ".md":
			return nil
		}
		text, err := os.ReadFile(path)
		name, _ := filepath.Rel(root, path)
		found = append(found, page{name, string(text)})
		return err
	})
	require.NoError(t, err)
	require.NotEmpty(t, found)
	return found
}

var (
	link    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading = regexp.MustCompile(`(?m)^#+ (.+)$`)
	fence   = regexp.MustCompile("(?s)```.*?```")
)

// TestLinks: every relative link leads to a file, and every anchor to a heading.
func TestLinks(t *testing.T) {
	for _, p := range pages(t) {
		for _, match := range link.FindAllStringSubmatch(fence.ReplaceAllString(p.text, ""), -1) {
			target, anchor, _ := strings.Cut(match[1], "#")
			if strings.Contains(target, "://") {
				continue
			}
			file := filepath.Join(root, filepath.Dir(p.path), target)
			if target == "" {
				file = filepath.Join(root, p.path)
			}
			require.FileExists(t, pathOrIndex(file), "%s links to %s", p.path, match[1])
			if anchor != "" {
				text, err := os.ReadFile(file)
				require.NoError(t, err)
				require.Contains(t, anchors(string(text)), anchor, "%s links to %s", p.path, match[1])
			}
		}
	}
}

// pathOrIndex is a folder's README.md, else the path.
func pathOrIndex(path string) string {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return filepath.Join(path, "README.md")
	}
	return path
}

// anchors are the ids that Markdown's hosts give to headings.
func anchors(text string) []string {
	var found []string
	for _, match := range heading.FindAllStringSubmatch(text, -1) {
		name := strings.ToLower(match[1])
		name = regexp.MustCompile("[^a-z0-9 _-]").ReplaceAllString(name, "")
		found = append(found, strings.ReplaceAll(name, " ", "-"))
	}
	return found
}

// code is what stands in code spans and blocks, block by block and span by span.
func code(text string) []string {
	var found []string
	rest := fence.ReplaceAllStringFunc(text, func(block string) string {
		found = append(found, strings.Split(block, "\n")...)
		return ""
	})
	for _, line := range regexp.MustCompile("(?m)^    .*$").FindAllString(rest, -1) {
		found = append(found, strings.TrimSpace(line))
	}
	for _, span := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(rest, -1) {
		found = append(found, span[1])
	}
	return found
}
