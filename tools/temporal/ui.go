package main

import (
	"net"

	uiserver "github.com/temporalio/ui-server/v2/server"
	uiconfig "github.com/temporalio/ui-server/v2/server/config"
	uioptions "github.com/temporalio/ui-server/v2/server/server_options"
)

// newUI is the web UI, told to ask neither for news nor for newer versions.
func newUI(opts Options) *uiserver.Server {
	host, _, _ := net.SplitHostPort(opts.uiAddress())
	if net.ParseIP(host).To4() == nil {
		host = "[" + host + "]" // the UI server joins host and port itself
	}
	return uiserver.NewServer(uioptions.WithConfigProvider(&uiconfig.Config{
		TemporalGRPCAddress: opts.frontendAddress(),
		Host:                host,
		Port:                opts.UIPort,
		EnableUI:            true,
		PublicPath:          opts.UIPublicPath,
		UIAssetPath:         opts.UIAssetPath,
		Codec:               uiconfig.Codec{Endpoint: opts.UICodec},
		CORS:                uiconfig.CORS{CookieInsecure: true}, // plain HTTP on loopback
		DefaultNamespace:    opts.Namespaces[len(opts.Namespaces)-1],
		DisableNewsFetch:    true,
		NotifyOnNewVersion:  false,
		HideLogs:            true,
	}))
}
