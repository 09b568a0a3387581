package qdrant_test

import (
	"context"
	"net"
	"path"
	"sync"
	"testing"

	qc "github.com/qdrant/go-client/qdrant"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/test/bufconn"

	"github.com/query-synergy/query-synergy/internal/qdrant"
)

// server is a Qdrant that does as a test tells it.
type server struct {
	// answer serves every call: method is such as "Upsert", n counts the calls of
	// that method from 1.
	answer func(ctx context.Context, method string, n int, request any) (any, error)

	mu    sync.Mutex
	calls map[string]int
	keys  map[string]int // how often each api-key header came, "" for none
}

// connect starts the server in memory and returns a store that talks to it. Both
// end with the test. Inside a synctest bubble all waits take no time.
func connect(t *testing.T, srv *server, opts qdrant.Options) *qdrant.Store {
	t.Helper()
	srv.calls, srv.keys = map[string]int{}, map[string]int{}
	intercept := func(ctx context.Context, request any, info *grpc.UnaryServerInfo, _ grpc.UnaryHandler) (any, error) {
		method := path.Base(info.FullMethod)
		srv.mu.Lock()
		srv.calls[method]++
		n := srv.calls[method]
		md, _ := metadata.FromIncomingContext(ctx)
		keys := md.Get("api-key")
		if len(keys) == 0 {
			keys = []string{""}
		}
		srv.keys[keys[0]]++
		srv.mu.Unlock()
		return srv.answer(ctx, method, n, request)
	}
	listener := bufconn.Listen(1 << 20)
	grpcServer := grpc.NewServer(grpc.UnaryInterceptor(intercept), grpc.MaxRecvMsgSize(64<<20))
	qc.RegisterQdrantServer(grpcServer, qc.UnimplementedQdrantServer{})
	qc.RegisterPointsServer(grpcServer, qc.UnimplementedPointsServer{})
	qc.RegisterCollectionsServer(grpcServer, qc.UnimplementedCollectionsServer{})
	served := make(chan error, 1)
	go func() { served <- grpcServer.Serve(listener) }()

	opts.Dial = func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }
	store, err := qdrant.Connect(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
		grpcServer.Stop()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	return store
}

func (srv *server) count(method string) int {
	srv.mu.Lock()
	defer srv.mu.Unlock()
	return srv.calls[method]
}

// completed is a write's good answer.
func completed() *qc.PointsOperationResponse { return written(qc.UpdateStatus_Completed) }

func written(status qc.UpdateStatus) *qc.PointsOperationResponse {
	return &qc.PointsOperationResponse{Result: &qc.UpdateResult{Status: status}}
}
