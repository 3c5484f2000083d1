package policy

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"pitwall/internal/spec"
)

// A stricter policy never admits more: whatever a wider one refuses by a rule, a stricter one refuses by the same rule.
func TestAStricterPolicyNeverAdmitsMore(t *testing.T) {
	refusals := 0
	rapid.Check(t, func(t *rapid.T) {
		wide := drawRules(t)
		narrow := drawNarrower(t, wide)
		in := drawInput(t)
		for _, b := range brokenBy(wide, in) {
			refusals++
			require.Contains(t, brokenBy(narrow, in), b, "wide %+v, narrow %+v, input %+v", wide, narrow, in)
		}
	})
	require.Positive(t, refusals)
}

// Where a section says nothing more than the one around it, nothing changes; where it does, the kind alone is touched.
func TestAnEmptySectionChangesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := drawRules(t)
		in := drawInput(t)
		require.Equal(t, brokenBy(r, in), brokenBy(r.within(Section{}), in))
	})
}

func brokenBy(r rules, in spec.EvalInput) []string {
	in = in.WithDefaults(spec.Defaults{})
	err := (&Policy{all: r, kinds: map[string]rules{in.Kind: r}}).Check(in)
	if err == nil {
		return nil
	}
	var names []string
	for _, b := range err.(*Violation).Broken {
		rule, _, network := strings.Cut(b.Rule, "network.")
		if network {
			rule = "network" // a stricter mode says so instead of what it no longer looks at
		}
		names = append(names, rule)
	}
	return names
}

// The domains are small, so that inputs and policies meet.
var (
	someNames   = []string{"", "*", "a", "ab", "a*", "*b", "a*b", "abc"}
	someDomains = []string{"*", "a.org", "*.a.org", "b.a.org", "*.b.a.org"}
	someCIDRs   = []string{"0.0.0.0/0", "198.51.100.0/24", "198.51.100.0/25", "198.51.100.7/32", "203.0.113.0/24"}
	someFolders = []string{"/", "/a", "/a/b", "/c"}
	someModes   = []string{spec.NetworkNone, spec.NetworkAllow, spec.NetworkFull}
)

func drawList(t *rapid.T, label string, of []string) []string {
	return rapid.SliceOfNDistinct(rapid.SampledFrom(of), 0, len(of), rapid.ID[string]).Draw(t, label)
}

func drawRules(t *rapid.T) rules {
	number := func(label string) int64 { return rapid.Int64Range(1, 10).Draw(t, label) }
	r := rules{
		languages: drawList(t, "languages", []string{"python", "javascript", "bash"}), snapshots: drawList(t, "snapshots", someNames),
		images: drawList(t, "images", someNames), tools: drawList(t, "tools", someNames), secrets: drawList(t, "secrets", someNames),
		ttl: time.Duration(number("ttl")) * 10 * time.Minute, timeLimit: time.Duration(number("limit")) * time.Minute, jobTime: time.Duration(number("job")) * time.Minute,
		outputBytes: number("output"), artifactBytes: number("artifact"), cpu: int(number("cpu")), memoryGiB: int(number("memory")), diskGiB: int(number("disk")),
		mode: rapid.SampledFrom(someModes).Draw(t, "mode"), cidrs: drawList(t, "cidrs", someCIDRs), domains: drawList(t, "domains", someDomains),
		folders: drawList(t, "folders", someFolders), unseenFiles: rapid.Bool().Draw(t, "unseen"),
	}
	for _, pattern := range drawList(t, "patterns", []string{"a", "b", "c"}) {
		r.commands = append(r.commands, compiled([]Pattern{{pattern, pattern}})...)
		r.code = append(r.code, compiled([]Pattern{{pattern, pattern}})...)
	}
	return r
}

