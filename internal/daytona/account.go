package daytona

import (
	"context"
	"net/http"
	"slices"
	"time"
)

// Permissions of an API key that running evaluations needs.
const (
	PermissionWriteSandboxes  = "write:sandboxes"
	PermissionDeleteSandboxes = "delete:sandboxes"
)

// APIKey describes the key that a client uses; the key itself is not in it.
type APIKey struct {
	Name        string
	Permissions []string
	ExpiresAt   time.Time // zero: never
}

// May says that the key holds a permission.
func (k APIKey) May(permission string) bool { return slices.Contains(k.Permissions, permission) }

// CurrentAPIKey asks what the client's own key may do. A server without this route answers ErrBadAnswer, ErrNotFound or
// ErrUnsupported.
func (c *Client) CurrentAPIKey(ctx context.Context) (APIKey, error) {
	var wire struct {
		Name        string   `json:"name"`
		Permissions []string `json:"permissions"`
		ExpiresAt   string   `json:"expiresAt"`
	}
	cl := call{op: "read API key", method: http.MethodGet, path: "/api-keys/current"}
	if err := c.exchange(ctx, cl, &wire); err != nil {
		return APIKey{}, err
	}
	return APIKey{Name: wire.Name, Permissions: wire.Permissions, ExpiresAt: wireTime(wire.ExpiresAt)}, nil
}
