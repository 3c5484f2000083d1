package activities

import (
	"errors"
	"strings"
	"time"

	"go.temporal.io/sdk/temporal"

	"pitwall/internal/policy"
	"pitwall/internal/spec"
)

// Types of application errors. Go error identity is lost between an activity and its workflow; these strings survive,
// so they are the contract on which workflows branch and operators search.
const (
	ErrTypeInvalidInput    = "InvalidInput"        // the input is wrong; nothing was created
	ErrTypePolicyViolation = policy.ViolationType  // the policy does not admit the input; nothing was created
	ErrTypePolicyWeaker    = "PolicyNotApplied"    // the provider's sandbox may reach more than was asked for; nothing ran in it
	ErrTypeDisabled        = "Disabled"            // DAYTONA_ENABLED=false
	ErrTypeCapacity        = "Capacity"            // 429 or quota: nothing was created; try again outside the slot
	ErrTypeCreateRefused   = "CreateRefused"       // the provider refused for good (snapshot, key, region)
	ErrTypeCreateFailed    = "CreateFailed"        // the sandbox did not start, or nobody knows
	ErrTypeZombie          = "Zombie"              // this attempt's lease is over: it owns nothing any more
	ErrTypeEvalReset       = "EvalReset"           // the eval was reset since it claimed its slot: the lease is out of its reach
	ErrTypeSandboxLost     = "SandboxLost"         // the sandbox is gone or does not answer
	ErrTypeSandboxExpired  = "SandboxExpired"      // our own clock (TTL, lease deadline) ended the sandbox
	ErrTypeJobNeverStarted = "JobNeverStarted"     // the launch was claimed, but no supervisor ever ran
	ErrTypeSecretMissing   = "SecretMissing"       // a secret that the input names is not on the worker
	ErrTypeInputMissing    = "InputMissing"        // a URI of the input could not be read, or has another digest
	ErrTypeInputRefused    = "InputRefused"        // the sandbox, which is well, does not take a file of the input
	ErrTypeUnresponsive    = "SandboxUnresponsive" // started, says the provider, and its toolbox is silent: the job's doing or a fault
	ErrTypeImageUnsuitable = "ImageUnsuitable"     // the image lacks what the supervisor needs
	ErrTypeScorer          = "ScorerFailed"        // the judge itself could not judge
	ErrTypeStore           = "StoreFailed"         // the artifact store refused
	ErrTypeTransport       = "Transport"           // the provider's API did not answer as it should
	ErrTypeCleanupBlocked  = "CleanupBlocked"      // the provider denies the DELETE
	ErrTypeWebhook         = "WebhookFailed"       // the operator's webhook did not take it, this time
	ErrTypeWebhookRefused  = "WebhookRefused"      // it never will
)

// originOf says who has to act on an error type. What is not listed is infra.
var originOf = map[string]string{
	ErrTypeInvalidInput:    spec.OriginUser,
	ErrTypePolicyViolation: spec.OriginUser,
	ErrTypePolicyWeaker:    spec.OriginUser,
	ErrTypeDisabled:        spec.OriginUser,
	ErrTypeCreateRefused:   spec.OriginUser,
	ErrTypeSecretMissing:   spec.OriginUser,
	ErrTypeInputMissing:    spec.OriginUser,
	ErrTypeInputRefused:    spec.OriginUser,
	ErrTypeSandboxExpired:  spec.OriginLimit,
	ErrTypeImageUnsuitable: spec.OriginUser,
	ErrTypeUnresponsive:    spec.OriginAmbiguous,
	ErrTypeScorer:          spec.OriginScorer,
}

// SteeringErrors are the types by which an activity tells its workflow to go another way, with nothing amiss: a provider that
// is full is asked again later, and an activity that finds itself superseded gives up.
func SteeringErrors() []string { return []string{ErrTypeCapacity, ErrTypeZombie, ErrTypeEvalReset} }

// Describe turns the error of an activity (as its workflow sees it) into what a result says. Pure.
func Describe(err error) *spec.EvalError {
	if err == nil {
		return nil
	}
	var app *temporal.ApplicationError
	if errors.As(err, &app) {
		origin, known := originOf[app.Type()]
		if !known {
			origin = spec.OriginInfra
		}
		return &spec.EvalError{Origin: origin, Type: app.Type(), Message: bounded(app.Message(), messageBytes(app.Type()))}
	}
	var timeout *temporal.TimeoutError
	if errors.As(err, &timeout) {
		return &spec.EvalError{Origin: spec.OriginInfra, Type: "ActivityTimeout", Message: bounded(err.Error(), maxErrorBytes)}
	}
	name := "Unknown"
	var terminated *temporal.TerminatedError
	var taken *temporal.ChildWorkflowExecutionAlreadyStartedError
	switch {
	case errors.As(err, &terminated):
		name = "Terminated"
	case errors.As(err, &taken):
		name = "AlreadyRunning"
	}
	return &spec.EvalError{Origin: spec.OriginInfra, Type: name, Message: bounded(err.Error(), maxErrorBytes)}
}

// maxErrorBytes bounds what of an error reaches a history: error texts may quote a provider's page or a job's bytes.
const maxErrorBytes = 1024

// messageBytes bounds the message of an error type. A policy's violation is built of bounded parts, and names every rule.
func messageBytes(errType string) int {
	if errType == ErrTypePolicyViolation {
		return policy.MaxViolationBytes
	}
	return maxErrorBytes
}

func bounded(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	return strings.ToValidUTF8(text[:limit], "") + " …(cut)" // protobuf refuses half a rune
}

// terminal is an error that no retry of the activity can mend.
func terminal(errType string, cause error, details ...any) error {
	return temporal.NewApplicationErrorWithOptions(bounded(cause.Error(), messageBytes(errType)), errType,
		temporal.ApplicationErrorOptions{NonRetryable: true, Details: details})
}

// retryable is an error after which the activity's own retry policy goes on, at the earliest after delay (0: the policy's).
func retryable(errType string, cause error, delay time.Duration, details ...any) error {
	return temporal.NewApplicationErrorWithOptions(bounded(cause.Error(), maxErrorBytes), errType,
		temporal.ApplicationErrorOptions{NextRetryDelay: delay, Details: details})
}
