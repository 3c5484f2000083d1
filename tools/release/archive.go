package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"cmp"
	"compress/gzip"
	"slices"
	"time"
)

// file is one of an archive, or an archive itself.
type file struct {
	name       string
	data       []byte
	executable bool
}

func (f file) mode() int64 {
	if f.executable {
		return 0o755
	}
	return 0o644
}

// pack puts files into a folder of an archive, by name, all of one time and owner.
func pack(folder string, asZip bool, at time.Time, files []file) (file, error) {
	files = slices.Clone(files)
	slices.SortFunc(files, func(a, b file) int { return cmp.Compare(a.name, b.name) })
	var packed bytes.Buffer
	if asZip {
		err := packZip(&packed, folder, at, files)
		return file{name: folder + ".zip", data: packed.Bytes()}, err
	}
	err := packTar(&packed, folder, at, files)
	return file{name: folder + ".tar.gz", data: packed.Bytes()}, err
}

func packTar(into *bytes.Buffer, folder string, at time.Time, files []file) error {
	compressed, err := gzip.NewWriterLevel(into, gzip.BestCompression)
	if err != nil {
		return err
	}
	archive := tar.NewWriter(compressed)
	for _, f := range files {
		header := &tar.Header{Name: folder + "/" + f.name, Mode: f.mode(), Size: int64(len(f.data)), ModTime: at, Format: tar.FormatPAX}
		if err := archive.WriteHeader(header); err != nil {
			return err
		}
		if _, err := archive.Write(f.data); err != nil {
			return err
		}
	}
	if err := archive.Close(); err != nil {
		return err
	}
	return compressed.Close()
}

func packZip(into *bytes.Buffer, folder string, at time.Time, files []file) error {
	archive := zip.NewWriter(into)
	for _, f := range files {
		entry, err := archive.CreateHeader(&zip.FileHeader{Name: folder + "/" + f.name, Method: zip.Deflate, Modified: at})
		if err != nil {
			return err
		}
		if _, err := entry.Write(f.data); err != nil {
			return err
		}
	}
	return archive.Close()
}
