package redact

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestKnownValuesAreReplacedInEveryForm(t *testing.T) {
	const secret = `p/a+s"s<w>\ö rd&=1`
	r := New()
	r.Add("DB PASSWORD", secret)
	asJSON, err := json.Marshal(map[string]string{"key": secret})
	require.NoError(t, err)
	twice, err := json.Marshal(string(asJSON))
	require.NoError(t, err)
	forms := map[string]string{
		"raw": secret, "JSON": string(asJSON), "JSON in JSON": string(twice),
		"ASCII JSON":       `p/a+s\"s<w>\\\u00f6 rd&=1`,
		"PHP's JSON":       `p\/a+s\"s<w>\\ö rd&=1`,
		"URL query":        url.QueryEscape(secret),
		"URL path":         url.PathEscape(secret),
		"Python's URL":     `p%2Fa%2Bs%22s%3Cw%3E%5C%C3%B6%20rd%26%3D1`,
		"Python's default": `p/a%2Bs%22s%3Cw%3E%5C%C3%B6%20rd%26%3D1`,
		"lower URL":        "p%2fa%2bs%22s%3cw%3e%5c%c3%b6+rd%26%3d1",
		"hex":              hex.EncodeToString([]byte(secret)),
		"upper hex":        strings.ToUpper(hex.EncodeToString([]byte(secret))),
		"base64":           base64.StdEncoding.EncodeToString([]byte(secret)),
		"base64 +1":        base64.StdEncoding.EncodeToString([]byte("a" + secret + "bc")),
		"base64 +2":        base64.StdEncoding.EncodeToString([]byte("ab" + secret + "c")),
		"base64url":        base64.URLEncoding.EncodeToString([]byte("user:" + secret)),
		"basic auth":       base64.StdEncoding.EncodeToString([]byte("user:" + secret + "@host")),
		"raw base64":       base64.RawStdEncoding.EncodeToString([]byte(secret)),
		"between":          "x" + secret + "x",
		"two of them":      secret + secret,
	}
	for name, form := range forms {
		t.Run(name, func(t *testing.T) {
			clean := r.String("before " + form + " after")
			require.Contains(t, clean, "[REDACTED:DB_PASSWORD]")
			require.True(t, strings.HasPrefix(clean, "before ") && strings.HasSuffix(clean, " after"), clean)
			require.NotContains(t, clean, "rd&")
		})
	}
}

func TestLinesOfAKeyAreReplacedByThemselves(t *testing.T) {
	r := New()
	line := "MIIEvQIBADANBgkqhkiG9w0BAQEFAASC"
	r.Add("KEY", "-----BEGIN THING-----\n"+line+"\nnot a line of a key\n")
	require.Equal(t, "x [REDACTED:KEY] not a line of a key", r.String("x "+line+" not a line of a key"))
}

func TestOverlappingSecretsLeaveNothing(t *testing.T) {
	r := New()
	r.Add("A", "abcdefgh")
	r.Add("B", "efghijkl")
	r.Add("C", "abcdefghijklmnop")
	require.Equal(t, "1[REDACTED:A]2", r.String("1abcdefghijkl2"))
	require.Equal(t, "1[REDACTED:C]2", r.String("1abcdefghijklmnop2"))
}

func TestShortValuesAreNotLookedFor(t *testing.T) {
	r := New()
	r.Add("SHORT", "1234567")
	require.Equal(t, "1234567", r.String("1234567"))
}

func TestRememberedValuesAreBoundedAndOwnOnesStay(t *testing.T) {
	r := New()
	r.Add("own", "the process's own")
	r.Remember("job", "first of a job")
	for i := range maxRemembered - 1 {
		r.Remember("other", fmt.Sprintf("value %06d", i))
	}
	r.Remember("job", "first of a job") // again: now it is the latest
	r.Remember("other", "one too many")
	require.Equal(t, "[REDACTED:own] [REDACTED:job] [REDACTED:other]", r.String("the process's own first of a job value 000001"))
	require.Equal(t, "value 000000", r.String("value 000000"), "the oldest one is forgotten")
}

