package spec

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
)

// WithDefaults returns a copy with the campaign's own defaults resolved, but Name's. Its template is left as it is:
// each trial's EvalInput gets its defaults once it is rendered.
func (in CampaignInput) WithDefaults(d Defaults) CampaignInput {
	d = d.WithDefaults()
	in.Eval = EvalTemplate(EvalInput(in.Eval).clone())
	in.Dataset.SampleIDs = slices.Clone(in.Dataset.SampleIDs)
	in.PassAtK = slices.Clone(in.PassAtK)
	in.Gate = Gate{
		MinAccuracy: clonePointer(in.Gate.MinAccuracy), MinCoverage: clonePointer(in.Gate.MinCoverage),
		MaxRegression: clonePointer(in.Gate.MaxRegression),
	}
	in.Canaries = slices.Clone(in.Canaries)
	for i := range in.Canaries {
		in.Canaries[i].Set = maps.Clone(in.Canaries[i].Set)
		setDefault(&in.Canaries[i].Samples, 1)
		setDefault(&in.Canaries[i].Expect, ExpectPass)
	}

	setDefault(&in.Dataset.Format, formatOf(in.Dataset.URI))
	setDefault(&in.Answers.From, AnswersJob)
	setDefault(&in.Notify, NotifyNever)
	if in.Answers.From != AnswersSamples && in.Answers.From != AnswersField {
		setDefault(&in.Epochs, 1)
	}
	setDefault(&in.MaxParallel, min(2*d.MaxParallelSandboxes, 200))
	if len(in.PassAtK) == 0 {
		in.PassAtK = []int{1}
	}
	if in.Gate.MinCoverage == nil {
		coverage := DefaultMinCoverage
		in.Gate.MinCoverage = &coverage
	}
	in.Breaker = in.Breaker.withDefaults()
	return in
}

// formatOf guesses by the file's name; the content decides about gzip. Everything but .csv is JSONL.
func formatOf(uri string) string {
	if path.Ext(strings.TrimSuffix(uri, ".gz")) == ".csv" {
		return FormatCSV
	}
	return FormatJSONL
}

// Validate returns an *InvalidInput that lists every problem, or nil. Texts of the template that hold an action are
// checked for syntax only; each trial's rendered input is validated when the campaign is planned.
func (in CampaignInput) Validate() error {
	c := checker{}
	c.name(in)
	c.dataset(in.Dataset)
	c.answers(in.Answers)
	if in.Epochs < 0 || in.Epochs > MaxEpochs {
		c.bad("epochs", "%d is out of bounds: want 1 to %d", in.Epochs, MaxEpochs)
	}
	if in.MaxParallel < 0 || in.MaxParallel > MaxParallel {
		c.bad("max_parallel", "%d is out of bounds: want 1 to %d", in.MaxParallel, MaxParallel)
	}
	c.passAtK(in.PassAtK)
	c.share("gate.min_accuracy", in.Gate.MinAccuracy)
	c.share("gate.min_coverage", in.Gate.MinCoverage)
	c.choice("notify", in.Notify, NotifyNever, NotifyAlways, NotifyNotPassed)
	if retain := in.Retain.Std(); in.Retain != 0 && (retain < MinRetain || retain > MaxRetain) {
		c.bad("retain", "%s is out of bounds: want 1h to 3650d", in.Retain)
	}
	c.statistics(in)
	c.canaries(in.Canaries)
	c.breaker(in.Breaker)
	c.budget(in.Budget)
	if in.RetryOf != "" && !campaignName(in.RetryOf) {
		c.bad("retry_of", "%q is not a campaign's name", clip(in.RetryOf))
	}
	if in.RetryNumber < 0 || (in.RetryNumber > 0) != (in.RetryOf != "") {
		c.bad("retry_number", "retry_of and retry_number belong together, and count from 1: both are set by campaign retry")
	}
	c.extension(in)
	c.evalTemplate(in.Eval)
	return c.err()
}

// name checks the campaign's name. Those of parts are theirs alone, for their trials are the campaign's.
func (c *checker) name(in CampaignInput) {
	switch {
	case in.Name == "":
	case !campaignName(in.Name):
		c.bad("name", "%q is not usable: use 1 to 64 letters, digits, dots, dashes and underscores", clip(in.Name))
	case in.RetryOf != "":
		if in.Name != fmt.Sprintf("%s/retry-%d", in.RetryOf, in.RetryNumber) {
			c.bad("name", "%q is not the name of retry %d of %s: start retries with campaign retry", clip(in.Name), in.RetryNumber, clip(in.RetryOf))
		}
	case in.ExtendOf != "":
		if !strings.HasPrefix(in.Name, in.ExtendOf+"/extend-") {
			c.bad("name", "%q is not the name of an extension of %s: start extensions with campaign extend", clip(in.Name), clip(in.ExtendOf))
		}
	case strings.Contains(in.Name, "/"):
		c.bad("name", "%q is what a retry or an extension is called, and campaign retry and campaign extend name those: choose one without a slash", clip(in.Name))
	}
}

