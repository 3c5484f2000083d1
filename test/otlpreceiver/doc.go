// Package otlpreceiver is a receiver of spans for tests: it speaks OTLP over HTTP with protobuf bodies, as a collector does,
// keeps what it was sent, and can be told to misbehave.
package otlpreceiver
