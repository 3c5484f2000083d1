package temporalproxy

import (
	"context"
	"fmt"
	"net"
	"sync"

	"go.temporal.io/api/proxy"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/protobuf/proto"
)

// Side of a call.
type Side int

// The two sides.
const (
	Before Side = iota // the server has not heard of it
	After              // the server has done it, the worker does not know
)

func (s Side) String() string { return [...]string{"before", "after"}[s] }

// Point is where a call is to be held: the first one whose event matches, at one side.
type Point struct {
	Side  Side
	Match func(Event) bool
}

// Gate holds one call.
type Gate struct {
	reached, open chan struct{}
	opened        sync.Once
	event         Event
}

// Reached is closed when a call stands at the gate.
func (g *Gate) Reached() <-chan struct{} { return g.reached }

// Event is what stands there; it may be read once Reached is closed.
func (g *Gate) Event() Event { return g.event }

// Open lets it go on, and every later one. It may be called before a call has come.
func (g *Gate) Open() { g.opened.Do(func() { close(g.open) }) }

// Proxy forwards one address's calls to a Temporal server.
type Proxy struct {
	address string
	server  *grpc.Server
	conn    *grpc.ClientConn
	tasks   tasks

	mu    sync.Mutex
	holds []*hold
}

type hold struct {
	Point
	gate *Gate
}

// maxMessage is above Temporal's own 4 MiB and what its histories come in.
const maxMessage = 64 << 20

// Start serves on a free port of the loopback interface, in front of a server at host:port, until Close.
func Start(server string) (*Proxy, error) {
	conn, err := grpc.NewClient(server, grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxMessage), grpc.MaxCallSendMsgSize(maxMessage)))
	if err != nil {
		return nil, fmt.Errorf("reach Temporal at %s: %w", server, err)
	}
	forward, err := proxy.NewWorkflowServiceProxyServer(proxy.WorkflowServiceProxyOptions{Client: workflowservice.NewWorkflowServiceClient(conn)})
	if err != nil {
		return nil, fmt.Errorf("make a proxy of Temporal: %w", err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen for workers: %w", err)
	}
	p := &Proxy{address: listener.Addr().String(), conn: conn}
	p.server = grpc.NewServer(grpc.MaxRecvMsgSize(maxMessage), grpc.MaxSendMsgSize(maxMessage), grpc.UnaryInterceptor(p.intercept))
	workflowservice.RegisterWorkflowServiceServer(p.server, forward)
	healthpb.RegisterHealthServer(p.server, healthForward{client: healthpb.NewHealthClient(conn)})
	go func() { _ = p.server.Serve(listener) }()
	return p, nil
}

// Address is where workers find it, host:port.
func (p *Proxy) Address() string { return p.address }

// Close ends every call and connection.
func (p *Proxy) Close() {
	p.mu.Lock()
	for _, held := range p.holds {
		held.gate.Open()
	}
	p.mu.Unlock()
	p.server.Stop()
	_ = p.conn.Close()
}

// Hold makes the first call at a point stop there until its gate is opened, or its worker has gone: the call of a worker
// that died Before never arrives.
func (p *Proxy) Hold(point Point) *Gate {
	gate := &Gate{reached: make(chan struct{}), open: make(chan struct{})}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.holds = append(p.holds, &hold{Point: point, gate: gate})
	return gate
}

func (p *Proxy) intercept(ctx context.Context, request any, _ *grpc.UnaryServerInfo, forward grpc.UnaryHandler) (any, error) {
	events := p.tasks.events(request.(proto.Message))
	if err := p.stop(ctx, Before, events); err != nil {
		return nil, err
	}
	answer, err := forward(ctx, request)
	if err != nil {
		return nil, err
	}
	p.tasks.learn(answer.(proto.Message))
	if err := p.stop(ctx, After, events); err != nil {
		return nil, err
	}
	return answer, nil
}

// stop waits at the gate of the first hold that one of the events matches.
func (p *Proxy) stop(ctx context.Context, side Side, events []Event) error {
	gate := p.take(side, events)
	if gate == nil {
		return nil
	}
	close(gate.reached)
	select {
	case <-gate.open:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (p *Proxy) take(side Side, events []Event) *Gate {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, held := range p.holds {
		for _, event := range events {
			if held.Side == side && held.Match(event) {
				p.holds = append(p.holds[:i:i], p.holds[i+1:]...)
				held.gate.event = event
				return held.gate
			}
		}
	}
	return nil
}

type healthForward struct {
	healthpb.UnimplementedHealthServer
	client healthpb.HealthClient
}

func (h healthForward) Check(ctx context.Context, in *healthpb.HealthCheckRequest) (*healthpb.HealthCheckResponse, error) {
	return h.client.Check(ctx, in)
}
