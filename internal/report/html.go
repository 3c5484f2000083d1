package report

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html/template"
	"io"
	"slices"
	"strconv"
	"strings"

	"pitwall/internal/spec"
	"pitwall/internal/visible"
)

// maxPageTrials of an HTML file. Beyond it those that passed are left out first.
const maxPageTrials = 20_000

var (
	//go:embed page.html
	pageText string
	//go:embed page.css
	pageStyle string
	//go:embed page.js
	pageScript string

	pageTemplate = template.Must(template.New("page").Parse(pageText))
)

// page is what page.html shows.
type page struct {
	*Report
	Policy         string
	Style          template.CSS
	Script         template.JS
	VerdictText    string
	VerdictClass   string
	Facts          []fact
	Started, Ended string
	Figures        []figure
	Difference     string
	Data           template.JS
	Listed         int
	// LeftOut trials are not listed; FailedLeftOut of them did not pass.
	LeftOut, FailedLeftOut int
}

// HTML writes one file that needs no network: the page, its style and its script. Its Content-Security-Policy admits these by
// their digests and nothing else, so that a text that got out of its quotes could still load and run nothing. Trials are data
// in a JSON block, which the script puts into the page as text.
func HTML(w io.Writer, r *Report) error {
	rows, leftOut, failedLeftOut := pageRows(r)
	data, err := json.Marshal(rows) // with <, >, &, U+2028 and U+2029 escaped
	if err != nil {
		return fmt.Errorf("encode the trials: %w", err)
	}
	shown := visibleReport(r)
	content := page{
		Report: shown, Style: template.CSS(pageStyle), Script: template.JS(pageScript), Data: template.JS(data), //nolint:gosec // our own files, and JSON as above
		Policy: fmt.Sprintf("default-src 'none'; style-src %s; script-src %s; base-uri 'none'; form-action 'none'",
			digest(pageStyle), digest(pageScript)),
		VerdictText: verdictText(shown), VerdictClass: verdictClass(shown.Verdict), Facts: shown.facts(), Started: moment(shown.StartedAt), Ended: moment(shown.FinishedAt),
		Figures: figures(shown), Difference: difference(shown.Comparison), Listed: len(rows), LeftOut: leftOut, FailedLeftOut: failedLeftOut,
	}
	var out bytes.Buffer
	if err := pageTemplate.Execute(&out, content); err != nil {
		return fmt.Errorf("write the page: %w", err)
	}
	_, err = out.WriteTo(w)
	return err
}

func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

// visibleReport is the report's head with its texts made visible; its trials are those of r.
func visibleReport(r *Report) *Report {
	shown := *r
	shown.Campaign = visible.Text(r.Campaign)
	shown.Reasons = visibleAll(r.Reasons)
	if r.Comparison != nil {
		c := *r.Comparison
		c.Baseline, c.Candidate = visible.Text(c.Baseline), visible.Text(c.Candidate)
		c.Broken, c.Fixed, c.Reasons = visibleAll(c.Broken), visibleAll(c.Fixed), visibleAll(c.Reasons)
		shown.Comparison = &c
	}
	return &shown
}

func visibleAll(texts []string) []string {
	shown := make([]string, len(texts))
	for i, text := range texts {
		shown[i] = visible.Text(text)
	}
	return shown
}

// pageRow is one trial as page.js reads it: what the table shows, and the details of its row.
type pageRow struct {
	Sample   string    `json:"sample"`
	Epoch    int       `json:"epoch"`
	Category string    `json:"category"`
	Outcome  string    `json:"outcome"`
	Class    string    `json:"class"`
	Score    *float64  `json:"score"`
	Exit     string    `json:"exit"`
	JobMS    int64     `json:"job"`
	TotalMS  int64     `json:"total"`
	Attempts int       `json:"attempts"`
	Why      string    `json:"why"`
	Facts    []pair    `json:"facts"`
	Tries    []pageTry `json:"tries"`
	Texts    []Text    `json:"texts"`
	Files    []pair    `json:"files"`
	MoreFile int       `json:"more"`
}

type pair [2]string

type pageTry struct {
	Title string `json:"title"`
	Facts []pair `json:"facts"`
}

