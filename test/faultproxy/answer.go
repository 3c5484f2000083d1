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

// answer is what a client is told in the server's stead.
type answer struct {
	status      int
	contentType string
	body        string
}

// refusal is an error in Daytona's shape.
func (x *exchange) refusal(status int, message string) answer {
	source := "DAYTONA_API"
	if x.request.Call.inToolbox() {
		source = "DAYTONA_PROXY"
	}
	body, _ := json.Marshal(map[string]any{
		"path": x.r.URL.Path, "timestamp": time.Now().UTC(), "statusCode": status,
		"error": http.StatusText(status), "message": message, "source": source,
	})
	return answer{status, "application/json", string(body)}
}

// gatewayPage is what a load balancer tells.
func gatewayPage(status int) answer {
	title := http.StatusText(status)
	return answer{status, "text/html", "<html>\r\n<head><title>" + title + "</title></head>\r\n<body><center><h1>" + title +
		"</h1></center><hr><center>nginx</center></body>\r\n</html>\r\n"}
}

// answer writes, unless the client was reset. It ends the exchange: it returns false, as a fault's before does.
func (x *exchange) answer(a answer) bool {
	if x.isGone() {
		return false
	}
	x.drain()
	if a.contentType != "" {
		x.w.Header().Set("Content-Type", a.contentType)
	}
	x.w.WriteHeader(a.status)
	_, _ = io.WriteString(x.w, a.body) // the client may have gone
	return false
}

func (x *exchange) drain() {
	if !x.whole {
		_, _ = io.CopyN(io.Discard, x.r.Body, maxDrained)
	}
}

// response is an answer as if it came from the server.
func (a answer) response(request *http.Request) *http.Response {
	header := http.Header{"Content-Length": {strconv.Itoa(len(a.body))}}
	if a.contentType != "" {
		header.Set("Content-Type", a.contentType)
	}
	return &http.Response{
		StatusCode: a.status, Status: strconv.Itoa(a.status) + " " + http.StatusText(a.status),
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Request: request, Header: header,
		Body: io.NopCloser(strings.NewReader(a.body)), ContentLength: int64(len(a.body)),
	}
}

// replace puts an answer in the place of the server's.
func (a answer) replace(resp *http.Response) {
	_ = resp.Body.Close()
	*resp = *a.response(resp.Request) //nolint:bodyclose // whoever had the old one to close
}
