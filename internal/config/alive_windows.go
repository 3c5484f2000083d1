package config

import "golang.org/x/sys/windows"

// stillActive is the exit code of a process that runs (STILL_ACTIVE, winbase.h).
const stillActive = 259

// alive reports whether a process runs.
func alive(pid int) bool {
	handle, err := windows.OpenProcess(windows.PROCESS_QUERY_LIMITED_INFORMATION, false, uint32(pid))
	if err != nil {
		return false
	}
	defer windows.CloseHandle(handle) //nolint:errcheck // nothing could be done about it
	var code uint32
	return windows.GetExitCodeProcess(handle, &code) == nil && code == stillActive
}
