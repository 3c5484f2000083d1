// Package version says what a program of Pitwall was built from.
package version

import "runtime/debug"

// revision is given by the linker (-ldflags "-X pitwall/internal/version.revision=…") where the Go tool sees no checkout: in the
// build of an image.
var revision string

// Info is what is known of the build. Without any it is version "dev" and nothing else.
type Info struct {
	// Version is a tag, such as v1.2.0, or the pseudo-version of a commit; "dev" where neither is known.
	Version string `json:"version"`
	// Revision is the commit, in full.
	Revision string `json:"revision,omitempty"`
	// Modified: the checkout had changes that were not committed.
	Modified bool `json:"modified"`
}

// Read returns what the Go tool, or the linker's flag, recorded in this program.
func Read() Info {
	info := Info{Version: "dev", Revision: revision}
	build, ok := debug.ReadBuildInfo()
	if !ok {
		return info
	}
	if build.Main.Version != "" && build.Main.Version != "(devel)" {
		info.Version = build.Main.Version
	}
	for _, setting := range build.Settings {
		switch setting.Key {
		case "vcs.revision":
			info.Revision = setting.Value
		case "vcs.modified":
			info.Modified = setting.Value == "true"
		}
	}
	return info
}

// Release names the build in one word, such as pitwall@9fc4e8c60c71, pitwall@v1.2.0, or pitwall@dev.
func (i Info) Release() string {
	if len(i.Revision) >= 12 {
		return "pitwall@" + i.Revision[:12]
	}
	return "pitwall@" + i.Version
}
