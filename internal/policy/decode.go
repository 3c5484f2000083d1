package policy

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"fmt"
	"os"
	"strings"

	"pitwall/internal/spec"
)

// MaxFileBytes bounds a policy file: far above what a person writes.
const MaxFileBytes = 256 << 10

//go:embed default.yaml
var defaultFile []byte

//go:embed schema.json
var schema []byte

//go:generate sh -c "cd ../spec && go run ./schemagen"

// Schema is the JSON Schema (2020-12) of a policy file, for editors.
func Schema() []byte { return bytes.Clone(schema) }

// Policy is a checked policy. It does not change.
type Policy struct {
	sha256 string
	all    rules
	kinds  map[string]rules
}

// SHA256 (hex) of the file's bytes.
func (p *Policy) SHA256() string { return p.sha256 }

// rules of a kind; of a kind that is unknown, those of all.
func (p *Policy) rules(kind string) rules {
	if r, known := p.kinds[kind]; known {
		return r
	}
	return p.all
}

// Invalid lists everything that is wrong with a policy file.
type Invalid struct { //nolint:errname // it is a state, as spec.InvalidInput
	Problems []spec.Problem
}

func (e *Invalid) Error() string {
	if len(e.Problems) == 1 {
		return "invalid policy: " + e.Problems[0].String()
	}
	lines := []string{fmt.Sprintf("invalid policy: %d problems", len(e.Problems))}
	for _, p := range e.Problems {
		lines = append(lines, "  "+p.String())
	}
	return strings.Join(lines, "\n")
}

// Default is the built-in policy, default.yaml.
func Default() *Policy {
	p, err := decode(defaultFile, rules{})
	if err != nil {
		panic("policy: the built-in default is broken: " + err.Error()) // its test loads it
	}
	return p
}

// Load reads a policy file; an empty path means the built-in default. Returns *Invalid with every problem.
func Load(path string) (*Policy, error) {
	if path == "" {
		return Default(), nil
	}
	info, err := os.Stat(path) // before reading, which waits for a writer if it is a pipe
	if err == nil && (!info.Mode().IsRegular() || info.Size() > MaxFileBytes) {
		err = fmt.Errorf("%s is not a regular file of at most %d bytes", path, MaxFileBytes)
	}
	if err != nil {
		return nil, fmt.Errorf("read policy: %w", err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read policy: %w", err)
	}
	p, err := Decode(data)
	if err != nil {
		return nil, fmt.Errorf("read policy %s: %w", path, err)
	}
	return p, nil
}

// Decode reads a policy, YAML 1.2 or JSON. The error is an *Invalid with every problem and its line.
func Decode(data []byte) (*Policy, error) { return decode(data, Default().all) }

func decode(data []byte, around rules) (*Policy, error) {
	if len(data) > MaxFileBytes {
		return nil, &Invalid{[]spec.Problem{{Message: fmt.Sprintf("%d bytes is more than the %d that a policy may have", len(data), MaxFileBytes)}}}
	}
	var file File
	if found := spec.DecodeStrict(data, &file, func() []spec.Problem { return validate(file) }); len(found) > 0 {
		return nil, &Invalid{found}
	}
	sum := sha256.Sum256(data)
	all := around.within(file.All)
	return &Policy{sha256: hex.EncodeToString(sum[:]), all: all, kinds: map[string]rules{
		spec.KindEvaluation:     all.within(file.Kinds.Evaluation),
		spec.KindDataPrep:       all.within(file.Kinds.DataPrep),
		spec.KindToolSimulation: all.within(file.Kinds.ToolSimulation),
	}}, nil
}
