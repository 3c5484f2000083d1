package temporalclient_test

import (
	"bytes"
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.uber.org/goleak"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	namespacev1 "go.temporal.io/api/namespace/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"pitwall/internal/temporalclient"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// env looks variables up in a map, as envconfig wants it.
type env map[string]string

func (e env) Environ() []string {
	var all []string
	for name, value := range e {
		all = append(all, name+"="+value)
	}
	return all
}

func (e env) LookupEnv(name string) (string, bool) {
	value, found := e[name]
	return value, found
}

// profiles writes a TOML file and names it.
func profiles(t *testing.T, content string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "temporal.toml")
	require.NoError(t, os.WriteFile(name, []byte(content), 0o600))
	return name
}

func TestPrecedence(t *testing.T) {
	none := profiles(t, "")
	file := profiles(t, "[profile.default]\naddress = \"file:1\"\nnamespace = \"from-file\"\n[profile.other]\naddress = \"other:1\"\n")
	dev := temporalclient.Endpoint{Address: "dev:1", Namespace: "from-dev"}
	for name, test := range map[string]struct {
		opts temporalclient.Options
		env  env
		want temporalclient.Endpoint
	}{
		"nothing":                  {temporalclient.Options{}, env{"TEMPORAL_CONFIG_FILE": none}, temporalclient.Endpoint{Address: "localhost:7233", Namespace: "default"}},
		"dev profile":              {temporalclient.Options{Fallback: dev}, env{"TEMPORAL_CONFIG_FILE": none}, dev},
		"dev address, namespace":   {temporalclient.Options{Fallback: dev}, env{"TEMPORAL_CONFIG_FILE": none, "TEMPORAL_NAMESPACE": "mine"}, temporalclient.Endpoint{Address: "dev:1", Namespace: "mine"}},
		"environment":              {temporalclient.Options{Fallback: dev}, env{"TEMPORAL_CONFIG_FILE": file, "TEMPORAL_ADDRESS": "env:1"}, temporalclient.Endpoint{Address: "env:1", Namespace: "from-file"}},
		"no namespace of another":  {temporalclient.Options{Fallback: dev}, env{"TEMPORAL_CONFIG_FILE": none, "TEMPORAL_ADDRESS": "env:1"}, temporalclient.Endpoint{Address: "env:1", Namespace: "default"}},
		"TOML":                     {temporalclient.Options{Fallback: dev}, env{"TEMPORAL_CONFIG_FILE": file}, temporalclient.Endpoint{Address: "file:1", Namespace: "from-file"}},
		"TOML, named":              {temporalclient.Options{Fallback: dev, Profile: "other"}, env{"TEMPORAL_CONFIG_FILE": file}, temporalclient.Endpoint{Address: "other:1", Namespace: "default"}},
		"flags":                    {temporalclient.Options{Fallback: dev, Override: temporalclient.Endpoint{Address: "flag:1", Namespace: "f"}}, env{"TEMPORAL_CONFIG_FILE": file, "TEMPORAL_ADDRESS": "env:1"}, temporalclient.Endpoint{Address: "flag:1", Namespace: "f"}},
		"flag for the address":     {temporalclient.Options{Fallback: dev, Override: temporalclient.Endpoint{Address: "flag:1"}}, env{"TEMPORAL_CONFIG_FILE": none}, temporalclient.Endpoint{Address: "flag:1", Namespace: "default"}},
		"flag for the dev service": {temporalclient.Options{Fallback: dev, Override: temporalclient.Endpoint{Namespace: "f"}}, env{"TEMPORAL_CONFIG_FILE": none}, temporalclient.Endpoint{Address: "dev:1", Namespace: "f"}},
	} {
		t.Run(name, func(t *testing.T) {
			test.opts.Env = test.env
			got, err := temporalclient.Resolve(test.opts)
			require.NoError(t, err)
			require.Equal(t, test.want, temporalclient.Endpoint{Address: got.HostPort, Namespace: got.Namespace})
		})
	}
}

func TestBadSettings(t *testing.T) {
	for _, opts := range []temporalclient.Options{
		{Env: env{"TEMPORAL_CONFIG_FILE": profiles(t, "not toml")}},
		{Env: env{"TEMPORAL_CONFIG_FILE": profiles(t, "")}, Profile: "none"},
		{Env: env{"TEMPORAL_CONFIG_FILE": profiles(t, ""), "TEMPORAL_TLS_CLIENT_CERT_PATH": "/no/such", "TEMPORAL_TLS_CLIENT_KEY_PATH": "/no/such"}},
	} {
		_, err := temporalclient.Dial(t.Context(), opts, zap.NewNop())
		require.ErrorContains(t, err, "read Temporal's settings")
	}
}

// at are options for one address, whatever this machine's own settings are.
func at(t *testing.T, address string) temporalclient.Options {
	t.Helper()
	return temporalclient.Options{
		Override: temporalclient.Endpoint{Address: address, Namespace: "ns"}, Env: env{"TEMPORAL_CONFIG_FILE": profiles(t, "")},
	}
}

func TestUnreachableSaysWhereAndWhatToDo(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := listener.Addr().String()
	require.NoError(t, listener.Close())
	_, err = temporalclient.Dial(t.Context(), at(t, address), zap.NewNop())
	var unreachable *temporalclient.UnreachableError
	require.ErrorAs(t, err, &unreachable)
	require.EqualError(t, err, "connect to Temporal at "+address+" (namespace ns): connection refused; start a local one with `starter dev`, or set TEMPORAL_ADDRESS")
}

