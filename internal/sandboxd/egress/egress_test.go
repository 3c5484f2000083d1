package egress

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap/zaptest"
)

// outside is the Internet of a test: two servers on loopback, of which the first counts as public, and a name server.
type outside struct {
	public, private *httptest.Server
	dialer          Dialer
}

func newOutside(t *testing.T) *outside {
	t.Helper()
	o := &outside{private: httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "private") }))}
	o.public = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if to := r.URL.Query().Get("to"); to != "" {
			http.Redirect(w, r, to, http.StatusFound)
			return
		}
		fmt.Fprintf(w, "host %s, forwarded %q", r.Host, r.Header.Get("Proxy-Authorization"))
	}))
	t.Cleanup(o.public.Close)
	t.Cleanup(o.private.Close)
	at := address(t, o.public)
	o.dialer = Dialer{
		Exempt: []netip.AddrPort{at},
		Lookup: func(_ context.Context, name string) ([]netip.Addr, error) {
			answers := map[string][]netip.Addr{
				"good.example.org":   {at.Addr()},
				"mixed.example.org":  {netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("::1"), at.Addr()},
				"mapped.example.org": {netip.MustParseAddr("::ffff:169.254.169.254")},
				"rebind.example.org": {netip.MustParseAddr("169.254.169.254"), netip.MustParseAddr("fd00:ec2::254")},
			}
			if found, ok := answers[name]; ok {
				return found, nil
			}
			return nil, errors.New("no such host")
		},
	}
	return o
}

func address(t *testing.T, server *httptest.Server) netip.AddrPort {
	t.Helper()
	at, err := netip.ParseAddrPort(strings.TrimPrefix(server.URL, "http://"))
	require.NoError(t, err)
	return at
}

// open serves a sandbox that is played by the test: each of the egress's calls waits in the channel, as in the agent.
func open(t *testing.T, o *outside, cidrs, domains string) (*Egress, chan net.Conn) {
	t.Helper()
	allow, err := ParseAllow(cidrs, domains)
	require.NoError(t, err)
	calls := make(chan net.Conn)
	socket := t.TempDir() + "/egress.sock"
	agent, err := net.Listen("unix", socket)
	require.NoError(t, err)
	go func() {
		for {
			call, err := agent.Accept()
			if err != nil {
				return
			}
			calls <- call
		}
	}()
	e := Open(allow, o.dialer, func(ctx context.Context) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", socket)
	}, zaptest.NewLogger(t))
	t.Cleanup(e.Close)
	t.Cleanup(func() {
		agent.Close()
		select {
		case call := <-calls: // one that nobody takes any more
			call.Close()
		default:
		}
	})
	return e, calls
}

// begin is what the agent does when a job connects.
func begin(t *testing.T, calls chan net.Conn) net.Conn {
	t.Helper()
	call := <-calls
	_, err := call.Write([]byte{1})
	require.NoError(t, err)
	t.Cleanup(func() { call.Close() })
	return call
}

// fetch asks through the proxy, follows redirects, and returns the last answer.
func fetch(t *testing.T, calls chan net.Conn, target string) (int, string) {
	t.Helper()
	client := http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{
		Proxy:             func(*http.Request) (*url.URL, error) { return url.Parse("http://proxy") },
		DialContext:       func(context.Context, string, string) (net.Conn, error) { return begin(t, calls), nil },
		DisableKeepAlives: true,
	}}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, target, nil)
	require.NoError(t, err)
	request.Header.Set("Proxy-Authorization", "Basic x")
	response, err := client.Do(request)
	require.NoError(t, err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return response.StatusCode, string(body)
}

func TestOnlyWhatIsListedAndPublicIsReached(t *testing.T) {
	o := newOutside(t)
	at := address(t, o.public)
	port, private := fmt.Sprint(at.Port()), o.private.URL
	_, calls := open(t, o, "0.0.0.0/0", "*.example.org")
	for _, c := range []struct {
		target string
		status int
		says   string
	}{
		{"http://good.example.org:" + port + "/", 200, "host good.example.org:" + port + `, forwarded ""`},
		{"http://GOOD.example.org.:" + port + "/", 200, "host GOOD.example.org.:" + port},
		{"http://mixed.example.org:" + port + "/", 200, "host mixed"},
		{o.public.URL, 200, "host 127.0.0.1"},
		{"http://good.example.org:" + port + "/?to=" + url.QueryEscape("http://good.example.org:"+port+"/"), 200, "host good"},

		{"http://good.example.org:" + port + "/?to=" + url.QueryEscape(private), 403, "127.0.0.1 is not of the public Internet"},
		{"http://good.example.org:" + port + "/?to=" + url.QueryEscape("http://elsewhere.org/"), 403, `"elsewhere.org" is not on this sandbox's allow list`},
		{"http://rebind.example.org/", 403, "rebind.example.org has no address of the public Internet"},
		{"http://mapped.example.org/", 403, "mapped.example.org has no address of the public Internet"},
		{private, 403, "127.0.0.1 is not of the public Internet"},
		{"http://169.254.169.254/latest/meta-data/", 403, "169.254.169.254 is not of the public Internet"},
		{"http://[::1]/", 403, "in no network of this sandbox's allow list"},
		{"http://[::ffff:169.254.169.254]/", 403, "169.254.169.254 is not of the public Internet"},
		{"http://example.org/", 403, "is not on this sandbox's allow list"},
		{"http://2130706433/", 403, "is not on this sandbox's allow list"},
		{"http://localhost/", 403, "is not on this sandbox's allow list"},
		{"http://unknown.example.org/", 502, "look up unknown.example.org: no such host"},
	} {
		status, body := fetch(t, calls, c.target)
		require.Equal(t, c.status, status, "%s: %s", c.target, body)
		require.Contains(t, body, c.says, c.target)
	}
}

