package report

import (
	"cmp"
	"fmt"
	"html/template"
	"math"
	"slices"
	"strings"
	"time"

	"pitwall/internal/spec"
)

const (
	// maxBars and maxNights are as many as can be told apart on a telephone.
	maxBars   = 30
	maxNights = 60
	// bins of a histogram.
	bins = 20
	// maxLanes of the time line; slots above are not drawn.
	maxLanes = 64
)

// figure is one plot. Words say what it shows, for who cannot see it.
type figure struct {
	Title, Words string
	SVG          template.HTML
}

// figures of a report; one that has nothing to show is left out.
func figures(r *Report) []figure {
	var all []figure
	for _, draw := range []func(*Report) (figure, bool){scorePlot, durationPlot, categoryPlot, flipsPlot, nightsPlot, slotsPlot} {
		if one, ok := draw(r); ok {
			all = append(all, one)
		}
	}
	return all
}

func scorePlot(r *Report) (figure, bool) {
	var values []float64
	for i := range r.Trials {
		if t := &r.Trials[i]; t.Outcome == Passed || t.Outcome == Failed {
			values = append(values, *t.Score)
		}
	}
	f := histogram("Scores", values, func(v float64) string { return fmt.Sprintf("%.3g", v) })
	return f, len(values) > 0
}

func durationPlot(r *Report) (figure, bool) {
	var values []float64
	for i := range r.Trials {
		if ms := r.Trials[i].Timings.JobMS; ms > 0 {
			values = append(values, float64(ms)/1000)
		}
	}
	f := histogram("Duration of jobs", values, func(v float64) string { return fmt.Sprintf("%.3g s", v) })
	return f, len(values) > 0
}

// histogram has equal bins from the least to the largest value, or from 0 to 1 where all are there.
func histogram(title string, values []float64, label func(float64) string) figure {
	if len(values) == 0 {
		return figure{}
	}
	slices.Sort(values)
	low, high := values[0], values[len(values)-1]
	if low >= 0 && high <= 1 {
		low, high = 0, 1
	}
	if !(high > low) {
		high = low + 1
	}
	var counts [bins]int
	most := 0
	for _, v := range values {
		at := min(bins-1, max(0, int((v/2-low/2)/(high/2-low/2)*bins))) // halves: the range itself may overflow
		counts[at]++
		most = max(most, counts[at])
	}
	p := newPlot(200)
	p.yAxis(0, float64(most), func(v float64) string { return fmt.Sprintf("%.0f", v) })
	width := p.inner() / bins
	for i, n := range counts {
		height := float64(n) / float64(most) * (p.bottom - p.top)
		if n > 0 {
			p.rect("bar", p.left+float64(i)*width+1, p.bottom-max(height, 1), width-2, max(height, 1))
		}
	}
	p.text("start", p.left, p.bottom+16, label(low))
	p.text("middle", p.left+p.inner()/2, p.bottom+16, label(low/2+high/2))
	p.text("end", p.right, p.bottom+16, label(high))
	words := fmt.Sprintf("%d trials; least %s, median %s, largest %s", len(values), label(values[0]), label(values[len(values)/2]), label(values[len(values)-1]))
	return figure{title, words, p.end(title + ": " + words)}
}

func categoryPlot(r *Report) (figure, bool) {
	if len(r.Categories) == 0 {
		return figure{}, false
	}
	shown := r.Categories[:min(len(r.Categories), maxBars)]
	const row = 22.0
	p := newPlot(40 + row*float64(len(shown)))
	p.left = 150
	p.xShares()
	for i, c := range shown {
		y := p.top + row*(float64(i)+0.5)
		p.text("end", p.left-6, y+4, shorten(c.Name, 22))
		if c.Accuracy == nil {
			p.text("start", p.left+4, y+4, "nothing scored")
			continue
		}
		p.rect("bar", p.left, y-6, max(1, *c.Accuracy*p.inner()), 12)
		p.whisker(c.Interval, y)
	}
	words := fmt.Sprintf("accuracy with its 95 %% interval in %d of %d categories, the largest first", len(shown), len(r.Categories))
	return figure{"Accuracy by category", words, p.end("Accuracy by category: " + words)}, true
}

