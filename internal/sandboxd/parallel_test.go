//go:build linux

package sandboxd

import (
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestManyAtOnce lets clients fight over few names: at any time a name is one sandbox's, and all are gone in the end.
func TestManyAtOnce(t *testing.T) {
	c := serve(t)
	var all sync.WaitGroup
	var mu sync.Mutex
	made := 0
	for worker := range 6 {
		all.Go(func() {
			for round := range 4 {
				name := fmt.Sprint("slot-", (worker+round)%3)
				status, answer := c.do("POST", "/api/sandbox", map[string]any{"name": name})
				if status == 409 {
					continue
				}
				if status != 200 {
					t.Errorf("create: %d %v", status, answer)
					return
				}
				mu.Lock()
				made++
				mu.Unlock()
				if status, answer = c.do("DELETE", "/api/sandbox/"+answer["id"].(string), nil); status != 200 {
					t.Errorf("delete: %d %v", status, answer)
				}
			}
		})
	}
	all.Wait()
	require.Eventually(t, func() bool {
		_, sum := c.do("GET", "/api/pitwall/ledger", nil)
		return sum["live"].(float64) == 0 && int(sum["created"].(float64)) == made && int(sum["destroyed"].(float64)) == made
	}, 60e9, 20e6)
	require.Greater(t, made, 3)
}
