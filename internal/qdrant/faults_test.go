package qdrant_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net"
	"path"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	qc "github.com/qdrant/go-client/qdrant"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/query-synergy/query-synergy/internal/corpus"
	"github.com/query-synergy/query-synergy/internal/embedding"
	"github.com/query-synergy/query-synergy/internal/ingest"
	"github.com/query-synergy/query-synergy/internal/qdrant"
	"github.com/query-synergy/query-synergy/internal/qdrant/embedded"
	"github.com/query-synergy/query-synergy/internal/rerank"
	"github.com/query-synergy/query-synergy/internal/retrieve"
	"github.com/query-synergy/query-synergy/internal/testenv"
)

// fault is a way to misbehave. Those that come late have carried the call out
// before, so that only the answer is lost.
type fault string

const (
	none            fault = ""
	unavailable     fault = "unavailable"
	unavailableLate fault = "unavailable, though done"
	deadline        fault = "deadline exceeded"
	deadlineLate    fault = "deadline exceeded, though done"
	silent          fault = "no answer"
	rateLimit       fault = "resource exhausted, with retry-after"
	internal        fault = "internal"
	precondition    fault = "failed precondition"
	cut             fault = "connection cut"
	cutLate         fault = "connection cut, though done"
	restart         fault = "restart, for ten seconds"

	// Of writes
	waitTimeout     fault = "wait timeout"
	waitTimeoutLate fault = "wait timeout, though done"
	// Of upserts
	half     fault = "half of the batch, then internal"
	tooLarge fault = "message too large"
)

var (
	everywhere = []fault{
		unavailable, unavailableLate, deadline, deadlineLate, silent, rateLimit, internal, precondition, cut, cutLate, restart,
	}
	ofWrites  = []fault{waitTimeout, waitTimeoutLate}
	ofUpserts = []fault{half, tooLarge}
)

// faultsOf lists what can befall a call.
func faultsOf(method string) []fault {
	switch method {
	case "Upsert":
		return slices.Concat(everywhere, ofWrites, ofUpserts)
	case "Delete points", "CreateFieldIndex":
		return slices.Concat(everywhere, ofWrites)
	default:
		return everywhere
	}
}

func undisturbed(string, int) fault { return none }

// proxy is a Qdrant that misbehaves in front of one that does not: the embedded
// engine. It lives in a synctest bubble, where waiting takes no time.
type proxy struct {
	engine *embedded.Engine
	to     *grpc.ClientConn

	mu sync.Mutex
	// fault says what befalls a call; n counts the calls of the method from 1.
	fault    func(method string, n int) fault
	listener *bufconn.Listener // nil while it is away
	server   *grpc.Server
	conns    []net.Conn
	closed   bool
	calls    map[string]int
	served   sync.WaitGroup
}

func newProxy(ctx context.Context, dir string) (*proxy, error) {
	engine, err := embedded.Open(ctx, dir, embedded.ReadWrite)
	if err != nil {
		return nil, err
	}
	to, err := grpc.NewClient("passthrough:///engine", grpc.WithContextDialer(engine.Dial),
		grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return nil, err
	}
	p := &proxy{engine: engine, to: to, calls: map[string]int{}, fault: undisturbed}
	p.start()
	return p, nil
}

func (p *proxy) start() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || p.server != nil { // two restarts that overlap
		return
	}
	p.listener = bufconn.Listen(1 << 20)
	p.server = grpc.NewServer(grpc.UnaryInterceptor(p.serve), grpc.MaxRecvMsgSize(64<<20))
	qc.RegisterQdrantServer(p.server, qc.UnimplementedQdrantServer{})
	qc.RegisterPointsServer(p.server, qc.UnimplementedPointsServer{})
	qc.RegisterCollectionsServer(p.server, qc.UnimplementedCollectionsServer{})
	server, listener := p.server, p.listener
	p.served.Go(func() { _ = server.Serve(listener) })
}

func (p *proxy) stop() {
	p.mu.Lock()
	server := p.server
	p.listener, p.server = nil, nil
	p.mu.Unlock()
	if server != nil {
		server.Stop()
	}
}

func (p *proxy) close() error {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	p.stop()
	p.served.Wait()
	return errors.Join(p.to.Close(), p.engine.Close())
}

