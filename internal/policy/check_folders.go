package policy

import (
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"

	"pitwall/internal/spec"
)

// checkFolders judges the files of the worker's host that an eval reads.
func (r rules) checkFolders(b *breach, in spec.EvalInput) {
	inputFiles(in, func(path string, f spec.File) { r.checkFolder(b, path+".uri", f.URI) })
}

// inputFiles yields every file of an input, with its path.
func inputFiles(in spec.EvalInput, yield func(path string, f spec.File)) {
	for i, f := range in.Inputs.Files {
		yield(indexed("inputs.files", i), f)
	}
	if in.Scorer == nil {
		return
	}
	for i, f := range in.Scorer.Files {
		yield(indexed("scorer.files", i), f)
	}
}

func (r rules) checkFolder(b *breach, at, uri string) {
	if !strings.HasPrefix(strings.ToLower(uri), "file:") {
		return
	}
	name, ok := hostPath(uri)
	if !ok || !slices.ContainsFunc(r.folders, func(folder string) bool { return holds(folder, name) }) {
		b.add("input_folders", "admits "+names(r.folders).String(), at, "asks for "+quoted(uri))
	}
}

// hostPath is the path that a file URI names once it is decoded, with slashes and without .. in it.
func hostPath(uri string) (string, bool) {
	location, err := url.Parse(uri)
	if err != nil || location.Scheme != "file" || location.Host != "" && location.Host != "localhost" || location.Path == "" {
		return "", false
	}
	name := location.Path
	if windowsPath.MatchString(name) {
		name = name[1:]
	}
	return path.Clean(name), true
}

// windowsPath is the path of file:///C:/dir.
var windowsPath = regexp.MustCompile(`^/[A-Za-z]:/`)

// holds reports whether a file lies below a folder. Both are absolute and clean.
func holds(folder, file string) bool {
	return strings.HasPrefix(file, strings.TrimSuffix(folder, "/")+"/")
}

// CheckCampaign returns a *Violation when dataset or answers of a campaign are files of the worker's host that no input folder
// holds, or nil. Its trials are judged one by one, by Check. Where the kind of its evals is a template, the section for
// all kinds decides.
func (p *Policy) CheckCampaign(in spec.CampaignInput) error {
	kind := in.Eval.Kind
	if kind == "" {
		kind = spec.KindEvaluation
	}
	var b breach
	r := p.rules(kind)
	r.checkFolder(&b, "dataset.uri", in.Dataset.URI)
	r.checkFolder(&b, "answers.uri", in.Answers.URI)
	return p.violation(kind, b)
}

// InputFolders are those of all kinds together: the most that a worker under this policy may read of its host.
func (p *Policy) InputFolders() []string {
	folders := slices.Clone(p.all.folders)
	for _, r := range p.kinds {
		folders = append(folders, r.folders...)
	}
	slices.Sort(folders)
	return slices.Compact(folders)
}
