package main

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/query-synergy/query-synergy/internal/evalsuite"
	"github.com/query-synergy/query-synergy/internal/evalsuite/metrics"
)

// installRanx returns a Python that has ranx, installed in the tree as
// ranx-requirements.txt pins it, and again where that file has changed.
func installRanx(ctx context.Context, root string) (python string, err error) {
	wanted, err := os.ReadFile(filepath.Join(root, "bench", "ranx-requirements.txt"))
	if err != nil {
		return "", err
	}
	venv, err := filepath.Abs(filepath.Join(root, ".cache", "ranx"))
	if err != nil {
		return "", err
	}
	python = filepath.Join(venv, "bin", "python")
	installed := filepath.Join(venv, "installed.txt") // written last
	if got, err := os.ReadFile(installed); err == nil && bytes.Equal(got, wanted) {
		return python, nil
	}
	fmt.Fprintln(os.Stderr, "bench: installing ranx into", venv)
	for _, command := range [][]string{
		{cmp.Or(os.Getenv("PYTHON"), "python3"), "-m", "venv", "--clear", venv},
		{python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", filepath.Join(root, "bench", "ranx-requirements.txt")},
	} {
		out, err := exec.CommandContext(ctx, command[0], command[1:]...).CombinedOutput() //nolint:gosec // PYTHON is the user's to name
		if err != nil {
			return "", fmt.Errorf("install ranx: %s: %w: %s", filepath.Base(command[0]), err, lastLine(out))
		}
	}
	return python, os.WriteFile(installed, wanted, 0o600)
}

func lastLine(out []byte) string {
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	return lines[len(lines)-1]
}

// ranx is a Python process that evaluates sweeps with ranx (sweep_ranx.py).
type ranx struct {
	command *exec.Cmd
	in      io.WriteCloser
	out     *bufio.Reader
}

// startRanx starts ranx over the score matrices in dir, on one thread.
func startRanx(ctx context.Context, root, python, dir string) (*ranx, error) {
	r := &ranx{command: exec.CommandContext(ctx, python, filepath.Join(root, "bench", "sweep_ranx.py"), dir)}
	r.command.Env = append(os.Environ(), "PYTHONWARNINGS=ignore",
		"NUMBA_NUM_THREADS=1", "OMP_NUM_THREADS=1", "OPENBLAS_NUM_THREADS=1", "MKL_NUM_THREADS=1")
	r.command.Stderr = os.Stderr
	var err error
	if r.in, err = r.command.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := r.command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	r.out = bufio.NewReader(out)
	return r, r.command.Start()
}

func (r *ranx) Close() error {
	return errors.Join(r.in.Close(), r.command.Wait())
}

// ranxSweep is what sweep_ranx.py says of one sweep of a language.
type ranxSweep struct {
	Build    float64     `json:"build"`    // seconds
	Evaluate float64     `json:"evaluate"` // seconds
	Figures  [][]float64 `json:"figures"`  // by λ, then measure
	Ties     int         `json:"ties"`     // passages that score what the relevant one does
}

func (r *ranx) sweep(lang, mode string, lambdas []float64) (ranxSweep, error) {
	var reply ranxSweep
	question, err := json.Marshal(map[string]any{"lang": lang, "mode": mode, "lambdas": lambdas})
	if err != nil {
		return reply, err
	}
	if _, err := r.in.Write(append(question, '\n')); err != nil {
		return reply, err
	}
	line, err := r.out.ReadBytes('\n')
	if err != nil {
		return reply, fmt.Errorf("answer of ranx: %w", err)
	}
	return reply, json.Unmarshal(line, &reply)
}

// writeMatrices writes the score matrices of a language for sweep_ranx.py. Each
// question has one relevant document.
func writeMatrices(dir, lang string, qrels metrics.Qrels, documents []string, source, anchor *evalsuite.Matrix) error {
	column := make(map[string]int, len(documents))
	for i, id := range documents {
		column[id] = i
	}
	names := struct {
		Queries   []string `json:"queries"`
		Documents []string `json:"documents"`
		Relevant  []int    `json:"relevant"`
	}{Documents: documents}
	for _, query := range slices.Sorted(maps.Keys(qrels)) {
		if n := len(qrels[query]); n != 1 {
			return fmt.Errorf("question %q has %d judgements, want 1", query, n)
		}
		names.Queries = append(names.Queries, query)
		for id := range qrels[query] {
			names.Relevant = append(names.Relevant, column[id])
		}
	}
	text, err := json.Marshal(names)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, lang+".json"), text, 0o600); err != nil {
		return err
	}
	for which, matrix := range map[string]*evalsuite.Matrix{"source": source, "anchor": anchor} {
		run := matrix.Run(len(documents))
		scores := make([]float64, len(names.Queries)*len(documents))
		for q, query := range names.Queries {
			for _, d := range run[query] {
				scores[q*len(documents)+column[d.DocID]] = d.Score
			}
		}
		var raw bytes.Buffer
		if err := binary.Write(&raw, binary.LittleEndian, scores); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, lang+"."+which+".f64"), raw.Bytes(), 0o600); err != nil {
			return err
		}
	}
	return nil
}
