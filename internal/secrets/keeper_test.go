package secrets_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"pitwall/internal/redact"
	"pitwall/internal/secrets"
)

func write(t *testing.T, folder, name, text string) {
	t.Helper()
	require.NoError(t, os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600))
}

func TestSecretsComeFromTheEnvironmentAndAFolder(t *testing.T) {
	folder := t.TempDir()
	write(t, folder, "from-file", "value of the file\n")
	write(t, folder, "BOTH", "the file's")
	require.NoError(t, os.Symlink("from-file", filepath.Join(folder, "linked")))
	require.NoError(t, os.Mkdir(filepath.Join(folder, "..data"), 0o700))
	redactor := redact.New()
	keeper, err := secrets.NewKeeper([]string{"PITWALL_SECRET_ENV=from the environment", "PITWALL_SECRET_BOTH=the environment's", "PITWALL_SECRET_EMPTY=", "HOME=/"}, folder, redactor)
	require.NoError(t, err)
	require.Equal(t, []string{"BOTH", "ENV", "from-file", "linked"}, keeper.Names())
	require.Equal(t, "[REDACTED:ENV], [REDACTED:from-file]", redactor.String("from the environment, value of the file"))

	values, err := keeper.Resolve([]string{"ENV", "from-file", "BOTH", "linked"})
	require.NoError(t, err)
	require.Equal(t, map[string]string{
		"ENV": "from the environment", "from-file": "value of the file", "BOTH": "the environment's", "linked": "value of the file",
	}, values)
}

func TestAReplacedFileHoldsFromTheNextJobOn(t *testing.T) {
	folder, redactor := t.TempDir(), redact.New()
	keeper, err := secrets.NewKeeper(nil, folder, redactor)
	require.NoError(t, err)
	for _, value := range []string{"the first value", "the second value"} {
		write(t, folder, "KEY", value)
		values, err := keeper.Resolve([]string{"KEY"})
		require.NoError(t, err)
		require.Equal(t, value, values["KEY"])
	}
	require.Equal(t, "[REDACTED:KEY] [REDACTED:KEY]", redactor.String("the first value the second value"), "an old one is still known")
}

func TestUnknownSecretsAreNamedWithTheRemedy(t *testing.T) {
	folder := t.TempDir()
	keeper, err := secrets.NewKeeper([]string{"PITWALL_SECRET_A=a value of it"}, folder, redact.New())
	require.NoError(t, err)
	_, err = keeper.Resolve([]string{"B", "A", "C"})
	var unknown *secrets.UnknownError
	require.ErrorAs(t, err, &unknown)
	require.Equal(t, []string{"B", "C"}, unknown.Names)
	require.ErrorContains(t, err, `find secret "B", "C": this worker has none of that name: set PITWALL_SECRET_B, or write the file `+filepath.Join(folder, "B"))
	keeper, err = secrets.NewKeeper(nil, "", redact.New())
	require.NoError(t, err)
	_, err = keeper.Resolve([]string{"B"})
	require.ErrorContains(t, err, "set PITWALL_SECRET_B, or PITWALL_SECRETS_DIR to a folder with a file of that name")
}

func TestNoNameLeadsOutOfTheFolder(t *testing.T) {
	root := t.TempDir()
	folder := filepath.Join(root, "secrets")
	require.NoError(t, os.Mkdir(folder, 0o700))
	write(t, root, "outside", "a file of somebody else")
	keeper, err := secrets.NewKeeper(nil, folder, redact.New())
	require.NoError(t, err)
	for _, name := range []string{"../outside", "..", ".", "", "a/../../outside", filepath.Join(root, "outside")} {
		_, err := keeper.Resolve([]string{name})
		require.ErrorAs(t, err, new(*secrets.UnknownError), name)
	}
}

func TestValuesThatCannotBeKeptSecretAreRefused(t *testing.T) {
	for value, want := range map[string]string{
		"short":                        "it has 5 bytes: one under 8",
		strings.Repeat("x", 16<<10+10): "at most 16384 bytes",
		"with a \x00 NUL byte":         "NUL byte",
	} {
		folder := t.TempDir()
		write(t, folder, "KEY", value)
		_, err := secrets.NewKeeper(nil, folder, redact.New())
		require.ErrorContains(t, err, want)
		require.ErrorContains(t, err, filepath.Join(folder, "KEY"))
		require.NotContains(t, err.Error(), value)
	}
	_, err := secrets.NewKeeper([]string{"PITWALL_SECRET_KEY=short"}, "", redact.New())
	require.ErrorContains(t, err, "read secret PITWALL_SECRET_KEY: it has 5 bytes")
	_, err = secrets.NewKeeper(nil, filepath.Join(t.TempDir(), "missing"), redact.New())
	require.ErrorContains(t, err, "unset PITWALL_SECRETS_DIR")
}
