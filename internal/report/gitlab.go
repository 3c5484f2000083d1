package report

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"

	"pitwall/internal/visible"
)

// maxGitLabTrials that did not pass are listed; more would be no use in a merge request's widget.
const maxGitLabTrials = 1000

// codeQuality is an entry of GitLab's Code Quality report, https://docs.gitlab.com/ci/testing/code_quality/: what a merge
// request shows as found, or as resolved, by its fingerprint.
type codeQuality struct {
	Description string `json:"description"`
	CheckName   string `json:"check_name"`
	Fingerprint string `json:"fingerprint"`
	// Severity is info, minor, major, critical or blocker.
	Severity string `json:"severity"`
	Location struct {
		// Path is the sample's id: there is no file of the repository to point at.
		Path  string `json:"path"`
		Lines struct {
			Begin int `json:"begin"`
		} `json:"lines"`
	} `json:"location"`
}

// GitLab writes a Code Quality report: an entry for each of the first trials that did not pass, and one for a verdict that is not
// PASS. An entry's fingerprint is of sample, epoch and outcome, so that it is the same in the next campaign.
func GitLab(w io.Writer, r *Report) error {
	found := []codeQuality{}
	if r.Verdict != "PASS" {
		found = append(found, quality("verdict", "pitwall/verdict", "blocker", verdictText(r)+": "+r.sentence(), verdictText(r)))
	}
	listed := 0
	for t := range r.notPassed() {
		if listed++; listed > maxGitLabTrials {
			break
		}
		severity := "major"
		if t.Outcome != Failed && t.Outcome != CanaryBad {
			severity = "minor" // it says nothing of the answer
		}
		path := oneLine(t.SampleID)
		found = append(found, quality(path, "pitwall/"+t.Outcome, severity, t.name()+": "+t.Outcome+" "+t.why(), fmt.Sprint(t.SampleID, "\x00", t.Epoch, t.Outcome)))
	}
	encoder := json.NewEncoder(visible.JSON(w))
	encoder.SetIndent("", "  ")
	return encoder.Encode(found)
}

func quality(path, check, severity, description, identity string) codeQuality {
	sum := sha256.Sum256([]byte(identity))
	q := codeQuality{Description: clipped(description), CheckName: check, Fingerprint: hex.EncodeToString(sum[:16]), Severity: severity}
	q.Location.Path, q.Location.Lines.Begin = clipped(path), 1
	return q
}
