//go:build linux

package sandboxd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"pitwall/internal/sandboxd/egress"
)

// internet is the Internet of a test, on this host's loopback: what counts as public, and what does not.
type internet struct{ public, private *httptest.Server }

func newInternet(t *testing.T) internet {
	t.Helper()
	o := internet{private: httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "PRIVATE") }))}
	o.public = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if to := r.URL.Query().Get("to"); to != "" {
			http.Redirect(w, r, to, http.StatusFound)
			return
		}
		if r.URL.Path == "/8MiB" {
			io.CopyN(w, zeros{}, 8<<20)
			return
		}
		io.WriteString(w, "hello from "+r.Host)
	}))
	t.Cleanup(o.public.Close)
	t.Cleanup(o.private.Close)
	return o
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// port of a test's server, with its colon.
func port(server *httptest.Server) string { return server.URL[strings.LastIndex(server.URL, ":"):] }

// dialer finds names where the test wants them, and takes one address of loopback for a public one.
func (o internet) dialer(t *testing.T) egress.Dialer {
	t.Helper()
	at, err := netip.ParseAddrPort(strings.TrimPrefix(o.public.URL, "http://"))
	require.NoError(t, err)
	return egress.Dialer{Exempt: []netip.AddrPort{at}, Lookup: func(_ context.Context, name string) ([]netip.Addr, error) {
		switch name {
		case "good.example.org", "b.good.example.org":
			return []netip.Addr{at.Addr()}, nil
		case "rebind.example.org":
			return []netip.Addr{netip.MustParseAddr("169.254.169.254"), netip.MustParseAddr("::1")}, nil
		}
		return nil, errors.New("no such host")
	}}
}

// fetching is a Python program that fetches what its arguments name as most programs do: through the proxy of the environment.
const fetching = `cat > /tmp/fetch.py <<'END'
import sys, urllib.error, urllib.request
for url in sys.argv[1:]:
    try:
        body = urllib.request.urlopen(url, timeout=30).read()
        print("200", body.decode() if len(body) < 1000 else len(body))
    except urllib.error.HTTPError as e:
        print(e.code, e.read().decode().strip())
    except Exception as e:
        print("none", e)
END
python3 /tmp/fetch.py `

func (c *client) fetch(id string, urls ...string) []string {
	c.t.Helper()
	code, out := c.exec(id, fetching+"'"+strings.Join(urls, "' '")+"'")
	require.Zero(c.t, code, out)
	lines := strings.Split(strings.TrimSpace(out), "\n")
	require.Len(c.t, lines, len(urls), out)
	return lines
}

