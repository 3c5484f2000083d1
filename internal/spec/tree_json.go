package spec

import (
	"bytes"
	"encoding/json"
)

// jsonReader builds a tree from a JSON text that is known to be valid. encoding/json alone would take FIELD for field
// and the last of two equal keys without a word.
type jsonReader struct {
	dec  *json.Decoder
	data []byte
	// line and at count newlines up to the offset at, so that finding lines stays linear.
	line int
	at   int64
	ps   *problems
}

func parseJSON(data []byte, ps *problems) *tree {
	r := &jsonReader{dec: json.NewDecoder(bytes.NewReader(data)), data: data, line: 1, ps: ps}
	r.dec.UseNumber()
	return r.value("", 0)
}

// lineHere is the line of the token that was read last.
func (r *jsonReader) lineHere() int {
	now := r.dec.InputOffset()
	r.line += bytes.Count(r.data[r.at:now], []byte("\n"))
	r.at = now
	return r.line
}

func (r *jsonReader) value(path string, depth int) *tree {
	token, err := r.dec.Token()
	t := &tree{line: r.lineHere()}
	if err != nil {
		r.ps.add(path, t.line, "read JSON: %v", err)
		return t
	}
	switch v := token.(type) {
	case string:
		t.kind, t.text, t.isString = kindScalar, v, true
	case json.Number:
		t.kind, t.text = kindScalar, v.String()
	case bool:
		t.kind, t.text = kindScalar, map[bool]string{true: "true", false: "false"}[v]
	case json.Delim:
		r.collection(t, v, path, depth)
	}
	return t
}

func (r *jsonReader) collection(t *tree, open json.Delim, path string, depth int) {
	if depth > maxDepth {
		// The decoder itself stops at 10000 levels, so the rest is read, and ignored, without harm.
		if depth == maxDepth+1 {
			r.ps.add(path, t.line, "nested deeper than %d levels", maxDepth)
		}
		path = ""
	}
	t.kind = kindList
	if open == '{' {
		t.kind = kindMap
	}
	for i := 0; r.dec.More(); i++ {
		if open == '[' {
			t.items = append(t.items, r.value(index(path, i), depth+1))
			continue
		}
		key := r.value(path, depth+1)
		t.keys = append(t.keys, key)
		t.items = append(t.items, r.value(join(path, key.text), depth+1))
	}
	// The closing bracket: json.Valid has said that it is there.
	if _, err := r.dec.Token(); err != nil {
		r.ps.add(path, r.lineHere(), "read JSON: %v", err)
	}
}
