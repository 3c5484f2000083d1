//go:build linux

package toolbox

import (
	"fmt"
	"net/http"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// HeaderUser names the user that a request runs as: absent (or "daytona", the sandbox's user), or "root". Pitwall's worker
// sends root for its supervisor and control files, which the job must not touch. Only the sandbox server reaches the
// agent's socket, and nothing inside the sandbox does, so the header needs no further proof.
const HeaderUser = "X-Pitwall-User"

// identity is the user whose rights a request has.
type identity struct {
	name     string
	uid, gid int
	home     string
	// current says that it is the agent's own user, so nothing has to be switched.
	current bool
	// root says that it is the sandbox's root, which must not be led astray by a link that the user planted.
	root bool
}

func (s *Server) identityOf(r *http.Request) (identity, error) {
	switch name := r.Header.Get(HeaderUser); name {
	case "", s.cfg.User:
		return s.user, nil
	case "root":
		return s.root, nil
	default:
		return identity{}, badRequest("%s %q: must be root, %s or absent", HeaderUser, name, s.cfg.User)
	}
}

// do runs fn with the file rights of the identity, on an OS thread of its own whose *effective* user alone is switched:
// the real and the saved one stay root's, so no process of the user may signal or trace the agent meanwhile. gVisor has no
// setfsuid. Go starts no thread from a locked one, so the switch spreads no further. fn must not start goroutines that
// touch files.
func (id identity) do(fn func() error) error {
	if id.current {
		return fn()
	}
	runtime.LockOSThread()
	if err := switchThread(id.uid, id.gid); err != nil {
		return fmt.Errorf("become %s: %w", id.name, err)
	}
	defer func() {
		// A thread that could not be switched back stays locked, so it ends with its goroutine.
		if switchThread(0, 0) == nil {
			runtime.UnlockOSThread()
		}
	}()
	return fn()
}

// switchThread sets the effective user and group of the calling thread alone; syscall.Setresuid would set every thread's.
func switchThread(uid, gid int) error {
	keep := ^uintptr(0)
	order := []struct{ trap, id uintptr }{{unix.SYS_SETRESGID, uintptr(gid)}, {unix.SYS_SETRESUID, uintptr(uid)}}
	if uid == 0 {
		// Root comes back first: only it may choose any group.
		order[0], order[1] = order[1], order[0]
	}
	for _, step := range order {
		if _, _, errno := syscall.RawSyscall(step.trap, keep, step.id, keep); errno != 0 {
			return errno
		}
	}
	return nil
}
