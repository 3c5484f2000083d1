// Package policy bounds what an eval may ask for, before anything is created.
//
// A policy is a YAML file with a section for all kinds of job and one for each kind. A field that a section lacks takes the
// value of the section around it:
//
//	kinds.data_prep   ─┐
//	kinds.evaluation   ├──> all ──> default.yaml (built in, and the whole policy of a worker without a file)
//	kinds.tool_sim…   ─┘
//
// Check is a pure function of the policy and an effective input:
//
//	file ──Load──> *Policy ──Check(EvalInput with its defaults)──> nil, or *Violation with every broken rule
//
// It is applied where an eval is planned (activities.PlanEval), where a campaign's files are opened, and by `starter validate`
// and `starter run`. What it admits is enforced a second time by what runs the sandbox: see docs/policy.md.
package policy
