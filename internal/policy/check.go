package policy

import (
	"math"
	"strconv"
	"time"

	"pitwall/internal/spec"
)

// Check returns a *Violation that lists every rule which an eval breaks, or nil. The input is valid and has its defaults: what
// it does not say is judged as what it gets.
func (p *Policy) Check(in spec.EvalInput) error {
	r := p.rules(in.Kind)
	var b breach
	r.checkLanguages(&b, in)
	r.checkOrigin(&b, in.Sandbox)
	r.checkTimes(&b, in)
	r.checkSizes(&b, in)
	r.checkNetwork(&b, in.Sandbox.Network)
	r.checkFolders(&b, in)
	r.checkTools(&b, in)
	r.checkSecrets(&b, in.Job)
	r.checkPrograms(&b, in)
	return p.violation(in.Kind, b)
}

func (p *Policy) violation(kind string, b breach) error {
	if len(b.found) == 0 {
		return nil
	}
	return &Violation{Kind: kind, SHA256: p.sha256, Broken: b.found}
}

func (r rules) checkLanguages(b *breach, in spec.EvalInput) {
	check := func(path, language string) {
		if language != "" && !r.languages.admit(language) {
			b.add("languages", "admits "+r.languages.String(), path, "asks for "+quoted(language))
		}
	}
	check("sandbox.language", in.Sandbox.Language)
	for i, step := range in.Job.Steps {
		check(stepPath(i, "language"), step.Language)
	}
}

// checkOrigin judges what the sandbox starts from, and its size.
func (r rules) checkOrigin(b *breach, s spec.Sandbox) {
	switch {
	case s.Image != "":
		if !r.images.admit(s.Image) {
			b.add("images", "admits "+r.images.String(), "sandbox.image", "asks for "+quoted(s.Image))
		}
	case !r.snapshots.admit(s.Snapshot):
		asks := "asks for " + quoted(s.Snapshot)
		if s.Snapshot == "" {
			asks = "names none"
		}
		b.add("snapshots", "admits "+r.snapshots.String(), "sandbox.snapshot", asks)
	}
	if s.Resources == nil {
		return
	}
	r.most(b, "resources.cpu", "sandbox.resources.cpu", int64(s.Resources.CPU), int64(r.cpu))
	r.most(b, "resources.memory_gib", "sandbox.resources.memory_gib", int64(s.Resources.MemoryGiB), int64(r.memoryGiB))
	r.most(b, "resources.disk_gib", "sandbox.resources.disk_gib", int64(s.Resources.DiskGiB), int64(r.diskGiB))
}

func (r rules) checkTimes(b *breach, in spec.EvalInput) {
	longest := func(rule, path string, asked, most time.Duration) {
		if asked > most {
			b.add(rule, "admits "+most.String(), path, "asks for "+asked.String())
		}
	}
	longest("max_ttl", "sandbox.ttl", in.Sandbox.TTL.Std(), r.ttl)
	var sum time.Duration
	for i, step := range in.Job.Steps {
		longest("max_time_limit", stepPath(i, "time_limit"), step.TimeLimit.Std(), r.timeLimit)
		sum += step.TimeLimit.Std()
	}
	if in.Scorer != nil {
		longest("max_time_limit", "scorer.time_limit", in.Scorer.TimeLimit.Std(), r.timeLimit)
		if clocks, err := in.ScorerClocks(math.MaxInt64); err == nil { // its own sandbox's
			longest("max_ttl", "scorer.time_limit", clocks.TTL, r.ttl)
		}
	}
	longest("max_job_time", "job.steps", sum, r.jobTime)
}

func (r rules) checkSizes(b *breach, in spec.EvalInput) {
	r.most(b, "max_output_bytes", "job.max_output_bytes", in.Job.MaxOutputBytes, r.outputBytes)
	r.most(b, "max_artifacts", "artifact_limits.max_files", int64(in.ArtifactLimits.MaxFiles), int64(r.artifacts))
	r.most(b, "max_artifacts_bytes", "artifact_limits.max_bytes", in.ArtifactLimits.MaxBytes, r.artifactsBytes)
	if len(in.OnFailure.Keep) > 0 {
		r.most(b, "max_artifact_bytes", "on_failure.keep", spec.DefaultMaxFileBytes, r.artifactBytes)
	}
	for i, rule := range in.Artifacts {
		r.most(b, "max_artifact_bytes", indexed("artifacts", i)+".max_bytes", rule.MaxBytes, r.artifactBytes)
	}
}

func (rules) most(b *breach, rule, path string, asked, most int64) {
	if asked > most {
		b.add(rule, "admits "+strconv.FormatInt(most, 10), path, "asks for "+strconv.FormatInt(asked, 10))
	}
}

// checkTools: a simulation names what it simulates, unless every tool is admitted.
func (r rules) checkTools(b *breach, in spec.EvalInput) {
	if in.Kind != spec.KindToolSimulation || r.tools.admitAll() {
		return
	}
	if len(in.Tools) == 0 {
		b.add("tools", "admits "+r.tools.String(), "tools", "names none")
	}
	for i, name := range in.Tools {
		if !r.tools.admit(name) {
			b.add("tools", "admits "+r.tools.String(), indexed("tools", i), "asks for "+quoted(name))
		}
	}
}

func (r rules) checkSecrets(b *breach, job spec.Job) {
	for _, use := range job.SecretUses() {
		if !r.secrets.admit(use.Name) {
			b.add("secrets", "admits "+r.secrets.String(), use.Path, "asks for "+quoted(use.Name))
		}
	}
}

func stepPath(i int, field string) string { return indexed("job.steps", i) + "." + field }
