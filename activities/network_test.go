package activities

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"pitwall/internal/daytona"
	"pitwall/internal/spec"
)

func TestAWeakerNetworkThanAskedForIsSeen(t *testing.T) {
	yes, no := true, false
	none := spec.Network{Mode: spec.NetworkNone}
	some := spec.Network{Mode: spec.NetworkAllow, AllowCIDRs: []string{"10.0.0.0/8"}, AllowDomains: []string{"pypi.org", "*.a.org"}}
	for name, c := range map[string]struct {
		asked   spec.Network
		applied daytona.Network
		says    string // "": it is not weaker
	}{
		"blocked, as asked":             {none, daytona.Network{BlockAll: &yes}, ""},
		"blocked, and lists beside it":  {none, daytona.Network{BlockAll: &yes, Domains: []string{"x.org"}}, ""},
		"not blocked":                   {none, daytona.Network{BlockAll: &no}, "applied no bound"},
		"a list instead of a block":     {none, daytona.Network{BlockAll: &no, AllowList: []string{"10.0.0.0/8"}}, `also admits the network "10.0.0.0/8"`},
		"an answer that does not say":   {none, daytona.Network{}, "does not say"},
		"lists, as asked":               {some, daytona.Network{BlockAll: &no, AllowList: []string{"10.0.0.0/8"}, Domains: []string{"*.a.org", "PyPI.org"}}, ""},
		"lists, written otherwise":      {some, daytona.Network{BlockAll: &no, AllowList: []string{"10.9.9.9/8"}}, ""},
		"lists, one of them dropped":    {some, daytona.Network{BlockAll: &no, AllowList: []string{"10.0.0.0/8"}}, ""},
		"lists, both dropped":           {some, daytona.Network{BlockAll: &no}, "applied no bound"},
		"a wider network":               {some, daytona.Network{BlockAll: &no, AllowList: []string{"0.0.0.0/0"}}, `also admits the network "0.0.0.0/0"`},
		"another domain":                {some, daytona.Network{BlockAll: &no, Domains: []string{"pypi.org", "*"}}, `also admits the domain "*"`},
		"a network that is no network":  {some, daytona.Network{BlockAll: &no, AllowList: []string{"x"}}, "also admits"},
		"stricter than asked":           {some, daytona.Network{BlockAll: &yes}, ""},
		"everything, as asked":          {spec.Network{Mode: spec.NetworkFull}, daytona.Network{}, ""},
		"an input without its defaults": {spec.Network{}, daytona.Network{BlockAll: &no}, "applied no bound"},
	} {
		t.Run(name, func(t *testing.T) {
			err := weaker(c.asked, c.applied)
			if c.says == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, c.says)
		})
	}
}

// Whatever is asked for, exactly that is never weaker, and an unbounded network always is.
func TestWhatWasAskedForIsNotWeaker(t *testing.T) {
	no := false
	rapid.Check(t, func(t *rapid.T) {
		asked := spec.Network{
			Mode:         spec.NetworkAllow,
			AllowCIDRs:   rapid.SliceOfN(rapid.SampledFrom([]string{"10.0.0.0/8", "198.51.100.7/32", "0.0.0.0/0"}), 0, 3).Draw(t, "cidrs"),
			AllowDomains: rapid.SliceOfN(rapid.SampledFrom([]string{"a.org", "*.b.org"}), 1, 3).Draw(t, "domains"),
		}
		require.NoError(t, weaker(asked, daytona.Network{BlockAll: &no, AllowList: asked.AllowCIDRs, Domains: asked.AllowDomains}))
		require.Error(t, weaker(asked, daytona.Network{BlockAll: &no}))
	})
}
