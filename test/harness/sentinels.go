//go:build linux

package harness

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/proto"
)

// Search is where sentinels were looked for, and where one was found.
type Search struct {
	forms map[string]string // what is looked for: "form of a sentinel's name"
	// Items that were looked through, and their bytes, by place.
	Items map[string]int
	Bytes map[string]int64
	// Found says in words what was found where.
	Found []string
}

// NewSearch looks for sentinels by name, each as it is and in the encodings in which programs print one. It does not share
// code with what redacts.
func NewSearch(sentinels map[string]string) *Search {
	s := &Search{forms: map[string]string{}, Items: map[string]int{}, Bytes: map[string]int64{}}
	for name, value := range sentinels {
		quoted, _ := json.Marshal(value)
		forms := map[string]string{
			"raw": value, "JSON": strings.Trim(string(quoted), `"`), "URL": url.QueryEscape(value), "repr": strings.ReplaceAll(value, `\`, `\\`), "percent": strings.ReplaceAll(url.QueryEscape(value), "+", "%20"),
			"hex": hex.EncodeToString([]byte(value)), "HEX": strings.ToUpper(hex.EncodeToString([]byte(value))),
		}
		for shift := range 3 { // without the letters at both ends, which a neighbour changes
			text := base64.StdEncoding.EncodeToString([]byte("aaa"[:shift] + value))
			forms[fmt.Sprint("base64+", shift)] = strings.TrimRight(text, "=")[shift+1 : len(strings.TrimRight(text, "="))-2]
		}
		for form, text := range forms {
			s.forms[text] = form + " of " + name
		}
	}
	return s
}

// In looks through one item of a place.
func (s *Search) In(place, item string, data []byte) {
	s.Items[place]++
	s.Bytes[place] += int64(len(data))
	for text, what := range s.forms {
		if i := bytes.Index(data, []byte(text)); i >= 0 {
			around := data[max(0, i-60):min(len(data), i+len(text)+20)]
			s.Found = append(s.Found, fmt.Sprintf("%s: %s holds the %s: %q", place, item, what, around))
		}
	}
}

// EverywhereOf looks through everything that a stack keeps, says and shows: every file of every process (logs, the store with
// the names of its objects, the sandbox server's records), every event of every history, and the workers' metrics.
func (s *Search) EverywhereOf(stack *Stack) {
	stack.t.Helper()
	s.files(stack)
	s.histories(stack)
	for _, worker := range stack.Workers {
		select {
		case <-worker.done:
			continue
		default:
		}
		answer, err := http.Get(worker.HealthURL + "/metrics") //nolint:noctx // the test's end ends the worker
		require.NoError(stack.t, err)
		text, err := io.ReadAll(answer.Body)
		require.NoError(stack.t, err)
		answer.Body.Close()
		s.In("metrics", worker.name, text)
	}
}

func (s *Search) files(stack *Stack) {
	err := filepath.WalkDir(stack.dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return nil //nolint:nilerr // a sandbox that goes just now takes its files along
		}
		name, err := filepath.Rel(stack.dir, path)
		if err != nil {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return nil //nolint:nilerr // likewise
		}
		place := "files of the sandbox server"
		switch {
		case strings.HasSuffix(name, ".log"):
			place = "log lines"
			s.Items[place] += bytes.Count(data, []byte("\n")) - 1
		case strings.HasPrefix(name, "store/"):
			place = "stored objects"
		case strings.Contains(name, "temporal"):
			place = "Temporal's database"
		}
		s.In(place, name, append([]byte(name+"\n"), data...))
		return nil
	})
	require.NoError(stack.t, err)
}

func (s *Search) histories(stack *Stack) {
	var page []byte
	for {
		listed, err := stack.Temporal.ListWorkflow(stack.t.Context(), &workflowservice.ListWorkflowExecutionsRequest{NextPageToken: page})
		require.NoError(stack.t, err)
		for _, execution := range listed.GetExecutions() {
			id := execution.GetExecution()
			data, err := proto.Marshal(execution)
			require.NoError(stack.t, err)
			s.In("memos and search attributes", id.GetWorkflowId(), data)
			for _, event := range stack.History(id.GetWorkflowId(), id.GetRunId()).GetEvents() {
				data, err := proto.Marshal(event) // payloads stand in it as they are
				require.NoError(stack.t, err)
				s.In("events of histories", id.GetWorkflowId()+" "+event.GetEventType().String(), data)
			}
		}
		if page = listed.GetNextPageToken(); len(page) == 0 {
			return
		}
	}
}
