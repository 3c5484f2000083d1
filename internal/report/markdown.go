package report

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"pitwall/internal/spec"
	"pitwall/internal/visible"
)

// maxMarkdownTrials that did not pass are listed: a comment on GitHub may have 65,536 characters.
const maxMarkdownTrials = 50

// maxMarkdownText bounds one text of a table, in characters.
const maxMarkdownText = 160

// Markdown writes a summary: verdict, numbers, comparison, categories, and the first trials that did not pass. What came from a
// dataset or a sandbox stands in code spans, where nothing is a link, a mention or a tag.
func Markdown(w io.Writer, r *Report) error {
	out := bufio.NewWriter(w)
	fmt.Fprintf(out, "# %s: %s\n\n", verdictText(r), code(r.Campaign))
	for _, reason := range r.Reasons {
		fmt.Fprintf(out, "- %s\n", code(reason))
	}
	if len(r.Reasons) > 0 {
		fmt.Fprintln(out)
	}
	fmt.Fprint(out, "| | | |\n|---|---|---|\n")
	for _, f := range r.facts() {
		fmt.Fprintf(out, "| %s | %s | %s |\n", f.Name, f.Value, f.Note)
	}
	markdownComparison(out, r.Comparison)
	markdownCategories(out, r.Categories)
	markdownTrials(out, r)
	return out.Flush()
}

func verdictText(r *Report) string {
	if r.Verdict == "" {
		return strings.ToUpper(r.Status)
	}
	return r.Verdict
}

func markdownComparison(out io.Writer, c *spec.Comparison) {
	if c == nil {
		return
	}
	fmt.Fprintf(out, "\n## Against %s: %s\n\n%s\n", code(c.Baseline), c.Verdict, difference(c))
	for _, reason := range c.Reasons {
		fmt.Fprintf(out, "\n- %s", code(reason))
	}
	if len(c.Reasons) > 0 {
		fmt.Fprintln(out)
	}
	markdownNames(out, "Broken", c.Broken, c.NBroken)
	markdownNames(out, "Fixed", c.Fixed, c.NFixed)
}

func markdownNames(out io.Writer, what string, names []string, of int) {
	if of == 0 {
		return
	}
	const most = 20
	shown := names[:min(len(names), most)]
	quoted := make([]string, len(shown))
	for i, name := range shown {
		quoted[i] = code(name)
	}
	fmt.Fprintf(out, "\n%s (%d): %s", what, of, strings.Join(quoted, ", "))
	if of > len(shown) {
		fmt.Fprint(out, " …")
	}
	fmt.Fprintln(out)
}

func markdownCategories(out io.Writer, categories []Category) {
	if len(categories) == 0 {
		return
	}
	fmt.Fprint(out, "\n## Categories\n\n| category | trials | scored | passed | accuracy | 95 % |\n|---|---:|---:|---:|---:|---|\n")
	for _, c := range categories[:min(len(categories), maxBars)] {
		fmt.Fprintf(out, "| %s | %d | %d | %d | %s | %s |\n", code(c.Name), c.NTotal, c.NScored, c.NPassed, share(c.Accuracy), interval(c.Interval))
	}
	if more := len(categories) - maxBars; more > 0 {
		fmt.Fprintf(out, "\n%d smaller categories are left out.\n", more)
	}
}

func markdownTrials(out io.Writer, r *Report) {
	listed, all := []*Trial{}, 0
	for t := range r.notPassed() {
		if all++; len(listed) < maxMarkdownTrials {
			listed = append(listed, t)
		}
	}
	if all == 0 {
		return
	}
	fmt.Fprint(out, "\n## Not passed\n\n| trial | outcome | score | job | attempts | why |\n|---|---|---:|---:|---:|---|\n")
	for _, t := range listed {
		fmt.Fprintf(out, "| %s | %s | %s | %s | %d | %s |\n", code(t.name()), t.Outcome, number(t.Score), seconds(t.Timings.JobMS), t.Attempts, code(t.why()))
	}
	if more := all - len(listed); more > 0 {
		fmt.Fprintf(out, "\n%d more did not pass.\n", more)
	}
}

// code is a code span that holds any text: its fence is longer than any run of backquotes within. A bar would end a table's
// cell even there, so it is written as another character.
func code(text string) string {
	text = strings.ReplaceAll(oneLine(text), "|", "¦")
	if runes := []rune(text); len(runes) > maxMarkdownText {
		text = string(runes[:maxMarkdownText]) + "…"
	}
	if text == "" {
		return ""
	}
	longest, run := 0, 0
	for _, c := range text {
		if run++; c != '`' {
			run = 0
		}
		longest = max(longest, run)
	}
	fence := strings.Repeat("`", longest+1)
	if longest > 0 {
		return fence + " " + text + " " + fence
	}
	return fence + text + fence
}

func lastLine(text string) string {
	text = strings.TrimRight(visible.Text(text), "\n \t")
	return text[strings.LastIndexByte(text, '\n')+1:]
}
