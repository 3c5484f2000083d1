package workflows

// CampaignProgress is what ProgressQuery of a campaign returns.
type CampaignProgress struct {
	Phase    string `json:"phase"` // preparing, running, assembling, done
	Total    int    `json:"n_total"`
	Started  int    `json:"n_started"`
	Finished int    `json:"n_finished"`
	Passed   int    `json:"n_passed"`
	Failed   int    `json:"n_failed"`
	// Errors counts finished trials without a score.
	Errors    int `json:"n_errors"`
	Cancelled int `json:"n_cancelled"`
	// LastErrors names up to five of the latest trials without a score.
	LastErrors []string `json:"last_errors,omitempty"`
}

// EvalProgress is what ProgressQuery of an eval returns.
type EvalProgress struct {
	Phase     string `json:"phase"` // planning, waiting, creating, uploading, running, downloading, removing, scoring, done
	Attempt   int    `json:"attempt"`
	Slot      int    `json:"slot"`
	SandboxID string `json:"sandbox_id,omitempty"`
}
