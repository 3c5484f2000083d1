package report

import (
	"encoding/json"
	"io"
	"mime"
	"mime/quotedprintable"
	"net/mail"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"pitwall/internal/results"
)

// gated is a finished campaign that passes only where all of its trials do.
func gated(name string) results.Campaign {
	c, all := finished(name), 1.0
	c.Effective.Gate.MinAccuracy = &all
	return c
}

// namedReport is of a campaign and a failed trial that are named so.
func namedReport(t require.TestingT, name string) *Report {
	no := false
	b := NewBuilder(gated(name))
	d := detail(name, 1, &no)
	d.Result.Score.Explanation = name
	require.NoError(t, b.Add(d))
	return b.Finish(nil)
}

// The runner takes a line that begins with :: for a command: whatever the names are, there are these two and no other.
func TestGitHubGetsNoCommandOfTheSandbox(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.StringOf(rapid.SampledFrom([]rune("%:,\r\n#[]\u2028\x00ab"))).Draw(t, "name")
		var out strings.Builder
		require.NoError(t, GitHub(&out, namedReport(t, name)))
		lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
		require.Len(t, lines, 2, "%q", out.String())
		for i, prefix := range []string{"::error title=FAIL", "::warning title="} {
			properties, message, found := strings.Cut(strings.TrimPrefix(lines[i], "::"), "::")
			require.True(t, found && strings.HasPrefix(lines[i], prefix), lines[i])
			require.NotContains(t, strings.TrimPrefix(properties, prefix[2:]), ":")
			require.NotContains(t, properties, ",", "a further property")
			require.NotEmpty(t, message)
			require.NotContains(t, lines[i], "\r")
		}
	})
}

func TestGitHubShowsTenTrials(t *testing.T) {
	t.Parallel()
	no := false
	b := NewBuilder(gated("many"))
	for epoch := range 30 {
		require.NoError(t, b.Add(detail("s", epoch+1, &no)))
	}
	text := written(t, "github", b.Finish(nil))
	require.Equal(t, 10, strings.Count(text, "::warning "))
	require.Equal(t, 1, strings.Count(text, "::error "))
}

func TestGitLabFingerprintsStayFromNightToNight(t *testing.T) {
	t.Parallel()
	no, yes := false, true
	read := func(name string) map[string]codeQuality {
		b := NewBuilder(gated(name))
		for epoch, passed := range []*bool{&no, &no, nil, &yes} {
			require.NoError(t, b.Add(detail("s", epoch+1, passed)))
		}
		var entries []codeQuality
		require.NoError(t, json.Unmarshal([]byte(written(t, "gitlab", b.Finish(nil))), &entries))
		byPrint := map[string]codeQuality{}
		for _, entry := range entries {
			byPrint[entry.Fingerprint] = entry
		}
		require.Len(t, byPrint, 4, "the verdict, two that failed, one that was broken")
		return byPrint
	}
	monday, tuesday := read("night-monday"), read("night-tuesday")
	severities := map[string]int{}
	for print, entry := range monday {
		require.Contains(t, tuesday, print)
		require.Equal(t, 1, entry.Location.Lines.Begin)
		severities[entry.Severity]++
	}
	require.Equal(t, map[string]int{"blocker": 1, "major": 2, "minor": 1}, severities)
}

func TestAMailHasTheHeadersThatItWasGiven(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.StringOf(rapid.SampledFrom([]rune("a:\r\n=?_ é\x00"))).Draw(t, "name")
		var out strings.Builder
		require.NoError(t, Mail(&out, namedReport(t, name)))
		message, err := mail.ReadMessage(strings.NewReader(out.String()))
		require.NoError(t, err)
		require.Len(t, message.Header, 4, "%v", message.Header)
		subject, err := new(mime.WordDecoder).DecodeHeader(message.Header.Get("Subject"))
		require.NoError(t, err)
		require.True(t, strings.HasPrefix(subject, "[pitwall] FAIL:"), subject)
		body, err := io.ReadAll(quotedprintable.NewReader(message.Body))
		require.NoError(t, err)
		require.Contains(t, string(body), "0 of 1 scored trials passed, 0 have no score")
		require.Contains(t, string(body), "Not passed:")
	})
}
