package artifact_test

import (
	"path"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"pitwall/internal/artifact"
)

func TestKeysReadWell(t *testing.T) {
	sha := strings.Repeat("ab", 32)
	trial := artifact.TrialPrefix("nightly", "HumanEval/0", 1, 0)
	for got, want := range map[string]string{
		artifact.Manifest("nightly"):                                                    "campaigns/nightly/manifest.jsonl",
		artifact.Results("nightly/retry-2"):                                             "campaigns/nightly/retry-2/results.jsonl",
		artifact.Summary("nightly"):                                                     "campaigns/nightly/summary.json",
		artifact.Result(trial):                                                          "campaigns/nightly/trials/HumanEval%2F0/1/result.json",
		artifact.TrialPrefix("nightly", "a", 2, 3):                                      "campaigns/nightly/trials/a/2/r3",
		artifact.TrialPrefix("nightly/retry-3", "a", 2, 0):                              "campaigns/nightly/trials/a/2/r3",
		artifact.TrialPrefix("nightly/retry-3", "a", 2, 3):                              "campaigns/nightly/trials/a/2/r3",
		artifact.Stream(artifact.Attempt(trial, 2, "0a1b2c3d-4e5f"), "setup", "stdout"): "campaigns/nightly/trials/HumanEval%2F0/1/attempt-2.0a1b2c3d-4e5f/streams/setup/stdout",
		artifact.Content(artifact.Files(artifact.Attempt("evals/x", 1, "r")), "00FF"):   "evals/x/attempt-1.r/artifacts/00ff",
		artifact.EvalPrefix("eval/a b"):                                                 "evals/eval%2Fa%20b",
		artifact.Blob(strings.ToUpper(sha)):                                             "blobs/ab/" + sha,
		artifact.Campaign("a/b"):                                                        "campaigns/a%2Fb",
		artifact.Retry("nightly", 4):                                                    "nightly/retry-4",
		artifact.Retry("nightly/retry-4", 5):                                            "nightly/retry-5",
		artifact.Retry("nightly/retry-4", 0):                                            "nightly",
	} {
		require.Equal(t, want, got)
	}
}

func TestEscapeName(t *testing.T) {
	for name, want := range map[string]string{
		"":           "~empty",
		".":          "%2E",
		"..":         "%2E%2E",
		".hidden":    "%2Ehidden",
		"end.":       "end%2E",
		"a.b_c-D9":   "a.b_c-D9",
		"~empty":     "%7Eempty",
		"%2E":        "%252E",
		"x.tmp":      "x%2Etmp",
		"x.ATTRS":    "x%2EATTRS",
		"CON":        "%43ON",
		"nul.txt":    "%6Eul.txt",
		"console":    "console",
		"\x00\xff\n": "%00%FF%0A",
		"../../etc":  "%2E.%2F..%2Fetc",
		"日":          "%E6%97%A5",
	} {
		require.Equal(t, want, artifact.EscapeName(name), "%q", name)
	}
	long := artifact.EscapeName(strings.Repeat("日", 100))
	require.LessOrEqual(t, len(long), 120)
	require.NotRegexp(t, `%[0-9A-F]?~`, long, "no half escape")
}

// hostileName draws names that people and programs under test could think of.
func hostileName() *rapid.Generator[string] {
	return rapid.OneOf(
		rapid.String(),
		rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) string { return string(b) }),
		rapid.StringMatching(`[./%~\\a-cA-C]{0,12}(\.tmp|\.attrs|con|NUL)?`),
		rapid.Map(rapid.IntRange(100, 400), func(n int) string { return strings.Repeat("x/", n) }),
	)
}

func TestKeysAreSafeAndDistinct(t *testing.T) {
	store := openStore(t, "mem://")
	ctx := t.Context()
	rapid.Check(t, func(t *rapid.T) {
		a, b := hostileName().Draw(t, "a"), hostileName().Draw(t, "b")
		prefix := artifact.TrialPrefix("c", a, 1, 0)
		for _, key := range []string{
			artifact.Result(prefix), artifact.Content(artifact.Files(artifact.Attempt(prefix, 1, b)), b), artifact.Manifest(a), artifact.Blob(a),
			artifact.Result(artifact.EvalPrefix(a)), artifact.Stream(prefix, a, b) + "/end",
		} {
			if path.Clean(key) != key || strings.HasPrefix(key, "/") || strings.Contains(key, "/../") {
				t.Fatalf("%q is not a clean path", key)
			}
			if _, err := store.Exists(ctx, key); err != nil {
				t.Fatalf("the store refuses its own key: %v", err)
			}
			back, err := artifact.Key(artifact.URI(key))
			if err != nil || back != key {
				t.Fatalf("%q → %q, %v", key, back, err)
			}
		}
		name := artifact.EscapeName(a)
		if len(name) == 0 || len(name) > 120 || strings.ContainsAny(name, "/\\:*?\"<>| \x00") {
			t.Fatalf("%q is no name", name)
		}
		if a != b && strings.EqualFold(name, artifact.EscapeName(b)) && !strings.EqualFold(a, b) {
			t.Fatalf("%q and %q both become %q", a, b, name)
		}
		if a != b && name == artifact.EscapeName(b) {
			t.Fatalf("%q and %q both become %q", a, b, name)
		}
	})
}

func TestWritesRefuseOtherKeys(t *testing.T) {
	store := openStore(t, "file://"+t.TempDir())
	for _, key := range []string{
		"", "/a", "a/", "a//b", "../a", "a/../b", "a/..", ".", "a/.b", "a b", "a\\b", "a\x00", "a.tmp", "a/b.attrs", "é",
		strings.Repeat("a", 256), strings.Repeat("a/", 600) + "a",
	} {
		require.ErrorIs(t, put(t, store, key, "x"), artifact.ErrKey, "%q", key)
		_, err := store.Get(t.Context(), key)
		require.ErrorIs(t, err, artifact.ErrKey, "%q", key)
		require.ErrorIs(t, store.Delete(t.Context(), key), artifact.ErrKey, "%q", key)
	}
}

func FuzzKeyOfURI(f *testing.F) {
	f.Add("store:a/b")
	f.Add("store:../x")
	f.Fuzz(func(t *testing.T, uri string) {
		key, err := artifact.Key(uri)
		if err == nil && (path.Clean("/"+key) != "/"+key || key == "" || strings.ContainsAny(key, "\x00\\ ")) {
			t.Fatalf("%q gives the key %q", uri, key)
		}
	})
}
