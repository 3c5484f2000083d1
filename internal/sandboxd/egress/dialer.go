package egress

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"syscall"
	"time"

	"pitwall/internal/spec"
)

// Bounds of reaching one destination. A name with more addresses has some that work among the first.
const (
	lookupTimeout = 5 * time.Second
	dialTimeout   = 10 * time.Second
	maxAddresses  = 4
)

// RefusedError is a destination that is not admitted. Its text is for whoever asked.
type RefusedError struct{ Reason string }

func (r *RefusedError) Error() string { return "pitwall egress: " + r.Reason }

func refuse(format string, args ...any) error { return &RefusedError{fmt.Sprintf(format, args...)} }

// Dialer makes connections to what is admitted. The zero value is the one that is used; the fields are for tests, which have
// neither names nor public addresses, and nothing sets them from a configuration.
type Dialer struct {
	// Lookup resolves a name. Default the host's resolver.
	Lookup func(ctx context.Context, name string) ([]netip.Addr, error)
	// Exempt are addresses that count as public.
	Exempt []netip.AddrPort
}

// Dial connects to a host:port that the list admits. Returns a *RefusedError when it does not, or when the host has no address
// that may be reached.
func (d Dialer) Dial(ctx context.Context, allow Allow, hostPort string) (net.Conn, error) {
	host, port, err := splitHostPort(hostPort)
	if err != nil {
		return nil, err
	}
	addresses, err := d.addresses(ctx, allow, host, port)
	if err != nil {
		return nil, err
	}
	var failed error
	for _, to := range addresses {
		conn, err := d.dialAddress(ctx, to)
		if err == nil {
			return conn, nil
		}
		failed = err
	}
	return nil, fmt.Errorf("connect to %s: %w", host, failed)
}

func splitHostPort(hostPort string) (string, uint16, error) {
	host, digits, err := net.SplitHostPort(hostPort)
	if err != nil {
		return "", 0, refuse("%.100q is not host:port", hostPort)
	}
	port, err := strconv.ParseUint(digits, 10, 16)
	if err != nil || port == 0 {
		return "", 0, refuse("%.20q is not a port", digits)
	}
	return strings.ToLower(strings.TrimSuffix(host, ".")), uint16(port), nil
}

// addresses are those of a host that may be dialled.
func (d Dialer) addresses(ctx context.Context, allow Allow, host string, port uint16) ([]netip.AddrPort, error) {
	if addr, err := netip.ParseAddr(host); err == nil {
		to := netip.AddrPortFrom(addr.Unmap(), port)
		if !allow.admitsAddress(addr) {
			return nil, refuse("address %s is in no network of this sandbox's allow list", addr)
		}
		if err := d.mayReach(to); err != nil {
			return nil, err
		}
		return []netip.AddrPort{to}, nil
	}
	if !spec.IsDomain(host) || strings.HasPrefix(host, "*") || !allow.admitsName(host) {
		return nil, refuse("%.100q is not on this sandbox's allow list", host)
	}
	found, err := d.lookup(ctx, host)
	if err != nil {
		return nil, fmt.Errorf("look up %s: %w", host, err)
	}
	var reachable []netip.AddrPort
	for _, addr := range found {
		to := netip.AddrPortFrom(addr.Unmap(), port)
		if len(reachable) < maxAddresses && d.mayReach(to) == nil {
			reachable = append(reachable, to)
		}
	}
	if len(reachable) == 0 {
		return nil, refuse("%s has no address of the public Internet", host)
	}
	return reachable, nil
}

func (d Dialer) lookup(ctx context.Context, name string) ([]netip.Addr, error) {
	ctx, cancel := context.WithTimeout(ctx, lookupTimeout)
	defer cancel()
	if d.Lookup != nil {
		return d.Lookup(ctx, name)
	}
	found, err := net.DefaultResolver.LookupNetIP(ctx, "ip", name+".") // rooted: no search list turns it into another name
	var unknown *net.DNSError
	if errors.As(err, &unknown) {
		return nil, errors.New("no such host, or no answer") // who was asked is no business of a job's
	}
	return found, err
}

// mayReach refuses whatever is not of the public Internet, and this host.
func (d Dialer) mayReach(to netip.AddrPort) error {
	for _, exempt := range d.Exempt {
		if to == exempt {
			return nil
		}
	}
	if !public(to.Addr()) {
		return refuse("address %s is not of the public Internet", to.Addr())
	}
	own, err := ofThisHost(to.Addr())
	if err != nil {
		return err
	}
	if own {
		return refuse("address %s is this host's own", to.Addr())
	}
	return nil
}

// errMoved cannot happen: it guards the checked address up to the system call.
var errMoved = errors.New("the address to connect to is not the one that was checked")

func (d Dialer) dialAddress(ctx context.Context, to netip.AddrPort) (net.Conn, error) {
	dialer := net.Dialer{Timeout: dialTimeout, Control: func(_, address string, _ syscall.RawConn) error {
		if at, err := netip.ParseAddrPort(address); err != nil || at != to {
			return errMoved
		}
		return nil
	}}
	return dialer.DialContext(ctx, "tcp", to.String())
}
