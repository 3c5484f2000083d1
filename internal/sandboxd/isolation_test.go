//go:build linux

package sandboxd

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestNothingOfTheHostIsVisible looks around as the job, and as the sandbox's root.
func TestNothingOfTheHostIsVisible(t *testing.T) {
	t.Setenv("PITWALL_TEST_SECRET", "do-not-leak-8f2a")
	var cfg Config
	c := serve(t, func(c *Config) { cfg = *c })
	id := c.create(map[string]any{})
	hostname, err := os.Hostname()
	require.NoError(t, err)
	look := `env; cat /proc/*/environ /proc/*/cmdline /proc/mounts 2>/dev/null | tr '\0' '\n'; ls -la / /home /root /etc /tmp /opt /srv /mnt /var /run 2>&1; cat /etc/shadow /etc/hostname /etc/hosts 2>&1; hostname`
	for _, user := range []string{"daytona", "root"} {
		_, out := c.exec(id, look, "X-Pitwall-User", user)
		for what, secret := range map[string]string{
			"environment": "do-not-leak-8f2a", "API key": c.key, "state directory": cfg.StateDir, "host's name": "\n" + hostname + "\n", "password hashes": "root:*:", "host's directories": "lost+found",
		} {
			require.NotContains(t, out, secret, "%s of the host, seen by %s", what, user)
		}
		require.Contains(t, out, "cat: /etc/shadow: No such file or directory")
	}
	_, out := c.exec(id, "ls /home; ls -A ~")
	require.Equal(t, "daytona\n", out)
	_, out = c.exec(id, "ls -A /root /var /run | sort", "X-Pitwall-User", "root")
	require.Equal(t, "/root:\n/run:\n/var:\n\n\ntmp\n", sortLines(out))
}

func sortLines(text string) string {
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	var named, empty []string
	for _, line := range lines {
		switch {
		case strings.HasPrefix(line, "/"):
			named = append(named, line)
		case line == "":
			empty = append(empty, line)
		}
	}
	rest := []string{}
	for _, line := range lines {
		if line != "" && !strings.HasPrefix(line, "/") {
			rest = append(rest, line)
		}
	}
	return strings.Join(append(append(named, empty...), rest...), "\n") + "\n"
}

func TestSystemDirectoriesAreReadOnly(t *testing.T) {
	c := serve(t)
	id := c.create(map[string]any{})
	for _, user := range []string{"daytona", "root"} {
		code, out := c.exec(id, `touch /usr/x || touch /bin/x || touch /usr/lib/x || rm /usr/bin/env || { mount -o remount,rw /usr; touch /usr/x; }`, "X-Pitwall-User", user)
		require.NotZero(t, code, out)
	}
	require.NoFileExists(t, "/usr/x")
	code, out := c.exec(id, `touch /etc/passwd || touch /.pitwall/x || echo x > /home/x || echo x > /x`)
	require.NotZero(t, code, out)
}

func TestNoNetwork(t *testing.T) {
	c := serve(t)
	id := c.create(map[string]any{})
	port := strings.TrimPrefix(c.base, "http://127.0.0.1:")
	script := `
import socket
print([n for _, n in socket.if_nameindex()])
for host, port in (("1.1.1.1", 53), ("127.0.0.1", ` + port + `), ("169.254.169.254", 80)):
    s = socket.socket(); s.settimeout(5)
    try: s.connect((host, port)); print("CONNECTED", host)
    except OSError as e: print(e.strerror)
try: socket.socket(socket.AF_INET, socket.SOCK_RAW, 1); print("RAW")
except OSError as e: print("no raw")
`
	code, out := c.exec(id, "python3 - <<'E'"+script+"E")
	require.Zero(t, code, out)
	require.NotContains(t, out, "CONNECTED", "of the host's loopback too")
	require.Contains(t, out, "Network is unreachable")
	require.Contains(t, out, "no raw")
}

func TestTheJobCannotReachTheAgentsSocket(t *testing.T) {
	c := serve(t)
	id := c.create(map[string]any{})
	code, out := c.exec(id, `ls /.pitwall/run 2>&1; cat /.pitwall/run/env.json 2>&1; python3 -c '
import socket
s = socket.socket(socket.AF_UNIX)
s.connect("/.pitwall/run/toolbox.sock")' 2>&1 | tail -1; kill -9 1 2>&1; ls /proc/1/fd 2>&1`)
	require.NotContains(t, out, "toolbox.sock\n")
	require.Equal(t, 5, strings.Count(out, "ermission denied")+strings.Count(out, "not permitted"), "%d: %s", code, out)
	_, out = c.exec(id, "echo alive")
	require.Equal(t, "alive\n", out)
}

// TestSandboxesDoNotSeeEachOther writes in one and looks from another.
func TestSandboxesDoNotSeeEachOther(t *testing.T) {
	c := serve(t)
	a, b := c.create(map[string]any{}), c.create(map[string]any{})
	c.exec(a, `echo secret > ~/f; echo secret > /tmp/f; echo secret > /dev/shm/f; (sleep 100 &) >/dev/null 2>&1`)
	_, out := c.exec(b, `cat ~/f /tmp/f /dev/shm/f 2>&1; cat /proc/*/cmdline | tr '\0' ' '`)
	require.NotContains(t, out, "secret\n")
	require.NotContains(t, out, "sleep 100")
	_, _ = c.exec(a, `echo x > /etc/marker; echo x > /etc/passwd; echo x > /.pitwall/marker`, "X-Pitwall-User", "root")
	for _, other := range []string{b, c.create(map[string]any{})} { // the template is as it was
		_, out = c.exec(other, "ls /etc/marker /.pitwall/marker; id -un")
		require.Contains(t, out, "daytona\n")
		require.Equal(t, 2, strings.Count(out, "No such file"), out)
	}
}

func TestHostilePathsStayInTheSandbox(t *testing.T) {
	c := serve(t)
	id := c.create(map[string]any{})
	for _, path := range []string{
		"/toolbox/..%2f..%2fetc/version", "/toolbox/../../api/sandbox", "/toolbox//version", "/toolbox/%00/version", "/toolbox/" + id + "x/version",
		"/toolbox/" + strings.ToUpper(id) + "/version", "/toolbox/" + strings.Repeat("a", 5000) + "/version", "/toolbox/", "/toolbox/.",
	} {
		status, body := c.raw("GET", path, nil)
		require.Contains(t, []int{400, 401, 404, 501}, status, "%s: %s", path, body)
	}
	status, body := c.raw("GET", "/toolbox/"+id+"/files/download?path=/../../../../etc/shadow", nil)
	require.Equal(t, 404, status, string(body))
	status, body = c.raw("GET", "/toolbox/"+id+"/../../api/sandbox", nil)
	require.Contains(t, []int{404, 501}, status, string(body))
	// A job that puts a link where the host looks for the socket is refused the directory; the sandbox's root is not, and gains
	// nothing: the host follows no link there.
	c.exec(id, "cd /.pitwall/run && mv toolbox.sock moved && ln -s /run/other.sock toolbox.sock", "X-Pitwall-User", "root")
	status, body = c.raw("GET", "/toolbox/"+id+"/version", nil, "Connection", "close")
	require.Contains(t, []int{200, 502}, status, string(body)) // 200 on a connection that was open before
}
