package embedded_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	qc "github.com/qdrant/go-client/qdrant"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/query-synergy/query-synergy/internal/qdrant/embedded"
)

func TestSecondWriter(t *testing.T) {
	dir := t.TempDir()
	open(t, dir, embedded.ReadWrite)
	_, err := embedded.Open(t.Context(), dir, embedded.ReadWrite)
	locked, ok := errors.AsType[*embedded.LockedError](err)
	if !ok || locked.Dir != dir || locked.PID != os.Getpid() {
		t.Fatalf("second writer: %v, want a LockedError of %s and process %d", err, dir, os.Getpid())
	}
	for _, part := range []string{dir, fmt.Sprint(os.Getpid()), "wait for it to end"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q does not say %q", err, part)
		}
	}
}

func TestReadOnly(t *testing.T) {
	dir := t.TempDir()
	if _, err := embedded.Open(t.Context(), filepath.Join(dir, "none"), embedded.ReadOnly); !errors.Is(err, embedded.ErrNoStore) {
		t.Errorf("reading where no store is: %v, want ErrNoStore", err)
	}
	if _, err := os.Stat(filepath.Join(dir, "none")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("reading made something: %v", err)
	}
	writer := open(t, dir, embedded.ReadWrite)
	create(t, writer, "c", 2, qc.Distance_Cosine)
	reader := open(t, dir, embedded.ReadOnly)
	err := upsert(t.Context(), reader, "c", []*qc.PointStruct{{Id: qc.NewIDNum(1), Vectors: qc.NewVectorsDense([]float32{1, 0})}})
	if status.Code(err) != codes.Aborted || !strings.Contains(err.Error(), "reading only") {
		t.Errorf("write through a reader: %v", err)
	}
}

// Readers in their own engines follow a writer: each answer is of one whole
// state, through growth, overwriting, compaction and a drop.
func TestReadersFollow(t *testing.T) {
	const dim, batch, rounds = 16, 64, 40
	dir := t.TempDir()
	writer := open(t, dir, embedded.ReadWrite)
	create(t, writer, "c", dim, qc.Distance_Cosine)
	write := func(round int) error {
		// All points of a state bear its number.
		points := make([]*qc.PointStruct, batch)
		r := rand.New(rand.NewPCG(uint64(round), 0))
		for i := range points {
			points[i] = &qc.PointStruct{
				Id: qc.NewIDNum(uint64(i)), Vectors: qc.NewVectorsDense(randomVector(r, dim)),
				Payload: map[string]*qc.Value{"round": qc.NewValueInt(int64(round))},
			}
		}
		return upsert(t.Context(), writer, "c", points)
	}
	if err := write(0); err != nil {
		t.Fatal(err)
	}
	stop := make(chan struct{})
	var readers sync.WaitGroup
	for n := range 4 {
		reader := open(t, dir, embedded.ReadOnly)
		readers.Go(func() {
			r := rand.New(rand.NewPCG(uint64(n), 1))
			for last := int64(0); ; {
				select {
				case <-stop:
					return
				default:
				}
				hits, err := reader.Query(t.Context(), &qc.QueryPoints{
					CollectionName: "c", Query: qc.NewQueryDense(randomVector(r, dim)),
					Limit: qc.PtrOf(uint64(2 * batch)), WithPayload: qc.NewWithPayload(true),
				})
				if err != nil || len(hits) != batch {
					t.Errorf("reader %d: %d hits, %v, want %d", n, len(hits), err, batch)
					return
				}
				round := hits[0].GetPayload()["round"].GetIntegerValue()
				if round < last {
					t.Errorf("reader %d went back from state %d to %d", n, last, round)
				}
				last = round
				for _, hit := range hits {
					if got := hit.GetPayload()["round"].GetIntegerValue(); got != round {
						t.Errorf("reader %d: one answer from states %d and %d", n, round, got)
						return
					}
				}
			}
		})
	}
	for round := 1; round < rounds; round++ {
		if err := write(round); err != nil {
			t.Error(err)
			break
		}
	}
	close(stop)
	readers.Wait()
	reader := open(t, dir, embedded.ReadOnly)
	if err := writer.DeleteCollection(t.Context(), "c"); err != nil {
		t.Fatal(err)
	}
	_, err := reader.Query(t.Context(), &qc.QueryPoints{CollectionName: "c", Query: qc.NewQueryDense(make([]float32, dim))})
	if status.Code(err) != codes.NotFound {
		t.Errorf("query of a dropped collection: %v, want NotFound", err)
	}
	if left, err := os.ReadDir(filepath.Join(dir, "collections")); err != nil || len(left) != 0 {
		t.Errorf("files left behind: %v, %v", left, err)
	}
}

