package gvisor

import (
	"crypto/sha256"
	"encoding/hex"
)

// shortHash names something by 12 hexadecimal digits of its SHA-256.
func shortHash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:6])
}
