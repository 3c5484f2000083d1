package temporalclient_test

import (
	"bytes"
	"encoding/base64"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/converter"
	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	"pitwall/internal/temporalclient"
)

// keyOf is a key of 32 times the same byte.
func keyOf(id string, b byte) string {
	return id + ":" + base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{b}, 32))
}

func ring(t *testing.T, keys ...string) *temporalclient.Keyring {
	t.Helper()
	parsed, err := temporalclient.ParseKeyring(strings.Join(keys, ","))
	require.NoError(t, err)
	return parsed
}

func TestPropertyWhatIsEncryptedDecryptsToTheSame(t *testing.T) {
	keys := ring(t, keyOf("a", 1))
	rapid.Check(t, func(t *rapid.T) {
		payload := &commonpb.Payload{
			Metadata: map[string][]byte{"encoding": rapid.SliceOf(rapid.Byte()).Draw(t, "encoding")},
			Data:     rapid.SliceOfN(rapid.Byte(), 8, 100).Draw(t, "data"),
		}
		encoded, err := keys.Encode([]*commonpb.Payload{payload, payload})
		require.NoError(t, err)
		require.NotEqual(t, encoded[0].GetData(), encoded[1].GetData(), "each has a nonce of its own")
		require.NotContains(t, string(encoded[0].GetData()), string(payload.GetData()))
		decoded, err := keys.Decode(encoded)
		require.NoError(t, err)
		require.True(t, proto.Equal(payload, decoded[0]) && proto.Equal(payload, decoded[1]))
	})
}

func TestARotatedKeyIsStillRead(t *testing.T) {
	old := converter.NewCodecDataConverter(converter.GetDefaultDataConverter(), ring(t, keyOf("2026-10", 1)))
	payload, err := old.ToPayload("of an older history")
	require.NoError(t, err)
	now := converter.NewCodecDataConverter(converter.GetDefaultDataConverter(), ring(t, keyOf("2026-11", 2), keyOf("2026-10", 1)))
	var text string
	require.NoError(t, now.FromPayload(payload, &text))
	require.Equal(t, "of an older history", text)
	latest, err := now.ToPayload("of a new one")
	require.NoError(t, err)
	require.Equal(t, "2026-11", string(latest.GetMetadata()["encryption-key-id"]))

	err = converter.NewCodecDataConverter(converter.GetDefaultDataConverter(), ring(t, keyOf("2026-12", 3))).FromPayload(latest, &text)
	require.ErrorContains(t, err, `its key "2026-11" is not in PITWALL_PAYLOAD_KEYS`)
}

func TestWhatIsNotEncryptedIsReadAsItIs(t *testing.T) {
	payload, err := converter.GetDefaultDataConverter().ToPayload("in the clear")
	require.NoError(t, err)
	decoded, err := ring(t, keyOf("a", 1)).Decode([]*commonpb.Payload{payload})
	require.NoError(t, err)
	require.True(t, proto.Equal(payload, decoded[0]))
}

func TestAChangedPayloadIsRefused(t *testing.T) {
	keys := ring(t, keyOf("a", 1), keyOf("b", 1))
	for name, change := range map[string]func(*commonpb.Payload){
		"a bit":        func(p *commonpb.Payload) { p.Data[len(p.GetData())-1] ^= 1 },
		"the nonce":    func(p *commonpb.Payload) { p.Data[0] ^= 1 },
		"cut":          func(p *commonpb.Payload) { p.Data = p.GetData()[:5] },
		"empty":        func(p *commonpb.Payload) { p.Data = nil },
		"another name": func(p *commonpb.Payload) { p.Metadata["encryption-key-id"] = []byte("b") },
	} {
		encoded, err := keys.Encode([]*commonpb.Payload{{Data: []byte("a text")}})
		require.NoError(t, err)
		change(encoded[0])
		_, err = keys.Decode(encoded)
		require.Error(t, err, name)
	}
}

func TestParseKeyring(t *testing.T) {
	_, err := temporalclient.ParseKeyring("# the latest first\n" + keyOf("new", 2) + " # since November\n\n" + keyOf("old", 1) + "\n")
	require.NoError(t, err)
	secret := base64.StdEncoding.EncodeToString([]byte("too short to be a key"))
	for text, want := range map[string]string{
		"":                                  "there is no key",
		"# nothing":                         "there is no key",
		secret:                              "key 1 is not ID:KEY",
		"a b:" + secret:                     "key 1 is not ID:KEY",
		"a:" + secret:                       "key a is not 32 bytes",
		"a:%%%":                             "key a is not 32 bytes",
		keyOf("a", 1) + "," + keyOf("a", 2): "key a is there twice",
	} {
		_, err := temporalclient.ParseKeyring(text)
		require.ErrorContains(t, err, want)
		require.NotContains(t, err.Error(), secret)
	}
}
