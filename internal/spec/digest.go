package spec

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
)

// InputDigest is the SHA-256 (hex) of v's canonical JSON: keys sorted, no space, numbers as written, and without what is
// null or empty (sandbox: {} asks for nothing). Two inputs with the same digest ask for the same thing, whatever file
// they came from; resolve defaults first. It panics when v has
// no JSON form (a channel, a cycle), which no type of this package can bring about.
func InputDigest(v any) string {
	data, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("spec: digest %T: %v", v, err))
	}
	var tree any
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	if err := dec.Decode(&tree); err != nil {
		panic(fmt.Sprintf("spec: digest %T: %v", v, err))
	}
	// Maps are written in key order by encoding/json.
	canonical, err := json.Marshal(prune(tree))
	if err != nil {
		panic(fmt.Sprintf("spec: digest %T: %v", v, err))
	}
	sum := sha256.Sum256(canonical)
	return hex.EncodeToString(sum[:])
}

// prune removes nulls, and objects and lists in which nothing is left, from objects. A list keeps its length.
func prune(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for key, item := range v {
			if item = prune(item); item == nil {
				delete(v, key)
			} else {
				v[key] = item
			}
		}
		if len(v) == 0 {
			return nil
		}
	case []any:
		for i := range v {
			v[i] = prune(v[i])
		}
		if len(v) == 0 {
			return nil
		}
	}
	return v
}
