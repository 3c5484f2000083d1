package redact

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestJSONStaysJSON(t *testing.T) {
	r := New()
	r.Add("N", "12345678")
	r.Add("S", `se"cr"et,":`)
	doc := `{"id":12345678,"at":[1.50,"x 12345678"],"12345678":"AKIAIOSFODNN7EXAMPLE","quoted":"a se\"cr\"et,\": b"}`
	clean, err := r.JSON([]byte(doc))
	require.NoError(t, err)
	require.JSONEq(t, `{"id":12345678,"at":[1.50,"x [REDACTED:N]"],"[REDACTED:N]":"AKIAIOSFODNN7EXAMPLE","quoted":"a [REDACTED:S] b"}`, string(clean))
	require.Contains(t, string(clean), "1.50", "numbers are as they were")
	same := []byte(`{"b": 1, "a": "nothing"}`)
	clean, err = r.JSON(same)
	require.NoError(t, err)
	require.Equal(t, same, clean)
	_, err = r.JSON([]byte(`{"12345678"`))
	require.Error(t, err)
}

func TestEachFieldOfJSONIsCleanedOnce(t *testing.T) {
	r := New()
	r.Add("R", "REDACTED") // stands in what it is replaced by
	fields, want := map[string]int{}, map[string]int{}
	for i := range 1000 {
		fields[fmt.Sprint(i, " REDACTED")] = i
		want[fmt.Sprint(i, " [REDACTED:R]")] = i
	}
	doc, err := json.Marshal(fields)
	require.NoError(t, err)
	clean, err := r.JSON(doc)
	require.NoError(t, err)
	var got map[string]int
	require.NoError(t, json.Unmarshal(clean, &got))
	require.Equal(t, want, got)
}
