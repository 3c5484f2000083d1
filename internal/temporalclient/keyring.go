package temporalclient

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"regexp"
	"strings"

	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/converter"
	"google.golang.org/protobuf/proto"
)

// Metadata of an encrypted payload. The encoding's name is that of Temporal's own samples.
const (
	encodingEncrypted = "binary/encrypted"
	metadataKeyID     = "encryption-key-id"
)

const (
	// keyBytes: AES-256.
	keyBytes = 32
	// maxKeys bounds a keyring; a key is needed for as long as histories keep what it encrypted.
	maxKeys = 100
)

var keyID = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)

// Keyring encrypts payloads with its first key, by AES-256-GCM, and decrypts those of all its keys. A payload that is not
// encrypted is read as it is, so that encryption can be switched on under running workflows. It is the SDK's PayloadCodec.
//
// What is encrypted is the whole payload with its metadata; the key's ID stands beside it, and is authenticated. Nonces are
// random: replace a key before it has encrypted 2^32 payloads (NIST SP 800-38D, 8.3).
type Keyring struct{ keys []payloadKey }

var _ converter.PayloadCodec = (*Keyring)(nil)

type payloadKey struct {
	id   string
	aead cipher.AEAD
}

// ParseKeyring reads keys, each ID:KEY where KEY is 32 bytes in base64, separated by commas or white space; # begins a
// comment. The first one encrypts. Errors name a key by its ID or its place, never its text.
func ParseKeyring(text string) (*Keyring, error) {
	ring := &Keyring{}
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, "#")
		for _, entry := range strings.FieldsFunc(line, func(c rune) bool { return c == ',' || c == ' ' || c == '\t' || c == '\r' || c == '\n' }) {
			if err := ring.add(entry); err != nil {
				return nil, err
			}
		}
	}
	if len(ring.keys) == 0 {
		return nil, errors.New("there is no key: want ID:KEY, where KEY is 32 bytes in base64")
	}
	return ring, nil
}

func (r *Keyring) add(entry string) error {
	id, encoded, found := strings.Cut(entry, ":")
	if !found || !keyID.MatchString(id) {
		return fmt.Errorf("key %d is not ID:KEY: want an ID of 1 to 64 letters, digits, dots, dashes and underscores, and 32 bytes in base64", len(r.keys)+1)
	}
	key, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil || len(key) != keyBytes {
		return fmt.Errorf("key %s is not 32 bytes in base64: make one with `head -c 32 /dev/urandom | base64`", id)
	}
	if _, err := r.find(id); err == nil || len(r.keys) == maxKeys {
		return fmt.Errorf("key %s is there twice, or is one of more than %d", id, maxKeys)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return fmt.Errorf("use key %s: %w", id, err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return fmt.Errorf("use key %s: %w", id, err)
	}
	r.keys = append(r.keys, payloadKey{id: id, aead: aead})
	return nil
}

func (r *Keyring) find(id string) (payloadKey, error) {
	for _, key := range r.keys {
		if key.id == id {
			return key, nil
		}
	}
	return payloadKey{}, fmt.Errorf("decrypt payload: its key %q is not in PITWALL_PAYLOAD_KEYS: add it there, after the one that encrypts", id)
}

// Encode encrypts payloads.
func (r *Keyring) Encode(payloads []*commonpb.Payload) ([]*commonpb.Payload, error) {
	key := r.keys[0]
	encoded := make([]*commonpb.Payload, len(payloads))
	for i, payload := range payloads {
		plain, err := proto.Marshal(payload)
		if err != nil {
			return nil, fmt.Errorf("encrypt payload: %w", err)
		}
		nonce := make([]byte, key.aead.NonceSize())
		if _, err := rand.Read(nonce); err != nil {
			return nil, fmt.Errorf("encrypt payload: %w", err)
		}
		encoded[i] = &commonpb.Payload{
			Metadata: map[string][]byte{converter.MetadataEncoding: []byte(encodingEncrypted), metadataKeyID: []byte(key.id)},
			Data:     key.aead.Seal(nonce, nonce, plain, []byte(key.id)),
		}
	}
	return encoded, nil
}

// Decode decrypts payloads. Returns an error for one of an unknown key, or one that somebody changed.
func (r *Keyring) Decode(payloads []*commonpb.Payload) ([]*commonpb.Payload, error) {
	decoded := make([]*commonpb.Payload, len(payloads))
	for i, payload := range payloads {
		if string(payload.GetMetadata()[converter.MetadataEncoding]) != encodingEncrypted {
			decoded[i] = payload
			continue
		}
		key, err := r.find(string(payload.GetMetadata()[metadataKeyID]))
		if err != nil {
			return nil, err
		}
		plain, err := key.open(payload.GetData())
		if err != nil {
			return nil, err
		}
		decoded[i] = &commonpb.Payload{}
		if err := proto.Unmarshal(plain, decoded[i]); err != nil {
			return nil, fmt.Errorf("decrypt payload with key %s: %w", key.id, err)
		}
	}
	return decoded, nil
}

func (k payloadKey) open(sealed []byte) ([]byte, error) {
	size := k.aead.NonceSize()
	if len(sealed) < size {
		return nil, fmt.Errorf("decrypt payload with key %s: it has %d bytes", k.id, len(sealed))
	}
	plain, err := k.aead.Open(nil, sealed[:size], sealed[size:], []byte(k.id))
	if err != nil {
		return nil, fmt.Errorf("decrypt payload with key %s: it is of another key of that name, or was changed: %w", k.id, err)
	}
	return plain, nil
}
