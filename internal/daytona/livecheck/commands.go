package livecheck

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"pitwall/internal/daytona"
)

// folder holds everything that a run writes, below the sandbox's work dir.
const folder = "pitwall-doctor"

// checkCommands tries what running jobs relies on.
func (r *run) checkCommands(ctx context.Context) {
	r.check("toolbox answers", func() (string, error) {
		return withMinute(ctx, r.toolbox.Version)
	})
	r.check("command: exit code and merged output", func() (string, error) {
		return "", r.expect(ctx, "echo out; echo err >&2; exit 3", 3, "out\n", "err\n")
	})
	r.check("command: a missing program is the shell's 127", func() (string, error) {
		return "", r.expect(ctx, "no-such-program-here", 127)
	})
	r.check("command: environment and work dir", func() (string, error) {
		return "", r.expect(ctx, `mkdir -p `+folder+` && cd `+folder+` && echo "<$PITWALL_DOCTOR>"`, 0, "<"+r.name+">")
	})
	r.check("command: killed at its limit (408)", func() (string, error) {
		_, err := r.execute(ctx, daytona.ExecuteRequest{Command: "sleep 60", Timeout: time.Second})
		if !errors.Is(err, daytona.ErrExecTimeout) {
			return "", fmt.Errorf("the limit did not show: %w", orNil(err))
		}
		return "", nil
	})
	r.check("supervisor apart from the job", func() (string, error) { return r.tryRoot(ctx) })
	r.check("streams: split, and binary", func() (string, error) { return "", r.trySplit(ctx) })
	r.check("streams: a growing file, by range reads", func() (string, error) { return r.tryGrowing(ctx) })
}

func (r *run) execute(ctx context.Context, request daytona.ExecuteRequest) (daytona.ExecuteResult, error) {
	return withMinute(ctx, func(ctx context.Context) (daytona.ExecuteResult, error) { return r.toolbox.Execute(ctx, request) })
}

// expect runs a command and compares its exit code, and that its output holds some texts.
func (r *run) expect(ctx context.Context, command string, code int, texts ...string) error {
	result, err := r.execute(ctx, daytona.ExecuteRequest{Command: command, Timeout: 30 * time.Second})
	if err != nil {
		return err
	}
	if result.ExitCode != code {
		return fmt.Errorf("exit code %d, not %d", result.ExitCode, code)
	}
	for _, text := range texts {
		if !strings.Contains(result.Output, text) {
			return fmt.Errorf("no %q in the output %.200q", text, result.Output)
		}
	}
	return nil
}

// tryRoot tells whether the supervisor can be kept out of the job's reach; Daytona cannot, and that is no deviation.
func (r *run) tryRoot(ctx context.Context) (string, error) {
	result, err := withMinute(ctx, func(ctx context.Context) (daytona.ExecuteResult, error) {
		return r.toolbox.AsRoot().Execute(ctx, daytona.ExecuteRequest{Command: "id -u", Timeout: 30 * time.Second})
	})
	if err != nil {
		return "", err
	}
	if uid := strings.TrimSpace(result.Output); uid != "0" {
		return fmt.Sprintf("not here: both run as uid %.20q, so a job can reach its own supervisor", uid), nil
	}
	return "the supervisor runs as another user", nil
}

// trySplit writes both streams to files of their own and reads the bytes back: NUL, invalid UTF-8, Daytona's own stream
// markers, and no line end.
func (r *run) trySplit(ctx context.Context) error {
	command := fmt.Sprintf(`cd %s && sh -c 'printf "\377\000o"; printf "\001\001\001e\002\002\002" >&2' >out 2>err`, folder)
	if err := r.expect(ctx, command, 0); err != nil {
		return err
	}
	for name, want := range map[string]string{"out": "\xff\x00o", "err": "\x01\x01\x01e\x02\x02\x02"} {
		got, _, err := r.read(ctx, folder+"/"+name, 0, -1)
		if err != nil {
			return err
		}
		if string(got) != want {
			return fmt.Errorf("%s came back as %.60q, not %q", name, got, want)
		}
	}
	return nil
}

const growingLines = 3

// tryGrowing starts a detached writer and follows its file from offset to offset.
func (r *run) tryGrowing(ctx context.Context) (string, error) {
	command := fmt.Sprintf(`cd %s || exit; nohup sh -c 'for i in 1 2 %d; do echo line $i; sleep 1; done >grow; : >grown' `+
		`</dev/null >/dev/null 2>&1 &`, folder, growingLines)
	if err := r.expect(ctx, command, 0); err != nil {
		return "", err
	}
	if _, err := r.toolbox.Info(ctx, folder+"/grown"); !errors.Is(err, daytona.ErrNotFound) {
		return "", fmt.Errorf("a detached command holds up the answer: %w", orNil(err))
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	var text bytes.Buffer
	reads := 0
	for text.Len() < growingLines*len("line 1\n") {
		chunk, _, err := r.read(ctx, folder+"/grow", int64(text.Len()), 1<<20)
		if err != nil && !errors.Is(err, daytona.ErrNotFound) {
			return "", err
		}
		if len(chunk) > 0 {
			reads++
			text.Write(chunk)
		}
		if !pause(ctx, 100*time.Millisecond) {
			return "", fmt.Errorf("%d bytes after a minute", text.Len())
		}
	}
	if text.String() != "line 1\nline 2\nline 3\n" {
		return "", fmt.Errorf("the file came as %.60q", text.String())
	}
	if reads < 2 {
		return "", errors.New("nothing was seen before the end: output cannot be followed")
	}
	return fmt.Sprintf("in %d pieces", reads), nil
}

// read reads part of a small file; hostile sizes are cut at 16 MiB.
func (r *run) read(ctx context.Context, path string, offset, length int64) ([]byte, daytona.FileRange, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	body, part, err := r.toolbox.Download(ctx, path, offset, length)
	if err != nil {
		return nil, part, err
	}
	defer body.Close()
	content, err := io.ReadAll(io.LimitReader(body, 16<<20))
	return content, part, err
}
