package daytona

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

// Whatever a server or sandbox answers, an error is a short printable text and its sentinels can be asked for.
func FuzzAnswerError(f *testing.F) {
	f.Add(404, "application/json", `{"statusCode":404,"message":"Sandbox x not found"}`, "3", true)
	f.Add(400, "application/json", `{"errors":["a",{"b":1},null,["c"]],"files":[]}`, "-1", true)
	f.Add(502, "text/html; charset=\xff", "<html>\x00", "Mon, 02 Jan 2006 15:04:05 GMT", false)
	f.Add(302, "", "", "1e309", false)
	client, err := New(Config{APIURL: "http://h", APIKey: "dtn_secret"})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, status int, contentType, body, retry string, toolbox bool) {
		header := http.Header{"Content-Type": {contentType}, "Retry-After": {retry}, "Location": {body}}
		resp := &http.Response{StatusCode: status, Header: header, Body: io.NopCloser(strings.NewReader(body))}
		failed := client.answerError(call{op: "op", method: "GET", path: "/p", toolbox: toolbox}, resp)
		text := failed.Error()
		if len(text) > 8000 || !utf8.ValidString(text) {
			t.Fatalf("text of %d bytes, valid %v", len(text), utf8.ValidString(text))
		}
		if i := strings.IndexFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }); i >= 0 {
			t.Fatalf("unprintable text %q", text)
		}
		if strings.Contains(text, "dtn_secret") {
			t.Fatal("the key shows")
		}
		if failed.RetryAfter < 0 || failed.RetryAfter > maxRetryAfter {
			t.Fatalf("retry after %s", failed.RetryAfter)
		}
		if toolbox && errors.Is(failed, ErrQuota) {
			t.Fatal("a sandbox says what the quota is")
		}
		_, _ = Ambiguous(failed), Transient(failed)
	})
}

// A record that is read has an id; a file that is listed has a name that stays in its folder.
func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"id":"i","autoStopInterval":1e300,"createdAt":"2026-13-40","labels":{"a":"b"},"name":"n"}`))
	f.Add([]byte(`{"id":"i","name":"../x","size":-1}`))
	f.Add([]byte(`{"name":"x","size":9223372036854775807,"modifiedAt":"9999-12-31T23:59:59Z"}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		var wire wireSandbox
		if json.Unmarshal(raw, &wire) == nil {
			if sandbox, err := wire.sandbox(); err == nil && sandbox.ID == "" {
				t.Fatal("a sandbox without an id")
			}
		}
		var file wireFileInfo
		if json.Unmarshal(raw, &file) == nil {
			info, err := file.fileInfo()
			if err == nil && (info.Name == "" || info.Name == ".." || strings.ContainsAny(info.Name, "/\x00") || info.Size < 0) {
				t.Fatalf("a file %q of %d bytes", info.Name, info.Size)
			}
		}
	})
}

// Whatever range a sandbox claims to send, the reader gives no byte that was not asked for.
func FuzzOpenRange(f *testing.F) {
	f.Add(206, "bytes 2-4/9", "cde", int64(2), int64(3))
	f.Add(206, "bytes 0-9223372036854775807/*", "cde", int64(0), int64(-1))
	f.Add(200, "", "abcdef", int64(4), int64(9))
	f.Add(416, "bytes */9", "", int64(4), int64(9))
	client, err := New(Config{APIURL: "http://h", APIKey: "k"})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, status int, contentRange, body string, offset, length int64) {
		if checkRange(offset, length) != nil {
			return
		}
		resp := &http.Response{
			StatusCode: status, Header: http.Header{"Content-Range": {contentRange}},
			Body: io.NopCloser(strings.NewReader(body)), ContentLength: -1,
		}
		reader, part, err := client.openRange(call{op: "op", toolbox: true}, resp, offset, length)
		if err != nil {
			return
		}
		content, _ := io.ReadAll(reader)
		if length > 0 && int64(len(content)) > length || len(content) > len(body) {
			t.Fatalf("%d bytes, asked for %d of %d", len(content), length, len(body))
		}
		if part.Offset != offset || part.Total < -1 {
			t.Fatalf("part %+v", part)
		}
	})
}
