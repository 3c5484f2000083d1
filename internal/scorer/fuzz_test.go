package scorer

import (
	"encoding/json"
	"math"
	"testing"
)

// FuzzValueAt holds that no document gives a score that cannot be stored, or that encoding/json reads otherwise.
func FuzzValueAt(f *testing.F) {
	for _, seed := range []string{`{"score":1}`, `{"score":0,"score":1}`, `{"score":1e999}`, `[[[[`, `{"score":{"score":true}}`, "\xff", `{"score":-0.0}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		value, err := valueAt(data, "score")
		if err != nil {
			return
		}
		if math.IsNaN(value) || math.Abs(value) > maxValue {
			t.Fatalf("%q scores %v", data, value)
		}
		var document map[string]any
		if err := json.Unmarshal(data, &document); err != nil {
			t.Fatalf("%q scores %v, but is not JSON: %v", data, value, err)
		}
		switch want := document["score"].(type) {
		case float64:
			if want != value {
				t.Fatalf("%q scores %v, not %v", data, value, want)
			}
		case bool:
			if want != (value == 1) {
				t.Fatalf("%q scores %v, not %v", data, value, want)
			}
		default:
			t.Fatalf("%q scores %v from a %T", data, value, want)
		}
	})
}
