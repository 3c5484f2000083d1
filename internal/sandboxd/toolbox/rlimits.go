//go:build linux

package toolbox

import "golang.org/x/sys/unix"

// cpuGraceSeconds lies between SIGXCPU, which a program may handle, and SIGKILL, which it cannot.
const cpuGraceSeconds = 5

// resourceLimit is one setrlimit.
type resourceLimit struct {
	resource int
	value    unix.Rlimit
}

// resourceLimits are the limits of one process of the user. A core dump is never wanted.
func (l Limits) resourceLimits() []resourceLimit {
	limits := []resourceLimit{{unix.RLIMIT_CORE, unix.Rlimit{}}}
	add := func(resource int, soft, hard int64) {
		if soft > 0 {
			limits = append(limits, resourceLimit{resource, unix.Rlimit{Cur: uint64(soft), Max: uint64(hard)}})
		}
	}
	add(unix.RLIMIT_NOFILE, l.OpenFiles, l.OpenFiles)
	add(unix.RLIMIT_FSIZE, l.FileSizeBytes, l.FileSizeBytes)
	add(unix.RLIMIT_AS, l.AddressSpaceBytes, l.AddressSpaceBytes)
	add(unix.RLIMIT_CPU, l.CPUSeconds, l.CPUSeconds+cpuGraceSeconds)
	return limits
}
