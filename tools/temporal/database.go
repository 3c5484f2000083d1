package main

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"strings"
	"time"

	"github.com/google/uuid"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/server/common/config"
	sqliteplugin "go.temporal.io/server/common/persistence/sql/sqlplugin/sqlite"
	"go.temporal.io/server/schema/sqlite"
	"google.golang.org/protobuf/types/known/durationpb"
)

// retention of closed workflows: a week of nightly campaigns stays readable in the UI. Pitwall's own results outlive it.
const retention = 7 * 24 * time.Hour

// filePragmas make a database file safe against `kill -9` and quick.
//
//   - WAL with synchronous NORMAL: a commit is in the kernel's hands, so it outlives the process. It does not sync the disk on
//     each commit, so a power cut may lose the last of them; it never damages the file.
//   - wal_autocheckpoint 4000 pages, 16 MB: the sync of a checkpoint, during which everything waits, comes a quarter as often.
//   - locking_mode EXCLUSIVE: a second server on the same file is refused, which two history shards on one database would not
//     survive. It also saves WAL's shared memory.
func filePragmas() map[string]string {
	return map[string]string{
		"busy_timeout": "2000", "journal_mode": "wal", "locking_mode": "exclusive", "synchronous": "1", "wal_autocheckpoint": "4000",
	}
}

// openStore returns the configuration of a database that has its schema and namespaces.
func openStore(opts Options) (*config.SQL, error) {
	store := storeConfig(opts)
	if opts.DatabaseFile != "" {
		if err := ensureSchema(opts.DatabaseFile); err != nil {
			return nil, fmt.Errorf("create database %s: %w", opts.DatabaseFile, err)
		}
	}
	namespaces := make([]*sqlite.NamespaceConfig, 0, len(opts.Namespaces))
	for _, name := range opts.Namespaces {
		namespace, err := namespaceConfig(name, opts.SearchAttributes)
		if err != nil {
			return nil, fmt.Errorf("configure namespace %s: %w", name, err)
		}
		namespaces = append(namespaces, namespace)
	}
	if err := sqlite.CreateNamespaces(store, namespaces...); err != nil {
		return nil, explainStoreError(opts.DatabaseFile, err)
	}
	return store, nil
}

func storeConfig(opts Options) *config.SQL {
	store := &config.SQL{PluginName: sqliteplugin.PluginName, ConnectAttributes: map[string]string{}}
	if opts.DatabaseFile == "" {
		store.DatabaseName = uuid.NewString()
		store.ConnectAttributes["mode"] = "memory"
		store.ConnectAttributes["cache"] = "shared"
	} else {
		store.DatabaseName = opts.DatabaseFile
		store.ConnectAttributes["mode"] = "rw"
		maps.Copy(store.ConnectAttributes, filePragmas())
	}
	maps.Copy(store.ConnectAttributes, opts.SQLitePragmas)
	return store
}

func namespaceConfig(name string, attributes map[string]enums.IndexedValueType) (*sqlite.NamespaceConfig, error) {
	namespace, err := sqlite.NewNamespaceConfig(clusterName, name, false, attributes)
	if err != nil {
		return nil, err
	}
	namespace.Detail.Config.Retention = durationpb.New(retention)
	return namespace, nil
}

// ensureSchema makes the database when there is none. It is built beside its final name and renamed once complete, so a kill
// in between leaves nothing that the next start would take for a database.
func ensureSchema(path string) error {
	if _, err := os.Stat(path); err == nil || !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	draft := path + ".new"
	if err := os.Remove(draft); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	err := sqlite.SetupSchema(&config.SQL{
		PluginName:        sqliteplugin.PluginName,
		DatabaseName:      draft,
		ConnectAttributes: map[string]string{"mode": "rwc", "journal_mode": "delete"},
	})
	if err != nil {
		return err
	}
	return os.Rename(draft, path)
}

func explainStoreError(path string, err error) error {
	if strings.Contains(err.Error(), "database is locked") {
		return fmt.Errorf("open database %s: another server has it open; stop that one, or name another file: %w", path, err)
	}
	return fmt.Errorf("open database %s: %w", path, err)
}
