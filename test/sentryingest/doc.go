// Package sentryingest is Sentry's ingestion for tests: it parses envelopes as Sentry's developer documentation describes
// them (develop.sentry.dev, "Envelopes"), keeps the events, and can be told to misbehave.
package sentryingest
