//go:build linux

package gvisor

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// maxOutput bounds what is kept of runsc's output.
const maxOutput = 64 << 10

// globalFlags come before runsc's subcommand, the same for every call of one machine.
func (r *Runtime) globalFlags(id string, diskBytes int64) []string {
	flags := []string{
		"--root=" + filepath.Join(r.cfg.StateDir, "runsc"),
		"--network=none",
		"--platform=systrap", // kvm hangs in a nested virtual machine
		"--ignore-cgroups",   // we make them ourselves, the same way for v1, v2, root and delegated
		"--host-uds=create",  // the agent's socket
		r.goferNetwork(),
		"--host-settings=ignore",   // advice about sysctls, which costs reads
		"--in-sandbox-cgroup=v2",   // the agent counts and ends jobs with it
		"--net-disconnect-ok=true", // lets the file system checkpoint pass open sockets
	}
	if r.rootless {
		flags = append(flags, "--rootless")
	}
	if diskBytes > 0 {
		flags = append(flags, fmt.Sprintf("--overlay2=root:dir=%s,size=%dk", r.diskDir(id), diskBytes>>10))
	}
	return flags
}

// command prepares a call of runsc with an environment that holds nothing of ours, in a process group of its own.
func (r *Runtime) command(args ...string) *exec.Cmd {
	cmd := exec.Command(r.cfg.RunscPath, args...)
	cmd.Dir = "/"
	cmd.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if r.rootless {
		// runsc would re-execute itself in a user namespace; starting it in one saves an exec of 83 MB.
		cmd.SysProcAttr.Cloneflags = syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Geteuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getegid(), Size: 1}}
	}
	return cmd
}

// call runs runsc to its end. At the bound, or when ctx ends, its whole process group is killed.
func (r *Runtime) call(ctx context.Context, args ...string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, r.cfg.CallTimeout)
	defer cancel()
	cmd := r.command(args...)
	output := &cappedBuffer{}
	cmd.Stdout, cmd.Stderr = output, output
	// A sandbox that outlives its runsc must not make Wait wait for the pipe's end.
	cmd.WaitDelay = time.Second
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start runsc: %w", err)
	}
	err := waitGroup(ctx, cmd)
	if err != nil {
		return nil, fmt.Errorf("runsc %s: %w%s", subcommand(args), err, output.quoted())
	}
	return output.Bytes(), nil
}

// waitGroup waits for a process; when ctx ends first it kills the process group.
func waitGroup(ctx context.Context, cmd *exec.Cmd) error {
	stop := context.AfterFunc(ctx, func() { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) })
	err := cmd.Wait()
	if !stop() {
		return fmt.Errorf("killed at its bound: %w", context.Cause(ctx))
	}
	if errors.Is(err, exec.ErrWaitDelay) {
		return nil
	}
	return err
}

func subcommand(args []string) string {
	for _, arg := range args {
		if !strings.HasPrefix(arg, "-") {
			return arg
		}
	}
	return ""
}

// cappedBuffer keeps the first maxOutput bytes.
type cappedBuffer struct{ bytes.Buffer }

func (b *cappedBuffer) Write(p []byte) (int, error) {
	if room := maxOutput - b.Len(); room > 0 {
		b.Buffer.Write(p[:min(room, len(p))])
	}
	return len(p), nil
}

func (b *cappedBuffer) quoted() string { return quoteOutput(b.Bytes()) }

// quoteOutput appends a program's last words to an error, as one line of at most 400 bytes.
func quoteOutput(output []byte) string {
	text := strings.TrimSpace(string(output))
	if text == "" {
		return ""
	}
	if len(text) > 400 {
		text = "…" + text[len(text)-400:]
	}
	return ": " + strconv.Quote(text)
}
