//go:build linux

package toolbox

import (
	"encoding/json"
	"net/http"
	"strings"
)

type codeRunRequest struct {
	Code     string            `json:"code"`
	Language string            `json:"language"`
	Argv     []string          `json:"argv"`
	Envs     map[string]string `json:"envs"`
	Timeout  int64             `json:"timeout"` // seconds; 0 is none
}

type codeRunResponse struct {
	ExitCode  int               `json:"exitCode"`
	Result    string            `json:"result"`
	Artifacts *codeRunArtifacts `json:"artifacts,omitempty"`
}

type codeRunArtifacts struct {
	Charts []json.RawMessage `json:"charts"`
}

// interpreter says how a language's program is run: by a shell script, which finds the interpreter on the command's PATH (a
// missing one is exit code 127 with a message), with the program as its input and the arguments as its own. Unlike Daytona,
// which joins arguments with spaces and has a shell take them apart, each argument stays one.
type interpreter struct {
	script string
	prefix string // goes before the program
}

var interpreters = map[string]interpreter{
	"python": {script: `exec python3 -u - "$@"`},
	// node's own "-" must not be an argument of the program.
	"javascript": {script: `exec node - "$@"`, prefix: "process.argv.splice(1,1);"},
	"typescript": {script: typescriptScript},
	"bash":       {script: `exec bash -s -- "$@"`},
}

// noTypeScript is the exit code by which typescriptScript says that nothing here runs TypeScript: no interpreter ends so by
// itself (64 to 78 are sysexits, above 125 are the shell's).
const noTypeScript = 119

// typescriptScript runs a program by ts-node, or by a node that strips types (22.6 on).
const typescriptScript = `
strips() { command -v node >/dev/null && node --experimental-strip-types -e 0 2>/dev/null; }
dir=$(mktemp -d) && trap 'rm -rf "$dir"' EXIT && cat >"$dir/code.ts" || exit 1
if command -v ts-node >/dev/null; then ts-node -T "$dir/code.ts" "$@"
elif strips; then node --experimental-strip-types --no-warnings "$dir/code.ts" "$@"
else exit 119
fi`

// codeRun serves POST /process/code-run.
func (s *Server) codeRun(w http.ResponseWriter, r *http.Request) error {
	var req codeRunRequest
	if err := readJSON(w, r, &req); err != nil {
		return err
	}
	id, err := s.identityOf(r)
	if err != nil {
		return err
	}
	timeout, err := checkTimeout(req.Timeout)
	if err != nil {
		return err
	}
	if err := checkEnv(req.Envs); err != nil {
		return err
	}
	language, ok := interpreters[req.Language]
	if !ok {
		return badRequest("language %q is not supported: use python, javascript, typescript or bash", req.Language)
	}
	result, err := s.run(command{
		id: id, argv: append([]string{"/bin/sh", "-c", language.script, "code-run"}, req.Argv...),
		dir: id.home, env: s.env.forCommand(id, req.Envs),
	}, language.prefix+req.Code, timeout)
	if err != nil {
		return executionError(err)
	}
	if req.Language == "typescript" && result.code == noTypeScript {
		return badRequest("typescript needs ts-node, or node 22.6 or later, in the snapshot's /usr")
	}
	answer := codeRunResponse{ExitCode: result.code}
	answer.Result, answer.Artifacts = splitCharts(result.out)
	writeJSON(w, http.StatusOK, answer)
	return nil
}

// chartPrefix begins a line by which a program hands over a chart.
const chartPrefix = "dtn_artifact_k39fd2:"

// splitCharts takes the charts out of a program's output. A line that only looks like one stays output.
func splitCharts(out string) (string, *codeRunArtifacts) {
	if !strings.Contains(out, chartPrefix) {
		return out, nil
	}
	var rest strings.Builder
	var charts []json.RawMessage
	for line := range strings.Lines(out) {
		var artifact struct {
			Type  string          `json:"type"`
			Value json.RawMessage `json:"value"`
		}
		text, ok := strings.CutPrefix(line, chartPrefix)
		if ok && json.Unmarshal([]byte(text), &artifact) == nil && artifact.Type == "chart" && len(artifact.Value) > 0 {
			charts = append(charts, artifact.Value)
			continue
		}
		rest.WriteString(line)
	}
	if charts == nil {
		return out, nil
	}
	return rest.String(), &codeRunArtifacts{Charts: charts}
}
