package activities

import (
	"fmt"
	"io"
	"maps"

	"pitwall/internal/artifact"
	"pitwall/internal/leakscan"
	"pitwall/internal/redact"
)

const (
	// maxScanFile and maxScanTotal bound what is looked through by leakscan, of one file and of an attempt: at some 10 MB/s,
	// seconds.
	maxScanFile  = 16 << 20
	maxScanTotal = 64 << 20
	// maxGrowth is how much longer a text may become: a value of 8 bytes is replaced by a name of at most 75.
	maxGrowth = 10
)

// artifactFilter takes secrets out of the artifacts of one attempt.
type artifactFilter struct {
	redactor *redact.Redactor
	// scanner is nil where the input wants no scan: then only known values are taken out.
	scanner *leakscan.Scanner
	left    int64 // how much may yet be looked through
	names   map[string]bool
}

func newArtifactFilter(redactor *redact.Redactor, scanner *leakscan.Scanner, scan bool) *artifactFilter {
	f := &artifactFilter{redactor: redactor, names: map[string]bool{}}
	if scan {
		f.scanner, f.left = scanner, maxScanTotal
	} else {
		f.redactor = redactor.ValuesOnly()
	}
	return f
}

// name is a path without secrets; of two that then are the same, the second one has a number.
func (f *artifactFilter) name(path string) string {
	clean := f.redactor.String(path)
	name := clean
	for n := 2; name != path && f.names[name]; n++ {
		name = fmt.Sprintf("%s~%d", clean, n)
	}
	f.names[name] = true
	return name
}

// filteredArtifact is what is stored of one file.
type filteredArtifact struct {
	io.Reader
	filter *artifactFilter
	known  *redact.Reader
	scan   *leakscan.Reader // nil without a scan
}

// open filters a file of at most limit bytes; reading more fails with artifact.ErrTooLarge.
func (f *artifactFilter) open(body io.Reader, limit int64) *filteredArtifact {
	known := f.redactor.NewReader(&cappedReader{r: body, left: limit})
	opened := &filteredArtifact{Reader: known, filter: f, known: known}
	if f.scanner != nil {
		opened.scan = f.scanner.NewReader(known, min(maxScanFile, f.left))
		opened.Reader = opened.scan
	}
	return opened
}

// close says what was taken out, by name, and whether the file was looked through as a whole.
func (a *filteredArtifact) close(bytes int64) (redacted map[string]int, scanned bool) {
	redacted = maps.Clone(a.known.Found())
	if a.scan == nil {
		return redacted, false
	}
	for rule, n := range a.scan.Found() {
		redacted[rule] += n
	}
	a.filter.left = max(0, a.filter.left-min(bytes, maxScanFile))
	return redacted, a.scan.Whole()
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
