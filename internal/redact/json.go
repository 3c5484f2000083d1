package redact

import (
	"bytes"
	"encoding/json"
)

// JSON returns a JSON document whose texts, names of fields included, hold no known value: doc itself where they hold none.
// The rules are not applied: the document is what somebody gave Pitwall, and what only looks like a key belongs to it.
func (r *Redactor) JSON(doc []byte) ([]byte, error) {
	if len(r.Known(doc)) == 0 {
		return doc, nil
	}
	decoder := json.NewDecoder(bytes.NewReader(doc))
	decoder.UseNumber()
	var tree any
	if err := decoder.Decode(&tree); err != nil {
		return nil, err
	}
	return json.Marshal(r.clean(tree))
}

func (r *Redactor) clean(node any) any {
	switch node := node.(type) {
	case string:
		return r.values(node)
	case []any:
		for i := range node {
			node[i] = r.clean(node[i])
		}
	case map[string]any:
		cleaned := make(map[string]any, len(node))
		for name, child := range node {
			cleaned[r.values(name)] = r.clean(child)
		}
		return cleaned
	}
	return node
}

func (r *Redactor) values(text string) string {
	found, _ := r.known().find([]byte(text), true)
	if len(found) == 0 {
		return text
	}
	return string(replace([]byte(text), merge(found)))
}
