package main

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"pitwall/internal/artifact"
	"pitwall/internal/compare"
	"pitwall/internal/config"
	"pitwall/internal/results"
	"pitwall/internal/spec"
)

// campaignStore writes campaigns over one dataset into a store in memory.
type campaignStore struct {
	*testing.T
	store *artifact.Store
}

func newCampaignStore(t *testing.T) campaignStore {
	t.Helper()
	store, err := artifact.Open(t.Context(), "mem://")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, store.Close()) })
	return campaignStore{t, store}
}

// outcomes of trials, in the order of their samples.
type outcomes []byte

const (
	passed = 'p'
	failed = 'f'
	broken = 'i'
)

func all(n int, outcome byte) outcomes {
	all := make(outcomes, n)
	for i := range all {
		all[i] = outcome
	}
	return all
}

// campaign writes a manifest and results, of samples from first on.
func (s campaignStore) campaign(in spec.CampaignInput, first int, trials outcomes) {
	s.Helper()
	_, _, err := results.WriteManifest(s.Context(), s.store, results.Header{Campaign: in.Name, DatasetSHA256: "d", Effective: in},
		func(yield func(results.Trial, error) bool) {
			for i := range trials {
				if !yield(results.Trial{Sample: strconv.Itoa(first + i), Epoch: 1}, nil) {
					return
				}
			}
		})
	require.NoError(s, err)
	root, retry := artifact.SplitRetry(in.Name)
	for i, outcome := range trials {
		code := 0
		result := spec.EvalResult{Status: spec.StatusCompleted, Job: &spec.JobResult{Steps: []spec.StepResult{{Name: "s", ExitCode: &code}}}}
		switch outcome {
		case passed:
			result.Score = &spec.Score{Passed: true, Value: 1}
		case failed:
			code, result.Score = 1, &spec.Score{}
		default:
			result.Status, result.Job = spec.StatusError, nil
			result.Error = &spec.EvalError{Origin: spec.OriginInfra, Type: "SandboxLost"}
		}
		_, err := results.WriteResult(s.Context(), s.store, artifact.TrialPrefix(root, strconv.Itoa(first+i), 1, retry), result)
		require.NoError(s, err)
	}
}

// end writes the summary, compared with the baseline that the input names.
func (s campaignStore) end(in spec.CampaignInput) {
	s.Helper()
	summary := spec.CampaignResult{Campaign: in.Name, Status: spec.StatusCompleted, Gate: &in.Gate}
	if in.Baseline != "" {
		before, err := compare.Read(s.Context(), s.store, in.Baseline)
		require.NoError(s, err)
		after, err := compare.Read(s.Context(), s.store, in.Name)
		require.NoError(s, err)
		options, err := compare.OptionsUnder(in.Gate, "")
		require.NoError(s, err)
		compared, err := compare.Pair(before, after, options)
		require.NoError(s, err)
		summary.Comparison = &compared
	}
	_, err := results.WriteSummary(s.Context(), s.store, summary)
	require.NoError(s, err)
}

// nights writes a baseline where all passed, and a night that may lose 2 % against it.
func (s campaignStore) nights(trials outcomes) spec.CampaignInput {
	s.Helper()
	most := 0.02
	base := spec.CampaignInput{Name: "base"}
	s.campaign(base, 0, all(len(trials), passed))
	s.end(base)
	night := spec.CampaignInput{Name: "night", Baseline: "base", Gate: spec.Gate{MaxRegression: &most}}
	s.campaign(night, 0, trials)
	s.end(night)
	return night
}

// What a retry found is held against the baseline as it is, not as the campaign's end found it.
func TestReportComparesWhatTheRetriesRepaired(t *testing.T) {
	s := newCampaignStore(t)
	night := s.nights(append(all(95, passed), all(5, broken)...))
	verdict := func(baseline string) (string, int) {
		made, err := readReport(t.Context(), s.store, "night", baseline)
		require.NoError(t, err)
		require.NotNil(t, made.Comparison)
		return made.Verdict, made.Comparison.NPaired
	}
	got, paired := verdict("")
	require.Equal(t, []any{spec.VerdictPass, 95}, []any{got, paired})

	night.Name, night.RetryOf, night.RetryNumber = "night/retry-1", "night", 1
	s.campaign(night, 95, all(5, failed))
	for _, baseline := range []string{"", "base"} {
		got, paired = verdict(baseline)
		require.Equal(t, []any{spec.VerdictFail, 100}, []any{got, paired}, "5 of 100 are worse; --baseline %q", baseline)
	}
	require.NoError(t, s.store.Delete(t.Context(), artifact.Manifest("base")))
	_, paired = verdict("")
	require.Equal(t, 95, paired, "the baseline is gone: the comparison that was made stands")
}

// A campaign that was judged again is compared with nothing of its own, and under its gate with what is named.
func TestReportOfARescoreIsHeldAgainstTheNamedBaseline(t *testing.T) {
	s := newCampaignStore(t)
	s.nights(all(10, failed))
	campaign, err := results.ReadCampaign(t.Context(), s.store, "night")
	require.NoError(t, err)
	rescored, err := rescore(t.Context(), s.store, campaign, &spec.Scorer{Type: spec.ScorerExitCode})
	require.NoError(t, err)
	require.Equal(t, spec.VerdictPass, rescored.Verdict, rescored.Reasons)
	made, err := readReport(t.Context(), s.store, rescored.Campaign, "")
	require.NoError(t, err)
	require.Nil(t, made.Comparison)
	require.Equal(t, spec.VerdictPass, made.Verdict, made.Reasons)
	made, err = readReport(t.Context(), s.store, rescored.Campaign, "base")
	require.NoError(t, err)
	require.Equal(t, spec.VerdictFail, made.Verdict)
}

