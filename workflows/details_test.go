package workflows

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"pitwall/internal/spec"
)

// hostile is what a sandbox may write into a step's name, an explanation or an error.
var hostile = []string{
	"```\n# owned\n```", "~~~", "<script>alert(1)</script>", "![x](http://evil.example/x.png)", "[click](javascript:alert(1))",
	"https://evil.example", "a|b|c", "\u202Egnp.exe", "\x1b[31mred\x07", "\xff\xfe", "line\u2028line", "{namespace}", strings.Repeat("x", 10_000),
}

func requireInert(t *testing.T, markdown string) {
	t.Helper()
	require.True(t, utf8.ValidString(markdown))
	lines := strings.Split(strings.TrimSuffix(markdown, "\n"), "\n")
	require.Equal(t, "```text", lines[0])
	require.Equal(t, "```", lines[len(lines)-1])
	for _, line := range lines[1 : len(lines)-1] {
		require.Regexp(t, `^[a-z]`, line, "a line that begins with a word of ours ends no block")
		require.LessOrEqual(t, utf8.RuneCountInString(line), maxShownText+20)
		require.NotRegexp(t, `[\p{Cc}\p{Cf}\x{2028}\x{2029}]`, line)
	}
	require.LessOrEqual(t, len(markdown), 16<<10, "it goes through a URL")
}

func TestDetailsOfAnEvalAreInertWhateverItsSandboxWrote(t *testing.T) {
	for _, text := range hostile {
		e := &eval{progress: EvalProgress{Phase: phaseDone, Attempt: 2, SandboxID: text}}
		e.plan.Input.MaxAttempts = 3
		e.result = spec.EvalResult{
			Status: spec.StatusCompleted, Score: &spec.Score{Explanation: text}, ResultURI: text,
			Job: &spec.JobResult{Steps: make([]spec.StepResult, 40)},
		}
		for i := range e.result.Job.Steps {
			e.result.Job.Steps[i] = spec.StepResult{Name: text, Limit: text}
		}
		for i := range 12 {
			e.result.Attempts = append(e.result.Attempts, spec.Attempt{Number: i + 1, Error: &spec.EvalError{Type: text, Message: text}})
		}
		requireInert(t, e.details())
	}
}

func TestDetailsOfACampaignCountTheRunningShard(t *testing.T) {
	c := &campaign{id: "night", progress: CampaignProgress{Phase: "running", Total: 40, Shard: "shard/night/1"}}
	c.progress.add(Counts{Started: 10, Finished: 10, Passed: 7, Failed: 3, LastErrors: hostile})
	c.live = ShardResult{Counts: Counts{Started: 12, Finished: 10, Passed: 9, Errors: 1, LastErrors: hostile}}
	requireInert(t, c.details())
	require.Contains(t, c.details(), "20 of 40  [##########..........]")
	require.Regexp(t, `(?m)^passed +16$`, c.details())
	require.Regexp(t, `(?m)^open +2$`, c.details())
}

func TestReportsToACampaignAreBounded(t *testing.T) {
	for _, trials := range []int{0, 1, 99, 100, 101, 10_000, 1_000_000} {
		every := reportEvery(trials)
		require.Positive(t, every)
		require.LessOrEqual(t, trials/every, maxReports)
	}
}
