// Package sentryreport reports to Sentry what went wrong for good: the failures of activities that nothing tries again, and
// what ends a worker. Nothing of it runs in workflow code, whose replay would report everything again.
//
//	activity ── error, panic ──> Reporter: is it the last? ─> event ─> BeforeSend: scrub ─> Outbox ─> Sentry
//	worker ─── error, panic ───────────────────────────────────┘
//
// docs/observability.md says what an event carries.
package sentryreport
