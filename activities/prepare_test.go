package activities

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"pitwall/internal/artifact"
	"pitwall/internal/policy"
	"pitwall/internal/redact"
	"pitwall/internal/results"
	"pitwall/internal/spec"
)

// campaignBox prepares and lists campaigns on a store in memory.
type campaignBox struct {
	t         *testing.T
	campaigns *Campaigns
}

func newCampaignBox(t *testing.T) campaignBox {
	t.Helper()
	store, err := artifact.Open(t.Context(), "mem://")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, store.Close()) })
	return campaignBox{t, &Campaigns{Store: store, Config: planConfig(), Policy: policy.Default()}}
}

func (b campaignBox) put(key, content string) {
	b.t.Helper()
	_, err := b.campaigns.Store.Put(b.t.Context(), key, strings.NewReader(content), 1<<20)
	require.NoError(b.t, err)
}

func TestPrepareReadsOnlyFilesThatThePolicyAdmits(t *testing.T) {
	box := newCampaignBox(t)
	_, err := box.prepare(campaignOn("file:///etc/passwd"))
	var refused *temporal.ApplicationError
	require.ErrorAs(t, err, &refused)
	require.Equal(t, ErrTypePolicyViolation, refused.Type())
	require.True(t, refused.NonRetryable())
	require.Contains(t, refused.Message(), `input_folders: admits nothing; dataset.uri asks for "file:///etc/passwd"`)
}

func rowsOf(n int) string {
	var rows strings.Builder
	for i := range n {
		fmt.Fprintf(&rows, "{\"id\": \"s%d\", \"command\": \"echo %d\"}\n", i, i)
	}
	return rows.String()
}

func campaignOn(uri string) spec.CampaignInput {
	return spec.CampaignInput{
		Dataset: spec.Dataset{Format: spec.FormatJSONL, URI: uri},
		Eval:    spec.EvalTemplate{Job: spec.Job{Steps: []spec.Step{{Command: "{{.command}}"}}}},
	}
}

// boxStart is when the box's campaigns begin.
func boxStart() time.Time {
	return time.Date(2026, 11, 22, 23, 59, 0, 0, time.FixedZone("west", -3600))
}

func (b campaignBox) prepare(in spec.CampaignInput) (PreparedCampaign, error) {
	b.t.Helper()
	return b.prepareAs(PrepareCampaignInput{Campaign: "c", Input: in, StartedAt: boxStart()})
}

func (b campaignBox) prepareAs(in PrepareCampaignInput) (PreparedCampaign, error) {
	b.t.Helper()
	value, err := activityEnv(b.t, b.campaigns).ExecuteActivity(b.campaigns.PrepareCampaign, in)
	if err != nil {
		return PreparedCampaign{}, err
	}
	var prepared PreparedCampaign
	require.NoError(b.t, value.Get(&prepared))
	return prepared, nil
}

func (b campaignBox) list(prepared PreparedCampaign, offset int64, most int) TrialPage {
	b.t.Helper()
	page, err := b.campaigns.ListTrials(b.t.Context(), ListTrialsInput{Campaign: "c", ManifestKey: prepared.ManifestKey, Offset: offset, Max: most})
	require.NoError(b.t, err)
	return page
}

