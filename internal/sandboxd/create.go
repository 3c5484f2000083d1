package sandboxd

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/google/uuid"
	"go.uber.org/zap"

	"pitwall/internal/sandboxd/egress"
)

// Daytona's defaults, in minutes.
const (
	defaultAutoStop    = 15
	defaultAutoArchive = 7 * 24 * 60
	defaultAutoDelete  = -1
)

// createRequest is Daytona's CreateSandbox, as far as it can be understood here. Unknown fields are passed over, as there.
type createRequest struct {
	Name              string            `json:"name"`
	Snapshot          string            `json:"snapshot"`
	User              string            `json:"user"`
	Target            string            `json:"target"`
	Env               map[string]string `json:"env"`
	Labels            map[string]string `json:"labels"`
	Public            bool              `json:"public"`
	NetworkBlockAll   bool              `json:"networkBlockAll"`
	NetworkAllowList  string            `json:"networkAllowList"`
	DomainAllowList   string            `json:"domainAllowList"`
	OutboundProxyURL  string            `json:"outboundProxyUrl"`
	CPU               *int              `json:"cpu"`
	Memory            *int              `json:"memory"`
	Disk              *int              `json:"disk"`
	GPU               int               `json:"gpu"`
	AutoStop          *int              `json:"autoStopInterval"`
	AutoArchive       *int              `json:"autoArchiveInterval"`
	AutoDelete        *int              `json:"autoDeleteInterval"`
	AutoPauseInterval int               `json:"autoPauseInterval"`
	TTL               *int              `json:"ttlMinutes"`
	Volumes           []json.RawMessage `json:"volumes"`
	Secrets           []json.RawMessage `json:"secrets"`
	BuildInfo         *struct{}         `json:"buildInfo"`
	LinkedSandbox     string            `json:"linkedSandbox"`
}

// createSandbox makes a sandbox and answers when it is started. The client's going away does not end the start: what it may
// have asked for twice, by the same name, must exist once.
func (s *Server) createSandbox(r *http.Request) (any, error) {
	var request createRequest
	if err := readBody(r, &request); err != nil {
		return nil, err
	}
	rec, err := s.newRecord(request)
	if err != nil {
		return nil, err
	}
	if err := s.begin(); err != nil {
		return nil, err
	}
	defer s.work.Done()
	if err := s.records.add(&rec, s.cfg.MaxSandboxes); err != nil {
		return nil, err
	}
	s.ledger.note(LedgerEntry{Event: eventCreated, ID: rec.ID, Name: rec.Name, Labels: keptLabels(rec.Labels)})
	s.events.created(s, rec)
	rec, err = s.boot(context.WithoutCancel(r.Context()), rec)
	if err != nil {
		return nil, refuse(http.StatusBadRequest, "Sandbox failed to start: %v", err)
	}
	return s.dto(&rec, r.Host), nil
}

// boot starts the machine of a record that is held in a transition, and settles the record.
func (s *Server) boot(ctx context.Context, rec record) (record, error) {
	machine, startErr := s.runtime.Start(ctx, rec.spec())
	if startErr == nil {
		s.connect(rec)
	}
	settled, err := s.settle(rec.ID, func(r *record) {
		r.State, r.LastActivityAt = Started, time.Now().UTC()
		if startErr != nil {
			r.State, r.ErrorReason = Failed, startErr.Error()
		}
	})
	if err := errors.Join(startErr, err); err != nil {
		s.cfg.Logger.Error("start sandbox", zap.String("sandbox_id", rec.ID), zap.Error(err))
		return rec, err
	}
	s.cfg.Logger.Debug("sandbox started", zap.String("sandbox_id", rec.ID), zap.Duration("took", machine.Timing.Total()), zap.Any("timing", machine.Timing))
	return settled, nil
}

// newRecord checks a request and turns it into a record.
func (s *Server) newRecord(q createRequest) (record, error) {
	size, err := s.sizeOf(q)
	if err != nil {
		return record{}, err
	}
	if err := s.checkCreate(q); err != nil {
		return record{}, err
	}
	now := time.Now().UTC()
	rec := record{
		ID: uuid.NewString(), Name: q.Name, Labels: q.Labels, Env: q.Env, Snapshot: orElse(q.Snapshot, "default"),
		Target: orElse(q.Target, "local"), Public: q.Public, Size: size, State: Creating, busy: true,
		AutoStop: valueOr(q.AutoStop, defaultAutoStop), AutoArchive: valueOr(q.AutoArchive, defaultAutoArchive),
		AutoDelete: valueOr(q.AutoDelete, defaultAutoDelete), TTL: valueOr(q.TTL, 0),
		CreatedAt: now, UpdatedAt: now, LastActivityAt: now,
	}
	if allow, err := egress.ParseAllow(q.NetworkAllowList, q.DomainAllowList); err == nil && !q.NetworkBlockAll { // which clears the lists, as on Daytona
		rec.NetworkAllowList, rec.DomainAllowList = allow.Lists()
	}
	if rec.Name == "" {
		rec.Name = rec.ID
	}
	if rec.Labels == nil {
		rec.Labels = map[string]string{}
	}
	if rec.Env == nil {
		rec.Env = map[string]string{}
	}
	return rec, nil
}

// readBody decodes a JSON body; an empty one leaves v as it is.
func readBody(r *http.Request, v any) error {
	text, err := io.ReadAll(r.Body)
	if err != nil {
		return refuse(http.StatusRequestEntityTooLarge, "Request body is larger than %d bytes, or cut short", maxBodyBytes)
	}
	if len(text) == 0 {
		return nil
	}
	if err := json.Unmarshal(text, v); err != nil {
		return refuse(http.StatusBadRequest, "Request body is not what was expected: %v", err)
	}
	return nil
}

func orElse(value, fallback string) string {
	if value == "" {
		return fallback
	}
	return value
}

func valueOr(value *int, fallback int) int {
	if value == nil {
		return fallback
	}
	return *value
}
