package egress

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"pitwall/internal/spec"
)

// Allow is what one sandbox may reach.
type Allow struct {
	// CIDRs admit addresses, as a client names them; Domains admit names, whatever public address they have.
	CIDRs   []netip.Prefix
	Domains []string
}

// ParseAllow reads Daytona's two comma-separated lists, each of up to spec.MaxAllowed entries. The error names every entry
// that is wrong, or that could never be reached.
func ParseAllow(cidrs, domains string) (Allow, error) {
	var a Allow
	var problems []error
	for _, entry := range split(cidrs) {
		prefix, err := netip.ParsePrefix(entry)
		switch {
		case err != nil || !prefix.Addr().Is4():
			problems = append(problems, fmt.Errorf("networkAllowList: %.60q is not an IPv4 network such as 151.101.0.0/16", entry))
		case slices.ContainsFunc(notPublic, func(p netip.Prefix) bool { return p.Bits() <= prefix.Bits() && p.Contains(prefix.Addr()) }):
			problems = append(problems, fmt.Errorf("networkAllowList: %s is not of the public Internet, and a local sandbox reaches nothing else", entry))
		default:
			a.CIDRs = append(a.CIDRs, prefix.Masked())
		}
	}
	for _, entry := range split(domains) {
		if !spec.IsDomain(entry) {
			problems = append(problems, fmt.Errorf("domainAllowList: %.60q is not a host name such as pypi.org or *.pythonhosted.org", entry))
			continue
		}
		a.Domains = append(a.Domains, strings.ToLower(entry))
	}
	for list, n := range map[string]int{"networkAllowList": len(split(cidrs)), "domainAllowList": len(split(domains))} {
		if n > spec.MaxAllowed {
			problems = append(problems, fmt.Errorf("%s has %d entries, more than %d", list, n, spec.MaxAllowed))
		}
	}
	return a, errors.Join(problems...)
}

func split(csv string) []string {
	var entries []string
	for entry := range strings.SplitSeq(csv, ",") {
		if entry = strings.TrimSpace(entry); entry != "" {
			entries = append(entries, entry)
		}
	}
	return entries
}

// Lists are the two lists that ParseAllow reads as the same.
func (a Allow) Lists() (cidrs, domains string) {
	texts := make([]string, 0, len(a.CIDRs))
	for _, prefix := range a.CIDRs {
		texts = append(texts, prefix.String())
	}
	return strings.Join(texts, ","), strings.Join(a.Domains, ",")
}

// Empty reports whether nothing may be reached.
func (a Allow) Empty() bool { return len(a.CIDRs)+len(a.Domains) == 0 }

func (a Allow) admitsName(name string) bool {
	return slices.ContainsFunc(a.Domains, func(entry string) bool { return spec.DomainAdmits(entry, name) })
}

func (a Allow) admitsAddress(addr netip.Addr) bool {
	return slices.ContainsFunc(a.CIDRs, func(p netip.Prefix) bool { return p.Contains(addr.Unmap()) })
}
