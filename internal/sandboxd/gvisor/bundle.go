//go:build linux

package gvisor

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// Where the sandbox sees its agent and the directory that it shares with the host.
const (
	agentPath   = "/.pitwall/toolbox"
	controlPath = "/.pitwall/run"
	socketName  = "toolbox.sock"
	egressName  = "egress.sock"
	limitsName  = "limits.json"
	envName     = "env.json"
)

// EgressAddress is where connections begin that leave the sandbox; 3128 is the usual port of a proxy.
const EgressAddress = "127.0.0.1:3128"

// egressEnv is what programs read to find a proxy; there is no agreement on upper or lower case.
func egressEnv() map[string]string {
	const proxy, direct = "http://" + EgressAddress, "localhost,127.0.0.1,::1"
	return map[string]string{
		"HTTP_PROXY": proxy, "HTTPS_PROXY": proxy, "NO_PROXY": direct,
		"http_proxy": proxy, "https_proxy": proxy, "no_proxy": direct,
	}
}

// shmSize bounds /dev/shm, which is host memory outside of the jobs' resident sets. Docker's default.
const shmSize = "64m"

// dirs of one machine.
func (r *Runtime) machineDir(id string) string { return filepath.Join(r.cfg.StateDir, "m", id) }
func (r *Runtime) controlDir(id string) string { return filepath.Join(r.machineDir(id), "run") }
func (r *Runtime) diskDir(id string) string    { return filepath.Join(r.machineDir(id), "disk") }
func (r *Runtime) savedDir(id string) string   { return filepath.Join(r.machineDir(id), "saved") }

// Socket is the host path of a machine's Unix socket.
func (r *Runtime) Socket(id string) string { return filepath.Join(r.controlDir(id), socketName) }

// EgressSocket is the host path of the Unix socket on which the agent of a machine with Spec.Egress is called.
func (r *Runtime) EgressSocket(id string) string { return filepath.Join(r.controlDir(id), egressName) }

// writeBundle lays out the machine's directory: the OCI configuration and the agent's control files.
func (r *Runtime) writeBundle(s Spec, t template) error {
	for _, dir := range []string{r.controlDir(s.ID), r.diskDir(s.ID)} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return fmt.Errorf("make machine directory: %w", err)
		}
	}
	// A name bound by an earlier start would make the agent's bind fail.
	for _, socket := range []string{r.Socket(s.ID), r.EgressSocket(s.ID)} {
		if err := os.Remove(socket); err != nil && !os.IsNotExist(err) {
			return fmt.Errorf("remove old socket: %w", err)
		}
	}
	env, layers := map[string]string{}, []map[string]string{t.env, s.Env}
	if s.Egress {
		layers = []map[string]string{t.env, egressEnv(), s.Env}
	}
	for _, layer := range layers {
		for name, value := range layer {
			env[name] = value
		}
	}
	files := map[string]any{
		filepath.Join(r.controlDir(s.ID), limitsName):      agentLimits(s.Limits),
		filepath.Join(r.controlDir(s.ID), envName):         env,
		filepath.Join(r.machineDir(s.ID), "config.json"):   r.ociSpec(s, t),
		filepath.Join(r.machineDir(s.ID), machineSpecName): s,
	}
	for path, content := range files {
		data, err := json.Marshal(content)
		if err != nil {
			return fmt.Errorf("encode %s: %w", filepath.Base(path), err)
		}
		if err := os.WriteFile(path, data, 0o600); err != nil {
			return fmt.Errorf("write machine file: %w", err)
		}
	}
	return nil
}

// ociSpec is the container as gVisor shall run it.
func (r *Runtime) ociSpec(s Spec, t template) specs.Spec {
	return specs.Spec{
		Version:  specs.Version,
		Hostname: s.ID,
		Root:     &specs.Root{Path: t.dir},
		Process:  agentProcess(s),
		Mounts:   r.mounts(s, t),
		Linux: &specs.Linux{
			Namespaces: []specs.LinuxNamespace{
				{Type: specs.PIDNamespace},
				{Type: specs.IPCNamespace},
				{Type: specs.UTSNamespace},
				{Type: specs.MountNamespace},
				{Type: specs.NetworkNamespace},
			},
		},
	}
}

func (r *Runtime) mounts(s Spec, t template) []specs.Mount {
	mounts := []specs.Mount{
		{Destination: "/proc", Type: "proc", Source: "proc", Options: []string{"nosuid", "nodev", "noexec"}},
		{Destination: "/dev", Type: "tmpfs", Source: "tmpfs", Options: []string{"nosuid", "mode=755", "size=64k"}},
		{Destination: "/dev/shm", Type: "tmpfs", Source: "tmpfs", Options: []string{"nosuid", "nodev", "mode=1777", "size=" + shmSize}},
	}
	for _, b := range t.binds {
		mounts = append(mounts, specs.Mount{
			Destination: b.target, Type: "bind", Source: b.source,
			Options: []string{"rbind", "ro", "nosuid", "nodev"},
		})
	}
	return append(mounts, specs.Mount{
		Destination: controlPath, Type: "bind", Source: r.controlDir(s.ID),
		Options: []string{"rbind", "rw", "nosuid", "nodev", "noexec"},
	})
}

// agentCapabilities let the agent act as the users of its sandbox. They hold inside gVisor's kernel only.
var agentCapabilities = []string{
	"CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_FSETID", "CAP_KILL", "CAP_SETGID", "CAP_SETUID", "CAP_SETPCAP",
	"CAP_SYS_PTRACE", "CAP_SYS_RESOURCE", "CAP_SYS_NICE",
	"CAP_SYS_ADMIN", // the agent mounts gVisor's own cgroup file system, to count and end jobs
}

// agentProcess starts the toolbox as the sandbox's root, with an environment that holds nothing of the host's.
func agentProcess(s Spec) *specs.Process {
	args := []string{
		agentPath, "--socket", controlPath + "/" + socketName, "--user", userName, "--uid", "1000", "--gid", "1000",
		"--home", userHome, "--limits", controlPath + "/" + limitsName, "--env", controlPath + "/" + envName,
	}
	if s.Egress {
		args = append(args, "--egress-socket", controlPath+"/"+egressName, "--egress-listen", EgressAddress)
	}
	return &specs.Process{
		User:            specs.User{UID: 0, GID: 0},
		Cwd:             "/",
		Args:            args,
		Env:             []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "LANG=C.UTF-8"},
		NoNewPrivileges: true,
		Capabilities: &specs.LinuxCapabilities{
			Bounding: agentCapabilities, Effective: agentCapabilities, Permitted: agentCapabilities,
		},
		Rlimits: []specs.POSIXRlimit{
			{Type: "RLIMIT_NOFILE", Hard: uint64(s.Limits.OpenFiles), Soft: uint64(s.Limits.OpenFiles)},
			{Type: "RLIMIT_CORE", Hard: 0, Soft: 0},
		},
	}
}

// agentLimits is limits.json, the inner ring.
func agentLimits(l Limits) map[string]int64 {
	return map[string]int64{
		"memory_bytes":    l.MemoryBytes,
		"processes":       int64(l.Processes),
		"open_files":      int64(l.OpenFiles),
		"file_size_bytes": l.DiskBytes,
	}
}
