package report

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"pitwall/internal/results"
	"pitwall/internal/spec"
)

const key = "ghp_abcdefghijklmnopqrstuvwxyz0123456789"

// hostile is in every text of a trial.
const hostile = "</script><script>alert(1)</script><!--\u202e\x1b[2J\u2028\x00\xff]]>`|@all [x](javascript:1) " + key

func began() time.Time { return time.Date(2026, 11, 22, 3, 0, 0, 0, time.UTC) }

func finished(name string) results.Campaign {
	c := results.Campaign{
		Header:  results.Header{Campaign: name, DatasetSHA256: "d", Effective: spec.CampaignInput{PassAtK: []int{1}}},
		Summary: &spec.CampaignResult{Status: spec.StatusCompleted, StartedAt: began(), FinishedAt: began().Add(time.Minute)},
	}
	return c
}

// detail of a trial: passed is nil for one that infrastructure broke.
func detail(sample string, epoch int, passed *bool) results.Detail {
	row := spec.TrialRow{SampleID: sample, Epoch: epoch, Status: spec.StatusCompleted, Category: "c" + hostile, Attempts: 1, Cleanup: spec.CleanupProven}
	result := &spec.EvalResult{StartedAt: began(), FinishedAt: began().Add(3 * time.Second), Score: &spec.Score{Explanation: hostile}}
	if passed == nil {
		row.Status, row.Error = spec.StatusError, &spec.EvalError{Origin: spec.OriginInfra, Type: "SandboxLost", Message: hostile}
	} else {
		score := 0.0
		if *passed {
			score = 1
		}
		row.Passed, row.Score = passed, &score
	}
	row.Artifacts = []spec.Artifact{{Path: hostile, Status: spec.ArtifactRefused, Reason: hostile}}
	result.Job = &spec.JobResult{Steps: []spec.StepResult{{Name: "s", Stdout: spec.Stream{Tail: hostile}, Stderr: spec.Stream{Tail: "Traceback\n" + hostile + "\n"}}}}
	result.Attempts = []spec.Attempt{{Number: 1, Error: row.Error, Sandboxes: []spec.SandboxUse{{
		For: "job", Slot: 3, ID: "sandbox-1", CreatedAt: began(),
		Removal: &spec.Certificate{ConfirmedAt: began().Add(2 * time.Second), ConfirmedBy: "404", SandboxSeconds: 2},
	}}}}
	input := spec.EvalInput{Job: spec.Job{Steps: []spec.Step{{Name: "s", Code: hostile}}}}
	return results.Detail{Trial: results.Trial{Sample: sample, Epoch: epoch, Input: input}, Row: row, Result: result}
}

func hostileReport(t *testing.T) *Report {
	t.Helper()
	yes, no := true, false
	b := NewBuilder(finished("night" + hostile))
	for _, d := range []results.Detail{detail("=1+1"+hostile, 1, &yes), detail("b", 1, &no), detail("b", 2, &yes), detail("c", 1, nil)} {
		require.NoError(t, b.Add(d))
	}
	return b.Finish(nil)
}

func written(t *testing.T, form string, r *Report) string {
	t.Helper()
	f, ok := FormNamed(form)
	require.True(t, ok)
	var out bytes.Buffer
	require.NoError(t, f.Write(&out, r))
	return out.String()
}

func TestCountsAndJudges(t *testing.T) {
	t.Parallel()
	r := hostileReport(t)
	require.Equal(t, 4, r.Metrics.NTotal)
	require.Equal(t, 3, r.Metrics.NScored)
	require.Equal(t, 2, r.Metrics.NPassed)
	require.Equal(t, "INCONCLUSIVE", r.Verdict)
	require.Equal(t, []string{"coverage 0.75 is below min_coverage 0.95"}, r.Reasons)
	require.Equal(t, []string{Passed, Failed, Passed, InfraError}, []string{r.Trials[0].Outcome, r.Trials[1].Outcome, r.Trials[2].Outcome, r.Trials[3].Outcome})
	require.Equal(t, []int{0, 1, 1, 2}, []int{r.Trials[0].ProblemIndex, r.Trials[1].ProblemIndex, r.Trials[2].ProblemIndex, r.Trials[3].ProblemIndex})
	require.Len(t, r.Categories, 1)
	require.InDelta(t, 2.0/3, *r.Categories[0].Accuracy, 1e-9)
}

