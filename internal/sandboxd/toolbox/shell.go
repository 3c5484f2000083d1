//go:build linux

package toolbox

import (
	"os"
	"sync"
)

// shellPath is the shell that reads commands. Daytona's order is zsh, bash, $SHELL, sh; zsh is left out here, as it would
// make a command's meaning depend on what the snapshot happens to have, and reads ~/.zshenv whatever it is started for.
var shellPath = sync.OnceValue(func() string {
	for _, path := range []string{"/bin/bash", "/usr/bin/bash"} {
		if info, err := os.Stat(path); err == nil && info.Mode()&0o111 != 0 {
			return path
		}
	}
	return "/bin/sh"
})