func TestANilRedactorHoldsTheRules(t *testing.T) {
	var r *Redactor
	require.Equal(t, "id [REDACTED:aws-access-key-id].", r.String("id AKIAIOSFODNN7EXAMPLE."))
	r.String("x")
}

// A text of fragments: secrets, pieces of them, and what looks like one for a while.
func fragments(secrets []string) *rapid.Generator[[]byte] {
	piece := rapid.OneOf(
		rapid.Custom(func(t *rapid.T) []byte { return []byte(rapid.SampledFrom(secrets).Draw(t, "secret")) }),
		rapid.Custom(func(t *rapid.T) []byte {
			whole := rapid.SampledFrom(secrets).Draw(t, "part of")
			return []byte(whole[rapid.IntRange(0, len(whole)).Draw(t, "from"):])
		}),
		rapid.Custom(func(t *rapid.T) []byte {
			whole := rapid.SampledFrom(secrets).Draw(t, "part of")
			return []byte(whole[:rapid.IntRange(0, len(whole)).Draw(t, "to")])
		}),
		rapid.SliceOfN(rapid.Byte(), 0, 20),
		rapid.Custom(func(t *rapid.T) []byte {
			letter := rapid.SampledFrom([]string{"a", "A1", "-", " ", "\n", `\n`, ".", "eyJ", "-sk-", "AIza-"}).Draw(t, "letter")
			times := rapid.SampledFrom([]int{1, 5, 40, 64, 65, 256, 512, maxJWT, maxKey, maxSpan}).Draw(t, "times")
			return []byte(strings.Repeat(letter, times/len(letter)+1))
		}),
		rapid.Custom(func(t *rapid.T) []byte {
			return []byte(rapid.SampledFrom([]string{
				"-----BEGIN ", "-----BEGIN PRIVATE KEY-----", "-----END ", "PRIVATE KEY", "-----", "sk-", "AIza", "eyJ", "eyJhbGciOiJIUzI1NiJ9.", "github_pat_",
			}).Draw(t, "beginning"))
		}),
	)
	return rapid.Custom(func(t *rapid.T) []byte {
		return bytes.Join(rapid.SliceOfN(piece, 0, 12).Draw(t, "pieces"), nil)
	})
}

// What two writes cut in half is found, and nothing but the cut decides what is written when.
func TestPropertyChunksAreRedactedLikeTheWhole(t *testing.T) {
	r := New()
	known := []string{"first-known-value", "known-value-two", "aaaaaaaaaa", "\x00\x01binary\xff\xfe"}
	for i, value := range known {
		r.Add(fmt.Sprint("K", i), value)
	}
	secrets := append(known, examples()...)
	rapid.Check(t, func(t *rapid.T) {
		text := fragments(secrets).Draw(t, "text")
		var chunked bytes.Buffer
		w := r.NewWriter(&chunked)
		for rest := text; len(rest) > 0; {
			n := rapid.IntRange(1, len(rest)).Draw(t, "chunk")
			written, err := w.Write(rest[:n])
			require.NoError(t, err)
			require.Equal(t, n, written)
			rest = rest[n:]
		}
		require.NoError(t, w.Close())
		whole := r.Bytes(bytes.Clone(text))
		require.Equal(t, string(whole), chunked.String())
		for _, value := range known {
			require.NotContains(t, chunked.String(), value)
		}
		read, err := io.ReadAll(r.NewReader(iotest.HalfReader(bytes.NewReader(text))))
		require.NoError(t, err)
		require.Equal(t, string(whole), string(read))
		if len(text) > 4<<10 {
			return // byte by byte, what is held back is read again each time
		}
		read, err = io.ReadAll(r.NewReader(iotest.OneByteReader(bytes.NewReader(text))))
		require.NoError(t, err)
		require.Equal(t, string(whole), string(read))
	})
}

// Whatever a job writes before a secret, the secret is found.
func TestPropertyNothingBeforeASecretHidesIt(t *testing.T) {
	secrets := examples()
	rapid.Check(t, func(t *rapid.T) {
		secret := rapid.SampledFrom(secrets).Draw(t, "secret")
		clean := New().String(string(fragments(secrets).Draw(t, "before")) + "\n" + secret)
		require.False(t, strings.HasSuffix(clean, secret[len(secret)/2:]), clean)
	})
}

