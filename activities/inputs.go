package activities

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"path"
	"sort"
	"strings"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.uber.org/zap"

	"pitwall/internal/artifact"
	"pitwall/internal/daytona"
	"pitwall/internal/leakscan"
	"pitwall/internal/redact"
	"pitwall/internal/secrets"
	"pitwall/internal/spec"
	"pitwall/internal/supervisor"
	"pitwall/internal/telemetry"
)

const (
	// homeDir is the home and work directory of every Daytona sandbox, and of ours.
	homeDir = "/home/daytona"
	// controlDir holds the supervisor, its plan and its records. /var/tmp is on the sandbox's disk and there for every
	// user; the directory is made before the job's first instruction. One job runs in a sandbox, so the name is fixed.
	controlDir = "/var/tmp/.pitwall"
	// streamScheme names a stored stream in a File's URI, for a command scorer's inputs. Only workflows make such URIs.
	streamScheme = "stream:"
)

// StreamURI names a stored stream as an input of a command scorer.
func StreamURI(prefix string) string { return streamScheme + prefix }

// Jobs does what happens inside one sandbox.
type Jobs struct {
	Daytona *daytona.Client
	Store   *artifact.Store
	Log     *zap.Logger
	Journal *telemetry.Journal
	// Redactor takes secrets out of what a job leaves behind, Secrets gives them to it.
	Redactor *redact.Redactor
	Secrets  *secrets.Keeper
	// Scanner looks through artifacts for secrets that nobody named; nil looks for none.
	Scanner *leakscan.Scanner
}

// UploadInputsInput is the input of UploadInputs.
type UploadInputsInput struct {
	Sandbox CreatedSandbox `json:"sandbox"`
	Inputs  spec.Inputs    `json:"inputs"`
	Job     spec.Job       `json:"job"`
	// Language of a code step that names none.
	Language string `json:"language"`
	// GrantedTo is the run of the eval that claimed the slot; empty from evals that are older than the field.
	GrantedTo string `json:"granted_to,omitempty"`
}

// UploadInputs puts the job's supervisor and its plan, its clone and its files into the sandbox; files may lie in the clone.
// Repeating it before the job was launched changes nothing. Returns InputMissing, InputRefused, SandboxLost, EvalReset or
// Transport.
func (j *Jobs) UploadInputs(ctx context.Context, in UploadInputsInput) error {
	if err := sameRun(ctx, in.GrantedTo); err != nil {
		return err
	}
	defer startPulse(ctx, "uploading inputs").end()
	toolbox := j.toolbox(in.Sandbox)
	control, err := controlFiles(in)
	if err != nil {
		return terminal(ErrTypeInvalidInput, err)
	}
	if err := toolbox.AsRoot().Upload(ctx, control); err != nil {
		return j.sandboxError(ctx, in.Sandbox, fmt.Errorf("upload supervisor: %w", err))
	}
	if in.Inputs.Git != nil {
		if err := j.clone(ctx, toolbox, in); err != nil {
			return err
		}
	}
	return j.uploadFiles(ctx, toolbox, in)
}

// clone clones into a folder without the clone that an earlier try left there: git takes no folder that holds something. The home
// folder, into which git never clones, is not touched.
func (j *Jobs) clone(ctx context.Context, toolbox *daytona.Toolbox, in UploadInputsInput) error {
	clone := daytona.GitCloneRequest{URL: in.Inputs.Git.URL, Commit: in.Inputs.Git.Commit, Path: absolute(homeDir, in.Inputs.Git.Path)}
	folder := supervisor.Quote(clone.Path)
	removal := fmt.Sprintf("test %[1]s = %[2]s || test ! -e %[1]s/.git || rm -rf -- %[1]s", folder, supervisor.Quote(homeDir))
	_, err := toolbox.Execute(ctx, daytona.ExecuteRequest{Command: removal, Timeout: time.Minute})
	if err == nil {
		err = toolbox.GitClone(ctx, clone)
	}
	if err != nil {
		return j.sandboxError(ctx, in.Sandbox, fmt.Errorf("clone %s: %w", clone.URL, err))
	}
	return nil
}