// What a campaign itself was not held against, for want of anything to compare it with, its report does not hold it against.
func TestMaxRegressionIsJudgedAsTheCampaignWas(t *testing.T) {
	t.Parallel()
	yes, most := true, 0.01
	verdict := func(change func(*results.Campaign), compared *spec.Comparison) string {
		c := finished("n")
		c.Effective.Gate.MaxRegression = &most
		change(&c)
		b := NewBuilder(c)
		require.NoError(t, b.Add(detail("a", 1, &yes)))
		if compared != nil {
			b.Compared(*compared)
		}
		return b.Finish(nil).Verdict
	}
	worse := &spec.Comparison{Baseline: "b", Verdict: spec.VerdictFail, Reasons: []string{"worse"}}
	inSeries := func(c *results.Campaign) { c.Effective.Series = "nightly" }
	require.Equal(t, spec.VerdictPass, verdict(inSeries, nil), "the first night")
	require.Equal(t, spec.VerdictFail, verdict(func(c *results.Campaign) { inSeries(c); c.Summary.Comparison = worse }, nil))
	require.Equal(t, spec.VerdictFail, verdict(inSeries, worse), "asked for with --baseline")
	require.Equal(t, spec.VerdictPass, verdict(func(c *results.Campaign) { c.Effective.Baseline, c.Effective.RetryOf = "b", "n" }, nil), "a retry")
	require.Equal(t, spec.VerdictInconclusive, verdict(func(c *results.Campaign) { c.Effective.Baseline = "b" }, nil), "its baseline is gone")
	require.Equal(t, spec.VerdictInconclusive, verdict(func(c *results.Campaign) {
		inSeries(c)
		c.Summary.Gate = &c.Effective.Gate
	}, nil), "a later night whose baseline is gone")
}

func TestACancelledCampaignIsNotGreen(t *testing.T) {
	t.Parallel()
	yes := true
	c := finished("night")
	c.Summary.Status = spec.StatusCancelled
	b := NewBuilder(c)
	for i := range 99 {
		require.NoError(t, b.Add(detail(strconv.Itoa(i), 1, &yes)))
	}
	require.NoError(t, b.Add(results.Detail{Row: spec.TrialRow{SampleID: "last", Epoch: 1, Status: spec.StatusCancelled}}))
	r := b.Finish(nil)
	require.Equal(t, spec.VerdictInconclusive, r.Verdict)
	require.Contains(t, r.Reasons[0], "cancelled")
}

func TestAnUnfinishedCampaignHasNoVerdict(t *testing.T) {
	t.Parallel()
	yes := true
	c := finished("running")
	c.Summary = nil
	b := NewBuilder(c)
	require.NoError(t, b.Add(detail("a", 1, &yes)))
	r := b.Finish(nil)
	require.Empty(t, r.Verdict)
	require.Equal(t, "unfinished", r.Status)
	require.Equal(t, results.MissingSkipped, c.Missing())
	require.Contains(t, written(t, "md", r), "# UNFINISHED")
	require.Contains(t, written(t, "junit", r), `skipped="1"`)
}

// lacks does not print the text.
func lacks(t *testing.T, form, text, part string) {
	t.Helper()
	at := strings.Index(text, part)
	require.Equal(t, -1, at, "%s has %q", form, part)
}

// Whatever the form: no secret, and nothing that its reader would take for more than text.
func TestHostileTextsStayText(t *testing.T) {
	t.Parallel()
	r := hostileReport(t)
	for _, form := range Forms {
		text := written(t, form.Name, r)
		lacks(t, form.Name, text, key)
		lacks(t, form.Name, text, "\x1b")
		lacks(t, form.Name, text, "\x00")
		if !slices.Contains([]string{"md", "csv", "github", "mail"}, form.Name) { // which have no tags
			lacks(t, form.Name, text, "<script>alert")
		}
		if form.Name != "json" && form.Name != "jsonl" && form.Name != "humaneval" { // which keep names as they are
			lacks(t, form.Name, text, "\u202e")
		}
	}
}

