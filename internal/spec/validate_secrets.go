package spec

import (
	"path"
	"regexp"
)

var secretName = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_-]{0,63}$`)

// secrets checks which secrets a job names, and that each has a place of its own in every step that sees it.
func (c *checker) secrets(j Job) {
	uses := j.secretUses()
	if len(uses) > MaxSecrets {
		c.bad("job.secrets", "and those of its steps are %d, more than %d: put several into one file", len(uses), MaxSecrets)
		return
	}
	for i, used := range uses {
		c.secret(used)
		c.secretPlace(j, used, uses[:i])
	}
}

func (c *checker) secret(used secretUse) {
	s := used.secret
	if !c.open(s.Name) && !secretName.MatchString(s.Name) {
		c.bad(used.path+".name", "%q is not a secret's name: use 1 to 64 letters, digits, underscores and dashes, no dash first", clip(s.Name))
	}
	c.choice(used.path+".from", s.From, SecretFromWorker, SecretFromDaytona)
	switch {
	case s.Env != "" && s.File != "":
		c.bad(used.path, "has both env and file: give one, and name the secret twice for both")
	case s.File != "":
		c.path(used.path+".file", s.File)
	case !c.open(s.envName()) && !envName.MatchString(s.envName()):
		c.bad(used.path+".env", "%q is not a variable's name: use letters, digits and underscores, no digit first", clip(s.envName()))
	}
	if s.From == SecretFromDaytona && (s.File != "" || used.step >= 0) {
		c.bad(used.path, "is of Daytona's vault, which sets a variable of the whole sandbox: name it in job.secrets, without file")
	}
}

// secretPlace refuses a variable or file that something else sets in the same step.
func (c *checker) secretPlace(j Job, used secretUse, earlier []secretUse) {
	place := used.secret.place()
	if c.open(place) {
		return
	}
	for _, other := range earlier {
		shared := other.step == used.step || other.step < 0 || used.step < 0
		if shared && other.secret.place() == place {
			c.bad(used.path, "sets %q, and so does %s: keep one", clip(place), other.path)
			return
		}
	}
	name := used.secret.envName()
	if name == "" {
		return
	}
	if _, set := j.Env[name]; set {
		c.bad(used.path, "sets %q, and so does job.env: keep one", clip(name))
	}
	for n, step := range j.Steps {
		if _, set := step.Env[name]; set && (used.step < 0 || used.step == n) {
			c.bad(used.path, "sets %q, and so does %s: keep one", clip(name), index("job.steps", n)+".env")
		}
	}
}

// envName is the variable that holds the secret; empty for a file.
func (s Secret) envName() string {
	switch {
	case s.File != "":
		return ""
	case s.Env != "":
		return s.Env
	}
	return s.Name
}

// place is where the secret appears: an absolute path, or a variable's name.
func (s Secret) place() string {
	switch {
	case s.File == "":
		return s.envName()
	case path.IsAbs(s.File):
		return path.Clean(s.File)
	}
	return path.Join(HomeDir, s.File)
}
