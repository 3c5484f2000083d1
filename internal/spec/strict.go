package spec

// DecodeStrict reads another of Pitwall's files, YAML 1.2 or JSON, into the struct that into points at, as strictly as
// DecodeEval reads an input: unknown fields, wrong types, duplicate keys and YAML aliases are problems, and so is what
// validate finds in the whole value. It returns all of them, with their lines, or none.
func DecodeStrict(data []byte, into any, validate func() []Problem) []Problem {
	var ps problems
	ps.take(decode(data, into, func() error { return (&problems{found: validate()}).err() }))
	return ps.found
}
