package config

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"pitwall/internal/daytona"
	"pitwall/internal/temporalclient"
)

// at is a minimal environment whose state is in a fresh folder.
func at(t *testing.T, pairs ...string) ([]string, string) {
	t.Helper()
	base := t.TempDir()
	return append([]string{"XDG_STATE_HOME=" + base}, pairs...), filepath.Join(base, "pitwall")
}

func TestLoadDefaults(t *testing.T) {
	environ, state := at(t, "DAYTONA_ENABLED=")
	c, err := Load(environ)
	require.NoError(t, err)
	require.True(t, c.Enabled)
	require.Equal(t, "python", c.DefaultLanguage)
	require.Equal(t, 30*time.Minute, c.TTL())
	require.Equal(t, 12*time.Hour, c.MaxTTL())
	require.Equal(t, 8, c.MaxParallelSandboxes)
	require.Equal(t, daytona.DefaultAPIURL, c.APIURL)
	require.Equal(t, "file://"+state+"/store", c.Store)
	require.Equal(t, 2*time.Minute, c.CreateHorizon)
	require.Equal(t, 5*time.Minute, c.ReaperInterval)
	require.Equal(t, 10_000, c.WorkflowCache)
	require.Equal(t, "json", c.LogFormat)
	require.Equal(t, "info", c.LogLevel)
	require.Nil(t, c.Profile)
	require.NoError(t, c.ProfileProblem)
	require.False(t, c.IsLocal())
	require.Equal(t, 8, c.SpecDefaults().MaxParallelSandboxes)
}

func TestLoadNamesEveryWrongSettingOnce(t *testing.T) {
	environ, _ := at(t,
		"DAYTONA_ENABLED=perhaps", "DAYTONA_DEFAULT_LANGUAGE=cobol", "DAYTONA_SANDBOX_TTL_MINUTES=soon", "DAYTONA_MAX_PARALLEL_SANDBOXES=0",
		"DAYTONA_API_URL=user:secret@host", "DAYTONA_API_KEY=sk secret", "PITWALL_STORE=ftp://secret@x", "PITWALL_MAX_TTL_MINUTES=5",
		"PITWALL_CREATE_HORIZON=120", "PITWALL_REAPER_INTERVAL=1ms", "PITWALL_WORKFLOW_CACHE=-1", "PITWALL_LOG_FORMAT=xml", "PITWALL_LOG_LEVEL=loud", "PITWALL_HEALTH_ADDR=8080")
	_, err := Load(environ)
	var invalid *InvalidError
	require.ErrorAs(t, err, &invalid)
	require.Len(t, invalid.Problems, 14, "%s", err)
	for _, pair := range []string{
		"DAYTONA_ENABLED is not true or false", `DAYTONA_DEFAULT_LANGUAGE="cobol" is not known: want python`, "DAYTONA_SANDBOX_TTL_MINUTES is not a whole number: write such as 30",
		"DAYTONA_MAX_PARALLEL_SANDBOXES=0 is out of bounds: want 1 to 500", "DAYTONA_API_URL has the scheme", "DAYTONA_API_KEY has a space", `PITWALL_STORE has the scheme "ftp": want file:///DIR`,
		"PITWALL_MAX_TTL_MINUTES=5 is out of bounds: want 21", "PITWALL_CREATE_HORIZON is not a duration with a unit: write such as 120s",
		"PITWALL_REAPER_INTERVAL=1ms is out of bounds", "PITWALL_WORKFLOW_CACHE=-1 is out of bounds", "PITWALL_LOG_FORMAT=", "PITWALL_LOG_LEVEL=", `PITWALL_HEALTH_ADDR="8080" is not host:port`,
	} {
		require.ErrorContains(t, err, pair)
	}
	require.NotContains(t, err.Error(), "secret")

	environ, _ = at(t, "DAYTONA_SANDBOX_TTL_MINUTES=60", "PITWALL_MAX_TTL_MINUTES=40")
	_, err = Load(environ)
	require.EqualError(t, err, "wrong setting: DAYTONA_SANDBOX_TTL_MINUTES=60 is above PITWALL_MAX_TTL_MINUTES=40: lower the first or raise the second")
}

func TestLoadWithoutHome(t *testing.T) {
	_, err := Load(nil)
	require.ErrorContains(t, err, "PITWALL_STORE is not set")
	c, err := Load([]string{"PITWALL_STORE=mem://"})
	require.NoError(t, err)
	require.Equal(t, "mem://", c.Store)
}

