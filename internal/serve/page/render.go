package page

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/text/language"
	"golang.org/x/text/language/display"

	"github.com/query-synergy/query-synergy/internal/lang"
	"github.com/query-synergy/query-synergy/internal/search"
	"github.com/query-synergy/query-synergy/internal/serve/service"
)

// Views of the answer.
const (
	viewList    = "list"
	viewColumns = "columns"
)

// form is what the address holds. The script keeps the same names.
type form struct {
	Query  string   `json:"q"`
	Corpus string   `json:"corpus"`
	Lang   string   `json:"lang"`
	Anchor string   `json:"anchor"` // the user's own translation
	Lambda *float64 `json:"lambda"` // nil: automatic
	TopK   int      `json:"k"`
	Filter string   `json:"filter"` // in the language of package filter; "" lets all through
	View   string   `json:"view"`
}

// parse reads the address. What is wrong with it is one sentence.
func parse(q url.Values, corpora []corpus) (form, error) {
	f := form{
		Query: q.Get("q"), Corpus: q.Get("corpus"), Lang: cmp.Or(q.Get("lang"), service.LangAuto),
		Anchor: q.Get("anchor"), TopK: search.DefaultTopK, Filter: strings.TrimSpace(q.Get("filter")), View: cmp.Or(q.Get("view"), viewList),
	}
	if f.Corpus == "" && len(corpora) > 0 {
		f.Corpus = corpora[0].Name
	}
	if text := q.Get("lambda"); text != "" {
		lambda, err := strconv.ParseFloat(text, 64)
		if err != nil || !(lambda >= 0 && lambda <= 1) { // also catches NaN
			return f, errors.New(say("error.form", "name", "λ", "why", "want a number from 0 to 1"))
		}
		f.Lambda = &lambda
	}
	if text := q.Get("k"); text != "" {
		k, err := strconv.Atoi(text)
		if err != nil || k < 1 || k > search.MaxTopK {
			return f, errors.New(say("error.form", "name", say("k"), "why", fmt.Sprintf("want 1 to %d", search.MaxTopK)))
		}
		f.TopK = k
	}
	if f.View != viewList && f.View != viewColumns {
		f.View = viewList
	}
	return f, nil
}

// request is what the form asks. A λ that somebody chose is taken at their word:
// the anchor is not judged again.
func (f form) request() service.Request {
	r := service.Request{Corpus: f.Corpus, Query: f.Query, Lang: f.Lang, Anchor: f.Anchor, Lambda: f.Lambda, TopK: f.TopK, Filter: f.Filter, Compare: true}
	if f.Lambda != nil {
		r.Trust = "always"
	}
	return r
}

// corpus is what can be searched under one name.
type corpus struct {
	Name  string   `json:"name"`
	Langs []tongue `json:"langs"`
}

type tongue struct {
	Tag       string `json:"tag"`
	Name      string `json:"name"`   // in English
	Native    string `json:"native"` // in itself; may be empty
	Documents uint64 `json:"documents"`
}

func named(tag string) tongue {
	l := tongue{Tag: tag, Name: lang.Name(tag)}
	if t, err := language.Parse(tag); err == nil {
		l.Native = display.Self.Name(t)
	}
	return l
}

func grouped(listed []service.Corpus) []corpus {
	var all []corpus
	for _, c := range listed {
		i := slices.IndexFunc(all, func(g corpus) bool { return g.Name == c.Corpus })
		if i < 0 {
			i, all = len(all), append(all, corpus{Name: c.Corpus})
		}
		l := named(c.Lang)
		l.Documents = c.Documents
		all[i].Langs = append(all[i].Langs, l)
	}
	return all
}

// view is what the template shows.
type view struct {
	Form       form
	Corpora    []corpus
	AnchorLang tongue
	TopKs      []int
	Asked      bool     // there is an answer, or an error, to come
	Notice     string   // what went wrong; empty: nothing
	Hint       string   // what to do about it
	Answer     *answer  // nil: none
	Data       pageData // for the script
}

// pageData is what the script starts from.
type pageData struct {
	Form       form              `json:"form"`
	Corpora    []corpus          `json:"corpora"`
	AnchorLang tongue            `json:"anchorLang"`
	Response   *service.Response `json:"response"`
	Phrases    map[string]string `json:"phrases"`
}

// Blank is what a hit looks like without a document: the script's pattern.
func (pageData) Blank() search.Hit { return search.Hit{} }

// answer is a response in words.
type answer struct {
	service.Response
	Lists    []list
	Sentence []string
}

type list struct {
	Name, Title, About string
	Hits               []search.Hit
}

