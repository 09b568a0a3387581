package detect

import (
	"math"
	"slices"
)

// What turns costs into probabilities, fitted to UDHR fragments and to the
// sentences, word pairs and words that lingua is tested on.
const (
	// weight is what a nat counts: n-grams overlap, so that evidence would be
	// counted three times over.
	weight = 0.3
	// stranger is the prior of a language that is no candidate, a candidate's
	// being 1.
	stranger = 0.02
)

// variety is a language in a script.
type variety struct{ base, script string }

// group is the candidates that share letters; places says where each is among
// all candidates.
type group struct {
	varieties []variety
	places    []int
}

func (g *group) add(v variety, place int) {
	g.varieties, g.places = append(g.varieties, v), append(g.places, place)
}

// posterior returns for each candidate of the group the probability that those
// words of the text which are in the group's letters are in its language. They
// add up to at most 1.
func (g *group) posterior(text, name string) []float64 {
	costs, strangers := make([]float64, len(g.varieties)), []float64(nil)
	if name == han {
		costs, strangers = hanCosts(text, g.varieties)
	} else if letters, has := profiledGroup(name); has && !slices.ContainsFunc(g.varieties, unprofiled) {
		for v, cost := range profileCosts(text, letters) {
			if groupOf(v.script) != name {
				continue
			}
			if !slices.Contains(g.varieties, v) {
				strangers = append(strangers, weight*cost)
			}
			for i := range g.varieties {
				if g.varieties[i] == v {
					costs[i] = weight * cost
				}
			}
		}
	}
	least := slices.Min(slices.Concat(costs, strangers))
	total := 0.0
	for _, cost := range strangers {
		total += stranger * math.Exp(least-cost)
	}
	for i, cost := range costs {
		costs[i] = math.Exp(least - cost)
		total += costs[i]
	}
	for i := range costs {
		costs[i] /= total
	}
	return costs
}
