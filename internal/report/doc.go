// Package report makes a campaign readable: one model, and a form of it for each reader.
//
//	results.Details ──> Builder ──> Report ──┬──> html      one file, no network: people
//	  trials, results    redacts,            ├──> md        a comment on a change
//	  from the store     bounds              ├──> json      scripts: the Report itself
//	                                         ├──> csv       spreadsheets
//	                                         ├──> junit     CI
//	                                         ├──> github, gitlab    annotations of a change
//	                                         ├──> mail      who reads no dashboard
//	                                         └──> jsonl, humaneval   other harnesses
//
// It reads and writes nothing but what it is given. All texts of trials are hostile: what sandboxes wrote, and names from
// datasets. Builder looks through them for what looks like a secret once more, and bounds them; each form then quotes them as
// its reader needs.
package report
