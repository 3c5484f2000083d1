package main

import (
	"fmt"
	"time"

	"go.temporal.io/server/common/cluster"
	"go.temporal.io/server/common/config"
	"go.temporal.io/server/common/membership/static"
	"go.temporal.io/server/common/metrics"
	"go.temporal.io/server/common/primitives"
)

const (
	clusterName = "active"
	storeName   = "sqlite"

	// historyShards cannot change once a database exists. One is enough for SQLite's single writer.
	historyShards = 1
)

// services are the parts of the server, each of which has a port. Only the frontend's is the user's to choose.
var services = []primitives.ServiceName{
	primitives.FrontendService, primitives.HistoryService, primitives.MatchingService, primitives.WorkerService,
}

// servicePorts gives each part of the server a port.
func servicePorts(opts Options) (map[primitives.ServiceName]int, error) {
	free, err := freePorts(opts.IP, len(services)-1)
	if err != nil {
		return nil, err
	}
	ports := map[primitives.ServiceName]int{primitives.FrontendService: opts.Port}
	for i, name := range services[1:] {
		ports[name] = free[i]
	}
	return ports, nil
}

// serverConfig is the server's static configuration. An empty cluster ID lets the server make one with a new database and keep
// the one that an existing database holds.
func serverConfig(opts Options, ports map[primitives.ServiceName]int, store *config.SQL) *config.Config {
	frontend := opts.frontendAddress()
	conf := &config.Config{
		Persistence: config.Persistence{
			DefaultStore:     storeName,
			VisibilityStore:  storeName,
			NumHistoryShards: historyShards,
			DataStores:       map[string]config.DataStore{storeName: {SQL: store}},
		},
		ClusterMetadata: &cluster.Config{
			FailoverVersionIncrement: 10,
			MasterClusterName:        clusterName,
			CurrentClusterName:       clusterName,
			ClusterInformation: map[string]cluster.ClusterInformation{
				clusterName: {Enabled: true, InitialFailoverVersion: 1, RPCAddress: frontend},
			},
		},
		DCRedirectionPolicy: config.DCRedirectionPolicy{Policy: "noop"},
		PublicClient:        config.PublicClient{HostPort: frontend},
		Services:            make(map[string]config.Service, len(services)),
	}
	conf.Global.Membership = config.Membership{MaxJoinDuration: 30 * time.Second, BroadcastAddress: opts.IP}
	conf.Archival.History.State = "disabled"
	conf.Archival.Visibility.State = "disabled"
	conf.NamespaceDefaults.Archival.History.State = "disabled"
	conf.NamespaceDefaults.Archival.Visibility.State = "disabled"
	for name, port := range ports {
		rpc := config.RPC{GRPCPort: port, BindOnIP: opts.IP}
		if name == primitives.FrontendService {
			rpc.HTTPPort = opts.HTTPPort
		}
		conf.Services[string(name)] = config.Service{RPC: rpc}
	}
	if opts.MetricsPort != 0 {
		conf.Global.Metrics = &metrics.Config{Prometheus: &metrics.PrometheusConfig{
			ListenAddress: opts.address(opts.MetricsPort), HandlerPath: "/metrics",
		}}
	}
	return conf
}

// staticHosts tells each part of the server where the others are, in place of a gossip protocol.
func staticHosts(opts Options, ports map[primitives.ServiceName]int) map[primitives.ServiceName]static.Hosts {
	hosts := make(map[primitives.ServiceName]static.Hosts, len(ports))
	for name, port := range ports {
		hosts[name] = static.SingleLocalHost(opts.address(port))
	}
	return hosts
}

// chosenPorts lists the ports that the command line names, so that a busy one is reported by its flag.
func chosenPorts(opts Options) []chosenPort {
	ports := []chosenPort{{flag: "--port", address: opts.frontendAddress()}}
	if opts.HTTPPort != 0 {
		ports = append(ports, chosenPort{flag: "--http-port", address: opts.address(opts.HTTPPort)})
	}
	if opts.MetricsPort != 0 {
		ports = append(ports, chosenPort{flag: "--metrics-port", address: opts.address(opts.MetricsPort)})
	}
	if !opts.Headless {
		ports = append(ports, chosenPort{flag: "--ui-port", address: opts.uiAddress()})
	}
	return ports
}

type chosenPort struct{ flag, address string }

func (p chosenPort) check() error {
	if err := checkFree(p.address); err != nil {
		return fmt.Errorf("%s: address %s is taken: %w", p.flag, p.address, err)
	}
	return nil
}