// What a budget or a cancel cut short is so, too, when it is judged again.
func TestRescoreKeepsHowTheCampaignEnded(t *testing.T) {
	for ended, status := range map[string]string{"budget exhausted": spec.StatusCompleted, "": spec.StatusCancelled} {
		s := newCampaignStore(t)
		s.campaign(spec.CampaignInput{Name: "c"}, 0, all(40, passed))
		_, err := results.WriteSummary(t.Context(), s.store, spec.CampaignResult{Campaign: "c", Status: status, Ended: ended})
		require.NoError(t, err)
		campaign, err := results.ReadCampaign(t.Context(), s.store, "c")
		require.NoError(t, err)
		rescored, err := rescore(t.Context(), s.store, campaign, &spec.Scorer{Type: spec.ScorerExitCode})
		require.NoError(t, err)
		require.Equal(t, []string{status, ended, spec.VerdictInconclusive}, []string{rescored.Status, rescored.Ended, rescored.Verdict})
		made, err := readReport(t.Context(), s.store, rescored.Campaign, "")
		require.NoError(t, err)
		require.Equal(t, spec.VerdictInconclusive, made.Verdict)
	}
}

func TestComparisonWithoutAGateOnlyInforms(t *testing.T) {
	s := newCampaignStore(t)
	for name, trials := range map[string]outcomes{"base": all(10, passed), "night": append(all(9, passed), failed)} {
		s.campaign(spec.CampaignInput{Name: name}, 0, trials)
		s.end(spec.CampaignInput{Name: name})
	}
	made, err := readReport(t.Context(), s.store, "night", "base")
	require.NoError(t, err)
	require.Equal(t, []string{spec.VerdictPass, spec.VerdictPass}, []string{made.Verdict, made.Comparison.Verdict})
	require.Equal(t, 1, made.Comparison.NBroken)
}

// A result that cannot be read ends the rows; those before it are whole, also as JSON.
func TestRowsBeforeAnUnreadableOneAreWhole(t *testing.T) {
	dir := t.TempDir()
	store, err := artifact.Open(t.Context(), "file://"+dir)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, store.Close()) })
	s := campaignStore{t, store}
	s.campaign(spec.CampaignInput{Name: "c"}, 0, all(3, passed))
	_, err = store.Overwrite(t.Context(), artifact.Result(artifact.TrialPrefix("c", "1", 1, 0)), strings.NewReader("broken"), 100)
	require.NoError(t, err)
	var out bytes.Buffer
	term := &terminal{out: &out, output: outputJSON}
	target := deployment{Config: config.Config{Store: "file://" + dir}}
	require.ErrorContains(t, showResults(t.Context(), term, target, "c", resultsOptions{}), "decode")
	var rows []spec.TrialRow
	require.NoError(t, json.Unmarshal(out.Bytes(), &rows), out.String())
	require.Len(t, rows, 1)
}

func TestTrialsAddUp(t *testing.T) {
	require.Equal(t, "100: 40 scored, 30 passed, 0 infrastructure errors, 0 other errors, 1 cancelled, 59 not started",
		trialsText(spec.Metrics{NTotal: 100, NScored: 40, NPassed: 30, NCancelled: 1, NNotStarted: 59}))
}

// A part is held against what is asked of its trials, also beside a baseline.
func TestReportOfAPartWithABaseline(t *testing.T) {
	s := newCampaignStore(t)
	base := spec.CampaignInput{Name: "base"}
	s.campaign(base, 0, all(10, passed))
	s.end(base)
	least := 0.9
	in := spec.CampaignInput{Name: "c", Reducer: "pass@4", Gate: spec.Gate{MinAccuracy: &least}}
	s.campaign(in, 0, all(10, broken))
	s.end(in)
	in.Name, in.RetryOf, in.RetryNumber = "c/retry-1", "c", 1
	s.campaign(in, 0, append(all(5, passed), all(5, failed)...))
	summary := spec.CampaignResult{Campaign: in.Name, Status: spec.StatusCompleted}
	gate := results.Header{Effective: in}.Gate()
	summary.Gate = &gate
	_, err := results.WriteSummary(t.Context(), s.store, summary)
	require.NoError(t, err)
	made, err := readReport(t.Context(), s.store, in.Name, "")
	require.NoError(t, err)
	require.Equal(t, spec.VerdictPass, made.Verdict)
	made, err = readReport(t.Context(), s.store, in.Name, "base")
	require.NoError(t, err)
	require.Equal(t, spec.VerdictPass, made.Verdict, made.Reasons)
}

func TestReportAfterTheBaselinesNameWasTakenAgain(t *testing.T) {
	s := newCampaignStore(t)
	night := s.nights(append(all(95, passed), all(5, broken)...))
	night.Name, night.RetryOf, night.RetryNumber = "night/retry-1", "night", 1
	s.campaign(night, 95, all(5, passed))
	require.NoError(t, s.store.Delete(t.Context(), artifact.Manifest("base")))
	_, _, err := results.WriteManifest(t.Context(), s.store, results.Header{Campaign: "base", DatasetSHA256: "other"}, func(func(results.Trial, error) bool) {})
	require.NoError(t, err)
	_, err = readReport(t.Context(), s.store, "night", "")
	require.NoError(t, err)
}

func TestReducedOfAnOldSummary(t *testing.T) {
	value := 0.5
	old := spec.Reduced{Reducer: "mean", NSamples: 10, Value: &value, Interval: &spec.Bootstrap{}}
	require.NotContains(t, reducedText(old), "coverage")
	old.Coverage = 0.9
	require.Contains(t, reducedText(old), "coverage 0.900")
}