func TestAnAllowListIsTheOnlyWayOut(t *testing.T) {
	o := newInternet(t)
	c := serve(t, func(cfg *Config) { cfg.egress = o.dialer(t) })
	status, answer := c.do("POST", "/api/sandbox", map[string]any{"domainAllowList": "good.example.org, rebind.example.org", "networkAllowList": "0.0.0.0/0"})
	require.Equal(t, 200, status, answer)
	require.Equal(t, false, answer["networkBlockAll"])
	require.Equal(t, "good.example.org,rebind.example.org", answer["domainAllowList"])
	require.Equal(t, "0.0.0.0/0", answer["networkAllowList"])
	id := answer["id"].(string)

	good := "http://good.example.org" + port(o.public) + "/"
	redirect := func(to string) string { return good + "?to=" + url.QueryEscape(to) }
	hello := "200 hello from good.example.org" + port(o.public)
	asked := []struct{ url, want string }{
		{good, hello},
		{good + "8MiB", "200 8388608"},
		{redirect(good), hello},
		// A redirect is followed by the program, and judged again.
		{redirect("http://169.254.169.254/latest/meta-data/"), "403 pitwall egress: address 169.254.169.254 is not of the public Internet"},
		{redirect("http://elsewhere.org/"), `403 pitwall egress: "elsewhere.org" is not on this sandbox's allow list`},
		{redirect("http://rebind.example.org/"), "403 pitwall egress: rebind.example.org has no address of the public Internet"},
		{"http://rebind.example.org/", "403 pitwall egress: rebind.example.org has no address of the public Internet"},
		{"http://b.good.example.org/", `403 pitwall egress: "b.good.example.org" is not on this sandbox's allow list`},
		{"http://10.0.0.1/", "403 pitwall egress: address 10.0.0.1 is not of the public Internet"},
		{"http://[::ffff:10.0.0.1]/", "403 pitwall egress: address 10.0.0.1 is not of the public Internet"},
		{"https://elsewhere.org/", "none <urlopen error Tunnel connection failed: 403 Forbidden>"},
		// Loopback is the sandbox's own, where nothing listens.
		{o.private.URL, "none <urlopen error [Errno 111] Connection refused>"},
		{c.base + "/api/health", "none <urlopen error [Errno 111] Connection refused>"},
	}
	var urls []string
	for _, a := range asked {
		urls = append(urls, a.url)
	}
	for i, got := range c.fetch(id, urls...) {
		require.Equal(t, asked[i].want, got, asked[i].url)
	}

	t.Run("the proxy is asked for loopback", func(t *testing.T) {
		_, out := c.exec(id, "NO_PROXY= no_proxy= python3 /tmp/fetch.py '"+o.private.URL+"' '"+c.base+"/api/health' '"+redirect(o.private.URL)+"' '"+o.public.URL+"'")
		refused := "403 pitwall egress: address 127.0.0.1 is not of the public Internet\n"
		require.Equal(t, refused+refused+refused+"200 hello from 127.0.0.1"+port(o.public)+"\n", out)
	})
	t.Run("a tunnel", func(t *testing.T) {
		_, out := c.exec(id, `python3 -c '
import http.client
for host, port in (("good.example.org", `+port(o.public)[1:]+`), ("rebind.example.org", 443), ("127.0.0.1", `+port(o.private)[1:]+`)):
    c = http.client.HTTPConnection("127.0.0.1", 3128, timeout=30)
    c.set_tunnel(host, port)
    try:
        c.request("GET", "/")
        print(c.getresponse().read().decode())
    except OSError as e:
        print(e)
'`)
		const refused = "Tunnel connection failed: 403 Forbidden\n"
		require.Equal(t, "hello from good.example.org"+port(o.public)+"\n"+refused+refused, out)
	})
	t.Run("past the proxy there is nothing", func(t *testing.T) {
		_, out := c.exec(id, `python3 -c '
import socket
for at in (("1.1.1.1", 53), ("127.0.0.1", `+port(o.public)[1:]+`)):
    s = socket.socket(); s.settimeout(5)
    try: s.connect(at); print("CONNECTED")
    except OSError as e: print(e.strerror)
'; ls /.pitwall/run 2>&1; getent hosts good.example.org || echo no names`)
		require.Equal(t, "Network is unreachable\nConnection refused\nls: cannot open directory '/.pitwall/run': Permission denied\nno names\n", out)
	})
	t.Run("many at once", func(t *testing.T) {
		_, out := c.exec(id, "for i in $(seq 20); do python3 /tmp/fetch.py '"+good+"' & done; wait")
		require.Equal(t, 20, strings.Count(out, hello), out)
	})
	t.Run("another sandbox has none of it", func(t *testing.T) {
		other := c.create(map[string]any{"networkBlockAll": true, "domainAllowList": "good.example.org"})
		_, answer := c.do("GET", "/api/sandbox/"+other, nil)
		require.Equal(t, true, answer["networkBlockAll"])
		require.NotContains(t, answer, "domainAllowList")
		_, out := c.exec(other, `env | grep -ic proxy; python3 -c 'import socket; socket.create_connection(("127.0.0.1", 3128), 5)' 2>&1 | tail -1`)
		require.Equal(t, "0\nConnectionRefusedError: [Errno 111] Connection refused\n", out)
	})
	t.Run("the way out comes back after a stop", func(t *testing.T) {
		for _, move := range []string{"stop", "start"} {
			status, answer := c.do("POST", "/api/sandbox/"+id+"/"+move, nil)
			require.Equal(t, 200, status, answer)
		}
		_, out := c.exec(id, "python3 /tmp/fetch.py '"+good+"'")
		require.Equal(t, hello+"\n", out)
	})
}

// The next server opens the way out of a sandbox that it adopts.
func TestTheWayOutIsOpenedAgain(t *testing.T) {
	o := newInternet(t)
	cfg := testConfig(t)
	cfg.KeepOnShutdown, cfg.egress = true, o.dialer(t)
	c, stop := serveConfig(t, cfg)
	t.Cleanup(stop)
	id := c.create(map[string]any{"domainAllowList": "*.example.org"})
	good := fmt.Sprintf("http://good.example.org%s/", port(o.public))
	require.Contains(t, c.fetch(id, good)[0], "200 hello")
	stop()
	cfg.KeepOnShutdown = false
	c, stop = serveConfig(t, cfg)
	t.Cleanup(stop)
	require.Contains(t, c.fetch(id, good)[0], "200 hello")
}

func TestAnAllowListIsChecked(t *testing.T) {
	c := serve(t)
	status, answer := c.do("POST", "/api/sandbox", map[string]any{"networkAllowList": "10.0.0.0/8,x", "domainAllowList": "http://a.org"})
	require.Equal(t, 400, status)
	for _, want := range []string{"10.0.0.0/8 is not of the public Internet", `"x" is not an IPv4 network`, `"http://a.org" is not a host name`} {
		require.Contains(t, answer["message"], want)
	}
	status, answer = c.do("POST", "/api/sandbox", map[string]any{"outboundProxyUrl": "http://p"})
	require.Equal(t, 400, status, answer)
}
