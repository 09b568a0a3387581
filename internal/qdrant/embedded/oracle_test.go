package embedded_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	qc "github.com/qdrant/go-client/qdrant"

	"github.com/query-synergy/query-synergy/internal/qdrant/embedded"
	"github.com/query-synergy/query-synergy/internal/testenv"
	"github.com/query-synergy/query-synergy/internal/vector"
)

// tolerance is how far scores of unit vectors may lie apart: each side sums in
// single precision in an order of its own.
const tolerance = 1e-6

// The engine answers random queries and filters as Qdrant's own engine does, and
// as the Python client's local mode does: the same ids in the same order but for
// ties, scores within the tolerance, the same payloads, vectors, counts, pages.
func TestOracles(t *testing.T) {
	testenv.Long(t)
	compareWithOracles(t, 1, 320)
}

func TestSoakOracles(t *testing.T) {
	testenv.Soak(t)
	compareWithOracles(t, 2, 13_500)
}

func compareWithOracles(t *testing.T, seed uint64, asks int) {
	python := testenv.Oracles(t)
	operations := script(seed, asks)
	ours := answerAll(t, operations)
	for _, oracle := range []string{"edge", "client"} {
		t.Run(oracle, func(t *testing.T) {
			t.Parallel()
			theirs := consult(t, python, oracle, operations)
			c := comparison{}
			for i, o := range operations {
				c.remember(o)
				text, err := json.Marshal(o)
				if err != nil {
					t.Fatal(err)
				}
				if !agreed(oracle, o, text) {
					c.left++
					continue
				}
				if o.asks() {
					c.asked++
				}
				if err := c.compare(o, ours[i], theirs[i]); err != nil {
					t.Errorf("operation %d: %v\n%s", i, err, text)
					if c.failed++; c.failed == 10 {
						t.Fatal("and perhaps more")
					}
				}
			}
			t.Logf("%d queries, scrolls, counts and reads compared, %d left out; %d answers gave points, %d put ties in another order", c.asked, c.left, c.full, c.ties)
		})
	}
}

// answer is what an operation gave. Ids are json.Number or string.
type answer struct {
	Points []answered   `json:"points"`
	Next   any          `json:"next"`
	Count  *json.Number `json:"count"`
	Error  string       `json:"error"`
}

type answered struct {
	ID      any     `json:"id"`
	Score   float64 `json:"score"`
	Payload any     `json:"payload"`
	Vector  string  `json:"vector"`
}

// consult has an oracle answer the script.
func consult(t *testing.T, python, oracle string, operations []operation) []answer {
	t.Helper()
	var script, talk bytes.Buffer
	encoder := json.NewEncoder(&script)
	for _, o := range operations {
		if err := encoder.Encode(o); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.CommandContext(t.Context(), python, filepath.Join("testdata", "oracle", "oracle.py"), oracle)
	cmd.Stdin, cmd.Stderr = &script, &talk
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, talk.Bytes())
	}
	decoder := json.NewDecoder(bufio.NewReader(bytes.NewReader(out)))
	decoder.UseNumber()
	var answers []answer
	for {
		var a answer
		if err := decoder.Decode(&a); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		answers = append(answers, a)
	}
	if len(answers) != len(operations) {
		t.Fatalf("%s gave %d answers to %d operations: %s", oracle, len(answers), len(operations), talk.Bytes())
	}
	return answers
}

// answerAll has the engine answer the script, through gRPC.
func answerAll(t *testing.T, operations []operation) []answer {
	t.Helper()
	engine, err := embedded.Open(t.Context(), t.TempDir(), embedded.ReadWrite)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := engine.Close(); err != nil {
			t.Error(err)
		}
	})
	client := rawClient(t, engine)
	answers := make([]answer, len(operations))
	name, collections := "", 0
	for i, o := range operations {
		if o.kind == "create" {
			name = fmt.Sprint("c", collections)
			collections++
		}
		a, err := o.run(t.Context(), client, name)
		if err != nil {
			a.Error = err.Error()
		}
		answers[i] = a
	}
	return answers
}

