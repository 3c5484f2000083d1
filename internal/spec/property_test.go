package spec

import (
	"bytes"
	"encoding/json"
	"reflect"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v4"
	"pgregory.net/rapid"
)

// inputs draws EvalInputs, mostly not valid ones, of every shape that Go callers can send.
func inputs() *rapid.Generator[EvalInput] { return rapid.Make[EvalInput]() }

func TestDefaultsAreIdempotentAndShareNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := inputs().Draw(t, "in")
		before := in.clone()
		once := in.WithDefaults(Defaults{})
		require.Equal(t, once, once.WithDefaults(Defaults{}))
		scribble(reflect.ValueOf(&once).Elem())
		require.Equal(t, before, in.clone())
	})
}

// scribble overwrites everything that v reaches.
func scribble(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			scribble(v.Elem())
		}
	case reflect.Struct:
		for i := range v.NumField() {
			scribble(v.Field(i))
		}
	case reflect.Slice:
		for i := range v.Len() {
			scribble(v.Index(i))
		}
	case reflect.Map:
		for _, key := range v.MapKeys() {
			v.SetMapIndex(key, reflect.ValueOf("scribbled"))
		}
	default:
		v.SetZero()
	}
}

func TestDigestIsOfTheMeaning(t *testing.T) {
	a, err := DecodeEval([]byte("sandbox: {env: {}, network: }\njob: {steps: [{command: x}], env: {B: '1', A: '2'}}\nartifacts: []\n"))
	require.NoError(t, err)
	b, err := DecodeEval([]byte(`{"job":{"env":{"A":"2","B":"1"},"steps":[{"command":"x"}]}}`))
	require.NoError(t, err)
	require.Equal(t, InputDigest(b), InputDigest(a))
	b.Job.Steps[0].Continue = true
	require.NotEqual(t, InputDigest(b), InputDigest(a))
}

func TestWhatEncodesDecodesToTheSame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := inputs().Draw(t, "in")
		data, err := json.Marshal(in)
		if err != nil {
			t.Skip("not JSON")
		}
		var strict EvalInput
		if err := json.Unmarshal(data, &strict); err != nil {
			// Only what no file could say either may be refused: the empty key.
			require.ErrorContains(t, err, "a key must be a non-empty text")
			return
		}
		require.Equal(t, InputDigest(in), InputDigest(strict))
	})
}

// Clocks, where they exist, keep their order whatever the limits.
func TestClocksKeepTheirOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := EvalInput{Sandbox: Sandbox{TTL: Duration(rapid.Int64Range(0, int64(48*60*60*1e9)).Draw(t, "ttl"))}}
		for range rapid.IntRange(1, MaxSteps).Draw(t, "steps") {
			in.Job.Steps = append(in.Job.Steps, Step{Command: "x", TimeLimit: Duration(rapid.Int64Range(1, int64(MaxTimeLimit)).Draw(t, "limit"))})
		}
		maxTTL := Duration(rapid.Int64Range(0, int64(1000*60*60*1e9)).Draw(t, "max")).Std()
		c, err := in.Clocks(maxTTL)
		if err != nil {
			return
		}
		require.LessOrEqual(t, c.JobLimit+UploadAllowance+DownloadAllowance+ClockMargin, c.LeaseDeadline)
		require.LessOrEqual(t, c.LeaseDeadline, c.TTL-ClockMargin)
		require.GreaterOrEqual(t, c.TTL, in.Sandbox.TTL.Std())
	})
}

func FuzzDecodeEval(f *testing.F) {
	for _, seed := range []string{smallest, "job:\n  steps:\n  - command: x\n", "a: &a [*a]", "{", "job: {steps: [{command: x}], env: {? [a] : b}}", "\xef\xbb\xbf" + smallest, "<<: {a: b}"} {
		f.Add([]byte(seed))
	}
	schema := compile(f, EvalSchema())
	f.Fuzz(func(t *testing.T, data []byte) {
		in, err := DecodeEval(data)
		if err != nil {
			require.NotEmpty(t, problemsOf(t, err))
			return
		}
		full := in.WithDefaults(Defaults{})
		require.NoError(t, full.Validate())
		encoded, err := json.Marshal(full)
		require.NoError(t, err)
		back, err := DecodeEval(encoded)
		require.NoError(t, err)
		require.Equal(t, InputDigest(full), InputDigest(back))
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(encoded))
		require.NoError(t, err)
		require.NoError(t, schema.Validate(doc))
	})
}

func FuzzDecodeCampaign(f *testing.F) {
	f.Add([]byte("dataset: {uri: x}\neval: {job: {steps: [{code: '{{.a}}'}]}}\n"))
	f.Add([]byte("dataset: {uri: x, category_field: '{{.a}}'}\nanswers: {from: text, text: x}\neval: {job: {steps: [{code: '{{range .}}{{end}}'}]}}\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		in, err := DecodeCampaign(data)
		if err != nil {
			require.NotEmpty(t, problemsOf(t, err))
			return
		}
		require.NoError(t, in.WithDefaults(Defaults{}).Validate())
		_, err = in.Eval.Compile() // not rendered: a template may loop as long as it likes
		require.NoError(t, err)
	})
}

func compile(tb testing.TB, schema []byte) *jsonschema.Schema {
	tb.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(schema))
	require.NoError(tb, err)
	c := jsonschema.NewCompiler()
	require.NoError(tb, c.AddResource("schema.json", doc))
	compiled, err := c.Compile("schema.json")
	require.NoError(tb, err)
	return compiled
}

func TestSchemaSeesUnknownFieldsAndWrongTypes(t *testing.T) {
	schema := compile(t, CampaignSchema())
	for text, ok := range map[string]bool{
		"dataset: {uri: x}\neval: {job: {steps: [{command: x, time_limit: 90s}]}}":                  true,
		"dataset: {uri: x}\neval: {job: {steps: [{command: x, time_limit: '90'}]}}":                 false,
		"dataset: {uri: x}\neval: {job: {steps: [{comand: x}]}}":                                    false,
		"dataset: {uri: x}\nepochs: many\neval: {job: {steps: [{command: x}]}}":                     false,
		"dataset: {uri: x}\neval: {job: {steps: [{command: x}]}, sandbox: {network: {mode: none}}}": true,
	} {
		var doc any
		require.NoError(t, yaml.Unmarshal([]byte(text), &doc))
		err := schema.Validate(doc)
		require.Equal(t, ok, err == nil, "%s: %v", text, err)
	}
}
