// Command schemagen writes the JSON Schemas of Pitwall's inputs into schema/, and that of a policy into internal/policy. go
// generate runs it in internal/spec.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"

	"github.com/invopop/jsonschema"

	"pitwall/internal/policy"
	"pitwall/internal/spec"
)

func main() {
	for _, d := range documents() {
		data, err := d.generate(".")
		if err == nil {
			err = os.WriteFile(filepath.FromSlash(d.file), data, 0o644)
		}
		if err != nil {
			fmt.Fprintf(os.Stderr, "schemagen: write %s: %v\n", d.file, err)
			os.Exit(1)
		}
	}
}

// document is a type with a schema. Both paths are relative to internal/spec.
type document struct {
	file   string
	of     any
	source string
}

func documents() []document {
	return []document{
		{"schema/eval.json", spec.EvalInput{}, "."},
		{"schema/campaign.json", spec.CampaignInput{}, "."},
		{"../policy/schema.json", policy.File{}, "../policy"},
	}
}

// generate reflects on the type; the descriptions are the comments of its sources. base is internal/spec.
func (d document) generate(base string) ([]byte, error) {
	r := jsonschema.Reflector{ExpandedStruct: true, Mapper: durations}
	if err := addComments(&r, filepath.Join(base, filepath.FromSlash(d.source)), reflect.TypeOf(d.of).PkgPath()); err != nil {
		return nil, err
	}
	schema := r.ReflectFromType(reflect.TypeOf(d.of))
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	err := enc.Encode(schema)
	return b.Bytes(), err
}

// durations are texts on the wire.
func durations(t reflect.Type) *jsonschema.Schema {
	if t != reflect.TypeFor[spec.Duration]() {
		return nil
	}
	return &jsonschema.Schema{Type: "string", Pattern: `^([0-9]+(\.[0-9]+)?(ns|us|µs|ms|s|m|h))+$`, Examples: []any{"90s", "45m"}}
}

func addComments(r *jsonschema.Reflector, dir, pkg string) error {
	r.CommentMap = map[string]string{}
	// Read as the package of the folder ".": its own path is the one to record.
	cwd, err := os.Getwd()
	if err != nil {
		return err
	}
	if err := os.Chdir(dir); err != nil {
		return err
	}
	defer os.Chdir(cwd) //nolint:errcheck // the next generate would fail
	if err := r.AddGoComments(pkg, "./"); err != nil {
		return fmt.Errorf("read comments: %w", err)
	}
	for key, comment := range r.CommentMap {
		if field, ok := strings.CutPrefix(key, pkg+".EvalInput."); ok {
			r.CommentMap[pkg+".EvalTemplate."+field] = comment
		}
	}
	return nil
}
