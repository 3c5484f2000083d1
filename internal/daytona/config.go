package daytona

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"go.opentelemetry.io/otel/trace"
)

// DefaultAPIURL is Daytona's own service, the default of its SDKs.
const DefaultAPIURL = "https://app.daytona.io/api"

// DefaultSource is the value of the header X-Daytona-Source.
const DefaultSource = "pitwall"

// Config says which control plane a [Client] talks to, and as whom.
type Config struct {
	// APIURL is the control plane's base URL with its path, such as "https://app.daytona.io/api" (DAYTONA_API_URL).
	// Defaults to [DefaultAPIURL].
	APIURL string
	// APIKey is sent as a bearer token to the control plane and to the toolbox proxies that it names (DAYTONA_API_KEY).
	// Required.
	APIKey string
	// OrganizationID is sent with every request when set; an API key is bound to one organisation and needs none
	// (DAYTONA_ORGANIZATION_ID). Defaults to empty.
	OrganizationID string
	// Target is the region in which sandboxes are created (DAYTONA_TARGET). Defaults to empty, the organisation's own.
	Target string
	// Transport carries the requests. Defaults to one of the client's own, which drops connections after 25 idle seconds.
	Transport http.RoundTripper
	// Tracer makes a span of each exchange that is part of a trace. Defaults to none.
	Tracer trace.Tracer
	// Source names the caller in X-Daytona-Source. Defaults to [DefaultSource].
	Source string
}

// WithDefaults returns a copy with every unset field at its default.
func (c Config) WithDefaults() Config {
	if c.APIURL == "" {
		c.APIURL = DefaultAPIURL
	}
	if c.Source == "" {
		c.Source = DefaultSource
	}
	if c.Transport == nil {
		c.Transport = newTransport()
	}
	return c
}

// Validate reports every problem of a configuration at once.
func (c Config) Validate() error {
	var problems []error
	if _, err := parseBase(c.APIURL); err != nil {
		problems = append(problems, fmt.Errorf("use DAYTONA_API_URL %q: %w", c.APIURL, err))
	}
	if c.APIKey == "" {
		problems = append(problems, errors.New("no Daytona API key: set DAYTONA_API_KEY"))
	}
	for name, value := range map[string]string{
		"API key": c.APIKey, "organization ID": c.OrganizationID, "source": c.Source,
	} {
		if strings.ContainsFunc(value, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
			problems = append(problems, fmt.Errorf("the Daytona %s holds a blank or unprintable character", name))
		}
	}
	return errors.Join(problems...)
}

// String names the control plane and leaves the key out, so that a logged Config gives nothing away.
func (c Config) String() string { return "daytona at " + c.APIURL }

// GoString is String, for %#v.
func (c Config) GoString() string { return c.String() }

// parseBase checks a base URL and returns it without a trailing slash.
func parseBase(raw string) (*url.URL, error) {
	u, err := url.Parse(raw)
	switch {
	case err != nil:
		return nil, errors.New("not a URL") // url.Error repeats the text, which the caller shows already
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, errors.New(`the URL must begin with "http://" or "https://"`)
	case u.Hostname() == "":
		return nil, errors.New("the URL names no host")
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return nil, errors.New("the URL must have no user, query or fragment")
	}
	u.Path, u.RawPath = strings.TrimRight(u.Path, "/"), ""
	return u, nil
}
