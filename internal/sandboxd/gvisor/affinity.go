//go:build linux

package gvisor

import (
	"errors"
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// limitAffinity keeps all threads of gVisor's kernel process, and what they clone from now on, to as many CPUs as the machine
// has. Which ones follows from the process ID, so that machines spread. Threads may be born meanwhile: it repeats until a pass
// finds nothing new, at most affinityPasses times.
func limitAffinity(pid, cpus int) error {
	var all unix.CPUSet
	if err := unix.SchedGetaffinity(0, &all); err != nil {
		return fmt.Errorf("read own affinity: %w", err)
	}
	if cpus >= all.Count() {
		return nil
	}
	set := chooseCPUs(all, pid, cpus)
	seen := map[int]bool{}
	for range affinityPasses {
		fresh, err := applyAffinity(pid, &set, seen)
		if err != nil || fresh == 0 {
			return err
		}
	}
	return nil
}

const affinityPasses = 5

func chooseCPUs(all unix.CPUSet, start, count int) unix.CPUSet {
	var allowed []int
	for cpu := 0; cpu < len(all)*64 && len(allowed) < all.Count(); cpu++ {
		if all.IsSet(cpu) {
			allowed = append(allowed, cpu)
		}
	}
	var set unix.CPUSet
	for i := range count {
		set.Set(allowed[(start+i)%len(allowed)])
	}
	return set
}

// applyAffinity sets the threads of the process and of all below it (the stubs that run the sandbox's programs).
func applyAffinity(pid int, set *unix.CPUSet, seen map[int]bool) (fresh int, err error) {
	for _, p := range descendants(pid) {
		tasks, readErr := os.ReadDir(fmt.Sprintf("/proc/%d/task", p))
		if readErr != nil {
			continue // ended meanwhile
		}
		for _, task := range tasks {
			tid, convErr := strconv.Atoi(task.Name())
			if convErr != nil || seen[tid] {
				continue
			}
			seen[tid] = true
			fresh++
			if setErr := unix.SchedSetaffinity(tid, set); setErr != nil && !errors.Is(setErr, unix.ESRCH) {
				return fresh, fmt.Errorf("set affinity of thread %d: %w", tid, setErr)
			}
		}
	}
	return fresh, nil
}
