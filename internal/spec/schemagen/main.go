// Command schemagen writes the JSON Schemas of Pitwall's inputs into schema/. go generate runs it in internal/spec.
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

	"pitwall/internal/spec"
)

func main() {
	for name, input := range inputs() {
		data, err := generate(".", input)
		if err == nil {
			err = os.WriteFile(filepath.Join("schema", name), data, 0o644)
		}
		if err != nil {
			fmt.Fprintf(os.Stderr, "schemagen: write %s: %v\n", name, err)
			os.Exit(1)
		}
	}
}

// inputs by the name of their schema's file.
func inputs() map[string]any {
	return map[string]any{"eval.json": spec.EvalInput{}, "campaign.json": spec.CampaignInput{}}
}

// generate reflects on input; the descriptions are the comments of the sources in dir.
func generate(dir string, input any) ([]byte, error) {
	r := jsonschema.Reflector{ExpandedStruct: true, Mapper: durations}
	if err := addComments(&r, dir); err != nil {
		return nil, err
	}
	schema := r.ReflectFromType(reflect.TypeOf(input))
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

func addComments(r *jsonschema.Reflector, dir string) error {
	const pkg = "pitwall/internal/spec"
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
