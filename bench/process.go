package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/query-synergy/query-synergy/internal/cache"
	"github.com/query-synergy/query-synergy/internal/config"
	"github.com/query-synergy/query-synergy/internal/embedding"
)

const (
	queryText  = "Γιατί ο ουρανός είναι γαλάζιος;"
	anchorText = "Why is the sky blue?"

	processRounds = 25
	processGoal   = "at most 60 ms more"
)

// benchProcess compares a whole query process with one that only starts.
func benchProcess(ctx context.Context, t *table, root, dir, large, small string) error {
	const group = "One query process"
	query, err := filepath.Abs(filepath.Join(root, "bin", "query"))
	if err != nil {
		return err
	}
	cachePath := filepath.Join(dir, "embeddings.db")
	if err := warmCache(ctx, cachePath); err != nil {
		return err
	}
	var memory [3][]float64
	child := func(i int, env []string, args ...string) func() error {
		return func() error {
			out, peak, err := runChild(ctx, env, query, args...)
			if err != nil {
				return err
			}
			memory[i] = append(memory[i], peak)
			return checkAnswer(out, args)
		}
	}
	ask := []string{"--corpus", corpusName, "--lang", corpusLang, "--json", "--anchor", anchorText, queryText}
	took, err := takeTurns(processRounds,
		side{"query --version", child(0, nil, "--version")},
		side{"query, small store", child(1, environment(dir, cachePath, small), ask...)},
		side{"query, large store", child(2, environment(dir, cachePath, large), ask...)},
	)
	if err != nil {
		return err
	}
	t.add(row{Group: group, Name: "query --version", Unit: "ms", spread: spreadOf(took[0])})
	for i, n := range []int{smallSize, largeSize} {
		r := row{
			Group: group, Name: fmt.Sprintf("query over %d documents", n), Unit: "ms", spread: spreadOf(took[i+1]),
			Against: &against{Name: "--version", Unit: "ms more", spread: paired(took[i+1], took[0], difference)},
		}
		if n == largeSize {
			r.Against.Goal = processGoal
		}
		t.add(r)
	}
	t.add(row{
		Group: group, Name: fmt.Sprintf("peak memory over %d", largeSize), Unit: "MiB", spread: spreadOf(memory[2]),
		Note: fmt.Sprintf("%d MiB of it the vectors, mapped", largeSize*dimensions*4>>20),
	})
	return nil
}

// environment is all that a query process sees. The endpoint's port answers
// nobody: both queries are in the cache.
func environment(home, cachePath, store string) []string {
	return []string{
		"HOME=" + home,
		"QDRANT_LOCAL_PATH=" + store,
		"EMBEDDING_CACHE=" + cachePath,
		"EMBEDDING_BASE_URL=http://127.0.0.1:9/v1",
		"EMBEDDING_MAX_ATTEMPTS=1",
	}
}

// checkAnswer fails where a query gave no proven top ten.
func checkAnswer(out []byte, args []string) error {
	if args[0] == "--version" {
		return nil
	}
	var answer struct {
		Hits      []json.RawMessage
		Certified bool
	}
	if err := json.Unmarshal(out, &answer); err != nil {
		return err
	}
	if len(answer.Hits) != 10 || !answer.Certified {
		return fmt.Errorf("%d hits, certified: %t", len(answer.Hits), answer.Certified)
	}
	return nil
}

// warmCache puts the vectors of both queries into an embedding cache, as the
// client does that gets them from an endpoint.
func warmCache(ctx context.Context, path string) error {
	store, err := cache.Open(path, 1<<20)
	if err != nil {
		return err
	}
	client, err := embedding.New(embedding.Config{
		BaseURL: config.DefaultEmbeddingBaseURL, Model: config.DefaultEmbeddingModel, Profile: profile,
		Cache: store, Transport: cannedEndpoint{},
	})
	if err == nil {
		_, _, err = client.Embed(ctx, embedding.Query, []string{queryText, anchorText})
	}
	return errors.Join(err, store.Close())
}

// cannedEndpoint answers the one request of warmCache.
type cannedEndpoint struct{}

func (cannedEndpoint) RoundTrip(req *http.Request) (*http.Response, error) {
	source := randomUnit(queryStream, 0)
	type item struct {
		Index     int       `json:"index"`
		Embedding []float32 `json:"embedding"`
	}
	body, err := json.Marshal(map[string]any{"data": []item{{0, source}, {1, anchorOf(source)}}})
	if err != nil {
		return nil, err
	}
	return &http.Response{
		StatusCode: http.StatusOK, Request: req, Header: http.Header{"Content-Type": {"application/json"}},
		Body: io.NopCloser(bytes.NewReader(body)),
	}, nil
}

// runChild runs a program to its end and returns its stdout and its peak
// resident memory in MiB. A nil environment is this process's.
func runChild(ctx context.Context, env []string, path string, args ...string) (out []byte, peak float64, err error) {
	command := exec.CommandContext(ctx, path, args...)
	command.Env = env
	var stderr strings.Builder
	command.Stderr = &stderr
	out, err = command.Output()
	if err != nil {
		return nil, 0, fmt.Errorf("%s: %w: %s", filepath.Base(path), err, strings.TrimSpace(stderr.String()))
	}
	usage, ok := command.ProcessState.SysUsage().(*syscall.Rusage)
	if !ok {
		return nil, 0, fmt.Errorf("%s: the system does not say what it used", filepath.Base(path))
	}
	return out, float64(usage.Maxrss) * maxrssUnit / (1 << 20), nil
}
