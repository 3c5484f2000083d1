//go:build linux

package toolbox

import (
	"bytes"
	"io"
)

// stream is one of a command's two output streams, by the byte of which its marker consists.
type stream byte

// The streams. In a journal and on the wire the three bytes 01 01 01 say that what follows, up to the next marker, is
// stdout, and 02 02 02 that it is stderr. Output that contains such bytes itself is taken for a marker: the format, which
// is Daytona's, has no escape.
const (
	stdout stream = 1
	stderr stream = 2
)

const markerSize = 3

func (s stream) marker() []byte { return bytes.Repeat([]byte{byte(s)}, markerSize) }

// demuxer takes marked output apart. It is written to in pieces of any size: a marker may be split between them.
type demuxer struct {
	stdout, stderr io.Writer
	toStderr       bool
	// held are up to two bytes that may be the beginning of a marker.
	held []byte
}

// Write implements io.Writer.
func (d *demuxer) Write(p []byte) (int, error) {
	data := append(d.held, p...)
	for len(data) > 0 {
		run, rest, marker := cutMarker(data)
		if _, err := d.target().Write(run); err != nil {
			return 0, err
		}
		if marker == 0 {
			d.held = bytes.Clone(rest)
			return len(p), nil
		}
		d.toStderr = marker == stderr
		data = rest
	}
	d.held = nil
	return len(p), nil
}

// flush writes what was held back, as no marker can follow.
func (d *demuxer) flush() error {
	_, err := d.target().Write(d.held)
	d.held = nil
	return err
}

func (d *demuxer) target() io.Writer {
	if d.toStderr {
		return d.stderr
	}
	return d.stdout
}

// cutMarker splits data at its first marker. With none, marker is 0 and rest is what may be the beginning of one.
func cutMarker(data []byte) (run, rest []byte, marker stream) {
	for i, b := range data {
		if s := stream(b); s != stdout && s != stderr {
			continue
		}
		ahead := data[i:min(i+markerSize, len(data))]
		if len(bytes.TrimLeft(ahead, string(rune(b)))) > 0 {
			continue
		}
		if len(ahead) < markerSize {
			return data[:i], ahead, 0
		}
		return data[:i], data[i+markerSize:], stream(b)
	}
	return data, nil, 0
}

// beforeLastMarker is the length of a piece without the marker at its end, if it has one: Daytona's client libraries take the
// first byte of such a marker for output and lose the switch (TypeScript 0.205 and 0.216). A piece that is a marker stays whole.
func beforeLastMarker(piece []byte) int {
	n := len(piece) - markerSize
	if n > 0 && (bytes.Equal(piece[n:], stdout.marker()) || bytes.Equal(piece[n:], stderr.marker())) {
		return n
	}
	return len(piece)
}

// demux takes a whole journal apart. Bytes before the first marker are stdout.
func demux(journal []byte) (out, errOut []byte) {
	var o, e bytes.Buffer
	d := demuxer{stdout: &o, stderr: &e}
	_, _ = d.Write(journal) // a bytes.Buffer takes everything
	_ = d.flush()
	return o.Bytes(), e.Bytes()
}

// combine strips the markers of a whole journal.
func combine(journal []byte) []byte {
	var both bytes.Buffer
	d := demuxer{stdout: &both, stderr: &both}
	_, _ = d.Write(journal)
	_ = d.flush()
	return both.Bytes()
}
