package report

import (
	"fmt"
	"html"
	"html/template"
	"math"
	"strings"

	"pitwall/internal/spec"
	"pitwall/internal/visible"
)

// plot is an SVG that is being drawn, 480 units wide: as wide as a telephone, so that its text can be read there. Colours are
// classes of the page's style sheet. Every text goes through escaped.
type plot struct {
	out                      strings.Builder
	height                   float64
	left, right, top, bottom float64
}

func newPlot(height float64) *plot {
	return &plot{height: height, left: 44, right: 470, top: 10, bottom: height - 24}
}

func (p *plot) inner() float64 { return p.right - p.left }

func (p *plot) rect(class string, x, y, width, height float64) {
	fmt.Fprintf(&p.out, `<rect class=%q x="%.1f" y="%.1f" width="%.1f" height="%.1f"/>`, class, x, y, width, height)
}

func (p *plot) line(class string, x1, y1, x2, y2 float64) {
	fmt.Fprintf(&p.out, `<line class=%q x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f"/>`, class, x1, y1, x2, y2)
}

func (p *plot) dot(class string, x, y float64) {
	fmt.Fprintf(&p.out, `<circle class=%q cx="%.1f" cy="%.1f" r="4"/>`, class, x, y)
}

func (p *plot) path(class, d string) { fmt.Fprintf(&p.out, `<path class=%q d=%q/>`, class, d) }

func (p *plot) text(anchor string, x, y float64, text string) {
	fmt.Fprintf(&p.out, `<text text-anchor=%q x="%.1f" y="%.1f">%s</text>`, anchor, x, y, escaped(text))
}

// yAxis draws three lines of a scale, its ends among them. A half of a count has no number.
func (p *plot) yAxis(low, high float64, label func(float64) string) {
	for _, part := range []float64{0, 0.5, 1} {
		y := p.bottom - part*(p.bottom-p.top)
		p.line("grid", p.left, y, p.right, y)
		value := low + part*(high-low)
		whole := high <= 1 || math.Mod(value, 1) == 0
		if part != 0.5 || whole && label(value) != label(low) && label(value) != label(high) {
			p.text("end", p.left-6, y+4, label(value))
		}
	}
}

// xShares draws a scale from 0 to 100 %.
func (p *plot) xShares() {
	for _, part := range []float64{0, 0.25, 0.5, 0.75, 1} {
		x := p.left + part*p.inner()
		p.line("grid", x, p.top, x, p.bottom)
		anchor := "middle"
		if part == 1 {
			anchor = "end"
		}
		p.text(anchor, x, p.bottom+16, fmt.Sprintf("%.0f %%", 100*part))
	}
}

func (p *plot) whisker(i *spec.Interval, y float64) {
	if i != nil {
		p.line("whisker", p.left+i.Low*p.inner(), y, p.left+i.High*p.inner(), y)
	}
}

// end is the whole element; words are its name for screen readers.
func (p *plot) end(words string) template.HTML {
	return template.HTML(fmt.Sprintf(`<svg viewBox="0 0 480 %.0f" role="img" aria-label="%s">%s</svg>`, p.height, escaped(words), p.out.String())) //nolint:gosec // numbers, our own classes, and escaped texts
}

func escaped(text string) string { return html.EscapeString(visible.Text(text)) }

func shorten(text string, most int) string {
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most-1]) + "…"
	}
	return text
}
