package daytona

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"
)

const (
	maxErrorBytes   = 64 << 10 // of an error body that is read
	maxMessageRunes = 600      // of a message that is kept
	maxDrainBytes   = 64 << 10 // read off so that the connection can be used again
	maxRetryAfter   = 10 * time.Minute
	maxReasons      = 20 // of the per-file reasons of a failed upload
)

// errorBody holds the error shapes of both surfaces: the control plane's, the daemon's, and a failed bulk upload's.
type errorBody struct {
	StatusCode int               `json:"statusCode"`
	Message    json.RawMessage   `json:"message"` // text; a list of texts from a validator
	Error      string            `json:"error"`
	Code       string            `json:"code"`
	Source     string            `json:"source"`
	Errors     []json.RawMessage `json:"errors"`
}

// answerError turns an answer other than 2xx into an *Error. It reads a bounded part of the body.
func (c *Client) answerError(cl call, resp *http.Response) *Error {
	failed := cl.fail(resp.StatusCode, nil)
	failed.RetryAfter = retryAfter(resp.Header)
	raw, _ := io.ReadAll(io.LimitReader(resp.Body, maxErrorBytes)) // what came before a cut is the best there is
	var body errorBody
	shaped := json.Unmarshal(raw, &body) == nil
	failed.foreign = !shaped || !body.ownShape(resp.StatusCode)
	failed.Code, failed.Source = clean(body.Code), clean(body.Source)
	switch text := body.text(); {
	case shaped && text != "":
		failed.Message = text
	case resp.StatusCode/100 == 3:
		failed.Message = fmt.Sprintf("redirects to %s, which is not followed", resp.Header.Get("Location"))
	default:
		failed.Message = plainText(resp.Header.Get("Content-Type"), string(raw))
	}
	for _, secret := range []string{c.secret, cl.secret} {
		if secret != "" {
			failed.Message = strings.ReplaceAll(failed.Message, secret, "[redacted]")
		}
	}
	failed.Message = clean(failed.Message)
	return failed
}

// ownShape tells Daytona's own errors, which repeat the status or speak of the sandbox, from a gateway's JSON and from a
// framework's "no such route": a proof of absence rests on it.
func (b errorBody) ownShape(status int) bool {
	text := b.text()
	return text != "" && !isUnknownRoute(text) &&
		(b.StatusCode == status || strings.Contains(strings.ToLower(text), "sandbox"))
}

// text joins what an error body says.
func (b errorBody) text() string {
	parts := rawTexts(b.Message)
	if len(parts) == 0 && b.Error != "" {
		parts = append(parts, b.Error)
	}
	for i, reason := range b.Errors {
		if i == maxReasons {
			parts = append(parts, fmt.Sprintf("and %d more", len(b.Errors)-i))
			break
		}
		parts = append(parts, rawTexts(reason)...)
	}
	return strings.Join(parts, "; ")
}

// rawTexts reads a JSON text, or a list of them; anything else is shown as it stands.
func rawTexts(raw json.RawMessage) []string {
	var one string
	var many []string
	switch {
	case len(raw) == 0 || string(raw) == "null":
		return nil
	case json.Unmarshal(raw, &one) == nil:
		many = []string{one}
	case json.Unmarshal(raw, &many) != nil:
		many = []string{string(raw)}
	}
	kept := many[:0]
	for _, text := range many {
		if text != "" {
			kept = append(kept, text)
		}
	}
	return kept
}

// isUnknownRoute recognises the answer of a framework that has no such route: it speaks of the URL, not of a sandbox.
func isUnknownRoute(message string) bool {
	for _, method := range []string{"GET", "POST", "DELETE", "PUT"} {
		if strings.HasPrefix(message, "Cannot "+method+" ") {
			return true
		}
	}
	return false
}

// plainText makes a message of a body that is not Daytona's: a gateway's HTML page is named, not repeated.
func plainText(contentType, body string) string {
	media, _, _ := mime.ParseMediaType(contentType)
	if media == "text/html" || strings.HasPrefix(strings.TrimSpace(body), "<") {
		return "an HTML page, not an answer of Daytona"
	}
	return body
}

// clean makes text from elsewhere fit for a log line: valid, printable, short.
func clean(text string) string {
	var kept strings.Builder
	count := 0
	for _, r := range strings.ToValidUTF8(text, "\uFFFD") {
		if count++; count > maxMessageRunes {
			kept.WriteString("…")
			break
		}
		if !unicode.IsPrint(r) {
			r = ' '
		}
		kept.WriteRune(r)
	}
	return strings.TrimSpace(kept.String())
}

// retryAfter reads Retry-After and Daytona's suffixed forms, such as Retry-After-sandbox-create; the longest wins. It is
// bounded by maxRetryAfter; 0 means that there is none.
func retryAfter(header http.Header) time.Duration {
	var longest time.Duration
	for name, values := range header {
		if name != "Retry-After" && !strings.HasPrefix(name, "Retry-After-") {
			continue
		}
		for _, value := range values {
			longest = max(longest, parseRetryAfter(value))
		}
	}
	return min(longest, maxRetryAfter)
}

func parseRetryAfter(value string) time.Duration {
	if seconds, err := strconv.ParseFloat(strings.TrimSpace(value), 64); err == nil {
		return time.Duration(min(max(seconds, 0), maxRetryAfter.Seconds()) * float64(time.Second))
	}
	if at, err := http.ParseTime(value); err == nil {
		return time.Until(at)
	}
	return 0
}

// readCapped reads a body of at most limit bytes. Returns ErrAnswerTooLarge if there is more.
func readCapped(body io.Reader, limit int64) ([]byte, error) {
	raw, err := io.ReadAll(io.LimitReader(body, limit+1))
	if err != nil {
		return nil, fmt.Errorf("read answer: %w", err)
	}
	if int64(len(raw)) > limit {
		return nil, fmt.Errorf("%w: more than %d bytes", ErrAnswerTooLarge, limit)
	}
	return raw, nil
}

// decodeJSON decodes an answer. Returns ErrBadAnswer if it is something else.
func decodeJSON(raw []byte, out any) error {
	if err := json.Unmarshal(raw, out); err != nil {
		return fmt.Errorf("%w: %w", ErrBadAnswer, err)
	}
	return nil
}

// discard reads what little is left of a body, so that its connection can be used again, and closes it.
func discard(body io.ReadCloser) {
	_, _ = io.CopyN(io.Discard, body, maxDrainBytes)
	_ = body.Close()
}

// plainCause takes net/http's wrapper off: Error says method and path itself, and a query may be long.
func plainCause(err error) error {
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		return wrapped.Err
	}
	return err
}
