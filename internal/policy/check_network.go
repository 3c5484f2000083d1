package policy

import "pitwall/internal/spec"

// checkNetwork: none asks for nothing, and full admits everything. Under allow each entry must be held by one of the policy's.
func (r rules) checkNetwork(b *breach, n spec.Network) {
	if n.Mode == "" || n.Mode == spec.NetworkNone || r.mode == spec.NetworkFull {
		return
	}
	if n.Mode == spec.NetworkFull || r.mode == spec.NetworkNone {
		b.add("network.mode", "admits "+r.mode, "sandbox.network.mode", "asks for "+quoted(n.Mode))
		return
	}
	held := func(rule, field string, asked, admitted []string, holds func(entry, asked string) bool) {
		for i, one := range asked {
			if !anyHolds(admitted, one, holds) {
				b.add(rule, "admits "+names(admitted).String(), indexed("sandbox.network."+field, i), "asks for "+quoted(one))
			}
		}
	}
	held("network.cidrs", "allow_cidrs", n.AllowCIDRs, r.cidrs, spec.CIDRAdmits)
	held("network.domains", "allow_domains", n.AllowDomains, r.domains, spec.DomainAdmits)
}

func anyHolds(admitted []string, asked string, holds func(entry, asked string) bool) bool {
	for _, entry := range admitted {
		if holds(entry, asked) {
			return true
		}
	}
	return false
}
