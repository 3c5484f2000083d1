package redact

import "bytes"

// letters is a set of bytes.
type letters [256]bool

func lettersOf(sets ...string) *letters {
	var l letters
	for _, set := range sets {
		for i := range len(set) {
			l[set[i]] = true
		}
	}
	return &l
}

const (
	digits = "0123456789"
	upper  = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	lower  = "abcdefghijklmnopqrstuvwxyz"
)

var (
	alphanumeric  = lettersOf(digits, upper, lower)
	upperDigits   = lettersOf(digits, upper)
	hexDigits     = lettersOf(digits, "abcdefABCDEF")
	base64URL     = lettersOf(digits, upper, lower, "-_")
	base64Letters = lettersOf(digits, upper, lower, "+/=-_")
	pemLetters    = lettersOf(digits, upper, lower, "+/=")
	wordLetters   = lettersOf(digits, upper, lower, "_")
	dashed        = lettersOf(digits, upper, lower, "-")
)

// A rule finds secrets of one kind. They begin with prefix; match says how they go on.
type rule struct {
	name   string
	prefix string
	// inWord: it may begin in the middle of a word.
	inWord bool
	// match returns how long the secret at the beginning of b is, 0 when there is none, and where to look for the next one:
	// none may begin before that and end behind length. open: more of b could make it longer, or one.
	match func(b []byte) (length, next int, open bool)
}

// rules. The shapes are those that the issuers document and that secret scanners look for (gitleaks' rules); Daytona's is
// "dtn_" and 64 hex digits.
var rules = []rule{
	{name: "aws-access-key-id", prefix: "AKIA", match: body("AKIA", upperDigits, 16, 16)},
	{name: "aws-access-key-id", prefix: "ASIA", match: body("ASIA", upperDigits, 16, 16)},
	{name: "github-token", prefix: "ghp_", match: body("ghp_", alphanumeric, 36, 255)},
	{name: "github-token", prefix: "gho_", match: body("gho_", alphanumeric, 36, 255)},
	{name: "github-token", prefix: "ghu_", match: body("ghu_", alphanumeric, 36, 255)},
	{name: "github-token", prefix: "ghs_", match: body("ghs_", alphanumeric, 36, 255)},
	{name: "github-token", prefix: "ghr_", match: body("ghr_", alphanumeric, 36, 255)},
	{name: "github-token", prefix: "github_pat_", match: body("github_pat_", wordLetters, 36, 255)},
	{name: "gitlab-token", prefix: "glpat-", match: random(body("glpat-", base64URL, 20, 255), 8)},
	{name: "api-key", prefix: "sk-", match: random(body("sk-", base64URL, 20, 255), 16)},
	{name: "google-api-key", prefix: "AIza", match: body("AIza", base64URL, 35, 35)},
	{name: "huggingface-token", prefix: "hf_", match: body("hf_", alphanumeric, 34, 40)},
	{name: "slack-token", prefix: "xox", match: slack},
	{name: "daytona-api-key", prefix: "dtn_", match: body("dtn_", alphanumeric, 32, 128)},
	{name: "jwt", prefix: "eyJ", inWord: true, match: jwt},
	{name: "private-key", prefix: "-----BEGIN ", inWord: true, match: privateKey},
}

// starts says by their first three bytes which rules a text may begin with.
var starts = func() (s startTable) {
	for i, r := range rules {
		slot := &s[startOf([]byte(r.prefix))]
		*slot = append(*slot, i)
	}
	return s
}()

type startTable [1 << 12][]int

// startOf hashes the first three bytes of b, as short as the shortest prefix.
func startOf(b []byte) uint32 {
	return (uint32(b[0]) | uint32(b[1])<<8 | uint32(b[2])<<16) * 0x9E3779B9 >> 20
}

const minPrefix, maxPrefix = len("sk-"), len("github_pat_")

// ruleHeads are what a rule's prefix begins with.
var ruleHeads = func() map[string]bool {
	heads := map[string]bool{}
	for _, r := range rules {
		for n := 1; n < len(r.prefix); n++ {
			heads[r.prefix[:n]] = true
		}
	}
	return heads
}()

