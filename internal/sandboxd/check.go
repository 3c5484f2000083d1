package sandboxd

import (
	"net/http"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"unicode"

	"pitwall/internal/sandboxd/egress"
	"pitwall/internal/sandboxd/gvisor"
)

// Bounds on what a request may carry; none is documented by Daytona.
const (
	maxNameBytes  = 255
	maxMapEntries = 1024
	maxMapBytes   = 256 << 10
	maxMinutes    = 10 * 365 * 24 * 60
)

var (
	envName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
	markup  = regexp.MustCompile(`(?i)[<>]|[a-z][a-z0-9+.-]*://|\bwww\.|^(data|tel|mailto|javascript):`)
)

// checkCreate reports every problem of a request in one answer.
func (s *Server) checkCreate(q createRequest) error {
	var problems []string
	problem := func(bad bool, text string) {
		if bad {
			problems = append(problems, text)
		}
	}
	problem(len(q.Name) > maxNameBytes || strings.ContainsFunc(q.Name, unicode.IsControl) || markup.MatchString(q.Name),
		"name must be at most 255 bytes without control characters, HTML tags or URLs")
	problem(q.User != "" && q.User != "daytona", "user must be daytona")
	problem(q.GPU != 0, "the local sandbox server has no GPUs")
	problem(len(q.Volumes) > 0 || len(q.Secrets) > 0 || q.LinkedSandbox != "", "the local sandbox server has no volumes, secrets or linked sandboxes")
	problem(q.OutboundProxyURL != "", "local sandboxes have a way out of their own (an allow list), and take no other proxy")
	if _, err := egress.ParseAllow(q.NetworkAllowList, q.DomainAllowList); err != nil {
		problems = append(problems, strings.ReplaceAll(err.Error(), "\n", ", "))
	}
	problem(q.AutoPauseInterval != 0, "local sandboxes cannot be paused")
	problem(outside(q.AutoStop, 0) || outside(q.AutoArchive, 0) || outside(q.AutoDelete, -1) || outside(q.TTL, 0),
		"autoStopInterval, autoArchiveInterval and ttlMinutes must be 0 or more, autoDeleteInterval -1 or more")
	problem(!smallMap(q.Labels) || !smallMap(q.Env), "labels and env must each have at most 1024 entries and 256 KiB")
	problem(badEnv(q.Env), "env names must match [A-Za-z_][A-Za-z0-9_]*, and values hold no NUL")
	if len(problems) > 0 {
		return refuse(http.StatusBadRequest, "%s", strings.Join(problems, ", "))
	}
	return nil
}

func outside(value *int, least int) bool {
	return value != nil && (*value < least || *value > maxMinutes)
}

func smallMap(m map[string]string) bool {
	size := 0
	for k, v := range m {
		size += len(k) + len(v)
	}
	return len(m) <= maxMapEntries && size <= maxMapBytes
}

func badEnv(env map[string]string) bool {
	for name, value := range env {
		if !envName.MatchString(name) || strings.ContainsRune(value, 0) {
			return true
		}
	}
	return false
}

// sizeOf resolves what a sandbox gets: the snapshot's size, or the request's where it names neither snapshot nor image.
func (s *Server) sizeOf(q createRequest) (gvisor.Limits, error) {
	size := s.cfg.Size
	asked := q.CPU != nil || q.Memory != nil || q.Disk != nil
	switch {
	case q.BuildInfo != nil:
		return size, refuse(http.StatusBadRequest, "The local sandbox server builds no images; name a snapshot instead (it has: %s)", s.snapshotNames())
	case q.Snapshot != "" && asked:
		return size, refuse(http.StatusBadRequest, "Cannot specify Sandbox resources when using a snapshot")
	}
	if q.Snapshot != "" {
		snapshot, ok := s.snapshot(q.Snapshot)
		if !ok {
			return size, refuse(http.StatusBadRequest, "Snapshot %s not found. Did you add it to the sandbox server? It has: %s", q.Snapshot, s.snapshotNames())
		}
		return s.snapshotSize(snapshot), nil
	}
	const gib = 1 << 30
	if q.CPU != nil {
		size.CPUs = *q.CPU
	}
	if q.Memory != nil {
		size.MemoryBytes = int64(*q.Memory) * gib
	}
	if q.Disk != nil {
		size.DiskBytes = int64(*q.Disk) * gib
	}
	return size, checkSize(size)
}

// checkSize holds a size against the machine that we run on.
func checkSize(l gvisor.Limits) error {
	cpus, memory := runtime.NumCPU(), hostMemory()
	switch {
	case l.CPUs < 1 || l.CPUs > cpus:
		return refuse(http.StatusBadRequest, "cpu must be between 1 and %d, the CPUs of this machine", cpus)
	case l.MemoryBytes < 1<<28 || l.MemoryBytes > memory:
		return refuse(http.StatusBadRequest, "memory must be between 1 and %d GiB, the memory of this machine", memory>>30)
	case l.DiskBytes < 1<<26 || l.DiskBytes > 1<<40:
		return refuse(http.StatusBadRequest, "disk must be between 1 and 1024 GiB")
	}
	return nil
}

func (s *Server) snapshot(name string) (gvisor.Snapshot, bool) {
	all := s.runtime.Snapshots()
	i := slices.IndexFunc(all, func(x gvisor.Snapshot) bool { return x.Name == name })
	if i < 0 {
		return gvisor.Snapshot{}, false
	}
	return all[i], true
}

func (s *Server) snapshotNames() string {
	var names []string
	for _, snapshot := range s.runtime.Snapshots() {
		names = append(names, snapshot.Name)
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}

// snapshotSize fills what a snapshot leaves open with the server's own size.
func (s *Server) snapshotSize(snapshot gvisor.Snapshot) gvisor.Limits {
	size := s.cfg.Size
	own := snapshot.Limits
	if own.CPUs > 0 {
		size.CPUs = own.CPUs
	}
	if own.MemoryBytes > 0 {
		size.MemoryBytes = own.MemoryBytes
	}
	if own.DiskBytes > 0 {
		size.DiskBytes = own.DiskBytes
	}
	return size
}
