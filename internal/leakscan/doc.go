// Package leakscan looks for secrets that nobody named in what a job leaves behind: by the rules of gitleaks, without those
// that guess by variable names (generic-api-key), and by a few of our own.
//
// A file is looked through in windows, for gitleaks' rules take more than linear time on large texts. Each overlaps the one
// before, so that what a cut would have parted is seen whole:
//
//	|<------- 64 KiB ------->|
//	|<--- passed on --->|<-->|  the overlap begins at a line where there is one
//	                    |<------- the next window ------->|
package leakscan
