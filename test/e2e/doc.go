// Package e2e tests Pitwall whole: real Temporal, real gVisor sandboxes, real worker processes, killed for real.
package e2e
