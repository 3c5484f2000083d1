package activities

import (
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"
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
	return b.collect(DownloadArtifactsInput{Succeeded: succeeded, Rules: rules}).Artifacts
}

func (b box) collect(in DownloadArtifactsInput) DownloadArtifactsResult {
	b.t.Helper()
	rules := in.Rules
	for i := range rules {
		if rules[i].MaxBytes == 0 {
			rules[i].MaxBytes = 1 << 20
		}
	}
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestActivityEnvironment()
	env.RegisterActivity(b.jobs)
	in.Sandbox, in.Prefix = b.sandbox, "evals/a/attempt-1"
	value, err := env.ExecuteActivity(b.jobs.DownloadArtifacts, in)
	require.NoError(b.t, err)
	var result DownloadArtifactsResult
	require.NoError(b.t, value.Get(&result))
	return result
}

func (b box) manifest(result DownloadArtifactsResult) []spec.Artifact {
	b.t.Helper()
	var manifest artifactManifest
	require.NoError(b.t, json.Unmarshal([]byte(b.content(&result.Manifest.Ref)), &manifest))
	require.Len(b.t, manifest.Artifacts, result.Manifest.Listed)
	return manifest.Artifacts
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

func TestManyArtifactsAreAllListedInTheManifest(t *testing.T) {
	b := newBox(t)
	for i := range maxInline + 5 {
		b.write("/home/daytona/out/"+strconv.Itoa(10000+i), strconv.Itoa(i%7))
	}
	result := b.collect(DownloadArtifactsInput{Succeeded: true, Rules: []spec.ArtifactRule{{Path: "out/*"}, {Path: "none"}}})
	require.Len(t, result.Artifacts, maxInline+1)
	require.Equal(t, "none", result.Artifacts[maxInline].Path, "what is said of a rule is always there")
	all := b.manifest(result)
	require.Len(t, all, maxInline+6)
	require.Equal(t, maxInline+5, result.Manifest.Stored)
	require.Equal(t, int64(maxInline+5), result.Manifest.StoredBytes)
	for i, line := range all[:maxInline+5] {
		require.Equal(t, strconv.Itoa(i%7), b.content(line.Ref))
	}
	again := b.collect(DownloadArtifactsInput{Succeeded: true, Rules: []spec.ArtifactRule{{Path: "out/*"}, {Path: "none"}}})
	require.Equal(t, result, again, "a retry writes what is there already")
}

func TestArtifactsAreBoundedInNumber(t *testing.T) {
	b := newBox(t)
	for i := range 12 {
		b.write("/home/daytona/out/"+strconv.Itoa(100+i), "")
	}
	all := b.collect(DownloadArtifactsInput{Succeeded: true, Rules: []spec.ArtifactRule{{Path: "out/*"}}, Limits: spec.ArtifactLimits{MaxFiles: 10}}).Artifacts
	require.Len(t, all, 11)
	require.Equal(t, spec.Artifact{Path: "out/*", Status: spec.ArtifactRefused, Reason: all[10].Reason}, all[10])
	require.Contains(t, all[10].Reason, "more than the 10 files")
}

func TestArtifactsAreBoundedInBytesTogether(t *testing.T) {
	b := newBox(t)
	for i := range 12 {
		b.write("/home/daytona/out/"+strconv.Itoa(100+i), strings.Repeat("x", 100))
	}
	result := b.collect(DownloadArtifactsInput{Succeeded: true, Rules: []spec.ArtifactRule{{Path: "out/*"}}, Limits: spec.ArtifactLimits{MaxBytes: 550}})
	require.Equal(t, 5, result.Manifest.Stored)
	require.Equal(t, spec.ArtifactTooLarge, result.Artifacts[5].Status)
	require.Contains(t, result.Artifacts[5].Reason, "artifact_limits.max_bytes")
}

func TestArtifactNamesInAResultAreBounded(t *testing.T) {
	b := newBox(t)
	deep := "/home/daytona/" + strings.Repeat(strings.Repeat("<", 250)+"/", 8)
	for i := range 200 {
		b.write(deep+strconv.Itoa(i), "")
	}
	result := b.collect(DownloadArtifactsInput{Succeeded: true, Rules: []spec.ArtifactRule{{Path: "**"}}})
	payload, err := json.Marshal(result.Artifacts)
	require.NoError(t, err)
	require.Less(t, len(payload), maxInlineBytes+64<<10, "a payload of Temporal's holds 2 MiB")
	require.Len(t, b.manifest(result), 200)
}

func TestWhatIsKeptOfAFailureIsNotKeptOfASuccess(t *testing.T) {
	b := newBox(t)
	b.write("/home/daytona/core", "c")
	rule := spec.ArtifactRule{Path: "core", When: spec.WhenFailure}
	require.Equal(t, spec.ArtifactSkipped, b.download(true, rule)["core"].Status)
	require.Equal(t, spec.ArtifactStored, b.download(false, rule)["/home/daytona/core"].Status)
}

// manyPart is a part of the answer to a download of many files.
func manyPart(name, content string) string {
	return "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"" + name + "\"\r\n\r\n" + content + "\r\n"
}

// What a sandbox answers when it is asked for many files is hostile; what it lacks, or contradicts the listing, is fetched by
// itself, and nothing that was not asked for is stored.
func TestHostileAnswersToADownloadOfManyFiles(t *testing.T) {
	file := func(n int) string { return "/home/daytona/out/" + strconv.Itoa(n) }
	endless := manyPart(file(0), strings.Repeat("x", 32<<20)) + "--b--\r\n"
	var million strings.Builder
	for range 100_000 {
		million.WriteString(manyPart(file(0), "0"))
	}
	for name, answer := range map[string]string{
		"nothing":                   "--b--\r\n",
		"no multipart":              "x",
		"cut":                       manyPart(file(0), "forged, and longer than listed")[:60],
		"another size":              manyPart(file(0), "longer") + manyPart(file(1), "") + "--b--\r\n",
		"endless":                   endless,
		"a hundred thousand":        million.String(),
		"twice, with other content": manyPart(file(0), "0") + manyPart(file(0), "9") + "--b--\r\n",
		"not asked for":             manyPart("/etc/passwd", "root") + manyPart("../../x", "x") + "--b--\r\n",
		"a huge header":             "--b\r\nX: " + strings.Repeat("x", 16<<20) + "\r\n\r\n\r\n--b--\r\n",
		"an error for each":         "--b\r\nContent-Disposition: form-data; name=\"error\"; filename=\"" + file(0) + "\"\r\n\r\n{}\r\n--b--\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			b := newBox(t)
			for i := range 6 {
				b.write(file(i), strconv.Itoa(i))
			}
			b.server.Fail(daytonatest.Fault{Path: "/files/bulk-download", Do: daytonatest.Raw(http.StatusOK, "multipart/form-data; boundary=b", answer)})
			result := b.collect(DownloadArtifactsInput{Succeeded: true, Rules: []spec.ArtifactRule{{Path: "out/*"}}})
			require.Len(t, result.Artifacts, 6)
			for i, line := range result.Artifacts {
				require.Equal(t, file(i), line.Path)
				require.Equal(t, strconv.Itoa(i), b.content(line.Ref), line.Reason)
			}
		})
	}
}

