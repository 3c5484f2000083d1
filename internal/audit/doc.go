// Package audit holds what was created against what was certified and what Temporal says, and finds every sandbox that is
// unaccounted for. It is pure: Sources go in, a Report comes out, in whatever order the sources were read.
//
//	the provider's record   created, destroyed, why      ─┐
//	the provider, by id     what is alive now             │
//	lease runs              open or closed, certificates  ├─> one file per sandbox ─> findings, notes, seconds
//	eval results            Temporal's and result.json    │
//	reaper runs             what they removed            ─┘
//
// A sandbox of ours is accounted for when it is certified and gone, or held (its lease is open, or it is gone and its eval
// has yet to return), or the provider's own record says that the provider ended it. The sources must be read in such an order
// that what is written later is read earlier: leases and results first, the record after them, the provider by id last. Then no
// race makes a finding.
package audit