func (p *proxy) dial(ctx context.Context, _ string) (net.Conn, error) {
	p.mu.Lock()
	listener := p.listener
	p.mu.Unlock()
	if listener == nil {
		return nil, errors.New("connection refused")
	}
	conn, err := listener.DialContext(ctx)
	if err == nil {
		p.mu.Lock()
		p.conns = append(p.conns, conn)
		p.mu.Unlock()
	}
	return conn, err
}

// disturb begins to misbehave, and to count calls anew.
func (p *proxy) disturb(by func(method string, n int) fault) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fault = by
	clear(p.calls)
}

func (p *proxy) counts() map[string]int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return maps.Clone(p.calls)
}

// hangUp cuts every connection.
func (p *proxy) hangUp() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, conn := range p.conns {
		_ = conn.Close()
	}
	p.conns = nil
}

// nameOf tells the Delete of points from that of collections.
func nameOf(fullMethod string) string {
	name := path.Base(fullMethod)
	if name == "Delete" || name == "Get" {
		return name + " " + strings.ToLower(strings.TrimPrefix(path.Base(path.Dir(fullMethod)), "qdrant."))
	}
	return name
}

func (p *proxy) serve(ctx context.Context, request any, info *grpc.UnaryServerInfo, _ grpc.UnaryHandler) (any, error) {
	method := nameOf(info.FullMethod)
	p.mu.Lock()
	p.calls[method]++
	n, befall := p.calls[method], p.fault
	p.mu.Unlock()
	forward := func(request any) (any, error) { return p.forward(ctx, info.FullMethod, request) }
	away := func() (any, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	f := befall(method, n)
	switch f {
	case unavailableLate, deadlineLate, cutLate, waitTimeoutLate:
		if reply, err := forward(request); err != nil {
			return reply, err
		}
	}
	switch f {
	case none:
		return forward(request)
	case unavailable, unavailableLate:
		return nil, status.Error(codes.Unavailable, "shard is not there")
	case deadline, deadlineLate:
		return nil, status.Error(codes.DeadlineExceeded, "timeout")
	case silent:
		return away()
	case rateLimit:
		return nil, rateLimited(ctx, "3")
	case internal:
		return nil, status.Error(codes.Internal, "service internal error")
	case precondition:
		return nil, status.Error(codes.FailedPrecondition, "collection is locked")
	case cut, cutLate:
		go p.hangUp()
		return away()
	case restart:
		go p.stop()
		time.AfterFunc(10*time.Second, p.start)
		return away()
	case waitTimeout, waitTimeoutLate:
		return written(qc.UpdateStatus_WaitTimeout), nil
	case half:
		upsert := proto.Clone(request.(proto.Message)).(*qc.UpsertPoints)
		upsert.Points = upsert.Points[:len(upsert.Points)/2]
		if _, err := forward(upsert); err != nil {
			return nil, err
		}
		return nil, status.Error(codes.Internal, "InconsistentShardFailure")
	case tooLarge:
		if len(request.(*qc.UpsertPoints).GetPoints()) == 1 {
			return forward(request)
		}
		return nil, status.Error(codes.ResourceExhausted, "grpc: received message larger than max (9 vs. 4)")
	}
	return nil, status.Errorf(codes.Unknown, "no fault %q", f)
}

// forward passes a call on to the engine.
func (p *proxy) forward(ctx context.Context, fullMethod string, request any) (any, error) {
	name := strings.ReplaceAll(strings.TrimPrefix(fullMethod, "/"), "/", ".")
	found, err := protoregistry.GlobalFiles.FindDescriptorByName(protoreflect.FullName(name))
	if err != nil {
		return nil, err
	}
	kind, err := protoregistry.GlobalTypes.FindMessageByName(found.(protoreflect.MethodDescriptor).Output().FullName())
	if err != nil {
		return nil, err
	}
	reply := kind.New().Interface()
	// Carried out to the end, as Qdrant does when the client leaves.
	ctx = metadata.NewOutgoingContext(context.WithoutCancel(ctx), metadata.MD{})
	return reply, p.to.Invoke(ctx, fullMethod, request, reply)
}

// script makes every call of the adapter once, for an index of its own, and
// returns what it saw.
func script(ctx context.Context, store *qdrant.Store) (string, error) {
	var seen []string
	see := func(v any) { seen = append(seen, fmt.Sprintf("%+v", v)) }
	key := docs.Key
	schema := docs.Schema
	if _, err := store.Health(ctx); err != nil {
		return "", err
	}
	c, err := store.Ensure(ctx, key, schema)
	if err != nil {
		return "", err
	}
	see(c.Schema)
	points := manyPoints(9, 4)
	for i := range points {
		points[i].Vector = []float32{1, float32(i)}
	}
	if err := store.Upsert(ctx, c, points); err != nil {
		return "", err
	}
	if _, err := store.Lookup(ctx, key); err != nil {
		return "", err
	}
	infos, err := store.List(ctx)
	if err != nil {
		return "", err
	}
	for _, info := range infos {
		if info.Key == key {
			see(info.Passages)
		}
	}
	if err := store.Delete(ctx, c, []string{points[3].ID}); err != nil {
		return "", err
	}
	for stamp, err := range store.Scroll(ctx, c, 4) {
		if err != nil {
			return "", err
		}
		see(stamp)
	}
	ids := []string{points[2].ID, points[3].ID}
	stamps, err := store.Stamps(ctx, c, ids)
	if err != nil {
		return "", err
	}
	see(stamps)
	found, err := store.Search(ctx, c, qdrant.Search{Vector: points[5].Vector, Limit: 3, Exact: true})
	if err != nil {
		return "", err
	}
	see(found)
	lists, err := store.SearchBatch(ctx, c, []qdrant.Search{{Vector: points[5].Vector, Limit: 3}, {Vector: points[0].Vector, Limit: 9}})
	if err != nil {
		return "", err
	}
	see(lists)
	count, err := store.Count(ctx, c)
	if err != nil {
		return "", err
	}
	see(count)
	if err := store.Drop(ctx, key); err != nil {
		return "", err
	}
	_, err = store.Lookup(ctx, key)
	see(errors.Is(err, qdrant.ErrNoCollection))
	return strings.Join(seen, "\n"), nil
}

// Each fault in each call of the adapter changes nothing but the time it takes.
func TestEveryFaultInEveryCall(t *testing.T) {
	methods := []string{
		"HealthCheck", "ListAliases", "List", "Create", "Get collections", "CreateFieldIndex", "UpdateAliases",
		"Upsert", "Get points", "Scroll", "Query", "QueryBatch", "Count", "Delete points", "Delete collections",
	}
	stride := 4
	if testing.Short() {
		stride = 12
	}
	synctest.Test(t, func(t *testing.T) {
		p, err := newProxy(t.Context(), t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		defer func() {
			if err := p.close(); err != nil {
				t.Error(err)
			}
		}()
		run := func(name string, faults func(string, int) fault) string {
			p.disturb(undisturbed)
			store := known(t, p)
			defer closeStore(t, store)
			p.disturb(faults)
			got, err := script(t.Context(), store)
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			return got
		}
		want := run("undisturbed", undisturbed)
		made := p.counts()
		for method := range made {
			if !slices.Contains(methods, method) {
				t.Errorf("the script calls %s, which this test does not disturb", method)
			}
		}
		for i, method := range methods {
			if made[method] == 0 {
				t.Errorf("the script does not call %s", method)
			}
			for j, f := range faultsOf(method) {
				if !testenv.Soaking() && (i+j)%stride != 0 { // each fault, and each call, some of all pairs
					continue
				}
				got := run(fmt.Sprintf("%s in %s", f, method), func(m string, n int) fault {
					if m == method && n <= 2 {
						return f
					}
					return none
				})
				if got != want {
					t.Errorf("%s in %s: saw\n%s\nwant\n%s", f, method, got, want)
				}
				if n := p.counts()[method]; n < 2 {
					t.Errorf("%s in %s: %d calls", f, method, n)
				}
			}
		}
	})
}

// A fault that does not end has a clear end, and none that is worth no second
// try gets one.
func TestFaultsWithoutEnd(t *testing.T) {
	for f, want := range map[fault]struct {
		calls int
		text  string
	}{
		unavailable:  {5, "shard is not there (Unavailable, 5 attempts)"},
		deadline:     {5, "no answer within 30s"},
		silent:       {5, "no answer within 30s"},
		rateLimit:    {5, "rate limit (ResourceExhausted, 5 attempts)"},
		internal:     {5, "service internal error (Internal, 5 attempts)"},
		precondition: {5, "collection is locked (FailedPrecondition, 5 attempts)"},
		waitTimeout:  {5, "write not completed: status WaitTimeout"},
		half:         {5, "InconsistentShardFailure (Internal, 5 attempts)"},
		cut:          {5, "(Unavailable, 5 attempts)"},
	} {
		t.Run(string(f), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p, err := newProxy(t.Context(), t.TempDir())
				if err != nil {
					t.Fatal(err)
				}
				defer func() {
					if err := p.close(); err != nil {
						t.Error(err)
					}
				}()
				store, err := qdrant.Connect(qdrant.Options{Dial: p.dial, MaxAttempts: 5})
				if err != nil {
					t.Fatal(err)
				}
				defer closeStore(t, store)
				c, err := store.Ensure(t.Context(), docs.Key, docs.Schema)
				if err != nil {
					t.Fatal(err)
				}
				p.disturb(func(string, int) fault { return f })
				start := time.Now()
				wantError(t, store.Upsert(t.Context(), c, onePoint), nil, want.text)
				if got := p.counts()["Upsert"]; got != want.calls {
					t.Errorf("%d calls, want %d", got, want.calls)
				}
				if took := time.Since(start); took > 5*time.Minute {
					t.Errorf("took %v", took)
				}
			})
		})
	}
}