func TestHTMLAdmitsItsOwnStyleAndScriptAlone(t *testing.T) {
	t.Parallel()
	text := written(t, "html", hostileReport(t))
	policy := regexp.MustCompile(`Content-Security-Policy" content="([^"]+)"`).FindStringSubmatch(text)
	require.NotNil(t, policy)
	require.Contains(t, policy[1], "default-src &#39;none&#39;")
	require.Equal(t, 2, strings.Count(text, "<script"))
	require.Equal(t, 1, strings.Count(text, "<style"))
	require.NotRegexp(t, `(?i)<[a-z]+[^>]*\s(src|href|style|on[a-z]+)="?(http|//|javascript)`, text)
	block := regexp.MustCompile(`(?s)<script type="application/json" id="data">(.*?)</script>`).FindStringSubmatch(text)
	require.NotNil(t, block)
	var rows []pageRow
	require.NoError(t, json.Unmarshal([]byte(block[1]), &rows))
	require.Len(t, rows, 4)
	require.Contains(t, rows[0].Sample, `=1+1</script>`)
	require.Contains(t, rows[1].Texts[0].Text, `[REDACTED:github-token]`)
	require.Contains(t, fmt.Sprint(rows[3].Tries), "confirmed by 404")
}

func TestJSONIsTheReport(t *testing.T) {
	t.Parallel()
	r := hostileReport(t)
	var again Report
	require.NoError(t, json.Unmarshal([]byte(written(t, "json", r)), &again))
	require.Len(t, again.Trials, 4)
	require.Equal(t, r.Metrics, again.Metrics)
	require.Equal(t, strings.ToValidUTF8(r.Trials[0].SampleID, "\ufffd"), again.Trials[0].SampleID)
}

func TestCSVHasNoFormulas(t *testing.T) {
	t.Parallel()
	rows, err := csv.NewReader(strings.NewReader(written(t, "csv", hostileReport(t)))).ReadAll()
	require.NoError(t, err)
	require.Len(t, rows, 5)
	require.True(t, strings.HasPrefix(rows[1][0], "'=1+1"), rows[1][0])
	require.Equal(t, []string{"b", "2"}, rows[3][:2])
	rapid.Check(t, func(t *rapid.T) {
		got := cell(rapid.String().Draw(t, "text"))
		first := strings.TrimLeft(got, " \t\n\u00a0")
		require.False(t, first != "" && strings.ContainsRune("=+-@|%＝＋－＠", []rune(first)[0]), "%q", got)
	})
}

func TestJUnitCountsEachTrialOnce(t *testing.T) {
	t.Parallel()
	var suites junitSuites
	require.NoError(t, xml.Unmarshal([]byte(written(t, "junit", hostileReport(t))), &suites))
	suite := suites.Suites[0]
	require.Equal(t, []int{5, 1, 2, 0}, []int{suite.Tests, suite.Failures, suite.Errors, suite.Skipped})
	require.Equal(t, "verdict", suite.Cases[0].Name)
	require.Equal(t, "INCONCLUSIVE", suite.Cases[0].Error.Type)
	require.NotNil(t, suite.Cases[2].Failure)
	require.Contains(t, suite.Cases[2].Stdout, `\x1b[2J`)
	require.Contains(t, suite.Cases[4].Error.Message, "SandboxLost")
}

func TestLinesHaveNoTrialWithoutAScore(t *testing.T) {
	t.Parallel()
	r := hostileReport(t)
	decoder := json.NewDecoder(strings.NewReader(written(t, "jsonl", r)))
	var got []rewardLine
	for {
		var line rewardLine
		err := decoder.Decode(&line)
		if err == io.EOF {
			break
		}
		require.NoError(t, err)
		line.SampleID = ""
		got = append(got, line)
	}
	require.Equal(t, []rewardLine{{0, 0, 1, "", true}, {1, 0, 0, "", false}, {1, 1, 1, "", true}}, got)
	lines := strings.Split(strings.TrimSpace(written(t, "humaneval", r)), "\n")
	require.Len(t, lines, 3)
	require.Contains(t, lines[1], `{"task_id":"b","completion_id":0,"result":"failed: `)
	require.Contains(t, lines[2], `"completion_id":1,"result":"passed","passed":true}`)
}

