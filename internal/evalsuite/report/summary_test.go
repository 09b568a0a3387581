package report_test

import (
	"regexp"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/query-synergy/query-synergy/internal/evalsuite"
	"github.com/query-synergy/query-synergy/internal/evalsuite/metrics"
	"github.com/query-synergy/query-synergy/internal/evalsuite/report"
)

// said is the summary of a report, in plain text.
func said(t *testing.T, in report.Input) string {
	t.Helper()
	in.Measures = []metrics.Measure{ndcg1}
	page := write(t, in)[report.PageName]
	_, page, _ = strings.Cut(page, `<section id="summary"`)
	page, _, _ = strings.Cut(page, "</section>")
	text := html.UnescapeString(regexp.MustCompile(`<[^>]*>`).ReplaceAllString(page, ""))
	return strings.ReplaceAll(text, "\u00a0", " ")
}

// judged is a row whose difference lies at delta, significant or not.
func judged(lang string, method evalsuite.Method, lambda, delta float64, significant bool) evalsuite.Row {
	r := row(lang, "en", method, lambda, 0.8, delta, 100)
	for m, d := range r.Versus {
		d.PHolm = 0.2
		if significant {
			d.PHolm = 0.02
		}
		r.Versus[m] = d
	}
	return r
}

// TestSummary: no sentence claims what its numbers do not show.
func TestSummary(t *testing.T) {
	const qs = evalsuite.QuerySynergy
	sweep := func(significant ...bool) report.Input {
		r := &evalsuite.Result{}
		for i, s := range significant {
			r.Rows = append(r.Rows, judged("th", qs, float64(i)/10, float64(i+1), s))
		}
		return report.Input{Sweep: r}
	}
	for _, tc := range []struct {
		name     string
		in       report.Input
		want     []string
		unwanted []string
	}{
		{
			"significant gain", report.Input{Table: &evalsuite.Result{Rows: []evalsuite.Row{judged("th", qs, 0.7, 2, true)}}},
			[]string{"In Thai, Query-Synergy with λ = 0.7 reaches 82.00, the source query alone 80.00.", "+2.00 points", "p = 0.020", "is significant"},
			[]string{"may be chance", "On the mean", "By language"},
		},
		{
			"gain by chance", report.Input{Table: &evalsuite.Result{Rows: []evalsuite.Row{judged("th", qs, 0.7, 2, false)}}},
			[]string{"+2.00 points", "may be chance: these data do not show one"},
			[]string{"significant"},
		},
		{
			"significant loss", report.Input{Table: &evalsuite.Result{Rows: []evalsuite.Row{judged("th", qs, 0.7, -2, true)}}},
			[]string{"−2.00 points", "is significant"}, []string{"better"},
		},
		{
			"languages differ",
			report.Input{Table: &evalsuite.Result{
				Rows: []evalsuite.Row{
					judged("th", qs, 0.7, 2, true), judged("ar", qs, 0.6, -1, true), judged("el", qs, 0.7, 3, false),
				},
				Means: []evalsuite.Row{judged(evalsuite.MeanLang, qs, 0.67, 1.33, false)},
			}},
			[]string{
				"On the mean of 3 languages, Query-Synergy with a λ for each language reaches", "may be chance",
				"Significantly better: Thai (+2.00); significantly worse: Arabic (−1.00); not decided by these data: Greek (+3.00).",
			}, nil,
		},
		{
			"no language decided",
			report.Input{Table: &evalsuite.Result{Rows: []evalsuite.Row{judged("th", qs, 0.7, 2, false), judged("ar", qs, 0.7, -1, false)}}},
			[]string{"Not decided by these data: Thai (+2.00) and Arabic (−1.00)."}, []string{"ignificantly"},
		},
		{"λ, a range", sweep(false, true, true, false), []string{"Of the 4 λ tried, nDCG@1 is highest at λ = 0.3", "significantly above the source alone from λ = 0.1 to 0.2", "flatters"}, nil},
		{"λ, with a gap", sweep(true, false, true), []string{"significantly above the source alone at 2 of the λ"}, []string{"from λ"}},
		{"λ, one", sweep(false, true), []string{"significantly above the source alone at λ = 0.1."}, nil},
		{"λ, none", sweep(false, false), []string{"At none of them is it significantly above"}, nil},
		{
			"λ, a tie but for rounding", report.Input{Sweep: &evalsuite.Result{Rows: []evalsuite.Row{
				judged("th", qs, 0.4, 1, false), judged("th", qs, 0.5, 2, false), judged("th", qs, 0.6, 2+1e-12, false),
			}}},
			[]string{"highest at λ = 0.5"}, nil,
		},
		{"nothing", report.Input{}, nil, []string{"significant"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := said(t, tc.in)
			for _, want := range tc.want {
				if !strings.Contains(got, want) {
					t.Errorf("the summary lacks %q:\n%s", want, got)
				}
			}
			for _, unwanted := range tc.unwanted {
				if strings.Contains(got, unwanted) {
					t.Errorf("the summary says %q:\n%s", unwanted, got)
				}
			}
		})
	}
}
