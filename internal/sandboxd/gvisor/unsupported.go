//go:build !linux

package gvisor

import (
	"context"
	"errors"
	"net"
)

// ErrNoUserNamespaces is returned by New where an ordinary user may not make them.
var ErrNoUserNamespaces = errors.New("no user namespaces")

// ErrInUse: another living server uses the state directory.
var ErrInUse = errors.New("another sandbox server is using it")

// ErrUnsupported is returned by New where there is no Linux.
var ErrUnsupported = errors.New("local sandboxes need Linux; on this system use a remote Daytona (DAYTONA_API_URL, DAYTONA_API_KEY)")

// Runtime cannot exist on this system.
type Runtime struct{}

// New returns ErrUnsupported.
func New(context.Context, Config) (*Runtime, error) { return nil, ErrUnsupported }

// Start returns ErrUnsupported.
func (*Runtime) Start(context.Context, Spec) (Machine, error) { return Machine{}, ErrUnsupported }

// Stop returns ErrUnsupported.
func (*Runtime) Stop(context.Context, string) error { return ErrUnsupported }

// Delete returns ErrUnsupported.
func (*Runtime) Delete(context.Context, string) error { return ErrUnsupported }

// Recover returns ErrUnsupported.
func (*Runtime) Recover(context.Context, func(State) bool) error { return ErrUnsupported }

// Snapshots is empty.
func (*Runtime) Snapshots() []Snapshot { return nil }

// Exits never delivers.
func (*Runtime) Exits() <-chan Exit { return nil }

// Socket is empty.
func (*Runtime) Socket(string) string { return "" }

// EgressSocket is empty.
func (*Runtime) EgressSocket(string) string { return "" }

// Bounds is empty.
func (*Runtime) Bounds() []Bound { return nil }

// Dial returns ErrUnsupported.
func Dial(context.Context, string) (net.Conn, error) { return nil, ErrUnsupported }

// Close does nothing.
func (*Runtime) Close() {}
