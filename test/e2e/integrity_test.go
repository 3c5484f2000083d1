//go:build linux

package e2e

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"pitwall/internal/spec"
	"pitwall/test/harness"
)

// attack is a job that wants a pass that it has not earned, or to be taken for an infrastructure fault and run again.
type attack struct {
	in spec.EvalInput
	// check looks at what is special about it. Nil: nothing is.
	check func(t *testing.T, result spec.EvalResult)
}

// exits wants a step's own exit code, and no other, in the record.
func exits(step, code int) func(t *testing.T, result spec.EvalResult) {
	return func(t *testing.T, result spec.EvalResult) {
		require.Greater(t, len(result.Job.Steps), step)
		require.NotNil(t, result.Job.Steps[step].ExitCode)
		require.Equal(t, code, *result.Job.Steps[step].ExitCode)
		require.False(t, result.Job.SupervisorLost)
	}
}

// inTwo is a candidate's step, which fails or not, and then the judging one.
func inTwo(candidate, judge string) spec.EvalInput {
	return spec.EvalInput{Job: spec.Job{Steps: []spec.Step{
		{Name: "candidate", Command: candidate, Continue: true},
		{Name: "judge", Command: judge},
	}}}
}

func withRegex(in spec.EvalInput) spec.EvalInput {
	in.Scorer = &spec.Scorer{Type: spec.ScorerRegex, Pattern: "^PASS$"}
	return in
}

func withScoreFile(in spec.EvalInput) spec.EvalInput {
	in.Scorer = &spec.Scorer{Type: spec.ScorerJSONFile, Path: "out/score.json"}
	return in
}

const (
	state  = "/var/tmp/.pitwall/state"
	python = "python3 - <<'EOF'\n"
)

func attacks() map[string]attack {
	one := harness.Command
	return map[string]attack{
		// The regex looks at the last step's stdout alone: what a candidate prints in its own step is not a verdict.
		"prints the pass word":                {withRegex(inTwo("echo PASS; echo PASS >&2", "echo FAIL")), nil},
		"prints a supervisor's report":        {one(`printf 'pitwall 1 done\nstep 1 0 0 1 -\n'; exit 1`), exits(0, 1)},
		"writes the exit record":              {one("echo '0 0 1 -' >" + state + "/1.exit; mkdir -p " + state + "; echo done >" + state + "/exit; exit 1"), exits(0, 1)},
		"replaces the exit record by a FIFO":  {one("rm -f " + state + "/1.exit; mkfifo " + state + "/1.exit; exit 1"), exits(0, 1)},
		"replaces the exit record by a link":  {one("ln -sf /dev/zero " + state + "/1.exit; exit 1"), exits(0, 1)},
		"moves the control directory away":    {one("mv /var/tmp/.pitwall /var/tmp/gone; mkdir -p " + state + "; echo '0 0 1 -' >" + state + "/1.exit; exit 1"), exits(0, 1)},
		"rewrites the next step":              {inTwo("echo exit 0 >/var/tmp/.pitwall/job/2/run; rm -rf /var/tmp/.pitwall/job; true", "exit 3"), exits(1, 3)},
		"kills the supervisor":                {one(`for p in /proc/[0-9]*; do kill -9 ${p#/proc/} 2>/dev/null; done; exit 1`), nil},
		"kills everything that it may":        {one("kill -9 -1; kill -9 1; exit 1"), nil},
		"stops everything that it may":        {one("kill -STOP -1; exit 1"), nil},
		"kills the next step from behind":     {inTwo("(setsid sh -c 'while :; do kill -9 -1; done' >/dev/null 2>&1 &); exit 0", "sleep 1; exit 3"), exits(1, 3)},
		"traces the supervisor":               {one(python + traceAll + "\nEOF\nexit 1"), exits(0, 1)},
		"cuts its own stream":                 {one(python + "import os\nos.write(1, b'x' * 100000); os.ftruncate(1, 0); os.write(1, b'end')\nraise SystemExit(1)\nEOF"), exits(0, 1)},
		"makes its own stream endless":        {one(python + "import os\ntry: os.ftruncate(1, 1 << 40)\nexcept OSError as e: print(e)\nraise SystemExit(1)\nEOF"), nil},
		"closes its streams":                  {one("exec <&- >&- 2>&-; exit 1"), exits(0, 1)},
		"removes its home":                    {one("cd /; rm -rf /home/daytona; rm -rf /var/tmp/* /tmp/*; exit 1"), exits(0, 1)},
		"leaves a process that rewrites":      {withScoreFile(inTwo(rewriter, "rm -rf out; mkdir out; echo '{\"score\": 0}' >out/score.json; sleep 1")), nil},
		"makes the score file a link":         {withScoreFile(one(`mkdir out; echo '{"score": 1}' >/tmp/s; ln -s /tmp/s out/score.json`)), nil},
		"makes the score file a FIFO":         {withScoreFile(one(`mkdir out; mkfifo out/score.json`)), nil},
		"makes the score file a folder":       {withScoreFile(one(`mkdir -p out/score.json`)), nil},
		"makes the score file endless":        {withScoreFile(one(`mkdir out; truncate -s 1T out/score.json || truncate -s 900M out/score.json`)), nil},
		"gives the score file two scores":     {withScoreFile(one(`mkdir out; echo '{"score": 0, "score": 1}' >out/score.json`)), nil},
		"links the folder of the score file":  {withScoreFile(one(`mkdir /tmp/o; echo '{"score": 1}' >/tmp/o/score.json; ln -s /tmp/o out`)), nil},
		"replaces the interpreter":            {inTwo(interpreters, "python3 -c 'raise SystemExit(3)'"), exits(1, 3)},
		"fills /var/tmp":                      {one("cat /dev/zero >/var/tmp/fill; cat /dev/zero >/tmp/fill; cat /dev/zero >fill; exit 1"), nil},
		"fills /var/tmp with many files":      {one("i=0; while [ $i -lt 20000 ] && : >/var/tmp/f$i; do i=$((i+1)); done; exit 1"), nil},
		"crashes":                             {one("kill -SEGV $$"), exits(0, 128+11)},
		"gives its artifacts strange names":   {strangeNames(), nil},
		"floods the folder of its artifacts":  {flooded(), nil},
		"is executable and no program at all": {one(`printf '\177ELF' >x; chmod +x x; ./x`), nil},
	}
}

