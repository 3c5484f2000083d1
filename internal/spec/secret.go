package spec

// Secret names a secret that a job or a step of it reads, and says how it appears there. Its value stands in no input: it
// goes into the sandbox when the job is launched.
type Secret struct {
	// Name of the secret, as the operator named it: up to 64 letters, digits, underscores and dashes.
	Name string `json:"name"`
	// Env is the variable that holds the value. Default Name, unless File is given.
	Env string `json:"env,omitempty"`
	// File holds the value instead, with mode 0600: absolute or relative to /home/daytona. It is gone when its step has ended.
	File string `json:"file,omitempty"`
	// From says who keeps the value: worker (the default) or daytona, whose vault gives the sandbox a placeholder that its
	// own proxy replaces in requests to the secret's hosts. One of Daytona's is for the whole job, and a variable.
	From string `json:"from,omitempty"`
}

// Who keeps a secret's value.
const (
	SecretFromWorker  = "worker"
	SecretFromDaytona = "daytona"
)

// SecretNames are the secrets that the worker gives to a job, each once, in the order of the input.
func (j Job) SecretNames() []string {
	var names []string
	seen := map[string]bool{}
	for _, used := range j.secretUses() {
		if s := used.secret; s.From != SecretFromDaytona && !seen[s.Name] {
			seen[s.Name] = true
			names = append(names, s.Name)
		}
	}
	return names
}

// DaytonaSecrets maps variables of the sandbox to secrets of Daytona's vault.
func (j Job) DaytonaSecrets() map[string]string {
	vault := map[string]string{}
	for _, s := range j.Secrets {
		if s.From == SecretFromDaytona {
			vault[s.Env] = s.Name
		}
	}
	return vault
}

// SecretUse is a place of an input that names a secret.
type SecretUse struct {
	// Path of the place, such as job.secrets[0].
	Path string
	Name string
}

// SecretUses are all places that name a secret.
func (j Job) SecretUses() []SecretUse {
	var uses []SecretUse
	for _, used := range j.secretUses() {
		uses = append(uses, SecretUse{Path: used.path, Name: used.secret.Name})
	}
	return uses
}

// secretUse is a secret at its path. step is its step's index, -1 for the job's own.
type secretUse struct {
	path   string
	step   int
	secret Secret
}

func (j Job) secretUses() []secretUse {
	var uses []secretUse
	for i, s := range j.Secrets {
		uses = append(uses, secretUse{index("job.secrets", i), -1, s})
	}
	for n, step := range j.Steps {
		for i, s := range step.Secrets {
			uses = append(uses, secretUse{index(index("job.steps", n)+".secrets", i), n, s})
		}
	}
	return uses
}

// secretDefaults fills what is unset of a list of secrets.
func secretDefaults(secrets []Secret) {
	for i := range secrets {
		setDefault(&secrets[i].From, SecretFromWorker)
		if secrets[i].File == "" {
			setDefault(&secrets[i].Env, secrets[i].Name)
		}
	}
}

// Redaction says what is looked for in a job's artifacts.
type Redaction struct {
	// ScanArtifacts looks for keys and tokens that nobody named, by their shape, and takes them out. Default true. Secrets that
	// the worker knows are taken out always.
	ScanArtifacts *bool `json:"scan_artifacts,omitempty"`
}

// Scans reports whether artifacts are looked through: unless the input says no.
func (r Redaction) Scans() bool { return r.ScanArtifacts == nil || *r.ScanArtifacts }