func (j *Jobs) uploadFiles(ctx context.Context, toolbox *daytona.Toolbox, in UploadInputsInput) error {
	files := append(append([]spec.File(nil), in.Inputs.Files...), codeFiles(in)...)
	uploads, closeAll, err := j.open(ctx, files)
	defer closeAll()
	if err != nil {
		return err
	}
	if len(uploads) == 0 {
		return nil
	}
	if err := toolbox.Upload(ctx, uploads); err != nil {
		var source *daytona.ReadError
		if errors.As(err, &source) {
			return sourceError(ErrTypeInputMissing, err)
		}
		return j.inputError(ctx, in.Sandbox, fmt.Errorf("upload inputs: %w", err))
	}
	return j.markExecutable(ctx, toolbox, in.Sandbox, files)
}

// inputError is sandboxError, but of what a sandbox that is well, or the client, does not take: a path below a file, or where the
// job's user may not write, two files of one name.
func (j *Jobs) inputError(ctx context.Context, sandbox CreatedSandbox, cause error) error {
	err := j.sandboxError(ctx, sandbox, cause)
	refused := errors.Is(cause, daytona.ErrInvalidRequest) || errors.Is(cause, daytona.ErrBadRequest) || errors.Is(cause, daytona.ErrForbidden)
	var app *temporal.ApplicationError
	if refused && errors.As(err, &app) && app.Type() == ErrTypeTransport {
		return terminal(ErrTypeInputRefused, cause)
	}
	return err
}

func (j *Jobs) markExecutable(ctx context.Context, toolbox *daytona.Toolbox, sandbox CreatedSandbox, files []spec.File) error {
	command := "chmod 755 --"
	for _, file := range files {
		if file.Executable {
			command += " " + supervisor.Quote(absolute(homeDir, file.Path))
		}
	}
	if command == "chmod 755 --" {
		return nil
	}
	result, err := toolbox.Execute(ctx, daytona.ExecuteRequest{Command: command, Timeout: 30 * time.Second})
	if err == nil && result.ExitCode != 0 {
		err = fmt.Errorf("%s: %s", command, bounded(result.Output, 200))
	}
	if err != nil {
		return j.sandboxError(ctx, sandbox, fmt.Errorf("make inputs executable: %w", err))
	}
	return nil
}

// open turns files into uploads; the content of a URI is opened, and its digest is checked as it streams. Its errors are the
// activity's.
func (j *Jobs) open(ctx context.Context, files []spec.File) (uploads []daytona.UploadFile, closeAll func(), err error) {
	var closers []io.Closer
	closeAll = func() {
		for _, closer := range closers {
			_ = closer.Close()
		}
	}
	for _, file := range files {
		upload := daytona.UploadFile{Path: absolute(homeDir, file.Path), Size: -1}
		switch {
		case file.URI != "":
			body, err := j.resolve(ctx, file)
			if err != nil {
				return nil, closeAll, sourceError(ErrTypeInputMissing, fmt.Errorf("open input %s from %s: %w", file.Path, file.URI, err))
			}
			closers = append(closers, body)
			upload.Body = body
			if file.Bytes > 0 {
				upload.Size = file.Bytes // a source of another length breaks the upload
			}
		case file.ContentBase64 != "":
			data, err := base64.StdEncoding.DecodeString(file.ContentBase64)
			if err != nil {
				return nil, closeAll, terminal(ErrTypeInputMissing, fmt.Errorf("decode input %s: %w", file.Path, err))
			}
			upload.Body, upload.Size = bytes.NewReader(data), int64(len(data))
		default:
			upload.Body, upload.Size = strings.NewReader(file.Content), int64(len(file.Content))
		}
		uploads = append(uploads, upload)
	}
	return uploads, closeAll, nil
}

