// Command bench measures a whole Pitwall on this machine, each figure beside a baseline that is taken in the same run. It prints
// one JSON document (see Report) to stdout and a table to stderr.
//
//	sandboxes   create → first command, second command, delete     beside a bare runsc, a call without a process, one GET
//	evals       campaigns of n jobs, through Pitwall               beside a Go loop over internal/daytona: the same trials,
//	            (sleep 1 s; nothing; HumanEval's answers)          supervisor and proofs of removal, with nothing durable
//	hand-off    removal proven → next create sent, hop by hop      beside the loop's own
//	cost        history events and billable actions of one eval
//
// It starts what `starter dev` starts, with a state folder of its own, and stops it at the end. Bounds: -timeout for all of it;
// every sandbox has a TTL, and the sandbox server removes what is left.
package main
