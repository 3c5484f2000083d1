package activities

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/testsuite"

	"pitwall/internal/daytona/daytonatest"
	"pitwall/internal/spec"
)

func (b box) download(succeeded bool, rules ...spec.ArtifactRule) map[string]spec.Artifact {
	b.t.Helper()
	found := map[string]spec.Artifact{}
	for _, artifact := range b.downloadAll(succeeded, rules...) {
		require.NotContains(b.t, found, artifact.Path)
		found[artifact.Path] = artifact
	}
	return found
}

func (b box) downloadAll(succeeded bool, rules ...spec.ArtifactRule) []spec.Artifact {
	b.t.Helper()
	for i := range rules {
		if rules[i].MaxBytes == 0 {
			rules[i].MaxBytes = 1 << 20
		}
	}
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestActivityEnvironment()
	env.RegisterActivity(b.jobs)
	value, err := env.ExecuteActivity(b.jobs.DownloadArtifacts, DownloadArtifactsInput{Sandbox: b.sandbox, Rules: rules, Succeeded: succeeded, Prefix: "evals/a/attempt-1"})
	require.NoError(b.t, err)
	var result DownloadArtifactsResult
	require.NoError(b.t, value.Get(&result))
	return result.Artifacts
}

func (b box) content(ref *spec.Ref) string {
	b.t.Helper()
	file, err := b.jobs.Store.Resolve(b.t.Context(), ref.URI, ref.SHA256)
	require.NoError(b.t, err)
	defer file.Close()
	data, err := io.ReadAll(file)
	require.NoError(b.t, err)
	return string(data)
}

func TestArtifactsAreStoredOrExplained(t *testing.T) {
	b := newBox(t)
	b.write("/home/daytona/out/a.csv", "a,b")
	b.write("/home/daytona/out/big.csv", strings.Repeat("x", 2000))
	b.write("/home/daytona/out/new\n.csv", "strange")
	b.write("/home/daytona/out/\xff.csv", "a name that JSON cannot carry")
	b.link("/home/daytona/out/link.csv", "a.csv")
	found := b.download(true, spec.ArtifactRule{Path: "out/*.csv", MaxBytes: 1000}, spec.ArtifactRule{Path: "none.txt"})
	require.Equal(t, "a,b", b.content(found["/home/daytona/out/a.csv"].Ref))
	require.Equal(t, "strange", b.content(found["/home/daytona/out/new%0A.csv"].Ref))
	require.Equal(t, spec.ArtifactTooLarge, found["/home/daytona/out/big.csv"].Status)
	require.Equal(t, spec.ArtifactRefused, found["/home/daytona/out/link.csv"].Status)
	require.Equal(t, spec.ArtifactMissing, found["none.txt"].Status)
	require.Equal(t, spec.ArtifactRefused, found["/home/daytona/out/\uFFFD.csv"].Status)
	require.Len(t, found, 6)
}

func TestArtifactsOfAFailedJob(t *testing.T) {
	b := newBox(t)
	b.write("/home/daytona/a", "a")
	b.write("/home/daytona/b", "b")
	found := b.download(false, spec.ArtifactRule{Path: "a", When: spec.WhenSuccess}, spec.ArtifactRule{Path: "b", When: spec.WhenAlways})
	require.Equal(t, spec.ArtifactSkipped, found["a"].Status)
	require.Equal(t, spec.ArtifactStored, found["/home/daytona/b"].Status)
}

func TestRequiredArtifactThatIsThereAndCannotBeKeptIsRefusedByItsRule(t *testing.T) {
	b := newBox(t)
	b.write("/home/daytona/real", "a")
	b.link("/home/daytona/out/report", "../real")
	found := b.download(true, spec.ArtifactRule{Path: "out/*", Required: true}, spec.ArtifactRule{Path: "real"}, spec.ArtifactRule{Path: "rea?", Required: true})
	require.Equal(t, spec.ArtifactRefused, found["out/*"].Status)
	require.Equal(t, spec.ArtifactStored, found["/home/daytona/real"].Status)
	require.NotContains(t, found, "rea?", "it is kept already, by another rule")
}

func TestArtifactsAreBounded(t *testing.T) {
	b := newBox(t)
	require.NoError(t, os.MkdirAll(filepath.Join(b.root, "home/daytona/out"), 0o755))
	for i := range maxArtifacts + 5 {
		b.write("/home/daytona/out/"+strconv.Itoa(10000+i), "")
	}
	all := b.downloadAll(true, spec.ArtifactRule{Path: "out/*"})
	require.Len(t, all, maxArtifacts+1)
	require.Equal(t, spec.ArtifactRefused, all[maxArtifacts].Status)
	require.Contains(t, all[maxArtifacts].Reason, "what comes after it")
}

func TestArtifactNamesAreBounded(t *testing.T) {
	b := newBox(t)
	deep := "/home/daytona/" + strings.Repeat(strings.Repeat("%", 250)+"/", 8)
	for i := range 200 {
		b.write(deep+strconv.Itoa(i), "")
	}
	total := 0
	for _, artifact := range b.downloadAll(true, spec.ArtifactRule{Path: "**"}) {
		total += len(artifact.Path)
	}
	require.Greater(t, total, maxNameBytes)
	require.Less(t, total, maxNameBytes+32<<10, "a payload of Temporal's holds 2 MiB")
}

func TestArtifactThatVanishesIsRefusedAndNoFault(t *testing.T) {
	b := newBox(t)
	b.write("/home/daytona/a", "a")
	b.server.Fail(daytonatest.Fault{Path: "/files/download", Do: daytonatest.Raw(http.StatusNotFound, "application/json", `{"statusCode":404,"message":"no such file","source":"DAYTONA_DAEMON"}`)})
	require.Equal(t, spec.ArtifactRefused, b.download(true, spec.ArtifactRule{Path: "a"})["/home/daytona/a"].Status)
}
