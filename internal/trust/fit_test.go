package trust_test

import (
	"encoding/json"
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/query-synergy/query-synergy/internal/trust"
)

func TestMargins(t *testing.T) {
	nan := math.NaN()
	for name, tc := range map[string]struct {
		source, anchor []float64
		agreement      float64
		alone, fused   float64
		ok             bool
	}{
		"same query":       {[]float64{0.2, 0.9, 0.5}, []float64{0.2, 0.9, 0.5}, 1, 0.4, 0.4, true},
		"right angle":      {[]float64{0.9, 0.5}, []float64{0.5, 0.5}, 0, 0.4, 0.28 / math.Sqrt(0.58), true},
		"opposite query":   {[]float64{0.9, 0.5}, []float64{-0.9, -0.5}, -1, 0.4, 0.4, true},
		"the anchor turns": {[]float64{0.9, 0.8}, []float64{0, 1}, 1, 0.1, 0.23, true},
		"tie":              {[]float64{0.5, 0.5}, []float64{0.5, 0.5}, 1, 0, 0, true},
		"one candidate":    {source: []float64{1}, anchor: []float64{1}, agreement: 1},
		"none":             {},
		"not a number":     {source: []float64{1, nan, 0}, anchor: []float64{1, 1, 1}, agreement: 1},
		"no agreement":     {source: []float64{1, 0}, anchor: []float64{1, 0}, agreement: nan},
	} {
		alone, fused, ok := trust.Margins(tc.source, tc.anchor, tc.agreement)
		if ok != tc.ok || ok && (math.Abs(alone-tc.alone) > 1e-12 || math.Abs(fused-tc.fused) > 1e-12) {
			t.Errorf("%s: got %v, %v, %v, want %v, %v, %v", name, alone, fused, ok, tc.alone, tc.fused, tc.ok)
		}
	}
}

type margin struct{ alone, fused float64 }

// drawMargins draws the margins of enough questions to be trusted.
func drawMargins(t *rapid.T, name string) []margin {
	size := rapid.Map(rapid.IntRange(1, 200), func(i int) float64 { return float64(i) / 1000 })
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) margin {
		return margin{size.Draw(t, "alone"), size.Draw(t, "fused")}
	}), 50, 120).Draw(t, name)
}

func sums(margins []margin) trust.Sums {
	var s trust.Sums
	for _, m := range margins {
		s.Add(m.alone, m.fused)
	}
	return s
}

// TestSumsEqualTheBatch compares with the definition, which takes all margins at
// once.
func TestSumsEqualTheBatch(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		margins := drawMargins(t, "margins")
		var alone, fused, residuals float64
		for _, m := range margins {
			alone += m.alone
			fused += m.fused
		}
		for _, m := range margins {
			residual := m.fused - fused/alone*m.alone
			residuals += residual * residual
		}
		n := float64(len(margins))
		wantRho, wantSE := fused/alone, math.Sqrt(residuals*n/(n-1))/alone

		// In two parts, as two runs leave them.
		cut := rapid.IntRange(0, len(margins)).Draw(t, "cut")
		s := sums(margins[:cut])
		s.Merge(sums(margins[cut:]))
		rho, se, ok := s.Sharpness()
		if !ok || math.Abs(rho-wantRho) > 1e-9 || math.Abs(se-wantSE) > 1e-6 {
			t.Fatalf("got %v ± %v (%v), want %v ± %v", rho, se, ok, wantRho, wantSE)
		}
		if got, want := s.Trust(), min(1, max(0, (wantRho-2*wantSE-0.93)/0.01)); math.Abs(got-want) > 1e-3 {
			t.Fatalf("trust %v, want %v", got, want)
		}

		// Read back from a file, they go on as if nothing had been.
		text, err := json.Marshal(s)
		var again trust.Sums
		if err != nil || json.Unmarshal(text, &again) != nil || again != s {
			t.Fatalf("%+v became %+v (error %v)", s, again, err)
		}
	})
}

func TestSharpnessDoesNotDependOnTheScale(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		margins, scale := drawMargins(t, "margins"), rapid.Float64Range(0.01, 100).Draw(t, "scale")
		rho, se, _ := sums(margins).Sharpness()
		for i := range margins {
			margins[i].alone *= scale
			margins[i].fused *= scale
		}
		if r, e, ok := sums(margins).Sharpness(); !ok || math.Abs(r-rho) > 1e-9 || math.Abs(e-se) > 1e-6 {
			t.Errorf("scaled by %v: %v ± %v, not %v ± %v", scale, r, e, rho, se)
		}
	})
}

// repeated returns the margins of n questions, of which every second one is by
// spread sharper than ratio and every other by as much less sharp.
func repeated(n int, ratio, spread float64) trust.Sums {
	var s trust.Sums
	for i := range n {
		s.Add(0.02, 0.02*(ratio+spread*float64(1-2*(i%2))))
	}
	return s
}

