package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/temporal"

	"pitwall/activities"
	"pitwall/internal/artifact"
	"pitwall/internal/spec"
	"pitwall/internal/temporalclient"
)

// A schedule's workflow ID ends in a time with colons, which a name cannot have: both lead to the same campaign.
func TestCampaignNamesAndIDs(t *testing.T) {
	t.Parallel()
	const name, id = "nightly-2026-11-22T224800Z", "campaign/nightly-2026-11-22T22:48:00Z"
	require.Equal(t, name, campaignName(id))
	require.Equal(t, name, campaignName("nightly-2026-11-22T22:48:00Z"))
	require.Equal(t, []string{"campaign/" + name, id}, campaignIDs(name))
	require.Equal(t, []string{"campaign/c1"}, campaignIDs(campaignName("campaign/c1")))
	require.Equal(t, []string{"campaign/" + name + "/retry-1"}, campaignIDs(name+"/retry-1"), "a retry is started by hand")
}

func TestCtrlCIsNotExplainedAway(t *testing.T) {
	t.Parallel()
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	for _, err := range []error{
		fmt.Errorf("list: %w", context.Canceled), serviceerror.NewCanceled("x"), &temporalclient.UnreachableError{Cause: errors.New("x")},
	} {
		require.Equal(t, interrupted{"interrupted"}, asInterrupted(cancelled, err))
		require.Equal(t, err, asInterrupted(t.Context(), err), "nobody pressed Ctrl-C")
	}
	disk := errors.New("remove sandboxes: no space left")
	require.Equal(t, disk, asInterrupted(cancelled, disk), "what else broke is said")
	require.Equal(t, outcome(exitFailed), asInterrupted(cancelled, outcome(exitFailed)))
}

// A Temporal that hangs (a full disk) or went away leaves it open whether something runs; the message must not hide that.
func TestUnansweredSaysWhatGoesOn(t *testing.T) {
	t.Parallel()
	for _, err := range []error{context.DeadlineExceeded, serviceerror.NewDeadlineExceeded("x"), serviceerror.NewUnavailable("x")} {
		err = fmt.Errorf("call: %w", err)
		start := explainStart("campaign", "campaign/c", err)
		require.ErrorContains(t, start, "it may have begun or not")
		require.Contains(t, hintOf(start), "starter doctor")
		wait := explainEnd(kindCampaign, "campaign/c", err)
		require.ErrorContains(t, wait, "goes on when it is back")
		require.Contains(t, hintOf(wait), "starter campaign status c")
		require.Contains(t, hintOf(explainEnd(kindEval, "eval/direct/x", err)), "starter logs -f eval/direct/x")
		require.Equal(t, exitInfra, exitCode(t.Context(), wait))
	}
}

func TestRefusedByAWorkerIsWrongUse(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{spec.InvalidInputType, activities.ErrTypeDisabled} {
		err := explainEnd(kindEval, "eval/direct/x", temporal.NewNonRetryableApplicationError("switched off", kind, nil))
		require.EqualError(t, err, "switched off")
		require.Equal(t, exitUsage, exitCode(t.Context(), err))
	}
}

func TestArtifactsThatCannotBeWrittenNameTheFolder(t *testing.T) {
	t.Parallel()
	dir, store := t.TempDir(), newStore(t)
	term, _ := testTerminal()
	chosen := []spec.Artifact{stored(t, store, "sub/a", "content")}
	require.NoError(t, os.WriteFile(filepath.Join(dir, "sub"), nil, 0o600)) // a file where a folder must be
	for _, target := range []string{dir, filepath.Join(dir, "sub"), filepath.Join(dir, "sub", "below")} {
		err := fetchArtifacts(t.Context(), term, store, chosen, getOptions{dir: target})
		require.ErrorContains(t, err, "write to "+target)
		require.Contains(t, hintOf(err), "--dir")
		require.Equal(t, exitUsage, exitCode(t.Context(), err))
	}
}

func TestLogsAsJSONKeepEveryByte(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	logs := newLogOutput(&terminal{out: &out, err: &out, output: outputJSON}, false)
	for _, piece := range []string{"plain\n", "\x00\x1b[31m", "cut \xc3"} {
		_, err := logs["stderr"].Write([]byte(piece))
		require.NoError(t, err)
	}
	var got []byte
	for decoder := json.NewDecoder(&out); decoder.More(); {
		var piece logPiece
		require.NoError(t, decoder.Decode(&piece))
		require.Equal(t, "stderr", piece.Stream)
		got = append(append(got, piece.Text...), piece.Base64...)
	}
	require.Equal(t, "plain\n\x00\x1b[31mcut \xc3", string(got))
}

// Following an eval that has ended says what a look at it would say.
func TestFollowNamesWhatNeverComes(t *testing.T) {
	t.Parallel()
	store := newStore(t)
	prefix := evalPrefix("eval/direct/x")
	stdout := artifact.Stream(artifact.Attempt(prefix, 1, "run"), "greet", "stdout")
	require.NoError(t, store.AppendChunk(t.Context(), stdout, 0, []byte("one\n")))
	require.NoError(t, store.FinishStream(t.Context(), stdout, artifact.StreamInfo{BytesTotal: 4, BytesKept: 4}))
	_, err := store.PutJSON(t.Context(), artifact.Result(prefix), spec.EvalResult{})
	require.NoError(t, err)
	for problem, options := range map[string]logsOptions{`no step "nope"`: {step: "nope"}, "no attempt 7": {attempt: 7}} {
		var out safeBuffer
		err := evalLogs{store: store, prefix: prefix, options: options}.follow(t.Context(), "eval/direct/x", logOutput{"stdout": &out, "stderr": &out})
		require.ErrorContains(t, err, problem)
		require.Equal(t, exitUsage, exitCode(t.Context(), err))
	}
}
