package daytona

import (
	"context"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// FileInfo is what the toolbox says of one file or folder. The sandbox's word: names are checked, no more.
type FileInfo struct {
	Name        string // without a folder; never empty, "." or ".."
	Size        int64  // bytes, never negative
	IsDir       bool
	Mode        string // as ls shows it, such as "-rw-r--r--"
	Permissions string // octal, such as "0644"
	Owner       string
	Group       string
	ModifiedAt  time.Time // zero when not told
}

// Regular says that it is a plain file: no folder, link, device, pipe or socket.
func (f FileInfo) Regular() bool { return !f.IsDir && strings.HasPrefix(f.Mode, "-") }

// List reads a folder, one level deep. Returns ErrNotFound if there is none, ErrAnswerTooLarge if it holds too much, and
// ErrBadAnswer if a name in it could lead elsewhere.
func (t *Toolbox) List(ctx context.Context, path string) ([]FileInfo, error) {
	cl := call{op: "list folder", subject: clean(path), method: http.MethodGet, path: "/files", query: url.Values{"path": {path}}}
	var wire []wireFileInfo
	if err := t.fileCall(ctx, cl, path, &wire); err != nil {
		return nil, err
	}
	files := make([]FileInfo, 0, len(wire))
	for _, item := range wire {
		info, err := item.fileInfo()
		if err != nil {
			return nil, toolboxFail(cl, err)
		}
		files = append(files, info)
	}
	return files, nil
}

// Info reads one file's or folder's attributes. Returns ErrNotFound if there is none.
func (t *Toolbox) Info(ctx context.Context, path string) (FileInfo, error) {
	cl := call{op: "stat", subject: clean(path), method: http.MethodGet, path: "/files/info", query: url.Values{"path": {path}}}
	var wire wireFileInfo
	if err := t.fileCall(ctx, cl, path, &wire); err != nil {
		return FileInfo{}, err
	}
	info, err := wire.fileInfo()
	if err != nil {
		return FileInfo{}, toolboxFail(cl, err)
	}
	return info, nil
}

// MakeFolder makes a folder and its missing parents; that it exists already is no error.
func (t *Toolbox) MakeFolder(ctx context.Context, path string, mode fs.FileMode) error {
	return t.fileCall(ctx, call{
		op: "make folder", subject: clean(path), method: http.MethodPost, path: "/files/folder",
		query: url.Values{"path": {path}, "mode": {fmt.Sprintf("%04o", mode.Perm())}},
	}, path, nil)
}

// Delete removes a file, or a folder with all that is in it when recursive. Returns ErrNotFound if there is none.
func (t *Toolbox) Delete(ctx context.Context, path string, recursive bool) error {
	query := url.Values{"path": {path}}
	if recursive {
		query.Set("recursive", "true")
	}
	return t.fileCall(ctx, call{
		op: "delete", subject: clean(path), method: http.MethodDelete, path: "/files", query: query,
	}, path, nil)
}

func (t *Toolbox) fileCall(ctx context.Context, cl call, path string, out any) error {
	if err := checkPath(path); err != nil {
		return cl.refuse(fmt.Errorf("%w: %w", ErrInvalidRequest, err))
	}
	return t.exchange(ctx, cl, out)
}

// toolboxFail wraps what is wrong with an answer that the sandbox gave.
func toolboxFail(cl call, err error) *Error {
	failed := cl.fail(http.StatusOK, err)
	failed.Toolbox = true
	return failed
}

type wireFileInfo struct {
	Name        string `json:"name"`
	Size        int64  `json:"size"`
	IsDir       bool   `json:"isDir"`
	Mode        string `json:"mode"`
	Permissions string `json:"permissions"`
	Owner       string `json:"owner"`
	Group       string `json:"group"`
	ModifiedAt  string `json:"modifiedAt"`
}

// fileInfo checks and converts. Returns ErrBadAnswer for a name that is a path, or a negative size.
func (w wireFileInfo) fileInfo() (FileInfo, error) {
	if w.Name == "" || w.Name == "." || w.Name == ".." || strings.ContainsAny(w.Name, "/\x00") || w.Size < 0 {
		return FileInfo{}, fmt.Errorf("%w: a file named %q of %d bytes", ErrBadAnswer, clean(w.Name), w.Size)
	}
	return FileInfo{
		Name: w.Name, Size: w.Size, IsDir: w.IsDir, Mode: clean(w.Mode), Permissions: clean(w.Permissions),
		Owner: clean(w.Owner), Group: clean(w.Group), ModifiedAt: wireTime(w.ModifiedAt),
	}, nil
}
