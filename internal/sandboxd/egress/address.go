package egress

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
)

// notPublic are IANA's special-purpose networks that lie in what is otherwise public, and what clouds put there.
// IPv6 is public in 2000::/3 only, so everything else of it (loopback, link-local, unique-local with the metadata services of
// AWS and Google, multicast, NAT64) needs no entry.
var notPublic = prefixes(
	"0.0.0.0/8",        // this network
	"10.0.0.0/8",       // private
	"100.64.0.0/10",    // carrier-grade NAT; Alibaba's metadata
	"127.0.0.0/8",      // loopback
	"169.254.0.0/16",   // link-local; metadata of most clouds
	"172.16.0.0/12",    // private
	"192.0.0.0/24",     // protocol assignments; Oracle's metadata
	"192.0.2.0/24",     // documentation
	"192.88.99.0/24",   // 6to4 relays
	"192.168.0.0/16",   // private
	"198.18.0.0/15",    // benchmarks
	"198.51.100.0/24",  // documentation
	"203.0.113.0/24",   // documentation
	"224.0.0.0/4",      // multicast
	"240.0.0.0/4",      // reserved, broadcast
	"168.63.129.16/32", // Azure's wire server
	"2001::/23",        // protocol assignments; Teredo, which carries IPv4
	"2001:db8::/32",    // documentation
	"2002::/16",        // 6to4, which carries IPv4
	"3fff::/20",        // documentation
)

var publicIPv6 = netip.MustParsePrefix("2000::/3")

func prefixes(texts ...string) []netip.Prefix {
	all := make([]netip.Prefix, 0, len(texts))
	for _, text := range texts {
		all = append(all, netip.MustParsePrefix(text))
	}
	return all
}

// public reports whether an address is one of the public Internet. An IPv4 address in IPv6 form is judged as what it is.
func public(addr netip.Addr) bool {
	addr = addr.Unmap()
	if !addr.IsValid() || addr.Zone() != "" || addr.Is6() && !publicIPv6.Contains(addr) {
		return false
	}
	return !slices.ContainsFunc(notPublic, func(p netip.Prefix) bool { return p.Contains(addr) })
}

// ofThisHost reports whether an address is one of this machine's: what listens there may be meant for nobody outside.
func ofThisHost(addr netip.Addr) (bool, error) {
	own, err := net.InterfaceAddrs()
	if err != nil {
		return false, fmt.Errorf("list this host's addresses: %w", err)
	}
	return slices.ContainsFunc(own, func(a net.Addr) bool {
		network, ok := a.(*net.IPNet)
		if !ok {
			return false
		}
		mine, ok := netip.AddrFromSlice(network.IP)
		return ok && mine.Unmap() == addr.Unmap()
	}), nil
}
