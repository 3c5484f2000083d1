package redact

import "io"

// NewWriter returns a writer that passes on to w what is written to it, without secrets, also such as two writes cut in
// half. It holds back what may be the beginning of one, at most MaxHold, until more is written or it is closed. Closing
// does not close w. After an error of w it writes nothing more, and returns that error.
func (r *Redactor) NewWriter(w io.Writer) io.WriteCloser { return &writer{redactor: r, w: w} }

type writer struct {
	redactor *Redactor
	w        io.Writer
	before   []byte // the last bytes that are decided
	held     []byte
	err      error
}

func (w *writer) Write(p []byte) (int, error) {
	if w.err == nil {
		w.held = append(w.held, p...)
		w.pass(false)
	}
	if w.err != nil {
		return 0, w.err
	}
	return len(p), nil
}

func (w *writer) Close() error {
	if w.err == nil {
		w.pass(true)
	}
	return w.err
}

func (w *writer) pass(atEOF bool) {
	clean, n := w.redactor.Cut(w.before, w.held, atEOF)
	if len(clean) > 0 {
		_, w.err = w.w.Write(clean)
	}
	w.before = lastBytes(w.before, w.held[:n])
	w.held = append(w.held[:0], w.held[n:]...)
}

// lastBytes are the last ones of before and then text, as many as rules look at.
func lastBytes(before, text []byte) []byte {
	if len(text) < contextBytes {
		text = append(before[:len(before):len(before)], text...)
	}
	return append([]byte(nil), text[max(0, len(text)-contextBytes):]...)
}

// EachWrite returns a writer that redacts every write by itself: for a log, whose lines come in one write each.
func (r *Redactor) EachWrite(w io.Writer) io.Writer { return eachWrite{r, w} }

type eachWrite struct {
	redactor *Redactor
	w        io.Writer
}

func (e eachWrite) Write(p []byte) (int, error) {
	if _, err := e.w.Write(e.redactor.Bytes(p)); err != nil {
		return 0, err
	}
	return len(p), nil
}