func (o operation) run(ctx context.Context, client *qc.Client, name string) (answer, error) {
	switch o.kind {
	case "create":
		return answer{}, client.CreateCollection(ctx, &qc.CreateCollection{
			CollectionName: name,
			VectorsConfig:  qc.NewVectorsConfig(&qc.VectorParams{Size: uint64(o.size), Distance: o.distance}),
		})
	case "upsert":
		_, err := client.Upsert(ctx, &qc.UpsertPoints{CollectionName: name, Points: o.points, Wait: qc.PtrOf(true)})
		return answer{}, err
	case "delete":
		selector := qc.NewPointsSelectorIDs(o.ids)
		if o.filter != nil {
			selector = qc.NewPointsSelectorFilter(o.filter)
		}
		_, err := client.Delete(ctx, &qc.DeletePoints{CollectionName: name, Points: selector, Wait: qc.PtrOf(true)})
		return answer{}, err
	case "query":
		found, err := client.Query(ctx, &qc.QueryPoints{
			CollectionName: name, Query: qc.NewQueryDense(o.vector), Filter: o.filter, Limit: &o.limit, Offset: &o.offset,
			ScoreThreshold: o.threshold, Params: &qc.SearchParams{Exact: &o.exact}, WithPayload: o.payload, WithVectors: qc.NewWithVectors(o.vectors),
		})
		out := answer{Points: []answered{}}
		for _, p := range found {
			out.Points = append(out.Points, answered{
				ID: idOf(p.GetId()), Score: float64(p.GetScore()), Payload: restFields(p.GetPayload()), Vector: packed(dense(p.GetVectors())),
			})
		}
		return out, err
	case "scroll":
		found, next, err := client.ScrollAndOffset(ctx, &qc.ScrollPoints{
			CollectionName: name, Filter: o.filter, Limit: qc.PtrOf(uint32(o.limit)), Offset: o.from,
			WithPayload: o.payload, WithVectors: qc.NewWithVectors(o.vectors),
		})
		out := retrieved(found)
		if next != nil {
			out.Next = idOf(next)
		}
		return out, err
	case "count":
		count, err := client.Count(ctx, &qc.CountPoints{CollectionName: name, Filter: o.filter, Exact: qc.PtrOf(true)})
		return answer{Count: qc.PtrOf(json.Number(fmt.Sprint(count)))}, err
	default: // get
		found, err := client.Get(ctx, &qc.GetPoints{
			CollectionName: name, Ids: o.ids, WithPayload: o.payload, WithVectors: qc.NewWithVectors(o.vectors),
		})
		return retrieved(found), err
	}
}

func retrieved(points []*qc.RetrievedPoint) answer {
	out := answer{Points: []answered{}}
	for _, p := range points {
		out.Points = append(out.Points, answered{ID: idOf(p.GetId()), Payload: restFields(p.GetPayload()), Vector: packed(dense(p.GetVectors()))})
	}
	return out
}

func dense(v *qc.VectorsOutput) []float32 { return v.GetVector().GetDenseVector().GetData() }

func idOf(id *qc.PointId) any {
	if id.GetUuid() != "" {
		return id.GetUuid()
	}
	return json.Number(fmt.Sprint(id.GetNum()))
}

// comparison goes through the script beside both sides' answers.
type comparison struct {
	longest                 float64 // vector of the collection
	dot                     bool
	asked, left, full, ties int
	failed                  int
}

func (c *comparison) remember(o operation) {
	if o.kind == "create" {
		c.longest, c.dot = 0, o.distance == qc.Distance_Dot
	}
	for _, p := range o.points {
		v := p.GetVectors().GetVector().GetDense().GetData()
		c.longest = max(c.longest, math.Sqrt(vector.Dot64(v, v)))
	}
}

