package daytona

import (
	"context"
	"fmt"
	"net/http"
	"time"
)

const (
	// MaxExecuteAnswer bounds the answer to a command, in bytes of JSON: some megabytes of output. A command with more to
	// say writes it to a file.
	MaxExecuteAnswer = 8 << 20
	// executeSlack is added to a command's own limit before the client stops waiting: the daemon kills first, and says so.
	executeSlack = 30 * time.Second
)

// ExecuteRequest is a command for the sandbox's shell, which reads it from its standard input.
type ExecuteRequest struct {
	Command string
	// Cwd defaults to the work dir.
	Cwd string
	// Env is added to the sandbox's own; names match [A-Za-z_][A-Za-z0-9_]*.
	Env map[string]string
	// Timeout is rounded up to seconds; the toolbox kills the command's process group then. 0: none.
	Timeout time.Duration
}

// ExecuteResult is what a command that ran came to.
type ExecuteResult struct {
	// ExitCode is the command's; -1 when it could not be started or was killed by a signal.
	ExitCode int
	// Output is both streams merged, with whatever is not UTF-8 replaced: fit for short texts, not for bytes.
	Output string
}

// Execute runs one command and waits for its end. A command that was sent may have run even when Execute fails, and runs
// on when the context ends. Returns ErrExecTimeout if it was killed at its limit (its output is lost), and ErrAnswerTooLarge
// if it ran but its answer exceeds MaxExecuteAnswer (its exit code is lost too).
func (t *Toolbox) Execute(ctx context.Context, request ExecuteRequest) (ExecuteResult, error) {
	cl := call{
		op: "execute command", method: http.MethodPost, path: "/process/execute",
		json: wireExecute{
			Command: request.Command, Cwd: request.Cwd, Envs: request.Env, Timeout: wholeSeconds(request.Timeout),
		},
		maxBody: MaxExecuteAnswer,
	}
	if request.Command == "" {
		return ExecuteResult{}, cl.refuse(fmt.Errorf("%w: no command", ErrInvalidRequest))
	}
	if request.Timeout > 0 {
		bounded, cancel := context.WithTimeout(ctx, request.Timeout+executeSlack)
		defer cancel()
		ctx = bounded
	}
	var answer struct {
		ExitCode *int   `json:"exitCode"`
		Result   string `json:"result"`
	}
	if err := t.exchange(ctx, cl, &answer); err != nil {
		return ExecuteResult{}, err
	}
	if answer.ExitCode == nil {
		return ExecuteResult{}, toolboxFail(cl, fmt.Errorf("%w: no exit code", ErrBadAnswer))
	}
	return ExecuteResult{ExitCode: *answer.ExitCode, Output: answer.Result}, nil
}

type wireExecute struct {
	Command string            `json:"command"`
	Cwd     string            `json:"cwd,omitempty"`
	Envs    map[string]string `json:"envs,omitempty"`
	Timeout int64             `json:"timeout,omitempty"`
}

func wholeSeconds(d time.Duration) int64 {
	return int64((max(d, 0) + time.Second - 1) / time.Second)
}
