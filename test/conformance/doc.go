// Package conformance runs the official TypeScript SDK of Daytona, unchanged, against the local sandbox server: see
// README.md.
package conformance
