package redact

import (
	"errors"
	"io"
)

// readBytes is how much a Reader reads at once.
const readBytes = 64 << 10

// Reader passes on what it reads, without secrets, and counts them by name.
type Reader struct {
	redactor *Redactor
	r        io.Reader
	before   []byte // the last bytes that are decided
	held     []byte
	clean    []byte
	err      error // of r, once it has ended
	found    map[string]int
}

// NewReader returns a Reader of r. It holds at most MaxHold and what it reads at once.
func (r *Redactor) NewReader(from io.Reader) *Reader {
	return &Reader{redactor: r, r: from, found: map[string]int{}}
}

// Found counts what was replaced so far, by name.
func (r *Reader) Found() map[string]int { return r.found }

func (r *Reader) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	for len(r.clean) == 0 {
		if r.err != nil {
			return 0, r.err
		}
		r.fill()
	}
	n := copy(p, r.clean)
	r.clean = r.clean[n:]
	return n, nil
}

// fill reads once, and decides what can be. What stood before an error is not passed on undecided: the text is cut there.
func (r *Reader) fill() {
	chunk := make([]byte, readBytes)
	n, err := r.r.Read(chunk)
	r.held, r.err = append(r.held, chunk[:n]...), err
	spans, decided := r.redactor.find(r.before, r.held, errors.Is(err, io.EOF))
	for _, s := range spans {
		r.found[s.name]++
	}
	r.clean = replace(r.held[:decided], spans)
	r.before = lastBytes(r.before, r.held[:decided])
	r.held = append(r.held[:0:0], r.held[decided:]...)
}
