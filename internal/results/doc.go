// Package results goes between a campaign's records in the store and its rows.
//
//	manifest.jsonl ──page──> shards ──> evals ──> trials/…/result.json ──┐
//	      └──────────────── in the manifest's order ────────────────────┴──> rows ──> results.jsonl, metrics
//
// The manifest is written once and says what is to be run; result.json is written once and says what came of one trial;
// everything else is derived from these two, as often as is wanted and after Temporal has forgotten the campaign. A retry
// of a campaign has its own manifest; its results stand beside those that they repair, and count where the campaign and
// the retries before it have no score.
package results
