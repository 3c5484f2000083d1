package supervisor

import (
	_ "embed"
	"fmt"
	"math"
	"path"
	"strconv"
	"strings"
	"time"
)

//go:embed supervise.sh
var script []byte

// Step is one step as the supervisor knows it.
type Step struct {
	// Script is run by sh, in the step's own session.
	Script []byte
	Stdin  []byte
	// Limit ends the step. Rounded up to centiseconds.
	Limit    time.Duration
	Continue bool
	// After is run by sh, as the job's user, when all processes of the step are dead: at most 10 s, without streams. Empty:
	// nothing.
	After []byte
}

// File is one file to put under the control directory.
type File struct {
	Path string
	Data []byte
}

// Files lists what must stand in the sandbox before Launch, under the absolute directory dir.
func Files(dir string, steps []Step) []File {
	files := []File{
		{Path: path.Join(dir, "supervise.sh"), Data: script},
		{Path: path.Join(dir, "job", "count"), Data: []byte(strconv.Itoa(len(steps)) + "\n")},
	}
	for i, step := range steps {
		base := path.Join(dir, "job", strconv.Itoa(i+1))
		centiseconds := int64(math.Ceil(step.Limit.Seconds() * 100))
		limit := fmt.Sprintf("%d.%02d %d\n", centiseconds/100, centiseconds%100, centiseconds)
		files = append(files,
			File{path.Join(base, "run"), step.Script},
			File{path.Join(base, "stdin"), step.Stdin},
			File{path.Join(base, "limit"), []byte(limit)})
		if len(step.After) > 0 {
			files = append(files, File{path.Join(base, "after"), step.After})
		}
		if step.Continue {
			files = append(files, File{path.Join(base, "continue"), []byte("1\n")})
		}
	}
	return files
}

// Launch is the command that claims and starts the job, unless an earlier call did, and waits up to wait for its end.
func Launch(dir string, wait time.Duration) string { return command(dir, "launch", wait) }

// Wait is the command that waits up to wait for the job's end. It is idempotent.
func Wait(dir string, wait time.Duration) string { return command(dir, "wait", wait) }

// Stop is the command that ends the job and its supervisor.
func Stop(dir string) string {
	return "exec sh " + Quote(dir+"/supervise.sh") + " " + Quote(dir) + " stop"
}

func command(dir, verb string, wait time.Duration) string {
	return fmt.Sprintf("exec sh %s %s %s %.2f", Quote(dir+"/supervise.sh"), Quote(dir), verb, wait.Seconds())
}

// StreamPath is where the output of step n (1-based) stands: stream is stdout or stderr.
func StreamPath(dir string, n int, stream string) string {
	extension := ".out"
	if stream == "stderr" {
		extension = ".err"
	}
	return path.Join(dir, "state", strconv.Itoa(n)+extension)
}

// Quote quotes text for a POSIX shell.
func Quote(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }
