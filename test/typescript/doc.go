// Package typescript runs examples/mams/typescript, which needs Node and npm, against a whole stack.
package typescript
