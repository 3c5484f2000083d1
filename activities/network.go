package activities

import (
	"fmt"
	"slices"

	"pitwall/internal/daytona"
	"pitwall/internal/spec"
)

// weaker says how a sandbox may reach more than was asked for, by the provider's own word; nil when it may not. What it may
// reach less is no concern: a provider may be stricter than asked. A provider that does not say what it applied counts as
// one that applied nothing: an older one passes over fields that it does not know.
func weaker(asked spec.Network, applied daytona.Network) error {
	switch {
	case asked.Mode == spec.NetworkFull:
		return nil
	case applied.BlockAll == nil:
		return fmt.Errorf("network mode %s was asked for, and the provider does not say what it applied", asked.Mode)
	case *applied.BlockAll:
		return nil
	case len(applied.AllowList)+len(applied.Domains) == 0:
		return fmt.Errorf("network mode %s was asked for, and the provider applied no bound", asked.Mode)
	}
	for _, list := range []struct {
		what           string
		asked, applied []string
		admits         func(entry, asked string) bool
	}{
		{"network", asked.AllowCIDRs, applied.AllowList, spec.CIDRAdmits},
		{"domain", asked.AllowDomains, applied.Domains, spec.DomainAdmits},
	} {
		for _, entry := range list.applied {
			if !slices.ContainsFunc(list.asked, func(a string) bool { return list.admits(a, entry) }) {
				return fmt.Errorf("network mode %s was asked for, and the provider also admits the %s %q", asked.Mode, list.what, bounded(entry, 100))
			}
		}
	}
	return nil
}
