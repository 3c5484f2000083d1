package spec

import (
	"net/netip"
	"strings"
)

// IsDomain reports whether text is an entry of allow_domains: a host name, with "*." before it for everything below it.
func IsDomain(text string) bool { return hostName.MatchString(text) }

// DomainAdmits reports whether an entry of a list of domains admits a host, or another entry. "pypi.org" admits itself alone,
// "*.pypi.org" what is below it and not itself, "*" everything. Upper and lower case are the same.
func DomainAdmits(entry, asked string) bool {
	entry, asked = strings.ToLower(entry), strings.ToLower(asked)
	return entry == "*" || entry == asked || strings.HasPrefix(entry, "*.") && strings.HasSuffix(asked, entry[1:])
}

// IsCIDR reports whether text is an entry of allow_cidrs: an IPv4 network with its length.
func IsCIDR(text string) bool {
	prefix, err := netip.ParsePrefix(text)
	return err == nil && prefix.Addr().Is4()
}

// CIDRAdmits reports whether the network entry holds all of the network asked. Both are CIDRs.
func CIDRAdmits(entry, asked string) bool {
	outer, err := netip.ParsePrefix(entry)
	inner, innerErr := netip.ParsePrefix(asked)
	return err == nil && innerErr == nil && outer.Bits() <= inner.Bits() && outer.Contains(inner.Addr())
}
