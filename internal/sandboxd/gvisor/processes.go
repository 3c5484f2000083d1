//go:build linux

package gvisor

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// children are the direct children of a process, by each of its threads.
func children(pid int) []int {
	var found []int
	tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	for _, path := range tasks {
		text, _ := os.ReadFile(path)
		for _, field := range strings.Fields(string(text)) {
			if child, err := strconv.Atoi(field); err == nil {
				found = append(found, child)
			}
		}
	}
	return found
}

// descendants are a process and all below it, as far as they can be seen at one moment.
func descendants(pid int) []int {
	found := []int{pid}
	for i := 0; i < len(found); i++ {
		found = append(found, children(found[i])...)
	}
	return found
}

// ours are the processes of gVisor on this state directory: process ID → machine. They carry --root=<our directory> in their
// command line, and the machine's ID as an argument; both are set by us, never by a sandbox.
func (r *Runtime) ours() map[int]string {
	root := []byte("--root=" + filepath.Join(r.cfg.StateDir, "runsc"))
	entries, _ := os.ReadDir("/proc")
	found := map[int]string{}
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		line, _ := os.ReadFile(filepath.Join("/proc", entry.Name(), "cmdline"))
		args := bytes.Split(bytes.TrimRight(line, "\x00"), []byte{0})
		if len(args) < 2 || !containsArg(args, root) {
			continue
		}
		found[pid] = machineOf(args)
	}
	return found
}

func containsArg(args [][]byte, want []byte) bool {
	for _, arg := range args {
		if bytes.Equal(arg, want) {
			return true
		}
	}
	return false
}

// machineOf takes the machine's ID out of a command line: the last argument of run and boot, and in the bundle's path
// of a file server.
func machineOf(args [][]byte) string {
	if last := string(args[len(args)-1]); validID.MatchString(last) {
		return last
	}
	for _, arg := range args {
		if dir, ok := bytes.CutPrefix(arg, []byte("--bundle=")); ok {
			return filepath.Base(string(dir))
		}
	}
	for i, arg := range args {
		if string(arg) == "--bundle" && i+1 < len(args) {
			return filepath.Base(string(args[i+1]))
		}
	}
	return ""
}
