package webhook

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

const (
	// sendTimeout bounds one try.
	sendTimeout = 10 * time.Second
	// maxAnswer is what is read of an answer, so that the connection can be used again.
	maxAnswer = 64 << 10
)

// ErrRefused: the endpoint will not take this message, however often it is sent.
var ErrRefused = errors.New("the endpoint refuses it")

// Sender sends to one endpoint.
type Sender struct {
	url    string
	secret string
	client *http.Client
	now    func() time.Time
}

// New returns a sender; without a secret its messages are not signed.
func New(rawURL, secret string) *Sender {
	return &Sender{url: rawURL, secret: secret, now: time.Now, client: &http.Client{
		Timeout: sendTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error {
			return http.ErrUseLastResponse // where it leads is not what the operator named
		},
	}}
}

// Send makes one try. Returns ErrRefused, or an error after which another try may help. No error quotes the URL, which may hold
// a token.
func (s *Sender) Send(ctx context.Context, key string, body []byte) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("send webhook: %w", withoutURL(err))
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("User-Agent", "pitwall")
	request.Header.Set("Idempotency-Key", key)
	if s.secret != "" {
		request.Header.Set("Pitwall-Signature", Sign(s.secret, s.now(), body))
	}
	answer, err := s.client.Do(request)
	if err != nil {
		return fmt.Errorf("send webhook: %w", withoutURL(err))
	}
	defer answer.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(answer.Body, maxAnswer))
	switch status := answer.StatusCode; {
	case status/100 == 2:
		return nil
	case status == http.StatusRequestTimeout, status == http.StatusTooManyRequests, status/100 == 5:
		return fmt.Errorf("send webhook: the endpoint answered %d", status)
	default:
		return fmt.Errorf("send webhook: %w: it answered %d", ErrRefused, status)
	}
}

// Sign is the signature of a body at a time: a receiver computes the same, and refuses old times.
func Sign(secret string, at time.Time, body []byte) string {
	stamp := strconv.FormatInt(at.Unix(), 10)
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(stamp + "."))
	mac.Write(body)
	return "t=" + stamp + ",v1=" + hex.EncodeToString(mac.Sum(nil))
}

// withoutURL is the cause alone: net/http puts the URL before it.
func withoutURL(err error) error {
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		return wrapped.Err
	}
	return err
}
