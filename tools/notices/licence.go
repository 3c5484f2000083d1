package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// licenceFile matches the names under which modules keep their licence and their notices.
var licenceFile = regexp.MustCompile(`(?i)^(licen[cs]e|copying|notice|unlicense)`)

// marks tell licences apart by a phrase that only they have. Texts are compared in lower case, with single spaces.
var marks = []struct{ name, phrase string }{
	{"Apache-2.0", "apache license version 2.0"},
	{"MPL-2.0", "mozilla public license version 2.0"},
	{"MIT", "permission is hereby granted, free of charge, to any person obtaining a copy"},
	{"ISC", "permission to use, copy, modify,"},
	{"BSD", "redistribution and use in source and binary forms"},
	{"CC0-1.0", "cc0 1.0 universal"},
	{"Unlicense", "this is free and unencumbered software"},
}

// withoutFile are modules that hold no licence file, and what is known of them instead.
var withoutFile = map[string]string{
	"github.com/cactus/go-statsd-client/statsd": "MIT (named in its sources)",
	// By the authors of Temporal, who publish their other modules under MIT; this one says nothing at v0.1.0.
	"github.com/nexus-rpc/nexus-proto-annotations": "none stated",
}

var blanks = regexp.MustCompile(`[\s,]+`)

// licence returns the names of a module's licences, and the texts of its files.
func licence(m module) (names []string, texts string, err error) {
	entries, err := os.ReadDir(m.dir)
	if err != nil {
		return nil, "", fmt.Errorf("read %s %s: %w", m.path, m.version, err)
	}
	for _, entry := range entries {
		if entry.IsDir() || !licenceFile.MatchString(entry.Name()) {
			continue
		}
		text, err := os.ReadFile(filepath.Join(m.dir, entry.Name()))
		if err != nil {
			return nil, "", fmt.Errorf("read %s %s: %w", m.path, m.version, err)
		}
		names = append(names, identify(string(text))...)
		texts += strings.TrimSpace(string(text)) + "\n\n"
	}
	if known := withoutFile[m.path]; texts == "" && known != "" {
		return []string{known}, "The module holds no licence file.\n", nil
	}
	if texts == "" {
		return nil, "", fmt.Errorf("%s %s has no licence file: do not link it", m.path, m.version)
	}
	slices.Sort(names)
	names = slices.Compact(names)
	if len(names) == 0 {
		return nil, "", fmt.Errorf("%s %s has a licence that is not known here: read it, and add its mark", m.path, m.version)
	}
	return names, texts, nil
}

func identify(text string) []string {
	flat := blanks.ReplaceAllString(strings.ToLower(text), " ")
	var found []string
	for _, mark := range marks {
		if !strings.Contains(flat, blanks.ReplaceAllString(mark.phrase, " ")) {
			continue
		}
		name := mark.name
		if name == "BSD" {
			name = bsd(flat)
		}
		found = append(found, name)
	}
	return found
}

// bsd tells the variant with the clause against endorsement from the one without.
func bsd(flat string) string {
	if strings.Contains(flat, "endorse or promote") {
		return "BSD-3-Clause"
	}
	return "BSD-2-Clause"
}