// flipsPlot shows which way samples went, and the difference with its interval.
func flipsPlot(r *Report) (figure, bool) {
	c := r.Comparison
	if c == nil || c.Difference == nil {
		return figure{}, false
	}
	p := newPlot(150)
	middle := p.left + p.inner()/2
	most := float64(max(c.NBroken, c.NFixed, 1))
	half := p.inner()/2 - 40
	broken, fixed := float64(c.NBroken)/most*half, float64(c.NFixed)/most*half
	p.rect("bad", middle-broken, p.top+8, broken, 24)
	p.rect("good", middle, p.top+8, fixed, 24)
	p.text("end", middle-broken-6, p.top+25, fmt.Sprintf("%d broken", c.NBroken))
	p.text("start", middle+fixed+6, p.top+25, fmt.Sprintf("%d fixed", c.NFixed))
	p.line("axis", middle, p.top, middle, p.bottom)
	reach := math.Abs(*c.Difference)
	if c.Interval != nil {
		reach = max(reach, math.Abs(c.Interval.Low), math.Abs(c.Interval.High))
	}
	reach = max(reach, 0.01)
	at := func(v float64) float64 { return middle + v/reach*half }
	y := p.top + 70.0
	if c.Interval != nil {
		p.line("whisker", at(c.Interval.Low), y, at(c.Interval.High), y)
	}
	p.dot(verdictClass(c.Verdict), at(*c.Difference), y)
	p.text("middle", middle, p.bottom+16, fmt.Sprintf("difference %+.1f points; the line is ±0, the ends ±%.1f", 100**c.Difference, 100*reach))
	words := difference(c)
	return figure{"Against " + shorten(c.Baseline, 40), words, p.end("Against " + c.Baseline + ": " + words)}, true
}

func nightsPlot(r *Report) (figure, bool) {
	nights := r.Nights[max(0, len(r.Nights)-maxNights):]
	if len(nights) < 2 {
		return figure{}, false
	}
	p := newPlot(220)
	p.yAxis(0, 1, func(v float64) string { return fmt.Sprintf("%.0f %%", 100*v) })
	x := func(i int) float64 { return p.left + 10 + (p.inner()-20)*float64(i)/float64(len(nights)-1) }
	y := func(v float64) float64 { return p.bottom - v*(p.bottom-p.top) }
	var last *[2]float64
	for i, night := range nights {
		if night.Accuracy == nil {
			p.text("middle", x(i), p.bottom-4, "×")
			continue
		}
		here := [2]float64{x(i), y(*night.Accuracy)}
		if night.Interval != nil {
			p.line("whisker", here[0], y(night.Interval.Low), here[0], y(night.Interval.High))
		}
		if last != nil {
			p.line("trend", last[0], last[1], here[0], here[1])
		}
		last = &here
	}
	for i, night := range nights {
		if night.Accuracy != nil {
			p.dot(verdictClass(night.Verdict), x(i), y(*night.Accuracy))
		}
	}
	p.text("start", p.left, p.bottom+16, nights[0].At.UTC().Format(time.DateOnly))
	p.text("end", p.right, p.bottom+16, nights[len(nights)-1].At.UTC().Format(time.DateOnly))
	words := fmt.Sprintf("accuracy of %d campaigns of this series with 95 %% intervals; the last is %s", len(nights), share(nights[len(nights)-1].Accuracy))
	return figure{"The last nights", words, p.end("The last nights: " + words)}, true
}

// stay is one sandbox's in its slot.
type stay struct {
	slot     int
	from, to time.Time
	class    string
}

