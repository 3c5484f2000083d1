//go:build linux

package devstack

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// ErrProgramsMissing: a program of the stack is not built yet.
var ErrProgramsMissing = errors.New("programs are missing")

// findPrograms checks that everything that the stack starts is there, and names all that is not.
func (c Config) findPrograms() error {
	var missing []string
	for _, path := range []string{c.temporalPath(), c.runscPath(), c.toolboxPath(), c.workerPath(), c.StarterPath} {
		info, err := os.Stat(path)
		if err != nil || info.IsDir() || info.Mode()&0o111 == 0 {
			missing = append(missing, filepath.Base(path))
		}
	}
	if len(missing) > 0 {
		return fmt.Errorf("%w in %s: %s", ErrProgramsMissing, c.BinDir, strings.Join(missing, ", "))
	}
	return nil
}