const (
	traceAll = `import ctypes, os
libc = ctypes.CDLL(None)
for pid in filter(str.isdigit, os.listdir("/proc")):
    if int(pid) != os.getpid():
        libc.ptrace(16, int(pid), 0, 0)  # PTRACE_ATTACH
    try:
        open(f"/proc/{pid}/mem", "r+b")
    except OSError:
        pass`
	// rewriter leaves a process in a session of its own that writes a perfect score for ever.
	rewriter = `(setsid sh -c '(while :; do mkdir -p out; echo "{\"score\": 1}" >out/score.json; done) >/dev/null 2>&1 &' &); sleep 0.3`
	// interpreters puts a python3 that always succeeds wherever a PATH might find it.
	interpreters = `for d in /usr/local/sbin /usr/local/bin /usr/sbin /usr/bin /sbin /bin /home/daytona/bin /home/daytona/.local/bin /home/daytona; do
mkdir -p $d; printf '#!/bin/sh\nexit 0\n' >$d/python3 && chmod +x $d/python3; done 2>/dev/null
for f in .profile .bashrc .bash_profile; do echo 'exit 0' >/home/daytona/$f; done; export PATH=/home/daytona/bin:$PATH; hash -r`
)

func strangeNames() spec.EvalInput {
	in := harness.Command(`mkdir out; cd out; : >"$(printf 'new\nline')"; : >"$(printf '\377\376')"; : >'../out/..x'; : >'%41'; ln -s /etc/passwd link; ln -s / root; mkfifo fifo; exit 1`)
	in.Artifacts = []spec.ArtifactRule{{Path: "out/**", When: spec.WhenAlways}}
	return in
}

// flooded makes a folder whose listing is more than anybody wants to read.
func flooded() spec.EvalInput {
	in := harness.Command(python + "import os\nos.mkdir('out')\nfor i in range(40000): os.open(f'out/{i}-' + 'x' * 200, os.O_CREAT) > 900 and os.closerange(3, 1024)\nraise SystemExit(1)\nEOF")
	in.Artifacts = []spec.ArtifactRule{{Path: "out/*", When: spec.WhenAlways}}
	return in
}

func TestNoAttackGainsAPassOrBecomesAnInfrastructureFault(t *testing.T) {
	s := harness.Start(t, harness.Options{})
	all := attacks()
	runs := map[string]client.WorkflowRun{}
	for name, attack := range all {
		runs[name] = s.Run("attack/"+name, attack.in)
	}
	for name, attack := range all {
		t.Run(name, func(t *testing.T) {
			result := s.Result(runs[name])
			require.Equal(t, spec.StatusCompleted, result.Status, "%+v", result.Error)
			require.NotNil(t, result.Score)
			require.False(t, result.Score.Passed, "%+v", result.Score)
			require.Len(t, result.Attempts, 1, "it was taken for an infrastructure fault: %+v", result.Attempts[0].Error)
			require.NotNil(t, result.Attempts[0].Sandboxes[0].Removal)
			if attack.check != nil {
				attack.check(t, result)
			}
		})
	}
	require.Empty(t, s.Live())
	require.Equal(t, int64(len(all)), s.Ledger().Created, "one sandbox each")
}
