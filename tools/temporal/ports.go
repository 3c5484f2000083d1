package main

import (
	"fmt"
	"net"
)

// freePorts picks n free TCP ports. All are held until the last is found, so they differ; then each is used for one
// connection, which leaves it in TIME_WAIT: for the next minute the kernel gives it to nobody who asks for any free port,
// while a listener that names it may have it.
func freePorts(ip string, n int) ([]int, error) {
	listeners := make([]net.Listener, 0, n)
	defer func() {
		for _, listener := range listeners {
			_ = listener.Close()
		}
	}()
	ports := make([]int, 0, n)
	for range n {
		listener, err := net.Listen("tcp", net.JoinHostPort(ip, "0"))
		if err != nil {
			return nil, fmt.Errorf("find a free port on %s: %w", ip, err)
		}
		listeners = append(listeners, listener)
		ports = append(ports, listener.Addr().(*net.TCPAddr).Port)
	}
	for _, listener := range listeners {
		if err := useOnce(listener); err != nil {
			return nil, fmt.Errorf("reserve port %s: %w", listener.Addr(), err)
		}
	}
	return ports, nil
}

// useOnce makes one connection to listener, closed first by the accepting side, which is the one that TIME_WAIT stays with.
func useOnce(listener net.Listener) error {
	client, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		return err
	}
	defer client.Close()
	accepted, err := listener.Accept()
	if err != nil {
		return err
	}
	return accepted.Close()
}

func checkFree(address string) error {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	return listener.Close()
}
