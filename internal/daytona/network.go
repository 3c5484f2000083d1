package daytona

import "strings"

// Network is what a sandbox may reach, as the control plane says that it applied it.
type Network struct {
	// BlockAll: it reaches nothing, whatever the lists. Nil: the answer does not say.
	BlockAll *bool
	// AllowList holds CIDRs, Domains host names; with both empty and BlockAll false it reaches everything.
	AllowList, Domains []string
}

// entries reads one of Daytona's comma-separated lists.
func entries(csv string) []string {
	var found []string
	for entry := range strings.SplitSeq(csv, ",") {
		if entry = strings.TrimSpace(entry); entry != "" {
			found = append(found, entry)
		}
	}
	return found
}