// known returns a connection to a server that has answered once: only one that
// was there is waited for.
func known(t *testing.T, p *proxy) *qdrant.Store {
	t.Helper()
	store, err := qdrant.Connect(qdrant.Options{Dial: p.dial})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := store.Health(t.Context()); err != nil {
		t.Fatal(err)
	}
	return store
}

// A server that was there is waited for, though not for ever.
func TestOutage(t *testing.T) {
	for away, comesBack := range map[time.Duration]bool{40 * time.Second: true, time.Hour: false} {
		synctest.Test(t, func(t *testing.T) {
			p, err := newProxy(t.Context(), t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			defer func() {
				if err := p.close(); err != nil {
					t.Error(err)
				}
			}()
			store := known(t, p)
			defer closeStore(t, store)
			p.stop()
			timer := time.AfterFunc(away, p.start)
			defer timer.Stop()
			start := time.Now()
			_, err = store.Health(t.Context())
			if took := time.Since(start); (err == nil) != comesBack || took > 2*time.Minute || comesBack && took > away+10*time.Second {
				t.Errorf("away for %v: %v after %v", away, err, took)
			}
		})
	}
}

func closeStore(t *testing.T, store *qdrant.Store) {
	if err := store.Close(); err != nil {
		t.Error(err)
	}
}

// seeded misbehaves at random, though never so often in a row that all attempts
// of a call are used up by chance alone.
func seeded(seed uint64, often float64) func(string, int) fault {
	var mu sync.Mutex
	random := rand.New(rand.NewPCG(seed, 1))
	row := map[string]int{}
	return func(method string, _ int) fault {
		mu.Lock()
		defer mu.Unlock()
		if row[method] >= 3 || random.Float64() >= often {
			row[method] = 0
			return none
		}
		row[method]++
		of := faultsOf(method)
		return of[random.IntN(len(of))]
	}
}

// lettersEmbedder embeds a text by its letters.
type lettersEmbedder struct{}

func (lettersEmbedder) Identity() embedding.Identity {
	return embedding.Identity{Model: "letters", Dimensions: 8}
}

func (lettersEmbedder) Embed(_ context.Context, _ embedding.Role, texts []string) ([][]float32, embedding.Stats, error) {
	vectors := make([][]float32, len(texts))
	for i, text := range texts {
		vectors[i] = make([]float32, 8)
		for j, r := range text {
			vectors[i][(int(r)+j)%8]++
		}
		vectors[i][0]++
	}
	return vectors, embedding.Stats{Embedded: len(texts)}, nil
}

// documents are some of both languages. In the later version some are new, some
// are changed, some shorter, so that chunks are removed.
func documents(later bool) func(func(corpus.Document, error) bool) {
	return func(yield func(corpus.Document, error) bool) {
		for i := range 40 {
			d := corpus.Document{ID: fmt.Sprint("d", i), Lang: []string{"th", "el"}[i%2], Text: strings.Repeat(fmt.Sprintf("word%d ", i), 2+i)}
			if later && i%5 == 0 {
				d.Text = fmt.Sprint("short ", i)
			}
			if (later || i < 30) && !yield(d, nil) {
				return
			}
		}
	}
}

func indexDocuments(ctx context.Context, store *qdrant.Store, later bool) error {
	_, err := ingest.Run(ctx, store, lettersEmbedder{}, ingest.Options{
		Corpus: "docs", Chunking: corpus.Chunking{MaxRunes: 60, OverlapRunes: 10}, Batch: 16, Concurrency: 2,
	}, documents(later))
	return err
}

// dump is all that the indexes hold, and what some queries find in them.
func dump(ctx context.Context, store *qdrant.Store) (string, error) {
	var out strings.Builder
	for _, lang := range []string{"th", "el"} {
		c, err := store.Lookup(ctx, qdrant.Key{Corpus: "docs", Lang: lang})
		if err != nil {
			return "", err
		}
		var ids []string
		for stamp, err := range store.Scroll(ctx, c, 7) {
			if err != nil {
				return "", err
			}
			ids = append(ids, stamp.ID)
		}
		points, err := store.Points(ctx, c, ids)
		if err != nil {
			return "", err
		}
		for _, id := range ids {
			fmt.Fprintf(&out, "%+v\n", points[id])
		}
		vectors, _, _ := lettersEmbedder{}.Embed(ctx, embedding.Query, []string{"word3 word4", "short"})
		answer, err := retrieve.Run(ctx, store, retrieve.Request{
			Collection: c, Legs: rerank.Lambda(vectors[0], vectors[1], 0.7), TopK: 5, Exact: true,
		})
		if err != nil {
			return "", err
		}
		fmt.Fprintf(&out, "certified %v: %+v\n", answer.Certified, answer.Hits)
	}
	return out.String(), nil
}

// Whole indexing runs and queries through a server that misbehaves leave and
// find what undisturbed ones do: nothing is lost, nothing is there twice.
func TestIndexingThroughFaults(t *testing.T) {
	indexed := func(t *testing.T, dir string, fault func(string, int) fault, opts qdrant.Options) (state string, runs int, err error) {
		p, err := newProxy(t.Context(), dir)
		if err != nil {
			return "", 0, err
		}
		defer func() { err = errors.Join(err, p.close()) }()
		opts.Dial = p.dial
		store, err := qdrant.Connect(opts)
		if err != nil {
			return "", 0, err
		}
		defer closeStore(t, store)
		p.disturb(fault)
		for _, later := range []bool{false, true} {
			for done := false; !done; {
				if runs++; runs > 30 {
					return "", runs, fmt.Errorf("no run came through: %w", err)
				}
				time.Sleep(5 * time.Second) // as whoever starts it again
				err = indexDocuments(t.Context(), store, later)
				done = err == nil
			}
		}
		for range 30 {
			if state, err = dump(t.Context(), store); err == nil {
				break
			}
			time.Sleep(5 * time.Second)
		}
		return state, runs, err
	}
	var want string
	synctest.Test(t, func(t *testing.T) {
		var err error
		if want, _, err = indexed(t, t.TempDir(), undisturbed, qdrant.Options{}); err != nil {
			t.Fatal(err)
		}
	})
	checks := 3
	switch {
	case testenv.Soaking():
		checks = 60
	case testing.Short():
		checks = 1
	}
	for i := range checks {
		seed := uint64(i)
		often := []float64{0.1, 0.3, 0.6}[i%3]
		synctest.Test(t, func(t *testing.T) {
			// Those with few attempts give up early, so that the next run takes over.
			opts := qdrant.Options{MaxAttempts: []int{2, 4, 0}[i%3]}
			got, _, err := indexed(t, t.TempDir(), seeded(seed, often), opts)
			if err != nil {
				t.Errorf("seed %d: %v", seed, err)
			} else if got != want {
				t.Errorf("seed %d: holds\n%s\nwant\n%s", seed, got, want)
			}
		})
	}
}
