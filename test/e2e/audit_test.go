//go:build linux

package e2e

import (
	"context"
	"encoding/json"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"pitwall/activities"
	"pitwall/internal/artifact"
	"pitwall/internal/audit"
	"pitwall/internal/spec"
	"pitwall/test/harness"
)

// auditUnderTest is a stack whose sandbox server can hide its ledger, as Daytona's service has none.
type auditUnderTest struct {
	*harness.Stack
	t        *testing.T
	noLedger atomic.Bool
}

func startAudited(t *testing.T) *auditUnderTest {
	a := &auditUnderTest{t: t}
	a.Stack = harness.Start(t, harness.Options{
		Slots: 5, WorkerEnv: []string{"PITWALL_REAPER_INTERVAL=1h"}, // the test looks before the reaper does
		FrontDaytona: func(server string) string {
			target, err := url.Parse(server)
			require.NoError(t, err)
			proxy := &httputil.ReverseProxy{
				Rewrite:  func(r *httputil.ProxyRequest) { r.SetURL(target); r.Out.Host = r.In.Host },
				ErrorLog: log.New(io.Discard, "", 0), // of calls that the test cuts off
			}
			front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if a.noLedger.Load() && strings.Contains(r.URL.Path, "/pitwall/") {
					http.NotFound(w, r)
					return
				}
				proxy.ServeHTTP(w, r)
			}))
			t.Cleanup(front.Close)
			return front.URL
		},
	})
	return a
}

// audit runs the command and returns its report and exit code.
func (a *auditUnderTest) audit() (report audit.Report, code int) {
	a.t.Helper()
	stdout, stderr, code := a.Starter("sandboxes", "audit", "-o", "json")
	require.NoError(a.t, json.Unmarshal([]byte(stdout), &report), stdout+stderr)
	return report, code
}

// clean demands that all sandboxes ever made by this stack's evals are accounted for.
func (a *auditUnderTest) clean() audit.Report {
	a.t.Helper()
	report, code := a.audit()
	require.Equal(a.t, 0, code, "%+v", report)
	require.Empty(a.t, report.Unaccounted)
	require.True(a.t, report.Complete)
	return report
}

// finds demands exactly one finding, for this reason alone.
func (a *auditUnderTest) finds(code string) audit.Finding {
	a.t.Helper()
	report, exit := a.audit()
	require.Equal(a.t, 1, exit, "%+v", report)
	require.Len(a.t, report.Unaccounted, 1)
	require.Len(a.t, report.Unaccounted[0].Reasons, 1, "%+v", report.Unaccounted)
	require.Equal(a.t, code, report.Unaccounted[0].Reasons[0].Code)
	return report.Unaccounted[0]
}

// What goes wrong within the promise leaves every sandbox accounted for; what is done past Pitwall, or to its records, is found.
func TestAuditAccountsForEverySandbox(t *testing.T) {
	a := startAudited(t)
	require.Zero(t, a.clean().NCreated)
	c := campaignUnderTest{a.Stack, writeCampaign(t, `eval: {job: {steps: [{command: "{{.command}}", time_limit: 10m}]}}`,
		commandRows("true", "exit 1", "touch begun; sleep 600", "touch begun; sleep 10", "touch begun; sleep 10")...), "audited"}
	a.hardDay(c)

	report := a.clean()
	ledger := a.Ledger()
	require.EqualValues(t, ledger.Created, report.NCreated)
	require.Equal(t, report.NCreated, report.NCertified)
	require.Zero(t, report.NAlive)
	require.GreaterOrEqual(t, report.NCreated, 6, "five trials, one of them twice")
	require.Greater(t, report.SandboxSeconds, report.JobSeconds)
	require.Greater(t, report.JobSeconds, 5.0)
	require.Equal(t, 5, report.NEvals)
	require.Equal(t, 4, report.NResults, "a terminated eval has none")
	t.Run("every result carries its certificates", func(t *testing.T) { carryCertificates(t, c) })
	t.Run("a tampered result", func(t *testing.T) { a.tamper(c) })
	t.Run("a sandbox made past Pitwall", func(t *testing.T) { a.rogue() })
	t.Run("a provider without a ledger", func(t *testing.T) {
		a.noLedger.Store(true)
		defer a.noLedger.Store(false)
		without := a.clean()
		require.Equal(t, audit.RecordTemporal, without.Record)
		require.Equal(t, report.NCreated, without.NCertified)
	})
	t.Run("a source that cannot be read", func(t *testing.T) {
		a.Sandboxd.Kill()
		report, code := a.audit()
		require.Equal(t, 2, code)
		require.NotEmpty(t, report.Gaps)
		a.StartSandboxd()
		a.clean()
	})
}

