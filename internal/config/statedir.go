package config

import (
	"errors"
	"net/url"
	"path/filepath"
	"runtime"
	"strings"
)

const hostOS = runtime.GOOS

// lookup is an environment; it serves as Temporal's envconfig.EnvLookup.
type lookup map[string]string

// LookupEnv is os.LookupEnv over the map.
func (l lookup) LookupEnv(name string) (string, bool) {
	value, ok := l[name]
	return value, ok
}

// Environ is os.Environ over the map.
func (l lookup) Environ() []string {
	var pairs []string
	for name, value := range l {
		pairs = append(pairs, name+"="+value)
	}
	return pairs
}

// StateDir is the folder in which Pitwall keeps what outlives a process: $XDG_STATE_HOME/pitwall when that is set (as the
// XDG specification asks, only when absolute), else ~/.local/state/pitwall, on macOS ~/Library/Application
// Support/pitwall, on Windows %LocalAppData%\pitwall. It is not created.
func StateDir(environ map[string]string) (string, error) { return stateDir(hostOS, environ) }

func stateDir(goos string, vars lookup) (string, error) {
	if base := vars["XDG_STATE_HOME"]; filepath.IsAbs(base) {
		return filepath.Join(base, "pitwall"), nil
	}
	if goos == "windows" {
		if base := vars["LocalAppData"]; base != "" {
			return filepath.Join(base, "pitwall"), nil
		}
		if base := vars["LOCALAPPDATA"]; base != "" {
			return filepath.Join(base, "pitwall"), nil
		}
		return "", errors.New("no folder for state: set LocalAppData or XDG_STATE_HOME")
	}
	home := vars["HOME"]
	if !filepath.IsAbs(home) {
		return "", errors.New("no folder for state: set HOME or XDG_STATE_HOME to an absolute path")
	}
	if goos == "darwin" {
		return filepath.Join(home, "Library", "Application Support", "pitwall"), nil
	}
	return filepath.Join(home, ".local", "state", "pitwall"), nil
}

// defaultStore is a file store beside the profile.
func defaultStore(state string) string { return FileURL(filepath.Join(state, "store")) }

// FileURL is the file:// URL of an absolute path, on Windows file:///C:/….
func FileURL(path string) string {
	path = filepath.ToSlash(path)
	if !strings.HasPrefix(path, "/") {
		path = "/" + path
	}
	return (&url.URL{Scheme: "file", Path: path}).String()
}
