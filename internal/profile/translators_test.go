package profile_test

import (
	"encoding/json"
	"math"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/query-synergy/query-synergy/internal/profile"
	"github.com/query-synergy/query-synergy/internal/trust"
)

func withTranslators() *profile.Profile {
	p := tuned()
	p.Langs["th"] = profile.Tuning{Lambda: 0.57, Questions: 1190, Translators: map[string]trust.Fit{
		"human": {Trust: 1, Lambda: 0.79, Method: trust.Labels, Z: 3.25, Margins: trust.Sums{
			Questions: 1190, Source: 40, Fused: 39, SourceSquares: 2, FusedSquares: 1.75, Products: 1.875,
		}},
		"chat:tiny": {Trust: 0, Lambda: 0.7, Method: trust.OtherLanguages},
	}}
	p.Langs["pt"] = profile.Tuning{Translators: map[string]trust.Fit{"apertium": {Trust: 0.25, Lambda: 0.7, Method: trust.NoLabels}}}
	return p
}

func TestTranslatorsRoundTrip(t *testing.T) {
	path := filepath.Join(t.TempDir(), "weights.json")
	want := withTranslators()
	if err := want.Write(path); err != nil {
		t.Fatal(err)
	}
	got, err := profile.Read(path, model)
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("read %+v (error %v), wrote %+v", got, err, want)
	}
}

func TestTrust(t *testing.T) {
	p := withTranslators()
	for _, tc := range []struct {
		language, anchors, translator string
		trust, lambda                 float64
		ok                            bool
	}{
		{"th", "en", "human", 1, 0.79, true},
		{"th", "en-GB", "human", 1, 0.79, true},
		{"th-TH", "en", "human", 1, 0.79, true},
		{"th", "en", "chat:tiny", 0, 0.7, true},
		{"pt-BR", "en", "apertium", 0.25, 0.7, true}, // pt-BR has a λ of its own, and no translators
		{"th", "es", "human", 0, 0, false},
		{"th", "en", "apertium", 0, 0, false},
		{"vi", "en", "human", 0, 0, false},
	} {
		trusted, lambda, ok := p.Trust(tc.language, tc.anchors, tc.translator)
		if trusted != tc.trust || lambda != tc.lambda || ok != tc.ok {
			t.Errorf("%s by %s from %s: %v, %v, %v", tc.language, tc.translator, tc.anchors, trusted, lambda, ok)
		}
	}
	var none *profile.Profile
	if _, _, ok := none.Trust("th", "en", "human"); ok {
		t.Error("no profile knows a translator")
	}
}

func TestTranslatorsRefused(t *testing.T) {
	for want, spoil := range map[string]func(map[string]trust.Fit){
		`translator "human" of "th": trust is 2`:   func(m map[string]trust.Fit) { m["human"] = trust.Fit{Trust: 2, Method: trust.Labels} },
		`translator "human" of "th": method is ""`: func(m map[string]trust.Fit) { m["human"] = trust.Fit{} },
		`translator "a" of "th": margins`: func(m map[string]trust.Fit) {
			m["a"] = trust.Fit{Method: trust.NoLabels, Margins: trust.Sums{Fused: math.Inf(1)}}
		},
		`a translator of "th" has a name of 1 bytes`:    func(m map[string]trust.Fit) { m[" "] = trust.Fit{Method: trust.Labels} },
		`a translator of "th" has a name of 2000 bytes`: func(m map[string]trust.Fit) { m[strings.Repeat("x", 2000)] = trust.Fit{Method: trust.Labels} },
	} {
		p := withTranslators()
		spoil(p.Langs["th"].Translators)
		if err := p.Write(filepath.Join(t.TempDir(), "weights.json")); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	p := withTranslators()
	p.Version = 1
	text, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	for want, part := range map[string][2]string{
		`translator "human" of "th" has no lambda`: {`"lambda":0.79,`, ``},
		`unknown field "faith"`:                    {`"trust":1,`, `"faith":1,`},
		`trust of type float64`:                    {`"trust":1,`, `"trust":"full",`},
	} {
		if changed := strings.Replace(string(text), part[0], part[1], 1); changed == string(text) {
			t.Errorf("there is no %q to change", part[0])
		} else if _, err := profile.Parse([]byte(changed)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}