// hardDay runs the campaign while an eval is terminated, a sandbox vanishes and the worker is killed.
func (a *auditUnderTest) hardDay(c campaignUnderTest) {
	c.start(a.t)
	begun := func(sample string) string {
		sandbox := a.AwaitSandbox(c.evalID(sample))
		a.AwaitFile(sandbox, "/home/daytona/begun")
		return sandbox.ID
	}
	require.NoError(a.t, a.Daytona.DeleteSandbox(a.t.Context(), begun("s4")))
	doomed := begun("s3")
	during := a.clean()
	require.GreaterOrEqual(a.t, during.NHeld+during.NCertified, 1)
	require.GreaterOrEqual(a.t, during.NAlive, 1)
	require.NoError(a.t, a.Temporal.TerminateWorkflow(a.t.Context(), c.evalID("s3"), "", "test"))
	a.AwaitGone(doomed)
	begun("s5")
	a.Workers[0].Kill()
	a.StartWorker()
	a.Eventually("the campaign has ended", func(ctx context.Context) bool {
		found, err := a.Store.Exists(ctx, artifact.Summary(c.name))
		return err == nil && found
	})
	a.AwaitNoLease()
}

// carryCertificates: each sandbox that a result names is proven gone by that result.
func carryCertificates(t *testing.T, c campaignUnderTest) {
	for _, sample := range []string{"s1", "s2", "s4", "s5"} {
		var result spec.EvalResult
		require.NoError(t, c.s.Store.ReadJSON(t.Context(), resultOfSample(c, sample), &result))
		require.Equal(t, spec.CleanupProven, result.Cleanup)
		named := 0
		for _, attempt := range result.Attempts {
			for _, sandbox := range attempt.Sandboxes {
				named++
				require.NotNil(t, sandbox.Removal, "%s: %+v", sample, sandbox)
				require.Equal(t, sandbox.ID, sandbox.Removal.SandboxID)
				require.NotEmpty(t, sandbox.Removal.ConfirmedBy)
			}
		}
		require.Positive(t, named)
	}
}

func resultOfSample(c campaignUnderTest, sample string) string {
	return artifact.Result(artifact.TrialPrefix(c.name, sample, 1, 0))
}

// tamper changes and removes a result.json, and puts it back.
func (a *auditUnderTest) tamper(c campaignUnderTest) {
	key := resultOfSample(c, "s2")
	honest, err := a.Store.ReadAll(a.t.Context(), key, 1<<20)
	require.NoError(a.t, err)
	write := func(text string) {
		_, err := a.Store.Overwrite(a.t.Context(), key, strings.NewReader(text), 1<<20)
		require.NoError(a.t, err)
	}
	better := strings.Replace(string(honest), `"passed":false`, `"passed":true`, 1)
	require.NotEqual(a.t, string(honest), better)
	write(better)
	require.Equal(a.t, c.evalID("s2"), a.finds(audit.CodeResultDiffers).EvalID)
	require.NoError(a.t, a.Store.Delete(a.t.Context(), key))
	require.Equal(a.t, c.evalID("s2"), a.finds(audit.CodeResultMissing).EvalID)
	write(string(honest))
	a.clean()
}

// rogue makes sandboxes past Pitwall: one that looks like its own, under a lease that is over; one of another cluster; one by
// hand. Only the first is this audit's to judge. The reaper removes it, and then it is accounted for.
func (a *auditUnderTest) rogue() {
	labels := map[string]string{
		activities.LabelManagedBy: activities.ManagedBy, activities.LabelCluster: a.Cluster, activities.LabelNamespace: a.Namespace,
		activities.LabelLease: "rogue/closed", activities.LabelLeaseRun: a.ClosedLeaseRun("rogue"),
	}
	id := a.MakeSandbox("rogue", labels)
	labels[activities.LabelCluster] = "another"
	foreign := a.MakeSandbox("foreign", labels)
	byHand := a.MakeSandbox("by-hand", nil)
	finding := a.finds(audit.CodeAliveUnheld)
	require.Equal(a.t, id, finding.SandboxID)
	text, _, code := a.Starter("sandboxes", "audit")
	require.Equal(a.t, 1, code)
	require.Regexp(a.t, `UNACCOUNTED +sandbox `+id+`, rogue, lease run .* alive .* closed \(completed\)`, text)

	_, stderr, code := a.Starter("sandboxes", "reap")
	require.Equal(a.t, 0, code, stderr)
	report := a.clean()
	require.Equal(a.t, []int{1, 1}, []int{report.NForeign, report.NByHand})
	require.Positive(a.t, report.LeakedSeconds)
	for _, left := range []string{foreign, byHand} {
		require.NoError(a.t, a.Daytona.DeleteSandbox(a.t.Context(), left))
		a.AwaitGone(left)
	}
}
