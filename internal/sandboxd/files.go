package sandboxd

import (
	"errors"
	"fmt"
	"os"
)

// writeFile replaces a file by rename, so that a reader, or a server that starts after a kill, sees the old or the new
// content. There is no fsync: what must survive is our own death, and after the host's no sandbox lives anyway.
func writeFile(path string, content []byte) error {
	work := path + ".new"
	if err := os.WriteFile(work, content, 0o600); err != nil {
		return errors.Join(fmt.Errorf("write %s: %w", path, err), os.Remove(work))
	}
	if err := os.Rename(work, path); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}
