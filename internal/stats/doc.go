// Package stats turns the rows of a campaign into metrics and a verdict. It is pure and reads rows one at a time: its
// memory grows with the number of samples, not of trials.
//
// What was not scored is always shown beside what was: an infrastructure fault is neither a pass nor a failure, and too
// many of them make a campaign INCONCLUSIVE.
package stats
