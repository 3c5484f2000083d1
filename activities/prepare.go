package activities

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"
	"time"

	"pitwall/internal/artifact"
	"pitwall/internal/dataset"
	"pitwall/internal/results"
	"pitwall/internal/spec"
)

// PrepareCampaignInput is the input of PrepareCampaign.
type PrepareCampaignInput struct {
	Campaign string             `json:"campaign"`
	Input    spec.CampaignInput `json:"input"`
	// ScheduledAt is the time for which a schedule started the campaign; zero where none did.
	ScheduledAt time.Time `json:"scheduled_at,omitzero"`
	StartedAt   time.Time `json:"started_at"`
}

// PreparedCampaign is a campaign whose manifest stands.
type PreparedCampaign struct {
	ManifestKey string `json:"manifest_key"`
	NTrials     int    `json:"n_trials"`
	// ShardOffsets are where each shard begins in the manifest, in bytes.
	ShardOffsets  []int64   `json:"shard_offsets"`
	DatasetSHA256 string    `json:"dataset_sha256"`
	AnswersSHA256 string    `json:"answers_sha256,omitempty"`
	MaxParallel   int       `json:"max_parallel"`
	PassAtK       []int     `json:"pass_at_k"`
	Gate          spec.Gate `json:"gate"`
	Reducer       string    `json:"reducer,omitempty"`
	ClusterBy     string    `json:"cluster_by,omitempty"`
	// Baseline is empty in a retry: its few trials are no sample of the campaign's.
	Baseline string `json:"baseline,omitempty"`
	// Notify is when the campaign's end is told; empty where this worker has nobody to tell.
	Notify string `json:"notify,omitempty"`
	// Series is the one that the campaign belongs to; empty in a retry.
	Series string `json:"series,omitempty"`
	// Breaker and Budget are nil from workers that are older than them: their campaigns have neither.
	Breaker *spec.Breaker `json:"breaker,omitempty"`
	Budget  *spec.Budget  `json:"budget,omitempty"`
	// Searchable: the workflow sets search attributes. Those prepared before they were set lack it.
	Searchable bool `json:"searchable,omitempty"`
}

// PrepareCampaign resolves the dataset and the answers, renders every trial, and writes the campaign's manifest, once.
// A repetition finds it there. A campaign that is started again has no summary from then on. Returns InvalidInput with all
// problems, PolicyViolation when the policy admits the files to no eval of its kind, SecretMissing, or Disabled.
func (c *Campaigns) PrepareCampaign(ctx context.Context, in PrepareCampaignInput) (PreparedCampaign, error) {
	defer startPulse(ctx, "preparing the campaign").end()
	if !c.Config.Enabled {
		return PreparedCampaign{}, terminal(ErrTypeDisabled, errors.New("sandboxes are switched off (DAYTONA_ENABLED=false on this worker): nothing was started"))
	}
	if strings.HasPrefix(in.Campaign, TemplatePrefix) {
		return PreparedCampaign{}, terminal(ErrTypeInvalidInput, fmt.Errorf(
			"the workflow ID %s belongs to the template that filled in the form: nothing was started; start the campaign under an ID of your own, such as campaign/first",
			in.Campaign))
	}
	in.Input.Name = in.Campaign
	input := in.Input.WithDefaults(c.Config.SpecDefaults())
	if err := input.Validate(); err != nil {
		return PreparedCampaign{}, terminal(ErrTypeInvalidInput, err)
	}
	if err := c.Policy.CheckCampaign(input); err != nil {
		return PreparedCampaign{}, terminal(ErrTypePolicyViolation, err, c.Policy.SHA256())
	}
	check := secretCheck{secrets: c.Secrets, redactor: c.Redactor, local: c.Config.IsLocal()}
	if err := check.of(input.Eval.Job, input); err != nil {
		return PreparedCampaign{}, err
	}
	header, trials, closeAll, err := c.trials(ctx, atDate(input, in))
	defer closeAll()
	if err != nil {
		return PreparedCampaign{}, err
	}
	if err := c.checkBaseline(ctx, header); err != nil {
		return PreparedCampaign{}, err
	}
	_, header, err = results.WriteManifest(ctx, c.Store, header, trials)
	if errors.Is(err, artifact.ErrExists) {
		return PreparedCampaign{}, terminal(ErrTypeInvalidInput, fmt.Errorf(
			"campaign %s ran before with another input or dataset: give this one another name", in.Campaign))
	}
	if err != nil {
		return PreparedCampaign{}, planError(err)
	}
	if err := c.forgetEarlierEnd(ctx, in); err != nil {
		return PreparedCampaign{}, err
	}
	return c.prepared(ctx, header)
}

