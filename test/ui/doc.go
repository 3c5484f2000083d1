// Package ui drives Temporal's UI in Chromium, on a stack of real parts: the forms open filled in by the links that doctor
// prints, evals and campaigns are started, watched and refused there, and nothing that a sandbox wrote is interpreted.
//
//	ui_test.go ── starts the stack, asks doctor for the links ──> node --test console.test.mjs ──> Chromium ──> UI
//
// It needs Debian's chromium, Node 20 and npm, which fetches playwright-core; it says so where they are missing.
package ui