func (j *Jobs) resolve(ctx context.Context, file spec.File) (io.ReadCloser, error) {
	if prefix, isStream := strings.CutPrefix(file.URI, streamScheme); isStream {
		return j.Store.OpenStream(ctx, prefix)
	}
	return j.Store.Resolve(ctx, file.URI, file.SHA256)
}

// controlFiles are the supervisor and its plan.
func controlFiles(in UploadInputsInput) ([]daytona.UploadFile, error) {
	steps := make([]supervisor.Step, 0, len(in.Job.Steps))
	for i, step := range in.Job.Steps {
		script, err := stepScript(step, in)
		if err != nil {
			return nil, err
		}
		steps = append(steps, supervisor.Step{
			Script: script, Stdin: []byte(step.Stdin), Limit: step.TimeLimit.Std(), Continue: step.Continue,
			After: []byte(removeFiles(secretFiles(in.Job, &in.Job.Steps[i]))),
		})
	}
	var uploads []daytona.UploadFile
	for _, file := range supervisor.Files(controlDir, steps) {
		uploads = append(uploads, daytona.UploadFile{Path: file.Path, Size: int64(len(file.Data)), Body: bytes.NewReader(file.Data)})
	}
	return uploads, nil
}

// stepScript is what sh runs for a step: its directory, its secrets, its environment, then itself.
func stepScript(step spec.Step, in UploadInputsInput) ([]byte, error) {
	var script strings.Builder
	cwd := supervisor.Quote(absolute(homeDir, in.Job.Cwd))
	fmt.Fprintf(&script, "mkdir -p %s && cd %s || exit 125\n", cwd, cwd)
	script.WriteString(secretLines(in.Job, step))
	for _, env := range []map[string]string{in.Job.Env, step.Env} {
		for _, name := range sortedKeys(env) {
			fmt.Fprintf(&script, "export %s=%s\n", name, supervisor.Quote(env[name]))
		}
	}
	if step.Code == "" {
		fmt.Fprintf(&script, "exec sh -c %s\n", supervisor.Quote(step.Command))
		return []byte(script.String()), nil
	}
	language, err := languageOf(step, in)
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(&script, "exec %s %s\n", language.run, supervisor.Quote("./"+codeName(step, language)))
	return []byte(script.String()), nil
}

type language struct{ run, extension string }

// languages run a file of code. Daytona's own code-run does the same for python and javascript; node reads TypeScript
// since 22.6 behind this flag.
var languages = map[string]language{
	"python":     {"python3", ".py"},
	"javascript": {"node", ".js"},
	"typescript": {"node --experimental-strip-types --no-warnings", ".ts"},
	"bash":       {"bash", ".sh"},
}

func languageOf(step spec.Step, in UploadInputsInput) (language, error) {
	name := step.Language
	if name == "" {
		name = in.Language
	}
	known, ok := languages[name]
	if !ok {
		return language{}, fmt.Errorf("step %s: no interpreter is known for language %q", step.Name, name)
	}
	return known, nil
}

// codeFiles stand in the job's directory, so that code imports its neighbours there.
func codeFiles(in UploadInputsInput) []spec.File {
	var files []spec.File
	for _, step := range in.Job.Steps {
		if step.Code == "" {
			continue
		}
		if language, err := languageOf(step, in); err == nil {
			files = append(files, spec.File{Path: path.Join(absolute(homeDir, in.Job.Cwd), codeName(step, language)), Content: step.Code})
		}
	}
	return files
}

func codeName(step spec.Step, language language) string { return "." + step.Name + language.extension }

func absolute(dir, name string) string {
	if path.IsAbs(name) {
		return path.Clean(name)
	}
	return path.Join(dir, name)
}

func sortedKeys(values map[string]string) []string {
	keys := make([]string, 0, len(values))
	for key := range values {
		keys = append(keys, key)
	}
	sort.Strings(keys)
	return keys
}
