//go:build linux

package toolbox

import (
	"fmt"
	"io"
	"strings"
	"sync"
)

// capture keeps the first bytes of a command's output, counts the rest, and never makes the command wait: a command that
// floods must neither fill the agent's memory nor hang on a full pipe.
type capture struct {
	mu    sync.Mutex
	max   int
	kept  []byte
	total int64
}

// Write implements io.Writer. It always succeeds.
func (c *capture) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.total += int64(len(p))
	if room := c.max - len(c.kept); room > 0 {
		c.kept = append(c.kept, p[:min(room, len(p))]...)
	}
	return len(p), nil
}

// text is what was kept, valid UTF-8 as JSON needs it (Daytona replaces invalid bytes too), with a last line that says so
// when something is missing.
func (c *capture) text() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	text := strings.ToValidUTF8(string(c.kept), "\uFFFD")
	if c.total > int64(len(c.kept)) {
		text += fmt.Sprintf("\n[output truncated: the first %d of %d bytes]\n", len(c.kept), c.total)
	}
	return text
}

// drain copies r to w until it ends, by a buffer of its own. It closes r.
func drain(w io.Writer, r io.ReadCloser) {
	defer r.Close()
	_, _ = io.CopyBuffer(struct{ io.Writer }{w}, struct{ io.Reader }{r}, make([]byte, 32<<10))
}
