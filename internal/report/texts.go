package report

import (
	"slices"
	"unicode/utf8"

	"pitwall/internal/redact"
	"pitwall/internal/spec"
)

const (
	// maxCode and maxTail bound each text, in bytes, maxCodes and maxTails their number: what a person reads before opening the
	// files. The last steps' tails are kept, because a job ends with the step that failed.
	maxCode  = 8 << 10
	maxTail  = 4 << 10
	maxCodes = 8
	maxTails = 8
	// maxLine bounds a name, a message or a reason.
	maxLine = 2 << 10
)

// rules look for what looks like a key. What is stored was redacted already, with the values; this is the last door.
var rules *redact.Redactor

func clean(text string) string {
	kept, _ := beginning(rules.String(text), maxLine)
	return kept
}

func cleanAll(texts []string) []string {
	cleaned := make([]string, len(texts))
	for i, text := range texts {
		cleaned[i] = clean(text)
	}
	return cleaned
}

func cleanError(err *spec.EvalError) *spec.EvalError {
	if err == nil {
		return nil
	}
	return &spec.EvalError{Origin: err.Origin, Type: clean(err.Type), Message: clean(err.Message)}
}

func cleanArtifacts(all []spec.Artifact) []spec.Artifact {
	listed := slices.Clone(all[:min(len(all), maxArtifacts)])
	for i, one := range listed {
		listed[i].Path, listed[i].Reason = clean(one.Path), clean(one.Reason)
	}
	return listed
}

func cleanComparison(c *spec.Comparison) *spec.Comparison {
	if c == nil {
		return nil
	}
	cleaned := *c
	cleaned.Baseline, cleaned.Candidate = clean(c.Baseline), clean(c.Candidate)
	for _, names := range []*[]string{&cleaned.Broken, &cleaned.Fixed, &cleaned.OnlyBaseline, &cleaned.OnlyCandidate, &cleaned.Reasons} {
		*names = cleanAll(*names)
	}
	return &cleaned
}

// codeOf is what the trial was told to run: the files that its input carries, and its steps.
func codeOf(in spec.EvalInput) []Text {
	var texts []Text
	add := func(name, of, text string) {
		if text == "" || len(texts) == maxCodes {
			return
		}
		kept, cut := beginning(rules.String(text), maxCode)
		texts = append(texts, Text{clean(name), of, kept, cut})
	}
	for _, file := range in.Inputs.Files {
		add(file.Path, TextFile, file.Content)
	}
	for _, step := range in.Job.Steps {
		add(step.Name, TextCommand, step.Command)
		add(step.Name, TextCode, step.Code)
	}
	return texts
}

func tailsOf(job spec.JobResult) []Text {
	var texts []Text
	for _, step := range job.Steps {
		for i, stream := range []spec.Stream{step.Stdout, step.Stderr} {
			if stream.Tail == "" {
				continue
			}
			kept, cut := end(rules.String(stream.Tail), maxTail)
			texts = append(texts, Text{clean(step.Name), []string{TextStdout, TextStderr}[i], kept, cut || stream.TailCut || stream.Truncated})
		}
	}
	return texts[max(0, len(texts)-maxTails):]
}

// beginning of a text, in whole runes.
func beginning(text string, most int) (kept string, cut bool) {
	if len(text) <= most {
		return text, false
	}
	for most > 0 && !utf8.RuneStart(text[most]) {
		most--
	}
	return text[:most], true
}

// end of a text, in whole runes.
func end(text string, most int) (kept string, cut bool) {
	if len(text) <= most {
		return text, false
	}
	from := len(text) - most
	for from < len(text) && !utf8.RuneStart(text[from]) {
		from++
	}
	return text[from:], true
}

func sizeOf(texts []Text) int {
	size := 0
	for _, text := range texts {
		size += len(text.Text)
	}
	return size
}
