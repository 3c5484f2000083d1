// Package galileo sends one trace for each eval that has a result to Galileo (Splunk Agent Observability), over OTLP/HTTP with
// protobuf bodies, as its ingestion asks for:
//
//	WriteResult, the activity ── result ──> Trace ──> Outbox ──> POST, at most 3 tries ──> Galileo
//
//	trace (as the eval's in OpenTelemetry)
//	└ eval: correlation, outcome, score
//	  ├ attempt 1
//	  └ attempt 2
//
// The ids follow from the run's ID, so that an activity that is tried again, and a request that is sent again, say the same
// thing twice. Nothing of a job's code or output is in it.
package galileo
