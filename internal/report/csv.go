package report

import (
	"encoding/csv"
	"io"
	"regexp"
	"strconv"
	"strings"

	"pitwall/internal/visible"
)

var csvHeader = []string{
	"sample_id", "epoch", "category", "outcome", "passed", "score", "exit_code", "timed_out", "attempts", "total_ms", "wait_ms", "job_ms",
	"sandbox_seconds", "cleanup", "error_origin", "error_type", "error_message", "eval_id", "result_uri",
}

// CSV writes a row a trial, as RFC 4180 has it. A text that a spreadsheet would compute is given a ' in front.
func CSV(w io.Writer, r *Report) error {
	out := csv.NewWriter(w)
	out.UseCRLF = true
	if err := out.Write(csvHeader); err != nil {
		return err
	}
	for i := range r.Trials {
		if err := out.Write(csvRow(&r.Trials[i])); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

func csvRow(t *Trial) []string {
	passed, exit, origin, kind, message := "", "", "", "", ""
	if t.Passed != nil {
		passed = strconv.FormatBool(*t.Passed)
	}
	if t.ExitCode != nil {
		exit = strconv.Itoa(*t.ExitCode)
	}
	if t.Error != nil {
		origin, kind, message = t.Error.Origin, t.Error.Type, t.Error.Message
	}
	return []string{
		cell(t.SampleID), strconv.Itoa(t.Epoch), cell(t.Category), t.Outcome, passed, number(t.Score), exit, strconv.FormatBool(t.TimedOut),
		strconv.Itoa(t.Attempts), strconv.FormatInt(t.Timings.TotalMS, 10), strconv.FormatInt(t.Timings.WaitMS, 10),
		strconv.FormatInt(t.Timings.JobMS, 10), strconv.FormatFloat(t.SandboxSeconds, 'f', 3, 64), cell(t.Cleanup),
		cell(origin), cell(kind), cell(message), cell(t.EvalID), cell(t.ResultURI),
	}
}

// formula matches what a spreadsheet computes at the beginning of a cell: OWASP, "CSV Injection", names = + - @ tab and return, also
// in their full-width forms. Leading blanks are skipped by spreadsheets, so they are here, as are
// quotes, which may begin a cell. Where ; or a tab separates cells, as in
// many countries, quotes within a line protect nothing, and a cell begins behind each.
var formula = regexp.MustCompile(`(^|[;\t\n])([ "\x{a0}]*[=+\-@|%＝＋－＠])`)

// cell keeps a text from being a formula.
func cell(text string) string {
	text = visible.Text(text)
	if strings.HasPrefix(text, "\t") {
		text = "'" + text
	}
	return formula.ReplaceAllString(text, "$1'$2")
}
