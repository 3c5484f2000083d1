// Package artifact is Pitwall's store: what outlives sandboxes, workers and Temporal's retention.
//
// A Store is one bucket (a directory, S3, or memory in tests) of small and large blobs under keys that only keys.go
// makes, so that no name that came from a dataset or a sandbox ever becomes a path:
//
//	campaigns/<id>/manifest.jsonl                     written once: what is to be run
//	campaigns/<id>/results.jsonl, summary.json        derived: assembled again at will
//	campaigns/<id>/retry-<n>/...                      the same three of a campaign retry
//	campaigns/<id>/trials/<sample>/<epoch>[/r<n>]/    one trial (r<n>: in retry n), or evals/<id>/ for a direct eval
//	    result.json                                   written once, before the eval completes
//	    attempt-<n>/streams/<step>/<stdout|stderr>/   chunks, see below
//	    attempt-<n>/artifacts/<path, escaped>         fetched files
//	blobs/<2>/<sha256>                                uploads, by content
//
// A stream is a prefix of chunk objects named by the 20-digit offset of their first byte, and an end marker:
//
//	…/stdout/00000000000000000000   bytes 0–4095
//	…/stdout/00000000000000004096   bytes 4096–…
//	…/stdout/end                    {"bytes_total", "bytes_kept", "sha256"}: nothing more will come
//
// A worker that takes over writes the same bytes at the same offsets, perhaps cut differently, so chunks may overlap; a
// reader goes by offsets, follows until the end marker, and reports a hole (ErrGap) or other bytes (ErrDigest).
//
// Names are case-sensitive. On a file system that is not, two samples whose names differ only in case meet in one key;
// the second result is then refused with ErrExists, never mixed with the first.
package artifact
