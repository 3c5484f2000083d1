//go:build linux

package toolbox

import (
	"maps"
	"regexp"
	"slices"
	"sync"
)

// envName is what a shell can name; Daytona answers 400 to anything else.
var envName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// defaultPath is Debian's default for a login, with the system directories for tools such as setpriv.
const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// environment holds the sandbox's variables: those that it was created with, as changed by POST /env. The agent's own are
// never handed on.
type environment struct {
	mu   sync.Mutex
	vars map[string]string
}

func newEnvironment(vars map[string]string) *environment {
	e := &environment{vars: map[string]string{}}
	maps.Copy(e.vars, vars)
	return e
}

// forCommand returns KEY=VALUE lines, sorted: the defaults of id, then the sandbox's variables, then the request's.
func (e *environment) forCommand(id identity, request map[string]string) []string {
	vars := map[string]string{
		"HOME": id.home, "USER": id.name, "LOGNAME": id.name, "SHELL": shellPath(),
		"PATH": defaultPath, "LANG": "C.UTF-8", "TERM": "xterm-256color",
	}
	e.mu.Lock()
	maps.Copy(vars, e.vars)
	e.mu.Unlock()
	maps.Copy(vars, request)
	lines := make([]string, 0, len(vars))
	for name, value := range vars {
		lines = append(lines, name+"="+value)
	}
	slices.Sort(lines)
	return lines
}

// checkEnv refuses names that no shell can name, and values that no process can be given.
func checkEnv(vars map[string]string) error {
	for name, value := range vars {
		if !envName.MatchString(name) {
			return badRequest("environment variable %q: a name is a letter or _ and then letters, digits and _", name)
		}
		if slices.Contains([]byte(value), 0) {
			return badRequest("environment variable %s has a NUL byte", name)
		}
	}
	return nil
}
