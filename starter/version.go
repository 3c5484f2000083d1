package main

import (
	"runtime"

	"github.com/spf13/cobra"

	"pitwall/internal/version"
)

// versionInfo is what `version -o json` prints.
type versionInfo struct {
	version.Info
	Go   string `json:"go"`
	OS   string `json:"os"`
	Arch string `json:"arch"`
}

func versionCommand(term *terminal) *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version of this program",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			info := versionInfo{version.Read(), runtime.Version(), runtime.GOOS, runtime.GOARCH}
			if term.wantsJSON() {
				return term.printJSON(info)
			}
			term.printf("pitwall %s %s (%s, %s/%s)\n", info.Version, info.Revision, info.Go, info.OS, info.Arch)
			return nil
		},
	}
}
