package main

import (
	"context"

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
	if err := checkPin(*uri, ref.SHA256, *sha256); err != nil { // again: these are the bytes that will be run
		return err
	}
	*uri, *sha256 = ref.URI, ref.SHA256
	return nil
}
