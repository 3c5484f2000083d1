package spec

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"go.yaml.in/yaml/v4"
)

// MaxSpecBytes bounds a file or payload that is decoded: Temporal refuses payloads over 2 MiB (blobSizeLimitError).
const MaxSpecBytes = 2 << 20

// maxDepth bounds nesting; the deepest field of a campaign stands at 7.
const maxDepth = 32

type kind int

const (
	kindNull kind = iota
	kindScalar
	kindMap
	kindList
)

// tree is a parsed file before its types are known: what YAML and JSON have in common, with lines.
type tree struct {
	kind kind
	// text of a scalar, exactly as written; isString when quotes or a block style say that it is a string.
	text     string
	isString bool
	line     int
	// keys (of a map only) and the items beside them.
	keys  []*tree
	items []*tree
}

// parse reads JSON when data is JSON, else YAML 1.2. JSON goes its own way because YAML reads some of its strings
// (surrogate pairs) otherwise. literal reports whether plain scalars may be taken as strings, as YAML writers expect.
func parse(data []byte, ps *problems) (t *tree, literal bool) {
	if len(data) > MaxSpecBytes {
		ps.add("", 0, "%d bytes is more than the %d that an input may have: upload large content and give its uri and sha256", len(data), MaxSpecBytes)
		return nil, false
	}
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	if json.Valid(data) {
		return parseJSON(data, ps), false
	}
	return parseYAML(data, ps), true
}

func parseYAML(data []byte, ps *problems) *tree {
	loader, err := yaml.NewLoader(bytes.NewReader(data))
	if err != nil {
		ps.add("", 0, "read YAML: %v", err)
		return nil
	}
	var doc, second yaml.Node
	switch err := loader.Load(&doc); {
	case errors.Is(err, io.EOF):
		ps.add("", 0, "the file is empty: write at least one field")
		return nil
	case err != nil:
		addYAMLError(err, ps)
		return nil
	}
	if err := loader.Load(&second); !errors.Is(err, io.EOF) {
		ps.add("", second.Line, "more than one YAML document: keep one per file")
		return nil
	}
	node := &doc
	if doc.Kind == yaml.DocumentNode && len(doc.Content) == 1 {
		node = doc.Content[0]
	}
	return fromYAML(node, "", 0, ps)
}

func addYAMLError(err error, ps *problems) {
	var one *yaml.LoadError
	if errors.As(err, &one) {
		ps.add("", one.Mark.Line, "not YAML: %s: indent with spaces, close brackets and quotes, quote what begins with a sign", one.Message)
		return
	}
	ps.add("", 0, "not YAML: %v", err)
}

func fromYAML(n *yaml.Node, path string, depth int, ps *problems) *tree {
	t := &tree{line: n.Line}
	switch {
	case depth > maxDepth:
		ps.add(path, n.Line, "nested deeper than %d levels", maxDepth)
	case n.Kind == yaml.AliasNode || n.Anchor != "":
		ps.add(path, n.Line, "anchors and aliases are not supported: write the value out")
	case n.Style&yaml.TaggedStyle != 0:
		ps.add(path, n.Line, "tags such as %s are not supported: remove it", clip(n.Tag))
	case n.Kind == yaml.MappingNode:
		t.kind = kindMap
		for i := 0; i+1 < len(n.Content); i += 2 {
			key := fromYAML(n.Content[i], path, depth+1, ps)
			t.keys = append(t.keys, key)
			t.items = append(t.items, fromYAML(n.Content[i+1], join(path, key.text), depth+1, ps))
		}
	case n.Kind == yaml.SequenceNode:
		t.kind = kindList
		for i, item := range n.Content {
			t.items = append(t.items, fromYAML(item, index(path, i), depth+1, ps))
		}
	case n.Kind == yaml.ScalarNode:
		const quoted = yaml.DoubleQuotedStyle | yaml.SingleQuotedStyle | yaml.LiteralStyle | yaml.FoldedStyle
		t.text, t.isString = n.Value, n.Style&quoted != 0
		if t.isString || n.ShortTag() != "!!null" {
			t.kind = kindScalar
		}
	}
	return t
}

func join(path, key string) string {
	if path == "" {
		return clip(key)
	}
	return path + "." + clip(key)
}

func index(path string, i int) string { return fmt.Sprintf("%s[%d]", path, i) }
