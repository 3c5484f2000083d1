package recording

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"

	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/temporalproto"
	"go.temporal.io/sdk/client"
	sdklog "go.temporal.io/sdk/log"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"pitwall/workflows"
)

var (
	// setName is what a set may be called: a folder on every system.
	setName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,63}$`)
	// identities name a host and a process.
	identities = regexp.MustCompile(`,?"identity":"[^"]*"`)
)

// Write stores a history as dir/set/name.json. It never replaces one that is there.
func Write(dir, set, name string, history *historypb.History) error {
	if !setName.MatchString(set) {
		return fmt.Errorf("record %s: %q is no name of a set: want such as %q", name, set, "second")
	}
	data, err := temporalproto.CustomJSONMarshalOptions{}.Marshal(history)
	if err != nil {
		return fmt.Errorf("record %s: %w", name, err)
	}
	if err := os.MkdirAll(filepath.Join(dir, set), 0o755); err != nil {
		return fmt.Errorf("record %s: %w", name, err)
	}
	path := filepath.Join(dir, set, name+".json")
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644) //nolint:gosec // a file of the project
	if errors.Is(err, os.ErrExist) {
		return fmt.Errorf("record %s: %s is there, and recordings are never made anew: choose another name for the set", name, path)
	}
	if err != nil {
		return fmt.Errorf("record %s: %w", name, err)
	}
	_, err = file.Write(append(identities.ReplaceAll(data, nil), '\n'))
	return errors.Join(err, file.Close())
}

// Load reads every set below dir: set, then name, to history.
func Load(dir string) (map[string]map[string]*historypb.History, error) {
	paths, err := filepath.Glob(filepath.Join(dir, "*", "*.json"))
	if err != nil {
		return nil, fmt.Errorf("list recordings of %s: %w", dir, err)
	}
	sets := map[string]map[string]*historypb.History{}
	for _, path := range paths {
		history, err := read(path)
		if err != nil {
			return nil, err
		}
		set, name := filepath.Base(filepath.Dir(path)), filepath.Base(path)
		if sets[set] == nil {
			sets[set] = map[string]*historypb.History{}
		}
		sets[set][name] = history
	}
	return sets, nil
}

func read(path string) (*historypb.History, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read a recording: %w", err)
	}
	defer file.Close()
	history, err := client.HistoryFromJSON(file, client.HistoryJSONOptions{})
	if err != nil {
		return nil, fmt.Errorf("read recording %s: %w", path, err)
	}
	return history, nil
}

// Replay holds the workflows at hand to a history. The error is what is not deterministic.
func Replay(history *historypb.History) error {
	replayer := worker.NewWorkflowReplayer()
	workflows.Register(replayer)
	return ReplayWith(replayer, history)
}

// ReplayWith does the same with other workflows.
func ReplayWith(replayer worker.WorkflowReplayer, history *historypb.History) error {
	// A history does not name its run, and the replayer takes it to be the first of its workflow. After a reset it is
	// another one, which a lease looks at.
	options := worker.ReplayWorkflowHistoryOptions{OriginalExecution: workflow.Execution{RunID: ResetRun(history)}}
	err := replayer.ReplayWorkflowHistoryWithOptions(sdklog.NewStructuredLogger(slog.New(slog.DiscardHandler)), history, options)
	if err != nil {
		return fmt.Errorf("replay: %w", err)
	}
	return nil
}

// ResetRun is the run that a reset made of the history; empty when it was never reset.
func ResetRun(history *historypb.History) string {
	run := ""
	for _, event := range history.GetEvents() {
		failed := event.GetWorkflowTaskFailedEventAttributes()
		if failed.GetCause() == enumspb.WORKFLOW_TASK_FAILED_CAUSE_RESET_WORKFLOW {
			run = failed.GetNewRunId()
		}
	}
	return run
}
