package secrets

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"pitwall/internal/redact"
)

// EnvPrefix stands before a secret's name in the worker's environment.
const EnvPrefix = "PITWALL_SECRET_"

// maxFiles bounds how many files of the folder are listed.
const maxFiles = 1000

// validName is spec's rule for a secret's name; it keeps names from being paths.
var validName = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_-]{0,63}$`)

// Keeper knows the secrets of a worker. It is safe for concurrent use. A nil Keeper has none.
type Keeper struct {
	env      map[string]string
	folder   string
	redactor *redact.Redactor
}

// NewKeeper reads the secrets in environ (os.Environ()), and those in folder, if it is not empty, as they are asked for. The
// redactor is told every value that is found now, and later ones when they are. Returns an error for a folder that cannot
// be listed, or for a value that cannot be used, naming its variable or file.
func NewKeeper(environ []string, folder string, redactor *redact.Redactor) (*Keeper, error) {
	k := &Keeper{env: map[string]string{}, folder: folder, redactor: redactor}
	for _, entry := range environ {
		variable, value, _ := strings.Cut(entry, "=")
		name, isSecret := strings.CutPrefix(variable, EnvPrefix)
		if !isSecret || value == "" {
			continue
		}
		if !validName.MatchString(name) {
			return nil, fmt.Errorf("read secret %s: want %s and a name of 1 to 64 letters, digits and underscores", variable, EnvPrefix)
		}
		if err := check(value); err != nil {
			return nil, fmt.Errorf("read secret %s: %w", variable, err)
		}
		k.env[name] = value
		redactor.Add(name, value)
	}
	for _, name := range k.files() {
		if _, err := k.file(name); err != nil {
			return nil, err
		}
	}
	if folder == "" {
		return k, nil
	}
	if _, err := os.ReadDir(folder); err != nil {
		return nil, fmt.Errorf("list secrets: %w; make the folder, or unset PITWALL_SECRETS_DIR", err)
	}
	return k, nil
}

// Names are the secrets that are there now, in order.
func (k *Keeper) Names() []string {
	names := k.files()
	for name := range k.env {
		names = append(names, name)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// files are the names in the folder. Others than secrets' names, such as the ..data of a Kubernetes volume, are none.
func (k *Keeper) files() []string {
	if k.folder == "" {
		return nil
	}
	entries, err := os.ReadDir(k.folder)
	if err != nil {
		return nil
	}
	var names []string
	for _, entry := range entries[:min(len(entries), maxFiles)] {
		if validName.MatchString(entry.Name()) {
			names = append(names, entry.Name())
		}
	}
	return names
}

// UnknownError says which secrets a worker does not have, and how it gets them.
type UnknownError struct {
	// Names, in the order in which they were asked for.
	Names []string
	// Folder of files, if the worker has one.
	Folder string
}

func (e *UnknownError) Error() string {
	quoted := make([]string, len(e.Names))
	for i, name := range e.Names {
		quoted[i] = fmt.Sprintf("%q", name)
	}
	remedy := fmt.Sprintf("set %s%s, or PITWALL_SECRETS_DIR to a folder with a file of that name", EnvPrefix, e.Names[0])
	if e.Folder != "" {
		remedy = fmt.Sprintf("set %s%s, or write the file %s", EnvPrefix, e.Names[0], filepath.Join(e.Folder, e.Names[0]))
	}
	return fmt.Sprintf("find secret %s: this worker has none of that name: %s", strings.Join(quoted, ", "), remedy)
}

// Resolve finds the values of secrets, and makes the redactor know them. Returns an *UnknownError that names all that are
// not there, or an error that names a file that cannot be read or used.
func (k *Keeper) Resolve(names []string) (map[string]string, error) {
	values, unknown := map[string]string{}, []string(nil)
	for _, name := range names {
		value, err := k.find(name)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			unknown = append(unknown, name)
		case err != nil:
			return nil, err
		}
		values[name] = value
	}
	if len(unknown) > 0 {
		unknown := &UnknownError{Names: unknown}
		if k != nil {
			unknown.Folder = k.folder
		}
		return nil, unknown
	}
	return values, nil
}

func (k *Keeper) find(name string) (string, error) {
	if k == nil {
		return "", fs.ErrNotExist
	}
	if value, found := k.env[name]; found {
		return value, nil
	}
	if k.folder == "" || !validName.MatchString(name) {
		return "", fs.ErrNotExist
	}
	return k.file(name)
}

// file reads a secret of the folder, without the line break at its end, which editors add.
func (k *Keeper) file(name string) (string, error) {
	path := filepath.Join(k.folder, name)
	info, err := os.Stat(path) // a link is fine: the folder is the operator's, and Kubernetes' volumes are made of them
	if err != nil {
		return "", fmt.Errorf("read secret: %w", err)
	}
	if !info.Mode().IsRegular() || info.Size() > redact.MaxLength+1 {
		return "", fmt.Errorf("read secret %s: want a file of at most %d bytes", path, redact.MaxLength)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("read secret: %w", err)
	}
	value := strings.TrimSuffix(strings.TrimSuffix(string(data), "\n"), "\r")
	if err := check(value); err != nil {
		return "", fmt.Errorf("read secret %s: %w", path, err)
	}
	k.redactor.Remember(name, value)
	return value, nil
}

// check refuses a value that could not be kept out of logs, or that no environment can hold.
func check(value string) error {
	switch {
	case len(value) < redact.MinLength:
		return fmt.Errorf("it has %d bytes: one under %d cannot be told from ordinary text, and would not be redacted", len(value), redact.MinLength)
	case len(value) > redact.MaxLength:
		return fmt.Errorf("it has %d bytes, more than %d", len(value), redact.MaxLength)
	case strings.ContainsRune(value, 0):
		return errors.New("it has a NUL byte: encode it, as with base64")
	}
	return nil
}
