package redact

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const (
	hexes  = "0123456789abcdef0123456789abcdef"
	mixed  = "aB3dE6gH9jK2mN5pQ8sT1vW4yZ7bC0eF3hJ6"
	pemKey = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,0123456789ABCDEF\n\n" +
		"MIIEpAIBAAKCAQEA0Z3VS5JJcds3xfn/ygWyF8PbnGy0AHB7MaXUQd7pX4YqVnCz\nabcdefgh0123456789==\n-----END RSA PRIVATE KEY-----"
)

// kinds of secrets, by the name of their rule. None was ever valid.
var kinds = map[string][]string{
	"aws-access-key-id": {"AKIAIOSFODNN7EXAMPLE", "ASIAIOSFODNN7EXAMPLE"},
	"github-token":      {"ghp_" + mixed, "gho_" + mixed, "ghs_" + mixed, "github_pat_11ABCDEFG0_" + mixed},
	"gitlab-token":      {"glpat-" + mixed[:20]},
	"api-key":           {"sk-" + mixed, "sk-proj-" + mixed + "-" + mixed, "sk-ant-api03-" + mixed + "_" + mixed + "-AA", "sk-or-v1-" + hexes},
	"google-api-key":    {"AIza" + mixed[:35]},
	"huggingface-token": {"hf_" + mixed[:34]},
	"slack-token":       {"xoxb-123456789012-1234567890123-" + mixed[:24], "xoxp-123456789012-" + mixed},
	"daytona-api-key":   {"dtn_" + hexes + hexes},
	"jwt":               {"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U"},
	"private-key": {
		pemKey, strings.ReplaceAll(pemKey, "\n", `\n`), pemKey[:150], strings.ReplaceAll(pemKey, "\n", "\r\n"),
		"-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ" + mixed + "\n-----END PRIVATE KEY-----",
	},
}

func examples() []string {
	var all []string
	for _, secrets := range kinds {
		all = append(all, secrets...)
	}
	return all
}

func TestRulesFindEveryKind(t *testing.T) {
	for name, secrets := range kinds {
		for _, secret := range secrets {
			for _, around := range [][2]string{
				{"", ""}, {"key=", " "}, {`{"text":"a line\n`, `"}`}, {"?token%3D", "&x"}, {"\x1b[31m", "\x1b[0m"}, {"TOKEN_", ","}, {"\x00\xff", "\x00"},
			} {
				clean := New().String(around[0] + secret + around[1])
				require.Equal(t, around[0]+"[REDACTED:"+name+"]"+around[1], clean)
			}
		}
	}
}

// What only begins like a secret must not hide the one that begins in it.
func TestRulesFindASecretInWhatOnlyBeginsLikeOne(t *testing.T) {
	jwt := kinds["jwt"][0]
	for text, want := range map[string]string{
		"-----BEGIN " + pemKey:                            "-----BEGIN [REDACTED:private-key]",
		"-----BEGIN CERTIFICATE" + pemKey:                 "-----BEGIN CERTIFICATE[REDACTED:private-key]",
		pemKey[:150] + "\n-----END " + pemKey:             "[REDACTED:private-key]",
		pemKey[:150] + pemKey:                             "[REDACTED:private-key][REDACTED:private-key]",
		"AIza-AIza" + mixed[:35]:                          "AIza-[REDACTED:google-api-key]",
		"sk-" + strings.Repeat("a", 250) + "-sk-" + mixed: "sk-" + strings.Repeat("a", 250) + "-[REDACTED:api-key]",
		"eyJ" + strings.Repeat("a", maxJWT) + jwt:         "eyJ" + strings.Repeat("a", maxJWT) + "[REDACTED:jwt]",
	} {
		require.Equal(t, want, New().String(text))
	}
}

func TestRulesLeaveTheRestAlone(t *testing.T) {
	for _, text := range []string{
		"task-" + hexes, "risk-adjusted-portfolio-with-a-long-name-2", "sk-learn-style-transformers-with-names-3-and-more",
		"AKIA", "AKIAIOSFODNN7EXAMPLETOOLONG", "ghp_short", "xoxo-lots-of-love-and-kisses-for-1", "eyJust.eyJust.a",
		"eyJhbGciOiJIUzI1NiJ9", "eyJhbGciOiJIUzI1NiJ9.notanobject.abcdefghijklmn",
		"-----BEGIN CERTIFICATE-----\nMIIEpAIBAAKCAQEA0Z3VS5JJcds3xfn/ygWyF8PbnGy0AHB7MaXUQd7pX4YqVnCz\n-----END CERTIFICATE-----",
		"-----BEGIN PUBLIC KEY-----\nMIIEpAIBAAKCAQEA0Z3VS5JJcds3xfn/ygWyF8PbnGy0AHB7MaXUQd7pX4YqVnCz\n-----END PUBLIC KEY-----",
		"a key begins with -----BEGIN PRIVATE KEY----- and ends with -----END PRIVATE KEY-----, and this is no key.",
		"sk-" + strings.Repeat(mixed, 20), "dtn_", "hf_model_name", "AIza",
		"[REDACTED:api-key]", strings.Repeat("-----BEGIN ", 10),
	} {
		require.Equal(t, text, New().String(text))
	}
}

// A hostile text must not cost more than an ordinary one by orders of magnitude: each of these is 1 MiB, and the bound is
// a thousand times what they take.
func TestHostileTextsTakeLinearTime(t *testing.T) {
	for _, piece := range []string{
		"eyJ", "eyJaaaaaaaaaa.", "0meyJ", "sk-", "sk-a", "%3Dsk-", "-----BEGIN ", "-----BEGIN PRIVATE KEY-----",
		"-----BEGIN PRIVATE KEY-----" + mixed, "xoxb-", "ghp_", "github_pat_", "aaaaaaaaaa", "AKIA",
		"-----END -----BEGIN ", "-----BEGIN PRIVATE KEY-----\n", "-sk-", "AIza-", "eyJaaaaaaa.eyJaaaaaaa.",
	} {
		text := []byte(strings.Repeat(piece, 1<<20/len(piece)))
		r := New()
		r.Add("A", "aaaaaaaaa")
		done := make(chan struct{})
		go func() {
			defer close(done)
			w := r.NewWriter(new(bytes.Buffer))
			for chunk := range slices.Chunk(text, 64<<10) {
				_, _ = w.Write(chunk)
			}
			_ = w.Close()
		}()
		select {
		case <-done:
		case <-time.After(time.Minute):
			t.Fatalf("1 MiB of %q are not done after a minute", piece)
		}
	}
}