// What a killed writer left behind the committed rows is neither read nor in
// the way, and folders of collections that never came to be are removed.
func TestLeftovers(t *testing.T) {
	const dim, n = 4, 10
	dir := t.TempDir()
	func() {
		engine, err := embedded.Open(t.Context(), dir, embedded.ReadWrite)
		if err != nil {
			t.Fatal(err)
		}
		if err := engine.Close(); err != nil {
			t.Fatal(err)
		}
	}()
	t.Run("write", func(t *testing.T) {
		client := open(t, dir, embedded.ReadWrite)
		create(t, client, "c", dim, qc.Distance_Cosine)
		fill(t, client, "c", n, dim)
	})
	home := filepath.Join(dir, "collections", "1")
	for _, kind := range []string{"vectors", "rows", "payloads"} {
		f, err := os.OpenFile(filepath.Join(home, "1."+kind), os.O_APPEND|os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write([]byte(strings.Repeat("garbage", 100))); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	for _, leftover := range []string{filepath.Join(home, "2.vectors"), filepath.Join(dir, "collections", "99", "1.rows")} {
		if err := os.MkdirAll(filepath.Dir(leftover), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(leftover, []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	client := open(t, dir, embedded.ReadWrite)
	for _, gone := range []string{filepath.Join(home, "2.vectors"), filepath.Join(dir, "collections", "99")} {
		if _, err := os.Stat(gone); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s is still there (%v)", gone, err)
		}
	}
	fill(t, client, "c", 2*n, dim) // half of it overwrites, all of it covers the garbage
	for i := range 2 * n {
		got, err := client.Get(t.Context(), &qc.GetPoints{CollectionName: "c", Ids: []*qc.PointId{qc.NewID(pointID(i))}, WithPayload: qc.NewWithPayload(true)})
		if err != nil || len(got) != 1 || got[0].GetPayload()["n"].GetIntegerValue() != int64(i) {
			t.Fatalf("point %d: %v, %v", i, got, err)
		}
	}
}

// Damage is reported, never answered from.
func TestDamage(t *testing.T) {
	for name, damage := range map[string]func(t *testing.T, home string) error{
		"cut vectors": func(_ *testing.T, home string) error { return os.Truncate(filepath.Join(home, "1.vectors"), 8) },
		"changed payload": func(_ *testing.T, home string) error {
			f, err := os.OpenFile(filepath.Join(home, "1.payloads"), os.O_WRONLY, 0)
			if err != nil {
				return err
			}
			_, err = f.WriteAt([]byte{0xff, 0xff}, 4)
			return errors.Join(err, f.Close())
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			t.Run("write", func(t *testing.T) {
				client := open(t, dir, embedded.ReadWrite)
				create(t, client, "c", 4, qc.Distance_Cosine)
				fill(t, client, "c", 10, 4)
			})
			if err := damage(t, filepath.Join(dir, "collections", "1")); err != nil {
				t.Fatal(err)
			}
			client := open(t, dir, embedded.ReadOnly)
			_, err := client.Query(t.Context(), &qc.QueryPoints{
				CollectionName: "c", Query: qc.NewQueryDense([]float32{1, 0, 0, 0}), WithPayload: qc.NewWithPayload(true),
			})
			if err == nil || !strings.Contains(err.Error(), "index it again") {
				t.Errorf("query of a damaged collection: %v", err)
			}
		})
	}
}