// A file that holds Daytona's own boundary ends its part early, and forges another's.
func TestAFileThatForgesPartsIsFetchedByItself(t *testing.T) {
	b := newBox(t)
	forged := strings.ReplaceAll(manyPart("/home/daytona/out/b", "9"), "--b", "--DAYTONA-FILE-BOUNDARY")
	b.write("/home/daytona/out/a", "\r\n"+forged+"rest")
	for _, name := range []string{"b", "c", "d"} {
		b.write("/home/daytona/out/"+name, name)
	}
	found := b.download(true, spec.ArtifactRule{Path: "out/*"})
	require.Equal(t, "\r\n"+forged+"rest", b.content(found["/home/daytona/out/a"].Ref))
	require.Equal(t, "b", b.content(found["/home/daytona/out/b"].Ref))
}

func TestAFileThatGrowsIsBounded(t *testing.T) {
	b := newBox(t)
	b.write("/home/daytona/a", "a")
	b.server.Fail(daytonatest.Fault{Path: "/files/download", Do: daytonatest.Raw(http.StatusOK, "application/octet-stream", strings.Repeat("x", 4<<20))})
	found := b.download(true, spec.ArtifactRule{Path: "a", MaxBytes: 1 << 20})
	require.Equal(t, spec.ArtifactTooLarge, found["/home/daytona/a"].Status)
	require.Contains(t, found["/home/daytona/a"].Reason, "grew")
}

func TestArtifactThatVanishesIsRefusedAndNoFault(t *testing.T) {
	b := newBox(t)
	b.write("/home/daytona/a", "a")
	b.server.Fail(daytonatest.Fault{Path: "/files/download", Do: daytonatest.Raw(http.StatusNotFound, "application/json", `{"statusCode":404,"message":"no such file","source":"DAYTONA_DAEMON"}`)})
	require.Equal(t, spec.ArtifactRefused, b.download(true, spec.ArtifactRule{Path: "a"})["/home/daytona/a"].Status)
}

// A line of a campaign's rows holds 1 MiB, whatever the lines of its artifacts say.
func TestInlineLinesAreBoundedInBytes(t *testing.T) {
	line := spec.Artifact{Path: "/home/daytona/out/a", Status: spec.ArtifactStored, Redacted: map[string]int{strings.Repeat("r", 1000): 1}}
	kept := foundArtifacts{}.inline(slices.Repeat([]spec.Artifact{line}, maxInline))
	payload, err := json.Marshal(kept)
	require.NoError(t, err)
	require.LessOrEqual(t, len(payload), maxInlineBytes+len(kept)+2)
	require.Greater(t, len(payload), maxInlineBytes-2000)
}

// One name of a listing may have megabytes: a sandbox's names are no fault of the store.
func TestANameOfMegabytesIsRefused(t *testing.T) {
	b := newBox(t)
	listing := `[{"name":"` + strings.Repeat("%", 6<<20) + `","size":0,"isDir":false,"mode":"prw-------"}]`
	b.server.Fail(daytonatest.Fault{Path: "/files", Times: 10, Do: daytonatest.Raw(http.StatusOK, "application/json", listing)})
	found := b.download(true, spec.ArtifactRule{Path: "*"})
	require.Equal(t, spec.ArtifactRefused, found["*"].Status)
}

// A sandbox that breaks a download off is no fault of the store.
func TestADownloadThatBreaksOffIsTheSandboxs(t *testing.T) {
	b := newBox(t)
	b.write("/home/daytona/a", strings.Repeat("a", 1000))
	b.server.Fail(daytonatest.Fault{Path: "/files/download", Times: 10, Do: daytonatest.CutAfter(10)})
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestActivityEnvironment()
	env.RegisterActivity(b.jobs)
	_, err := env.ExecuteActivity(b.jobs.DownloadArtifacts, DownloadArtifactsInput{
		Sandbox: b.sandbox, Prefix: "evals/a/attempt-1", Succeeded: true, Rules: []spec.ArtifactRule{{Path: "a", MaxBytes: 1 << 20}},
	})
	var app *temporal.ApplicationError
	require.ErrorAs(t, err, &app)
	require.Equal(t, ErrTypeTransport, app.Type(), app.Message())
}