// A code span holds any text in one cell of a table.
func TestMarkdownSpansHoldAnything(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringOf(rapid.SampledFrom([]rune("`|a<\n\r\\[]"))).Draw(t, "text")
		span := code(text)
		require.NotContains(t, span, "|")
		require.NotContains(t, span, "\n")
		fence := span[:len(span)-len(strings.TrimLeft(span, "`"))]
		if span == "" {
			return
		}
		require.True(t, strings.HasSuffix(span, fence))
		for _, run := range regexp.MustCompile("`+").FindAllString(strings.TrimSuffix(strings.TrimPrefix(span, fence), fence), -1) {
			require.Less(t, len(run), len(fence), "%q", span)
		}
	})
}

func TestTextsAreBounded(t *testing.T) {
	t.Parallel()
	yes, no := true, false
	b := NewBuilder(finished("large"))
	big := func(passed *bool, i int) results.Detail {
		d := detail(fmt.Sprint(i), 1, passed)
		d.Trial.Input.Job.Steps = nil
		for range 20 {
			d.Trial.Input.Job.Steps = append(d.Trial.Input.Job.Steps, spec.Step{Name: "s", Code: strings.Repeat("é", maxCode)})
		}
		return d
	}
	for i := range 300 {
		require.NoError(t, b.Add(big(&yes, i)))
	}
	require.NoError(t, b.Add(big(&no, 300)))
	r := b.Finish(nil)
	first := r.Trials[0].Texts
	texts, size := len(first), len(first[0].Text) // Len would print them
	require.Equal(t, maxCodes+2, texts)
	require.Equal(t, maxCode, size)
	require.True(t, first[0].Cut)
	require.Positive(t, r.WithoutTexts)
	require.NotEmpty(t, r.Trials[300].Texts, "what passed crowds out nothing that failed")
	total := 0
	for _, trial := range r.Trials {
		total += sizeOf(trial.Texts)
	}
	require.LessOrEqual(t, total, maxTexts)
}

func TestManyTrialsLeaveOutThoseThatPassed(t *testing.T) {
	t.Parallel()
	r := &Report{Trials: make([]Trial, maxPageTrials+10)}
	for i := range r.Trials {
		r.Trials[i].Outcome = Passed
	}
	r.Trials[maxPageTrials+9].Outcome, r.Trials[maxPageTrials+9].SampleID = Failed, "last"
	rows, leftOut, _ := pageRows(r)
	require.Equal(t, 10, leftOut)
	require.Len(t, rows, maxPageTrials)
	require.Equal(t, "last", rows[len(rows)-1].Sample)
}

// Any scores and times give a plot whose numbers are numbers.
func TestPlotsOfAnything(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOf(rapid.Float64Range(-math.MaxFloat64, math.MaxFloat64)).Draw(t, "values")
		r := &Report{}
		for _, v := range values {
			passed := v > 0
			r.Trials = append(r.Trials, Trial{Outcome: Failed, TrialRow: spec.TrialRow{Score: &v, Passed: &passed, Timings: spec.Timings{JobMS: int64(len(values))}}})
		}
		for _, f := range figures(r) {
			require.NotContains(t, string(f.SVG), "NaN")
			require.NotContains(t, string(f.SVG), "Inf")
			require.NoError(t, xml.Unmarshal([]byte(f.SVG), new(struct{})))
		}
	})
	for _, f := range figures(hostileReport(t)) {
		require.NoError(t, xml.Unmarshal([]byte(f.SVG), new(struct{})), f.Title)
	}
}

