package policy

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"

	"pitwall/internal/spec"
)

func TestEveryProblemIsReportedWithItsLine(t *testing.T) {
	_, err := Decode([]byte(`version: 2
all:
  languages: [python, ruby]
  max_ttl: 0s
  max_output_bytes: 0
  netwrok: {mode: none}
  network:
    mode: open
    cidrs: [10.0.0.0]
    domains: ["http://x"]
  input_folders: [srv, /srv/, /srv/../etc]
  images: [""]
kinds:
  data_prep:
    resources: {cpu: many}
    refuse:
      code:
      - {name: Two Words, pattern: a}
      - {name: a, pattern: "("}
      - {name: a, pattern: b}
  training: {}
`))
	var invalid *Invalid
	require.ErrorAs(t, err, &invalid)
	for _, want := range []string{
		`line 1: version: 2 is not a version`,
		`line 3: all.languages[1]: "ruby" is not python`,
		`line 4: all.max_ttl: 0s is out of bounds`,
		`line 5: all.max_output_bytes: 0 is out of bounds`,
		`line 6: all.netwrok: unknown field "netwrok"`,
		`line 8: all.network.mode: "open" is not known: want none, allow, full`,
		`line 9: all.network.cidrs[0]: "10.0.0.0" is not an IPv4 network`,
		`line 10: all.network.domains[0]: "http://x" is not a host name`,
		`line 11: all.input_folders[0]: "srv" is not an absolute path`,
		`line 11: all.input_folders[1]: "/srv/" is not an absolute path`,
		`line 11: all.input_folders[2]: "/srv/../etc" is not an absolute path`,
		`line 12: all.images[0]: "" is not an image's name`,
		`line 15: kinds.data_prep.resources.cpu: "many" is not usable here`,
		`line 18: kinds.data_prep.refuse.code[0].name: "Two Words" is not a pattern's name`,
		"line 19: kinds.data_prep.refuse.code[1].pattern: error parsing regexp",
		`line 20: kinds.data_prep.refuse.code[2].name: "a" is already the name of`,
		`line 21: kinds.training: unknown field "training"`,
	} {
		require.Contains(t, err.Error(), want)
	}
	require.Len(t, invalid.Problems, 17, "%v", err)
}

func TestAPolicyIsBounded(t *testing.T) {
	for name, text := range map[string]string{
		"bytes":    "version: 1\n" + strings.Repeat("#", MaxFileBytes),
		"entries":  "version: 1\nall: {tools: [" + strings.Repeat("a,", maxEntries) + "b]}",
		"entry":    "version: 1\nall: {tools: [" + strings.Repeat("a", maxEntryBytes+1) + "]}",
		"patterns": "version: 1\nall: {refuse: {code: [" + strings.Repeat("{name: a, pattern: a},", maxPatterns+1) + "]}}",
		"pattern":  "version: 1\nall: {refuse: {code: [{name: a, pattern: " + strings.Repeat("a", maxPatternBytes+1) + "}]}}",
		"time":     "version: 1\nall: {max_ttl: 9999h}",
		"nothing":  "",
		"no map":   "- a",
	} {
		_, err := Decode([]byte(text))
		require.ErrorAs(t, err, new(*Invalid), "%s: %v", name, err)
	}
}

func TestLoad(t *testing.T) {
	built, err := Load("")
	require.NoError(t, err)
	require.Equal(t, Default().SHA256(), built.SHA256())
	require.Len(t, built.SHA256(), 64)

	file := filepath.Join(t.TempDir(), "policy.yaml")
	_, err = Load(file)
	require.ErrorContains(t, err, "no such file")
	_, err = Load(filepath.Dir(file))
	require.ErrorContains(t, err, "is not a regular file")
	require.NoError(t, os.WriteFile(file, []byte("version: 1\nall: {max_tll: 1h}"), 0o600))
	_, err = Load(file)
	require.ErrorContains(t, err, file+": invalid policy: line 2: all.max_tll: unknown field")
	require.NoError(t, os.WriteFile(file, []byte("version: 1\n"), 0o600))
	p, err := Load(file)
	require.NoError(t, err)
	require.Equal(t, built.all, p.all, "what a file leaves open is the built-in policy's")
	require.NotEqual(t, built.SHA256(), p.SHA256())
}

func schemaOf(t testing.TB) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(Schema()))
	require.NoError(t, err)
	c := jsonschema.NewCompiler()
	require.NoError(t, c.AddResource("policy.json", doc))
	compiled, err := c.Compile("policy.json")
	require.NoError(t, err)
	return compiled
}

// FuzzDecode: whatever the bytes, there is a policy or a list of problems; a policy satisfies the schema, comes back the same
// from its JSON, and judges without a panic.
func FuzzDecode(f *testing.F) {
	for _, seed := range []string{string(defaultFile), strict, "version: 1\nkinds: {tool_simulation: {tools: [], refuse: {code: [{name: a, pattern: '(?i)x'}]}}}", "a: &a [*a]", "{", ""} {
		f.Add([]byte(seed))
	}
	schema := schemaOf(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := Decode(data)
		if err != nil {
			var invalid *Invalid
			require.ErrorAs(t, err, &invalid)
			require.NotEmpty(t, invalid.Problems)
			return
		}
		var file File
		require.Empty(t, spec.DecodeStrict(data, &file, func() []spec.Problem { return validate(file) }))
		encoded, err := json.Marshal(file)
		require.NoError(t, err)
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(encoded))
		require.NoError(t, err)
		require.NoError(t, schema.Validate(doc), "%s", encoded)
		back, err := Decode(encoded)
		require.NoError(t, err)
		for _, kind := range []string{"", spec.KindEvaluation, spec.KindDataPrep, spec.KindToolSimulation} {
			in := admitted()
			in.Kind = kind
			require.Equal(t, broken(t, p, in), broken(t, back, in))
		}
	})
}
