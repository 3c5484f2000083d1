package toolbox

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
)

// Limits bound the processes of the sandbox's ordinary user; 0 leaves a thing unbounded. The sandbox server writes them
// as JSON into the file that the agent's --limits names.
type Limits struct {
	// MemoryBytes bounds the memory of all processes of the user together. Watched: see Watcher.
	MemoryBytes int64 `json:"memory_bytes,omitempty"`
	// Processes bounds the user's processes and threads together. Hard: fork fails with EAGAIN.
	Processes int64 `json:"processes,omitempty"`
	// OpenFiles bounds the descriptors of each process (RLIMIT_NOFILE). Hard.
	OpenFiles int64 `json:"open_files,omitempty"`
	// FileSizeBytes bounds each file that a process writes (RLIMIT_FSIZE). Hard.
	FileSizeBytes int64 `json:"file_size_bytes,omitempty"`
	// AddressSpaceBytes bounds the address space of each process (RLIMIT_AS). Hard, but blunt: node and Go reserve
	// gigabytes that they never touch, so leave it 0 unless the job's runtime is known.
	AddressSpaceBytes int64 `json:"address_space_bytes,omitempty"`
	// CPUSeconds bounds the processor time of each process (RLIMIT_CPU). Hard: SIGXCPU, and SIGKILL five seconds later.
	CPUSeconds int64 `json:"cpu_seconds,omitempty"`
}

// maxLimitsFile bounds the limits file; a full one has some 200 bytes.
const maxLimitsFile = 4 << 10

// ReadLimits reads a limits file. It refuses unknown fields, so that a misspelt limit is not silently no limit.
func ReadLimits(path string) (Limits, error) {
	var l Limits
	f, err := os.Open(path)
	if err != nil {
		return l, fmt.Errorf("open limits: %w", err)
	}
	defer f.Close()
	dec := json.NewDecoder(io.LimitReader(f, maxLimitsFile))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&l); err != nil {
		return l, fmt.Errorf("read limits %s: %w", path, err)
	}
	return l, l.Validate()
}

// Validate reports every limit that is negative.
func (l Limits) Validate() error {
	var errs []error
	for name, v := range map[string]int64{
		"memory_bytes": l.MemoryBytes, "processes": l.Processes, "open_files": l.OpenFiles,
		"file_size_bytes": l.FileSizeBytes, "address_space_bytes": l.AddressSpaceBytes, "cpu_seconds": l.CPUSeconds,
	} {
		if v < 0 {
			errs = append(errs, fmt.Errorf("limit %s is %d: must be 0 (none) or more", name, v))
		}
	}
	return errors.Join(errs...)
}
