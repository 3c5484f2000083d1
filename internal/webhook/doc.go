// Package webhook tells one HTTP endpoint of the operator's what happened.
//
//	POST URL                     Content-Type: application/json
//	  Idempotency-Key: KEY       the same for each try of one message
//	  Pitwall-Signature: t=UNIX,v1=HEX     where there is a secret: HMAC-SHA256 of "UNIX.BODY"
//
// 2xx is delivered; 408, 429, 5xx and no answer may be tried again; anything else is refused, and a redirect is not followed.
package webhook