func TestPreparedCampaignIsListedPageByPage(t *testing.T) {
	b := newCampaignBox(t)
	const n = ShardTrials + 7
	b.put("data/rows.jsonl", rowsOf(n))
	prepared, err := b.prepare(campaignOn("store:data/rows.jsonl"))
	require.NoError(t, err)
	require.Equal(t, n, prepared.NTrials)
	require.Len(t, prepared.ShardOffsets, 2)
	require.Equal(t, []int{1}, prepared.PassAtK)
	require.Len(t, prepared.DatasetSHA256, 64)

	var samples []string
	for offset := int64(0); ; {
		page := b.list(prepared, offset, 50)
		require.LessOrEqual(t, len(page.Trials), 50)
		for _, trial := range page.Trials {
			require.Equal(t, "c", trial.Input.Trial.Campaign)
			require.False(t, trial.Done)
			samples = append(samples, trial.Input.Trial.Sample)
		}
		if offset = page.Next; offset == 0 {
			break
		}
	}
	require.Len(t, samples, n)
	require.Equal(t, "s0", samples[0])
	second := b.list(prepared, prepared.ShardOffsets[1], 1)
	require.Equal(t, fmt.Sprintf("s%d", ShardTrials), second.Trials[0].Input.Trial.Sample)
	require.Equal(t, fmt.Sprintf("echo %d", ShardTrials), second.Trials[0].Input.Job.Steps[0].Command)
}

func TestPreparingTwiceFindsTheManifestAndAnotherInputIsRefused(t *testing.T) {
	b := newCampaignBox(t)
	b.put("data/rows.jsonl", rowsOf(3))
	first, err := b.prepare(campaignOn("store:data/rows.jsonl"))
	require.NoError(t, err)
	again, err := b.prepare(campaignOn("store:data/rows.jsonl"))
	require.NoError(t, err)
	require.Equal(t, first, again)
	other := campaignOn("store:data/rows.jsonl")
	other.Epochs = 2
	_, err = b.prepare(other)
	isInvalid(t, err, "another name")
}

func isInvalid(t *testing.T, err error, words ...string) {
	t.Helper()
	var app *temporal.ApplicationError
	require.ErrorAs(t, err, &app)
	require.Equal(t, ErrTypeInvalidInput, app.Type(), app.Message())
	require.True(t, app.NonRetryable())
	for _, word := range words {
		require.Contains(t, app.Message(), word)
	}
}

func TestTrialWithItsResultIsDone(t *testing.T) {
	b := newCampaignBox(t)
	b.put("data/rows.jsonl", rowsOf(2))
	prepared, err := b.prepare(campaignOn("store:data/rows.jsonl"))
	require.NoError(t, err)
	b.put(artifact.Result(artifact.TrialPrefix("c", "s1", 1, 0)), "{}")
	page := b.list(prepared, 0, 10)
	require.Equal(t, []bool{false, true}, []bool{page.Trials[0].Done, page.Trials[1].Done})
}

func TestScheduledCampaignReadsTheFileOfItsDay(t *testing.T) {
	b := newCampaignBox(t)
	b.put("nightly/2026-11-23.jsonl", rowsOf(1)) // 23:59 an hour west of Greenwich is tomorrow in UTC
	prepared, err := b.prepare(campaignOn("store:nightly/{date}.jsonl"))
	require.NoError(t, err)
	require.Equal(t, 1, prepared.NTrials)

	b.put("nightly/2026-11-01.jsonl", rowsOf(2))
	prepared, err = b.prepareAs(PrepareCampaignInput{
		Campaign: "backfilled", Input: campaignOn("store:nightly/{date}.jsonl"), StartedAt: boxStart(), ScheduledAt: time.Date(2026, 11, 1, 3, 0, 0, 0, time.UTC),
	})
	require.NoError(t, err)
	require.Equal(t, 2, prepared.NTrials, "a backfill reads the file of its night")
}

