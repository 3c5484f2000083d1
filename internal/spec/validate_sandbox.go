package spec

import (
	"regexp"
	"slices"
	"strings"
	"time"
)

// hostName admits Daytona's form of an allowed domain: a host name, *. before it or not.
var hostName = regexp.MustCompile(`^(\*\.)?([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z0-9-]{1,63}$`)

// Labels that begin with pitwall, and these, are set by Pitwall and by Daytona's SDKs.
var reservedLabels = []string{"managed-by", "code-toolbox-language", "session_id", "negotiation_id"}

const reservedLabelPrefix = "pitwall"

func (c *checker) sandbox(s Sandbox) {
	c.choice("sandbox.language", s.Language, "python", "typescript", "javascript")
	c.text("sandbox.snapshot", s.Snapshot, MaxTextBytes)
	c.text("sandbox.image", s.Image, MaxTextBytes)
	if s.Snapshot != "" && s.Image != "" {
		c.bad("sandbox", "has both snapshot and image: give one")
	}
	c.resources(s)
	c.env("sandbox.env", s.Env)
	c.labels(s.Labels)
	c.network(s.Network)
	if s.TTL < 0 || s.TTL.Std()%time.Minute != 0 {
		c.bad("sandbox.ttl", "%s is not a number of whole minutes: Daytona counts in these; write 30m", s.TTL)
	}
}

func (c *checker) resources(s Sandbox) {
	if s.Resources == nil {
		return
	}
	if s.Image == "" {
		c.bad("sandbox.resources", "is only possible with an image (a snapshot has its own): give sandbox.image or remove it")
	}
	for _, r := range []struct {
		name       string
		value, top int
	}{{"cpu", s.Resources.CPU, MaxCores}, {"memory_gib", s.Resources.MemoryGiB, MaxGiB}, {"disk_gib", s.Resources.DiskGiB, MaxGiB}} {
		if r.value < 0 || r.value > r.top {
			c.bad("sandbox.resources."+r.name, "%d is out of bounds: want 1 to %d", r.value, r.top)
		}
	}
}

func (c *checker) labels(labels map[string]string) {
	if len(labels) > MaxLabels {
		c.bad("sandbox.labels", "has %d labels, more than %d: keep those that you search by", len(labels), MaxLabels)
		return
	}
	for _, key := range sortedKeys(labels) {
		path := join("sandbox.labels", key)
		switch {
		case len(key) > MaxLabelKeyBytes || !labelKey.MatchString(key):
			c.bad(path, "%q is not a label's name: use up to %d letters, digits and . _ / -", clip(key), MaxLabelKeyBytes)
		case strings.HasPrefix(key, reservedLabelPrefix) || slices.Contains(reservedLabels, key):
			c.bad(path, "is reserved, as are %s… and %s: choose another name, or use the input's own field", reservedLabelPrefix, strings.Join(reservedLabels, ", "))
		}
		c.text(path, labels[key], MaxTextBytes)
	}
}

func (c *checker) network(n Network) {
	c.choice("sandbox.network.mode", n.Mode, NetworkNone, NetworkAllow, NetworkFull)
	lists := len(n.AllowCIDRs) + len(n.AllowDomains)
	switch {
	case c.open(n.Mode):
	case n.Mode == NetworkAllow && lists == 0:
		c.bad("sandbox.network", "mode allow admits nothing: list allow_cidrs or allow_domains, or use mode none")
	case n.Mode != NetworkAllow && lists > 0:
		c.bad("sandbox.network", "allow_cidrs and allow_domains need mode allow: set it or remove them")
	}
	c.allowed("sandbox.network.allow_cidrs", n.AllowCIDRs, "an IPv4 network such as 10.0.0.0/8", IsCIDR)
	c.allowed("sandbox.network.allow_domains", n.AllowDomains, "a host name such as pypi.org or *.pythonhosted.org", IsDomain)
}

func (c *checker) allowed(path string, list []string, want string, valid func(string) bool) {
	if len(list) > MaxAllowed {
		c.bad(path, "has %d entries; Daytona takes %d: merge some", len(list), MaxAllowed)
		return
	}
	for i, entry := range list {
		if !c.open(entry) && !valid(entry) {
			c.bad(index(path, i), "%q is not %s", clip(entry), want)
		}
	}
}

func (c *checker) git(g *GitSource, n Network) {
	if g == nil {
		return
	}
	if !c.open(g.URL) && !strings.HasPrefix(g.URL, "https://") && !strings.HasPrefix(g.URL, "http://") {
		c.bad("inputs.git.url", "%q is not an http(s) URL: the sandbox clones it without credentials", clip(g.URL))
	}
	c.text("inputs.git.url", g.URL, MaxPathBytes)
	if !c.open(g.Commit) && !gitCommit.MatchString(g.Commit) {
		c.bad("inputs.git.commit", "%q is not a full commit hash: a branch or tag can move; give its 40 (or 64) hex digits", clip(g.Commit))
	}
	if g.Path != "" {
		c.path("inputs.git.path", g.Path)
	}
	if n.Mode == NetworkNone || n.Mode == "" {
		c.bad("inputs.git", "needs the network, and sandbox.network.mode is none: use allow with the host, or give the files by uri")
	}
}

var gitCommit = regexp.MustCompile(`^([0-9a-f]{40}|[0-9a-f]{64})$`)
