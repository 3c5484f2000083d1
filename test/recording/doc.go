// Package recording stores histories of real runs, reads them, and replays them with the code at hand. A set of them is a
// folder, recorded at the end of some piece of work and never changed: what was once recorded, workers may still have open.
package recording