// What is no secret is the same bytes afterwards.
func TestPropertyWhatIsNoSecretSurvives(t *testing.T) {
	r := New()
	r.Add("KNOWN", "the-one-known-value")
	rapid.Check(t, func(t *rapid.T) {
		text := bytes.ReplaceAll(rapid.SliceOf(rapid.Byte()).Draw(t, "bytes"), []byte("the-one"), nil)
		require.Equal(t, text, r.Bytes(bytes.Clone(text)))
		parts := [][]byte{text, []byte("the-one-known-value"), text}
		clean := r.Bytes(bytes.Join(parts, []byte(" ")))
		require.Equal(t, string(bytes.Join([][]byte{text, []byte("[REDACTED:KNOWN]"), text}, []byte(" "))), string(clean))
	})
}

func TestAStreamHoldsBackNoMoreThanItSays(t *testing.T) {
	r := New()
	long := strings.Repeat("\x01\x02", MaxLength/2)
	r.Add("LONG", long)
	r.Add("AS", strings.Repeat("a", 64))
	text := []byte(strings.Repeat("a", 2*MaxHold) + jsonString(jsonString(long, false), false))
	for _, end := range []int{MaxHold, 2 * MaxHold, len(text) - 1} {
		_, n := r.Cut(nil, text[:end], false)
		require.LessOrEqual(t, end-n, MaxHold)
		require.Positive(t, n)
	}
}

// Secrets that overlap for longer than one replacement may be: the last of them is not left over where a write ends in it.
func TestOverlappingSecretsOfAStreamLeaveNothing(t *testing.T) {
	r := New()
	r.Add("A", strings.Repeat("a", 10))
	text := strings.Repeat("a", maxSpan+9) + "b"
	var out bytes.Buffer
	w := r.NewWriter(&out)
	for _, chunk := range []string{text[:maxSpan+9], "b"} {
		_, err := io.WriteString(w, chunk)
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	require.Equal(t, "[REDACTED:A][REDACTED:A]b", out.String())
	require.Equal(t, out.String(), r.String(text))
}

func TestAWriterStopsAtAnError(t *testing.T) {
	w := New().NewWriter(brokenWriter{})
	_, err := w.Write([]byte("text"))
	require.ErrorIs(t, err, errBroken)
	_, err = w.Write([]byte("more"))
	require.ErrorIs(t, err, errBroken)
	require.ErrorIs(t, w.Close(), errBroken)
}

var errBroken = fmt.Errorf("broken")

type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, errBroken }

func TestEachWriteIsRedactedByItself(t *testing.T) {
	var out bytes.Buffer
	r := New()
	w := r.EachWrite(&out)
	line := []byte("a line with first-known-value\n")
	r.Add("LATE", "first-known-value")
	n, err := w.Write(line)
	require.NoError(t, err)
	require.Equal(t, len(line), n)
	require.Equal(t, "a line with [REDACTED:LATE]\n", out.String())
}

func TestAReaderCountsWhatItReplaces(t *testing.T) {
	r := New()
	r.Add("K", "the-known-value")
	const text = "the-known-value AKIAIOSFODNN7EXAMPLE the-known-value"
	reader := r.NewReader(strings.NewReader(text))
	clean, err := io.ReadAll(reader)
	require.NoError(t, err)
	require.Equal(t, "[REDACTED:K] [REDACTED:aws-access-key-id] [REDACTED:K]", string(clean))
	require.Equal(t, map[string]int{"K": 2, "aws-access-key-id": 1}, reader.Found())

	clean, err = io.ReadAll(r.ValuesOnly().NewReader(strings.NewReader(text)))
	require.NoError(t, err)
	require.Equal(t, "[REDACTED:K] AKIAIOSFODNN7EXAMPLE [REDACTED:K]", string(clean))

	_, err = io.ReadAll(r.NewReader(iotest.ErrReader(errBroken)))
	require.ErrorIs(t, err, errBroken)
}
