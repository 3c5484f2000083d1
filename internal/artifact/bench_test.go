package artifact_test

import (
	"fmt"
	"strings"
	"testing"

	"pitwall/internal/artifact"
)

// BenchmarkPut measures one small record to a file store: once is synced to disk, again and again is not.
func BenchmarkPut(b *testing.B) {
	record := strings.Repeat("x", 4096)
	for name, write := range map[string]func(*artifact.Store, int) error{
		"once": func(s *artifact.Store, i int) error {
			_, err := s.Put(b.Context(), fmt.Sprintf("trials/%d/result.json", i), strings.NewReader(record), 1<<20)
			return err
		},
		"overwrite": func(s *artifact.Store, i int) error {
			_, err := s.Overwrite(b.Context(), fmt.Sprintf("trials/%d/result.json", i), strings.NewReader(record), 1<<20)
			return err
		},
	} {
		b.Run(name, func(b *testing.B) {
			store, err := artifact.Open(b.Context(), "file://"+b.TempDir())
			if err != nil {
				b.Fatal(err)
			}
			for i := range b.N {
				if err := write(store, i); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
