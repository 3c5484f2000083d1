package artifact

import (
	"errors"
	"fmt"
	"io/fs"
	"syscall"

	"gocloud.dev/gcerrors"
)

// What a caller may branch on, with errors.Is.
var (
	// ErrNotFound: the store holds nothing under that key, or the file or object that a URI names is not there.
	ErrNotFound = errors.New("not found")
	// ErrExists: the key holds other content already. It was left as it is.
	ErrExists = errors.New("the store already holds other content under this key")
	// ErrTooLarge: the content is larger than the caller allows. Nothing was kept.
	ErrTooLarge = errors.New("larger than allowed")
	// ErrDigest: the bytes are not those that the SHA-256 promises.
	ErrDigest = errors.New("SHA-256 differs")
	// ErrGap: chunks of a stream are missing.
	ErrGap = errors.New("the stream has a gap")
	// ErrKey: not a key that the store can have.
	ErrKey = errors.New("not a store key")
	// ErrURI: a URI of an unknown kind or form.
	ErrURI = errors.New("not a usable URI")
	// ErrFull: no space left where the store is.
	ErrFull = errors.New("no space left: free some, or let PITWALL_STORE name another place")
	// ErrDenied: the store may not be read or written by this user.
	ErrDenied = errors.New("permission denied: let this user read and write there, or let PITWALL_STORE name another place")
)

// explain says which key of which store an operation failed on, and adds the sentinel that the cause amounts to.
func (s *Store) explain(verb, key string, err error) error {
	if err == nil {
		return nil
	}
	kind := kindOf(err)
	var cause *fs.PathError
	if errors.As(err, &cause) {
		err = cause // without the two layers that gocloud puts around it
	}
	if kind != nil && !errors.Is(err, kind) {
		err = fmt.Errorf("%w (%w)", kind, err)
	}
	return fmt.Errorf("%s %s in %s: %w", verb, key, s.url, err)
}

func kindOf(err error) error {
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return ErrFull
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS), gcerrors.Code(err) == gcerrors.PermissionDenied:
		return ErrDenied
	case errors.Is(err, fs.ErrNotExist), gcerrors.Code(err) == gcerrors.NotFound:
		return ErrNotFound
	case gcerrors.Code(err) == gcerrors.FailedPrecondition:
		return ErrExists
	}
	return nil
}