// The campaign's own baseline may be gone by the time that it is extended; and what is asked of a sample's epochs is not asked
// of the few that are added.
func TestExtensionIsComparedWithNothing(t *testing.T) {
	b := newCampaignBox(t)
	b.put("data.jsonl", rowsOf(2))
	most, least := 0.02, 0.9
	in := campaignOn("store:data.jsonl")
	in.Epochs, in.Reducer, in.Baseline, in.Gate = 2, "pass^2", "base", spec.Gate{MaxRegression: &most, MinAccuracy: &most, MinCoverage: &least}
	_, err := b.prepare(in)
	isInvalid(t, err, "no campaign base")
	base := campaignOn("store:data.jsonl")
	_, err = b.prepareAs(PrepareCampaignInput{Campaign: "base", Input: base, StartedAt: boxStart()})
	require.NoError(t, err)
	_, err = results.WriteSummary(t.Context(), b.campaigns.Store, spec.CampaignResult{Campaign: "base", Status: spec.StatusCompleted})
	require.NoError(t, err)
	night, err := b.prepare(in)
	require.NoError(t, err)
	require.Equal(t, []any{"base", "pass^2", in.Gate}, []any{night.Baseline, night.Reducer, night.Gate})

	require.NoError(t, b.campaigns.Store.Delete(t.Context(), artifact.Manifest("base"))) // its time was over
	in.ExtendOf, in.FirstEpoch, in.Epochs, in.Dataset.SHA256 = "c", 3, 3, night.DatasetSHA256
	more, err := b.prepareAs(PrepareCampaignInput{Campaign: "c/extend-1", Input: in, StartedAt: boxStart()})
	require.NoError(t, err)
	require.Equal(t, []any{"", "", spec.Gate{MinCoverage: &least}}, []any{more.Baseline, more.Reducer, more.Gate})
}

// A campaign that is started again has not finished until it ends again, for whoever asks for its verdict and for retention. Its
// first task may be repeated late.
func TestCampaignThatIsStartedAgainHasNoEndYet(t *testing.T) {
	b := newCampaignBox(t)
	b.put("data.jsonl", rowsOf(2))
	_, err := b.prepare(campaignOn("store:data.jsonl"))
	require.NoError(t, err)
	finished := func() bool {
		_, err := results.ReadSummary(t.Context(), b.campaigns.Store, "c")
		return err == nil
	}
	require.False(t, finished())
	_, err = results.WriteSummary(t.Context(), b.campaigns.Store, spec.CampaignResult{Campaign: "c", StartedAt: boxStart().UTC()})
	require.NoError(t, err)
	_, err = b.prepare(campaignOn("store:data.jsonl"))
	require.NoError(t, err)
	require.True(t, finished(), "repeated")
	other := campaignOn("store:data.jsonl")
	other.Epochs = 2
	again := PrepareCampaignInput{Campaign: "c", Input: other, StartedAt: boxStart().Add(time.Hour)}
	_, err = b.prepareAs(again)
	isInvalid(t, err, "another name")
	require.True(t, finished(), "refused")
	again.Input = campaignOn("store:data.jsonl")
	_, err = b.prepareAs(again)
	require.NoError(t, err)
	require.False(t, finished())
}

func TestLargeFilesOfATrialAreStoredApart(t *testing.T) {
	b := newCampaignBox(t)
	b.put("data/rows.jsonl", rowsOf(1))
	in := campaignOn("store:data/rows.jsonl")
	in.Eval.Inputs.Files = []spec.File{{Path: "large", Content: strings.Repeat("x", movedBytes)}, {Path: "small", Content: "{{.id}}"}}
	prepared, err := b.prepare(in)
	require.NoError(t, err)
	files := b.list(prepared, 0, 1).Trials[0].Input.Inputs.Files
	require.Empty(t, files[0].Content)
	require.NotEmpty(t, files[0].URI)
	require.Equal(t, int64(movedBytes), files[0].Bytes)
	require.Equal(t, "s0", files[1].Content)
}

