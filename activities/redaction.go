package activities

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"pitwall/internal/artifact"
	"pitwall/internal/leakscan"
	"pitwall/internal/redact"
)

const (
	// maxScanFile and maxScanTotal bound what is looked through by leakscan, of one file and of an attempt: at some 10 MB/s,
	// seconds. maxScanTime bounds hostile texts, far below what the download may take (spec.DownloadAllowance).
	maxScanFile  = 16 << 20
	maxScanTotal = 64 << 20
	maxScanTime  = time.Minute
	// maxRedactedNames bounds what a line says of one file: hundreds of rules may match it, and a thousand lines are one payload.
	maxRedactedNames = 8
	// otherNames is what the rest is counted under.
	otherNames = "others"
	// maxGrowth is how much longer a text may become: a value of 8 bytes is replaced by a name of at most 75.
	maxGrowth = 10
)

// artifactFilter takes secrets out of the artifacts of one attempt.
type artifactFilter struct {
	redactor *redact.Redactor
	// scanner is nil where the input wants no scan: then only known values are taken out.
	scanner *leakscan.Scanner
	budget  leakscan.Budget
	// names that were given, and the paths that they were given to.
	names map[string]string
}

func newArtifactFilter(redactor *redact.Redactor, scanner *leakscan.Scanner, scan bool) *artifactFilter {
	f := &artifactFilter{redactor: redactor, names: map[string]string{}}
	if scan {
		f.scanner, f.budget = scanner, leakscan.Budget{Bytes: maxScanTotal, Time: maxScanTime}
	} else {
		f.redactor = redactor.ValuesOnly()
	}
	return f
}

// name is a path without secrets; of two that then are the same, the second one has a number.
func (f *artifactFilter) name(path string) string {
	clean := f.redactor.String(path)
	name := clean
	taken := func() bool {
		was, seen := f.names[name]
		return seen && (name != path || was != path)
	}
	for n := 2; taken(); n++ {
		name = fmt.Sprintf("%s~%d", clean, n)
	}
	f.names[name] = path
	return name
}

// filteredArtifact is what is stored of one file.
type filteredArtifact struct {
	io.Reader
	known *redact.Reader
	scan  *leakscan.Reader // nil without a scan
}

// open filters a file of at most limit bytes; reading more fails with artifact.ErrTooLarge.
func (f *artifactFilter) open(body io.Reader, limit int64) *filteredArtifact {
	known := f.redactor.NewReader(&cappedReader{r: body, left: limit})
	opened := &filteredArtifact{Reader: known, known: known}
	if f.scanner != nil {
		opened.scan = f.scanner.NewReader(known, maxScanFile, &f.budget)
		opened.Reader = opened.scan
	}
	return opened
}

// outcome says what was taken out, by name, and whether the file was looked through as a whole.
func (a *filteredArtifact) outcome() (redacted map[string]int, scanned bool) {
	redacted = maps.Clone(a.known.Found())
	if a.scan == nil {
		return fewNames(redacted), false
	}
	for rule, n := range a.scan.Found() {
		redacted[rule] += n
	}
	return fewNames(redacted), a.scan.Whole()
}

// fewNames counts all but the first names together.
func fewNames(redacted map[string]int) map[string]int {
	names := slices.Sorted(maps.Keys(redacted))
	for _, name := range names[min(len(names), maxRedactedNames):] {
		redacted[otherNames] += redacted[name]
		delete(redacted, name)
	}
	return redacted
}

// cappedReader fails where more is read than left.
type cappedReader struct {
	r    io.Reader
	left int64
}

func (c *cappedReader) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	if c.left -= int64(n); c.left < 0 {
		return 0, artifact.ErrTooLarge
	}
	return n, err
}
