package trust

import (
	"errors"
	"fmt"
	"math"
)

// Reference is the λ at which Margins fuses, whatever λ ranks: the ratio of the
// margins depends on it, and the constants below hold for this one.
const Reference = 0.7

// The map from sharpness to trust. People's translations of all questions have
// a sharpness of 0.955 to 0.977, the chat model's 0.868 to 0.942, and 0.991 in
// Spanish. The two ends were set between them after both had been seen; they
// were not found on one set and proven on another. Neighbours (0.92 to 0.95,
// with or without a ramp) cost or gain a question or two.
const (
	sharpLow, sharpHigh = 0.93, 0.94
	// caution is how many standard errors below its estimate the sharpness is
	// taken: few questions earn no trust.
	caution = 2
	// fewest is how many questions it takes to trust a translator at all. Fewer
	// were not looked at, and of 50 the estimates are already poor.
	fewest = 50
	// fewestLanguages is how many languages speak for another one. Four and five
	// were looked at.
	fewestLanguages = 3
	// deadZone is how many standard errors of nDCG@10 judgements must speak for
	// or against an anchor before they change the trust.
	deadZone = 1.5
)

// Margins returns by how much the best of the candidates stands out from the
// second, under the source query alone and under the fused query of unit length
// at λ = Reference. source and anchor are as in Correlation; agreement is the
// cosine of the two queries. It returns false where there are fewer than two
// candidates or a number is not finite.
func Margins(source, anchor []float64, agreement float64) (alone, fused float64, ok bool) {
	both := make([]float64, len(source))
	for i := range source {
		both[i] = Reference*source[i] + (1-Reference)*anchor[i]
	}
	length := math.Sqrt(Reference*Reference + (1-Reference)*(1-Reference) + 2*Reference*(1-Reference)*agreement)
	alone, fused = lead(source), lead(both)/length
	// x−x is not 0 for infinite x and NaN.
	return alone, fused, alone-alone == 0 && fused-fused == 0
}

// lead returns the highest score less the second highest.
func lead(scores []float64) float64 {
	first, second := math.Inf(-1), math.Inf(-1)
	for _, x := range scores {
		if math.IsNaN(x) {
			return x
		}
		if x > first {
			first, second = x, first
		} else {
			second = max(second, x)
		}
	}
	return first - second
}

// Sums add up the margins of a translator's anchors in a language. They are all
// that its sharpness takes, so that more questions can be added at any time, and
// no question need be judged.
//
// A good anchor leaves the margins as they are. One that means something else
// pulls other candidates up, and the best stands out less.
type Sums struct {
	Questions     int     `json:"questions"`
	Source        float64 `json:"source"`         // Σ of the margins under the source query
	Fused         float64 `json:"fused"`          // Σ of those under the fused query
	SourceSquares float64 `json:"source_squares"` // Σ of their squares
	FusedSquares  float64 `json:"fused_squares"`
	Products      float64 `json:"products"` // Σ of source times fused
}

// Add adds the margins of one question, as Margins has them.
func (s *Sums) Add(alone, fused float64) {
	s.Merge(Sums{1, alone, fused, alone * alone, fused * fused, alone * fused})
}

// Merge adds the questions of other.
func (s *Sums) Merge(other Sums) {
	s.Questions += other.Questions
	s.Source += other.Source
	s.Fused += other.Fused
	s.SourceSquares += other.SourceSquares
	s.FusedSquares += other.FusedSquares
	s.Products += other.Products
}

// Sharpness returns ρ, the sum of the fused margins over that of the source
// margins, with its standard error. It returns false where the questions are too
// few or have no margins.
func (s Sums) Sharpness() (rho, se float64, ok bool) {
	if s.Questions < fewest || !(s.Source > 0) {
		return 0, 0, false
	}
	n := float64(s.Questions)
	rho = s.Fused / s.Source
	// Σ(fused − ρ·source)²; rounding may take it below 0.
	residuals := max(0, s.FusedSquares-2*rho*s.Products+rho*rho*s.SourceSquares)
	return rho, math.Sqrt(residuals*n/(n-1)) / s.Source, true
}

// Trust returns what the questions earn their translator, in [0, 1].
func (s Sums) Trust() float64 {
	rho, se, _ := s.Sharpness()
	return earned(rho, se)
}

// OfOthers returns the trust in a translator in a language that none of its
// questions is known of: what the mean sharpness over its other languages earns
// it. It returns false where fewer than three of them have questions enough: one
// says little of the next, as the chat model in Spanish of the same in Thai.
func OfOthers(languages ...Sums) (float64, bool) {
	var sum, variance, n float64
	for _, s := range languages {
		if rho, se, ok := s.Sharpness(); ok {
			sum += rho
			variance += se * se
			n++
		}
	}
	if n < fewestLanguages {
		return 0, false
	}
	return earned(sum/n, math.Sqrt(variance)/n), true
}

// earned returns the trust that a sharpness with its standard error earns.
func earned(rho, se float64) float64 {
	return clamp((rho - caution*se - sharpLow) / (sharpHigh - sharpLow))
}

// WithJudgements returns the trust after judged questions have had their say.
// free is the trust without them; z is the gain in nDCG@10 of full trust over
// none, in standard errors.
func WithJudgements(free, z float64) float64 {
	return clamp(free + math.Copysign(max(0, math.Abs(z)-deadZone), z))
}

// Proven says whether judgements speak for an anchor clearly enough to change
// anything. Without that λ is better left alone too: tuned on the rule-based
// translator's anchors, which neither help nor hurt, it lost four questions of
// 1,190.
func Proven(z float64) bool { return z > deadZone }

// Method says what a trust was found by.
type Method string

// The methods.
const (
	Labels         Method = "labels"          // by judged questions
	NoLabels       Method = "no-labels"       // by the questions alone
	OtherLanguages Method = "other-languages" // by the translator's other languages
)

// Fit is what was found of a translator in a language.
type Fit struct {
	Trust  float64 `json:"trust"`  // in [0, 1]
	Lambda float64 `json:"lambda"` // of a question whose anchor keeps all its weight, in [0, 1]
	Method Method  `json:"method"`
	// Z is what WithJudgements took; 0 without judgements.
	Z float64 `json:"z,omitzero"`
	// Margins are of the language's own questions: none by OtherLanguages.
	Margins Sums `json:"margins,omitzero"`
}

// Check returns an error unless all figures lie in their ranges.
func (f Fit) Check() error {
	if !(f.Trust >= 0 && f.Trust <= 1) { // also catches NaN
		return fmt.Errorf("trust is %v, want a number in [0, 1]", f.Trust)
	}
	if !(f.Lambda >= 0 && f.Lambda <= 1) {
		return fmt.Errorf("lambda is %v, want a number in [0, 1]", f.Lambda)
	}
	if math.IsNaN(f.Z) || math.IsInf(f.Z, 0) {
		return fmt.Errorf("z is %v, want a finite number", f.Z)
	}
	switch f.Method {
	case Labels, NoLabels, OtherLanguages:
	default:
		return fmt.Errorf("method is %.40q, want %q, %q or %q", f.Method, Labels, NoLabels, OtherLanguages)
	}
	if f.Margins.Questions < 0 {
		return fmt.Errorf("margins: questions is %d, want 0 or more", f.Margins.Questions)
	}
	for _, sum := range []float64{f.Margins.Source, f.Margins.Fused, f.Margins.SourceSquares, f.Margins.FusedSquares, f.Margins.Products} {
		if !(sum >= 0) || math.IsInf(sum, 0) {
			return errors.New("margins: a sum is negative or not finite")
		}
	}
	return nil
}