// page writes the part of the document that does not depend on the answer, sends
// it on its way, and then the rest.
func (h *handler) page(w http.ResponseWriter, r *http.Request) {
	ctx := r.Context()
	v := view{AnchorLang: named(h.options.AnchorLang), TopKs: []int{5, 10, 20, 50}}
	listed, err := h.options.Backend.Corpora(ctx)
	if err != nil {
		v.Notice, v.Hint = told(err)
	}
	v.Corpora = grouped(listed)
	status := http.StatusOK
	if v.Form, err = parse(r.URL.Query(), v.Corpora); err != nil {
		v.Notice, status = err.Error(), http.StatusBadRequest
	}
	if v.Form.TopK > h.options.MaxTopK && h.options.MaxTopK > 0 {
		v.Form.TopK = h.options.MaxTopK
	}
	if !slices.Contains(v.TopKs, v.Form.TopK) {
		v.TopKs = append(v.TopKs, v.Form.TopK)
		slices.Sort(v.TopKs)
	}
	v.TopKs = slices.DeleteFunc(v.TopKs, func(k int) bool { return h.options.MaxTopK > 0 && k > h.options.MaxTopK })
	v.Asked = strings.TrimSpace(v.Form.Query) != "" && v.Notice == "" && len(v.Corpora) > 0
	header := w.Header()
	header.Set("Content-Type", "text/html; charset=utf-8")
	header.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	if r.Method == http.MethodHead || h.html.ExecuteTemplate(w, "head", v) != nil {
		return // the client has left
	}
	if v.Asked {
		_ = http.NewResponseController(w).Flush() // where it cannot, all comes at once
		h.answer(ctx, &v)
	}
	v.Data = pageData{Form: v.Form, Corpora: v.Corpora, AnchorLang: v.AnchorLang, Phrases: phrases}
	if v.Answer != nil {
		v.Data.Response = &v.Answer.Response
	}
	_ = h.html.ExecuteTemplate(w, "tail", v)
}

// answer searches.
func (h *handler) answer(ctx context.Context, v *view) {
	response, err := h.options.Backend.Search(ctx, v.Form.request())
	if err != nil {
		v.Notice, v.Hint = told(err)
		return
	}
	v.Answer = &answer{Response: response, Sentence: sentences(response)}
	fused := list{"fused", say("fused"), say("fused.about", "lambda", figure(response.Lambda, 2)), response.Hits}
	v.Answer.Lists = []list{fused}
	if c := response.Compare; c != nil && v.Form.View == viewColumns {
		v.Answer.Lists = []list{
			{"source", say("source"), say("source.about"), c.Source}, fused, {"anchor", say("anchor"), say("anchor.about"), c.Anchor},
		}
	}
}

// told is an error in words, and what to do about it.
func told(err error) (notice, hint string) {
	if e, ok := errors.AsType[*service.Error](err); ok {
		hint, ok := phrases["hint."+string(e.Code)]
		if !ok {
			hint = e.Hint
		}
		return say("error") + ": " + e.Message + ".", hint
	}
	return say("error") + ".", ""
}

// sentences say what the answer is worth.
func sentences(r service.Response) []string {
	var all []string
	a := r.Anchor
	switch {
	case a.Judgement != nil && a.Judgement.Weight == 0:
		all = append(all, say("anchor.misfit"))
	case a.Judgement != nil && a.Judgement.Weight < 1:
		all = append(all, say("anchor.partly", "percent", figure(100*a.Judgement.Weight, 0)))
	case a.Agreement == nil:
		all = append(all, say("anchor."+string(a.Status), "lang", lang.Name(a.Lang)))
	}
	switch {
	case len(r.Hits) == 0 && r.Filter != "":
		return append(all, say("results.filtered"))
	case len(r.Hits) == 0:
		return append(all, say("results.none"))
	case r.Certified:
		all = append(all, say("results", "n", len(r.Hits))+". "+say("proven", "n", len(r.Hits)))
	default:
		all = append(all, say("results", "n", len(r.Hits))+". "+say("unproven", "depth", r.Depth))
	}
	if r.Compare != nil && a.Agreement != nil {
		all = append(all, say("shared", "n", shared(r.Compare.Source, r.Compare.Anchor),
			"k", max(len(r.Compare.Source), len(r.Compare.Anchor)), "agreement", figure(*a.Agreement, 2)))
	}
	return all
}

// shared counts the documents in both rankings.
func shared(a, b []search.Hit) int {
	n := 0
	for _, hit := range a {
		if slices.ContainsFunc(b, func(other search.Hit) bool { return other.ID == hit.ID && other.Lang == hit.Lang }) {
			n++
		}
	}
	return n
}

// cosine writes a cosine or a score. The template gives it what pointers point to.
func cosine(x float64) string { return strconv.FormatFloat(x, 'f', 4, 64) }

// takenOff writes what a hit's hubness does to its score, as the script does.
func takenOff(hub float64) string {
	sign := "−"
	if hub < 0 {
		sign = "+"
	}
	return sign + " " + cosine(math.Abs(hub))
}

// figure writes a number for people.
func figure(x float64, digits int) string {
	return strconv.FormatFloat(math.Round(x*math.Pow10(digits))/math.Pow10(digits), 'f', digits, 64)
}