func TestTrust(t *testing.T) {
	nan := math.NaN()
	for name, tc := range map[string]struct {
		sums trust.Sums
		want float64
	}{
		"nothing":              {trust.Sums{}, 0},
		"too few":              {repeated(49, 1, 0), 0},
		"few, alike":           {repeated(50, 1, 0), 1},
		"few, and they differ": {repeated(50, 0.95, 0.1), 0},
		"with their error":     {repeated(200, 0.95, 0.1), (0.02 - 0.2/math.Sqrt(199)) / 0.01},
		"many, and differ":     {repeated(5000, 0.95, 0.1), 1},
		"between":              {repeated(200, 0.935, 0), 0.5},
		"blunt":                {repeated(200, 0.9, 0), 0},
		"no margins":           {trust.Sums{Questions: 100}, 0},
		"not a number":         {trust.Sums{Questions: 100, Source: nan, Fused: nan}, 0},
	} {
		if got := tc.sums.Trust(); math.Abs(got-tc.want) > 1e-9 {
			t.Errorf("%s: trust %v, want %v", name, got, tc.want)
		}
	}
}

func TestOfOthers(t *testing.T) {
	sharp, blunt, few := repeated(200, 0.98, 0), repeated(200, 0.88, 0), repeated(10, 0.5, 0)
	differing := repeated(200, 0.95, 0.1)
	se := 0.1 / math.Sqrt(199)
	for name, tc := range map[string]struct {
		others []trust.Sums
		want   float64
		ok     bool
	}{
		"none":                       {nil, 0, false},
		"two":                        {[]trust.Sums{sharp, sharp}, 0, false},
		"three":                      {[]trust.Sums{sharp, sharp, sharp}, 1, true},
		"two and one with too few":   {[]trust.Sums{sharp, sharp, few}, 0, false},
		"three and one with too few": {[]trust.Sums{sharp, sharp, few, {}, sharp}, 1, true},
		"the mean":                   {[]trust.Sums{sharp, blunt, sharp, blunt, sharp, blunt, sharp}, ((4*0.98+3*0.88)/7 - 0.93) / 0.01, true},
		"one blunt of three":         {[]trust.Sums{sharp, blunt, sharp}, ((2*0.98+0.88)/3 - 0.93) / 0.01, true},
		"with their errors":          {[]trust.Sums{differing, differing, differing}, (0.02 - 2*se/math.Sqrt(3)) / 0.01, true},
	} {
		got, ok := trust.OfOthers(tc.others...)
		if want := min(1, max(0, tc.want)); ok != tc.ok || math.Abs(got-want) > 1e-9 {
			t.Errorf("%s: trust %v, %v, want %v, %v", name, got, ok, want, tc.ok)
		}
	}
}

func TestWithJudgements(t *testing.T) {
	for _, tc := range []struct{ free, z, want float64 }{
		{0.4, 0, 0.4}, {0.4, 1.5, 0.4}, {0.4, -1.5, 0.4}, {0.4, 1.7, 0.6}, {0.4, -1.7, 0.2},
		{0, 9, 1}, {1, -9, 0}, {0, -9, 0}, {1, 1e300, 1},
	} {
		if got := trust.WithJudgements(tc.free, tc.z); math.Abs(got-tc.want) > 1e-12 {
			t.Errorf("WithJudgements(%v, %v) = %v, want %v", tc.free, tc.z, got, tc.want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		free, z := rapid.Float64Range(0, 1).Draw(t, "free"), rapid.Float64Range(-5, 5).Draw(t, "z")
		got := trust.WithJudgements(free, z)
		if !(got >= 0 && got <= 1) || trust.WithJudgements(free, z+0.5) < got || z > 0 && got < free || z < 0 && got > free {
			t.Errorf("trust %v with z %v becomes %v", free, z, got)
		}
	})
}

func TestProven(t *testing.T) {
	for _, z := range []float64{-9, 0, 1.5, math.NaN()} {
		if trust.Proven(z) {
			t.Errorf("z %v proves that anchors help", z)
		}
	}
	// What is proven also changes the trust.
	if !trust.Proven(1.51) || trust.WithJudgements(0.5, 1.51) <= 0.5 {
		t.Error("z 1.51 proves nothing")
	}
}

func TestFitCheck(t *testing.T) {
	good := trust.Fit{Trust: 0.5, Lambda: 0.7, Method: trust.Labels, Z: -2, Margins: repeated(60, 0.9, 0.1)}
	if err := good.Check(); err != nil {
		t.Error(err)
	}
	for want, spoil := range map[string]func(*trust.Fit){
		"trust is NaN":      func(f *trust.Fit) { f.Trust = math.NaN() },
		"trust is 1.1":      func(f *trust.Fit) { f.Trust = 1.1 },
		"lambda is -0.1":    func(f *trust.Fit) { f.Lambda = -0.1 },
		"z is +Inf":         func(f *trust.Fit) { f.Z = math.Inf(1) },
		`method is "luck"`:  func(f *trust.Fit) { f.Method = "luck" },
		"questions is -1":   func(f *trust.Fit) { f.Margins.Questions = -1 },
		"a sum is":          func(f *trust.Fit) { f.Margins.Products = math.NaN() },
		"a sum is negative": func(f *trust.Fit) { f.Margins.SourceSquares = -1 },
	} {
		bad := good
		spoil(&bad)
		if err := bad.Check(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}
