package policy

import (
	"encoding/base64"
	"fmt"
	"strconv"

	"pitwall/internal/spec"
)

// checkPrograms looks for what is refused in everything that stands in the input itself.
func (r rules) checkPrograms(b *breach, in spec.EvalInput) {
	for i, step := range in.Job.Steps {
		seek(b, "refuse.commands", r.commands, stepPath(i, "command"), step.Command)
		seek(b, "refuse.code", r.code, stepPath(i, "code"), step.Code)
		seek(b, "refuse.code", r.code, stepPath(i, "stdin"), step.Stdin)
	}
	if in.Scorer != nil {
		seek(b, "refuse.commands", r.commands, "scorer.command", in.Scorer.Command)
	}
	inputFiles(in, func(path string, f spec.File) {
		if f.URI != "" && r.unseenFiles {
			b.add("refuse.unseen_files", "admits content only", path, "is given by uri")
		}
		seek(b, "refuse.code", r.code, path, f.Content)
		if decoded, err := base64.StdEncoding.DecodeString(f.ContentBase64); err == nil {
			seek(b, "refuse.code", r.code, path, string(decoded))
		}
	})
}

func seek(b *breach, rule string, refused []expression, path, text string) {
	if text == "" {
		return
	}
	for _, e := range refused {
		if at := e.re.FindStringIndex(text); at != nil {
			b.add(rule+"."+e.name, "is refused", path, "has it at byte "+strconv.Itoa(at[0]))
		}
	}
}

func indexed(path string, i int) string { return fmt.Sprintf("%s[%d]", path, i) }
