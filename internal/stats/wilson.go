package stats

import (
	"math"

	"pitwall/internal/spec"
)

// z95 is the standard normal's quantile of 0.975: two-sided 95 %.
const z95 = 1.959963984540054

// Wilson is the score interval, with 95 % confidence, of a share p that was seen in n independent trials: Wilson 1927,
// "Probable inference, the law of succession, and statistical inference" (JASA 22:209–212); without continuity
// correction, method 3 of Newcombe 1998, "Two-sided confidence intervals for the single proportion" (Statist. Med.
// 17:857–872). n may be an effective number, so need not be whole. ok is false unless n > 0 and 0 ≤ p ≤ 1.
func Wilson(p, n float64) (interval spec.Interval, ok bool) {
	if !(n > 0) || math.IsInf(n, 0) || !(p >= 0 && p <= 1) {
		return spec.Interval{}, false
	}
	z2 := z95 * z95
	centre := (p + z2/(2*n)) / (1 + z2/n)
	half := z95 / (1 + z2/n) * math.Sqrt(p*(1-p)/n+z2/(4*n*n))
	// At p = 0 and 1 one bound is p itself but for rounding.
	return spec.Interval{Low: min(p, max(0, centre-half)), High: max(p, min(1, centre+half))}, true
}
