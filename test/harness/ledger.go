//go:build linux

package harness

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/stretchr/testify/require"
)

// Ledger is the sandbox server's own journal of what it made and destroyed.
type Ledger struct {
	Created   int64         `json:"created"`
	Destroyed int64         `json:"destroyed"`
	Live      int           `json:"live"`
	MaxLive   int           `json:"maxLive"`
	Entries   []LedgerEntry `json:"entries"`
}

// LedgerEntry is one line of it. Live is how many sandboxes there were after the event.
type LedgerEntry struct {
	Time  time.Time `json:"time"`
	Event string    `json:"event"`
	ID    string    `json:"id"`
	Name  string    `json:"name"`
	Live  int       `json:"live"`
}

// Ledger asks the sandbox server what it made and destroyed, ever.
func (s *Stack) Ledger() Ledger {
	s.t.Helper()
	key, err := os.ReadFile(filepath.Join(s.dir, "sd", "api-key"))
	require.NoError(s.t, err)
	request, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, s.APIURL()+"/pitwall/ledger", nil)
	require.NoError(s.t, err)
	request.Header.Set("Authorization", "Bearer "+strings.TrimSpace(string(key)))
	answer, err := http.DefaultClient.Do(request)
	require.NoError(s.t, err)
	defer answer.Body.Close()
	require.Equal(s.t, http.StatusOK, answer.StatusCode)
	var ledger Ledger
	require.NoError(s.t, json.NewDecoder(answer.Body).Decode(&ledger))
	return ledger
}
