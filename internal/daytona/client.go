package daytona

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"time"
)

// Client talks to one control plane. It is safe for concurrent use.
type Client struct {
	base   *url.URL
	http   *http.Client
	header http.Header // sent with every request
	target string
	secret string // cut out of every message
}

// New returns a client, or an error that names every problem of the configuration. It sends nothing.
func New(config Config) (*Client, error) {
	config = config.WithDefaults()
	if err := config.Validate(); err != nil {
		return nil, err
	}
	base, err := parseBase(config.APIURL)
	if err != nil {
		return nil, fmt.Errorf("use DAYTONA_API_URL: %w", err)
	}
	return &Client{
		base:   base,
		http:   &http.Client{Transport: withSpans(config.Transport, config.Tracer), CheckRedirect: neverRedirect},
		header: commonHeader(config),
		target: config.Target,
		secret: config.APIKey,
	}, nil
}

// APIURL is the control plane's base URL, without a trailing slash.
func (c *Client) APIURL() string { return c.base.String() }

// String names the control plane and leaves the key out, so that a logged Client gives nothing away.
func (c *Client) String() string { return "daytona at " + c.APIURL() }

// CloseIdle closes the connections that nothing uses, for a clean end of a process or test.
func (c *Client) CloseIdle() { c.http.CloseIdleConnections() }

// Health asks whether the control plane is up; it needs no permission.
func (c *Client) Health(ctx context.Context) error {
	return c.exchange(ctx, call{op: "ask for health", method: http.MethodGet, path: "/health"}, nil)
}

// sdkVersion is sent as X-Daytona-SDK-Version. It is behavioural: the toolbox splits session output for versions from
// 0.167.0 on only. 0.205.1 is the version whose OpenAPI files the contract tests hold this client to.
const sdkVersion = "0.205.1"

func commonHeader(config Config) http.Header {
	header := http.Header{}
	header.Set("Authorization", "Bearer "+config.APIKey)
	header.Set("X-Daytona-Source", config.Source)
	header.Set("X-Daytona-SDK-Version", sdkVersion)
	header.Set("User-Agent", config.Source)
	if config.OrganizationID != "" {
		header.Set("X-Daytona-Organization-ID", config.OrganizationID)
	}
	return header
}

// newTransport makes the default transport. It has no timeout for a whole exchange: a command may run for hours.
func newTransport() *http.Transport {
	return &http.Transport{
		Proxy:       http.ProxyFromEnvironment,
		DialContext: (&net.Dialer{Timeout: 15 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		// A balancer drops idle connections after about 60 s; a request on one that is gone is a lost create
		// (daytona/clients#237), so this side drops them well before.
		IdleConnTimeout:        25 * time.Second,
		TLSHandshakeTimeout:    15 * time.Second,
		MaxIdleConnsPerHost:    64,
		MaxResponseHeaderBytes: 256 << 10,
		ForceAttemptHTTP2:      true,
		DisableCompression:     true, // lengths and ranges are those of the file
	}
}

// neverRedirect keeps the key from being carried elsewhere and a POST from becoming a GET.
func neverRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