func TestSecretsAreNeverPrinted(t *testing.T) {
	environ, _ := at(t, "DAYTONA_API_KEY=hush-hush", "TEMPORAL_API_KEY=hush-too")
	c, err := Load(environ)
	require.NoError(t, err)
	require.Equal(t, "hush-hush", c.Daytona().APIKey)
	data, err := json.Marshal(c)
	require.NoError(t, err)
	for _, text := range []string{string(data), fmt.Sprintf("%v %+v %#v", c, c, c), fmt.Sprint(c.APIKey), c.Account()} {
		require.NotContains(t, text, "hush")
	}
}

func TestAPIKeyFromAFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "key")
	require.NoError(t, os.WriteFile(file, []byte("hush-hush\n"), 0o600))
	environ, state := at(t, "DAYTONA_API_KEY_FILE="+file)
	running(t, state)
	c, err := Load(environ)
	require.NoError(t, err)
	require.Equal(t, "hush-hush", c.Daytona().APIKey)
	require.Equal(t, daytona.DefaultAPIURL, c.APIURL, "a key of one's own is not sent to the dev profile's server")
	require.Equal(t, []string{"hush-hush"}, c.SecretValues()["DAYTONA_API_KEY"])

	environ, _ = at(t, "DAYTONA_API_KEY_FILE="+file, "DAYTONA_API_KEY=x")
	_, err = Load(environ)
	require.EqualError(t, err, "wrong setting: DAYTONA_API_KEY and DAYTONA_API_KEY_FILE are both set: set one")
	environ, _ = at(t, "DAYTONA_API_KEY_FILE="+file+".gone")
	_, err = Load(environ)
	require.ErrorContains(t, err, "wrong setting: DAYTONA_API_KEY_FILE: ")
}

func TestAccountIsTheQuotasOwner(t *testing.T) {
	account := func(url, organization, key string) string {
		return Config{APIURL: url, OrganizationID: organization, APIKey: Secret(key)}.Account()
	}
	base := account("https://a/api", "", "k")
	require.Regexp(t, `^[0-9a-f]{8}$`, base)
	require.Equal(t, base, account("https://A/api/", "", "k"))
	require.NotEqual(t, base, account("https://b/api", "", "k"))
	require.NotEqual(t, base, account("https://a/api", "", "k2"))
	require.Equal(t, account("https://a/api", "o", "k"), account("https://a/api", "o", "k2"), "keys of one organisation share")
}

func TestIsLocal(t *testing.T) {
	for url, want := range map[string]bool{
		"http://127.0.0.1:3986/api": true, "http://localhost/api": true, "http://[::1]:1/api": true,
		"https://app.daytona.io/api": false, "http://10.0.0.1/api": false, "http://127.0.0.1.example.org/api": false,
	} {
		require.Equal(t, want, Config{APIURL: url}.IsLocal(), url)
	}
}

func running(t *testing.T, state string) Profile {
	t.Helper()
	key := filepath.Join(t.TempDir(), "key")
	require.NoError(t, os.WriteFile(key, []byte("local-key\n"), 0o600))
	p := Profile{
		PID: os.Getpid(), StartedAt: time.Now().UTC().Truncate(time.Second), TemporalAddress: "127.0.0.1:7001", Namespace: "dev",
		UIURL: "http://127.0.0.1:8001", DaytonaAPIURL: "http://127.0.0.1:3001/api", DaytonaKeyFile: key, Store: "file:///srv/store",
	}
	require.NoError(t, WriteProfile(state, p))
	return p
}

func TestProfileIsFoundAndGoesAway(t *testing.T) {
	environ, state := at(t)
	p := running(t, state)
	info, err := os.Stat(ProfilePath(state))
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())

	c, err := Load(environ)
	require.NoError(t, err)
	require.Equal(t, &p, c.Profile)
	require.Equal(t, p.DaytonaAPIURL, c.APIURL)
	require.Equal(t, "local-key", c.APIKey.Reveal())
	require.Equal(t, p.Store, c.Store)
	require.True(t, c.IsLocal())
	require.Equal(t, temporalclient.Endpoint{Address: "127.0.0.1:7001", Namespace: "dev"}, c.Temporal().Fallback)

	require.NoError(t, RemoveProfile(state, os.Getpid()+1))
	require.FileExists(t, ProfilePath(state), "another process's profile is left alone")
	require.NoError(t, RemoveProfile(state, os.Getpid()))
	require.NoFileExists(t, ProfilePath(state))
	require.NoError(t, RemoveProfile(state, os.Getpid()))
}

func TestEnvironmentWinsOverTheProfileWhole(t *testing.T) {
	environ, state := at(t, "DAYTONA_API_URL=https://remote/api", "PITWALL_STORE=s3://bucket", "TEMPORAL_ADDRESS=cluster:7233")
	running(t, state)
	c, err := Load(environ)
	require.NoError(t, err)
	require.Equal(t, "https://remote/api", c.APIURL)
	require.Empty(t, c.APIKey, "the local key stays here")
	require.Equal(t, "s3://bucket", c.Store)
	options, err := temporalclient.Resolve(c.Temporal())
	require.NoError(t, err)
	require.Equal(t, "cluster:7233", options.HostPort)
}

