package leakscan_test

import (
	"fmt"
	"io"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"pitwall/internal/leakscan"
)

var scanner = sync.OnceValue(func() *leakscan.Scanner {
	made, err := leakscan.New()
	if err != nil {
		panic(err)
	}
	return made
})

// Lines with a secret in each, what is secret of them, and the rule. None was ever valid.
var planted = []struct{ before, secret, rule string }{
	{"aws: ", "AKIAY3T6Z7QWERTYUIOP", "aws-access-token"},
	{"stripe ", "sk_live_" + "4eC39HqLyjWDarjtT1zdp7dc", "stripe-access-token"},
	{"daytona: ", "dtn_0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", "daytona-api-key"},
	{"postgres://app:", "c0rrect-horse-battery", "url-password"},
	{"router ", "sk-or-v1-0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", "openrouter-api-key"},
}

func line(i int) string {
	after := "\n"
	if planted[i].rule == "url-password" {
		after = "@db.internal:5432/app\n"
	}
	return planted[i].before + planted[i].secret + after
}

// ample is a budget for whatever a test looks through.
func ample() *leakscan.Budget { return &leakscan.Budget{Bytes: 1 << 30, Time: time.Hour} }

func scan(t require.TestingT, text string, limit int64) (string, *leakscan.Reader) {
	reader := scanner().NewReader(strings.NewReader(text), limit, ample())
	clean, err := io.ReadAll(reader)
	require.NoError(t, err)
	return string(clean), reader
}

func TestEveryKindIsFoundAndTheRestIsLeftAlone(t *testing.T) {
	var text, want strings.Builder
	for i, p := range planted {
		text.WriteString("ordinary words, a token=of thanks, key: value, 0123456789abcdef\n" + line(i))
		want.WriteString("ordinary words, a token=of thanks, key: value, 0123456789abcdef\n" + strings.Replace(line(i), p.secret, "[REDACTED:"+p.rule+"]", 1))
	}
	clean, reader := scan(t, text.String(), 1<<20)
	require.Equal(t, want.String(), clean)
	require.True(t, reader.Whole())
	for _, p := range planted {
		require.Equal(t, 1, reader.Found()[p.rule], p.rule)
	}
}

// Wherever a secret stands, also across the end of a window, it is found; and every other byte is as it was.
func TestPropertyWindowsHideNothing(t *testing.T) {
	filler := strings.Repeat("an ordinary line of a log, with nothing in it\n", 6000) // 270 KiB
	rapid.Check(t, func(t *rapid.T) {
		at := rapid.IntRange(0, 5000).Draw(t, "line") * len("an ordinary line of a log, with nothing in it\n")
		if rapid.Bool().Draw(t, "near the end of a window") {
			at = (60<<10+rapid.IntRange(-80, 80).Draw(t, "offset"))/46*46 + 46*rapid.IntRange(0, 100).Draw(t, "lines")
		}
		i := rapid.IntRange(0, len(planted)-1).Draw(t, "kind")
		clean, _ := scan(t, filler[:at]+line(i)+filler[at:], 1<<20)
		require.Equal(t, filler[:at]+strings.Replace(line(i), planted[i].secret, "[REDACTED:"+planted[i].rule+"]", 1)+filler[at:], clean)
	})
}

func TestOneLongLineIsLookedThrough(t *testing.T) {
	long := strings.Repeat("x y ", 40_000)
	clean, _ := scan(t, long+planted[0].secret+" "+long, 1<<20)
	require.Equal(t, long+"[REDACTED:aws-access-token] "+long, clean)
}

func TestWhatIsNotTextIsPassedOn(t *testing.T) {
	binary := "\x7fELF\x00\x01" + line(0)
	clean, reader := scan(t, binary, 1<<20)
	require.Equal(t, binary, clean)
	require.False(t, reader.Whole())
}

func TestBeyondTheLimitNothingIsLookedThrough(t *testing.T) {
	text := line(0) + strings.Repeat("a line of nothing\n", 10_000) + line(0)
	clean, reader := scan(t, text, 100_000)
	require.Equal(t, strings.Replace(text, planted[0].secret, "[REDACTED:aws-access-token]", 1), clean)
	require.False(t, reader.Whole())
}

func TestACommentSwitchesNothingOff(t *testing.T) {
	clean, _ := scan(t, "key "+planted[0].secret+" # gitleaks:allow\n", 1<<20)
	require.NotContains(t, clean, planted[0].secret)
}

func TestErrorsOfTheSourceArePassedOn(t *testing.T) {
	broken := fmt.Errorf("broken")
	reader := scanner().NewReader(io.MultiReader(strings.NewReader("text"), iotest.ErrReader(broken)), 1<<20, ample())
	_, err := io.ReadAll(reader)
	require.ErrorIs(t, err, broken)
	clean, reader := scan(t, "", 1<<20)
	require.Empty(t, clean)
	require.True(t, reader.Whole())
}

func BenchmarkReader(b *testing.B) {
	text := strings.Repeat("2026-11-22T10:00:00Z info worker.go:12 request served key=/api/v1/items/1 token status=200 password api\n", 40_000)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		_, _ = io.Copy(io.Discard, scanner().NewReader(strings.NewReader(text), 1<<30, ample()))
	}
}

// gitleaks names a secret as often as it stands there: work and memory must not grow with the square of that. These 128 KiB took
// 5 GiB, and take 30 MiB.
func TestASecretThatIsRepeatedCostsNoMoreThanOthers(t *testing.T) {
	const text = "AKIAY3T6Z7QWERTYUIOP\n"
	whole := strings.Repeat(text, 128<<10/len(text))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	clean, reader := scan(t, whole, 1<<20)
	runtime.ReadMemStats(&after)
	require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(512<<20))
	require.NotContains(t, clean, "AKIA")
	require.Equal(t, 128<<10/len(text), reader.Found()["aws-access-token"])
}

// Bytes bound no time: a text may be as slow as its writer likes.
func TestABudgetBoundsWhatIsLookedThrough(t *testing.T) {
	text := strings.Repeat(line(0), 256<<10/len(line(0)))
	for name, budget := range map[string]*leakscan.Budget{
		"time":  {Bytes: 1 << 30, Time: time.Nanosecond},
		"bytes": {Bytes: 1, Time: time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			reader := scanner().NewReader(strings.NewReader(text), 1<<20, budget)
			clean, err := io.ReadAll(reader)
			require.NoError(t, err)
			require.False(t, reader.Whole())
			require.Contains(t, string(clean), planted[0].secret, "the rest is passed on as it is")
			require.False(t, strings.HasPrefix(string(clean), line(0)), "the first window was looked through")

			next := scanner().NewReader(strings.NewReader(line(0)), 1<<20, budget)
			clean, err = io.ReadAll(next)
			require.NoError(t, err)
			require.Equal(t, line(0), string(clean))
			require.False(t, next.Whole())
		})
	}
}
