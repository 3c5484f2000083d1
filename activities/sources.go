package activities

import (
	"errors"
	"fmt"
	"io"

	"pitwall/internal/artifact"
	"pitwall/internal/daytona"
	"pitwall/internal/results"
)

// What the user named may be wrong, and where it stands may not answer for a moment: only the first is the user's.

// errStore marks an error that is the store's: not the sandbox's, and not the user's.
var errStore = errors.New("artifact store")

// isStoreFault: no retry within an activity frees a disk or gives a permission.
func isStoreFault(err error) bool {
	return errors.Is(err, artifact.ErrFull) || errors.Is(err, artifact.ErrDenied)
}

// sourceError is of what a URI names: of userType where that is not there, may not be read, or is something else than was
// promised; else of the store, which may answer the next time.
func sourceError(userType string, err error) error {
	for _, wrong := range []error{
		artifact.ErrNotFound, artifact.ErrURI, artifact.ErrKey, artifact.ErrDigest, artifact.ErrDenied, daytona.ErrLength,
	} {
		if errors.Is(err, wrong) {
			return terminal(userType, err)
		}
	}
	return retryable(ErrTypeStore, err, 0)
}

// planError is of planning a campaign's trials: what is wrong with them, unless the store or this host's disk failed.
func planError(err error) error {
	if errors.Is(err, errStore) || errors.Is(err, results.ErrWrite) {
		return retryable(ErrTypeStore, err, 0)
	}
	return terminal(ErrTypeInvalidInput, err)
}

// sourceReader marks the store's errors, so that nobody takes them for those of a file that is broken.
type sourceReader struct{ io.ReadCloser }

func (r sourceReader) Read(p []byte) (int, error) {
	n, err := r.ReadCloser.Read(p)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, artifact.ErrDigest) {
		err = fmt.Errorf("%w: %w", errStore, err)
	}
	return n, err
}
