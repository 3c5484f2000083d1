package sandboxd

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
)

// KeyFile is where the server of a state directory keeps its API key, mode 0600.
func KeyFile(stateDir string) string { return filepath.Join(stateDir, "api-key") }

// loadKey reads the API key, or generates one of 32 random bytes on first use.
func loadKey(stateDir string) (string, error) {
	text, err := os.ReadFile(KeyFile(stateDir))
	if err == nil && len(strings.TrimSpace(string(text))) >= 32 {
		return strings.TrimSpace(string(text)), nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("read API key: %w", err)
	}
	random := make([]byte, 32)
	if _, err := rand.Read(random); err != nil {
		return "", fmt.Errorf("generate API key: %w", err)
	}
	key := hex.EncodeToString(random)
	return key, writeFile(KeyFile(stateDir), []byte(key+"\n"))
}

// keyHash makes comparisons take the same time whatever the length of what was sent.
type keyHash [sha256.Size]byte

func hashKey(key string) keyHash { return sha256.Sum256([]byte(key)) }

func (h keyHash) matches(key string) bool {
	sent := hashKey(key)
	return subtle.ConstantTimeCompare(h[:], sent[:]) == 1
}

// authorized says whether the request bears the API key.
func (h keyHash) authorized(r *http.Request) bool {
	key, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	return ok && h.matches(key)
}
