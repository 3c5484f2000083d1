package livecheck

import (
	"context"
	"errors"
	"fmt"
	"time"

	"pitwall/internal/daytona"
)

const (
	ttlMinutes = 10
	// createTimeout is beyond the 30 s for which Daytona holds a POST.
	createTimeout = 90 * time.Second
	// landWithin is how long a create that gave no answer is looked for; the TTL takes what comes later.
	landWithin = 30 * time.Second
	// listedWithin is how long a list may lag: some seconds were seen (daytonaio/daytona#5138).
	listedWithin = 20 * time.Second
)

// makeSandbox creates the sandbox and waits for it.
func (r *run) makeSandbox(ctx context.Context) error {
	created, err := r.create(ctx)
	if err != nil {
		r.check("create", func() (string, error) { return "", err })
		return err
	}
	r.report.SandboxID = created.ID
	r.check("create echoes what was asked for", func() (string, error) { return created.ID, r.compare(created) })
	r.check("start", func() (string, error) {
		ctx, cancel := context.WithTimeout(ctx, r.options.StartWithin)
		defer cancel()
		r.sandbox, err = r.client.WaitStarted(ctx, created.ID)
		return "in the create's own answer: " + yesNo(created.Started()), err
	})
	if err != nil {
		return err
	}
	r.toolbox = r.client.Toolbox(r.sandbox)
	return nil
}

// create sends one POST and settles it: a sandbox that may exist is found by its name.
func (r *run) create(ctx context.Context) (daytona.Sandbox, error) {
	sandbox, err := r.post(ctx)
	if !daytona.Ambiguous(err) {
		return sandbox, err
	}
	lookUntil := time.Now().Add(landWithin)
	for time.Now().Before(lookUntil) {
		found, lookErr := r.client.GetSandbox(context.WithoutCancel(ctx), r.name)
		if lookErr == nil {
			r.made = append(r.made, found.ID)
			return found, ctx.Err()
		}
		pause(context.WithoutCancel(ctx), time.Second)
	}
	return daytona.Sandbox{}, fmt.Errorf("%w; no sandbox of that name was seen, one that comes later lives for %d minutes", err, ttlMinutes)
}

func (r *run) post(ctx context.Context) (daytona.Sandbox, error) {
	ctx, cancel := context.WithTimeout(ctx, createTimeout)
	defer cancel()
	ttl, ephemeral := ttlMinutes, 0
	sandbox, err := r.client.CreateSandbox(ctx, daytona.CreateRequest{
		Name: r.name, Snapshot: r.options.Snapshot, Labels: map[string]string{Label: r.name},
		Env:             map[string]string{"PITWALL_DOCTOR": r.name},
		NetworkBlockAll: true,
		TTLMinutes:      &ttl, AutoStopMinutes: &ttl, AutoDeleteMinutes: &ephemeral,
	})
	if err == nil {
		r.made = append(r.made, sandbox.ID)
	}
	return sandbox, err
}

func (r *run) compare(created daytona.Sandbox) error {
	var odd []error
	if created.Name != r.name {
		odd = append(odd, fmt.Errorf("its name is %q", created.Name))
	}
	if created.Labels[Label] != r.name {
		odd = append(odd, errors.New("its label is missing"))
	}
	if created.AutoDestroyAt.IsZero() {
		odd = append(odd, errors.New("no autoDestroyAt: is ttlMinutes honoured?"))
	}
	if created.AutoDeleteMinutes == nil || *created.AutoDeleteMinutes != 0 {
		odd = append(odd, errors.New("it is not ephemeral"))
	}
	if created.Network.BlockAll == nil || !*created.Network.BlockAll {
		odd = append(odd, errors.New("its network is not blocked: is networkBlockAll honoured?"))
	}
	return oneLine(odd)
}

// checkNames tries how the service finds sandboxes, and that a name is taken once.
func (r *run) checkNames(ctx context.Context) {
	r.check("get by name", func() (string, error) {
		return "", r.same(withMinute(ctx, func(ctx context.Context) (daytona.Sandbox, error) { return r.client.GetSandbox(ctx, r.name) }))
	})
	r.check("a name is taken once (409)", func() (string, error) {
		if _, err := r.post(ctx); !errors.Is(err, daytona.ErrConflict) {
			return "", fmt.Errorf("names do not fence a second create: %w", orNil(err))
		}
		return "", nil
	})
	r.check("list by label", func() (string, error) { return r.tryList(ctx) })
	r.check("last activity", func() (string, error) {
		_, err := withMinute(ctx, func(ctx context.Context) (bool, error) { return true, r.client.TouchActivity(ctx, r.sandbox.ID) })
		return "", err
	})
}

func (r *run) same(got daytona.Sandbox, err error) error {
	if err == nil && got.ID != r.sandbox.ID {
		return fmt.Errorf("it is another sandbox: %s", got.ID)
	}
	return err
}

// tryList waits until the list shows the sandbox, and only that one.
func (r *run) tryList(ctx context.Context) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, listedWithin)
	defer cancel()
	begin := time.Now()
	for {
		seen := 0
		for sandbox, err := range r.client.ListSandboxes(ctx, daytona.ListOptions{Labels: map[string]string{Label: r.name}}) {
			if err != nil {
				return "", err
			}
			if sandbox.ID == r.sandbox.ID {
				seen++
			}
		}
		if seen == 1 {
			return fmt.Sprintf("after %d ms", time.Since(begin).Milliseconds()), nil
		}
		if !pause(ctx, 200*time.Millisecond) {
			return "", fmt.Errorf("it is not listed after %s", listedWithin)
		}
	}
}

// removeAll removes every sandbox that was made, proves it, and looks at what is left. It does so whatever became of the
// run's context.
func (r *run) removeAll(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), r.options.RemoveWithin)
	defer cancel()
	var left []error
	for _, id := range r.made {
		r.check("removal, proven by id", func() (string, error) {
			removal, err := r.client.RemoveSandbox(ctx, id, nil)
			if err != nil {
				left = append(left, fmt.Errorf("sandbox %s may be left behind, its TTL is %d minutes: %w", id, ttlMinutes, err))
				return "", err
			}
			r.report.Removals = append(r.report.Removals, removal)
			return "confirmed by " + removal.ConfirmedBy, nil
		})
	}
	if r.toolbox != nil && left == nil {
		r.check("toolbox of a removed sandbox refuses", func() (string, error) {
			if _, err := r.toolbox.Version(ctx); !errors.Is(err, daytona.ErrSandboxSuspect) {
				return "", fmt.Errorf("not as a reason to read the sandbox again: %w", orNil(err))
			}
			return "", nil
		})
	}
	return errors.Join(left...)
}
