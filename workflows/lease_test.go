package workflows

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/testsuite"

	"pitwall/activities"
	"pitwall/internal/spec"
)

// leaseHarness runs one SandboxLease against a provider that is a map of living sandboxes.
type leaseHarness struct {
	env *testsuite.TestWorkflowEnvironment
	// living maps the sandboxes that GuardSandbox finds by name or label.
	living map[string]bool
	looks  int
}

func newLeaseHarness(t *testing.T) *leaseHarness {
	var suite testsuite.WorkflowTestSuite
	h := &leaseHarness{env: suite.NewTestWorkflowEnvironment(), living: map[string]bool{}}
	h.env.RegisterActivityWithOptions(h.guard, activity.RegisterOptions{Name: "GuardSandbox"})
	h.env.SetTestTimeout(time.Minute)
	t.Cleanup(func() { require.True(t, h.env.IsWorkflowCompleted(), "the lease never ended") })
	return h
}

func (h *leaseHarness) guard(_ context.Context, in activities.GuardSandboxInput) (activities.GuardSandboxResult, error) {
	h.looks++
	for _, known := range in.Known {
		h.living[known.ID] = true
	}
	var result activities.GuardSandboxResult
	for id := range h.living {
		result.Certificates = append(result.Certificates, proof(id))
		delete(h.living, id)
	}
	return result, nil
}

func proof(id string) spec.Certificate { return spec.Certificate{SandboxID: id, ConfirmedBy: "404"} }

func (h *leaseHarness) signal(after time.Duration, name string, arg any) {
	h.env.RegisterDelayedCallback(func() { h.env.SignalWorkflow(name, arg) }, after)
}

func (h *leaseHarness) run(t *testing.T) LeaseResult {
	t.Helper()
	h.env.ExecuteWorkflow(SandboxLease, LeaseInput{
		LeaseFacts: activities.LeaseFacts{SandboxName: "pitwall-a-b-0", Deadline: h.env.Now().Add(time.Hour)},
		Horizon:    2 * time.Minute,
	})
	require.NoError(t, h.env.GetWorkflowError())
	var result LeaseResult
	require.NoError(t, h.env.GetWorkflowResult(&result))
	return result
}

func TestLeaseEndsWithTheProofThatItWasHanded(t *testing.T) {
	h := newLeaseHarness(t)
	h.signal(time.Second, activities.SignalCreated, activities.CreatedSignal{ID: "s1"})
	h.signal(time.Minute, activities.SignalReleased, activities.ReleasedSignal{ID: "s1", Certificate: proof("s1")})
	result := h.run(t)
	require.Equal(t, "released", result.Reason)
	require.Equal(t, []spec.Certificate{proof("s1")}, result.Certificates)
	require.Zero(t, h.looks)
}

func TestLeaseThatGuardsTwoSandboxesRemovesTheOtherWhenOneIsReleased(t *testing.T) {
	h := newLeaseHarness(t)
	h.signal(time.Second, activities.SignalCreated, activities.CreatedSignal{ID: "s1"})
	h.signal(2*time.Second, activities.SignalCreated, activities.CreatedSignal{ID: "s2"})
	h.signal(3*time.Second, activities.SignalReleased, activities.ReleasedSignal{ID: "s2", Certificate: proof("s2")})
	began := h.env.Now()
	result := h.run(t)
	require.Equal(t, []spec.Certificate{proof("s2"), proof("s1")}, result.Certificates)
	require.Less(t, h.env.Now().Sub(began), time.Minute, "it waited for its deadline")
}

func TestLeaseIgnoresTheReleaseOfAnotherSandbox(t *testing.T) {
	h := newLeaseHarness(t)
	h.signal(time.Second, activities.SignalCreated, activities.CreatedSignal{ID: "s1"})
	h.signal(2*time.Second, activities.SignalReleased, activities.ReleasedSignal{ID: "s9", Certificate: proof("s9")})
	result := h.run(t)
	require.Equal(t, "deadline", result.Reason)
	require.Equal(t, []spec.Certificate{proof("s1")}, result.Certificates)
}

func TestCancelledLeaseRemovesWhatItGuards(t *testing.T) {
	h := newLeaseHarness(t)
	h.signal(time.Second, activities.SignalCreated, activities.CreatedSignal{ID: "s1"})
	h.env.RegisterDelayedCallback(h.env.CancelWorkflow, 2*time.Second)
	result := h.run(t)
	require.Equal(t, "cancelled", result.Reason)
	require.Equal(t, []spec.Certificate{proof("s1")}, result.Certificates)
	require.Equal(t, 1, h.looks)
}

