package report

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/query-synergy/query-synergy/internal/evalsuite"
	"github.com/query-synergy/query-synergy/internal/evalsuite/metrics"
	"github.com/query-synergy/query-synergy/internal/lang"
)

// none stands where there is no number.
const none = "–"

func finite(xs ...float64) bool {
	return !slices.ContainsFunc(xs, func(x float64) bool { return math.IsNaN(x) || math.IsInf(x, 0) })
}

// hundred returns a measure's value ×100, as papers print it.
func hundred(x float64) string {
	if !finite(x) {
		return none
	}
	return strings.Replace(fixed(100*x), "-", "−", 1)
}

// points returns a difference of a measure ×100, with its sign.
func points(x float64) string { return signed(100 * x) }

// signed returns a number with its sign and two digits.
func signed(x float64) string {
	if !finite(x) {
		return none
	}
	switch text := fixed(x); {
	case text == "0.00":
		return text
	case text[0] == '-':
		return "−" + text[1:]
	default:
		return "+" + text
	}
}

// fixed returns x with two digits, and never "-0.00".
func fixed(x float64) string {
	text := strconv.FormatFloat(x, 'f', 2, 64)
	if text == "-0.00" {
		return "0.00"
	}
	return text
}

func between(i evalsuite.Interval, format func(float64) string) string {
	if !finite(i[:]...) {
		return none
	}
	return format(i[0]) + " to " + format(i[1])
}

// probability returns a p-value for a table.
func probability(p float64) string {
	switch {
	case !finite(p):
		return none
	case p < 0.001:
		return "<0.001"
	default:
		return strconv.FormatFloat(p, 'f', 3, 64)
	}
}

// equals returns a p-value for a sentence: "p = 0.020", "p < 0.001".
func equals(p float64) string {
	if text, small := strings.CutPrefix(probability(p), "<"); small {
		return "p\u00a0<\u00a0" + text
	}
	return "p\u00a0=\u00a0" + probability(p)
}

// weight returns a λ, without needless zeros.
func weight(lambda float64) string {
	if !finite(lambda) {
		return none
	}
	return strconv.FormatFloat(math.Round(100*lambda)/100, 'f', -1, 64)
}

// lambda names a λ, in one piece.
func lambda(l float64) string { return "λ\u00a0=\u00a0" + weight(l) }

// count returns a whole number with its thousands apart.
func count(n int) string {
	text := strconv.Itoa(n)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return count(n) + " " + noun + "s"
}

// percent returns how far a row lies from its baseline, in percent of the
// baseline; NaN where that is 0.
func percent(value float64, d evalsuite.Difference) float64 {
	if baseline := value - d.Delta; baseline != 0 {
		return 100 * d.Delta / baseline
	}
	return math.NaN()
}

// highest returns where the highest value stands; of those that differ by
// rounding alone, the first.
func highest[T any](list []T, value func(T) float64) int {
	top := 0
	for i := range list {
		if value(list[i]) > value(list[top])+1e-9 {
			top = i
		}
	}
	return top
}

// list joins words as a sentence does.
func list(words []string) string {
	switch n := len(words); n {
	case 0:
		return ""
	case 1:
		return words[0]
	default:
		return strings.Join(words[:n-1], ", ") + " and " + words[n-1]
	}
}

func language(tag string) string {
	if tag == evalsuite.MeanLang {
		return "Mean"
	}
	return lang.Name(tag)
}

// measure returns a measure as papers spell it.
func measure(m metrics.Measure) string {
	name := m.String()
	switch m.Kind {
	case metrics.NDCG:
		return "nDCG" + name[len("ndcg"):]
	case metrics.MRR, metrics.MAP:
		return strings.ToUpper(name)
	default:
		return name
	}
}

func method(m evalsuite.Method) string {
	switch m {
	case evalsuite.SourceOnly:
		return "Source alone"
	case evalsuite.AnchorOnly:
		return "Anchor alone"
	case evalsuite.QuerySynergy:
		return "Query-Synergy"
	case evalsuite.Tuned:
		return "Query-Synergy tuned"
	default:
		return string(m)
	}
}
