package activities

import (
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"pitwall/internal/redact"
	"pitwall/internal/secrets"
	"pitwall/internal/spec"
	"pitwall/internal/supervisor"
)

// How a secret's value reaches a step:
//
//	worker ── Execute(launch), environment PITWALL_SECRET_<n> ──> supervise.sh ──> step's shell: sets the variable or
//	                                                              writes the file, unsets PITWALL_SECRET_*, execs the step
//
// So it is in no file of the supervisor's, in no command line, and, where the supervisor has a user of its own, in reach of
// no step but those that name it.

// secretVariable is the variable in which the supervisor holds the n-th secret (from 0) of Job.SecretNames.
func secretVariable(n int) string { return "PITWALL_SECRET_" + strconv.Itoa(n+1) }

// secretCheck makes sure, before anything is created, that the secrets of a job are there, and that its input holds the
// value of none.
type secretCheck struct {
	secrets  *secrets.Keeper
	redactor *redact.Redactor
	local    bool
}

// of checks a job and its input, an eval's or a campaign's; of this one, names that are made by a template are not known yet.
// Returns InvalidInput or SecretMissing.
func (c secretCheck) of(job spec.Job, input any) error {
	if c.local && len(job.DaytonaSecrets()) > 0 {
		return terminal(ErrTypeInvalidInput, errors.New(
			"job.secrets: local sandboxes have no vault, so from: daytona cannot be honoured; use from: worker, or a remote Daytona"))
	}
	names := slices.DeleteFunc(job.SecretNames(), func(name string) bool { return strings.Contains(name, "{{") })
	if _, err := c.secrets.Resolve(names); err != nil {
		return terminal(ErrTypeSecretMissing, err)
	}
	if err := refuseSecrets(c.redactor, input); err != nil {
		return terminal(ErrTypeInvalidInput, err)
	}
	return nil
}

// refuseSecrets refuses an input that holds the value of a secret, so that it goes no further.
func refuseSecrets(redactor *redact.Redactor, input any) error {
	text, err := json.Marshal(input)
	if err != nil {
		return err
	}
	if held := redactor.Known(text); len(held) > 0 {
		return fmt.Errorf("the input holds the value of the secret %s: replace it, and name the secret in job.secrets", strings.Join(held, ", "))
	}
	return nil
}

// secretEnvironment are the values of secrets in the variables of their supervisor.
func secretEnvironment(names []string, values map[string]string) map[string]string {
	env := make(map[string]string, len(names))
	for n, name := range names {
		env[secretVariable(n)] = values[name]
	}
	return env
}

// secretLines puts a step's secrets where it reads them, and takes all of the job's out of the environment.
func secretLines(job spec.Job, step spec.Step) string {
	var lines strings.Builder
	names := job.SecretNames()
	variable := make(map[string]string, len(names))
	all := make([]string, len(names))
	for n, name := range names {
		variable[name], all[n] = secretVariable(n), secretVariable(n)
	}
	for _, s := range append(job.Secrets[:len(job.Secrets):len(job.Secrets)], step.Secrets...) {
		if s.From == spec.SecretFromDaytona {
			continue
		}
		value := `"${` + variable[s.Name] + `?was not delivered}"`
		if s.File == "" {
			fmt.Fprintf(&lines, "export %s=%s\n", s.Env, value)
			continue
		}
		file := supervisor.Quote(absolute(homeDir, s.File))
		folder := supervisor.Quote(path.Dir(absolute(homeDir, s.File)))
		fmt.Fprintf(&lines, "(umask 077 && mkdir -p %s && rm -f %s && printf %%s %s >%s) || exit 125\n", folder, file, value, file)
	}
	if len(all) > 0 {
		fmt.Fprintf(&lines, "unset %s\n", strings.Join(all, " "))
	}
	return lines.String()
}

// secretFiles are the absolute paths of the files that hold a job's secrets while the step runs, or any step when it is nil.
func secretFiles(job spec.Job, step *spec.Step) []string {
	named := job.Secrets[:len(job.Secrets):len(job.Secrets)]
	for i := range job.Steps {
		if step == nil || &job.Steps[i] == step {
			named = append(named, job.Steps[i].Secrets...)
		}
	}
	var files []string
	for _, s := range named {
		if s.File != "" {
			files = append(files, absolute(homeDir, s.File))
		}
	}
	return files
}

// SecretFiles are the absolute paths of all files that hold a secret during a job.
func SecretFiles(job spec.Job) []string { return secretFiles(job, nil) }

// removeFiles is the command that removes files; empty for none.
func removeFiles(files []string) string {
	if len(files) == 0 {
		return ""
	}
	command := "rm -f --"
	for _, file := range files {
		command += " " + supervisor.Quote(file)
	}
	return command
}
