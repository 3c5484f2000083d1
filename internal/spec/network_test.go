package spec

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestDomainAdmits(t *testing.T) {
	for _, c := range []struct {
		entry, asked string
		want         bool
	}{
		{"pypi.org", "pypi.org", true},
		{"pypi.org", "PyPI.org", true},
		{"pypi.org", "a.pypi.org", false},
		{"pypi.org", "evilpypi.org", false},
		{"pypi.org", "*.pypi.org", false},
		{"*.pypi.org", "a.pypi.org", true},
		{"*.pypi.org", "a.b.pypi.org", true},
		{"*.pypi.org", "pypi.org", false},
		{"*.pypi.org", "evilpypi.org", false},
		{"*.pypi.org", "*.pypi.org", true},
		{"*.pypi.org", "*.a.pypi.org", true},
		{"*.a.pypi.org", "*.pypi.org", false},
		{"*.pypi.org", "*", false},
		{"*", "pypi.org", true},
		{"*", "*.org", true},
	} {
		require.Equal(t, c.want, DomainAdmits(c.entry, c.asked), "%s of %s", c.asked, c.entry)
	}
}

func TestCIDRAdmits(t *testing.T) {
	for _, c := range []struct {
		entry, asked string
		want         bool
	}{
		{"10.0.0.0/8", "10.1.0.0/16", true},
		{"10.0.0.0/8", "10.0.0.0/8", true},
		{"10.0.0.0/16", "10.0.0.0/8", false},
		{"10.0.0.0/8", "11.0.0.0/16", false},
		{"10.1.2.3/8", "10.9.0.0/16", true},
		{"0.0.0.0/0", "8.8.8.8/32", true},
		{"10.0.0.0/8", "::ffff:10.1.0.0/112", false},
		{"x", "10.0.0.0/8", false},
	} {
		require.Equal(t, c.want, CIDRAdmits(c.entry, c.asked), "%s of %s", c.asked, c.entry)
	}
}
