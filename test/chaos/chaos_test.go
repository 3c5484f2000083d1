//go:build linux

package chaos

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// chaosCase is one case; its id is stable.
type chaosCase struct {
	id  string
	run func(r *run)
}

var (
	full     = flag.Bool("full", false, "run every case (make chaos)")
	from     = flag.String("from", "", "begin with this case id")
	seed     = flag.Uint64("seed", 1, "draws the pairs of faults, and the random run")
	duration = flag.Duration("duration", 0, "how long the random run goes on (make chaos DURATION=…)")
	pairs    = flag.Int("pairs", 60, "how many pairs of faults are drawn")
	only     = flag.String("only", "", "run the cases whose id this regular expression matches")
)

// TestChaos runs the cases side by side, as many as -parallel says. Without -full it runs a representative part.
func TestChaos(t *testing.T) {
	if *duration > 0 {
		t.Skip("not run: the matrix, because -duration asks for the random mode")
	}
	cases := selected(t)
	for _, c := range cases {
		t.Run(c.id, func(t *testing.T) {
			t.Parallel()
			began := time.Now()
			r := &run{lab: &lab{t: t}, id: c.id}
			t.Cleanup(func() { progress(t, c.id, time.Since(began), r.shown) })
			c.run(r)
		})
	}
}

// sideBySide is how many cases run at once: they mostly wait, so more than there are cores.
const sideBySide = 5

// TestMain prints the sum when all cases have ended.
func TestMain(m *testing.M) {
	_ = flag.Set("test.parallel", strconv.Itoa(sideBySide)) // what the command line says comes after, and counts
	flag.Parse()
	code := m.Run()
	totals.print()
	os.Exit(code)
}

func selected(t *testing.T) []chaosCase {
	all := slices.Concat(specialCases(), faultCases(), pairCases(*seed, *pairs), matrixCases())
	if *only != "" {
		pattern := regexp.MustCompile(*only)
		all = slices.DeleteFunc(all, func(c chaosCase) bool { return !pattern.MatchString(c.id) })
	} else if !*full {
		all = quick(t, all)
	}
	if *from != "" {
		at := slices.IndexFunc(all, func(c chaosCase) bool { return c.id == *from })
		if at < 0 {
			t.Fatalf("no case is called %s", *from)
		}
		all = all[at:]
	}
	return all
}

// progress says on stderr that a case has ended, so that a run that is cut short can be resumed.
func progress(t *testing.T, id string, took time.Duration, shown string) {
	totals.end(id, t.Failed())
	word := "ok  "
	if t.Failed() {
		word = "FAIL"
	}
	fmt.Fprintf(os.Stderr, "%s %6.1fs %s: %s\n", word, took.Seconds(), id, shown)
}

// tally sums the observations of all cases.
type tally struct {
	mu     sync.Mutex
	began  time.Time
	sum    summary
	failed []string
}

// summary is the one JSON line.
type summary struct {
	Cases           int     `json:"cases"`
	Passed          int     `json:"passed"`
	Seed            uint64  `json:"seed"`
	FaultsInjected  int     `json:"faults_injected"`
	MaxLive         int     `json:"max_live"`
	LeftOver        int     `json:"left_over"`
	DoubleLaunches  int     `json:"double_launches"`
	LostResults     int     `json:"lost_results"`
	WorstRemovalSec float64 `json:"worst_removal_delay_seconds"`
	WorstCase       string  `json:"worst_case,omitempty"`
	// ExcusedSec is the same where the sandbox server itself kept a sandbox, or a create came late.
	ExcusedSec float64 `json:"worst_excused_delay_seconds"`
	Seconds    float64 `json:"seconds"`
}

// totals is the test binary's one sum: subtests run side by side and end in any order.
var totals = &tally{began: time.Now()}

func (s *tally) end(id string, failed bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sum.Cases++
	if failed {
		s.failed = append(s.failed, id)
	} else {
		s.sum.Passed++
	}
}

func (s *tally) add(o observation) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sum.FaultsInjected += o.faults
	s.sum.MaxLive = max(s.sum.MaxLive, o.maxLive)
	s.sum.LeftOver += o.leftOver
	s.sum.DoubleLaunches += o.doubleLaunches
	s.sum.LostResults += o.lostResults
	s.sum.ExcusedSec = max(s.sum.ExcusedSec, o.excusedDelay.Seconds())
	if o.worstDelay.Seconds() > s.sum.WorstRemovalSec {
		s.sum.WorstRemovalSec, s.sum.WorstCase = o.worstDelay.Seconds(), o.id
	}
}

func (s *tally) print() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sum.Seed, s.sum.Seconds = *seed, time.Since(s.began).Seconds()
	line, _ := json.Marshal(s.sum) // numbers and names cannot fail
	fmt.Println(string(line))
	if len(s.failed) > 0 {
		fmt.Println("failed: " + strings.Join(s.failed, " "))
	}
}