// within returns the tolerance of scores, which for products is relative to the
// greatest there can be.
func (c *comparison) within(o operation) float64 {
	if !c.dot {
		return tolerance
	}
	return tolerance * max(1, c.longest*math.Sqrt(vector.Dot64(o.vector, o.vector)))
}

func (c *comparison) compare(o operation, ours, theirs answer) error {
	if (ours.Error != "") != (theirs.Error != "") {
		return fmt.Errorf("error %q, the oracle has %q", ours.Error, theirs.Error)
	}
	if ours.Error != "" {
		return nil
	}
	switch o.kind {
	case "count":
		if *ours.Count != *theirs.Count {
			return fmt.Errorf("count %s, the oracle has %s", *ours.Count, *theirs.Count)
		}
	case "query":
		if err := c.compareRanks(o, ours.Points, theirs.Points); err != nil {
			return err
		}
	case "scroll":
		if !reflect.DeepEqual(ours.Next, theirs.Next) {
			return fmt.Errorf("next page at %v, the oracle has %v", ours.Next, theirs.Next)
		}
		if got, want := idsOf(ours.Points), idsOf(theirs.Points); !reflect.DeepEqual(got, want) {
			return fmt.Errorf("ids %v, the oracle has %v", got, want)
		}
	case "get": // in any order
		if got, want := len(ours.Points), len(theirs.Points); got != want {
			return fmt.Errorf("%d points, the oracle has %d", got, want)
		}
	default:
		return nil
	}
	if len(ours.Points) > 0 {
		c.full++
	}
	return c.compareContents(o, ours.Points, theirs.Points)
}

func idsOf(points []answered) []any {
	out := make([]any, len(points))
	for i, p := range points {
		out[i] = p.ID
	}
	return out
}

// compareRanks wants the scores of each rank to be equal within the tolerance,
// and those of each point: then order and membership differ among ties alone.
func (c *comparison) compareRanks(o operation, ours, theirs []answered) error {
	if len(ours) != len(theirs) {
		return fmt.Errorf("%d points %v, the oracle has %d %v", len(ours), idsOf(ours), len(theirs), idsOf(theirs))
	}
	within := c.within(o)
	known := map[any]float64{}
	for _, p := range theirs {
		known[p.ID] = p.Score
	}
	moved := false
	for i, p := range ours {
		q := theirs[i]
		if off := math.Abs(p.Score - q.Score); off > 2*within {
			return fmt.Errorf("rank %d: %v scores %v, the oracle has %v with %v", i, p.ID, p.Score, q.ID, q.Score)
		}
		moved = moved || p.ID != q.ID
		if score, ok := known[p.ID]; ok {
			if off := math.Abs(p.Score - score); off > within {
				return fmt.Errorf("%v scores %v, for the oracle %v", p.ID, p.Score, score)
			}
			continue
		}
		last, first := theirs[len(theirs)-1], theirs[0]
		atEnd := math.Abs(p.Score-last.Score) <= 2*within
		atStart := o.offset > 0 && math.Abs(p.Score-first.Score) <= 2*within
		if !atEnd && !atStart {
			return fmt.Errorf("rank %d: %v with %v is not among the oracle's", i, p.ID, p.Score)
		}
	}
	if moved {
		c.ties++
	}
	return nil
}