// forgetEarlierEnd removes the summary of an earlier start of the campaign: until it ends again it has not finished, whoever
// asks for its verdict or whether its time in the store is over.
func (c *Campaigns) forgetEarlierEnd(ctx context.Context, in PrepareCampaignInput) error {
	earlier, err := results.ReadSummary(ctx, c.Store, in.Campaign)
	if errors.Is(err, artifact.ErrNotFound) {
		return nil
	}
	if err == nil && earlier.StartedAt.Before(in.StartedAt) { // else this activity is repeated late
		err = c.Store.Delete(ctx, artifact.Summary(in.Campaign))
	}
	if err != nil && !errors.Is(err, artifact.ErrNotFound) {
		return retryable(ErrTypeStore, fmt.Errorf("forget the earlier end of campaign %s: %w", in.Campaign, err), 0)
	}
	return nil
}

// trials opens dataset and answers, both read to their digest, and plans the trials. The caller closes what was opened
// when the trials have been read.
func (c *Campaigns) trials(ctx context.Context, input spec.CampaignInput) (results.Header, iter.Seq2[results.Trial, error], func(), error) {
	header := results.Header{Campaign: input.Name, Effective: input}
	if input.RetryOf != "" {
		return c.retryTrials(ctx, header, input)
	}
	if err := c.checkExtension(ctx, input); err != nil {
		return header, nil, func() {}, err
	}
	var opened []io.Closer
	closeAll := func() {
		for _, file := range opened {
			_ = file.Close()
		}
	}
	data, digest, err := c.open(ctx, "dataset", input.Dataset.URI, input.Dataset.SHA256)
	if err != nil {
		return header, nil, closeAll, err
	}
	opened, header.DatasetSHA256 = append(opened, data), digest
	var answers io.Reader
	if input.Answers.From == spec.AnswersSamples {
		file, digest, err := c.open(ctx, "answers", input.Answers.URI, input.Answers.SHA256)
		if err != nil {
			return header, nil, closeAll, err
		}
		opened, answers, header.AnswersSHA256 = append(opened, file), file, digest
	}
	reader, err := dataset.Open(ctx, data, input.Dataset.Format)
	if err != nil {
		return header, nil, closeAll, planError(fmt.Errorf("read dataset %s: %w", input.Dataset.URI, err))
	}
	return header, c.planned(ctx, dataset.Plan(ctx, input, reader, answers)), closeAll, nil
}

// atDate expands {date}: a schedule names its night's files, also in a backfill.
func atDate(input spec.CampaignInput, in PrepareCampaignInput) spec.CampaignInput {
	night := in.StartedAt
	if !in.ScheduledAt.IsZero() {
		night = in.ScheduledAt
	}
	date := night.UTC().Format(time.DateOnly)
	input.Dataset.URI = strings.ReplaceAll(input.Dataset.URI, "{date}", date)
	input.Answers.URI = strings.ReplaceAll(input.Answers.URI, "{date}", date)
	return input
}

// open reads a file once to its digest and opens it again, pinned to that digest, so that what is planned is what was
// named.
func (c *Campaigns) open(ctx context.Context, what, uri, sha string) (io.ReadCloser, string, error) {
	file, err := c.Store.Resolve(ctx, uri, sha)
	if err != nil {
		return nil, "", sourceError(ErrTypeInvalidInput, fmt.Errorf("open %s %s: %w", what, uri, err))
	}
	digest := sha256.New()
	_, err = io.Copy(digest, file)
	_ = file.Close()
	if err != nil {
		return nil, "", sourceError(ErrTypeInvalidInput, fmt.Errorf("open %s %s: %w", what, uri, err))
	}
	pinned := hex.EncodeToString(digest.Sum(nil))
	file, err = c.Store.Resolve(ctx, uri, pinned)
	if err != nil {
		return nil, "", sourceError(ErrTypeInvalidInput, fmt.Errorf("open %s %s: %w", what, uri, err))
	}
	return sourceReader{file}, pinned, nil
}

// planned turns the dataset's trials into the manifest's, with what is large moved to the store.
func (c *Campaigns) planned(ctx context.Context, trials iter.Seq2[dataset.Trial, error]) iter.Seq2[results.Trial, error] {
	return func(yield func(results.Trial, error) bool) {
		for trial, err := range trials {
			if err == nil {
				if err = refuseSecrets(c.Redactor, trial.Input); err != nil {
					err = fmt.Errorf("sample %q, epoch %d: %w", trial.Sample, trial.Epoch, err)
				}
			}
			if err == nil {
				err = c.moveContent(ctx, &trial.Input)
			}
			planned := results.Trial{
				Sample: trial.Sample, Epoch: trial.Epoch, Category: trial.Category, Canary: trial.Canary, Input: trial.Input,
			}
			if !yield(planned, err) || err != nil {
				return
			}
		}
	}
}

// movedBytes is the size from which a file's content is stored apart: a shard's history holds each input twice.
const movedBytes = 512

// moveContent stores large files apart, and as many small ones as an input may not hold together.
func (c *Campaigns) moveContent(ctx context.Context, input *spec.EvalInput) error {
	files := input.Inputs.Files
	for i := range files {
		if len(files[i].Content) >= movedBytes {
			if err := c.moveFile(ctx, &files[i]); err != nil {
				return err
			}
		}
	}
	over := input.InlineBytes() - spec.MaxInlineBytes
	for i := 0; i < len(files) && over > 0; i++ {
		over -= len(files[i].Content)
		if err := c.moveFile(ctx, &files[i]); err != nil {
			return err
		}
	}
	return nil
}

