package spec

import (
	"math"
	"regexp"
	"slices"
	"strings"
)

// fieldPath is a dotted path into a JSON document; a number is an index.
var fieldPath = regexp.MustCompile(`^[^.\s]+(\.[^.\s]+)*$`)

func (c *checker) job(j Job) {
	if len(j.Steps) == 0 || len(j.Steps) > MaxSteps {
		c.bad("job.steps", "has %d steps: want 1 to %d, each with code or command", len(j.Steps), MaxSteps)
		return
	}
	if j.Cwd != "" {
		c.path("job.cwd", j.Cwd)
	}
	c.env("job.env", j.Env)
	c.secrets(j)
	c.size("job.max_output_bytes", j.MaxOutputBytes, MaxStreamBytes)
	seen := map[string]int{}
	for i, step := range j.Steps {
		at := index("job.steps", i)
		name := stepName(step, i)
		if first, dup := seen[name]; dup && !c.open(name) {
			c.bad(at+".name", "%q is already the name of %s: names are unique", clip(name), index("job.steps", first))
		}
		seen[name] = i
		c.step(at, step)
	}
}

func (c *checker) step(at string, s Step) {
	if s.Name != "" && !c.open(s.Name) && (!safeName.MatchString(s.Name) || !safeFile(s.Name)) {
		c.bad(at+".name", "%q is not usable: use 1 to 64 letters, digits, dots, dashes and underscores", clip(s.Name))
	}
	if (s.Command == "") == (s.Code == "") {
		c.bad(at, "needs exactly one of command (run by sh -c) and code (run by an interpreter)")
	}
	if s.Command != "" && s.Language != "" {
		c.bad(at+".language", "belongs to code, and this step has a command: remove it")
	}
	if strings.ContainsRune(s.Command, 0) {
		c.bad(at+".command", "has a NUL byte, which no command can hold: remove it")
	}
	c.choice(at+".language", s.Language, "python", "javascript", "typescript", "bash")
	c.inline += len(s.Command) + len(s.Code) + len(s.Stdin)
	c.env(at+".env", s.Env)
	c.timeLimit(at+".time_limit", s.TimeLimit)
}

// scorer checks the judge, and that it has no field of another type of judge.
func (c *checker) scorer(s *Scorer, job Job) {
	if s == nil {
		return
	}
	c.choice("scorer.type", s.Type, ScorerExitCode, ScorerJSONFile, ScorerRegex, ScorerCommand)
	if c.open(s.Type) {
		return
	}
	c.scorerFields(*s)
	switch s.Type {
	case ScorerJSONFile:
		c.path("scorer.path", s.Path)
		if s.Field != "" && !c.open(s.Field) && !fieldPath.MatchString(s.Field) {
			c.bad("scorer.field", "%q is not a dotted path such as metrics.accuracy", clip(s.Field))
		}
		if t := s.Threshold; t != nil && (math.IsNaN(*t) || math.IsInf(*t, 0)) {
			c.bad("scorer.threshold", "%v is not a finite number", *t)
		}
	case ScorerRegex:
		c.pattern(s.Pattern)
		c.choice("scorer.stream", s.Stream, StreamStdout, StreamStderr)
	case ScorerCommand:
		if s.Command == "" {
			c.bad("scorer.command", "is empty: give the command that judges; it passes when it exits 0")
		}
		if strings.ContainsRune(s.Command, 0) {
			c.bad("scorer.command", "has a NUL byte, which no command can hold: remove it")
		}
		c.inline += len(s.Command)
		c.files("scorer.files", s.Files)
		c.timeLimit("scorer.time_limit", s.TimeLimit)
	}
	c.scorerStep(s.Step, job)
}

func (c *checker) pattern(pattern string) {
	switch {
	case c.open(pattern):
	case pattern == "":
		c.bad("scorer.pattern", "is empty: give an RE2 expression, such as (?m)^PASS$")
	case len(pattern) > MaxPatternBytes:
		c.bad("scorer.pattern", "has %d bytes, more than %d: shorten it", len(pattern), MaxPatternBytes)
	default:
		if _, err := regexp.Compile(pattern); err != nil {
			c.bad("scorer.pattern", "%v: write it in RE2's syntax", err)
		}
	}
}

// scorerFields refuses fields that the type does not read: they would be a silent misunderstanding.
func (c *checker) scorerFields(s Scorer) {
	reads := map[string][]string{
		ScorerExitCode: {"step"},
		ScorerJSONFile: {"path", "field", "threshold"},
		ScorerRegex:    {"step", "pattern", "stream"},
		ScorerCommand:  {"command", "files", "time_limit"},
	}
	kind := s.Type
	setDefault(&kind, ScorerExitCode)
	allowed, known := reads[kind]
	if !known {
		return
	}
	for _, field := range []struct {
		name string
		set  bool
	}{
		{"step", s.Step != ""},
		{"path", s.Path != ""},
		{"field", s.Field != ""},
		{"threshold", s.Threshold != nil},
		{"pattern", s.Pattern != ""},
		{"stream", s.Stream != ""},
		{"command", s.Command != ""},
		{"files", len(s.Files) > 0},
		{"time_limit", s.TimeLimit != 0},
	} {
		if field.set && !slices.Contains(allowed, field.name) {
			c.bad("scorer."+field.name, "is not read by the scorer %s, which has %s: remove it or change the type", kind, strings.Join(allowed, ", "))
		}
	}
}

func (c *checker) scorerStep(name string, job Job) {
	if name == "" || c.open(name) {
		return
	}
	var names []string
	for i, step := range job.Steps {
		names = append(names, clip(stepName(step, i)))
		if stepName(step, i) == name || c.open(step.Name) {
			return
		}
	}
	c.bad("scorer.step", "%q is not a step of the job: the steps are %s", clip(name), strings.Join(names, ", "))
}
