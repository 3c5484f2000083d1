// Package telemetry is how Pitwall says what it is doing: the logger that everything is handed, and the names of the
// fields that log lines may carry.
package telemetry
