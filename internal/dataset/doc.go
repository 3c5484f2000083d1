// Package dataset reads samples and candidate answers, and plans a campaign's trials from them.
//
//	dataset (humaneval, jsonl, csv; gzip or not) ──Open──> rows ─┐
//	answers (samples file | field | text | made by the job) ─────┼─Plan──> Trial{sample, epoch, category, EvalInput} …
//	campaign's template ─────────────────────────────────────────┘
//
// Rows stream: only ids and a samples file's answers are held, within bounds. The dataset is always read to its end,
// also past a limit, because only then is it known that no id is double, no asked-for sample unknown and no answer
// without a sample. So a caller that hashes while Plan reads has the hash of the whole. Trials may come before such an
// error: keep nothing of them before the sequence has ended without one.
//
// The files are data of other people: every size is bounded, and an error names the row and what is wrong with it.
package dataset
