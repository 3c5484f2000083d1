package main

import (
	"cmp"
	"debug/buildinfo"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
)

// The part of CycloneDX 1.6 (https://cyclonedx.org/docs/1.6/json/) that is said of a Go program.
type (
	bom struct {
		Format       string       `json:"bomFormat"`
		SpecVersion  string       `json:"specVersion"`
		Version      int          `json:"version"`
		Metadata     metadata     `json:"metadata"`
		Components   []component  `json:"components"`
		Dependencies []dependency `json:"dependencies"`
	}
	metadata struct {
		Timestamp string    `json:"timestamp"`
		Component component `json:"component"`
	}
	component struct {
		Type       string     `json:"type"`
		Ref        string     `json:"bom-ref"`
		Name       string     `json:"name"`
		Version    string     `json:"version"`
		PURL       string     `json:"purl,omitempty"`
		Hashes     []hash     `json:"hashes,omitempty"`
		Properties []property `json:"properties,omitempty"`
	}
	hash struct {
		Alg     string `json:"alg"`
		Content string `json:"content"`
	}
	property struct {
		Name  string `json:"name"`
		Value string `json:"value"`
	}
	dependency struct {
		Ref       string   `json:"ref"`
		DependsOn []string `json:"dependsOn"`
	}
)

// built is a program, and what it records of itself.
type built struct {
	name, sha256 string
	info         *debug.BuildInfo
}

func readBuilt(path string) (built, error) {
	info, err := buildinfo.ReadFile(path)
	if err != nil {
		return built{}, fmt.Errorf("read the modules of %s: %w", path, err)
	}
	data, err := os.ReadFile(path)
	return built{name: filepath.Base(path), sha256: sum(data), info: info}, err
}

// isOf: `starter version` and a worker's reports will say that the program is of this commit.
func (b built) isOf(of commit) bool {
	recorded := map[string]string{}
	for _, setting := range b.info.Settings {
		recorded[setting.Key] = setting.Value
	}
	return recorded["vcs.revision"] == of.revision && recorded["vcs.modified"] == "false"
}

// sbom says what is linked into the programs. It has no serial number, for that would be drawn.
func sbom(of commit, programs []built) ([]byte, error) {
	whole := component{Type: "application", Ref: "pitwall", Name: "pitwall", Version: of.version}
	document := bom{
		Format: "CycloneDX", SpecVersion: "1.6", Version: 1,
		Metadata: metadata{Timestamp: of.time.Format("2006-01-02T15:04:05Z"), Component: whole},
	}
	modules := map[string]component{}
	root := dependency{Ref: whole.Ref}
	for _, b := range programs {
		program := component{Type: "application", Ref: b.name, Name: b.name, Version: of.version, Hashes: []hash{{"SHA-256", b.sha256}}}
		standard := goComponent("std", strings.TrimPrefix(b.info.GoVersion, "go"))
		modules[standard.Ref] = standard
		links := []string{standard.Ref}
		for _, dep := range b.info.Deps {
			linked := moduleComponent(dep)
			modules[linked.Ref] = linked
			links = append(links, linked.Ref)
		}
		slices.Sort(links)
		document.Components = append(document.Components, program)
		document.Dependencies = append(document.Dependencies, dependency{program.Ref, links})
		root.DependsOn = append(root.DependsOn, program.Ref)
	}
	document.Dependencies = append(document.Dependencies, root)
	document.Components = append(document.Components, slices.SortedFunc(maps.Values(modules), func(a, b component) int {
		return cmp.Compare(a.Ref, b.Ref)
	})...)
	text, err := json.MarshalIndent(document, "", "  ")
	return append(text, '\n'), err
}

func moduleComponent(dep *debug.Module) component {
	if dep.Replace != nil {
		dep = dep.Replace
	}
	c := goComponent(dep.Path, dep.Version)
	if dep.Sum != "" { // of go.sum: a hash of the module's files, not of one file
		c.Properties = []property{{"golang:sum", dep.Sum}}
	}
	return c
}

func goComponent(path, version string) component {
	purl := "pkg:golang/" + path + "@" + strings.ReplaceAll(version, "+", "%2B")
	return component{Type: "library", Ref: purl, Name: path, Version: version, PURL: purl}
}