// drawNarrower takes from what is admitted, and adds to what is refused.
func drawNarrower(t *rapid.T, r rules) rules {
	fewer := func(label string, list []string) []string {
		var kept []string
		for i, entry := range list {
			if rapid.Bool().Draw(t, fmt.Sprint(label, i)) {
				kept = append(kept, entry)
			}
		}
		return kept
	}
	less := func(label string, n int64) int64 { return rapid.Int64Range(1, n).Draw(t, label) }
	n := r
	n.languages, n.snapshots, n.images = fewer("l", r.languages), fewer("s", r.snapshots), fewer("i", r.images)
	n.tools, n.secrets = fewer("t", r.tools), fewer("x", r.secrets)
	n.ttl, n.timeLimit, n.jobTime = time.Duration(less("ttl-", int64(r.ttl))), time.Duration(less("limit-", int64(r.timeLimit))), time.Duration(less("job-", int64(r.jobTime)))
	n.outputBytes, n.artifactBytes = less("output-", r.outputBytes), less("artifact-", r.artifactBytes)
	n.cpu, n.memoryGiB, n.diskGiB = int(less("cpu-", int64(r.cpu))), int(less("memory-", int64(r.memoryGiB))), int(less("disk-", int64(r.diskGiB)))
	n.cidrs, n.domains, n.folders = fewer("c", r.cidrs), fewer("d", r.domains), fewer("f", r.folders)
	n.unseenFiles = r.unseenFiles || rapid.Bool().Draw(t, "unseen-")
	n.commands = append(append([]expression(nil), r.commands...), compiled([]Pattern{{"d", "d"}})...)
	// A mode may only fall: from full to a list of everything that the lists hold, or to none.
	switch at := rapid.IntRange(0, 2).Draw(t, "mode-"); {
	case at == 0:
		n.mode = spec.NetworkNone
	case at == 1 && r.mode == spec.NetworkFull:
		n.mode = spec.NetworkAllow
	}
	return n
}

func drawInput(t *rapid.T) spec.EvalInput {
	word := func(label string) string { return rapid.StringMatching("[abcd]{0,3}").Draw(t, label) }
	in := spec.EvalInput{
		Kind: rapid.SampledFrom([]string{spec.KindEvaluation, spec.KindToolSimulation}).Draw(t, "kind"),
		Sandbox: spec.Sandbox{
			Language: rapid.SampledFrom([]string{"python", "javascript"}).Draw(t, "language"), Snapshot: word("snapshot"), Image: word("image"),
			Resources: &spec.Resources{CPU: rapid.IntRange(0, 11).Draw(t, "cpus"), MemoryGiB: rapid.IntRange(0, 11).Draw(t, "gib"), DiskGiB: rapid.IntRange(0, 11).Draw(t, "disks")},
			TTL:       spec.Duration(rapid.Int64Range(1, 120).Draw(t, "minutes") * int64(time.Minute)),
			Network: spec.Network{
				Mode:       rapid.SampledFrom(someModes).Draw(t, "network"),
				AllowCIDRs: drawList(t, "allow cidrs", someCIDRs), AllowDomains: drawList(t, "allow domains", someDomains[1:]),
			},
		},
		Job:       spec.Job{MaxOutputBytes: rapid.Int64Range(1, 11).Draw(t, "bytes")},
		Artifacts: []spec.ArtifactRule{{Path: "x", MaxBytes: rapid.Int64Range(1, 11).Draw(t, "file")}},
		Inputs:    spec.Inputs{Files: []spec.File{{Path: "x", URI: rapid.SampledFrom([]string{"", "store:x", "file:///a/x", "file:///a/b/x", "file:///x"}).Draw(t, "uri")}, {Path: "y", Content: word("content")}}},
	}
	if in.Kind == spec.KindToolSimulation {
		in.Tools = drawList(t, "tool", []string{"a", "ab", "abc"})
	}
	for _, name := range drawList(t, "secret", []string{"a", "ab", "abc"}) {
		in.Job.Secrets = append(in.Job.Secrets, spec.Secret{Name: name})
	}
	for range rapid.IntRange(1, 3).Draw(t, "steps") {
		in.Job.Steps = append(in.Job.Steps, spec.Step{Command: word("command"), Code: word("code"), TimeLimit: spec.Duration(rapid.Int64Range(1, 12).Draw(t, "time") * int64(time.Minute))})
	}
	return in
}
