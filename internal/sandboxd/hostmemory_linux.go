package sandboxd

import "golang.org/x/sys/unix"

// hostMemory is the memory of this machine in bytes.
func hostMemory() int64 {
	var info unix.Sysinfo_t
	if unix.Sysinfo(&info) != nil {
		return 1 << 40
	}
	return int64(info.Totalram) * int64(info.Unit)
}
