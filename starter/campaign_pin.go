package main

import (
	"context"
	"errors"
	"os/user"
	"time"

	"github.com/spf13/cobra"

	"pitwall/internal/artifact"
	"pitwall/internal/results"
	"pitwall/internal/retention"
)

func campaignPinCommand(term *terminal) *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use:   "pin ID",
		Short: "Keep a campaign's records, with its retries, until it is unpinned",
		Args:  exactly("ID"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return withStore(cmd.Context(), term, func(store *artifact.Store) error {
				return pinCampaign(cmd.Context(), term, store, campaignName(args[0]), reason)
			})
		},
	}
	cmd.Flags().StringVar(&reason, "reason", "", "why, for whoever asks what keeps it")
	return cmd
}

func campaignUnpinCommand(term *terminal) *cobra.Command {
	return &cobra.Command{
		Use:   "unpin ID",
		Short: "Let a campaign's records expire again",
		Args:  exactly("ID"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return withStore(cmd.Context(), term, func(store *artifact.Store) error {
				name := campaignName(args[0])
				err := retention.RemovePin(cmd.Context(), store, name)
				if errors.Is(err, artifact.ErrNotFound) {
					return &UsageError{Problem: "campaign " + name + " is not pinned"}
				}
				if err != nil {
					return err
				}
				return printPin(term, retention.Pin{Campaign: name}, false)
			})
		},
	}
}

// withStore opens the store.
func withStore(ctx context.Context, term *terminal, use func(*artifact.Store) error) error {
	target, err := loadDeployment(term)
	if err != nil {
		return err
	}
	store, err := openStore(ctx, target)
	if err != nil {
		return err
	}
	defer store.Close()
	return use(store)
}

const maxReasonBytes = 256

func pinCampaign(ctx context.Context, term *terminal, store *artifact.Store, name, reason string) error {
	if len(reason) > maxReasonBytes {
		return &UsageError{Problem: "--reason is too long", Hint: "at most 256 bytes"}
	}
	_, err := results.ReadHeader(ctx, store, name)
	if errors.Is(err, artifact.ErrNotFound) {
		return unknownCampaign(ctx, store, name)
	}
	if err != nil {
		return err
	}
	pin := retention.Pin{Campaign: name, Reason: reason, At: time.Now().UTC()}
	if who, err := user.Current(); err == nil {
		pin.By = who.Username
	}
	if err := retention.WritePin(ctx, store, pin); err != nil {
		return err
	}
	return printPin(term, pin, true)
}

func printPin(term *terminal, pin retention.Pin, pinned bool) error {
	if term.wantsJSON() {
		return term.printJSON(struct {
			Campaign string `json:"campaign"`
			Pinned   bool   `json:"pinned"`
			Reason   string `json:"reason,omitempty"`
		}{pin.Campaign, pinned, pin.Reason})
	}
	term.printf("%s\n", pin.Campaign)
	return nil
}
