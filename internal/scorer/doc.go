// Package scorer judges what a job left behind.
//
// Everything it reads is the job's word: exit records that the worker has checked, streams and files that it has not. So
// every read is capped, every document is strictly parsed, and doubt is a failure of the job with an explanation, never an
// error: an error would take the trial out of the accuracy, and a job could choose that. An error means that the store or
// the scorer's own settings failed.
//
//	            evidence                       verdict
//	exit_code   the exit records               every step (or Step) exited 0 within its limits; pure, so workflows call it
//	json_file   a fetched file, ≤ 1 MiB        the number or boolean at Field is ≥ Threshold
//	regex       a stream's kept bytes, ≤ 64 MiB   Pattern (RE2, linear time) is found
//	command     its own step, in its own sandbox  it exited 0; a last line {"value": n} of stdout sets the value
//
// A job whose supervisor was lost fails under the first three, and so does one in which a step ran into a time limit, under
// exit_code a judged one: its files and streams are those of an unfinished job.
package scorer
