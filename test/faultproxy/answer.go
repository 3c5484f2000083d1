package faultproxy

import (
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// maxDrained is how much of a request's body is read before an answer that does not need it, so that a client which is still
// sending hears the answer: twice the largest upload of the tests.
const maxDrained = 64 << 20

// answer is an error in Daytona's shape.
func (x *exchange) answer(status int, message string) {
	source := "DAYTONA_API"
	if x.request.Call.inToolbox() {
		source = "DAYTONA_PROXY"
	}
	body, _ := json.Marshal(map[string]any{
		"path": x.r.URL.Path, "timestamp": time.Now().UTC(), "statusCode": status,
		"error": http.StatusText(status), "message": message, "source": source,
	})
	x.raw(status, "application/json", string(body))
}

// page is a gateway's.
func (x *exchange) page(status int) { x.raw(status, "text/html", gatewayPage(status)) }

func (x *exchange) raw(status int, contentType, body string) {
	if x.isGone() {
		return
	}
	if !x.whole {
		_, _ = io.CopyN(io.Discard, x.r.Body, maxDrained)
	}
	if contentType != "" {
		x.w.Header().Set("Content-Type", contentType)
	}
	x.w.WriteHeader(status)
	_, _ = io.WriteString(x.w, body) // the client may have gone
}

// pageResponse is a gateway's page in place of an answer.
func pageResponse(status int, resp *http.Response) http.Response {
	body := gatewayPage(status)
	return http.Response{
		StatusCode: status, Status: strconv.Itoa(status) + " " + http.StatusText(status),
		Proto: resp.Proto, ProtoMajor: resp.ProtoMajor, ProtoMinor: resp.ProtoMinor, Request: resp.Request,
		Header: http.Header{"Content-Type": {"text/html"}, "Content-Length": {strconv.Itoa(len(body))}},
		Body:   io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body)),
	}
}

func gatewayPage(status int) string {
	title := http.StatusText(status)
	return "<html>\r\n<head><title>" + title + "</title></head>\r\n<body><center><h1>" + title +
		"</h1></center><hr><center>nginx</center></body>\r\n</html>\r\n"
}
