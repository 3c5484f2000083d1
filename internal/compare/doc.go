// Package compare holds two campaigns over one dataset against each other, sample by sample, from the store alone.
//
//	rows of A ─ Read ─▶ Side ─┐
//	                          ├─ Pair ─▶ spec.Comparison, with its verdict
//	rows of B ─ Read ─▶ Side ─┘
//
// Its memory grows with the number of samples. The numbers themselves are made in package stats.
package compare