func TestProfileProblemsAreToldAndHarmless(t *testing.T) {
	environ, state := at(t)
	p := running(t, state)
	p.PID = 1 << 30 // above any pid_max
	require.NoError(t, WriteProfile(state, p))
	c, err := Load(environ)
	require.NoError(t, err)
	require.Nil(t, c.Profile)
	var stale *StaleProfileError
	require.ErrorAs(t, c.ProfileProblem, &stale)
	require.ErrorContains(t, stale, "no longer runs: start it again with `starter dev`")

	require.NoError(t, os.WriteFile(ProfilePath(state), []byte("{"), 0o600))
	c, err = Load(environ)
	require.NoError(t, err)
	require.ErrorContains(t, c.ProfileProblem, "is damaged")

	p = running(t, state)
	require.NoError(t, os.Remove(p.DaytonaKeyFile))
	c, err = Load(environ)
	require.NoError(t, err)
	require.Nil(t, c.Profile)
	require.ErrorContains(t, c.ProfileProblem, "read the key that the dev profile names")
}

func TestStateDirOfEachSystem(t *testing.T) {
	for _, c := range []struct {
		goos string
		vars lookup
		want string
	}{
		{"linux", lookup{"HOME": "/h"}, "/h/.local/state/pitwall"},
		{"linux", lookup{"HOME": "/h", "XDG_STATE_HOME": "/s"}, "/s/pitwall"},
		{"linux", lookup{"HOME": "/h", "XDG_STATE_HOME": "relative"}, "/h/.local/state/pitwall"},
		{"darwin", lookup{"HOME": "/h"}, "/h/Library/Application Support/pitwall"},
		{"windows", lookup{"LocalAppData": `/c`}, "/c/pitwall"},
		{"linux", lookup{"HOME": "h"}, ""},
		{"windows", lookup{}, ""},
	} {
		got, err := stateDir(c.goos, c.vars)
		require.Equal(t, c.want, got)
		require.Equal(t, c.want == "", err != nil)
	}
	require.Equal(t, "file:///a%20b/c", FileURL("/a b/c"))
}

func TestSecretValuesAreForTheRedactor(t *testing.T) {
	key := base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{7}, 32))
	file := filepath.Join(t.TempDir(), "keys")
	require.NoError(t, os.WriteFile(file, []byte("a:"+key+"\n"), 0o600))
	environ, _ := at(t, "DAYTONA_API_KEY=key-of-daytona", "TEMPORAL_API_KEY=key-of-temporal", "AWS_SECRET_ACCESS_KEY=key/of/aws",
		"OTEL_EXPORTER_OTLP_HEADERS=x-tenant=a%20tenant,authorization=Bearer%20abc", "HTTPS_PROXY=http://me:password@proxy:1",
		"PITWALL_CODEC_TOKEN=token-of-codec", "PITWALL_PAYLOAD_KEYS_FILE="+file,
		"SENTRY_DSN=https://key@sentry/1", "PITWALL_GALILEO_API_KEY=key-of-galileo", "PITWALL_GALILEO_PROJECT=p")
	c, err := Load(environ)
	require.NoError(t, err)
	require.Equal(t, map[string][]string{
		"DAYTONA_API_KEY": {"key-of-daytona"}, "TEMPORAL_API_KEY": {"key-of-temporal"}, "AWS_SECRET_ACCESS_KEY": {"key/of/aws"},
		"OTEL_EXPORTER_OTLP_HEADERS": {"a tenant", "Bearer abc"}, "HTTPS_PROXY": {"password"},
		"PITWALL_CODEC_TOKEN": {"token-of-codec"}, "PITWALL_PAYLOAD_KEYS": {key},
		"SENTRY_DSN": {"https://key@sentry/1"}, "PITWALL_GALILEO_API_KEY": {"key-of-galileo"},
	}, c.SecretValues())
	require.NotNil(t, c.Temporal().Keys)
}

func TestPayloadKeys(t *testing.T) {
	for _, c := range []struct{ setting, want string }{
		{"PITWALL_PAYLOAD_KEYS=a:short", "PITWALL_PAYLOAD_KEYS: key a is not 32 bytes in base64"},
		{"PITWALL_PAYLOAD_KEYS_FILE=/nowhere/keys", "PITWALL_PAYLOAD_KEYS_FILE: stat /nowhere/keys"},
	} {
		environ, _ := at(t, c.setting)
		_, err := Load(environ)
		require.ErrorContains(t, err, c.want)
	}
	environ, _ := at(t)
	c, err := Load(environ)
	require.NoError(t, err)
	require.Nil(t, c.Temporal().Keys)
}
