package daytona_test

import (
	"fmt"
	"io"
	"net/http"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"pitwall/internal/daytona"
)

// 256 MiB pass in either direction within a few MiB of memory.
func TestTransfersTakeConstantMemory(t *testing.T) {
	const size = 256 << 20
	const bound = 24 << 20 // buffers of both ends and of the test itself; a file held in memory is ten times that
	var received int64
	client := answering(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			received, _ = io.Copy(io.Discard, r.Body)
			return
		}
		w.Header().Set("Content-Length", fmt.Sprint(int64(size)))
		_, _ = io.CopyN(w, endless{}, size)
	})
	toolbox := client.Toolbox(daytona.Sandbox{ID: "i", ToolboxProxyURL: client.APIURL()})
	for name, transfer := range map[string]func(sample func()) int64{
		"upload": func(sample func()) int64 {
			body := io.TeeReader(io.LimitReader(endless{}, size), everyMiB(sample))
			require.NoError(t, toolbox.Upload(generous(t), []daytona.UploadFile{{Path: "f", Size: size, Body: body}}))
			return received - received%(1<<20) // without the framing
		},
		"download": func(sample func()) int64 {
			body, _, err := toolbox.Download(generous(t), "f", 0, -1)
			require.NoError(t, err)
			defer body.Close()
			copied, err := io.Copy(everyMiB(sample), body)
			require.NoError(t, err)
			return copied
		},
	} {
		runtime.GC()
		var before, now runtime.MemStats
		runtime.ReadMemStats(&before)
		peak := uint64(0)
		moved := transfer(func() {
			runtime.ReadMemStats(&now)
			peak = max(peak, now.HeapAlloc)
		})
		require.EqualValues(t, size, moved, name)
		require.NotZero(t, peak, name)
		require.Less(t, int64(peak)-int64(before.HeapAlloc), int64(bound), name)
		t.Logf("%s: peak %d KiB over the start, %d KiB allocated in all", name,
			(int64(peak)-int64(before.HeapAlloc))>>10, (now.TotalAlloc-before.TotalAlloc)>>10)
	}
}

// endless gives bytes without end.
type endless struct{}

func (endless) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// everyMiB calls sample for each MiB written.
func everyMiB(sample func()) io.Writer { return &mibCounter{sample: sample} }

type mibCounter struct {
	sample func()
	count  int
}

func (m *mibCounter) Write(p []byte) (int, error) {
	before := m.count >> 20
	m.count += len(p)
	if m.count>>20 != before {
		m.sample()
	}
	return len(p), nil
}
