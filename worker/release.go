package main

import "runtime/debug"

// release names this build to Sentry: what Go recorded of the checkout, such as pitwall@9fc4e8c60c71 or pitwall@v1.2.0.
func release() string {
	build, ok := debug.ReadBuildInfo()
	if !ok {
		return "pitwall@dev"
	}
	for _, setting := range build.Settings {
		if setting.Key == "vcs.revision" && len(setting.Value) > 12 {
			return "pitwall@" + setting.Value[:12]
		}
	}
	if version := build.Main.Version; version != "" && version != "(devel)" {
		return "pitwall@" + version
	}
	return "pitwall@dev"
}
