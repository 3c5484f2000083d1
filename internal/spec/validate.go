package spec

import (
	"regexp"
	"slices"
	"strings"
	"time"
)

// Names that become file names, workflow IDs and labels.
var (
	safeName = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)
	envName  = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,127}$`)
	labelKey = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._/-]*$`)
	sha256Re = regexp.MustCompile(`^[0-9a-f]{64}$`)
)

// Validate returns an *InvalidInput that lists every problem, or nil. An unset field is no problem where a default
// exists, so it may be called before or after WithDefaults. What depends on the operator's maximum is Clocks' to say.
func (in EvalInput) Validate() error {
	c := checker{}
	c.eval(in)
	return c.err()
}

// ValidateTrial is Validate for a trial that is planned from a template: the content of its input files is not counted
// against MaxInlineBytes, because the planner moves it to the store before the eval starts.
func (in EvalInput) ValidateTrial() error {
	c := checker{contentMoves: true}
	c.eval(in)
	return c.err()
}

// InlineBytes is what counts against MaxInlineBytes.
func (in EvalInput) InlineBytes() int {
	c := checker{}
	c.eval(in)
	return c.inline
}

// checker walks an input. In a template, a text with an action in it is not judged: its rendering will be.
type checker struct {
	problems
	template bool
	// prefix stands before every path, such as "eval." in a campaign.
	prefix string
	// inline counts the bytes that stand in the input itself; contentMoves leaves out the content of input files.
	inline       int
	contentMoves bool
}

func (c *checker) bad(path, format string, args ...any) {
	c.add(c.prefix+path, 0, format, args...)
}

// open reports whether the text is not known before a template is rendered.
func (c *checker) open(text string) bool {
	return c.template && strings.Contains(text, "{{")
}

func (c *checker) eval(in EvalInput) {
	c.text("name", in.Name, MaxTextBytes)
	c.choice("kind", in.Kind, KindEvaluation, KindDataPrep, KindToolSimulation)
	c.tools(in)
	c.text("session_id", in.SessionID, MaxTextBytes)
	c.text("negotiation_id", in.NegotiationID, MaxTextBytes)
	c.trial(in.Trial)
	c.hold(in.Hold)
	c.sandbox(in.Sandbox)
	c.files("inputs.files", in.Inputs.Files)
	if c.contentMoves {
		for _, f := range in.Inputs.Files {
			c.inline -= len(f.Content)
		}
	}
	c.git(in.Inputs.Git, in.Sandbox.Network)
	c.job(in.Job)
	c.artifacts(in)
	c.scorer(in.Scorer, in.Job)
	if in.MaxAttempts < 0 || in.MaxAttempts > MaxAttemptsBound {
		c.bad("max_attempts", "%d is out of bounds: want 1 to %d", in.MaxAttempts, MaxAttemptsBound)
	}
	c.priority(in.Priority)
	if c.inline > MaxInlineBytes {
		c.bad("", "inline files, code, commands, stdin and environment have %d bytes together, more than %d: upload large files and give uri + sha256 instead of content", c.inline, MaxInlineBytes)
	}
}

func (c *checker) trial(t *Trial) {
	if t == nil {
		return
	}
	if !campaignName(t.Campaign) {
		c.bad("trial.campaign", "%q is not a campaign's name: use 1 to 64 letters, digits, dots, dashes and underscores", clip(t.Campaign))
	}
	if t.Sample == "" {
		c.bad("trial.sample", "is empty: name the sample, or remove trial from an eval without a campaign")
	}
	c.text("trial.sample", t.Sample, MaxSampleBytes)
	if t.Epoch < 1 || t.Epoch > MaxEpochs {
		c.bad("trial.epoch", "%d is out of bounds: epochs count from 1 to %d", t.Epoch, MaxEpochs)
	}
	c.text("trial.category", t.Category, MaxTextBytes)
	if t.Retry < 0 {
		c.bad("trial.retry", "%d is negative: 0 is the campaign itself, n its n-th retry", t.Retry)
	}
}

func (c *checker) priority(p Priority) {
	if p.Key < 0 || p.Key > 5 {
		c.bad("priority.key", "%d is out of bounds: 1 is first, 5 is last", p.Key)
	}
	c.text("priority.fairness_key", p.FairnessKey, MaxFairnessKeyBytes)
	// Temporal's own bounds for a weight.
	if w := p.FairnessWeight; w != 0 && !(w >= 0.001 && w <= 1000) {
		c.bad("priority.fairness_weight", "%v is out of bounds: want 0.001 to 1000", w)
	}
}

// text checks a line for people, a label or an id: bounded, and without control characters.
func (c *checker) text(path, text string, most int) {
	if c.open(text) {
		return
	}
	if len(text) > most {
		c.bad(path, "has %d bytes, more than %d: shorten it", len(text), most)
	}
	if hasControl(text) {
		c.bad(path, "has a control character: remove it")
	}
}

// choice checks a text that has few values. Unset means the default.
func (c *checker) choice(path, value string, choices ...string) {
	if value != "" && !c.open(value) && !slices.Contains(choices, value) {
		c.bad(path, "%q is not known: want %s", clip(value), strings.Join(choices, ", "))
	}
}

// timeLimit checks a limit that may be unset.
func (c *checker) timeLimit(path string, limit Duration) {
	if limit < 0 || limit.Std() > MaxTimeLimit {
		c.bad(path, "%s is out of bounds: want more than 0 and at most %s", limit, MaxTimeLimit)
	} else if limit != 0 && limit.Std() < time.Millisecond {
		c.bad(path, "%s is under a millisecond: want a limit that a program can meet, such as 10s", limit)
	}
}

// size checks a number of bytes that may be unset.
func (c *checker) size(path string, n, most int64) {
	if n < 0 || n > most {
		c.bad(path, "%d is out of bounds: want 1 to %d bytes", n, most)
	}
}

// env checks an environment, and counts it as inline content.
func (c *checker) env(path string, env map[string]string) {
	if len(env) > MaxEnv {
		c.bad(path, "has %d variables, more than %d: put them into a file", len(env), MaxEnv)
		return
	}
	for _, name := range sortedKeys(env) {
		c.inline += len(name) + len(env[name])
		if !envName.MatchString(name) {
			c.bad(join(path, name), "%q is not a variable's name: use letters, digits and underscores, no digit first", clip(name))
		}
		if strings.ContainsRune(env[name], 0) {
			c.bad(join(path, name), "has a NUL byte, which no environment can hold: remove it")
		}
	}
}

func sortedKeys(m map[string]string) []string {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

// hasControl reports C0 and C1 control characters, DEL, and invalid UTF-8.
func hasControl(text string) bool {
	return strings.ContainsFunc(text, func(r rune) bool {
		return r < 0x20 || (r >= 0x7f && r < 0xa0) || r == '�'
	})
}

// campaignName admits a safe name, and the names of its retries and extensions.
func campaignName(name string) bool {
	base, number, isPart := strings.Cut(name, "/retry-")
	if !isPart {
		base, number, isPart = strings.Cut(name, "/extend-")
	}
	return safeName.MatchString(base) && safeFile(base) && (!isPart || integer.MatchString(number) && !strings.HasPrefix(number, "-"))
}

// safeFile refuses the two safe names that are directories.
func safeFile(name string) bool { return name != "." && name != ".." }
