package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSchemasAreUpToDate(t *testing.T) {
	for name, input := range inputs() {
		want, err := generate("..", input)
		require.NoError(t, err)
		got, err := os.ReadFile(filepath.Join("..", "schema", name))
		require.NoError(t, err)
		require.Equal(t, string(want), string(got), "run: go generate ./internal/spec")
	}
}
