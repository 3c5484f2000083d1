package activities

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"golang.org/x/sync/errgroup"

	"pitwall/internal/artifact"
	"pitwall/internal/daytona"
	"pitwall/internal/redact"
	"pitwall/internal/spec"
)

const (
	// smallFile is the largest that is fetched together with others; manyBytes bounds what is fetched at once, and so what
	// of it may have to be fetched again.
	smallFile = 256 << 10
	manyBytes = 8 << 20
	// parallelStores bounds how many files are stored at once.
	parallelStores = 8
	// fewFiles are not worth an answer of many parts.
	fewFiles = 4
)

// artifactFetch is one run of DownloadArtifacts.
type artifactFetch struct {
	store    *artifact.Store
	redactor *redact.Redactor
	toolbox  *daytona.Toolbox
	filter   *artifactFilter
	prefix   string
	// left is how many bytes may yet be stored.
	left int64
	// many: this sandbox is asked for many files at once.
	many bool
}

// all fetches files, and says in the line of each what became of it.
func (f *artifactFetch) all(ctx context.Context, files []*foundFile) error {
	for len(files) > 0 {
		n := f.batch(files)
		if err := f.together(ctx, files[:n]); err != nil {
			return err
		}
		for _, file := range files[:n] {
			if file.line.Status != "" {
				continue
			}
			if err := f.alone(ctx, file); err != nil {
				return err
			}
		}
		files = files[n:]
	}
	return nil
}

// batch is how many of the next files are fetched at once.
func (f *artifactFetch) batch(files []*foundFile) int {
	n, total := 0, int64(0)
	for n < min(len(files), daytona.MaxDownloadMany) && files[n].size <= smallFile && total+files[n].size <= manyBytes {
		total += files[n].size
		n++
	}
	return max(n, 1)
}

// together fetches small files in one answer. What is not in it, or not as long as it was listed, is left for alone, which
// also learns why: what a sandbox sends is compared with what it listed, and an answer that contradicts itself is forgotten.
func (f *artifactFetch) together(ctx context.Context, files []*foundFile) error {
	if !f.many || len(files) < fewFiles {
		return nil
	}
	paths, byPath, total := make([]string, 0, len(files)), map[string]*foundFile{}, int64(0)
	for _, file := range files {
		paths, byPath[file.path] = append(paths, file.path), file
		total += file.size
	}
	contents := map[*foundFile][]byte{}
	err := f.toolbox.DownloadMany(ctx, paths, total, func(path string, body io.Reader) error {
		file := byPath[path]
		content, err := io.ReadAll(io.LimitReader(body, file.size+1))
		if int64(len(content)) == file.size {
			contents[file] = content
		}
		return err
	})
	if err != nil {
		f.many = false // whatever it was, alone tells whose fault, and the others need not meet it again
		return ctx.Err()
	}
	return f.keepSmall(ctx, files, contents)
}

// keepSmall stores files side by side: a bucket takes some 20 ms for each.
func (f *artifactFetch) keepSmall(ctx context.Context, files []*foundFile, contents map[*foundFile][]byte) error {
	stores, ctx := errgroup.WithContext(ctx)
	stores.SetLimit(parallelStores)
	for _, file := range files {
		content, fetched := contents[file]
		limit, fits := f.room(file)
		if !fetched || !fits {
			continue
		}
		filtered := f.filter.open(bytes.NewReader(content), limit)
		clean, err := io.ReadAll(filtered)
		if err != nil {
			return fmt.Errorf("take secrets out of artifact %q: %w", file.name, err)
		}
		f.left -= int64(len(clean))
		file.line.Redacted, file.line.Scanned = filtered.outcome()
		stores.Go(func() error { return f.put(ctx, file, bytes.NewReader(clean), int64(len(clean))) })
	}
	return stores.Wait()
}

func (f *artifactFetch) alone(ctx context.Context, file *foundFile) error {
	body, _, err := f.toolbox.Download(ctx, file.path, 0, file.limit+1)
	if err != nil {
		var failed *daytona.Error
		if errors.As(err, &failed) && failed.Status >= 400 && failed.Status < 500 && !errors.Is(err, daytona.ErrSandboxSuspect) {
			file.refuse(f.redactor.String(bounded(failed.Message, 200)))
			return nil
		}
		return err
	}
	defer body.Close()
	return f.keep(ctx, file, body)
}

// keep stores a file without secrets. It may have grown since it was listed.
func (f *artifactFetch) keep(ctx context.Context, file *foundFile, body io.Reader) error {
	limit, fits := f.room(file)
	if !fits {
		return nil
	}
	filtered := f.filter.open(body, limit)
	err := f.put(ctx, file, filtered, maxGrowth*limit)
	if errors.Is(err, artifact.ErrTooLarge) {
		file.tooLarge("it grew past the %d bytes that it may have", limit)
		return nil
	}
	if err != nil {
		return err
	}
	f.left -= file.line.Ref.Bytes
	file.line.Redacted, file.line.Scanned = filtered.outcome()
	return nil
}

// room is how many bytes a file may have, unless it has more already.
func (f *artifactFetch) room(file *foundFile) (limit int64, fits bool) {
	limit = min(file.limit, f.left)
	if fits = file.size <= limit; !fits {
		file.tooLarge("the artifacts of the attempt are more than it may keep together (artifact_limits.max_bytes)")
	}
	return limit, fits
}

func (f *artifactFetch) put(ctx context.Context, file *foundFile, content io.Reader, limit int64) error {
	ref, err := f.store.PutContent(ctx, artifact.Files(f.prefix), content, limit)
	var ofSandbox *daytona.Error
	switch {
	case errors.As(err, &ofSandbox): // the download broke off
		return fmt.Errorf("store artifact %q: %w", file.name, err)
	case err != nil:
		return fmt.Errorf("%w: store artifact %q: %w", errStore, file.name, err)
	}
	file.line.Status, file.line.Ref = spec.ArtifactStored, &ref
	return nil
}