func TestWhatIsWrongWithACampaignIsSaidAndLeavesNoManifest(t *testing.T) {
	b := newCampaignBox(t)
	b.put("data/rows.jsonl", rowsOf(2))
	b.put("data/broken.jsonl", "{\"id\": \"s0\"\n")
	b.put("data/unknown.jsonl", "{\"task_id\": \"s9\", \"completion\": \"x\"}\n")
	change := func(edit func(*spec.CampaignInput)) spec.CampaignInput {
		in := campaignOn("store:data/rows.jsonl")
		edit(&in)
		return in
	}
	cases := map[string]struct {
		in   spec.CampaignInput
		says string
	}{
		"no dataset":      {campaignOn("store:data/none.jsonl"), "none.jsonl"},
		"a broken row":    {campaignOn("store:data/broken.jsonl"), "1"},
		"a pinned digest": {change(func(in *spec.CampaignInput) { in.Dataset.SHA256 = strings.Repeat("0", 64) }), "rows.jsonl"},
		"a wrong field":   {change(func(in *spec.CampaignInput) { in.Eval.Job.Steps[0].Command = "{{.comand}}" }), "comand"},
		"an unknown id":   {change(func(in *spec.CampaignInput) { in.Dataset.SampleIDs = []string{"s7"} }), "s7"},
		"stray answers": {change(func(in *spec.CampaignInput) {
			in.Answers = spec.Answers{From: spec.AnswersSamples, URI: "store:data/unknown.jsonl"}
		}), "s9"},
		"no such campaign to retry": {change(func(in *spec.CampaignInput) { in.RetryOf, in.RetryNumber = "none", 1 }), "none"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := b.prepare(tc.in)
			isInvalid(t, err, tc.says)
			_, err = results.ReadHeader(t.Context(), b.campaigns.Store, "c")
			require.ErrorIs(t, err, artifact.ErrNotFound)
		})
	}
}

func TestCampaignIsRefusedWhereSandboxesAreSwitchedOff(t *testing.T) {
	b := newCampaignBox(t)
	b.campaigns.Config.Enabled = false
	_, err := b.prepare(campaignOn("store:data/rows.jsonl"))
	var app *temporal.ApplicationError
	require.ErrorAs(t, err, &app)
	require.Equal(t, ErrTypeDisabled, app.Type())
}

// Many small files are as much as a few large ones: a trial holds no more of them than its own check admits.
func TestManySmallFilesOfATrialAreStoredApart(t *testing.T) {
	b := newCampaignBox(t)
	b.put("data/rows.jsonl", rowsOf(1))
	in := campaignOn("store:data/rows.jsonl")
	for i := range 200 {
		in.Eval.Inputs.Files = append(in.Eval.Inputs.Files, spec.File{Path: fmt.Sprintf("f%d.txt", i), Content: strings.Repeat("x", 400)})
	}
	prepared, err := b.prepare(in)
	require.NoError(t, err)
	trial := b.list(prepared, 0, 1).Trials[0].Input
	require.NoError(t, trial.Validate())
	require.LessOrEqual(t, trial.InlineBytes(), spec.MaxInlineBytes)
	require.NotEmpty(t, trial.Inputs.Files[0].URI)
	require.NotEmpty(t, trial.Inputs.Files[199].Content, "no more than must be")
}

// What a dataset holds goes no further than what an eval's own input holds: the value of a secret is refused, and stored nowhere.
func TestSecretInADatasetIsRefused(t *testing.T) {
	b := newCampaignBox(t)
	b.campaigns.Redactor = redact.New()
	b.campaigns.Redactor.Add("S", jobSecret)
	for _, padding := range []string{"", strings.Repeat("x", 600)} {
		key := fmt.Sprintf("data/rows-%d.jsonl", len(padding))
		b.put(key, `{"id": "s0", "text": "`+jobSecret+padding+`"}`+"\n")
		in := campaignOn("store:" + key)
		in.Eval.Job.Steps[0].Command = "cat in.txt"
		in.Eval.Inputs.Files = []spec.File{{Path: "in.txt", Content: "{{.text}}"}}
		_, err := b.prepare(in)
		isInvalid(t, err, "sample \"s0\"", "the value of the secret S")
		for entry, err := range b.campaigns.Store.List(t.Context(), "") {
			require.NoError(t, err)
			require.True(t, strings.HasPrefix(entry.Key, "data/"), entry.Key)
		}
	}
}
