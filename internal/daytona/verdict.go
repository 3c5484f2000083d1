package daytona

import (
	"context"
	"crypto/tls"
	"errors"
	"net/http"
	"time"
)

// Ambiguous says of a failed create that the server may have done it nonetheless: no answer after the request was sent,
// 5xx, 408, 400 "failed to start", an answer that could not be read. It is false for a definite refusal (any other 4xx, a
// redirect) and for a request that never left. An error that is not this package's is ambiguous.
func Ambiguous(err error) bool {
	if err == nil {
		return false
	}
	var failed *Error
	if !errors.As(err, &failed) {
		return true
	}
	switch {
	case failed.Status == 0:
		return failed.Sent
	case failed.Status/100 == 2, failed.Status >= http.StatusInternalServerError:
		return true
	}
	return failed.Status == http.StatusRequestTimeout || errors.Is(failed, ErrStartFailed)
}

// Unanswered says of an ambiguous create that it may be still on its way: nothing answered, or some gateway did. What
// Daytona itself has answered, whatever it says, has taken effect by then or never will.
func Unanswered(err error) bool {
	var failed *Error
	if !errors.As(err, &failed) {
		return err != nil
	}
	switch failed.Status {
	case http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true // whatever the shape, it is what a gateway says
	}
	return Ambiguous(err) && failed.Status/100 != 2 && (failed.Status == 0 || failed.foreign)
}

// Transient says that the same call may succeed later: no answer, a broken one, 5xx (but 501), 408, 425, 429, or an
// answer that came from some gateway. It is false after a cancel, and for whatever only a change can mend: a bad request,
// a certificate that is not trusted, an answer that is too large.
func Transient(err error) bool {
	var failed *Error
	if !errors.As(err, &failed) || lasting(err) {
		return false
	}
	switch failed.Status {
	case 0:
		return !errors.Is(err, ErrBadAnswer)
	case http.StatusTooEarly, http.StatusTooManyRequests:
		return true
	case http.StatusRequestTimeout:
		return !failed.Toolbox
	case http.StatusNotFound:
		return !failed.Toolbox && failed.foreign
	case http.StatusNotImplemented:
		return false
	}
	return failed.Status/100 == 2 || failed.Status >= http.StatusInternalServerError
}

// lasting tells the causes that time does not mend.
func lasting(err error) bool {
	for _, cause := range []error{context.Canceled, ErrInvalidRequest, ErrAnswerTooLarge} {
		if errors.Is(err, cause) {
			return true
		}
	}
	var untrusted *tls.CertificateVerificationError
	var ours *ReadError
	return errors.As(err, &untrusted) || errors.As(err, &ours)
}

// RetryAfter is the server's wish carried by an error, 0 when there is none.
func RetryAfter(err error) time.Duration {
	var failed *Error
	if errors.As(err, &failed) {
		return failed.RetryAfter
	}
	return 0
}
