package config

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
)

// Reports says whether errors go to Sentry.
func (c Config) Reports() bool { return c.SentryDSN != "" }

// Observes says whether evals go to Galileo.
func (c Config) Observes() bool { return c.GalileoKey != "" }

// GalileoHeaders are those of each request: the key, and where its traces belong.
func (c Config) GalileoHeaders() http.Header {
	headers := http.Header{}
	headers.Set(c.GalileoKeyHeader, c.GalileoKey.Reveal())
	headers.Set(c.GalileoProjectHeader, c.GalileoProject)
	headers.Set(c.GalileoLogStreamHeader, c.GalileoLogStream)
	return headers
}

// reporting checks what Sentry and Galileo are told.
func (f *findings) reporting(c Config) {
	if dsn := c.SentryDSN.Reveal(); dsn != "" && !isDSN(dsn) {
		f.bad("SENTRY_DSN", " is not a DSN: want https://KEY@HOST/PROJECT, as Sentry's project settings show it")
	}
	if !c.Observes() {
		return
	}
	f.url("PITWALL_GALILEO_ENDPOINT", c.GalileoEndpoint, "such as https://api.galileo.ai/otel/traces", "http", "https")
	if c.GalileoProject == "" {
		f.bad("PITWALL_GALILEO_PROJECT", " is not set: name the project that traces go to")
	}
	for _, header := range []struct{ name, variable, value string }{
		{c.GalileoKeyHeader, "PITWALL_GALILEO_API_KEY", c.GalileoKey.Reveal()},
		{c.GalileoProjectHeader, "PITWALL_GALILEO_PROJECT", c.GalileoProject},
		{c.GalileoLogStreamHeader, "PITWALL_GALILEO_LOG_STREAM", c.GalileoLogStream},
	} {
		if !headerName.MatchString(header.name) {
			f.bad(header.variable+"_HEADER", "=%q is not the name of a header", clip(header.name))
		}
		if strings.ContainsFunc(header.value, func(r rune) bool { return r < ' ' || r == 0x7f }) {
			f.bad(header.variable, " has a control character in it: set the text alone, without a line break")
		}
	}
}

// headerName is narrower than HTTP's, and holds whatever a vendor would choose.
var headerName = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)

// isDSN: http or https, a key, a host and a project's number at the end of the path.
func isDSN(text string) bool {
	dsn, err := url.Parse(text)
	if err != nil || dsn.Scheme != "http" && dsn.Scheme != "https" || dsn.User.Username() == "" || dsn.Hostname() == "" {
		return false
	}
	return strings.Trim(dsn.Path, "/") != ""
}
