// Package report opens a campaign's report in a real browser: Chromium, driven by playwright-core from npm.
package report
