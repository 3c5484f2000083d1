// Package telemetry is how Pitwall says what it is doing: the logger that everything is handed, the journal of sandboxes'
// lives, the metrics of a worker, and spans. docs/observability.md is its page.
//
//	workflows, activities ──entry──> Journal ─┬─ line ───> zap ──> stderr
//	                                          └─ count ──> Metrics ──> /metrics
//	Temporal's SDK, internal/daytona ──span──> Tracing ─> valve ─> queue ─> OTLP
//
// The ids that lines and spans have in common (Correlation) travel from a workflow to what it starts in Temporal's headers.
// None of it can fail or hold up an eval: what cannot be delivered is dropped, and counted.
package telemetry
