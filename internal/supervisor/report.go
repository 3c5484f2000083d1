package supervisor

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Phase of a job.
type Phase string

// Phases, in order. Lost: the supervisor is gone and left no exit record.
const (
	PhaseUnclaimed Phase = "unclaimed"
	PhaseClaimed   Phase = "claimed"
	PhaseRunning   Phase = "running"
	PhaseDone      Phase = "done"
	PhaseLost      Phase = "lost"
	// PhaseMissing: a tool that the supervisor needs is not in the sandbox; Report.Missing names it.
	PhaseMissing Phase = "missing"
)

// Report is the supervisor's answer to Launch, Wait and Stop.
type Report struct {
	Phase   Phase
	Missing string
	// Steps that were started, in order.
	Steps []StepReport
}

// StepReport is the record of one started step.
type StepReport struct {
	// Number is 1-based.
	Number int
	// Ended is false while the step runs, or when its supervisor died during it.
	Ended    bool
	ExitCode int
	TimedOut bool
	Duration time.Duration
	// Limit is memory, processes or other when the sandbox's watcher ended the step.
	Limit string
	// StdoutBytes and StderrBytes written so far.
	StdoutBytes, StderrBytes int64
}

// MaxReportBytes bounds a report: 32 steps of three lines of at most 60 bytes, twice over.
const MaxReportBytes = 16 << 10

const maxSteps = 32

// ParseReport reads a report. Everything in it may have been made up by the job: it returns an error for any line that
// the supervisor does not write, and never more than 32 steps.
func ParseReport(text string) (Report, error) {
	if len(text) > MaxReportBytes {
		return Report{}, fmt.Errorf("read supervisor's report: %d bytes, more than %d", len(text), MaxReportBytes)
	}
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	report, err := parseHead(lines[0])
	if err != nil {
		return Report{}, err
	}
	for _, line := range lines[1:] {
		if err := report.add(strings.Fields(line)); err != nil {
			return Report{}, fmt.Errorf("read supervisor's report: line %.80q: %w", line, err)
		}
	}
	return report, nil
}

func parseHead(line string) (Report, error) {
	fields := strings.Fields(line)
	if len(fields) < 3 || fields[0] != "pitwall" || fields[1] != "1" {
		return Report{}, fmt.Errorf("read supervisor's report: first line is %.80q", line)
	}
	switch phase := Phase(fields[2]); phase {
	case PhaseUnclaimed, PhaseClaimed, PhaseRunning, PhaseDone, PhaseLost:
		return Report{Phase: phase}, nil
	case PhaseMissing:
		return Report{Phase: phase, Missing: strings.Join(fields[3:], " ")}, nil
	default:
		return Report{}, fmt.Errorf("read supervisor's report: phase is %.80q", fields[2])
	}
}

func (r *Report) add(fields []string) error {
	switch {
	case len(fields) == 0:
		return fmt.Errorf("it is empty")
	case fields[0] == "step":
		return r.addStep(fields)
	case fields[0] == "size" && len(fields) == 3:
		return r.addSize(fields[1], fields[2])
	default:
		return fmt.Errorf("it is neither a step nor a size")
	}
}

func (r *Report) addStep(fields []string) error {
	if len(r.Steps) == maxSteps || len(fields) < 3 || fields[1] != strconv.Itoa(len(r.Steps)+1) {
		return fmt.Errorf("it is not step %d", len(r.Steps)+1)
	}
	step := StepReport{Number: len(r.Steps) + 1}
	if fields[2] != "running" {
		if err := step.parseExit(fields[2:]); err != nil {
			return err
		}
	}
	r.Steps = append(r.Steps, step)
	return nil
}

func (s *StepReport) parseExit(fields []string) error {
	if len(fields) != 4 {
		return fmt.Errorf("an exit record has 4 fields")
	}
	code, err := strconv.Atoi(fields[0])
	if err != nil || code < 0 || code > 255 {
		return fmt.Errorf("exit code is not 0–255")
	}
	centiseconds, err := strconv.ParseInt(fields[2], 10, 64)
	if err != nil || centiseconds < 0 || centiseconds > int64(30*24*time.Hour/(10*time.Millisecond)) {
		return fmt.Errorf("duration is not plausible")
	}
	switch fields[3] {
	case "-":
	case "memory", "processes", "other":
		s.Limit = fields[3]
	default:
		return fmt.Errorf("limit is unknown")
	}
	if fields[1] != "0" && fields[1] != "1" {
		return fmt.Errorf("timed-out flag is not 0 or 1")
	}
	s.Ended, s.ExitCode, s.TimedOut = true, code, fields[1] == "1"
	s.Duration = time.Duration(centiseconds) * 10 * time.Millisecond
	return nil
}

func (r *Report) addSize(name, bytes string) error {
	size, err := strconv.ParseInt(bytes, 10, 64)
	if err != nil || size < 0 {
		return fmt.Errorf("size is not a number")
	}
	number, stream, _ := strings.Cut(name, ".")
	n, err := strconv.Atoi(number)
	if err != nil || n < 1 || n > len(r.Steps) {
		return fmt.Errorf("size of an unknown step")
	}
	switch stream {
	case "out":
		r.Steps[n-1].StdoutBytes = size
	case "err":
		r.Steps[n-1].StderrBytes = size
	default:
		return fmt.Errorf("size of an unknown stream")
	}
	return nil
}
