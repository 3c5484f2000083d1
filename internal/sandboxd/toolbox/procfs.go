//go:build linux

package toolbox

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
)

// liveUID returns the real uid of pid, or -1 when it has exited. The owner of /proc/<pid> would not do: a process that makes
// itself undumpable makes that root.
func liveUID(pid int) int {
	f, err := os.Open(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return -1
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, 8<<10))
	if err != nil {
		return -1
	}
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line)
		if len(fields) < 2 {
			continue
		}
		switch {
		case fields[0] == "State:" && fields[1] == "Z":
			return -1
		case fields[0] == "Uid:":
			if uid, err := strconv.Atoi(fields[1]); err == nil {
				return uid
			}
		}
	}
	return -1
}
