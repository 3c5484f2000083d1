package main

import (
	"context"
	"errors"

	"go.temporal.io/api/serviceerror"

	"pitwall/internal/spec"
	"pitwall/internal/temporalclient"
)

// Exit codes. Scripts rely on them.
const (
	exitPassed      = 0
	exitFailed      = 1   // the job or the gate failed
	exitInfra       = 2   // infrastructure error, or inconclusive
	exitUsage       = 3   // wrong use or invalid input
	exitInterrupted = 130 // Ctrl-C
)

// UsageError is the caller's to mend: a wrong flag, file, name or setting.
type UsageError struct {
	// Problem says what is wrong, and where.
	Problem string
	// Hint says what to do. May be empty.
	Hint string
	// Err is the cause. May be nil.
	Err error
}

func (e *UsageError) Error() string {
	if e.Err != nil && e.Problem == "" {
		return e.Err.Error()
	}
	if e.Err != nil {
		return e.Problem + ": " + e.Err.Error()
	}
	return e.Problem
}

func (e *UsageError) Unwrap() error { return e.Err }

// InfraError is an error of something that the command needs, with what to do about it.
type InfraError struct {
	Err  error
	Hint string
}

func (e *InfraError) Error() string { return e.Err.Error() }

func (e *InfraError) Unwrap() error { return e.Err }

// outcome ends a command whose result was printed already: only the exit code is left to say.
type outcome int

func (o outcome) Error() string { return "the result was printed" }

// interrupted ends a command after Ctrl-C; it says what goes on.
type interrupted struct{ message string }

func (i interrupted) Error() string { return i.message }

// asInterrupted says so when Ctrl-C is all that an error amounts to: a call that was cut off.
func asInterrupted(ctx context.Context, err error) error {
	if err == nil || ctx.Err() == nil || errors.As(err, new(outcome)) || errors.As(err, new(interrupted)) {
		return err
	}
	var called *serviceerror.Canceled
	if errors.Is(err, context.Canceled) || errors.As(err, &called) || errors.As(err, new(*temporalclient.UnreachableError)) {
		return interrupted{"interrupted"}
	}
	return err
}

func asUsage(err error) error {
	if errors.As(err, new(*UsageError)) {
		return err
	}
	return &UsageError{Err: err, Hint: "see: starter --help"}
}

func exitCode(ctx context.Context, err error) int {
	var done outcome
	var stopped interrupted
	switch {
	case err == nil:
		return exitPassed
	case errors.As(err, &done):
		return int(done)
	case errors.As(err, &stopped), ctx.Err() != nil:
		return exitInterrupted
	case errors.As(err, new(*UsageError)), errors.As(err, new(*spec.InvalidInput)):
		return exitUsage
	}
	return exitInfra
}

// hintOf is what to do about an error; empty when nothing better is known than its text.
func hintOf(err error) string {
	var usage *UsageError
	if errors.As(err, &usage) {
		return usage.Hint
	}
	var infra *InfraError
	if errors.As(err, &infra) {
		return infra.Hint
	}
	return ""
}
