package policy

import "pitwall/internal/spec"

// File is a policy file as it is written.
type File struct {
	// Version of the format: 1.
	Version int `json:"version"`
	// All holds for every kind of job.
	All Section `json:"all,omitzero"`
	// Kinds hold what is otherwise for a kind of job: stricter or wider.
	Kinds Kinds `json:"kinds,omitzero"`
}

// Kinds are the sections of the kinds of job.
type Kinds struct {
	Evaluation     Section `json:"evaluation,omitzero"`
	DataPrep       Section `json:"data_prep,omitzero"`
	ToolSimulation Section `json:"tool_simulation,omitzero"`
}

// Section bounds what evals may ask for. A field that is not given takes the value of the section around it; a list or value
// that is given replaces it. In a list of names "*" stands for any run of characters, [] admits nothing.
type Section struct {
	// Languages of sandboxes and of code steps: python, javascript, typescript, bash.
	Languages []string `json:"languages,omitzero"`
	// Snapshots by name; "" is the provider's default, of an eval that names neither snapshot nor image.
	Snapshots []string `json:"snapshots,omitzero"`
	// Images by reference, such as python:3.12-*.
	Images []string `json:"images,omitzero"`
	// MaxTTL of a sandbox, with what its job's limits raise it to.
	MaxTTL *spec.Duration `json:"max_ttl,omitempty"`
	// MaxTimeLimit of one step, and of a scorer's command.
	MaxTimeLimit *spec.Duration `json:"max_time_limit,omitempty"`
	// MaxJobTime is the sum of the steps' time limits.
	MaxJobTime *spec.Duration `json:"max_job_time,omitempty"`
	// MaxOutputBytes that are kept of each stream of each step.
	MaxOutputBytes *int64 `json:"max_output_bytes,omitempty"`
	// MaxArtifactBytes of each file that is fetched.
	MaxArtifactBytes *int64 `json:"max_artifact_bytes,omitempty"`
	// MaxArtifacts and MaxArtifactsBytes of an attempt together.
	MaxArtifacts      *int   `json:"max_artifacts,omitempty"`
	MaxArtifactsBytes *int64 `json:"max_artifacts_bytes,omitempty"`
	// Resources are the most that an eval with an image may ask for.
	Resources Resources `json:"resources,omitzero"`
	// Network is the most that a sandbox may reach.
	Network Network `json:"network,omitzero"`
	// InputFolders are the folders of the worker's host from which file:///PATH may read, absolute.
	InputFolders []string `json:"input_folders,omitzero"`
	// Secrets by name.
	Secrets []string `json:"secrets,omitzero"`
	// Tools of a tool_simulation, by name. Unless it has "*", a simulation must name its tools.
	Tools []string `json:"tools,omitzero"`
	// Refuse what can be seen of the job's programs.
	Refuse Refuse `json:"refuse,omitzero"`
}

// Resources are in Daytona's units: cores and GiB.
type Resources struct {
	CPU       *int `json:"cpu,omitempty"`
	MemoryGiB *int `json:"memory_gib,omitempty"`
	DiskGiB   *int `json:"disk_gib,omitempty"`
}

// Network is the most that a sandbox may reach.
type Network struct {
	// Mode is none, allow (what CIDRs and Domains list) or full.
	Mode *string `json:"mode,omitempty"`
	// CIDRs are IPv4 networks; what an eval lists must lie within one.
	CIDRs []string `json:"cidrs,omitzero"`
	// Domains are host names, *.NAME for what is below a name, or * for every name.
	Domains []string `json:"domains,omitzero"`
}

// Refuse are RE2 patterns that must be found nowhere. They are a guard against mistakes, not against an author who hides.
type Refuse struct {
	// Commands are sought in the commands of steps and scorer.
	Commands []Pattern `json:"commands,omitzero"`
	// Code is sought in the code of steps, in their stdin, and in the content of input and scorer files.
	Code []Pattern `json:"code,omitzero"`
	// UnseenFiles refuses input and scorer files that are given by uri, into which no pattern looks.
	UnseenFiles *bool `json:"unseen_files,omitempty"`
}

// Pattern is an RE2 expression with a name, under which a violation is reported.
type Pattern struct {
	Name    string `json:"name"`
	Pattern string `json:"pattern"`
}
