// Package galileoreceiver is Galileo's ingestion of traces for tests. It asks for what the documented one asks for, and answers
// as that does, in JSON:
//
//	415  the body is not protobuf          401  no key, or a wrong one
//	404  no such project                   422  no spans, or no log stream
//	200  {} or {"partialSuccess": …}, also where none of the spans was kept
package galileoreceiver
