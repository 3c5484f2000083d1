// Package spec holds what crosses Pitwall's borders: the inputs that people and programs write (EvalInput,
// CampaignInput), the results that they read (EvalResult, CampaignResult), their defaults and their validation.
//
// The same structs are a YAML file on a command line, the JSON of the Temporal UI's Start Workflow form, a workflow's
// payload and the result.json of a trial, so every field has one name everywhere (snake_case) and unknown fields are
// refused. Values are references where they can be large: content over MaxInlineBytes lives in the artifact store and
// is named by URI, size and SHA-256 (Ref).
//
// The package is pure: it reads no clock, file, environment or network, so workflow code may use it.
package spec
