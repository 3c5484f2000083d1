package main

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

// The committed page is what the tool would write now.
func TestPageIsCurrent(t *testing.T) {
	modules, err := linked("../..")
	if err != nil {
		t.Skipf("not run: third-party notices, because modules cannot be listed (`make build` fetches them): %v", err)
	}
	want, err := render(modules, false)
	require.NoError(t, err)
	got, err := os.ReadFile("../../THIRD_PARTY_NOTICES.md")
	require.NoError(t, err)
	require.Equal(t, want, string(got), "mend it with: go run ./tools/notices > THIRD_PARTY_NOTICES.md")
}

func TestLicencesAreToldApart(t *testing.T) {
	for text, want := range map[string]string{
		"Apache License\n  Version 2.0, January 2004":                                   "Apache-2.0",
		"Mozilla Public License, version 2.0":                                           "MPL-2.0",
		"Permission is hereby granted, free of charge, to\nany person obtaining a copy": "MIT",
		"Permission to use, copy, modify, and/or distribute":                            "ISC",
		"Redistribution and use in source and binary forms":                             "BSD-2-Clause",
		"Redistribution and use in source and binary forms … endorse or promote":        "BSD-3-Clause",
	} {
		require.Equal(t, []string{want}, identify(text))
	}
	require.Empty(t, identify("All rights reserved."))
}
