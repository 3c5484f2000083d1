package temporalclient

import (
	"crypto/subtle"
	"net/http"

	"go.temporal.io/sdk/converter"
)

// maxCodecBytes bounds a request: a page of a history has some MiB, and Temporal's own messages at most 4.
const maxCodecBytes = 32 << 20

// NewCodecHandler encrypts and decrypts payloads for Temporal's UI and CLI: POST /encode and /decode, the SDK's own handler.
// origin is the only one whose pages a browser lets read the answers, such as http://127.0.0.1:8233; a request that names
// another is refused. token, if not empty, is asked for as a bearer token.
func NewCodecHandler(keys *Keyring, origin, token string) http.Handler {
	codec := converter.NewPayloadCodecHTTPHandler(keys)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// Checked also where no CORS would: a name that an attacker points at this host makes his page one of this origin.
		if from := r.Header.Get("Origin"); from != "" {
			if from != origin {
				http.Error(w, "this origin may not read payloads: see --origin", http.StatusForbidden)
				return
			}
			w.Header().Set("Access-Control-Allow-Origin", origin)
			w.Header().Set("Access-Control-Allow-Headers", "Authorization, Content-Type, X-Namespace")
			w.Header().Set("Access-Control-Allow-Methods", "POST")
			w.Header().Set("Vary", "Origin")
		}
		if r.Method == http.MethodOptions {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		given := []byte(r.Header.Get("Authorization"))
		if token != "" && subtle.ConstantTimeCompare(given, []byte("Bearer "+token)) != 1 {
			http.Error(w, "wants the bearer token of PITWALL_CODEC_TOKEN", http.StatusUnauthorized)
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, maxCodecBytes)
		codec.ServeHTTP(w, r)
	})
}
