package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"
)

// runScale indexes n documents of an endpoint that embeds a set number of texts
// a second, kills the indexer in the middle, lets a second one go on, and prints
// what was embedded, how fast and in how much memory.
func runScale(ctx context.Context, root, dir string, n int, rate float64) error {
	indexer, err := filepath.Abs(filepath.Join(root, "bin", "indexer"))
	if err != nil {
		return err
	}
	file := filepath.Join(dir, "documents.jsonl")
	if err := writeDocuments(file, n); err != nil {
		return err
	}
	endpoint := &slowEndpoint{perText: time.Duration(float64(time.Second) / rate), vectors: encodedVectors()}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := &http.Server{Handler: endpoint, ReadHeaderTimeout: time.Minute}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	defer func() { _ = server.Close(); <-served }()

	s := &scaleRun{
		indexer: indexer, endpoint: endpoint,
		env: []string{
			"HOME=" + dir, "QDRANT_LOCAL_PATH=" + filepath.Join(dir, "store"), "EMBEDDING_CACHE=off",
			"EMBEDDING_BASE_URL=http://" + listener.Addr().String() + "/v1",
		},
	}
	fmt.Printf("%d documents, %d dimensions, an endpoint of %.0f texts a second\n", n, dimensions, rate)
	if err := s.index(ctx, "first run, killed half way", file, n/2); err != nil {
		return err
	}
	if err := s.index(ctx, "second run, to the end", file, 0); err != nil {
		return err
	}
	again := endpoint.texts
	if err := s.index(ctx, "third run, nothing to do", file, 0); err != nil {
		return err
	}
	if endpoint.texts != again {
		return fmt.Errorf("the third run embedded %d texts again", endpoint.texts-again)
	}
	out, _, err := runChild(ctx, s.env, indexer, "status", "--json")
	if err != nil {
		return err
	}
	fmt.Printf("texts embedded: %d for %d documents, %.2f%% twice\n", endpoint.texts, n, 100*float64(endpoint.texts-n)/float64(n))
	fmt.Printf("status: %s\n", bytes.TrimSpace(out))
	size, err := folderSize(filepath.Join(dir, "store"))
	if err != nil {
		return err
	}
	fmt.Printf("store: %.0f bytes a document on disk, %d of them the vector\n", float64(size)/float64(n), 4*dimensions)
	return nil
}

type scaleRun struct {
	indexer  string
	env      []string
	endpoint *slowEndpoint
}

// index runs the indexer and samples its memory; it kills it once that many
// texts were embedded, unless that is 0.
func (s *scaleRun) index(ctx context.Context, name, file string, killAt int) error {
	s.endpoint.begin()
	command := exec.CommandContext(ctx, s.indexer, "--corpus", corpusName, "--lang", corpusLang, file)
	command.Env = s.env
	var stderr strings.Builder
	command.Stderr = &stderr
	start := time.Now()
	if err := command.Start(); err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- command.Wait() }()
	var memory [][2]int
	killed := false
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for running := true; running; {
		select {
		case err := <-ended:
			if err != nil && !killed {
				return fmt.Errorf("%s: %w: %s", name, err, stderr.String())
			}
			running = false
		case <-tick.C:
			if own, mapped, ok := residentOf(command.Process.Pid); ok {
				memory = append(memory, [2]int{own, mapped})
			}
			if texts, _ := s.endpoint.served(); killAt > 0 && !killed && texts >= killAt {
				killed = true
				if err := command.Process.Kill(); err != nil {
					return err
				}
			}
		}
	}
	whole := time.Since(start)
	texts, busy := s.endpoint.served()
	fmt.Printf("%s: %.1f s", name, whole.Seconds())
	if texts > 0 {
		fmt.Printf(", the first text asked for after %.1f s, then %d texts in %.1f s: %.1f%% of the endpoint's rate",
			s.endpoint.first.Sub(start).Seconds(), texts, busy.Seconds(),
			100*float64(texts)*s.endpoint.perText.Seconds()/(whole-s.endpoint.first.Sub(start)).Seconds())
	}
	fmt.Printf("\n  resident MiB over time, own + mapped:")
	for i := range 10 {
		if at := (2*i + 1) * len(memory) / 20; at < len(memory) {
			fmt.Printf(" %d+%d", memory[at][0], memory[at][1])
		}
	}
	fmt.Println()
	return nil
}

// residentOf reads how much memory a process has of its own, and how much of
// files it has mapped, where the system tells.
func residentOf(pid int) (own, mapped int, ok bool) {
	text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "status"))
	if err != nil {
		return 0, 0, false
	}
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(line, ":")
		kib, _ := strconv.Atoi(strings.TrimSuffix(strings.TrimSpace(value), " kB"))
		switch name {
		case "RssAnon":
			own, ok = kib>>10, true
		case "RssFile":
			mapped = kib >> 10
		}
	}
	return own, mapped, ok
}

func writeDocuments(path string, n int) (err error) {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	w := bufio.NewWriter(file)
	encoder := json.NewEncoder(w)
	for d := range documents(n) {
		if err := encoder.Encode(map[string]string{"_id": d.ID, "title": d.Title, "text": d.Text}); err != nil {
			return err
		}
	}
	return w.Flush()
}

func folderSize(root string) (size int64, err error) {
	err = filepath.Walk(root, func(_ string, info os.FileInfo, err error) error {
		if err == nil && !info.IsDir() {
			size += info.Size()
		}
		return err
	})
	return size, err
}

// slowEndpoint embeds one text after the other, each in the same time, whatever
// the number of requests: as a model on one device does.
type slowEndpoint struct {
	perText time.Duration
	vectors []string // encoded, to cost next to nothing

	mu          sync.Mutex
	texts, run  int // asked for, in all and since begin
	free        time.Time
	first, last time.Time // of the run's texts
}

func encodedVectors() []string {
	out := make([]string, 4096)
	for i := range out {
		text, err := json.Marshal(randomUnit(documentStream, i))
		if err != nil {
			panic(err) // floats that are finite
		}
		out[i] = string(text)
	}
	return out
}

func (e *slowEndpoint) begin() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.run, e.first, e.last = 0, time.Time{}, time.Time{}
}

// served returns how many texts the run asked for and how long that took.
func (e *slowEndpoint) served() (int, time.Duration) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.run, e.last.Sub(e.first)
}

func (e *slowEndpoint) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var request struct{ Input []string }
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 64<<20))
	if err == nil {
		err = json.Unmarshal(body, &request)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	n := len(request.Input)
	e.mu.Lock()
	now := time.Now()
	if e.first.IsZero() {
		e.first = now
	}
	if e.free.Before(now) {
		e.free = now
	}
	e.free = e.free.Add(time.Duration(n) * e.perText)
	ready, from := e.free, e.texts
	e.texts += n
	e.run += n
	e.last = ready
	e.mu.Unlock()
	select {
	case <-time.After(time.Until(ready)):
	case <-r.Context().Done():
		return
	}
	var reply strings.Builder
	reply.WriteString(`{"object":"list","model":"generated","data":[`)
	for i := range n {
		if i > 0 {
			reply.WriteByte(',')
		}
		fmt.Fprintf(&reply, `{"object":"embedding","index":%d,"embedding":%s}`, i, e.vectors[(from+i)%len(e.vectors)])
	}
	fmt.Fprintf(&reply, `],"usage":{"prompt_tokens":%d,"total_tokens":%d}}`, n, n)
	w.Header().Set("Content-Type", "application/json")
	_, _ = io.WriteString(w, reply.String())
}
