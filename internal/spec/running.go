package spec

// Breaker stops a campaign's new starts while infrastructure breaks too many of its trials.
type Breaker struct {
	// MaxInfraShare of the last Window finished trials that infrastructure may break: above it nothing new is started but, now
	// and then, one trial as a probe. Default 0.5; 1 switches the breaker off.
	MaxInfraShare *float64 `json:"max_infra_share,omitempty"`
	// Window is how many finished trials are looked at. Default 20; fewer than that are not judged.
	Window int `json:"window,omitempty"`
}

// Budget bounds what a campaign may use. When it is used up nothing more is started, what is under way is cancelled, the
// results so far are kept, and the verdict is INCONCLUSIVE.
type Budget struct {
	// SandboxSeconds of all sandboxes that were removed so far. Those that live count when they are gone. 0: no bound.
	SandboxSeconds float64 `json:"sandbox_seconds,omitempty"`
	// WallTime from the campaign's start, pauses included. 0: no bound.
	WallTime Duration `json:"wall_time,omitempty"`
}

const (
	// DefaultInfraShare and DefaultBreakerWindow are choices: half of twenty is no bad luck with an infrastructure that fails
	// one trial in ten (p < 10⁻⁵).
	DefaultInfraShare    = 0.5
	DefaultBreakerWindow = 20
	// MaxBreakerWindow is what a shard carries on from one to the next.
	MaxBreakerWindow = 500
	// MaxBudgetSeconds guards against typing errors: a thousand sandboxes for a year.
	MaxBudgetSeconds = 1000 * 366 * 24 * 3600
)

// withDefaults fills what is unset.
func (b Breaker) withDefaults() Breaker {
	share := DefaultInfraShare
	if b.MaxInfraShare != nil {
		share = *b.MaxInfraShare
	}
	b.MaxInfraShare = &share
	setDefault(&b.Window, DefaultBreakerWindow)
	return b
}

func (c *checker) breaker(b Breaker) {
	c.share("breaker.max_infra_share", b.MaxInfraShare)
	if b.Window < 0 || b.Window > MaxBreakerWindow {
		c.bad("breaker.window", "%d is out of bounds: want 1 to %d finished trials", b.Window, MaxBreakerWindow)
	}
}

func (c *checker) budget(b Budget) {
	if !(b.SandboxSeconds >= 0 && b.SandboxSeconds <= MaxBudgetSeconds) {
		c.bad("budget.sandbox_seconds", "%v is out of bounds: want more than 0, at most %d", b.SandboxSeconds, MaxBudgetSeconds)
	}
	if b.WallTime < 0 {
		c.bad("budget.wall_time", "%s is negative: 0 means no bound", b.WallTime)
	}
}

// Hold keeps a sandbox for a look after its job's end. It goes on holding its slot, and its TTL covers the hold.
type Hold struct {
	// Time for which it is kept at most, up to 24h; a release or a cancel ends it early. 0: not at all.
	Time Duration `json:"time,omitempty"`
	// When is failure (the default: a step did not exit with 0) or always.
	When string `json:"when,omitempty"`
}

func (c *checker) hold(h Hold) {
	if h.Time < 0 || h.Time.Std() > MaxTimeLimit {
		c.bad("hold.time", "%s is out of bounds: want more than 0, at most %s", h.Time, MaxTimeLimit)
	}
	c.choice("hold.when", h.When, WhenFailure, WhenAlways)
	if h.When != "" && h.Time == 0 {
		c.bad("hold.time", "is missing: say for how long, such as 10m")
	}
}

// SandboxSeconds is what the eval's sandboxes cost, those that are proven gone.
func (r EvalResult) SandboxSeconds() float64 {
	var seconds float64
	for _, attempt := range r.Attempts {
		for _, sandbox := range attempt.Sandboxes {
			if sandbox.Removal != nil {
				seconds += sandbox.Removal.SandboxSeconds
			}
		}
	}
	return seconds
}
