package policy

import (
	"regexp"
	"time"

	"pitwall/internal/spec"
)

// rules are a section with everything around it resolved: nothing is left open.
type rules struct {
	languages, snapshots, images names
	ttl, timeLimit, jobTime      time.Duration
	outputBytes, artifactBytes   int64
	artifacts                    int
	artifactsBytes               int64
	cpu, memoryGiB, diskGiB      int
	mode                         string
	cidrs, domains               []string
	folders                      []string
	secrets, tools               names
	commands, code               []expression
	unseenFiles                  bool
}

// expression is a compiled Pattern.
type expression struct {
	name string
	re   *regexp.Regexp
}

// within returns the rules of a valid section that stands within r.
func (r rules) within(s Section) rules {
	take((*[]string)(&r.languages), s.Languages)
	take((*[]string)(&r.snapshots), s.Snapshots)
	take((*[]string)(&r.images), s.Images)
	takeTime(&r.ttl, s.MaxTTL)
	takeTime(&r.timeLimit, s.MaxTimeLimit)
	takeTime(&r.jobTime, s.MaxJobTime)
	takeValue(&r.outputBytes, s.MaxOutputBytes)
	takeValue(&r.artifactBytes, s.MaxArtifactBytes)
	takeValue(&r.artifacts, s.MaxArtifacts)
	takeValue(&r.artifactsBytes, s.MaxArtifactsBytes)
	takeValue(&r.cpu, s.Resources.CPU)
	takeValue(&r.memoryGiB, s.Resources.MemoryGiB)
	takeValue(&r.diskGiB, s.Resources.DiskGiB)
	takeValue(&r.mode, s.Network.Mode)
	take(&r.cidrs, s.Network.CIDRs)
	take(&r.domains, s.Network.Domains)
	take(&r.folders, s.InputFolders)
	take((*[]string)(&r.secrets), s.Secrets)
	take((*[]string)(&r.tools), s.Tools)
	take(&r.commands, compiled(s.Refuse.Commands))
	take(&r.code, compiled(s.Refuse.Code))
	takeValue(&r.unseenFiles, s.Refuse.UnseenFiles)
	return r
}

// take replaces a list by one that is given, if only as [].
func take[T any](list *[]T, given []T) {
	if given != nil {
		*list = given
	}
}

func takeValue[T any](value, given *T) {
	if given != nil {
		*value = *given
	}
}

func takeTime(value *time.Duration, given *spec.Duration) {
	if given != nil {
		*value = given.Std()
	}
}

// compiled keeps the difference between no list and an empty one.
func compiled(patterns []Pattern) []expression {
	if patterns == nil {
		return nil
	}
	all := make([]expression, 0, len(patterns))
	for _, p := range patterns {
		all = append(all, expression{p.Name, regexp.MustCompile(p.Pattern)})
	}
	return all
}
