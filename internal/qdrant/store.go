// Package qdrant keeps passages and their vectors in Qdrant, one collection for
// each corpus and language, and searches them.
//
// It is the only package that speaks Qdrant's gRPC API, through
// github.com/qdrant/go-client, to a server or, over Options.Dial, to the
// in-process engine of its subfolder embedded. No protobuf or gRPC type leaves
// it. It knows nothing of embedding models, translation or fusion: a schema's
// fields are facts to it, recorded and compared, never acted on.
//
// Every call has a deadline and is tried a bounded number of times; every write
// may therefore be sent twice, which is safe because points are overwritten
// whole under their own ids.
package qdrant

import (
	"cmp"
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"reflect"
	"strings"
	"sync/atomic"
	"time"

	qc "github.com/qdrant/go-client/qdrant"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
)

const (
	defaultTimeout  = 30 * time.Second
	defaultAttempts = 5

	// maxOutage is how long a server that has answered before may be away, as while
	// it restarts.
	maxOutage = time.Minute

	// maxReceive replaces gRPC's limit of 4 MiB, which a thousand vectors exceed.
	maxReceive = 64 << 20

	// window is what may be under way of one reply. gRPC begins at 64 KiB, where
	// a few dozen vectors wait for a round trip.
	window = 4 << 20

	// keepAliveSeconds is how long a server may leave a ping unanswered, which is
	// sent after 10 s of silence, before the connection counts as cut.
	keepAliveSeconds = 10
)

// Options says how to reach Qdrant.
type Options struct {
	URL    string // of a server, see ParseURL; not read when Dial is set
	APIKey string // sent with every call, never logged
	// TLS secures the connection also where the URL does not say https. TLSConfig,
	// if set, goes in place of the system's authorities, and implies TLS.
	TLS       bool
	TLSConfig *tls.Config
	// Dial, if set, connects in place of the network: to the in-process engine.
	Dial    func(ctx context.Context, address string) (net.Conn, error)
	Folder  string        // of the engine that Dial connects to, for errors
	Timeout time.Duration // of one attempt of one call, default 30 s
	// MaxAttempts of one call, default 5; by default, a server that answered before
	// is waited for up to a minute besides.
	MaxAttempts int
	Logger      *slog.Logger // told of retries, default none
	// Collections says how the collections are that the store makes, and how those
	// shall be that it finds when it makes them ready to be written.
	Collections CollectionOptions
}

// Store is a connection to Qdrant. It is safe for concurrent use.
type Store struct {
	client   *qc.Client
	where    string // how errors name the other side
	remote   bool
	apiKey   string // to keep it out of errors
	timeout  time.Duration
	attempts uint
	log      *slog.Logger

	pace *pace
	// reached says that the other side has answered: if it is not there later, it
	// is waited for.
	reached *atomic.Bool
	outage  time.Duration // how long; 0: not beyond the attempts
	// timeoutsEnd returns what took too long to the caller, who does something
	// about it, in place of trying again.
	timeoutsEnd bool

	collections CollectionOptions
}

// Connect prepares a connection and returns without waiting for the network;
// the first call connects. Health tells whether there is a server.
func Connect(opts Options) (*Store, error) {
	if err := opts.Collections.Validate(); err != nil {
		return nil, err
	}
	s := &Store{
		where:    "the embedded store",
		apiKey:   opts.APIKey,
		timeout:  cmp.Or(opts.Timeout, defaultTimeout),
		attempts: uint(max(1, cmp.Or(opts.MaxAttempts, defaultAttempts))),
		log:      cmp.Or(opts.Logger, slog.New(slog.DiscardHandler)),

		pace:        newPace(),
		reached:     new(atomic.Bool),
		collections: opts.Collections,
	}
	if opts.MaxAttempts == 0 {
		s.outage = maxOutage
	}
	config := &qc.Config{
		APIKey: opts.APIKey,
		Logger: s.log,
		// It would block here, for up to a minute, where no server answers.
		SkipCompatibilityCheck: true,
		// One HTTP/2 connection carries concurrent calls, and a pool of go-client's
		// stacks its interceptors once more for each connection.
		PoolSize: 1,
		GrpcOptions: []grpc.DialOption{
			grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxReceive)),
			grpc.WithInitialWindowSize(window),
			grpc.WithInitialConnWindowSize(window),
			// gRPC by itself waits up to two minutes before it dials again.
			grpc.WithConnectParams(grpc.ConnectParams{
				Backoff: backoff.Config{
					BaseDelay:  100 * time.Millisecond,
					Multiplier: 1.6,
					Jitter:     0.2,
					MaxDelay:   2 * time.Second,
				},
				MinConnectTimeout: 5 * time.Second,
			}),
		},
	}
	if opts.Dial != nil {
		if !reflect.ValueOf(opts.Collections).IsZero() {
			s.log.Debug("the embedded store keeps settings of collections, which have no effect there: it searches all vectors, from one folder")
		}
		if opts.Folder != "" {
			s.where = opts.Folder
		}
		// Neither DNS nor a keep-alive is wanted inside one process.
		config.Host = "passthrough:///embedded"
		config.KeepAliveTime = -1
		config.GrpcOptions = append(config.GrpcOptions, grpc.WithContextDialer(opts.Dial))
	} else {
		address, err := ParseURL(opts.URL)
		if err != nil {
			return nil, err
		}
		if secure := opts.TLS || opts.TLSConfig != nil; secure && !address.TLS {
			if strings.Contains(opts.URL, "://") {
				return nil, fmt.Errorf("qdrant address %q says that there is no TLS, other settings that there is: write https or leave the scheme away", cut(opts.URL))
			}
			address.TLS = true
		}
		config.TLSConfig = opts.TLSConfig
		if address.Port == grpcPort && strings.Contains(opts.URL, fmt.Sprint(":", restPort)) {
			s.log.Debug("port 6333 is Qdrant's REST port: using its gRPC port 6334")
		}
		s.where, s.remote = address.String(), true
		// A server that is slow to answer pings is not gone: go-client waits 2 s.
		config.KeepAliveTimeout = keepAliveSeconds
		config.Host, config.Port, config.UseTLS = address.Host, address.Port, address.TLS
		if strings.Contains(address.Host, ":") { // go-client joins host and port without brackets
			config.Host = "[" + address.Host + "]"
		}
	}
	client, err := qc.NewClient(config)
	if err != nil {
		return nil, fmt.Errorf("connect to Qdrant at %s: %s", s.where, s.clean(err.Error()))
	}
	s.client = client
	return s, nil
}

// Close ends the connection. Calls under way fail.
func (s *Store) Close() error {
	if err := s.client.Close(); err != nil {
		return fmt.Errorf("close the connection to Qdrant at %s: %w", s.where, err)
	}
	return nil
}

// Health asks the server for its version, such as "1.18.3".
func (s *Store) Health(ctx context.Context) (version string, err error) {
	reply, err := call(ctx, s, "ask Qdrant for its health", s.client.HealthCheck)
	if err != nil {
		return "", err
	}
	return reply.GetVersion(), nil
}
