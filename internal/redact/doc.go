// Package redact takes secrets out of what Pitwall stores, logs and shows.
//
//	known values   every secret that this process holds, in each form in which programs print one
//	rules          what a secret of a well-known kind begins with, and then looks like
//
// Both replace what they find by [REDACTED:name]; every other byte stays as it is, binary data included.
//
//	     chunk of a stream           decided                  not yet decided
//	┌───────────────────────────┬──────────────────┐   ┌─────────────────────────┐
//	│ ... as it is ... secret ..│ .. may be the    │ ─>│ read again, with what   │
//	│        [REDACTED:name]    │ first half of one│   │ comes next              │
//	└───────────────────────────┴──────────────────┘   └─────────────────────────┘
//
// It guards against accidents: a key in a log, an environment that a program dumps. Code that wants to give its secret away
// can write it backwards; what bounds that is its network and which secrets it may use.
package redact
