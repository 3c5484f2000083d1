package report

import (
	"bufio"
	"fmt"
	"io"
	"strings"
)

// maxGitHubTrials that did not pass are annotated: GitHub shows ten warnings and ten errors of a step.
const maxGitHubTrials = 10

// GitHub writes workflow commands: one annotation with the verdict, and a warning for each of the first trials that did not
// pass. Printed in a step of GitHub's actions they stand on the run's page and on the pull request's checks.
// https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands
func GitHub(w io.Writer, r *Report) error {
	out := bufio.NewWriter(w)
	annotate(out, verdictLevel(r), verdictText(r)+" "+r.Campaign, r.sentence())
	n := 0
	for t := range r.notPassed() {
		if n++; n <= maxGitHubTrials {
			annotate(out, "warning", t.name()+": "+t.Outcome, t.why())
		}
	}
	return out.Flush()
}

// verdictLevel: what is INCONCLUSIVE is not green either, as in JUnit.
func verdictLevel(r *Report) string {
	switch r.Verdict {
	case "PASS":
		return "notice"
	case "":
		return "warning"
	}
	return "error"
}

// annotate writes one command. Hostile text can begin none: it has no line of its own.
func annotate(out io.Writer, level, title, message string) {
	if message == "" {
		message = title
	}
	fmt.Fprintf(out, "::%s title=%s::%s\n", level, inProperty(clipped(title)), inMessage(clipped(message)))
}

// inMessage and inProperty escape as the runner reads: https://github.com/actions/toolkit, packages/core/src/command.ts.
func inMessage(text string) string {
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A").Replace(text)
}

func inProperty(text string) string {
	return strings.NewReplacer(":", "%3A", ",", "%2C").Replace(inMessage(text))
}
