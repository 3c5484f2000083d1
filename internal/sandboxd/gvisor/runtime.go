//go:build linux

package gvisor

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// ErrInUse: another living server uses the state directory.
var ErrInUse = errors.New("another sandbox server is using it")

// ErrNoUserNamespaces is returned by New where an ordinary user may not make them.
var ErrNoUserNamespaces = errors.New("the kernel refuses user namespaces to this user, and sandboxes cannot be isolated without them: " +
	"as root run `sysctl -w user.max_user_namespaces=15000`, on Debian also `sysctl -w kernel.unprivileged_userns_clone=1`, " +
	"on Ubuntu also `sysctl -w kernel.apparmor_restrict_unprivileged_userns=0`; or run as root")

// Runtime starts and ends machines. Its methods may be called at the same time for different machines; calls for one
// machine must not overlap.
type Runtime struct {
	cfg       Config
	rootless  bool
	cgroups   cgroupTree // nil: the host lets us make none
	snapshots map[string]Snapshot
	templates map[string]template
	exits     chan Exit
	network   *os.File // an empty network namespace; nil: every machine gets its own
	lock      *os.File // held while we live, so that two runtimes never share a state directory

	mu    sync.Mutex
	lives map[string]*life // started or adopted, and not yet ended
}

// New checks that machines can be started here and prepares what they have in common. It returns ErrNoUserNamespaces, or
// one error that names every problem of the configuration.
func New(ctx context.Context, cfg Config) (*Runtime, error) {
	cfg = cfg.WithDefaults()
	if err := cfg.validate(); err != nil {
		return nil, fmt.Errorf("check gVisor configuration: %w", err)
	}
	r := &Runtime{
		cfg: cfg, rootless: !mayAdminister(), snapshots: map[string]Snapshot{}, templates: map[string]template{},
		lives: map[string]*life{}, exits: make(chan Exit, 64),
	}
	if err := r.prepare(ctx); err != nil {
		r.unlock()
		return nil, err
	}
	if !cfg.NoCgroups {
		r.cgroups = findCgroups(cfg.StateDir, cfg.Logger)
	}
	return r, nil
}

// mayAdminister says whether this process has the CAP_SYS_ADMIN that gVisor needs to do without a user namespace. Root in a
// container often has not.
func mayAdminister() bool {
	status, _ := os.ReadFile("/proc/self/status")
	for line := range strings.Lines(string(status)) {
		if text, ok := strings.CutPrefix(line, "CapEff:"); ok {
			mask, err := strconv.ParseUint(strings.TrimSpace(text), 16, 64)
			return err == nil && os.Geteuid() == 0 && mask&(1<<unix.CAP_SYS_ADMIN) != 0
		}
	}
	return false
}

func (r *Runtime) prepare(ctx context.Context) error {
	for _, dir := range []string{"", "m", "rootfs", "runsc"} {
		if err := os.MkdirAll(filepath.Join(r.cfg.StateDir, dir), 0o700); err != nil {
			return fmt.Errorf("make state directory: %w", err)
		}
	}
	if err := r.acquireLock(); err != nil {
		return err
	}
	if err := r.checkPrograms(ctx); err != nil {
		return err
	}
	if !r.rootless {
		var err error
		if r.network, err = emptyNetwork(); err != nil {
			return err
		}
	}
	return r.buildTemplates()
}

// acquireLock refuses a state directory that another living runtime uses.
func (r *Runtime) acquireLock() error {
	file, err := os.OpenFile(filepath.Join(r.cfg.StateDir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return fmt.Errorf("lock state directory: %w", err)
	}
	if err := unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		file.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			err = ErrInUse
		}
		return fmt.Errorf("lock state directory %s: %w", r.cfg.StateDir, err)
	}
	r.lock = file
	return nil
}

func (r *Runtime) unlock() {
	for _, file := range []*os.File{r.lock, r.network} {
		if file != nil {
			file.Close()
		}
	}
}

func (r *Runtime) checkPrograms(ctx context.Context) error {
	for _, program := range []struct{ what, path string }{{"gVisor (runsc)", r.cfg.RunscPath}, {"the toolbox agent", r.cfg.AgentPath}} {
		if err := unix.Access(program.path, unix.X_OK); err != nil {
			return fmt.Errorf("find %s at %s: %w; `make build` makes it", program.what, program.path, err)
		}
	}
	output, err := r.call(ctx, "--version")
	switch {
	case r.rootless && (errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.ENOSPC)):
		return fmt.Errorf("%w (%w)", ErrNoUserNamespaces, err)
	case err != nil:
		return fmt.Errorf("try gVisor: %w", err)
	case !bytes.Contains(output, []byte("runsc")):
		return fmt.Errorf("try gVisor: %s is not runsc: it answers %.80q", r.cfg.RunscPath, output)
	}
	return nil
}

func (r *Runtime) buildTemplates() error {
	all := []Snapshot{{Name: DefaultSnapshot}}
	for _, s := range r.cfg.Snapshots {
		resolved, err := s.resolve()
		if err != nil {
			return err
		}
		if _, twice := r.snapshots[s.Name]; twice {
			return fmt.Errorf("snapshot %s is given twice", s.Name)
		}
		r.snapshots[s.Name] = resolved
		all = append(all, resolved)
	}
	r.snapshots[DefaultSnapshot] = all[0]
	for _, s := range all {
		t, err := buildTemplate(filepath.Join(r.cfg.StateDir, "rootfs"), r.cfg.AgentPath, s)
		if err != nil {
			return fmt.Errorf("prepare snapshot %s: %w", s.Name, err)
		}
		r.templates[s.Name] = t
	}
	return nil
}

// Snapshots are the trees that machines may start from, with their digests.
func (r *Runtime) Snapshots() []Snapshot {
	list := make([]Snapshot, 0, len(r.snapshots))
	for _, s := range r.snapshots {
		list = append(list, s)
	}
	return list
}

// Exits delivers each machine that ended without Stop or Delete: by its memory bound, or because its process died.
func (r *Runtime) Exits() <-chan Exit { return r.exits }

// Close stops watching. Machines live on, to be adopted by the next runtime on the same state directory.
func (r *Runtime) Close() {
	r.mu.Lock()
	lives := r.lives
	r.lives = map[string]*life{}
	r.mu.Unlock()
	for _, l := range lives {
		l.forget()
	}
	if len(lives) == 0 && r.cgroups != nil {
		r.cgroups.removeBase()
	}
	r.unlock()
}

// Bounds says how each resource of a machine is held on this host.
func (r *Runtime) Bounds() []Bound {
	outer := fmt.Sprintf("gVisor's memory file read every %v outside, the machine ended past its bound; jobs are ended by the agent first", r.cfg.WatchPeriod)
	bounds := []Bound{
		{"memory", false, outer},
		{"cpu", true, "affinity to as many CPUs as the sandbox has"},
		{"processes", true, "gVisor's pids.max inside"},
		{"disk", true, "size of gVisor's root overlay (ENOSPC); /dev/shm " + shmSize},
		{"open files", true, "RLIMIT_NOFILE"},
		{"network", true, "gVisor without a network device"},
	}
	if r.cgroups != nil {
		name := r.cgroups.name()
		bounds[0] = Bound{"memory", true, name + " memory limit outside; jobs are ended by the agent first"}
		bounds[1] = Bound{"cpu", true, name + " CPU quota"}
		bounds[2].By += ", " + name + " pids limit outside"
	}
	return bounds
}