func TestTheHostItselfIsNotReached(t *testing.T) {
	addrs, err := net.InterfaceAddrs()
	require.NoError(t, err)
	for _, a := range addrs {
		own, ok := netip.AddrFromSlice(a.(*net.IPNet).IP)
		require.True(t, ok)
		mine, err := ofThisHost(own)
		require.NoError(t, err)
		require.True(t, mine, own)
	}
	mine, err := ofThisHost(netip.MustParseAddr("8.8.8.8"))
	require.NoError(t, err)
	require.False(t, mine)
}

// connect opens a tunnel and returns the answer's status.
func connect(t *testing.T, calls chan net.Conn, to string) (net.Conn, *bufio.Reader, string) {
	t.Helper()
	conn := begin(t, calls)
	// What follows at once must not be lost: a TLS client does not wait.
	fmt.Fprintf(conn, "CONNECT %s HTTP/1.1\r\nHost: %s\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", to, to)
	reader := bufio.NewReader(conn)
	status, err := reader.ReadString('\n')
	require.NoError(t, err)
	return conn, reader, strings.TrimSpace(status)
}

func TestTunnels(t *testing.T) {
	o := newOutside(t)
	_, calls := open(t, o, "", "*.example.org")
	port := fmt.Sprint(address(t, o.public).Port())
	_, reader, status := connect(t, calls, "good.example.org:"+port)
	require.Equal(t, "HTTP/1.1 200 Connection established", status)
	rest, err := io.ReadAll(reader)
	require.NoError(t, err)
	require.Contains(t, string(rest), "host x", "what is inside a tunnel is not looked at")
	for _, to := range []string{"rebind.example.org:443", "127.0.0.1:" + port, "elsewhere.org:443", "good.example.org", "good.example.org:0", "good.example.org:http"} {
		_, _, status := connect(t, calls, to)
		require.Contains(t, []string{"HTTP/1.1 403 Forbidden", "HTTP/1.1 400 Bad Request"}, status, to)
	}
}

// What is no proxy request is refused, also when it names an admitted host.
func TestOtherRequestsAreRefused(t *testing.T) {
	o := newOutside(t)
	_, calls := open(t, o, "", "*.example.org")
	for _, line := range []string{"GET / HTTP/1.1", "GET https://good.example.org/ HTTP/1.1", "GET ftp://good.example.org/ HTTP/1.1", "OPTIONS * HTTP/1.1", "GET http:///x HTTP/1.1"} {
		conn := begin(t, calls)
		fmt.Fprintf(conn, "%s\r\nHost: good.example.org\r\n\r\n", line)
		status, err := bufio.NewReader(conn).ReadString('\n')
		require.NoError(t, err)
		require.Contains(t, status, " 40", line)
	}
}

func TestASandboxesBytesAreBounded(t *testing.T) {
	o := newOutside(t)
	flood := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			if _, err := w.Write(make([]byte, 1<<16)); err != nil {
				return
			}
		}
	}))
	t.Cleanup(flood.Close)
	o.dialer.Exempt = append(o.dialer.Exempt, address(t, flood))
	e, calls := open(t, o, "0.0.0.0/0", "")
	e.budget.Store(1 << 20)
	_, reader, status := connect(t, calls, address(t, flood).String())
	require.Equal(t, "HTTP/1.1 200 Connection established", status)
	n, _ := io.Copy(io.Discard, reader)
	require.LessOrEqual(t, n, int64(1<<20))
	require.Greater(t, n, int64(1<<19))
	conn := begin(t, calls)
	fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", flood.URL)
	_, err := bufio.NewReader(conn).ReadString('\n')
	require.Error(t, err, "nothing passes any more")
}

func TestASandboxesConnectionsAreBounded(t *testing.T) {
	o := newOutside(t)
	_, calls := open(t, o, "", "*.example.org")
	var held []net.Conn
	for range maxConns {
		held = append(held, begin(t, calls))
	}
	select {
	case <-calls:
		t.Fatal("more connections than there may be")
	case <-time.After(3 * redialPause):
	}
	held[0].Close()
	begin(t, calls) // a place is free again
}

func TestTheEndClosesEverything(t *testing.T) {
	o := newOutside(t)
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { silent.Close() })
	far := make(chan net.Conn, 1)
	go func() {
		if conn, err := silent.Accept(); err == nil {
			far <- conn
		}
	}()
	o.dialer.Exempt = append(o.dialer.Exempt, netip.MustParseAddrPort(silent.Addr().String()))
	e, calls := open(t, o, "0.0.0.0/0", "")
	near, _, status := connect(t, calls, silent.Addr().String())
	require.Equal(t, "HTTP/1.1 200 Connection established", status)
	waiting := <-calls
	e.Close()
	outer := <-far
	t.Cleanup(func() { outer.Close() })
	for _, conn := range []net.Conn{near, waiting, outer} {
		require.NoError(t, conn.SetReadDeadline(time.Now().Add(time.Minute)))
		_, err := io.Copy(io.Discard, conn)
		var timeout net.Error
		require.False(t, errors.As(err, &timeout) && timeout.Timeout(), "it is still open")
	}
}
