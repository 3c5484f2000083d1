// Package telemetry is how Pitwall says what it is doing: the logger that everything is handed, the names of the fields
// that log lines may carry, and the metrics of a worker.
package telemetry
