//go:build linux

package e2e

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"pitwall/internal/spec"
	"pitwall/internal/webhook"
)

const hookSecret = "a secret of the webhook"

// hook is a receiver that answers the first try of each message with 503.
type hook struct {
	url string

	mu       sync.Mutex
	tries    map[string]int // by key
	accepted [][]byte
	problem  string
}

func newHook(t *testing.T) *hook {
	h := &hook{tries: map[string]int{}}
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	h.url = server.URL + "/hook?token=hidden"
	return h
}

func (h *hook) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	h.mu.Lock()
	defer h.mu.Unlock()
	key, signature := r.Header.Get("Idempotency-Key"), r.Header.Get("Pitwall-Signature")
	stamp, _, _ := strings.Cut(strings.TrimPrefix(signature, "t="), ",")
	unix, err := strconv.ParseInt(stamp, 10, 64)
	if err != nil || key == "" || signature != webhook.Sign(hookSecret, time.Unix(unix, 0), body) {
		h.problem = "a message without key, or with another signature: " + signature
	}
	if h.tries[key]++; h.tries[key] == 1 {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	h.accepted = append(h.accepted, body)
}

func (h *hook) told(t *testing.T) []spec.CampaignResult {
	t.Helper()
	h.mu.Lock()
	defer h.mu.Unlock()
	require.Empty(t, h.problem)
	var told []spec.CampaignResult
	for _, body := range h.accepted {
		var message struct {
			Event string `json:"event"`
			spec.CampaignResult
		}
		require.NoError(t, json.Unmarshal(body, &message))
		require.Equal(t, "campaign_finished", message.Event)
		told = append(told, message.CampaignResult)
	}
	return told
}
