package report_test

import (
	"fmt"
	"math"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// TestContrast holds both palettes to WCAG's 4.5 to 1 wherever text stands on a
// colour.
func TestContrast(t *testing.T) {
	data, err := os.ReadFile("page.css")
	if err != nil {
		t.Fatal(err)
	}
	light, dark, found := strings.Cut(string(data), "@media (prefers-color-scheme: dark)")
	if !found {
		t.Fatal("page.css has no dark palette")
	}
	pairs := [][2]string{{"ink", "paper"}, {"ink", "tint"}, {"muted", "paper"}, {"muted", "tint"}, {"accent", "paper"}, {"better", "paper"}, {"worse", "paper"}}
	for step := 1; step <= 5; step++ {
		pairs = append(pairs, [2]string{"ink", fmt.Sprintf("u%d", step)}, [2]string{"ink", fmt.Sprintf("d%d", step)})
	}
	for name, css := range map[string]string{"light": light, "dark": dark} {
		colours := map[string]float64{}
		for _, m := range regexp.MustCompile(`--(\w+): #([0-9a-f]{6});`).FindAllStringSubmatch(css, -1) {
			colours[m[1]] = luminance(t, m[2])
		}
		for _, p := range pairs {
			text, ok := colours[p[0]]
			ground, also := colours[p[1]]
			if !ok || !also {
				t.Fatalf("%s palette lacks --%s or --%s", name, p[0], p[1])
			}
			if ratio := (max(text, ground) + 0.05) / (min(text, ground) + 0.05); ratio < 4.5 {
				t.Errorf("%s: --%s on --%s has contrast %.2f", name, p[0], p[1], ratio)
			}
		}
	}
}

// luminance is WCAG's relative luminance of an sRGB colour.
func luminance(t *testing.T, hex string) float64 {
	t.Helper()
	sum := 0.0
	for i, weight := range []float64{0.2126, 0.7152, 0.0722} {
		n, err := strconv.ParseUint(hex[2*i:2*i+2], 16, 8)
		if err != nil {
			t.Fatal(err)
		}
		c := float64(n) / 255
		if c <= 0.04045 {
			c /= 12.92
		} else {
			c = math.Pow((c+0.055)/1.055, 2.4)
		}
		sum += weight * c
	}
	return sum
}