// pageRows are the trials in the order of the manifest. Where they are too many, the first that passed make room.
func pageRows(r *Report) (rows []pageRow, leftOut, failed int) {
	order := make([]int, len(r.Trials))
	for i := range order {
		order[i] = i
	}
	if len(order) > maxPageTrials {
		slices.SortStableFunc(order, func(a, b int) int {
			return cmp.Compare(slices.Index(outcomes, r.Trials[a].Outcome), slices.Index(outcomes, r.Trials[b].Outcome))
		})
		leftOut = len(order) - maxPageTrials
		for _, at := range order[maxPageTrials:] {
			if outcome := r.Trials[at].Outcome; outcome != Passed && outcome != CanaryGood {
				failed++
			}
		}
		order = order[:maxPageTrials]
		slices.Sort(order)
	}
	rows = make([]pageRow, len(order))
	for i, at := range order {
		rows[i] = pageRowOf(&r.Trials[at])
	}
	return rows, leftOut, failed
}

func pageRowOf(t *Trial) pageRow {
	row := pageRow{
		Sample: visible.Text(t.SampleID), Epoch: t.Epoch, Category: visible.Text(t.Category), Outcome: t.Outcome, Class: stayClass(t.Outcome, nil),
		Score: t.Score, JobMS: t.Timings.JobMS, TotalMS: t.Timings.TotalMS, Attempts: t.Attempts, Why: t.why(),
		Texts: make([]Text, len(t.Texts)), MoreFile: t.NArtifacts - len(t.Artifacts),
	}
	switch {
	case t.TimedOut:
		row.Exit = "time limit"
	case t.ExitCode != nil:
		row.Exit = strconv.Itoa(*t.ExitCode)
	}
	for i, text := range t.Texts {
		text.Name, text.Text = visible.Text(text.Name), visible.Text(text.Text)
		row.Texts[i] = text
	}
	for _, file := range t.Artifacts {
		row.Files = append(row.Files, pair{visible.Text(file.Path), fileText(file)})
	}
	for _, try := range t.Tries {
		row.Tries = append(row.Tries, pageTryOf(try))
	}
	row.Facts = pairs("Started", moment(t.StartedAt), "Finished", moment(t.FinishedAt), "In all", seconds(t.Timings.TotalMS),
		"Waited for a slot", seconds(t.Timings.WaitMS), "Job", seconds(t.Timings.JobMS), "Sandbox time", fmt.Sprintf("%.1f s", t.SandboxSeconds),
		"Cleanup", t.Cleanup, "Scorer", oneLine(t.Explanation), "Canary should", t.Canary, "Eval", visible.Text(t.EvalID), "Run", t.RunID, "Result", visible.Text(t.ResultURI))
	return row
}

func fileText(file spec.Artifact) string {
	parts := []string{file.Status}
	if file.Ref != nil {
		parts = append(parts, fmt.Sprintf("%d bytes", file.Ref.Bytes), "sha256 "+file.Ref.SHA256)
	}
	if file.Reason != "" {
		parts = append(parts, oneLine(file.Reason))
	}
	return strings.Join(parts, ", ")
}

func pageTryOf(try Try) pageTry {
	shown := pageTry{Title: fmt.Sprintf("Attempt %d", try.Number)}
	if try.Error != nil {
		shown.Facts = append(shown.Facts, pair{"Ended by", oneLine(try.Error.Type + ": " + try.Error.Message)})
	}
	for _, used := range try.Sandboxes {
		shown.Facts = append(shown.Facts, pairs("Sandbox", fmt.Sprintf("%s (%s, slot %d)", visible.Text(used.ID), used.For, used.Slot), "Lease", used.LeaseRun,
			"Created", moment(used.CreatedAt))...)
		certificate := "none yet: its lease owes it"
		if c := used.Removal; c != nil {
			certificate = fmt.Sprintf("gone at %s, confirmed by %s; %.1f sandbox-seconds", moment(c.ConfirmedAt), visible.Text(c.ConfirmedBy), c.SandboxSeconds)
		}
		shown.Facts = append(shown.Facts, pair{"Certificate", certificate})
	}
	return shown
}

// pairs leaves out what has no value.
func pairs(namesAndValues ...string) []pair {
	var all []pair
	for i := 0; i+1 < len(namesAndValues); i += 2 {
		if namesAndValues[i+1] != "" {
			all = append(all, pair{namesAndValues[i], namesAndValues[i+1]})
		}
	}
	return all
}
