//go:build !linux

package main

import (
	"runtime"

	"github.com/spf13/cobra"
)

func devCommand(*terminal) *cobra.Command {
	return linuxOnly("dev", "Run Temporal, its UI, local sandboxes and a worker in this terminal (Linux)")
}

func sandboxdCommand(*terminal) *cobra.Command {
	return linuxOnly("sandboxd", "Serve local sandboxes behind Daytona's API (Linux)")
}

// linuxOnly keeps a command's place where it cannot run, to say why and what to do instead.
func linuxOnly(use, short string) *cobra.Command {
	return &cobra.Command{
		Use: use, Short: short, DisableFlagParsing: true,
		RunE: func(*cobra.Command, []string) error {
			return &UsageError{
				Problem: "local sandboxes need Linux, and this is " + runtime.GOOS,
				Hint:    "set DAYTONA_API_URL and DAYTONA_API_KEY to a remote Daytona and TEMPORAL_ADDRESS to a Temporal, and run: worker",
			}
		},
	}
}
