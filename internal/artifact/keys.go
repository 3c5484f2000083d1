package artifact

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// maxNameBytes is where an escaped name is cut and hashed: DESIGN's bound for workflow IDs, and well under the 255
// bytes that file systems allow a name (with fileblob's temporary suffix of 21).
const maxNameBytes = 120

// keptNameBytes of a cut name stay readable in front of its hash.
const keptNameBytes = 80

// maxKeyBytes is S3's bound on a key.
const maxKeyBytes = 1024

var (
	partOf    = regexp.MustCompile(`^(.+)/(retry|extend|rescore)-([1-9][0-9]{0,5})$`)
	sha256Hex = regexp.MustCompile(`^[0-9a-f]{64}$`)
)

// SplitRetry takes <id>/retry-<n> apart. Without that ending it returns the ID itself and 0; of <id>/extend-<n> and
// <id>/rescore-<n>, whose trials are the campaign's own, <id> and 0.
func SplitRetry(campaign string) (root string, retry int) {
	match := partOf.FindStringSubmatch(campaign)
	switch {
	case match == nil:
		return campaign, 0
	case match[2] == "retry":
		retry, _ = strconv.Atoi(match[3]) // at most six digits
	}
	return match[1], retry
}

// Retry is the ID of the nth retry of a campaign; the campaign's own for n = 0.
func Retry(campaign string, n int) string {
	root, _ := SplitRetry(campaign)
	if n == 0 {
		return root
	}
	return fmt.Sprintf("%s/retry-%d", root, n)
}

// Extension is the ID of the nth extension of a campaign; the campaign's own for n = 0.
func Extension(campaign string, n int) string {
	root, _ := SplitRetry(campaign)
	if n == 0 {
		return root
	}
	return fmt.Sprintf("%s/extend-%d", root, n)
}

// CampaignsPrefix is what all campaigns' keys begin with.
const CampaignsPrefix = "campaigns/"

// Campaign is the prefix of one campaign; <id>/retry-<n>, <id>/extend-<n> and <id>/rescore-<n> lie under their
// campaign.
func Campaign(id string) string {
	match := partOf.FindStringSubmatch(id)
	if match == nil {
		return CampaignsPrefix + EscapeName(id)
	}
	return CampaignsPrefix + EscapeName(match[1]) + "/" + match[2] + "-" + match[3]
}

// Manifest is the key of what a campaign is to run; of <id>/rescore-<n>, which runs nothing, the campaign's own.
func Manifest(campaign string) string {
	if IsRescore(campaign) {
		campaign, _ = SplitRetry(campaign)
	}
	return Campaign(campaign) + "/" + ManifestName
}

// Rescore is the ID of the nth judging of a campaign from what is stored, n ≥ 1.
func Rescore(campaign string, n int) string {
	root, _ := SplitRetry(campaign)
	return fmt.Sprintf("%s/rescore-%d", root, n)
}

// IsRescore tells the ID of a Rescore.
func IsRescore(campaign string) bool {
	match := partOf.FindStringSubmatch(campaign)
	return match != nil && match[2] == "rescore"
}

// RescoreSettings is the key of how a Rescore judged.
func RescoreSettings(campaign string) string { return Campaign(campaign) + "/scorer.json" }

// ManifestName is the last part of a manifest's key.
const ManifestName = "manifest.jsonl"

// Results is the key of a campaign's rows, one per trial.
func Results(campaign string) string { return Campaign(campaign) + "/results.jsonl" }

// Summary is the key of a campaign's result.
func Summary(campaign string) string { return Campaign(campaign) + "/summary.json" }

// TrialPrefix is where a trial's evidence lies. A retry may be named by retry, by the campaign's ending, or by both.
func TrialPrefix(campaign, sample string, epoch, retry int) string {
	root, named := SplitRetry(campaign)
	if retry == 0 {
		retry = named
	}
	prefix := fmt.Sprintf("%s/trials/%s/%d", Campaign(root), EscapeName(sample), epoch)
	if retry > 0 {
		prefix += fmt.Sprintf("/r%d", retry)
	}
	return prefix
}

// EvalPrefix is where the evidence of an eval that belongs to no campaign lies.
func EvalPrefix(evalID string) string { return EvalsPrefix + EscapeName(evalID) }

// EvalsPrefix is what the keys of evals of no campaign begin with.
const EvalsPrefix = "evals/"

// Result is the key of the result of the eval at prefix.
func Result(prefix string) string { return prefix + "/result.json" }

