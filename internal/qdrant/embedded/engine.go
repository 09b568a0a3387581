package embedded

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync"

	qc "github.com/qdrant/go-client/qdrant"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"
)

// ErrNoStore says that the folder holds no store yet.
var ErrNoStore = errors.New("no store there yet: index a corpus first")

// Mode says what an engine may do to its store.
type Mode int

// An engine opened ReadOnly refuses writes and needs a store to be there;
// many may be open at once. An engine opened ReadWrite makes the store where
// there is none; one may be open at a time, in any process.
const (
	ReadOnly Mode = iota
	ReadWrite
)

// Engine serves one store folder. Its methods may be called concurrently.
type Engine struct {
	dir    string
	lock   *os.File // nil in ReadOnly mode
	reader *sql.DB
	writer *sql.DB // nil in ReadOnly mode

	newest *sql.Stmt // newestState, prepared

	views    views
	writing  sync.Mutex           // one write at a time
	appender map[int64]*flatFiles // open for appending, by collection; under writing

	server   *grpc.Server
	listener *bufconn.Listener
	served   chan struct{}
}

// maxMessage bounds a request: the adapter sends far smaller ones.
const maxMessage = 256 << 20

// Open opens the store in dir. The errors to branch on are ErrNoStore and
// *LockedError.
func Open(ctx context.Context, dir string, mode Mode) (*Engine, error) {
	e := &Engine{dir: dir, views: views{current: map[int64]*view{}}, appender: map[int64]*flatFiles{}}
	if err := e.open(ctx, mode); err != nil {
		return nil, errors.Join(e.explained(err), e.closeStore())
	}
	e.listener = bufconn.Listen(1 << 20)
	e.server = grpc.NewServer(grpc.MaxRecvMsgSize(maxMessage), grpc.UnaryInterceptor(e.asStatus))
	qc.RegisterQdrantServer(e.server, health{})
	qc.RegisterCollectionsServer(e.server, &collectionsService{engine: e})
	qc.RegisterPointsServer(e.server, &pointsService{engine: e})
	e.served = make(chan struct{})
	go func() {
		defer close(e.served)
		_ = e.server.Serve(e.listener) // ends with Close
	}()
	return e, nil
}

func (e *Engine) open(ctx context.Context, mode Mode) error {
	if mode == ReadOnly {
		if _, err := os.Stat(filepath.Join(e.dir, "store.db")); errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("open store %s: %w", e.dir, ErrNoStore)
		}
	} else {
		if err := os.MkdirAll(filepath.Join(e.dir, "collections"), 0o700); err != nil {
			return fmt.Errorf("make store: %w", err)
		}
		lock, err := lockStore(e.dir)
		if err != nil {
			return err
		}
		e.lock = lock
		e.writer = openDB(e.dir, true)
		if err := checkSchema(ctx, e.writer, true); err != nil {
			return fmt.Errorf("open store %s: %w", e.dir, err)
		}
	}
	e.reader = openDB(e.dir, false)
	if mode == ReadOnly {
		if err := checkSchema(ctx, e.reader, false); err != nil {
			return fmt.Errorf("open store %s: %w", e.dir, err)
		}
	} else if err := e.sweep(ctx); err != nil {
		return err
	}
	var err error
	if e.newest, err = e.reader.PrepareContext(ctx, newestState); err != nil {
		return fmt.Errorf("open store %s: %w", e.dir, err)
	}
	return nil
}

// sweep removes the files that a killed writer left behind: folders of
// collections that never were or no longer are, and generations replaced.
func (e *Engine) sweep(ctx context.Context) error {
	return e.snapshot(ctx, func(tx *sql.Tx) error {
		rows, err := tx.QueryContext(ctx, "SELECT id, generation FROM collections")
		if err != nil {
			return err
		}
		defer rows.Close()
		generation := map[string]int64{}
		for rows.Next() {
			var id, gen int64
			if err := rows.Scan(&id, &gen); err != nil {
				return err
			}
			generation[strconv.FormatInt(id, 10)] = gen
		}
		if err := rows.Err(); err != nil {
			return err
		}
		root := filepath.Join(e.dir, "collections")
		folders, err := os.ReadDir(root)
		if err != nil {
			return err
		}
		for _, folder := range folders {
			gen, known := generation[folder.Name()]
			if !known {
				if err := os.RemoveAll(filepath.Join(root, folder.Name())); err != nil {
					return err
				}
				continue
			}
			files, err := os.ReadDir(filepath.Join(root, folder.Name()))
			if err != nil {
				return err
			}
			for _, file := range files {
				stem := file.Name()[:len(file.Name())-len(filepath.Ext(file.Name()))]
				if stem != strconv.FormatInt(gen, 10) {
					if err := os.Remove(filepath.Join(root, folder.Name(), file.Name())); err != nil {
						return err
					}
				}
			}
		}
		return nil
	})
}

// Dial connects to the engine; it has the form that grpc.WithContextDialer
// wants and ignores the address.
func (e *Engine) Dial(ctx context.Context, _ string) (net.Conn, error) {
	return e.listener.DialContext(ctx)
}

// Serve answers on a listener, too, until Close. It asks for no key, so the
// listener must be one that only friends can reach.
func (e *Engine) Serve(l net.Listener) error { return e.server.Serve(l) }

// Close lets running calls end and gives the store free.
func (e *Engine) Close() error {
	e.server.GracefulStop()
	<-e.served
	return e.closeStore()
}

func (e *Engine) closeStore() error {
	errs := []error{e.views.close()}
	for _, files := range e.appender {
		errs = append(errs, files.close())
	}
	if e.newest != nil {
		errs = append(errs, e.newest.Close())
	}
	for _, db := range []*sql.DB{e.reader, e.writer} {
		if db != nil {
			errs = append(errs, db.Close())
		}
	}
	if e.lock != nil {
		errs = append(errs, e.lock.Close())
	}
	return errors.Join(errs...)
}

// asStatus turns what is no gRPC status yet into one, as Qdrant does: a full disk
// is ResourceExhausted, other trouble with the disk or the catalog Internal.
func (e *Engine) asStatus(ctx context.Context, req any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
	resp, err := handler(ctx, req)
	if err == nil {
		return resp, nil
	}
	if ctxErr := ctx.Err(); ctxErr != nil {
		return nil, status.FromContextError(ctxErr).Err()
	}
	if _, ok := status.FromError(err); ok {
		return nil, err
	}
	if isDiskFull(err) {
		return nil, status.Error(codes.ResourceExhausted, e.explained(err).Error())
	}
	return nil, status.Error(codes.Internal, err.Error())
}

// health answers the version check. The version is that of the API served.
type health struct{ qc.UnimplementedQdrantServer }

func (health) HealthCheck(context.Context, *qc.HealthCheckRequest) (*qc.HealthCheckReply, error) {
	return &qc.HealthCheckReply{Title: "Query-Synergy embedded engine", Version: "1.19.3"}, nil
}
