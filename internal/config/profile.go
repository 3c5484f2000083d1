package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Profile says where a running `starter dev` is.
type Profile struct {
	// PID of starter dev: the profile holds while it lives.
	PID             int       `json:"pid"`
	StartedAt       time.Time `json:"started_at"`
	TemporalAddress string    `json:"temporal_address"`
	Namespace       string    `json:"namespace"`
	// UIURL is the Temporal UI's.
	UIURL         string `json:"ui_url"`
	DaytonaAPIURL string `json:"daytona_api_url"`
	// DaytonaKeyFile holds the key (0600); the profile itself has no secret.
	DaytonaKeyFile string `json:"daytona_key_file"`
	// Store is the artifact store's URL.
	Store string `json:"store"`
	// HealthURL of the worker, StateDir and LogDir of the stack, for messages.
	HealthURL string `json:"health_url,omitempty"`
	StateDir  string `json:"state_dir,omitempty"`
	LogDir    string `json:"log_dir,omitempty"`
}

// maxProfileBytes bounds what is read of the profile and of the key file.
const maxProfileBytes = 64 << 10

// StaleProfileError is a profile whose starter dev is gone without having removed it (kill -9, power).
type StaleProfileError struct {
	Path string
	PID  int
}

func (e *StaleProfileError) Error() string {
	return fmt.Sprintf("%s was left by a starter dev (process %d) that no longer runs: start it again with `starter dev`, or remove the file", e.Path, e.PID)
}

// ProfilePath is where the profile stands in a state directory.
func ProfilePath(stateDir string) string { return filepath.Join(stateDir, "dev-profile.json") }

// WriteProfile puts the profile into the state directory, which it makes (0700), atomically and for this user only.
func WriteProfile(stateDir string, p Profile) error {
	if err := os.MkdirAll(stateDir, 0o700); err != nil {
		return fmt.Errorf("make the folder of the dev profile: %w", err)
	}
	data, err := json.MarshalIndent(p, "", "  ")
	if err != nil {
		return fmt.Errorf("write the dev profile: %w", err)
	}
	// CreateTemp makes the file 0600.
	file, err := os.CreateTemp(stateDir, ".dev-profile-*")
	if err != nil {
		return fmt.Errorf("write the dev profile: %w", err)
	}
	_, err = file.Write(append(data, '\n'))
	if err = errors.Join(err, file.Close()); err == nil {
		err = os.Rename(file.Name(), ProfilePath(stateDir))
	}
	if err != nil {
		_ = os.Remove(file.Name()) // the first error is the one to tell
		return fmt.Errorf("write the dev profile: %w", err)
	}
	return nil
}

// ReadProfile returns the profile of a running starter dev, and nil without an error when there is none. A profile whose
// process is gone is a *StaleProfileError.
func ReadProfile(stateDir string) (*Profile, error) {
	path := ProfilePath(stateDir)
	data, err := readBounded(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the dev profile: %w", err)
	}
	var p Profile
	if err := json.Unmarshal(data, &p); err != nil || p.PID <= 0 {
		return nil, fmt.Errorf("read the dev profile %s: it is damaged: remove it, or start `starter dev` again", path)
	}
	if !alive(p.PID) {
		return nil, &StaleProfileError{Path: path, PID: p.PID}
	}
	return &p, nil
}

// RemoveProfile removes the profile that process pid wrote, and leaves that of another alone.
func RemoveProfile(stateDir string, pid int) error {
	data, err := readBounded(ProfilePath(stateDir))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	var p Profile
	if err == nil {
		err = json.Unmarshal(data, &p)
	}
	if err != nil {
		return fmt.Errorf("read the dev profile: %w", err)
	}
	if p.PID != pid {
		return nil
	}
	if err := os.Remove(ProfilePath(stateDir)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove the dev profile: %w", err)
	}
	return nil
}

// beneath returns the environment with what the profile adds to it. The environment's Daytona and store win whole.
func (p *Profile) beneath(vars map[string]string) (map[string]string, error) {
	merged := maps.Clone(vars)
	if vars["DAYTONA_API_URL"] == "" && vars["DAYTONA_API_KEY"] == "" && vars["DAYTONA_API_KEY_FILE"] == "" {
		key, err := readBounded(p.DaytonaKeyFile)
		if err != nil {
			return vars, fmt.Errorf("read the key that the dev profile names: %w", err)
		}
		merged["DAYTONA_API_URL"], merged["DAYTONA_API_KEY"] = p.DaytonaAPIURL, strings.TrimSpace(string(key))
		delete(merged, "DAYTONA_ORGANIZATION_ID")
		delete(merged, "DAYTONA_TARGET")
	}
	if vars["PITWALL_STORE"] == "" {
		merged["PITWALL_STORE"] = p.Store
	}
	return merged, nil
}

func readBounded(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > maxProfileBytes {
		return nil, fmt.Errorf("%s is not a small regular file", path)
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return io.ReadAll(io.LimitReader(file, maxProfileBytes))
}
