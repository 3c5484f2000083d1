// Package retention removes records from the store when their time is over.
//
//	campaigns/<id>/…   a campaign with its retries    kept for retain (its own, else the operator's) after its end,
//	evals/<id>/…       an eval of no campaign         and longer while a pin or a baseline names it
//	pins/, baselines/  names of what is kept
//	deleted/           what was removed, when and why
//	blobs/             uploaded inputs: never removed, for a schedule's next campaign may name them
//
// The removal of one campaign can be cut off at any point, and the next pass goes on:
//
//	found ──> deleted/<id>.json (complete: false) ──> its objects, its manifest last ──> complete: true
package retention
