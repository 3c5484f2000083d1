// Package secrets finds the values of secrets that specs name, on the worker that gives them to a job.
//
//	PITWALL_SECRET_<NAME>       the environment, read once
//	PITWALL_SECRETS_DIR/<name>  a folder of files, read each time: a value that is replaced there holds from the next job on
//
// The environment comes first. A value never leaves this package but to whom asks for it by name, and every value that is
// found is made known to the redactor before it is handed out.
package secrets