// What is behind the address is said in words, not in gRPC's.
func TestWrongAddressesSayWhatIsThere(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	_, err := temporalclient.Dial(t.Context(), at(t, server.Listener.Addr().String()), zap.NewNop())
	require.ErrorContains(t, err, "speaks HTTP/1.1 and not gRPC")
	_, err = temporalclient.Dial(t.Context(), at(t, "nohost.invalid:7233"), zap.NewNop())
	require.ErrorContains(t, err, "no such host")
}

func TestSilenceIsBounded(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0") // connects, and never answers
	require.NoError(t, err)
	defer silent.Close()
	opts := at(t, silent.Addr().String())
	opts.ConnectTimeout = 50 * time.Millisecond
	_, err = temporalclient.Dial(t.Context(), opts, zap.NewNop())
	require.ErrorContains(t, err, "no answer in time; start a local one")
}

// frontend answers the three calls that a connection starts with.
type frontend struct {
	workflowservice.UnimplementedWorkflowServiceServer
	systemErr, clusterErr error
	clusterID             string
}

func (f *frontend) GetSystemInfo(context.Context, *workflowservice.GetSystemInfoRequest) (*workflowservice.GetSystemInfoResponse, error) {
	return &workflowservice.GetSystemInfoResponse{}, f.systemErr
}

func (f *frontend) DescribeNamespace(_ context.Context, r *workflowservice.DescribeNamespaceRequest) (*workflowservice.DescribeNamespaceResponse, error) {
	if r.GetNamespace() != "ns" {
		return nil, serviceerror.ToStatus(serviceerror.NewNamespaceNotFound(r.GetNamespace())).Err()
	}
	return &workflowservice.DescribeNamespaceResponse{NamespaceInfo: &namespacev1.NamespaceInfo{Id: "namespace-uuid"}}, nil
}

func (f *frontend) GetClusterInfo(context.Context, *workflowservice.GetClusterInfoRequest) (*workflowservice.GetClusterInfoResponse, error) {
	return &workflowservice.GetClusterInfoResponse{ClusterId: f.clusterID}, f.clusterErr
}

func serve(t *testing.T, f *frontend) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	server := grpc.NewServer()
	workflowservice.RegisterWorkflowServiceServer(server, f)
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(listener) // ends with Stop
	}()
	t.Cleanup(func() {
		server.Stop()
		<-done
	})
	return listener.Addr().String()
}

func TestIdentity(t *testing.T) {
	for name, test := range map[string]struct {
		frontend *frontend
		cluster  string
	}{
		"told":         {&frontend{clusterID: "cluster-uuid"}, "cluster-uuid"},
		"not told":     {&frontend{}, "namespace-uuid"},
		"kept back":    {&frontend{clusterErr: status.Error(codes.PermissionDenied, "no")}, "namespace-uuid"},
		"unknown call": {&frontend{clusterErr: status.Error(codes.Unimplemented, "no")}, "namespace-uuid"},
	} {
		t.Run(name, func(t *testing.T) {
			c, err := temporalclient.Dial(t.Context(), at(t, serve(t, test.frontend)), zap.NewNop())
			require.NoError(t, err)
			defer c.Close()
			cluster, namespace, err := temporalclient.Identity(t.Context(), c, "ns")
			require.NoError(t, err)
			require.Equal(t, test.cluster, cluster)
			require.Equal(t, "namespace-uuid", namespace)

			_, _, err = temporalclient.Identity(t.Context(), c, "other")
			require.ErrorContains(t, err, "it does not exist there: create it, or set TEMPORAL_NAMESPACE")
		})
	}
}

func TestIdentityReportsOtherFaults(t *testing.T) {
	c, err := temporalclient.Dial(t.Context(), at(t, serve(t, &frontend{clusterErr: status.Error(codes.InvalidArgument, "broken")})), zap.NewNop())
	require.NoError(t, err)
	defer c.Close()
	_, _, err = temporalclient.Identity(t.Context(), c, "ns")
	require.ErrorContains(t, err, "read Temporal's cluster ID")
}

func TestRefusedCredentialsSayWhichToSet(t *testing.T) {
	address := serve(t, &frontend{systemErr: status.Error(codes.Unauthenticated, "who are you")})
	opts := at(t, address)
	opts.ConnectTimeout = time.Minute
	_, err := temporalclient.Dial(t.Context(), opts, zap.NewNop())
	require.ErrorContains(t, err, "set TEMPORAL_API_KEY")
}

func TestSDKLinesGoToZap(t *testing.T) {
	var out bytes.Buffer
	core := zapcore.NewCore(zapcore.NewJSONEncoder(zap.NewProductionEncoderConfig()), zapcore.AddSync(&out), zapcore.InfoLevel)
	log := temporalclient.NewLogger(zap.New(core))
	log.Debug("hidden")
	log.Error("activity failed", "Attempt", 3)
	require.NotContains(t, out.String(), "hidden")
	require.Contains(t, out.String(), `"msg":"activity failed"`)
	require.Contains(t, out.String(), `"Attempt":3`)
	require.Contains(t, out.String(), "dial_test.go")
	require.NotContains(t, out.String(), "stacktrace")
}
