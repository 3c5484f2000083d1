package leakscan

import (
	"bytes"
	"cmp"
	"errors"
	"io"
	"slices"
	"time"
)

const (
	// windowBytes and overlapBytes: measured best with gitleaks 8.30.1 (11 MB/s on an ordinary log, 1.7 on all of it at once).
	windowBytes  = 64 << 10
	overlapBytes = 4 << 10
	// textBytes of a file's beginning say whether it is text: git's own rule is a NUL in its first 8000 bytes.
	textBytes = 8000
)

// Budget is what Readers may spend together, one after the other. Bytes alone bound no time: a text that holds every keyword of
// gitleaks' rules in each window takes 2,000 times as long as a log (7 KB/s, measured with 8.30.1), and a job chooses its text.
type Budget struct {
	Bytes int64
	Time  time.Duration
}

func (b *Budget) spent() bool { return b.Bytes <= 0 || b.Time <= 0 }

// Reader passes on what it reads, with findings replaced by [REDACTED:rule], and counts them.
type Reader struct {
	scanner *Scanner
	r       io.Reader
	left    int64 // how much may yet be scanned
	budget  *Budget
	window  []byte
	clean   []byte
	last    []finding // of the window before: what told them may not be in this one
	began   bool
	skip    bool // the rest is passed on as it is
	whole   bool
	err     error // of r, once it has ended
	found   map[string]int
}

// NewReader returns a Reader of r that looks through its first limit bytes, as far as the budget goes; one window may overdraw
// it. What is beyond is passed on as it is, and so is a file that is not text: see Whole.
func (s *Scanner) NewReader(from io.Reader, limit int64, budget *Budget) *Reader {
	return &Reader{scanner: s, r: from, left: limit, budget: budget, whole: true, found: map[string]int{}}
}

// Found counts the findings so far, by rule.
func (r *Reader) Found() map[string]int { return r.found }

// Whole reports, at the end, whether all of it was looked through.
func (r *Reader) Whole() bool { return r.whole }

func (r *Reader) Read(p []byte) (int, error) {
	for len(r.clean) == 0 {
		if r.skip && len(p) > 0 {
			return r.r.Read(p)
		}
		if r.err != nil {
			return 0, r.err
		}
		r.fill()
	}
	n := copy(p, r.clean)
	r.clean = r.clean[n:]
	return n, nil
}

// fill reads one window and passes on what is decided of it.
func (r *Reader) fill() {
	have := len(r.window)
	r.window = append(r.window, make([]byte, windowBytes-have)...)
	n, err := io.ReadFull(r.r, r.window[have:])
	r.window = r.window[:have+n]
	if errors.Is(err, io.ErrUnexpectedEOF) {
		err = io.EOF
	}
	r.err = err
	if !r.began {
		r.began = true
		if bytes.IndexByte(r.window[:min(len(r.window), textBytes)], 0) >= 0 {
			r.left = 0
		}
	}
	if len(r.window) > 0 && (r.left <= 0 || r.budget.spent()) {
		r.clean, r.window, r.skip, r.whole = r.window, nil, err == nil, false
		return
	}
	r.left -= int64(n)
	r.budget.Bytes -= int64(n)
	began := time.Now()
	spans := r.spans()
	r.budget.Time -= time.Since(began)
	cut := len(r.window)
	if err == nil {
		cut = r.cut(spans)
	}
	r.clean = r.replace(spans, cut)
	r.window = append([]byte(nil), r.window[cut:]...)
}

// cut is where the next window begins: before the overlap, at the beginning of a line, in front of a finding that goes on
// there.
func (r *Reader) cut(spans []span) int {
	cut := len(r.window) - overlapBytes
	if line := bytes.LastIndexByte(r.window[:cut], '\n'); line >= 0 && cut-line <= overlapBytes {
		cut = line + 1
	}
	for _, s := range spans {
		switch {
		case s.start >= cut || s.end <= cut:
		case s.start > 0:
			return s.start
		default:
			return s.end
		}
	}
	return cut
}

type span struct {
	start, end int
	rule       string
}

// spans are the findings in the window, in order; of two that overlap, the first one's.
func (r *Reader) spans() []span {
	var all []span
	found := r.scanner.find(string(r.window))
	sought := map[string]bool{} // gitleaks names a secret as often as it stands there
	for _, f := range append(found, r.last...) {
		if sought[f.secret] {
			continue
		}
		sought[f.secret] = true
		for at := 0; ; {
			i := bytes.Index(r.window[at:], []byte(f.secret))
			if i < 0 {
				break
			}
			all = append(all, span{at + i, at + i + len(f.secret), f.rule})
			at += i + len(f.secret)
		}
	}
	r.last = found
	slices.SortStableFunc(all, func(a, b span) int { return cmp.Or(cmp.Compare(a.start, b.start), cmp.Compare(b.end, a.end)) })
	apart := all[:0]
	for _, s := range all {
		if last := len(apart) - 1; last >= 0 && s.start < apart[last].end {
			apart[last].end = max(apart[last].end, s.end)
			continue
		}
		apart = append(apart, s)
	}
	return apart
}

// replace is the window up to cut, without findings.
func (r *Reader) replace(spans []span, cut int) []byte {
	clean, at := make([]byte, 0, cut), 0
	for _, s := range spans {
		if s.start >= cut {
			break
		}
		clean = append(clean, r.window[at:s.start]...)
		clean = append(clean, "[REDACTED:"+s.rule+"]"...)
		at = min(s.end, cut)
		r.found[s.rule]++
	}
	return append(clean, r.window[at:cut]...)
}