func stays(r *Report) (all []stay, from, to time.Time) {
	for i := range r.Trials {
		t := &r.Trials[i]
		for _, try := range t.Tries {
			for _, used := range try.Sandboxes {
				if used.CreatedAt.IsZero() {
					continue
				}
				gone := t.FinishedAt
				if used.Removal != nil {
					gone = used.Removal.ConfirmedAt
				}
				if !gone.After(used.CreatedAt) {
					continue
				}
				all = append(all, stay{used.Slot, used.CreatedAt, gone, stayClass(t.Outcome, try.Error)})
				if from.IsZero() || used.CreatedAt.Before(from) {
					from = used.CreatedAt
				}
				if gone.After(to) {
					to = gone
				}
			}
		}
	}
	return all, from, to
}

func stayClass(outcome string, broken *spec.EvalError) string {
	switch {
	case broken != nil, outcome != Passed && outcome != Failed && outcome != CanaryGood:
		return "warn"
	case outcome == Failed:
		return "bad"
	}
	return "good"
}

func slotsPlot(r *Report) (figure, bool) {
	all, from, to := stays(r)
	if len(all) == 0 {
		return figure{}, false
	}
	lanes := map[int]int{}
	for _, one := range all {
		lanes[one.slot] = 0
	}
	slots := make([]int, 0, len(lanes))
	for slot := range lanes {
		slots = append(slots, slot)
	}
	slices.Sort(slots)
	drawn := slots[:min(len(slots), maxLanes)]
	height := max(6, min(18, 360/float64(len(drawn))))
	p := newPlot(40 + height*float64(len(drawn)))
	p.left = 60
	for lane, slot := range drawn {
		lanes[slot] = lane
		if height >= 12 || lane%5 == 0 {
			p.text("end", p.left-6, p.top+height*(float64(lane)+0.5)+4, fmt.Sprintf("slot %d", slot))
		}
	}
	for _, class := range []string{"good", "bad", "warn"} {
		p.lanes(class, all, func(s stay) (lane int, x0, x1 float64, ok bool) {
			lane = lanes[s.slot]
			span := float64(to.Sub(from))
			x0 = p.left + p.inner()*float64(s.from.Sub(from))/span
			x1 = p.left + p.inner()*float64(s.to.Sub(from))/span
			return lane, x0, x1, s.class == class && (lane > 0 || s.slot == drawn[0])
		}, height)
	}
	p.text("start", p.left, p.bottom+16, from.UTC().Format("15:04:05"))
	p.text("end", p.right, p.bottom+16, to.UTC().Format("15:04:05 UTC"))
	words := fmt.Sprintf("%d sandboxes in %d slots over %s; green passed, red failed, yellow broken or unfinished", len(all), len(slots), to.Sub(from).Round(time.Second))
	if len(slots) > len(drawn) {
		words += fmt.Sprintf("; the first %d slots are drawn", len(drawn))
	}
	return figure{"Slots over time", words, p.end("Slots over time: " + words)}, true
}

// lanes draws stays of one class as one path. Stays of a lane that are less than a unit apart become one rectangle, so that
// a lane has no more of them than there are units, however many sandboxes it had.
func (p *plot) lanes(class string, all []stay, place func(stay) (int, float64, float64, bool), height float64) {
	type bar struct {
		lane   int
		x0, x1 float64
	}
	var bars []bar
	for _, one := range all {
		if lane, x0, x1, ok := place(one); ok {
			bars = append(bars, bar{lane, x0, max(x1, x0+0.5)})
		}
	}
	slices.SortFunc(bars, func(a, b bar) int { return cmp.Or(a.lane-b.lane, cmp.Compare(a.x0, b.x0)) })
	var path strings.Builder
	for i := 0; i < len(bars); {
		b := bars[i]
		for i++; i < len(bars) && bars[i].lane == b.lane && bars[i].x0-b.x1 < 0.5; i++ {
			b.x1 = max(b.x1, bars[i].x1)
		}
		fmt.Fprintf(&path, "M%.1f %.1fH%.1fv%.1fH%.1fz", b.x0, p.top+height*float64(b.lane)+1, b.x1, height-2, b.x0)
	}
	if path.Len() > 0 {
		p.path(class, path.String())
	}
}

func verdictClass(verdict string) string {
	switch verdict {
	case spec.VerdictPass:
		return "good"
	case spec.VerdictFail:
		return "bad"
	}
	return "warn"
}