func (c *Campaigns) moveFile(ctx context.Context, file *spec.File) error {
	if file.Content == "" {
		return nil
	}
	ref, err := c.Store.PutBlob(ctx, strings.NewReader(file.Content), int64(len(file.Content)))
	if err != nil {
		return fmt.Errorf("%w: %w", errStore, err)
	}
	file.Content, file.URI, file.SHA256, file.Bytes = "", ref.URI, ref.SHA256, ref.Bytes
	return nil
}

// retryTrials are the trials of an earlier campaign that infrastructure broke, or that left no result.
func (c *Campaigns) retryTrials(ctx context.Context, header results.Header, input spec.CampaignInput) (results.Header, iter.Seq2[results.Trial, error], func(), error) {
	nothing := func() {}
	first, err := results.ReadHeader(ctx, c.Store, input.RetryOf)
	if errors.Is(err, artifact.ErrNotFound) {
		return header, nil, nothing, terminal(ErrTypeInvalidInput, fmt.Errorf("retry campaign %s: the store knows no such campaign", input.RetryOf))
	}
	if err != nil {
		return header, nil, nothing, retryable(ErrTypeStore, err, 0)
	}
	header.DatasetSHA256, header.AnswersSHA256 = first.DatasetSHA256, first.AnswersSHA256
	return header, c.broken(ctx, input), nothing, nil
}

func (c *Campaigns) broken(ctx context.Context, input spec.CampaignInput) iter.Seq2[results.Trial, error] {
	return func(yield func(results.Trial, error) bool) {
		type key struct {
			sample string
			epoch  int
		}
		again := map[key]bool{}
		for row, err := range results.Rows(ctx, c.Store, input.RetryOf, results.MissingInfra) {
			if err != nil {
				yield(results.Trial{}, fmt.Errorf("%w: %w", errStore, err))
				return
			}
			if row.Error != nil && row.Error.Origin == spec.OriginInfra {
				again[key{row.SampleID, row.Epoch}] = true
			}
		}
		for trial, err := range results.Trials(ctx, c.Store, input.RetryOf) {
			if err != nil {
				yield(results.Trial{}, fmt.Errorf("%w: %w", errStore, err))
				return
			}
			if !again[key{trial.Sample, trial.Epoch}] {
				continue
			}
			trial.Input.Trial.Campaign, trial.Input.Trial.Retry = input.RetryOf, input.RetryNumber
			if !yield(trial, nil) {
				return
			}
		}
	}
}

// checkExtension refuses to add epochs to a campaign that there is not, or that had other samples or answers.
func (c *Campaigns) checkExtension(ctx context.Context, input spec.CampaignInput) error {
	if input.ExtendOf == "" {
		return nil
	}
	first, err := results.ReadHeader(ctx, c.Store, input.ExtendOf)
	if errors.Is(err, artifact.ErrNotFound) {
		return terminal(ErrTypeInvalidInput, fmt.Errorf("extend campaign %s: the store knows no such campaign", input.ExtendOf))
	}
	if err != nil {
		return retryable(ErrTypeStore, err, 0)
	}
	if input.Dataset.SHA256 != first.DatasetSHA256 || input.Answers.SHA256 != first.AnswersSHA256 {
		return terminal(ErrTypeInvalidInput, fmt.Errorf("extend campaign %s: it had another dataset or other answers", input.ExtendOf))
	}
	return nil
}

func (c *Campaigns) prepared(ctx context.Context, header results.Header) (PreparedCampaign, error) {
	key := artifact.Manifest(header.Campaign)
	prepared := PreparedCampaign{
		ManifestKey: key, NTrials: header.NTrials, DatasetSHA256: header.DatasetSHA256, AnswersSHA256: header.AnswersSHA256,
		MaxParallel: header.Effective.MaxParallel, PassAtK: header.Effective.PassAtK, Gate: header.Gate(),
		Reducer: header.Reducer(), ClusterBy: header.Effective.ClusterBy, Baseline: header.Effective.Baseline,
		Searchable: c.Searchable,
	}
	if header.IsPart() {
		prepared.Baseline = ""
	} else if err := c.joinSeries(ctx, header, &prepared); err != nil {
		return PreparedCampaign{}, err
	}
	if c.Config.WebhookURL != "" {
		prepared.Notify = header.Effective.Notify
	}
	prepared.Breaker, prepared.Budget = &header.Effective.Breaker, &header.Effective.Budget
	inShard := 0
	for offset := int64(0); ; {
		page, next, err := results.ReadManifestPage(ctx, c.Store, key, offset, ShardTrials-inShard)
		if err != nil {
			return PreparedCampaign{}, retryable(ErrTypeStore, err, 0)
		}
		if inShard == 0 && len(page) > 0 {
			prepared.ShardOffsets = append(prepared.ShardOffsets, offset)
		}
		if inShard += len(page); inShard == ShardTrials {
			inShard = 0
		}
		if offset = next; offset == 0 {
			return prepared, nil
		}
	}
}
