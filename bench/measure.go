package main

import (
	"fmt"
	"math"
	"slices"
	"time"
)

// side is one side of a comparison; run does its work once.
type side struct {
	name string
	run  func() error
}

// takeTurns runs every side once to warm it, and then rounds times in turn. It
// returns the milliseconds of each round, by side.
func takeTurns(rounds int, sides ...side) ([][]float64, error) {
	took := make([][]float64, len(sides))
	for round := range rounds + 1 {
		for i, s := range sides {
			start := time.Now()
			if err := s.run(); err != nil {
				return nil, fmt.Errorf("%s: %w", s.name, err)
			}
			if round > 0 {
				took[i] = append(took[i], milliseconds(time.Since(start)))
			}
		}
	}
	return took, nil
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// spread is the middle half of a set of values.
type spread struct {
	Median float64 `json:"median"`
	Low    float64 `json:"low"`  // lower quartile
	High   float64 `json:"high"` // upper quartile
	Runs   int     `json:"runs"`
}

func spreadOf(values []float64) spread {
	sorted := slices.Sorted(slices.Values(values))
	at := func(quantile float64) float64 {
		whole, part := math.Modf(quantile * float64(len(sorted)-1))
		i := int(whole)
		return sorted[i] + part*(sorted[min(i+1, len(sorted)-1)]-sorted[i])
	}
	return spread{Median: at(0.5), Low: at(0.25), High: at(0.75), Runs: len(sorted)}
}

// paired applies f to the values of the same round on two sides.
func paired(a, b []float64, f func(a, b float64) float64) spread {
	values := make([]float64, len(a))
	for i := range a {
		values[i] = f(a[i], b[i])
	}
	return spreadOf(values)
}

func ratio(a, b float64) float64      { return a / b }
func difference(a, b float64) float64 { return a - b }
