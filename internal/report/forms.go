package report

import (
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"strconv"
	"strings"
	"time"

	"pitwall/internal/spec"
	"pitwall/internal/visible"
)

// A Form writes a Report for one kind of reader.
type Form struct {
	Name  string
	Write func(io.Writer, *Report) error
}

// Forms are all of them; the first is the default.
var Forms = []Form{
	{"html", HTML},
	{"md", Markdown},
	{"json", JSON},
	{"csv", CSV},
	{"junit", JUnit},
	{"jsonl", JSONL},
	{"humaneval", HumanEval},
	{"github", GitHub},
	{"gitlab", GitLab},
	{"mail", Mail},
}

// FormNamed is the form of that name.
func FormNamed(name string) (form Form, ok bool) {
	for _, form := range Forms {
		if form.Name == name {
			return form, true
		}
	}
	return Form{}, false
}

// JSON writes the Report itself. Characters that a browser or a terminal might take for more than text are escaped.
func JSON(w io.Writer, r *Report) error {
	encoder := json.NewEncoder(visible.JSON(w))
	encoder.SetIndent("", "  ")
	return encoder.Encode(r)
}

// name of a trial for people.
func (t *Trial) name() string { return fmt.Sprintf("%s #%d", visible.Text(t.SampleID), t.Epoch) }

// why a trial did not pass, in one line; empty where there is nothing to say.
func (t *Trial) why() string {
	switch {
	case t.Error != nil:
		return oneLine(t.Error.Type + ": " + t.Error.Message)
	case t.Explanation != "":
		return oneLine(t.Explanation)
	case t.TimedOut:
		return "a step reached its time limit"
	}
	return ""
}

// notPassed are the trials to look at, in the manifest's order.
func (r *Report) notPassed() iter.Seq[*Trial] {
	return func(yield func(*Trial) bool) {
		for i := range r.Trials {
			if t := &r.Trials[i]; t.Outcome != Passed && t.Outcome != CanaryGood && !yield(t) {
				return
			}
		}
	}
}

// sentence says why the verdict is what it is, and how many passed.
func (r *Report) sentence() string {
	said := fmt.Sprintf("%d of %d scored trials passed, %d have no score", r.Metrics.NPassed, r.Metrics.NScored, r.Metrics.NTotal-r.Metrics.NScored)
	return strings.Join(append([]string{said}, r.Reasons...), "; ")
}

// maxClipped bounds one line of a mail or an annotation, in characters.
const maxClipped = 500

// clipped is text in one line, and not too long.
func clipped(text string) string {
	text = oneLine(text)
	if runes := []rune(text); len(runes) > maxClipped {
		return string(runes[:maxClipped]) + "…"
	}
	return text
}

func oneLine(text string) string { return visible.Text(strings.Join(strings.Fields(text), " ")) }

// number in the fewest digits; empty where there is none.
func number(value *float64) string {
	if value == nil {
		return ""
	}
	return strconv.FormatFloat(*value, 'g', -1, 64)
}

// share of 1 as a percentage.
func share(value *float64) string {
	if value == nil {
		return "undefined"
	}
	return fmt.Sprintf("%.1f\u00a0%%", 100**value)
}

func interval(i *spec.Interval) string {
	if i == nil {
		return ""
	}
	return fmt.Sprintf("%.1f to %.1f\u00a0%%", 100*i.Low, 100*i.High)
}

func seconds(ms int64) string { return strconv.FormatFloat(float64(ms)/1000, 'f', 1, 64) + " s" }

func moment(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return at.UTC().Format("2006-01-02 15:04:05 UTC")
}

// fact is one number of a campaign with its name.
type fact struct{ Name, Value, Note string }

// facts are what html and md say of a campaign, in this order.
func (r *Report) facts() []fact {
	m := r.Metrics
	accuracy := fact{"Accuracy", share(m.Accuracy), ""}
	if m.AccuracyInterval != nil {
		accuracy.Note = "95 %: " + interval(m.AccuracyInterval)
	}
	all := []fact{accuracy}
	if m.Reduced != nil {
		reduced := fact{m.Reduced.Reducer, share(m.Reduced.Value), fmt.Sprintf("over %d samples, coverage %.3f", m.Reduced.NSamples, m.Reduced.Coverage)}
		if m.Reduced.Interval != nil {
			reduced.Note = "95 %: " + interval(&m.Reduced.Interval.Interval) + ", " + reduced.Note
		}
		all = append(all, reduced)
	}
	for k := 1; k <= 1000 && len(all) < 12; k++ {
		if value, ok := m.PassAtK[strconv.Itoa(k)]; ok {
			all = append(all, fact{fmt.Sprintf("pass@%d", k), share(&value), ""})
		}
	}
	all = append(all,
		fact{"Passed", strconv.Itoa(m.NPassed), fmt.Sprintf("of %d scored", m.NScored)},
		fact{"Coverage", share(&m.Coverage), fmt.Sprintf("%d of %d trials scored", m.NScored, m.NTotal)},
		fact{"Without a score", strconv.Itoa(m.NTotal - m.NScored), fmt.Sprintf("%d infrastructure, %d other, %d cancelled, %d not started",
			m.NInfraError, m.NError, m.NCancelled, m.NNotStarted)})
	if m.MeanScore != nil {
		all = append(all, fact{"Mean score", fmt.Sprintf("%.4g", *m.MeanScore), ""})
	}
	if m.NCanary > 0 {
		all = append(all, fact{"Canaries", strconv.Itoa(m.NCanary), fmt.Sprintf("%d failed", m.CanariesFailed)})
	}
	removed := "all removals proven"
	if m.PendingCleanup > 0 {
		removed = fmt.Sprintf("cleanup pending for %d trials when they returned", m.PendingCleanup)
	}
	return append(all, fact{"Sandbox time", fmt.Sprintf("%.0f s", m.SandboxSeconds), removed})
}

// difference of a comparison in words; empty where nothing is paired.
func difference(c *spec.Comparison) string {
	if c == nil || c.Difference == nil {
		return ""
	}
	text := fmt.Sprintf("%+.1f points", 100**c.Difference)
	if c.Interval != nil {
		text += fmt.Sprintf(" (95 %%: %+.1f to %+.1f)", 100*c.Interval.Low, 100*c.Interval.High)
	}
	text += fmt.Sprintf(", %d broken, %d fixed of %d samples", c.NBroken, c.NFixed, c.NPaired)
	if c.McNemarP != nil {
		text += fmt.Sprintf(", McNemar p = %.3g", *c.McNemarP)
	}
	return text
}
