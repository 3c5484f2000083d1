package main

import (
	"context"
	"fmt"

	"pitwall/internal/artifact"
	"pitwall/internal/spec"
)

// uploadInputs puts a campaign's local files into the store and names them by URI and digest, so that workers anywhere,
// and nights to come, run the same bytes.
func uploadInputs(ctx context.Context, target deployment, input spec.CampaignInput) (spec.CampaignInput, error) {
	if !isLocalPath(input.Dataset.URI) && !isLocalPath(input.Answers.URI) {
		return input, nil
	}
	store, err := openStore(ctx, target)
	if err != nil {
		return input, err
	}
	defer store.Close()
	if err := uploadTo(ctx, store, &input.Dataset.URI, &input.Dataset.SHA256); err != nil {
		return input, err
	}
	return input, uploadTo(ctx, store, &input.Answers.URI, &input.Answers.SHA256)
}

// uploadTo uploads the file that uri names, when it is a local one, and replaces uri and digest.
func uploadTo(ctx context.Context, store *artifact.Store, uri, sha256 *string) error {
	if !isLocalPath(*uri) {
		return nil
	}
	ref, err := uploadFile(ctx, store, *uri)
	if err != nil {
		return err
	}
	if *sha256 != "" && *sha256 != ref.SHA256 {
		return &UsageError{
			Problem: fmt.Sprintf("%s has the SHA-256 %s, and the campaign asks for %s", *uri, ref.SHA256, *sha256),
			Hint:    "name the right file, or change the pin",
		}
	}
	*uri, *sha256 = ref.URI, ref.SHA256
	return nil
}