// Attempt is the prefix of the nth attempt, 1-based, of the eval at prefix.
//
// Run is the lease run of the attempt's sandbox: an eval that is run again under
// its ID begins its attempts anew, and must not go on where the streams of another sandbox ended.
func Attempt(prefix string, n int, run string) string {
	return prefix + "/attempt-" + strconv.Itoa(n) + "." + EscapeName(run)
}

// Judge is the prefix of a command scorer's own evidence, under that of the attempt which it judges.
func Judge(attempt, run string) string {
	return attempt + "/scorer." + EscapeName(run)
}

// SplitAttempt reads the name of an attempt's folder; ok is false for any other name.
func SplitAttempt(name string) (n int, ok bool) {
	rest, ok := strings.CutPrefix(name, "attempt-")
	digits, _, dotted := strings.Cut(rest, ".")
	n, err := strconv.Atoi(digits)
	return n, ok && dotted && err == nil && n > 0
}

// Stream is the prefix of one stream (stdout or stderr) of a step of the attempt at prefix.
func Stream(prefix, step, stream string) string {
	return prefix + "/streams/" + EscapeName(step) + "/" + EscapeName(stream)
}

// Files is where the files fetched from the sandbox of the attempt at prefix lie, each under its Content key.
func Files(prefix string) string { return prefix + "/artifacts" }

// Content is the key of content below prefix, by its SHA-256 (hex).
func Content(prefix, sha256 string) string { return prefix + "/" + EscapeName(strings.ToLower(sha256)) }

// FileManifest is the key of the list of an attempt's files.
func FileManifest(prefix string) string { return prefix + "/manifest.json" }

// Blob is the key of content known by its SHA-256 (hex), in 256 folders.
func Blob(sha256 string) string {
	name := EscapeName(strings.ToLower(sha256))
	if !sha256Hex.MatchString(name) {
		return "blobs/" + name // holds nothing
	}
	return "blobs/" + name[:2] + "/" + name
}

// EscapeName makes one safe path component, and part of a workflow ID, of any bytes: letters, digits, '_', '-' and inner
// dots stay, the rest is percent-encoded; past 120 bytes the end is replaced by '~' and a hash of the name. Different
// names stay different, and none is "", "." or "..", hidden, a device of Windows, or one of fileblob's own files.
func EscapeName(name string) string {
	if name == "" {
		return "~empty"
	}
	escaped := escapeBytes(name)
	if len(escaped) <= maxNameBytes {
		return escaped
	}
	kept := escaped[:keptNameBytes]
	if cut := strings.LastIndexByte(kept, '%'); cut > keptNameBytes-3 {
		kept = kept[:cut] // never half of an escape
	}
	sum := sha256.Sum256([]byte(name))
	return kept + "~" + hex.EncodeToString(sum[:16])
}

const upperHex = "0123456789ABCDEF"

func escapeBytes(name string) string {
	var out strings.Builder
	for i := range len(name) {
		if staysInName(name, i) {
			out.WriteByte(name[i])
		} else {
			out.Write([]byte{'%', upperHex[name[i]>>4], upperHex[name[i]&15]})
		}
	}
	return out.String()
}

func staysInName(name string, i int) bool {
	switch c := name[i]; {
	case i == 0 && windowsDevice.MatchString(name):
		return false
	case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '_', c == '-':
		return true
	case c == '.':
		return i > 0 && i < len(name)-1 && !reservedEnding.MatchString(name[i:])
	}
	return false
}

var (
	// windowsDevice names cannot be files on Windows, whatever their extension.
	windowsDevice = regexp.MustCompile(`(?i)^(con|prn|aux|nul|com[0-9]|lpt[0-9])(\.|$)`)
	// reservedEnding is how fileblob names its sidecars and unfinished writes; List leaves the latter out.
	reservedEnding = regexp.MustCompile(`(?i)^\.(attrs|tmp)$`)
	safeKey        = regexp.MustCompile(`^[A-Za-z0-9._%~-]{1,255}(/[A-Za-z0-9._%~-]{1,255})*$`)
)

// checkKey refuses what keys.go could not have made, because keys also come back in URIs that people write.
func checkKey(key string) error {
	if len(key) > maxKeyBytes || !safeKey.MatchString(key) {
		return fmt.Errorf("%w: %.200q: want names of A-Z a-z 0-9 . _ %% ~ - separated by /", ErrKey, key)
	}
	for part := range strings.SplitSeq(key, "/") {
		if part[0] == '.' || part[len(part)-1] == '.' || reservedEnding.MatchString(part[max(0, strings.LastIndexByte(part, '.')):]) {
			return fmt.Errorf("%w: %.200q: a name in it begins or ends with a dot, or ends in .attrs or .tmp", ErrKey, key)
		}
	}
	return nil
}
