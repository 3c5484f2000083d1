package activities

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"pitwall/internal/daytona/daytonatest"
	"pitwall/internal/redact"
)

func TestAGatewayThatIsAwayForHalfAMinuteIsNoHiddenRow(t *testing.T) {
	t.Parallel()
	began := time.Now()
	server := daytonatest.Start(t, daytonatest.Options{Around: func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/sandbox") && time.Since(began) < 34*time.Second {
				w.Header().Set("Content-Type", "text/html")
				w.WriteHeader(http.StatusBadGateway)
				return
			}
			next.ServeHTTP(w, r)
		})
	}})
	c := creation{
		Sandboxes: &Sandboxes{Daytona: server.Client(t), Log: zap.NewNop(), Redactor: redact.New()},
		in:        CreateSandboxInput{Name: "slot-1", TTL: time.Hour, SendUntil: time.Now().Add(80 * time.Second)},
		beats:     &pulse{},
	}
	_, err := c.obtain(t.Context())
	require.NoError(t, err)
}
