package report

import (
	"encoding/xml"
	"io"
	"strings"
	"time"

	"pitwall/internal/visible"
)

// The elements that Jenkins, GitLab and GitHub's actions read.
type (
	junitSuites struct {
		XMLName xml.Name     `xml:"testsuites"`
		Suites  []junitSuite `xml:"testsuite"`
	}
	junitSuite struct {
		Name      string      `xml:"name,attr"`
		Tests     int         `xml:"tests,attr"`
		Failures  int         `xml:"failures,attr"`
		Errors    int         `xml:"errors,attr"`
		Skipped   int         `xml:"skipped,attr"`
		Time      string      `xml:"time,attr"`
		Timestamp string      `xml:"timestamp,attr,omitempty"`
		Cases     []junitCase `xml:"testcase"`
	}
	junitCase struct {
		Class   string     `xml:"classname,attr"`
		Name    string     `xml:"name,attr"`
		Time    string     `xml:"time,attr"`
		Failure *junitNote `xml:"failure"`
		Error   *junitNote `xml:"error"`
		Skipped *junitNote `xml:"skipped"`
		Stdout  string     `xml:"system-out,omitempty"`
		Stderr  string     `xml:"system-err,omitempty"`
	}
	junitNote struct {
		Type    string `xml:"type,attr,omitempty"`
		Message string `xml:"message,attr"`
	}
)

// JUnit writes a test case a trial, and one named "verdict", which fails where the campaign's gate does and is an error where
// nothing can be said. A trial without a score is an error, and none that a gate's share of failures hides.
func JUnit(w io.Writer, r *Report) error {
	suite := junitSuite{Name: visible.Text(r.Campaign), Time: "0"}
	if !r.StartedAt.IsZero() {
		suite.Timestamp = r.StartedAt.UTC().Format(time.RFC3339)
		suite.Time = plainSeconds(r.FinishedAt.Sub(r.StartedAt).Milliseconds())
	}
	suite.Cases = append(suite.Cases, verdictCase(r))
	for i := range r.Trials {
		suite.Cases = append(suite.Cases, trialCase(r, &r.Trials[i]))
	}
	for _, one := range suite.Cases {
		suite.Tests++
		switch {
		case one.Failure != nil:
			suite.Failures++
		case one.Error != nil:
			suite.Errors++
		case one.Skipped != nil:
			suite.Skipped++
		}
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	encoder := xml.NewEncoder(w)
	encoder.Indent("", "  ")
	if err := encoder.Encode(junitSuites{Suites: []junitSuite{suite}}); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}

func verdictCase(r *Report) junitCase {
	one := junitCase{Class: visible.Text(r.Campaign), Name: "verdict", Time: "0"}
	note := &junitNote{Type: r.Verdict, Message: visible.Text(strings.Join(r.Reasons, "; "))}
	switch r.Verdict {
	case "PASS":
	case "FAIL":
		one.Failure = note
	case "":
		one.Skipped = &junitNote{Message: "the campaign is unfinished"}
	default:
		one.Error = note
	}
	return one
}

func trialCase(r *Report, t *Trial) junitCase {
	class := r.Campaign
	if t.Category != "" {
		class += "." + t.Category
	}
	one := junitCase{Class: visible.Text(class), Name: t.name(), Time: plainSeconds(t.Timings.TotalMS)}
	note := &junitNote{Type: t.Outcome, Message: t.why()}
	switch t.Outcome {
	case Passed, CanaryGood:
		return one
	case Failed:
		one.Failure = note
	case Cancelled, NotStarted:
		one.Skipped = note
		note.Type = ""
		if note.Message == "" {
			note.Message = t.Outcome
		}
	default:
		one.Error = note
	}
	for _, text := range t.Texts {
		switch text.Of {
		case TextStdout:
			one.Stdout += visible.Text(text.Text)
		case TextStderr:
			one.Stderr += visible.Text(text.Text)
		}
	}
	return one
}

func plainSeconds(ms int64) string { return strings.TrimSuffix(seconds(ms), " s") }