// A canary is no problem of the campaign's: with or without canaries the others have the same numbers.
func TestCanariesHaveNoProblemIndex(t *testing.T) {
	t.Parallel()
	yes := true
	b := NewBuilder(finished("c"))
	for _, id := range []string{"canary-1:sum", "sum", "canary-1:product", "product", "sum"} {
		d := detail(id, 1, &yes)
		if strings.HasPrefix(id, "canary-") {
			d.Row.Canary, d.Row.Passed, d.Row.Score = spec.ExpectPass, nil, nil
		}
		require.NoError(t, b.Add(d))
	}
	var got []int
	for _, trial := range b.Finish(nil).Trials {
		got = append(got, trial.ProblemIndex)
	}
	require.Equal(t, []int{-1, 0, -1, 1, 0}, got)
}

func TestThePageSaysWhatItLeavesOut(t *testing.T) {
	t.Parallel()
	for words, passed := range map[string]bool{"5 trials are left out of this file, all of which passed": true, "5 trials are left out of this file, 5 of which did not pass": false} {
		b := NewBuilder(finished("c"))
		for i := range maxPageTrials + 5 {
			score := 0.0
			row := spec.TrialRow{SampleID: strconv.Itoa(i), Epoch: 1, Status: spec.StatusCompleted, Passed: &passed, Score: &score}
			require.NoError(t, b.Add(results.Detail{Row: row}))
		}
		require.Contains(t, written(t, "html", b.Finish(nil)), words)
	}
}

func TestMarkdownEndsItsLists(t *testing.T) {
	t.Parallel()
	difference := -0.5
	r := NewBuilder(finished("c")).Finish(nil)
	r.Comparison = &spec.Comparison{Baseline: "a", Verdict: "FAIL", Difference: &difference, Reasons: []string{"fell by 0.5"}, NBroken: 1, Broken: []string{"x"}}
	require.Contains(t, written(t, "md", r), "- `fell by 0.5`\n\nBroken (1): `x`\n")
}

// An axis has each number once, and none where it has no whole one.
func TestAxesOfSmallCounts(t *testing.T) {
	t.Parallel()
	for most, want := range map[int][]string{1: {"0", "1"}, 2: {"0", "1", "2"}, 3: {"0", "3"}} {
		values := make([]float64, most)
		svg := string(histogram("Scores", values, func(float64) string { return "" }).SVG)
		var got []string
		for _, match := range regexp.MustCompile(`>(\d+)</text>`).FindAllStringSubmatch(svg, -1) {
			got = append(got, match[1])
		}
		require.Equal(t, want, got)
	}
}

// Also where a spreadsheet separates cells by ; or reads a line end within quotes as one, no cell is a formula.
func TestCSVHasNoFormulasWhereSemicolonsSeparate(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		parts := rapid.SliceOf(rapid.SampledFrom([]string{";", "=1+1", "\n", "\t", " ", "-", "a", "@x", "\u00a0", "＝", "\r", "+", `"`}))
		text := cell(strings.Join(parts.Draw(t, "parts"), ""))
		for _, cell := range strings.FieldsFunc(text, func(r rune) bool { return r == ';' || r == '\t' || r == '\n' }) {
			begins := strings.TrimLeft(cell, " \"\u00a0")
			require.False(t, begins != "" && strings.ContainsAny(string([]rune(begins)[:1]), "=+-@＝＋－＠|%"), "%q in %q", cell, text)
		}
	})
}

func TestFormsOfJSONHideNothing(t *testing.T) {
	t.Parallel()
	for _, form := range []string{"json", "jsonl", "humaneval", "gitlab"} {
		text := written(t, form, hostileReport(t))
		require.False(t, strings.ContainsAny(text, "\u009b\u007f\u202e\u2028"), form)
	}
}

func TestGitLabListsAsManyTrialsAsItSays(t *testing.T) {
	t.Parallel()
	no, least := false, 0.5
	for most, gate := range map[int]spec.Gate{maxGitLabTrials: {}, maxGitLabTrials + 1: {MinAccuracy: &least}} {
		c := finished("c")
		c.Effective.Gate = gate
		b := NewBuilder(c)
		for i := range maxGitLabTrials + 5 {
			require.NoError(t, b.Add(detail(strconv.Itoa(i), 1, &no)))
		}
		var all []json.RawMessage
		require.NoError(t, json.Unmarshal([]byte(written(t, "gitlab", b.Finish(nil))), &all))
		require.Len(t, all, most, "and the verdict")
	}
}