// findByRules returns what the rules find in b, and from where on more may follow of something that they look for.
func findByRules(before, b []byte, atEOF bool) (found []span, safe int) {
	safe = len(b)
	resume := make([]int, len(rules)) // where each rule looks on
	for i := 0; i+minPrefix <= len(b); i++ {
		for _, which := range starts[startOf(b[i:])] {
			r := &rules[which]
			if i < resume[which] || !bytes.HasPrefix(b[i:], []byte(r.prefix)) || !r.inWord && inWord(before, b[:i]) {
				continue
			}
			length, next, open := r.match(b[i:])
			resume[which] = i + next
			if length > 0 {
				found = append(found, span{start: i, end: i + length, name: r.name})
			}
			if open && !atEOF {
				safe = min(safe, i)
			}
		}
	}
	for i := max(0, len(b)-maxPrefix+1); !atEOF && i < len(b); i++ {
		if ruleHeads[string(b[i:])] {
			return found, min(safe, i)
		}
	}
	return found, safe
}

// inWord: what follows the text goes on with a word, as sk- in task-. The end of an escape (\n in JSON, %3D in a URL, a
// terminal's colour) is no word.
func inWord(before, text []byte) bool {
	last := text[max(0, len(text)-contextBytes):]
	if missing := contextBytes - len(last); missing > 0 {
		last = append(append([]byte(nil), before[max(0, len(before)-missing):]...), last...)
	}
	n := len(last)
	switch {
	case n == 0 || !alphanumeric[last[n-1]]:
		return false
	case n >= 2 && last[n-2] == '\\' && bytes.IndexByte([]byte("nrt"), last[n-1]) >= 0:
		return false
	case n >= 3 && last[n-3] == '%' && hexDigits[last[n-2]] && hexDigits[last[n-1]]:
		return false
	case n >= 3 && last[n-1] == 'm' && bytes.IndexByte(last[:n-1], '[') >= 0:
		return false
	}
	return true
}

// run is how many bytes at the beginning of b are of the set.
func run(b []byte, set *letters) int {
	n := 0
	for n < len(b) && set[b[n]] {
		n++
	}
	return n
}

// body matches a prefix and then least to most bytes of a set. A longer run is something else, but may end in a secret.
func body(prefix string, set *letters, least, most int) func([]byte) (int, int, bool) {
	return func(b []byte) (length, next int, open bool) {
		n := run(b[len(prefix):], set)
		end := len(prefix) + n
		switch {
		case n > most:
			return 0, n - most, false
		case n < least:
			return 0, end, end == len(b)
		}
		return end, end, end == len(b)
	}
}

// random asks of what another match finds that some run of letters and digits in it is at least so long, with a digit: a
// name of dashed words is no key.
func random(match func([]byte) (int, int, bool), least int) func([]byte) (int, int, bool) {
	return func(b []byte) (length, next int, open bool) {
		length, next, open = match(b)
		for i := 0; i < length; i++ {
			n := run(b[i:length], alphanumeric)
			if n >= least && bytes.ContainsAny(b[i:i+n], digits) {
				return length, next, open
			}
			i += n
		}
		return 0, next, open
	}
}

// slack matches xoxb-, xoxp- and their like.
func slack(b []byte) (length, next int, open bool) {
	const prefix = "xoxb-"
	switch {
	case len(b) < len(prefix):
		return 0, len(b), true
	case bytes.IndexByte([]byte("abceoprs"), b[3]) < 0 || b[4] != '-':
		return 0, 3, false
	}
	return random(body(prefix, dashed, 16, 255), 8)(b)
}

// maxJWT bounds a token; headers of HTTP, where they travel, seldom take more than 8 KiB.
const maxJWT = 8 << 10

// jwt matches header.payload.signature, where header and payload are JSON objects in base64.
func jwt(b []byte) (length, next int, open bool) {
	const object, least = "eyJ", 10
	header, end := 0, 0
	for part := range 3 {
		if rest := b[end:]; part == 1 && !bytes.HasPrefix(rest, []byte(object)) {
			return 0, header, bytes.HasPrefix([]byte(object), rest)
		}
		n := run(b[end:], base64URL)
		end += n
		if part == 0 {
			header = end
		}
		switch {
		case end > maxJWT: // one that begins later in the header may be short enough
			return 0, min(header, end-maxJWT), false
		case part == 2 && n >= least:
			return end, end, end == len(b)
		case part == 2 || end == len(b):
			return 0, header, end == len(b)
		case n < least || b[end] != '.':
			return 0, header, false
		}
		end++
	}
	return 0, header, false
}
