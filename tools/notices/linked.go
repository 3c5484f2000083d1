package main

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// module is one module in one version, and the programs that its code is linked into.
type module struct {
	path, version, dir string
	programs           []string
}

// programs are what `make build` makes: the folder of each one's module, below the repository's root, and its package.
var programs = []struct{ name, folder, pkg string }{
	{"starter", ".", "./starter"},
	{"worker", ".", "./worker"},
	{"toolbox", ".", "./internal/sandboxd/toolbox/cmd/toolbox"},
	{"temporal-dev", "tools/temporal", "."},
	{"runsc", "tools/runsc", "gvisor.dev/gvisor/runsc"},
}

// linked lists the modules of all programs, as built for Linux on amd64, by path and version. Root is the repository's.
func linked(root string) ([]module, error) {
	found := map[string]*module{}
	for _, program := range programs {
		lines, err := list(filepath.Join(root, program.folder), program.pkg)
		if err != nil {
			return nil, fmt.Errorf("list modules of %s: %w", program.name, err)
		}
		for _, line := range lines {
			fields := strings.SplitN(line, "\t", 3)
			if len(fields) != 3 || fields[1] == "" {
				continue // the standard library, or this project itself
			}
			known := found[fields[0]+fields[1]]
			if known == nil {
				known = &module{path: fields[0], version: fields[1], dir: fields[2]}
				found[fields[0]+fields[1]] = known
			}
			known.programs = append(known.programs, program.name)
		}
	}
	var modules []module
	for _, key := range slices.Sorted(maps.Keys(found)) {
		modules = append(modules, *found[key])
	}
	return modules, nil
}

// list returns "path\tversion\tdirectory" of each module that the package needs, once.
func list(folder, pkg string) ([]string, error) {
	const format = "{{with .Module}}{{if .Replace}}{{.Replace.Path}}\t{{.Replace.Version}}\t{{.Replace.Dir}}{{else}}{{.Path}}\t{{.Version}}\t{{.Dir}}{{end}}{{end}}"
	cmd := exec.Command("go", "list", "-deps", "-f", format, pkg)
	cmd.Dir = folder
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH=amd64")
	var said bytes.Buffer
	cmd.Stderr = &said
	output, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%w: %s", err, bytes.TrimSpace(said.Bytes()))
	}
	lines := strings.Split(strings.TrimSpace(string(output)), "\n")
	slices.Sort(lines)
	return slices.Compact(lines), nil
}
