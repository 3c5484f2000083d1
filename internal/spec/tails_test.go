package spec_test

import (
	"encoding/json"
	"math/rand/v2"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/converter"

	"pitwall/internal/spec"
)

// alphabet has what JSON writes in each of its ways.
var alphabet = []rune("ab\x00\x1f\x7f\"\\\n\t<>&é\u2028\uFFFD😀")

func randomText(random *rand.Rand, runes int) string {
	text := make([]rune, runes)
	for i := range text {
		text[i] = alphabet[random.IntN(len(alphabet))]
	}
	return string(text)
}

func encoded(t *testing.T, text string) int {
	data, err := json.Marshal(text)
	require.NoError(t, err)
	return len(data) - 2
}

func tails(job spec.JobResult) []spec.Stream {
	var all []spec.Stream
	for _, step := range job.Steps {
		all = append(all, step.Stdout, step.Stderr)
	}
	return all
}

func TestTailsStayWithinTheirBudgetAndAreEnds(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		var job spec.JobResult
		sum := 0
		for range 1 + random.IntN(spec.MaxSteps) {
			step := spec.StepResult{
				Stdout: spec.Stream{Tail: randomText(random, random.IntN(4<<random.IntN(12)))},
				Stderr: spec.Stream{Tail: randomText(random, random.IntN(4<<random.IntN(12)))},
			}
			sum += encoded(t, step.Stdout.Tail) + encoded(t, step.Stderr.Tail)
			job.Steps = append(job.Steps, step)
		}
		before := tails(job)
		job.BoundTails()
		kept, longest, shortestCut := 0, 0, spec.MaxTailsBytes
		for i, s := range tails(job) {
			require.True(t, strings.HasSuffix(before[i].Tail, s.Tail))
			require.True(t, utf8.ValidString(s.Tail))
			require.Equal(t, s.Tail != before[i].Tail, s.TailCut)
			n := encoded(t, s.Tail)
			kept, longest = kept+n, max(longest, n)
			if s.TailCut {
				shortestCut = min(shortestCut, n)
			}
		}
		require.LessOrEqual(t, kept, spec.MaxTailsBytes)
		if sum <= spec.MaxTailsBytes {
			require.Equal(t, sum, kept, "what fits is not cut")
			continue
		}
		require.Greater(t, kept, spec.MaxTailsBytes-64*6, "no room is wasted but the part of a character for each")
		require.LessOrEqual(t, longest-shortestCut, 64*6, "those that are cut have the most, and the same")
	}
}

func TestLastBytesCutsBetweenCharacters(t *testing.T) {
	require.Equal(t, "é", spec.LastBytes("aé", 2))
	require.Empty(t, spec.LastBytes("aé", 1))
	require.Equal(t, "aé", spec.LastBytes("aé", 3))
	require.Equal(t, "b", spec.LastBytes("a😀b", 4))
}

// The worst that a job can say, told by the worst of evals, fits into a payload of Temporal's twice over.
func TestTheWorstEvalResultFitsIntoAPayload(t *testing.T) {
	long := strings.Repeat("\x01", spec.MaxTextBytes)
	stream := spec.Stream{
		BytesTotal: 1 << 40, BytesKept: 1 << 30, SHA256: strings.Repeat("a", 64), Truncated: true,
		Prefix: strings.Repeat("p", 800), Tail: strings.Repeat("\x01", spec.TailBytes),
	}
	job := spec.JobResult{SupervisorLost: true, DurationMS: 1 << 40}
	for range spec.MaxSteps {
		job.Steps = append(job.Steps, spec.StepResult{Name: long[:64], Limit: "processes", DurationMS: 1 << 40, Stdout: stream, Stderr: stream})
	}
	job.BoundTails()
	payload, err := converter.GetDefaultDataConverter().ToPayload(job)
	require.NoError(t, err)
	require.Less(t, len(payload.Data), 256<<10, "Temporal warns from here on")

	result := spec.EvalResult{Job: &job}
	bare := job.WithoutTails()
	for n := range spec.MaxAttemptsBound {
		result.Attempts = append(result.Attempts, spec.Attempt{Number: n, Job: &bare, EvidencePrefix: stream.Prefix})
	}
	payload, err = converter.GetDefaultDataConverter().ToPayload(result)
	require.NoError(t, err)
	require.Less(t, len(payload.Data), 1<<20)
	require.NotEmpty(t, job.Steps[0].Stdout.Tail, "the copy lost its tails, and not the job")
}
