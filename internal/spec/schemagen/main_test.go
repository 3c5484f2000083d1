package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSchemasAreUpToDate(t *testing.T) {
	for _, d := range documents() {
		want, err := d.generate("..")
		require.NoError(t, err)
		got, err := os.ReadFile(filepath.Join("..", filepath.FromSlash(d.file)))
		require.NoError(t, err)
		require.Equal(t, string(want), string(got), "run: go generate ./internal/spec")
	}
}
