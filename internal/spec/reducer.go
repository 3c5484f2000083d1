package spec

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Kinds of Reducer. Those that end in _ , @ or ^ are followed by a number k.
const (
	ReduceMean    = "mean"
	ReduceMax     = "max"
	ReduceMode    = "mode"
	ReduceAtLeast = "at_least_"
	ReducePassAt  = "pass@"
	ReducePassHat = "pass^"
)

// Reducer makes one number, 0 to 1, of the epochs of a sample. K is 0 where the kind takes none.
type Reducer struct {
	Kind string
	K    int
}

// ParseReducer reads mean, max, mode, at_least_K, pass@K or pass^K, with K from 1 to MaxEpochs. An empty text is mean.
func ParseReducer(text string) (Reducer, error) {
	if text == "" {
		return Reducer{Kind: ReduceMean}, nil
	}
	if slices.Contains([]string{ReduceMean, ReduceMax, ReduceMode}, text) {
		return Reducer{Kind: text}, nil
	}
	for _, kind := range []string{ReduceAtLeast, ReducePassAt, ReducePassHat} {
		digits, ok := strings.CutPrefix(text, kind)
		if k, err := strconv.Atoi(digits); ok && err == nil && k >= 1 && k <= MaxEpochs && strconv.Itoa(k) == digits {
			return Reducer{Kind: kind, K: k}, nil
		}
	}
	return Reducer{}, fmt.Errorf("%q is not a reducer: want mean, max, mode, at_least_K, pass@K or pass^K, with K from 1 to %d",
		clip(text), MaxEpochs)
}

// String is what ParseReducer reads.
func (r Reducer) String() string {
	if r.K == 0 {
		return r.Kind
	}
	return r.Kind + strconv.Itoa(r.K)
}
