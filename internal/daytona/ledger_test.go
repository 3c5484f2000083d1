package daytona

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestLedgerIsReadToItsEndOrSaysThatItWasNot(t *testing.T) {
	since := time.Date(2026, 1, 2, 3, 0, 0, 0, time.UTC)
	const one, two, three = `{"seq":7,"event":"created","id":"a","labels":{"x":"y"}}`, `{"seq":8,"event":"destroyed","id":"a","cause":"ttl"}`, `{"seq":9}`
	for name, tc := range map[string]struct {
		lines []string
		want  error
		n     int
	}{
		"whole":             {[]string{one, two, `{"end":true}`}, nil, 2},
		"empty":             {[]string{`{"end":true}`}, nil, 0},
		"dropped before":    {[]string{one, `{"end":true,"from":"2026-01-02T02:00:00Z"}`}, nil, 1},
		"dropped within":    {[]string{one, `{"end":true,"from":"2026-01-02T04:00:00Z"}`}, ErrLedgerIncomplete, 1},
		"a line is missing": {[]string{one, three, `{"end":true}`}, ErrLedgerIncomplete, 1},
		"it broke off":      {[]string{one, two}, ErrLedgerIncomplete, 2},
		"not a ledger":      {[]string{"<html>"}, ErrBadAnswer, 0},
		"an endless line":   {[]string{strings.Repeat("x", 2*maxLedgerLine)}, ErrLedgerIncomplete, 0},
	} {
		t.Run(name, func(t *testing.T) {
			var entries []LedgerEntry
			err := readLedger(strings.NewReader(strings.Join(tc.lines, "\n")), since, func(e LedgerEntry) bool {
				entries = append(entries, e)
				return true
			})
			require.ErrorIs(t, err, tc.want)
			require.Len(t, entries, tc.n)
		})
	}
}
