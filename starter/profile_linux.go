package main

import (
	"os"
	"time"

	"github.com/caarlos0/env/v11"

	"pitwall/internal/config"
	"pitwall/internal/devstack"
)

// announced is the profile that lets a starter in another terminal find this stack.
type announced struct {
	stateDir string
	path     string // empty: another stack's profile was left in place
}

// announceProfile writes the profile. A running stack's is left alone: its terminals go on using it.
func announceProfile(term *terminal, where devstack.Endpoints) (announced, error) {
	root, err := stateRoot(term)
	if err != nil {
		return announced{}, err
	}
	if other, err := config.ReadProfile(root); err == nil && other != nil && other.PID != os.Getpid() {
		term.note("another starter dev (process %d) is what other terminals find; to use this one there, set"+
			" TEMPORAL_ADDRESS=%s DAYTONA_API_URL=%s DAYTONA_API_KEY=$(cat %s) PITWALL_STORE=%s",
			other.PID, where.TemporalAddress, where.DaytonaAPIURL, where.DaytonaKeyFile, where.StoreURL)
		return announced{}, nil
	}
	err = config.WriteProfile(root, config.Profile{
		PID: os.Getpid(), StartedAt: time.Now().UTC(),
		TemporalAddress: where.TemporalAddress, Namespace: where.Namespace, UIURL: where.UIURL,
		DaytonaAPIURL: where.DaytonaAPIURL, DaytonaKeyFile: where.DaytonaKeyFile,
		Store: where.StoreURL, HealthURL: where.HealthURL, StateDir: where.StateDir, LogDir: where.LogDir,
	})
	return announced{stateDir: root, path: config.ProfilePath(root)}, err
}

// remove removes our profile.
func (a announced) remove(term *terminal) {
	if a.path == "" {
		return
	}
	if err := config.RemoveProfile(a.stateDir, os.Getpid()); err != nil {
		term.note("%v", err)
	}
}

// stateRoot is Pitwall's state folder.
func stateRoot(term *terminal) (string, error) {
	root, err := config.StateDir(env.ToMap(term.environ))
	if err != nil {
		return "", &UsageError{Err: err, Hint: "it is where Pitwall keeps its database and records"}
	}
	return root, nil
}
