package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"
)

// override replaces one value of a spec before it is decoded, so that the result is checked like a file that was
// written so.
type override struct {
	path  string // such as eval.job.steps[0].time_limit
	value string // YAML: 20s, 3, [1, 2], {from: samples}; empty removes the field
}

// parseSet reads the key=value of --set.
func parseSet(pair string) (override, error) {
	path, value, found := strings.Cut(pair, "=")
	if !found || path == "" {
		return override{}, &UsageError{Problem: fmt.Sprintf("--set %s", pair), Hint: "write --set path.to.field=value, such as --set eval.job.steps[0].time_limit=20s"}
	}
	return override{path: path, value: value}, nil
}

// applyOverrides returns the spec with all overrides, in order. Without any it returns data as it is, with its lines.
func applyOverrides(data []byte, overrides []override) ([]byte, error) {
	if len(overrides) == 0 {
		return data, nil
	}
	var doc yaml.Node
	if err := yaml.Load(jsonAsYAML(data), &doc); err != nil {
		return nil, &UsageError{Problem: "not YAML", Err: err}
	}
	root := &doc
	if doc.Kind == yaml.DocumentNode && len(doc.Content) == 1 {
		root = doc.Content[0]
	}
	for _, change := range overrides {
		if err := change.apply(root); err != nil {
			return nil, &UsageError{Problem: fmt.Sprintf("--set %s=%s", change.path, change.value), Err: err}
		}
	}
	changed, err := yaml.Dump(root)
	if err != nil {
		return nil, fmt.Errorf("write the spec with its overrides: %w", err)
	}
	return changed, nil
}

// jsonEscape matches one escape of JSON's, or two that are one character above U+FFFF.
var jsonEscape = regexp.MustCompile(`\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\.`)

// jsonAsYAML writes in YAML's way what JSON has and YAML reads otherwise: pairs of escapes, and line breaks that only YAML knows.
// What is no JSON is left alone.
func jsonAsYAML(data []byte) []byte {
	if !json.Valid(data) {
		return data
	}
	data = jsonEscape.ReplaceAllFunc(data, func(escape []byte) []byte {
		var char string
		if len(escape) > 2 && json.Unmarshal([]byte(`"`+string(escape)+`"`), &char) == nil {
			return []byte(char)
		}
		return escape
	})
	return []byte(strings.NewReplacer("\u0085", `\u0085`, "\u2028", `\u2028`, "\u2029", `\u2029`).Replace(string(data)))
}

// pathPart is name or [3] of a path.
var pathPart = regexp.MustCompile(`^(?:\.?([^.\[\]]+)|\[([0-9]{1,4})\])`)

func (o override) apply(node *yaml.Node) error {
	rest := o.path
	for {
		match := pathPart.FindStringSubmatch(rest)
		if match == nil {
			return fmt.Errorf("%q is not a path: write names with dots and indexes in brackets", o.path)
		}
		rest = rest[len(match[0]):]
		last := rest == ""
		if match[2] == "" && last {
			return setField(node, match[1], o.value)
		}
		next, err := step(node, match[1], match[2])
		if err != nil {
			return err
		}
		if last {
			return replace(next, o.value)
		}
		node = next
	}
}

// step goes to a field, which it makes when it is missing, or to an item, which must be there.
func step(node *yaml.Node, field, index string) (*yaml.Node, error) {
	if index == "" {
		if err := makeMapping(node, field); err != nil {
			return nil, err
		}
		if value := fieldOf(node, field); value != nil {
			return value, nil
		}
		value := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}
		addField(node, field, value)
		return value, nil
	}
	at, _ := strconv.Atoi(index) // at most four digits
	if node.Kind != yaml.SequenceNode || at >= len(node.Content) {
		return nil, fmt.Errorf("there is no item [%d]: the list has %d", at, len(node.Content))
	}
	return node.Content[at], nil
}

func setField(node *yaml.Node, field, value string) error {
	if err := makeMapping(node, field); err != nil {
		return err
	}
	if value == "" {
		removeField(node, field)
		return nil
	}
	if existing := fieldOf(node, field); existing != nil {
		return replace(existing, value)
	}
	fresh := &yaml.Node{}
	if err := replace(fresh, value); err != nil {
		return err
	}
	addField(node, field, fresh)
	return nil
}

// replace makes node what value says, as YAML.
func replace(node *yaml.Node, value string) error {
	var doc yaml.Node
	if err := yaml.Load(bytes.TrimSpace([]byte(value)), &doc); err != nil {
		return fmt.Errorf("the value is not YAML: %w", err)
	}
	if doc.Kind != yaml.DocumentNode || len(doc.Content) != 1 {
		return fmt.Errorf("the value %q is not one YAML value", value)
	}
	*node = *doc.Content[0]
	return nil
}

func makeMapping(node *yaml.Node, field string) error {
	if node.Kind == yaml.MappingNode {
		return nil
	}
	if node.Kind == 0 || node.ShortTag() == "!!null" {
		*node = yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}
		return nil
	}
	return fmt.Errorf("%q cannot be a field of what is not an object", field)
}

func fieldOf(node *yaml.Node, field string) *yaml.Node {
	for i := 0; i+1 < len(node.Content); i += 2 {
		if node.Content[i].Value == field {
			return node.Content[i+1]
		}
	}
	return nil
}

func addField(node *yaml.Node, field string, value *yaml.Node) {
	key := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: field}
	node.Content = append(node.Content, key, value)
}

func removeField(node *yaml.Node, field string) {
	for i := 0; i+1 < len(node.Content); i += 2 {
		if node.Content[i].Value == field {
			node.Content = append(node.Content[:i], node.Content[i+2:]...)
			return
		}
	}
}

// quoteYAML writes text as a YAML string, whatever is in it.
func quoteYAML(text string) string { return strconv.Quote(text) }
