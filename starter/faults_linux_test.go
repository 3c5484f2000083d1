package main

import (
	"fmt"
	"io/fs"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"pitwall/internal/sandboxd/gvisor"
)

func TestStateFolderProblemsSayWhatToDo(t *testing.T) {
	t.Parallel()
	for _, cause := range []error{syscall.ENOSPC, syscall.EDQUOT, syscall.EROFS, syscall.EACCES} {
		err := &fs.PathError{Op: "write", Path: "/state/lock", Err: cause}
		require.Contains(t, hintOf(explainStack(err)), "--state-dir", cause)
		require.Contains(t, hintOf(explainSandboxd(err)), "--state-dir", cause)
		require.Equal(t, exitInfra, exitCode(t.Context(), explainStack(err)))
	}
	err := explainSandboxd(fmt.Errorf("lock state directory /x: %w", gvisor.ErrInUse))
	require.EqualError(t, err, "lock state directory /x: another sandbox server is using it")
	require.Equal(t, exitUsage, exitCode(t.Context(), err))
}
