//go:build linux

package toolbox

import (
	"bufio"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
)

// The ports that GET /port/{port}/in-use answers for, as with Daytona.
const (
	minPort = 3000
	maxPort = 9999
)

// tcpListen is the state LISTEN in /proc/net/tcp.
const tcpListen = "0A"

// ports serves GET /port.
func (s *Server) ports(w http.ResponseWriter, _ *http.Request) error {
	ports, err := listeningPorts()
	if err != nil {
		return internalError("list ports: %s", err)
	}
	writeJSON(w, http.StatusOK, map[string][]int{"ports": ports})
	return nil
}

// portInUse serves GET /port/{port}/in-use.
func (s *Server) portInUse(w http.ResponseWriter, r *http.Request) error {
	port, err := strconv.Atoi(r.PathValue("port"))
	if err != nil || port < minPort || port > maxPort {
		return badRequest("port %q: must be %d to %d", r.PathValue("port"), minPort, maxPort)
	}
	ports, err := listeningPorts()
	if err != nil {
		return internalError("list ports: %s", err)
	}
	writeJSON(w, http.StatusOK, map[string]bool{"isInUse": slices.Contains(ports, port)})
	return nil
}

// listeningPorts returns the TCP ports that something in the sandbox listens on, in order.
func listeningPorts() ([]int, error) {
	ports := []int{}
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		f, err := os.Open(table)
		if os.IsNotExist(err) {
			continue
		}
		if err != nil {
			return nil, err
		}
		defer f.Close()
		for lines := bufio.NewScanner(f); lines.Scan(); {
			if port, ok := listeningPort(lines.Text()); ok {
				ports = append(ports, port)
			}
		}
	}
	slices.Sort(ports)
	return slices.Compact(ports), nil
}

// listeningPort reads a line such as "0: 0100007F:1F90 00000000:0000 0A ...".
func listeningPort(line string) (int, bool) {
	fields := strings.Fields(line)
	if len(fields) < 4 || fields[3] != tcpListen {
		return 0, false
	}
	_, hex, ok := strings.Cut(fields[1], ":")
	port, err := strconv.ParseUint(hex, 16, 16)
	return int(port), ok && err == nil
}
