package temporalclient_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/workflowservice/v1"
	"go.uber.org/zap"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	"pitwall/internal/temporalclient"
)

// authority signs certificates for one test.
type authority struct {
	t    *testing.T
	dir  string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) authority {
	a := authority{t: t, dir: t.TempDir()}
	a.cert, a.key = a.sign("authority", &x509.Certificate{IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign})
	return a
}

// sign writes NAME.pem and NAME.key; the first one signs itself.
func (a authority) sign(name string, template *x509.Certificate) (*x509.Certificate, *ecdsa.PrivateKey) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(a.t, err)
	template.SerialNumber = big.NewInt(1)
	template.Subject = pkix.Name{CommonName: name}
	template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	parent, signer := a.cert, a.key
	if parent == nil {
		parent, signer = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	require.NoError(a.t, err)
	cert, err := x509.ParseCertificate(der)
	require.NoError(a.t, err)
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(a.t, err)
	a.write(name+".pem", "CERTIFICATE", der)
	a.write(name+".key", "PRIVATE KEY", secret)
	return cert, key
}

func (a authority) write(name, kind string, der []byte) {
	require.NoError(a.t, os.WriteFile(filepath.Join(a.dir, name), pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600))
}

// plain is a Temporal that answers the first call of a client, and nothing else.
type plain struct {
	workflowservice.UnimplementedWorkflowServiceServer
}

func (plain) GetSystemInfo(context.Context, *workflowservice.GetSystemInfoRequest) (*workflowservice.GetSystemInfoResponse, error) {
	return &workflowservice.GetSystemInfoResponse{ServerVersion: "1.32.1"}, nil
}

// serveMTLS asks each client for a certificate of the authority, and returns its address.
func (a authority) serveMTLS() string {
	a.sign("server", &x509.Certificate{DNSNames: []string{"temporal.example.com"}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}})
	pair, err := tls.LoadX509KeyPair(filepath.Join(a.dir, "server.pem"), filepath.Join(a.dir, "server.key"))
	require.NoError(a.t, err)
	clients := x509.NewCertPool()
	clients.AddCert(a.cert)
	server := grpc.NewServer(grpc.Creds(credentials.NewTLS(&tls.Config{
		Certificates: []tls.Certificate{pair}, ClientCAs: clients, ClientAuth: tls.RequireAndVerifyClientCert, MinVersion: tls.VersionTLS13,
	})))
	workflowservice.RegisterWorkflowServiceServer(server, plain{})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(a.t, err)
	done := make(chan struct{})
	go func() { defer close(done); _ = server.Serve(listener) }() // ends with Stop
	a.t.Cleanup(func() { server.Stop(); <-done })
	return listener.Addr().String()
}

// The TOML profiles of docs/deploy.md: a client certificate, a CA and a server's name of one's own.
func TestProfilesWithMTLS(t *testing.T) {
	own, other := newAuthority(t), newAuthority(t)
	client := func() *x509.Certificate {
		return &x509.Certificate{ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}
	}
	own.sign("client", client())
	other.sign("client", client())
	address := own.serveMTLS()
	profile := func(ca, certs authority, name string) string {
		return fmt.Sprintf(`[profile.own]
address = %q
namespace = "pitwall"
[profile.own.tls]
client_cert_path = %q
client_key_path = %q
server_ca_cert_path = %q
server_name = %q
`, address, filepath.Join(certs.dir, "client.pem"), filepath.Join(certs.dir, "client.key"), filepath.Join(ca.dir, "authority.pem"), name)
	}
	dial := func(content string) error {
		connected, err := temporalclient.Dial(t.Context(), temporalclient.Options{
			Env: env{"TEMPORAL_CONFIG_FILE": profiles(t, content), "TEMPORAL_PROFILE": "own"}, ConnectTimeout: 2 * time.Second,
		}, zap.NewNop())
		if err == nil {
			connected.Close()
		}
		return err
	}
	require.NoError(t, dial(profile(own, own, "temporal.example.com")))
	for name, content := range map[string]string{
		"a client certificate of another CA": profile(own, other, "temporal.example.com"),
		"a server of another CA":             profile(other, own, "temporal.example.com"),
		"a server of another name":           profile(own, own, "evil.example.com"),
		"no TLS":                             fmt.Sprintf("[profile.own]\naddress = %q\n", address),
	} {
		require.ErrorAs(t, dial(content), new(*temporalclient.UnreachableError), name)
	}
}
