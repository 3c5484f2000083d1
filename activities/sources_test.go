package activities

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"pitwall/internal/artifact"
	"pitwall/internal/dataset"
	"pitwall/internal/spec"
)

// isStore: the fault is the store's, and another try may help.
func isStore(t *testing.T, err error) {
	t.Helper()
	var app *temporal.ApplicationError
	require.ErrorAs(t, err, &app)
	require.Equal(t, ErrTypeStore, app.Type(), app.Message())
	require.False(t, app.NonRetryable())
}

func TestAStoreThatIsDownIsNotTheUsersFault(t *testing.T) {
	nowhere := filepath.Join(t.TempDir(), "none")
	for name, value := range map[string]string{
		"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_CONFIG_FILE": nowhere,
		"AWS_SHARED_CREDENTIALS_FILE": nowhere, "AWS_MAX_ATTEMPTS": "1",
	} {
		t.Setenv(name, value)
	}
	store, err := artifact.Open(t.Context(), "s3://bucket?region=us-east-1&use_path_style=true&endpoint=http://127.0.0.1:1")
	require.NoError(t, err)
	defer store.Close()
	_, closeAll, err := (&Jobs{Store: store}).open(t.Context(), []spec.File{{Path: "in", URI: "store:inputs/there"}})
	defer closeAll()
	isStore(t, err)
	_, _, err = (&Campaigns{Store: store}).open(t.Context(), "dataset", "store:data/rows.jsonl", "")
	isStore(t, err)
}

func TestAnInputThatIsNotThereIsTheUsersFault(t *testing.T) {
	b := newCampaignBox(t)
	for _, uri := range []string{"store:inputs/nowhere", "store:../x", "ftp://x/y"} {
		_, closeAll, err := (&Jobs{Store: b.campaigns.Store}).open(t.Context(), []spec.File{{Path: "in", URI: uri}})
		closeAll()
		var app *temporal.ApplicationError
		require.ErrorAs(t, err, &app, uri)
		require.Equal(t, ErrTypeInputMissing, app.Type(), uri)
		require.True(t, app.NonRetryable())
	}
}

// A dataset whose reading breaks off is not a dataset that is broken, packed or not.
func TestAReadThatBreaksOffIsNotAWrongDataset(t *testing.T) {
	var packed bytes.Buffer
	zip := gzip.NewWriter(&packed)
	_, err := io.WriteString(zip, rowsOf(500))
	require.NoError(t, err)
	require.NoError(t, zip.Close())
	for _, whole := range []string{rowsOf(500), packed.String()} {
		for _, cause := range []error{errors.New("connection reset"), io.ErrUnexpectedEOF} {
			cut := io.MultiReader(strings.NewReader(whole[:len(whole)/2]), iotest.ErrReader(cause))
			reader, err := dataset.Open(t.Context(), sourceReader{io.NopCloser(cut)}, spec.FormatJSONL)
			require.NoError(t, err)
			isStore(t, planError(planned(t, reader)))
		}
		reader, err := dataset.Open(t.Context(), strings.NewReader(whole[:len(whole)/2]), spec.FormatJSONL)
		require.NoError(t, err)
		isInvalid(t, planError(planned(t, reader)))
	}
}

// planned is the error that planning a campaign over a dataset ends with.
func planned(t *testing.T, reader *dataset.Reader) error {
	t.Helper()
	in := campaignOn("store:data/rows.jsonl")
	in.Name = "c"
	for _, err := range dataset.Plan(t.Context(), in.WithDefaults(planConfig().SpecDefaults()), reader, nil) {
		if err != nil {
			return err
		}
	}
	t.Fatal("planned all of a broken dataset")
	return nil
}

func TestAHostWithoutATemporaryFolderIsNotTheUsersFault(t *testing.T) {
	b := newCampaignBox(t)
	b.put("data/rows.jsonl", rowsOf(2))
	t.Setenv("TMPDIR", filepath.Join(t.TempDir(), "none"))
	_, err := b.prepare(campaignOn("store:data/rows.jsonl"))
	isStore(t, err)
}
