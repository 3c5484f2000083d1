package livecheck

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"pitwall/internal/daytona"
)

// transferBytes is the size of the larger file that goes there and back.
const transferBytes = 4 << 20

// checkFiles tries transfers and the file calls.
func (r *run) checkFiles(ctx context.Context) {
	content := make([]byte, transferBytes)
	_, _ = rand.Read(content) // never fails
	copy(content[1000:], "\r\n--DAYTONA-FILE-BOUNDARY\r\n")
	large, odd := folder+"/up/large", folder+"/up/odd \"name\" é;%2F"
	r.check("upload: streamed, folders made, odd names", func() (string, error) {
		return fmt.Sprintf("%d bytes", len(content)), r.upload(ctx, []daytona.UploadFile{
			{Path: large, Size: -1, Body: bytes.NewReader(content)},
			{Path: odd, Size: 3, Body: strings.NewReader("odd")},
			{Path: folder + "/up/empty", Size: 0, Body: strings.NewReader("")},
		})
	})
	digest := sha256.Sum256(content)
	r.check("upload: digest inside", func() (string, error) {
		return "", r.expect(ctx, "sha256sum < "+large, 0, hex.EncodeToString(digest[:]))
	})
	r.check("download: digest", func() (string, error) { return "", r.compareFile(ctx, large, content, 0, -1) })
	r.check("download: range", func() (string, error) { return "", r.compareFile(ctx, large, content[900:2900], 900, 2000) })
	r.check("download: at the end is empty, not an error", func() (string, error) {
		return "", r.compareFile(ctx, large, nil, transferBytes, 100)
	})
	r.check("download: odd name", func() (string, error) { return "", r.compareFile(ctx, odd, []byte("odd"), 0, -1) })
	r.check("download: missing file is a 404", func() (string, error) {
		if _, _, err := r.read(ctx, folder+"/none", 0, -1); !errors.Is(err, daytona.ErrNotFound) {
			return "", orNil(err)
		}
		return "", nil
	})
	r.check("list and delete", func() (string, error) { return "", r.tryFolder(ctx) })
}

func (r *run) upload(ctx context.Context, files []daytona.UploadFile) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	return r.toolbox.Upload(ctx, files)
}

func (r *run) compareFile(ctx context.Context, path string, want []byte, offset, length int64) error {
	got, part, err := r.read(ctx, path, offset, length)
	if err != nil {
		return err
	}
	if !bytes.Equal(got, want) {
		return fmt.Errorf("%d bytes came back, other than the %d expected", len(got), len(want))
	}
	if part.Total < 0 {
		return errors.New("the answer does not tell the file's size")
	}
	return nil
}

func (r *run) tryFolder(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	if err := r.toolbox.MakeFolder(ctx, folder+"/up/made", 0o755); err != nil {
		return err
	}
	files, err := r.toolbox.List(ctx, folder+"/up")
	if err != nil {
		return err
	}
	if len(files) != 4 {
		return fmt.Errorf("%d entries listed, not 4", len(files))
	}
	for _, file := range files {
		if file.Name == "large" && (!file.Regular() || file.Size != transferBytes) {
			return fmt.Errorf("a file of %d bytes is listed as %s, %d bytes", transferBytes, file.Mode, file.Size)
		}
	}
	if err := r.toolbox.Delete(ctx, folder, true); err != nil {
		return err
	}
	if _, err := r.toolbox.Info(ctx, folder); !errors.Is(err, daytona.ErrNotFound) {
		return fmt.Errorf("the folder is there still: %w", orNil(err))
	}
	return nil
}
