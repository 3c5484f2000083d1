package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestReadPrintsFailuresAndKeepsReasons(t *testing.T) {
	stream := strings.Join([]string{
		`{"Action":"output","Package":"p","Test":"TestA","Output":"noise\n"}`,
		`{"Action":"pass","Package":"p","Test":"TestA"}`,
		`{"Action":"output","Package":"p","Test":"TestB","Output":"    b_test.go:3: wrong\n"}`,
		`{"Action":"fail","Package":"p","Test":"TestB"}`,
		`{"Action":"output","Package":"p","Test":"TestC","Output":"=== RUN   TestC\n"}`,
		`{"Action":"output","Package":"p","Test":"TestC","Output":"    c_test.go:9: not run: x: needs y\n"}`,
		`{"Action":"skip","Package":"p","Test":"TestC"}`,
		`{"Action":"output","Package":"p","Output":"FAIL\tp\t0.1s\n"}`,
		`# p: does not build`,
	}, "\n")
	var out bytes.Buffer
	seen, err := read(strings.NewReader(stream), &out)
	require.NoError(t, err)
	require.Equal(t, "    b_test.go:3: wrong\nFAIL\tp\t0.1s\n# p: does not build", out.String())
	require.Equal(t, 1, seen.passed)
	require.Equal(t, 1, seen.failed)
	require.Equal(t, []string{"p TestC: not run: x: needs y"}, seen.skips)
}