func TestReleaseBesideACancelIsNotOvertakenByIt(t *testing.T) {
	h := newLeaseHarness(t)
	h.signal(time.Second, activities.SignalCreated, activities.CreatedSignal{ID: "s1"})
	h.env.RegisterDelayedCallback(func() {
		h.env.CancelWorkflow()
		h.env.SignalWorkflow(activities.SignalReleased, activities.ReleasedSignal{ID: "s1", Certificate: proof("s1")})
	}, 2*time.Second)
	h.run(t)
	require.LessOrEqual(t, h.looks, 1)
}

func TestCancelledLeaseWithoutAnIDLooksAgainAfterTheHorizon(t *testing.T) {
	h := newLeaseHarness(t)
	h.env.RegisterDelayedCallback(h.env.CancelWorkflow, time.Second)
	// A create that takes effect late, after the first look.
	h.env.RegisterDelayedCallback(func() { h.living["late"] = true }, time.Minute)
	began := h.env.Now()
	result := h.run(t)
	require.Equal(t, []spec.Certificate{proof("late")}, result.Certificates)
	require.Empty(t, h.living)
	require.GreaterOrEqual(t, h.env.Now().Sub(began), 2*time.Minute)
}

// Of two requests for one sandbox the one without an answer may take effect when the other's is gone, and its name free.
func TestReleasedLeaseWaitsForACreateThatMayYetCome(t *testing.T) {
	h := newLeaseHarness(t)
	h.signal(time.Second, activities.SignalCreated, activities.CreatedSignal{ID: "s1", MoreMayCome: true})
	h.signal(5*time.Second, activities.SignalReleased, activities.ReleasedSignal{ID: "s1", Certificate: proof("s1")})
	h.env.RegisterDelayedCallback(func() { h.living["late"] = true }, time.Minute)
	began := h.env.Now()
	result := h.run(t)
	require.Equal(t, "released", result.Reason)
	require.Equal(t, []spec.Certificate{proof("s1"), proof("late")}, result.Certificates)
	require.GreaterOrEqual(t, h.env.Now().Sub(began), 2*time.Minute)
}

// A look that began before the horizon and ended after it has not seen what came in between.
func TestSlowLookBeforeTheHorizonIsNotTheLast(t *testing.T) {
	h := newLeaseHarness(t)
	h.env.OnActivity("GuardSandbox", mock.Anything, mock.Anything).Return(activities.GuardSandboxResult{}, nil).After(3 * time.Minute).Once()
	h.env.OnActivity("GuardSandbox", mock.Anything, mock.Anything).Return(h.guard)
	h.env.RegisterDelayedCallback(h.env.CancelWorkflow, 10*time.Second)
	h.env.RegisterDelayedCallback(func() { h.living["late"] = true }, time.Minute)
	h.run(t)
	require.Empty(t, h.living)
}

// A worker died in CreateSandbox: before anything more is sent the lease hears that there may be something that nobody knows.
func TestLeaseThatWasWarnedWaitsForTheHorizon(t *testing.T) {
	h := newLeaseHarness(t)
	h.signal(time.Second, activities.SignalCreated, activities.CreatedSignal{ID: "s1"})
	h.signal(2*time.Second, activities.SignalCreated, activities.CreatedSignal{MoreMayCome: true})
	h.env.RegisterDelayedCallback(h.env.CancelWorkflow, 3*time.Second)
	h.env.RegisterDelayedCallback(func() { h.living["late"] = true }, time.Minute)
	result := h.run(t)
	require.Equal(t, []spec.Certificate{proof("s1"), proof("late")}, result.Certificates)
}

func TestLeaseIsToldThatNothingWasCreated(t *testing.T) {
	h := newLeaseHarness(t)
	h.signal(time.Second, activities.SignalRefused, activities.RefusedSignal{Reason: "unknown snapshot"})
	result := h.run(t)
	require.Equal(t, "refused", result.Reason)
	require.Empty(t, result.Certificates)
	require.Zero(t, h.looks)
}

func TestCreatedThatArrivesDuringTheRemovalIsRemovedToo(t *testing.T) {
	h := newLeaseHarness(t)
	h.env.RegisterDelayedCallback(h.env.CancelWorkflow, time.Second)
	h.signal(30*time.Second, activities.SignalCreated, activities.CreatedSignal{ID: "s2"})
	result := h.run(t)
	require.Equal(t, []spec.Certificate{proof("s2")}, result.Certificates)
	require.Empty(t, h.living)
}
