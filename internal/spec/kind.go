package spec

import "time"

// Kinds of job.
const (
	// KindEvaluation judges code.
	KindEvaluation = "evaluation"
	// KindDataPrep makes data, such as the inputs of later evals.
	KindDataPrep = "data_prep"
	// KindToolSimulation runs what an agent's tool would do.
	KindToolSimulation = "tool_simulation"
)

// kindDefaults are the defaults that differ between kinds.
type kindDefaults struct {
	// timeLimit of a step.
	timeLimit time.Duration
	// maxOutputBytes of a stream.
	maxOutputBytes int64
	// priorityKey: somebody waits for a tool's answer, and nobody for data.
	priorityKey int
}

// defaultsOf a kind: those of an evaluation, unless a data preparation may take longer, or a tool answers at once.
func defaultsOf(kind string) kindDefaults {
	switch kind {
	case KindDataPrep:
		return kindDefaults{timeLimit: 10 * time.Minute, maxOutputBytes: DefaultMaxOutputBytes, priorityKey: 4}
	case KindToolSimulation:
		return kindDefaults{timeLimit: 30 * time.Second, maxOutputBytes: 1 << 20, priorityKey: 2}
	}
	return kindDefaults{timeLimit: DefaultTimeLimit, maxOutputBytes: DefaultMaxOutputBytes, priorityKey: DefaultPriorityKey}
}
