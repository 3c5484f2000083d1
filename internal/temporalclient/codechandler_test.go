package temporalclient_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/converter"
	"google.golang.org/protobuf/encoding/protojson"

	"pitwall/internal/temporalclient"
)

const uiOrigin = "http://127.0.0.1:8233"

func ask(t *testing.T, server *httptest.Server, method, path string, body []byte, headers ...string) (*http.Response, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, server.URL+path, bytes.NewReader(body))
	require.NoError(t, err)
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	response, err := server.Client().Do(request)
	require.NoError(t, err)
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return response, string(text)
}

func TestTheCodecServesItsUIAlone(t *testing.T) {
	keys := ring(t, keyOf("a", 1))
	server := httptest.NewServer(temporalclient.NewCodecHandler(keys, uiOrigin, "the-token"))
	defer server.Close()
	payload, err := converter.NewCodecDataConverter(converter.GetDefaultDataConverter(), keys).ToPayload("the text of a payload")
	require.NoError(t, err)
	encrypted, err := protojson.Marshal(&commonpb.Payloads{Payloads: []*commonpb.Payload{payload}})
	require.NoError(t, err)

	preflight, _ := ask(t, server, http.MethodOptions, "/decode", nil, "Origin", uiOrigin, "Access-Control-Request-Method", "POST")
	require.Equal(t, http.StatusNoContent, preflight.StatusCode)
	require.Equal(t, uiOrigin, preflight.Header.Get("Access-Control-Allow-Origin"))

	answer, text := ask(t, server, http.MethodPost, "/decode", encrypted, "Origin", uiOrigin, "Authorization", "Bearer the-token", "Content-Type", "application/json")
	require.Equal(t, http.StatusOK, answer.StatusCode, text)
	var decoded commonpb.Payloads
	require.NoError(t, protojson.Unmarshal([]byte(text), &decoded))
	require.Equal(t, `"the text of a payload"`, string(decoded.GetPayloads()[0].GetData()))

	answer, _ = ask(t, server, http.MethodPost, "/decode", encrypted, "Authorization", "Bearer the-token")
	require.Equal(t, http.StatusOK, answer.StatusCode, "Temporal's CLI sends no origin")
	for _, headers := range [][]string{
		{"Origin", "http://evil.example:8234", "Authorization", "Bearer the-token"},
		{"Origin", uiOrigin},
		{"Origin", uiOrigin, "Authorization", "Bearer another"},
	} {
		answer, text = ask(t, server, http.MethodPost, "/decode", encrypted, headers...)
		require.GreaterOrEqual(t, answer.StatusCode, 400)
		require.NotContains(t, text, "payload\\\"")
	}
}
