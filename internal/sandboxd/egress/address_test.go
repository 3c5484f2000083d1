package egress

import (
	"context"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestWhatIsPublic(t *testing.T) {
	for text, want := range map[string]bool{
		"8.8.8.8": true, "151.101.0.223": true, "100.128.0.1": true, "172.32.0.1": true, "2606:4700:4700::1111": true, "2a04:4e42::223": true,
		"::ffff:8.8.8.8": true,

		"0.0.0.0": false, "0.1.2.3": false, "10.0.0.1": false, "100.64.0.1": false, "100.100.100.200": false, "127.0.0.1": false, "127.8.8.8": false,
		"169.254.169.254": false, "169.254.170.2": false, "172.16.0.1": false, "172.31.255.255": false, "192.0.0.192": false, "192.0.2.1": false,
		"192.88.99.1": false, "192.168.1.1": false, "198.18.0.1": false, "198.51.100.1": false, "203.0.113.1": false, "224.0.0.1": false,
		"239.255.255.250": false, "240.0.0.1": false, "255.255.255.255": false, "168.63.129.16": false,
		"::": false, "::1": false, "fe80::1": false, "fec0::1": false, "fc00::1": false, "fd00:ec2::254": false, "fd20:ce::254": false, "ff02::1": false, "100::1": false,
		"2001:db8::1": false, "3fff::1": false, "4000::1": false,
		// What carries an IPv4 address: mapped, compatible, NAT64, 6to4, Teredo.
		"::ffff:127.0.0.1": false, "::ffff:169.254.169.254": false, "::127.0.0.1": false, "64:ff9b::7f00:1": false, "64:ff9b:1::7f00:1": false,
		"2002:7f00:1::": false, "2001:0:7f00:1::": false,
	} {
		require.Equal(t, want, public(netip.MustParseAddr(text)), text)
	}
	require.False(t, public(netip.MustParseAddr("2606:4700:4700::1111%eth0")), "a zone")
	require.False(t, public(netip.Addr{}))
}

// FuzzPublic: no address of a kind that the standard library knows as not public is public, in any of its forms.
func FuzzPublic(f *testing.F) {
	for _, text := range []string{"127.0.0.1", "8.8.8.8", "::ffff:10.0.0.1", "fe80::1", "2002:7f00:1::", "64:ff9b::a9fe:a9fe"} {
		f.Add(netip.MustParseAddr(text).AsSlice())
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		addr, ok := netip.AddrFromSlice(data)
		if !ok {
			return
		}
		bare := addr.Unmap()
		if bare.IsLoopback() || bare.IsPrivate() || bare.IsLinkLocalUnicast() || bare.IsMulticast() || bare.IsUnspecified() || !bare.IsGlobalUnicast() {
			require.False(t, public(addr), addr)
		}
		require.Equal(t, public(bare), public(addr), "%s and %s", addr, bare)
		if bare.Is4() {
			mapped := netip.AddrFrom16(bare.As16())
			require.Equal(t, public(bare), public(mapped), mapped)
			for _, carrier := range []string{"64:ff9b::", "2002::", "2001::", "::"} { // NAT64, 6to4, Teredo, compatible
				at := map[string]int{"64:ff9b::": 12, "2002::": 2, "2001::": 4, "::": 12}[carrier]
				form := netip.MustParseAddr(carrier).As16()
				v4 := bare.As4()
				copy(form[at:], v4[:])
				require.False(t, public(netip.AddrFrom16(form)), "%x", form)
			}
		}
	})
}

// FuzzAddresses: whatever a job asks for, and whatever a name server answers, each address that is dialled is of the public
// Internet, and is admitted by name or by network.
func FuzzAddresses(f *testing.F) {
	for _, ask := range []string{"a.org:80", "b.a.org:443", "127.0.0.1:80", "[::1]:80", "[::ffff:127.0.0.1]:80", "0177.0.0.1:80", "2130706433:80", "127.1:80", "a.org.:80", "A.ORG:80", "*.a.org:80", "a.org@127.0.0.1:80", "a.org:99999", "[fe80::1%lo]:80"} {
		f.Add(ask, []byte{127, 0, 0, 1}, []byte{8, 8, 8, 8})
	}
	allow, err := ParseAllow("8.8.0.0/16,0.0.0.0/1", "a.org,*.a.org")
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, ask string, first, second []byte) {
		var answers []netip.Addr
		for _, data := range [][]byte{first, second} {
			if addr, ok := netip.AddrFromSlice(data); ok {
				answers = append(answers, addr)
			}
		}
		asked := ""
		dialer := Dialer{Lookup: func(_ context.Context, name string) ([]netip.Addr, error) {
			asked = name
			return answers, nil
		}}
		host, port, err := splitHostPort(ask)
		if err != nil {
			require.ErrorAs(t, err, new(*RefusedError))
			return
		}
		reachable, err := dialer.addresses(t.Context(), allow, host, port)
		if asked != "" {
			require.True(t, allow.admitsName(asked), "looked up %q", asked)
		}
		if err != nil {
			require.ErrorAs(t, err, new(*RefusedError), "%v", err)
			return
		}
		require.NotEmpty(t, reachable)
		for _, to := range reachable {
			require.True(t, public(to.Addr()), "%s for %q", to, ask)
			require.False(t, to.Addr().Is4In6())
			require.Equal(t, port, to.Port())
			require.True(t, asked != "" || allow.admitsAddress(to.Addr()), "%s for %q", to, ask)
		}
	})
}

func TestParseAllow(t *testing.T) {
	allow, err := ParseAllow(" 151.101.3.4/16 , 0.0.0.0/0", "PyPI.org,*.pythonhosted.org,")
	require.NoError(t, err)
	cidrs, domains := allow.Lists()
	require.Equal(t, "151.101.0.0/16,0.0.0.0/0", cidrs)
	require.Equal(t, "pypi.org,*.pythonhosted.org", domains)
	none, err := ParseAllow(" , ", "")
	require.NoError(t, err)
	require.True(t, none.Empty())

	_, err = ParseAllow("10.1.0.0/16,x,::/0,169.254.169.254/32", "a.org,http://b.org,*,127.0.0.1:80")
	for _, want := range []string{
		"networkAllowList: 10.1.0.0/16 is not of the public Internet", `"x" is not an IPv4 network`, `"::/0" is not an IPv4 network`,
		"169.254.169.254/32 is not of the public", `"http://b.org" is not a host name`, `"*" is not a host name`, `"127.0.0.1:80" is not a host name`,
	} {
		require.ErrorContains(t, err, want)
	}
	_, err = ParseAllow("", "a.b,a.c,a.d,a.e,a.f,a.g,a.h,a.i,a.j,a.k,a.l")
	require.ErrorContains(t, err, "domainAllowList has 11 entries, more than 10")
}
