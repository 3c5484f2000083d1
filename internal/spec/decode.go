package spec

import (
	"errors"
	"reflect"
	"strings"
)

// DecodeEval reads one EvalInput from YAML 1.2 or JSON and validates it. Unknown fields, wrong types, duplicate keys,
// YAML aliases, and everything that Validate finds are returned together, with lines, as one *InvalidInput.
//
// A plain YAML scalar in a text field is taken as written (010 is "010", yes is "yes"); a number must be decimal and a
// boolean true or false, so no value can mean something else than it shows.
func DecodeEval(data []byte) (EvalInput, error) {
	var in EvalInput
	err := decode(data, &in, func() error { return in.Validate() })
	return in, err
}

// DecodeCampaign reads one CampaignInput, as DecodeEval does.
func DecodeCampaign(data []byte) (CampaignInput, error) {
	var in CampaignInput
	err := decode(data, &in, func() error { return in.Validate() })
	return in, err
}

// DecodeScorer reads one Scorer, as DecodeEval does, and resolves its defaults for a job. Nothing in it is a template.
func DecodeScorer(data []byte, job Job) (Scorer, error) {
	var s Scorer
	err := decode(data, &s, func() error {
		s.fillDefaults(job)
		c := checker{}
		c.scorer(&s, job)
		return c.err()
	})
	return s, err
}

// UnmarshalJSON refuses unknown fields at any depth, so that a typing error in Temporal's Start Workflow form fails at
// once and by name. It does not validate: the receiver does, once its defaults are known.
func (in *EvalInput) UnmarshalJSON(data []byte) error {
	return decodePayload(data, in)
}

// UnmarshalJSON refuses unknown fields at any depth, like EvalInput's.
func (in *CampaignInput) UnmarshalJSON(data []byte) error {
	return decodePayload(data, in)
}

// Override returns a copy of in with the fields of a JSON object laid over it: objects merge, lists and values replace.
// The result is not validated.
func (in EvalInput) Override(object []byte) (EvalInput, error) {
	in = in.clone()
	err := decodePayload(object, &in)
	return in, err
}

// decodePayload decodes what people see as fields, not as lines.
func decodePayload(data []byte, into any) error {
	err := decode(data, into, nil)
	var invalid *InvalidInput
	if errors.As(err, &invalid) {
		for i := range invalid.Problems {
			invalid.Problems[i].Line = 0
		}
	}
	return err
}

// decode fills the struct that into points at; validate (nil: none) is asked for what only the whole value can show.
func decode(data []byte, into any, validate func() error) error {
	a := assigner{lines: map[string]int{}}
	root, literal := parse(data, &a.problems)
	a.literal = literal
	if root == nil {
		return a.err()
	}
	if root.kind != kindMap && root.kind != kindNull {
		a.add("", root.line, "is %s: want an object with the fields %s", root.kind, strings.Join(fieldNames(reflect.TypeOf(into).Elem()), ", "))
		return a.err()
	}
	a.assign(reflect.ValueOf(into).Elem(), root, "")
	if validate == nil {
		return a.err()
	}
	var found problems
	found.take(validate())
	a.merge(found.found)
	return a.err()
}

// merge adds the validation's problems with their lines, but not those that only echo a value that did not decode.
func (a *assigner) merge(validation []Problem) {
	decoding := a.found
	for _, p := range validation {
		if !echoes(p.Path, decoding) {
			a.add(p.Path, a.lineOf(p.Path), "%s", p.Message)
		}
	}
}

func echoes(path string, decoding []Problem) bool {
	for _, d := range decoding {
		if path == d.Path || path == "" || d.Path == "" || within(d.Path, path) || within(path, d.Path) {
			return true
		}
	}
	return false
}

// within reports whether the path inner stands inside the path outer.
func within(inner, outer string) bool {
	rest, ok := strings.CutPrefix(inner, outer)
	return ok && rest != "" && (rest[0] == '.' || rest[0] == '[')
}

// lineOf is the line of the path, or of the nearest thing around it that the file has.
func (a *assigner) lineOf(path string) int {
	for {
		if line, ok := a.lines[path]; ok {
			return line
		}
		cut := strings.LastIndexAny(path, ".[")
		if cut < 0 {
			return a.lines[""]
		}
		path = path[:cut]
	}
}
