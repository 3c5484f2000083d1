package main

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"pitwall/internal/temporalclient"
)

// codecTimeout bounds one request of Temporal's UI.
const codecTimeout = 30 * time.Second

func codecServerCommand(term *terminal) *cobra.Command {
	var addr, origin string
	cmd := &cobra.Command{
		Use:   "codec-server",
		Short: "Show encrypted payloads in Temporal's UI and CLI",
		Long: `Decrypt payloads for Temporal's UI and CLI until Ctrl-C, with the keys of PITWALL_PAYLOAD_KEYS. Whoever reaches it reads
everything: it listens on loopback, answers pages of one origin alone, and with PITWALL_CODEC_TOKEN asks for that bearer token.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return serveCodec(cmd.Context(), term, addr, origin) },
	}
	cmd.Flags().StringVar(&addr, "addr", "127.0.0.1:8234", "loopback `address` to listen on")
	cmd.Flags().StringVar(&origin, "origin", "", "`origin` of Temporal's UI (default: PITWALL_UI_URL, else that of a running starter dev, else http://127.0.0.1:8233)")
	return cmd
}

// originOf is what a browser calls the origin of a page: scheme and host, without a path.
func originOf(page string) (string, error) {
	parsed, err := url.Parse(page)
	if err != nil || parsed.Host == "" || parsed.Scheme != "http" && parsed.Scheme != "https" {
		return "", &UsageError{Problem: "origin " + page + " is no URL of a page", Hint: "write such as https://temporal.example"}
	}
	return strings.ToLower(parsed.Scheme + "://" + parsed.Host), nil
}

func serveCodec(ctx context.Context, term *terminal, addr, origin string) error {
	target, err := loadDeployment(term)
	if err != nil {
		return err
	}
	if target.temporal.Keys == nil {
		return &UsageError{Problem: "there are no keys: nothing is encrypted", Hint: "set PITWALL_PAYLOAD_KEYS or PITWALL_PAYLOAD_KEYS_FILE, as for the workers"}
	}
	switch {
	case origin != "":
	case target.uiURL != "":
		origin = target.uiURL
	default:
		origin = "http://127.0.0.1:8233"
	}
	if origin, err = originOf(origin); err != nil {
		return err
	}
	where, err := netip.ParseAddrPort(addr)
	if err != nil || !where.Addr().IsLoopback() {
		return &UsageError{Problem: "--addr " + addr + " is not an address of this host's loopback", Hint: "write such as 127.0.0.1:8234; for other hosts put a proxy with TLS and a login in front"}
	}
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return &UsageError{Problem: "listen on " + addr, Err: err, Hint: "choose another address with --addr"}
	}
	term.printf("Codec endpoint  http://%s  for %s\n", listener.Addr(), origin)
	server := &http.Server{
		Handler:           temporalclient.NewCodecHandler(target.temporal.Keys, origin, target.CodecToken.Reveal()),
		ReadHeaderTimeout: codecTimeout, ReadTimeout: codecTimeout, WriteTimeout: codecTimeout, MaxHeaderBytes: 16 << 10,
	}
	stop := context.AfterFunc(ctx, func() { server.Close() })
	defer stop()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return &InfraError{Err: err}
	}
	return nil
}