func (c *checker) dataset(d Dataset) {
	c.choice("dataset.format", d.Format, FormatHumanEval, FormatJSONL, FormatCSV)
	if d.URI == "" {
		c.bad("dataset.uri", "is empty: name the samples' file (on a command line also with --dataset FILE)")
	}
	c.text("dataset.uri", d.URI, MaxPathBytes)
	c.sha256("dataset.sha256", d.SHA256)
	c.text("dataset.id_field", d.IDField, MaxTextBytes)
	c.text("dataset.overrides_field", d.OverridesField, MaxTextBytes)
	c.templateText("dataset.category_field", d.CategoryField)
	if d.Limit < 0 {
		c.bad("dataset.limit", "%d is negative: 0 keeps all samples", d.Limit)
	}
	if len(d.SampleIDs) > MaxSampleIDs {
		c.bad("dataset.sample_ids", "has %d ids, more than %d: make a smaller dataset file", len(d.SampleIDs), MaxSampleIDs)
		return
	}
	seen := map[string]bool{}
	for i, id := range d.SampleIDs {
		if id == "" || seen[id] {
			c.bad(index("dataset.sample_ids", i), "%q is empty or given twice: remove it", clip(id))
		}
		seen[id] = true
	}
}

func (c *checker) answers(a Answers) {
	c.choice("answers.from", a.From, AnswersJob, AnswersSamples, AnswersField, AnswersText)
	c.text("answers.uri", a.URI, MaxPathBytes)
	c.sha256("answers.sha256", a.SHA256)
	if len(a.Text) > MaxInlineBytes {
		c.bad("answers.text", "has %d bytes, more than %d: give a samples file", len(a.Text), MaxInlineBytes)
	}
	from := a.From
	setDefault(&from, AnswersJob)
	for _, field := range []struct {
		name, of string
		set      bool
	}{
		{"uri", AnswersSamples, a.URI != ""},
		{"sha256", AnswersSamples, a.SHA256 != ""},
		{"field", AnswersField, a.Field != ""},
		{"text", AnswersText, a.Text != ""},
	} {
		switch {
		case field.set && field.of != from:
			c.bad("answers."+field.name, "belongs to from: %s, and from is %s: remove it or change from", field.of, clip(from))
		case !field.set && field.of == from && field.name != "sha256":
			c.bad("answers."+field.name, "is empty, and from: %s needs it", from)
		}
	}
}

// passAtK may name more than the epochs: a trial run with fewer keeps its file, and leaves that number out.
func (c *checker) passAtK(ks []int) {
	if len(ks) > MaxPassAtK {
		c.bad("pass_at_k", "has %d values, more than %d", len(ks), MaxPassAtK)
	}
	for i, k := range ks {
		if k < 1 || k > MaxEpochs || slices.Contains(ks[:i], k) {
			c.bad(index("pass_at_k", i), "%d is not usable: want different numbers from 1 to %d", k, MaxEpochs)
		}
	}
}

// statistics are the fields that say how trials become numbers.
func (c *checker) statistics(in CampaignInput) {
	c.share("gate.max_regression", in.Gate.MaxRegression)
	if in.Gate.MaxRegression != nil && in.Baseline == "" && in.Series == "" {
		c.bad("gate.max_regression", "needs a baseline: name the campaign to compare with in baseline, or a series")
	}
	if in.Series != "" && !campaignName(in.Series) {
		c.bad("series", "%q is not usable: use 1 to 64 letters, digits, dots, dashes and underscores", clip(in.Series))
	}
	if in.Series != "" && in.Baseline != "" {
		c.bad("series", "and baseline exclude each other: a series has its own")
	}
	if root, _, _ := strings.Cut(in.Baseline, "/retry-"); in.Baseline != "" && (!campaignName(in.Baseline) || root != in.Baseline) {
		c.bad("baseline", "%q is not a campaign's name", clip(in.Baseline))
	}
	if reducer, err := ParseReducer(in.Reducer); err != nil {
		c.bad("reducer", "%s", err)
	} else if in.Epochs > 0 && reducer.K > in.Epochs {
		c.bad("reducer", "%s needs at least %d epochs, and there are %d", reducer, reducer.K, in.Epochs)
	}
	c.choice("cluster_by", in.ClusterBy, ClusterSample, ClusterCategory)
	if in.ClusterBy == ClusterCategory && in.Dataset.CategoryField == "" {
		c.bad("cluster_by", "is category, and dataset.category_field names none")
	}
}

func (c *checker) share(at string, value *float64) {
	if value != nil && !(*value >= 0 && *value <= 1) {
		c.bad(at, "%v is not a share: want 0 to 1", *value)
	}
}

func (c *checker) extension(in CampaignInput) {
	if in.ExtendOf != "" && !campaignName(in.ExtendOf) {
		c.bad("extend_of", "%q is not a campaign's name", clip(in.ExtendOf))
	}
	if (in.ExtendOf != "") != (in.FirstEpoch != 0) || in.FirstEpoch < 0 || in.FirstEpoch > 0 && in.FirstEpoch > in.Epochs {
		c.bad("first_epoch", "extend_of, first_epoch and epochs belong together: all are set by campaign extend")
	}
	if in.ExtendOf != "" && in.RetryOf != "" {
		c.bad("extend_of", "a campaign is a retry or an extension, not both: both are set by the starter")
	}
}
