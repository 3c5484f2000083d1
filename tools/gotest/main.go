// Command gotest runs `go test` with the arguments given and prints what it prints, but also tells which tests were not run and
// why: `go test` keeps that to itself unless it prints everything.
//
// Skipped tests are appended to the file that PITWALL_SKIPS names, one line each: "package Test: reason". The exit code is
// that of `go test`.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
)

// event is one line of `go test -json`.
type event struct {
	Action, Package, Test, Output string
}

// transcript keeps a test's output until it is known whether anybody wants it.
type transcript struct {
	output map[string]*strings.Builder
	skips  []string
	passed int
	failed int
}

func main() {
	code, err := run(os.Args[1:])
	if err != nil {
		fmt.Fprintf(os.Stderr, "gotest: %v\n", err)
		code = 1
	}
	os.Exit(code)
}

func run(args []string) (int, error) {
	test := exec.Command("go", append([]string{"test", "-json"}, args...)...)
	test.Stderr = os.Stderr
	stdout, err := test.StdoutPipe()
	if err != nil {
		return 1, err
	}
	if err := test.Start(); err != nil {
		return 1, fmt.Errorf("start go test: %w", err)
	}
	seen, err := read(stdout, os.Stdout)
	if err != nil {
		return 1, errors.Join(err, test.Wait())
	}
	fmt.Printf("tests: %d passed, %d failed, %d skipped\n", seen.passed, seen.failed, len(seen.skips))
	if err := appendLines(os.Getenv("PITWALL_SKIPS"), seen.skips); err != nil {
		return 1, err
	}
	err = test.Wait()
	if exit := new(exec.ExitError); errors.As(err, &exit) {
		return exit.ExitCode(), nil
	}
	return 0, err
}

// read prints the output of packages and of failed tests, and collects the rest.
func read(stream io.Reader, out io.Writer) (*transcript, error) {
	seen := &transcript{output: map[string]*strings.Builder{}}
	lines := bufio.NewReader(stream)
	for {
		line, err := lines.ReadBytes('\n')
		if len(line) > 0 {
			var e event
			if json.Unmarshal(line, &e) != nil {
				_, _ = out.Write(line) // what a build prints is not JSON
			} else {
				seen.take(e, out)
			}
		}
		if errors.Is(err, io.EOF) {
			return seen, nil
		}
		if err != nil {
			return nil, fmt.Errorf("read what go test prints: %w", err)
		}
	}
}

func (s *transcript) take(e event, out io.Writer) {
	if e.Test == "" {
		if e.Output != "" && e.Output != "PASS\n" && !strings.HasPrefix(e.Output, "?") {
			_, _ = io.WriteString(out, e.Output)
		}
		return
	}
	key := e.Package + " " + e.Test
	switch e.Action {
	case "output":
		if s.output[key] == nil {
			s.output[key] = &strings.Builder{}
		}
		s.output[key].WriteString(e.Output)
		return
	case "pass":
		s.passed++
	case "fail":
		s.failed++
		_, _ = io.WriteString(out, s.text(key))
	case "skip":
		s.skips = append(s.skips, key+": "+reason(s.text(key)))
	default:
		return
	}
	delete(s.output, key)
}

func (s *transcript) text(key string) string {
	if s.output[key] == nil {
		return ""
	}
	return s.output[key].String()
}

// reason is the message of t.Skip, without the test framework's own lines and the place.
func reason(output string) string {
	for _, line := range strings.Split(output, "\n") {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "===") || strings.HasPrefix(line, "---") {
			continue
		}
		if _, message, found := strings.Cut(line, ".go:"); found {
			if _, message, found = strings.Cut(message, ": "); found {
				return message
			}
		}
	}
	return "no reason given"
}

func appendLines(path string, lines []string) error {
	if path == "" || len(lines) == 0 {
		return nil
	}
	file, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("note skipped tests: %w", err)
	}
	_, err = file.WriteString(strings.Join(lines, "\n") + "\n")
	return errors.Join(err, file.Close())
}