// compareContents compares payloads and vectors of the points on both sides.
func (c *comparison) compareContents(o operation, ours, theirs []answered) error {
	other := map[any]answered{}
	for _, p := range theirs {
		other[p.ID] = p
	}
	for _, p := range ours {
		q, ok := other[p.ID]
		if !ok {
			if o.kind != "query" { // of which the ties were looked at
				return fmt.Errorf("%v is not among the oracle's points", p.ID)
			}
			continue
		}
		if got, want := canonical(p.Payload), canonical(q.Payload); !reflect.DeepEqual(got, want) {
			return fmt.Errorf("payload of %v is %v, the oracle has %v", p.ID, got, want)
		}
		x, y := unpacked(p.Vector), unpacked(q.Vector)
		if len(x) != len(y) {
			return fmt.Errorf("vector of %v has %d components, the oracle's %d", p.ID, len(x), len(y))
		}
		for i := range x {
			if off := math.Abs(float64(x[i]) - float64(y[i])); off > tolerance && !(c.dot && x[i] == y[i]) {
				return fmt.Errorf("component %d of %v is %v, the oracle has %v", i, p.ID, x[i], y[i])
			}
		}
	}
	return nil
}

// canonical brings a payload into one form: integers stay apart from floats, the
// ways to write a float do not count, and no payload is an empty one.
func canonical(payload any) any {
	text, err := json.Marshal(payload)
	if err != nil {
		panic(err)
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	var out any
	if err := decoder.Decode(&out); err != nil {
		panic(err)
	}
	if out == nil {
		return map[string]any{}
	}
	return plain(out)
}

func plain(value any) any {
	switch v := value.(type) {
	case json.Number:
		if strings.ContainsAny(v.String(), ".eE") {
			f, _ := v.Float64()
			return f
		}
	case map[string]any:
		for key := range v {
			v[key] = plain(v[key])
		}
	case []any:
		for i := range v {
			v[i] = plain(v[i])
		}
	}
	return value
}

// agreed says whether an oracle is to answer as the server does. Where it is
// known not to, the other one alone counts.
func agreed(oracle string, o operation, text []byte) bool {
	if oracle == "edge" { // its Python takes true for the integer 1
		return !bytes.Contains(text, []byte(`"match":{"value":true}`)) && !bytes.Contains(text, []byte(`"match":{"value":false}`))
	}
	named := map[any]bool{}
	for _, id := range o.ids { // it reads a point once for each time that its id is named
		if o.kind == "get" && named[idOf(id)] {
			return false
		}
		named[idOf(id)] = true
	}
	return true
}

// Where the engine differs from Qdrant, and means to: it knows the direction of
// the shortest vector, and refuses what no score can be made of.
func TestWantedDifferences(t *testing.T) {
	testenv.Long(t)
	python := testenv.Oracles(t)
	nan := float32(math.NaN())
	operations := []operation{
		{kind: "create", size: 2, distance: qc.Distance_Cosine},
		{kind: "upsert", points: []*qc.PointStruct{{Id: qc.NewIDNum(1), Vectors: qc.NewVectorsDense([]float32{6e-5, 8e-5})}}},
		{kind: "query", vector: []float32{1, 0}, limit: 1},
		{kind: "query", vector: []float32{nan, 0}, limit: 1},
		{kind: "upsert", points: []*qc.PointStruct{{Id: qc.NewIDNum(2), Vectors: qc.NewVectorsDense([]float32{nan, 1})}}},
		{kind: "count"},
	}
	for i := range operations {
		operations[i].payload = qc.NewWithPayload(false)
	}
	ours, theirs := answerAll(t, operations), consult(t, python, "edge", operations)
	if got, want := ours[2].Points[0].Score, theirs[2].Points[0].Score; math.Abs(got-0.6) > tolerance || math.Abs(want-6e-5) > tolerance {
		t.Errorf("a short vector scores %v, Qdrant gives %v; want 0.6 and 6e-5", got, want)
	}
	for _, i := range []int{3, 4} {
		if ours[i].Error == "" || theirs[i].Error != "" {
			t.Errorf("operation %d with NaN: %q, Qdrant gives %q; want it refused here alone", i, ours[i].Error, theirs[i].Error)
		}
	}
	if *ours[5].Count != "1" || *theirs[5].Count != "2" {
		t.Errorf("%s points, Qdrant has %s; want 1 and 2", *ours[5].Count, *theirs[5].Count)
	}
}
