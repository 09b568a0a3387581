package page_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"slices"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/query-synergy/query-synergy/internal/corpus"
	"github.com/query-synergy/query-synergy/internal/search"
	"github.com/query-synergy/query-synergy/internal/serve"
	"github.com/query-synergy/query-synergy/internal/serve/page"
	"github.com/query-synergy/query-synergy/internal/serve/service"
	"github.com/query-synergy/query-synergy/internal/testenv"
)

// A real browser drives the page against a real server of the sample corpus.
func TestInBrowser(t *testing.T) {
	testenv.Long(t)
	b := newBrowser(t)
	s := newSite(t, siteOptions{langs: []string{"ar", "th"}, trust: 1})
	for name, test := range map[string]func(b *browser, s *site){
		"search":      testSearch,
		"slider":      testSlider,
		"translation": testTranslation,
		"translator":  testTranslator,
		"phone":       testPhone,
		"colours":     testColours,
		"keyboard":    testKeyboard,
		"same words":  testSameWords,
		"filter":      testFilter,
	} {
		t.Run(name, func(t *testing.T) {
			test(b.tab(t), s)
			s.translator.breakIt(nil)
		})
	}
	t.Run("hostile", func(t *testing.T) { testHostile(b.tab(t)) })
	t.Run("states", func(t *testing.T) { testStates(b.tab(t)) })
	t.Run("hub", func(t *testing.T) { testHub(b.tab(t)) })
	t.Run("token", func(t *testing.T) { testToken(b.tab(t)) })
}

// ask types a query and presses Enter.
func (b *browser) ask(text string) {
	b.t.Helper()
	b.do(chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		if _, err := chromedp.Evaluate[chromedp.Void](`document.getElementById('q').focus(), document.getElementById('q').select()`)(ctx, target); err != nil {
			return err
		}
		_, err := cdp.Call(ctx, target, input.InsertText, input.InsertTextParams{Text: text})
		return err
	}), chromedp.KeyEvent(kb.Enter))
}

// order is the ids of a ranking, as the page shows them.
func (b *browser) order(list string) string {
	b.t.Helper()
	return value[string](b, fmt.Sprintf(`[...document.querySelectorAll('.list.%s .hit')].map((x) => x.dataset.key.split(' ')[1]).join(' ')`, list))
}

// settled waits for an answer that no request is to follow.
func (b *browser) settled(status string) {
	b.t.Helper()
	b.until(fmt.Sprintf(`!document.documentElement.classList.contains('busy') && document.getElementById('verdict').innerText.includes(%q)`, status))
}

const proven = "Proven"

func testSearch(b *browser, s *site) {
	b.do(chromedp.Navigate(s.url + "/"))
	b.shoot("landing")
	for i, lang := range []string{"th", "ar"} {
		question := s.questions[lang][i]
		b.ask(question)
		b.until(fmt.Sprintf(`document.querySelector('#words').textContent === %q`, question))
		b.settled(proven)
		want := s.ask(b.t, service.Request{Corpus: "sample", Query: question})
		if got := b.order("fused"); got != ids(want.Hits) || want.Lang != lang {
			b.t.Errorf("%s: the page shows %s, the server answers %s", lang, got, ids(want.Hits))
		}
		first := want.Hits[0]
		for expression, want := range map[string]any{
			`document.querySelector('.fused .hit .text').textContent`:                 first.Text,
			`document.querySelector('.fused .hit .text').lang`:                        lang,
			`getComputedStyle(document.querySelector('.fused .hit .text')).direction`: map[string]string{"th": "ltr", "ar": "rtl"}[lang],
			`getComputedStyle(document.querySelector('#q')).direction`:                map[string]string{"th": "ltr", "ar": "rtl"}[lang],
			`document.querySelector('.fused .hit .score').textContent`:                fmt.Sprintf("%.4f", first.Score),
			`document.querySelector('#translation').value`:                            s.questions["en"][i],
			`document.querySelector('#detected').textContent`:                         map[string]string{"th": "Thai", "ar": "Arabic"}[lang] + ", recognised by its script",
			`new URLSearchParams(location.search).get('q')`:                           question,
			`document.querySelector('#author').textContent`:                           "by chat:phrasebook.",
			`document.title`: question + " · Query-Synergy",
			`String(Number(document.querySelector('#mix').value).toFixed(2))`:                 "0.30",
			`document.querySelector('#mix').getAttribute('aria-valuetext')`:                   "70% your words, 30% translation, λ = 0.7",
			`document.querySelectorAll('.fused .hit [lang]').length > 10 ? 'tagged' : 'bare'`: "tagged",
		} {
			if got := value[string](b, expression); got != want {
				b.t.Errorf("%s: %s is %q, want %q", lang, expression, got, want)
			}
		}
		b.shoot(lang + "-list")
	}
	b.until(`document.getElementById('said').textContent.startsWith('10 results. Proven')`)

	// The way back, and a link.
	b.do(chromedp.Evaluate[chromedp.Void](`history.back()`))
	b.until(fmt.Sprintf(`document.querySelector('#words').textContent === %q`, s.questions["th"][0]))
	if got := value[string](b, `document.querySelector('#q').value`); got != s.questions["th"][0] {
		b.t.Errorf("after going back the field holds %q", got)
	}
	b.open(s.address("q", s.questions["ar"][3], "lang", "ar", "k", "5", "lambda", "0.25", "view", "columns"), 5)
	want := s.ask(b.t, service.Request{Corpus: "sample", Query: s.questions["ar"][3], Lambda: new(0.25), Trust: "always", TopK: 5, Compare: true})
	for list, hits := range map[string][]search.Hit{"fused": want.Hits, "source": want.Compare.Source, "anchor": want.Compare.Anchor} {
		if got := b.order(list); got != ids(hits) {
			b.t.Errorf("linked: %s is %s, want %s", list, got, ids(hits))
		}
	}
	// A line for each document that two neighbouring columns share.
	lines := shared(want.Compare.Source, want.Hits) + shared(want.Hits, want.Compare.Anchor)
	b.until(fmt.Sprintf(`document.querySelectorAll('#links path').length === %d`, lines))
	b.shoot("ar-columns")
	// How each moved, in words.
	for i, hit := range want.Hits {
		from := slices.IndexFunc(want.Compare.Source, func(other search.Hit) bool { return other.ID == hit.ID }) + 1
		expected := fmt.Sprintf("up %d from place %d by your words", from-i-1, from)
		switch {
		case from == 0:
			expected = "not among the first 5 by your words"
		case from == i+1:
			expected = "the same place as by your words"
		case from < i+1:
			expected = fmt.Sprintf("down %d from place %d by your words", i+1-from, from)
		}
		if got := value[string](b, fmt.Sprintf(`document.querySelectorAll('.fused .hit .how')[%d].textContent`, i)); got != expected {
			b.t.Errorf("hit %d: %q, want %q", i+1, got, expected)
		}
	}
}

func shared(a, b []search.Hit) int {
	n := 0
	for _, hit := range a {
		if slices.ContainsFunc(b, func(other search.Hit) bool { return other.ID == hit.ID }) {
			n++
		}
	}
	return n
}

// fuse is the ranking at λ of what some lists hold: what the page has to make of
// the scores that it was sent.
func fuse(lambda float64, k int, lists ...[]search.Hit) string {
	scores := map[string]float64{}
	for _, hit := range slices.Concat(lists...) {
		scores[hit.ID] = lambda*hit.Source + (1-lambda)**hit.Anchor
		if hit.Hub != nil {
			scores[hit.ID] -= *hit.Hub
		}
	}
	var all []string
	for id := range scores {
		all = append(all, id)
	}
	sort.Slice(all, func(i, j int) bool {
		if scores[all[i]] != scores[all[j]] {
			return scores[all[i]] > scores[all[j]]
		}
		return all[i] < all[j]
	})
	return strings.Join(all[:min(k, len(all))], " ")
}

// The slider ranks at once from the scores that are there, and the server then
// proves it.
func testSlider(b *browser, s *site) {
	for i, lang := range []string{"th", "ar"} {
		question := s.questions[lang][7+i]
		first := s.ask(b.t, service.Request{Corpus: "sample", Query: question, Compare: true})
		b.open(s.address("q", question), 10)
		differ := 0
		for step := range 21 {
			share := float64(step) / 20
			// Rounded as the page rounds, so that both have the same number.
			lambda := value[float64](b, fmt.Sprintf(`(() => {
				const mix = document.getElementById('mix');
				mix.value = %v;
				mix.dispatchEvent(new Event('input', { bubbles: true }));
				return Math.round(100 * (1 - Number(mix.value))) / 100;
			})()`, share))
			want := fuse(lambda, 10, first.Hits, first.Compare.Source, first.Compare.Anchor)
			if got := b.order("fused"); got != want {
				b.t.Errorf("%s at λ = %v: the page shows %s, its scores make %s", lang, lambda, got, want)
			}
			if want != ids(first.Hits) {
				differ++
			}
		}
		if differ < 3 {
			b.t.Errorf("%s: only %d of 21 orders differ from the first: the test shows nothing", lang, differ)
		}
		for _, lambda := range []float64{0.15, 0.9, 0.5} {
			b.do(chromedp.Evaluate[chromedp.Void](fmt.Sprintf(`(() => {
				const mix = document.getElementById('mix');
				mix.value = %v;
				mix.dispatchEvent(new Event('input', { bubbles: true }));
				mix.dispatchEvent(new Event('change', { bubbles: true }));
			})()`, 1-lambda)))
			b.settled(proven)
			want := s.ask(b.t, service.Request{Corpus: "sample", Query: question, Lambda: &lambda, Trust: "always"})
			if got := b.order("fused"); got != ids(want.Hits) {
				b.t.Errorf("%s at λ = %v: the page shows %s, the server answers %s", lang, lambda, got, ids(want.Hits))
			}
			if got := value[string](b, `new URLSearchParams(location.search).get('lambda')`); got != fmt.Sprint(lambda) {
				b.t.Errorf("the address holds λ = %s, want %v", got, lambda)
			}
		}
		b.shoot(lang + "-slid")
		b.do(chromedp.Click(chromedp.CSS("#automatic")))
		b.until(`!location.search.includes('lambda') && document.getElementById('automatic').hidden`)
		b.settled(proven)
		if got := b.order("fused"); got != ids(first.Hits) {
			b.t.Errorf("%s: automatic again shows %s, want %s", lang, got, ids(first.Hits))
		}
	}
}

// Of an index with hub reduction the slider takes each passage's hubness off, and
// the page shows it.
func testHub(b *browser) {
	s := newSite(b.t, siteOptions{langs: []string{"ar", "th"}, trust: 1, hub: 0.8})
	testSlider(b, s)
	question := s.questions["th"][7]
	b.open(s.address("q", question, "lambda", "0.4"), 10)
	want := s.ask(b.t, service.Request{Corpus: "sample", Query: question, Lambda: new(0.4), Trust: "always", Compare: true})
	plain := slices.Clone(want.Hits)
	for i := range plain {
		plain[i].Hub = nil
	}
	if fuse(0.4, 10, plain) == ids(want.Hits) {
		b.t.Error("the order is the same without hubness: the test shows nothing")
	}
	for i, hit := range want.Hits {
		sign := map[bool]string{true: "+", false: "−"}[*hit.Hub < 0]
		expected := fmt.Sprintf("%.4f %s %.4f", hit.Score, sign, math.Abs(*hit.Hub))
		if got := value[string](b, fmt.Sprintf(`(() => {
			const hit = document.querySelectorAll('.fused .hit')[%d];
			return hit.querySelector('.score').textContent + ' ' + hit.querySelector('.hub').textContent;
		})()`, i)); got != expected {
			b.t.Errorf("hit %d shows %q, want %q", i+1, got, expected)
		}
	}
	b.shoot("hub")
}

// A filter is typed, goes into the link, holds while λ is moved, and what is
// wrong with it is said.
func testFilter(b *browser, s *site) {
	const text = "theme = science"
	question := s.questions["th"][40]
	b.open(s.address("q", question), 10)
	if value[bool](b, `document.getElementById('further').open`) {
		b.t.Error("the filter's field is open though there is none")
	}
	enter := func(text string) {
		b.do(chromedp.Evaluate[chromedp.Void](fmt.Sprintf(`document.getElementById('further').open = true, document.getElementById('filter').value = %q, document.getElementById('filter').focus()`, text)),
			chromedp.KeyEvent(kb.Enter))
	}
	all := s.ask(b.t, service.Request{Corpus: "sample", Query: question})
	want := s.ask(b.t, service.Request{Corpus: "sample", Query: question, Filter: text, Compare: true})
	if ids(want.Hits) == ids(all.Hits) {
		b.t.Fatal("the filter changes nothing: the test shows nothing")
	}
	enter(text)
	b.until(fmt.Sprintf(`[...document.querySelectorAll('.list.fused .hit')].map((x) => x.dataset.key.split(' ')[1]).join(' ') === %q`, ids(want.Hits)))
	if got := value[string](b, `new URLSearchParams(location.search).get('filter')`); got != text {
		b.t.Errorf("the address holds the filter %q", got)
	}
	// What was found without the filter does not come back with another λ.
	lambda := value[float64](b, `(() => {
		const mix = document.getElementById('mix');
		mix.value = 0.9;
		mix.dispatchEvent(new Event('input', { bubbles: true }));
		return Math.round(100 * (1 - Number(mix.value))) / 100;
	})()`)
	if got, want := b.order("fused"), fuse(lambda, 10, want.Hits, want.Compare.Source, want.Compare.Anchor); got != want {
		b.t.Errorf("at λ = %v: the page shows %s, its scores make %s", lambda, got, want)
	}
	b.open(s.address("q", question, "filter", text), len(want.Hits))
	if got := b.order("fused"); got != ids(want.Hits) || !value[bool](b, fmt.Sprintf(`document.getElementById('further').open && document.getElementById('filter').value === %q`, text)) {
		b.t.Errorf("linked: the page shows %s, want %s", got, ids(want.Hits))
	}
	b.shoot("filter")
	enter("year >=")
	b.until(`document.getElementById('wrong').textContent.includes('filter, at character') && !document.getElementById('notice').hidden`)
	enter("theme = nothing")
	b.until(`document.getElementById('verdict').textContent.includes('no document passes the filter')`)
	enter("")
	b.until(fmt.Sprintf(`!location.search.includes('filter') && document.querySelectorAll('.fused .hit').length === %d`, len(all.Hits)))
}

// write replaces the text of the translation field.
func (b *browser) write(text string) {
	b.t.Helper()
	b.do(chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		if _, err := chromedp.Evaluate[chromedp.Void](`document.getElementById('translation').focus(), document.getElementById('translation').select()`)(ctx, target); err != nil {
			return err
		}
		_, err := cdp.Call(ctx, target, input.InsertText, input.InsertTextParams{Text: text})
		return err
	}))
}

// A translation that the user writes takes the translator's place, and can be
// undone.
func testTranslation(b *browser, s *site) {
	question, own := s.questions["th"][4], s.questions["en"][30]
	b.open(s.address("q", question), 10)
	b.write(own)
	b.until(`!document.getElementById('own').hidden`)
	b.shoot("editing")
	b.do(chromedp.KeyEvent(kb.Enter))
	b.until(`document.getElementById('author').textContent === 'written by you.'`)
	b.settled(proven)
	want := s.ask(b.t, service.Request{Corpus: "sample", Query: question, Anchor: own})
	if got := b.order("fused"); got != ids(want.Hits) {
		b.t.Errorf("the page shows %s, the server answers %s", got, ids(want.Hits))
	}
	if got := value[string](b, `new URLSearchParams(location.search).get('anchor')`); got != own {
		b.t.Errorf("the address holds the translation %q", got)
	}
	// The link shows the same; undoing it asks the translator again.
	b.open(value[string](b, `location.href`), 10)
	if got := value[string](b, `document.getElementById('translation').value`); got != own {
		b.t.Errorf("linked: the translation is %q", got)
	}
	b.do(chromedp.Click(chromedp.CSS("#back")))
	b.until(fmt.Sprintf(`document.getElementById('translation').value === %q`, s.questions["en"][4]))
	want = s.ask(b.t, service.Request{Corpus: "sample", Query: question})
	b.until(fmt.Sprintf(`[...document.querySelectorAll('.list.fused .hit')].map((x) => x.dataset.key.split(' ')[1]).join(' ') === %q`, ids(want.Hits)))
	// Escape gives up an edit.
	b.write("something else")
	b.do(chromedp.KeyEvent(kb.Escape))
	if got := value[string](b, `document.getElementById('translation').value`); got != s.questions["en"][4] {
		b.t.Errorf("after Escape the translation is %q", got)
	}
}

// Whatever the translator does, the page shows the ranking of the user's words
// and says in plain words what is missing.
func testTranslator(b *browser, s *site) {
	question := s.questions["th"][9]
	alone := s.ask(b.t, service.Request{Corpus: "sample", Query: question, Lambda: new(1.0), Trust: "always"})
	b.do(chromedp.Navigate(s.url + "/"))
	for i, test := range []struct {
		name string
		how  func(context.Context) (string, error)
		want string
	}{
		{"down", func(context.Context) (string, error) { return "", errDown }, "cannot be reached"},
		{"refused", func(context.Context) (string, error) { return question, nil }, "is no translation"},
		{"late", func(context.Context) (string, error) { return "", context.DeadlineExceeded }, "did not answer in time"},
	} {
		s.translator.breakIt(test.how)
		// Another number of hits makes it another question to the page's memory.
		b.do(chromedp.Navigate(s.address("k", fmt.Sprint(5*(i+1)))))
		b.ask(question)
		b.settled(test.want)
		if got, want := b.order("fused"), strings.Join(strings.Fields(ids(alone.Hits))[:min(5*(i+1), 10)], " "); !strings.HasPrefix(got, want) {
			b.t.Errorf("%s: the page shows %s, want %s", test.name, got, want)
		}
		for expression, want := range map[string]bool{
			`document.getElementById('mix').disabled`:                                   true,
			`document.getElementById('results').hidden`:                                 false,
			`document.getElementById('notice').hidden`:                                  true,
			`document.querySelectorAll('#tabs *').length > 0`:                           false,
			`document.getElementById('translation').placeholder.includes('in English')`: true,
		} {
			if got := value[bool](b, expression); got != want {
				b.t.Errorf("%s: %s is %v", test.name, expression, got)
			}
		}
		b.shoot("translator-" + test.name)
	}

	// Slow: what the user's words find is there before the translation.
	release := make(chan struct{})
	s.translator.breakIt(func(ctx context.Context) (string, error) {
		select {
		case <-release:
			return s.questions["en"][9], nil
		case <-ctx.Done():
			return "", ctx.Err()
		}
	})
	b.do(chromedp.Navigate(s.url + "/"))
	b.ask(question)
	b.until(`document.getElementById('verdict').innerText.includes('Translating')`)
	b.until(`document.querySelectorAll('.fused .hit').length === 10`)
	if got := b.order("fused"); got != ids(alone.Hits) {
		b.t.Errorf("while the translator takes its time: %s, want %s", got, ids(alone.Hits))
	}
	b.shoot("pending")
	close(release)
	b.settled(proven)
	want := s.ask(b.t, service.Request{Corpus: "sample", Query: question, Anchor: s.questions["en"][9]})
	b.until(fmt.Sprintf(`[...document.querySelectorAll('.list.fused .hit')].map((x) => x.dataset.key.split(' ')[1]).join(' ') === %q`, ids(want.Hits)))

	// Fluent and wrong, from a translator that nobody trusts: it is left out, and
	// the slider brings it back.
	s.translator.breakIt(nil)
	careful := newSite(b.t, siteOptions{langs: []string{"th"}})
	const wrong = "Which of these questions has nobody asked?"
	careful.translator.breakIt(func(context.Context) (string, error) { return wrong, nil })
	b.do(chromedp.Navigate(careful.address("q", question)))
	b.settled("was left out")
	b.shoot("misfit")
	if got := value[string](b, `document.getElementById('mix').value`); got != "0" {
		b.t.Errorf("the slider of a translation that was left out stands at %s", got)
	}
	b.do(chromedp.Evaluate[chromedp.Void](`(() => {
		const mix = document.getElementById('mix');
		mix.value = 0.5;
		mix.dispatchEvent(new Event('input', { bubbles: true }));
		mix.dispatchEvent(new Event('change', { bubbles: true }));
	})()`))
	b.settled(proven)
	want = careful.ask(b.t, service.Request{Corpus: "sample", Query: question, Anchor: wrong, Lambda: new(0.5)})
	b.until(fmt.Sprintf(`[...document.querySelectorAll('.list.fused .hit')].map((x) => x.dataset.key.split(' ')[1]).join(' ') === %q`, ids(want.Hits)))
}

// A phone: nothing sticks out, and the three rankings are a tap apart.
func testPhone(b *browser, s *site) {
	b.size(390, 844)
	for _, address := range []string{
		s.url + "/", s.address("q", s.questions["th"][0]), s.address("q", s.questions["ar"][0], "view", "columns"),
		s.address("q", strings.Repeat("unbreakable", 40), "lang", "th"), s.address("q", "x", "corpus", "missing", "lang", "th"),
	} {
		b.do(chromedp.Navigate(address))
		b.until(`document.readyState === 'complete'`)
		if wide := value[int](b, `document.documentElement.scrollWidth`); wide > 390 {
			b.t.Errorf("%s is %d pixels wide", address, wide)
		}
	}
	b.open(s.address("q", s.questions["ar"][0], "view", "columns"), 10)
	visible := `[...document.querySelectorAll('.list')].filter((x) => x.offsetParent).map((x) => x.className.split(' ')[1]).join()`
	if got := value[string](b, visible); got != "fused" {
		b.t.Errorf("at first %s is shown", got)
	}
	b.do(chromedp.Click(chromedp.CSS("#tabs button:first-child")))
	if got := value[string](b, visible); got != "source" {
		b.t.Errorf("after the tap %s is shown", got)
	}
	b.shoot("phone-columns")
	// What is to be tapped is large enough to hit (WCAG 2.5.8).
	small := value[[]string](b, `[...document.querySelectorAll('button, select, input, textarea')].filter((x) => x.offsetParent && !x.matches('.views input'))
		.filter((x) => Math.min(x.getBoundingClientRect().width, x.getBoundingClientRect().height) < 20).map((x) => x.outerHTML)`)
	if len(small) > 0 {
		b.t.Errorf("too small to tap: %q", small)
	}
	b.open(s.address("q", s.questions["th"][0]), 10)
	b.shoot("phone-list")
	b.prefer("prefers-color-scheme", "dark")
	b.shoot("phone-dark")
}

// contrasts lists texts whose contrast with what lies behind them is below AA.
const contrasts = `(() => {
	const canvas = new OffscreenCanvas(1, 1).getContext('2d', { willReadFrequently: true });
	const rgb = (colour) => {
		canvas.clearRect(0, 0, 1, 1);
		canvas.fillStyle = colour;
		canvas.fillRect(0, 0, 1, 1);
		return [...canvas.getImageData(0, 0, 1, 1).data];
	};
	const light = ([r, g, b]) => {
		const [x, y, z] = [r, g, b].map((c) => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
		return 0.2126 * x + 0.7152 * y + 0.0722 * z;
	};
	const behind = (x) => {
		for (; x; x = x.parentElement) {
			const colour = rgb(getComputedStyle(x).backgroundColor);
			if (colour[3] === 255) return colour;
		}
		return [255, 255, 255, 255];
	};
	const bad = new Set();
	const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
	while (walker.nextNode()) {
		const x = walker.currentNode.parentElement;
		if (!walker.currentNode.data.trim() || !x.offsetParent || x.closest('.hidden, .skip, script, template')) continue;
		const a = light(rgb(getComputedStyle(x).color));
		const b = light(behind(x));
		const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
		if (ratio < 4.5) bad.add(x.className + ' ' + x.tagName + ' ' + ratio.toFixed(2));
	}
	return [...bad];
})()`

// Light and dark, all text can be read; who wants no motion gets none.
func testColours(b *browser, s *site) {
	s.translator.breakIt(func(context.Context) (string, error) { return s.questions["en"][2], nil })
	for _, scheme := range []string{"light", "dark"} {
		b.prefer("prefers-color-scheme", scheme)
		for name, address := range map[string]string{
			"landing": s.url + "/", "list": s.address("q", s.questions["th"][1]),
			"columns": s.address("q", s.questions["th"][1], "view", "columns"), "error": s.address("q", "x", "lang", "tr"),
		} {
			b.do(chromedp.Navigate(address))
			b.until(`document.readyState === 'complete' && !document.getElementById('waiting')`)
			if bad := value[[]string](b, contrasts); len(bad) > 0 {
				b.t.Errorf("%s, %s: contrast below 4.5: %q", scheme, name, bad)
			}
			b.shoot(scheme + "-" + name)
		}
	}
	if paper := value[string](b, `getComputedStyle(document.body).backgroundColor`); paper != "rgb(21, 21, 23)" {
		b.t.Errorf("dark paper is %s", paper)
	}
	b.prefer("prefers-reduced-motion", "reduce")
	b.open(s.address("q", s.questions["th"][1]), 10)
	moving := value[int](b, `(() => {
		const mix = document.getElementById('mix');
		mix.value = 1;
		mix.dispatchEvent(new Event('input', { bubbles: true }));
		return document.getAnimations().length;
	})()`)
	if moving != 0 {
		b.t.Errorf("%d animations run where none are wanted", moving)
	}
}

func testKeyboard(b *browser, s *site) {
	b.open(s.address("q", s.questions["th"][5], "view", "columns"), 10)
	at := func() string {
		return value[string](b, `(() => { const x = document.activeElement; return x.id || x.dataset.list + ' ' + x.querySelector('.rank').textContent; })()`)
	}
	press := func(keys string, want string) {
		b.t.Helper()
		b.do(chromedp.KeyEvent(keys))
		if got := at(); got != want {
			b.t.Errorf("after %q the focus is on %s, want %s", keys, got, want)
		}
	}
	press("/", "q")
	press(kb.ArrowDown, "fused 1")
	press(kb.ArrowDown, "fused 2")
	press(kb.End, "fused 10")
	press(kb.Home, "fused 1")
	if ring := value[string](b, `getComputedStyle(document.activeElement).outlineStyle`); ring != "solid" {
		b.t.Errorf("the focus shows as %s", ring)
	}
	if near := value[int](b, `document.querySelectorAll('.hit.near').length`); near < 2 {
		b.t.Errorf("the document is marked in %d columns", near)
	}
	b.shoot("focus")
	key := value[string](b, `document.activeElement.dataset.key`)
	b.do(chromedp.KeyEvent(kb.ArrowLeft))
	if got := value[string](b, `document.activeElement.dataset.list + document.activeElement.dataset.key`); got != "source"+key {
		b.t.Errorf("to the left the focus is on %s, want source%s", got, key)
	}
	b.do(chromedp.KeyEvent(kb.Enter))
	if !value[bool](b, `document.activeElement.classList.contains('whole') && document.activeElement.querySelector('.more').getAttribute('aria-expanded') === 'true'`) {
		b.t.Error("Enter did not show the whole text")
	}
	b.do(chromedp.KeyEvent(kb.ArrowRight))
	press(kb.ArrowUp, "q")
	// The slider is a slider to the keyboard, too.
	b.do(chromedp.Evaluate[chromedp.Void](`document.getElementById('mix').focus()`), chromedp.KeyEvent(kb.ArrowRight))
	b.until(`location.search.includes('lambda=0.69')`)
}

// What the server renders says the same as what the script makes of it.
func testSameWords(b *browser, s *site) {
	plain := newSite(b.t, siteOptions{langs: []string{"th"}, plain: true})
	careful := newSite(b.t, siteOptions{langs: []string{"th"}})
	careful.translator.breakIt(func(context.Context) (string, error) { return "Which of these questions has nobody asked?", nil })
	for name, address := range map[string]string{
		"all is well":   s.address("q", s.questions["ar"][11]),
		"one hit":       s.address("q", s.questions["ar"][11], "k", "1"),
		"no translator": plain.address("q", s.questions["th"][11]),
		"a misfit":      careful.address("q", s.questions["th"][11]),
	} {
		rendered := get(b.t, address)
		_, after, _ := strings.Cut(rendered.body, `<div id="verdict">`)
		inside, _, _ := strings.Cut(after, "</div>")
		var want []string
		for _, p := range strings.Split(inside, "</p>") {
			if text := unescape(strings.TrimPrefix(strings.TrimSpace(p), "<p>")); text != "" {
				want = append(want, text)
			}
		}
		b.do(chromedp.Navigate(address))
		b.until(`document.querySelectorAll('.fused .hit .rank').length > 0`)
		got := value[[]string](b, `[...document.querySelectorAll('#verdict p')].map((x) => x.textContent)`)
		if len(want) == 0 || !slices.Equal(got, want) {
			b.t.Errorf("%s: the script says %q, the server %q", name, got, want)
		}
	}
}

// hostile holds documents that would do harm if any of it were taken for HTML.
func hostile() []corpus.Document {
	const script = `<script>window.harmed=1</script><img src=x onerror="window.harmed=1">`
	text := `</script></textarea></template><!-- ` + script + ` {{.}} ${harmed} ]]>`
	return []corpus.Document{
		{ID: script, Lang: "en", Title: script, Text: text, Metadata: map[string]any{script: script, "url": "javascript:window.harmed=1", "n": []any{int64(1), script}}},
		// Equal in all but the id: UTF-8 and UTF-16 order these two differently.
		{ID: "😀", Lang: "en", Text: "twins"},
		{ID: "～", Lang: "en", Text: "twins"},
		{ID: "bidi", Lang: "ar", Text: "\u202eevil\u202c \u200fشمس \u2066x"},
		{ID: "long", Lang: "en", Title: strings.Repeat("Donaudampfschifffahrt", 20), Text: strings.Repeat("x", 1900)},
	}
}

func testHostile(b *browser) {
	s := newSite(b.t, siteOptions{more: hostile(), trust: 1})
	query := `"><script>window.harmed=1</script><b onmouseover=alert(1)>&amp; ' " \u0000`
	own := `</textarea><svg onload="window.harmed=1">`
	address := s.address("q", query, "lang", "en", "anchor", own, "view", "columns")
	for _, size := range []int64{1280, 390} {
		b.size(size, 900)
		b.open(address, 4)
		if wide := value[int64](b, `document.documentElement.scrollWidth`); wide > size {
			b.t.Errorf("the page is %d pixels wide on %d", wide, size)
		}
	}
	b.size(1280, 900)
	b.do(chromedp.Evaluate[chromedp.Void](`document.querySelectorAll('.more').forEach((x) => x.click())`))
	b.shoot("hostile")
	doc := hostile()[0]
	for expression, want := range map[string]string{
		`String(window.harmed)`: "undefined",
		`String(document.querySelectorAll('main script, main img, main b[onmouseover], main svg[onload]').length)`: "0",
		`document.getElementById('q').value`:                                                                                           query,
		`document.getElementById('words').textContent`:                                                                                 query,
		`document.getElementById('translation').value`:                                                                                 own,
		`[...document.querySelectorAll('.fused .name')].find((x) => x.textContent.includes('img')).textContent`:                        doc.Title,
		`[...document.querySelectorAll('.fused .text')].find((x) => x.textContent.includes('img')).textContent`:                        doc.Text,
		`[...document.querySelectorAll('.fused .metadata dd')].some((x) => x.textContent.startsWith('javascript:')) ? 'text' : 'gone'`: "text",
		`document.title`: query + " · Query-Synergy",
	} {
		if got := value[string](b, expression); got != want {
			b.t.Errorf("%s is %q, want %q", expression, got, want)
		}
	}
	// Ties fall as the server's do, before and after the slider.
	want := s.ask(b.t, service.Request{Corpus: "hostile", Query: query, Lang: "en", Anchor: own, Lambda: new(0.4), Trust: "always"})
	twins := func(hits string) string {
		var both []string
		for _, id := range strings.Fields(hits) {
			if id == "😀" || id == "～" {
				both = append(both, id)
			}
		}
		return strings.Join(both, " ")
	}
	b.do(chromedp.Evaluate[chromedp.Void](`(() => { const mix = document.getElementById('mix'); mix.value = 0.6; mix.dispatchEvent(new Event('input', { bubbles: true })); })()`))
	shown := value[string](b, `[...document.querySelectorAll('.fused .hit')].map((x) => x.querySelector('.name').textContent).join(' ')`)
	if got := twins(shown); got != twins(ids(want.Hits)) || got != "～ 😀" {
		b.t.Errorf("the page shows %q, the server answers %q", got, twins(ids(want.Hits)))
	}
	// Without the script, the same texts are inert as well.
	body := get(b.t, address).body
	for _, harm := range []string{"<script>window", "<img src=x", "<b onmouseover", "<svg onload", `"javascript:`} {
		if strings.Contains(strings.ReplaceAll(body, `"url":"javascript:`, ""), harm) {
			b.t.Errorf("the document holds %s", harm)
		}
	}
}

func testStates(b *browser) {
	empty := newSite(b.t, siteOptions{})
	b.do(chromedp.Navigate(empty.url + "/"))
	b.until(`document.body.innerText.includes('Nothing is indexed yet')`)
	b.shoot("empty")

	// All languages, and one that is the translation's already.
	s := newSite(b.t, siteOptions{langs: []string{"en", "th"}, trust: 1})
	b.open(s.address("q", s.questions["th"][0], "lang", "all"), 10)
	want := s.ask(b.t, service.Request{Corpus: "sample", Query: s.questions["th"][0], Lang: "all"})
	if got := b.order("fused"); got != ids(want.Hits) {
		b.t.Errorf("all languages: %s, want %s", got, ids(want.Hits))
	}
	if got := value[string](b, `[...new Set([...document.querySelectorAll('.tongue')].map((x) => x.textContent))].sort().join()`); got != "English,Thai" {
		b.t.Errorf("the hits are marked as %s", got)
	}
	b.shoot("all-languages")
	b.open(s.address("q", s.questions["en"][0]), 10)
	b.settled("there is nothing to translate")

	// A language that cannot be told is said, and how to go on.
	b.do(chromedp.Navigate(s.address("q", "42")))
	b.until(`document.getElementById('wrong').textContent.includes('language is not clear')`)
	if hint := value[string](b, `document.getElementById('hint').textContent`); hint != "Choose the language above." {
		b.t.Errorf("the hint is %q", hint)
	}
	b.ask("43")
	b.until(`document.getElementById('notice').hidden === false && location.search.includes('43')`)
	b.until(`document.getElementById('hint').textContent === 'Choose the language above.'`)
	b.shoot("unclear")
	b.do(chromedp.Evaluate[chromedp.Void](`document.getElementById('lang').value = 'th', document.getElementById('lang').dispatchEvent(new Event('change'))`))
	b.until(`document.querySelectorAll('.fused .hit').length === 10 && document.getElementById('notice').hidden`)

	// Too much, and nobody there. What was shown stays.
	limited, err := serve.New(serve.Options{Service: s.service, Rate: 0.01})
	if err != nil {
		b.t.Fatal(err)
	}
	b.do(chromedp.Navigate(listen(b.t, beside(page.New(page.Options{Backend: s.service}), limited.Handler())).url + "/"))
	for i := range 2 {
		b.ask(s.questions["th"][i])
		b.until(fmt.Sprintf(`document.getElementById('notice').hidden === %v && !document.getElementById('results').hidden`, i == 0))
	}
	b.until(`document.getElementById('wrong').textContent.startsWith('Too many searches')`)
	b.shoot("too-many")
	b.open(s.address("q", s.questions["th"][3]), 10)
	s.close()
	b.ask(s.questions["th"][4])
	b.until(`document.getElementById('wrong').textContent.includes('cannot be reached') && !document.getElementById('retry').hidden`)
	if n := value[int](b, `document.querySelectorAll('.fused .hit').length`); n != 10 {
		b.t.Errorf("%d hits are left of what was shown", n)
	}
	b.shoot("unreachable")
}

// A server that wants a token gets it from a field, which lasts as long as the
// tab.
func testToken(b *browser) {
	const token = "s3cret"
	inner := newSite(b.t, siteOptions{langs: []string{"th"}, trust: 1})
	guarded, err := serve.New(serve.Options{Service: inner.service, Token: token, Rate: -1})
	if err != nil {
		b.t.Fatal(err)
	}
	s := listen(b.t, beside(page.New(page.Options{Backend: inner.service}), guarded.Handler()))
	b.do(chromedp.Navigate(s.url + "/"))
	b.ask(inner.questions["th"][0])
	b.until(`!document.getElementById('token').hidden && document.activeElement.id === 'secret'`)
	b.shoot("token")
	for _, attempt := range []string{"wrong", token} {
		b.do(chromedp.KeyEvent(attempt), chromedp.KeyEvent(kb.Enter))
		if attempt == token {
			break
		}
		b.until(`!document.getElementById('token').hidden && document.getElementById('secret').value === ''`)
		b.do(chromedp.Sleep(200 * time.Millisecond))
		b.until(`document.activeElement.id === 'secret'`)
	}
	b.until(`document.querySelectorAll('.fused .hit').length === 10 && document.getElementById('token').hidden`)
	if kept := value[string](b, `sessionStorage.getItem('token') + (localStorage.length + document.cookie.length)`); kept != token+"0" {
		b.t.Errorf("kept %q", kept)
	}
	if strings.Contains(value[string](b, `location.href`), token) {
		b.t.Error("the token is in the address")
	}
}

// Without a script the page is a form, and what it answers is all there.
func TestPlainHTTP(t *testing.T) {
	s := newSite(t, siteOptions{langs: []string{"ar", "th"}, trust: 1})
	question := s.questions["ar"][2]
	reply := get(t, s.address("q", question, "k", "5", "view", "columns", "lambda", "0.4"))
	want := s.ask(t, service.Request{Corpus: "sample", Query: question, TopK: 5, Lambda: new(0.4), Trust: "always", Compare: true})
	if reply.status != http.StatusOK {
		t.Fatalf("status %d", reply.status)
	}
	at := 0
	for _, hits := range [][]search.Hit{want.Compare.Source, want.Hits, want.Compare.Anchor} {
		for _, hit := range hits {
			next := strings.Index(reply.body[at:], fmt.Sprintf(`lang="ar">%s</p>`, hit.Text))
			if next < 0 {
				t.Fatalf("%s is not where it belongs", hit.ID)
			}
			at += next + 1
		}
	}
	for _, part := range []string{
		`<form id="ask" action="./" method="get" role="search">`, `name="lambda" type="number" min="0" max="1" step="any" value="0.4"`,
		`<option value="ar"`, `<option selected>5</option>`, want.Anchor.Text, "Proven",
	} {
		if !strings.Contains(reply.body, part) {
			t.Errorf("the document lacks %s", part)
		}
	}
	for filter, parts := range map[string][]string{
		"theme = science": {`name="filter" value="theme = science"`, `<details id="further" open>`, "Proven"},
		"year >=":         {`name="filter" value="year &gt;="`, "filter, at character"},
		"theme = nothing": {"no document passes the filter"},
	} {
		reply := get(t, s.address("q", question, "filter", filter))
		for _, part := range parts {
			if !strings.Contains(reply.body, part) {
				t.Errorf("filter %s: the document lacks %s", filter, part)
			}
		}
	}
	// What the script starts from is what the server answered.
	_, after, _ := strings.Cut(reply.body, `id="data">`)
	text, _, _ := strings.Cut(after, "</script>")
	var data struct{ Response search.Result }
	if err := json.Unmarshal([]byte(text), &data); err != nil || ids(data.Response.Hits) != ids(want.Hits) || data.Response.Hits[0].Score != want.Hits[0].Score {
		t.Errorf("the data hold %s, %v", ids(data.Response.Hits), err)
	}
	for name, test := range map[string]struct {
		query  string
		status int
		text   string
	}{
		"λ that is none":   {"q=x&lambda=NaN", http.StatusBadRequest, "want a number from 0 to 1"},
		"λ beyond":         {"q=x&lambda=1.5", http.StatusBadRequest, "want a number from 0 to 1"},
		"k of none":        {"q=x&k=0", http.StatusBadRequest, "want 1 to 1000"},
		"huge k":           {"q=x&k=99999999999999999999", http.StatusBadRequest, "want 1 to 1000"},
		"no such language": {"q=x&lang=tr", http.StatusOK, "there is no such index"},
		"no such corpus":   {"q=x&corpus=../../etc&lang=th", http.StatusOK, "corpus name"},
		"broken UTF-8":     {"q=%ff%fe&lang=th", http.StatusOK, "not valid UTF-8"},
		"too long":         {"q=" + strings.Repeat("x", 8193) + "&lang=th", http.StatusOK, "more than 8192 characters"},
		"nothing asked":    {"q=+++", http.StatusOK, "Search in any language"},
		"another view":     {"view=<script>", http.StatusOK, `data-view="list"`},
	} {
		reply := get(t, s.url+"/?"+test.query)
		if reply.status != test.status || !strings.Contains(reply.body, test.text) {
			_, shown, _ := strings.Cut(reply.body, `role="alert"`)
			t.Errorf("%s: status %d, %.200q; want %d, %q", name, reply.status, shown, test.status, test.text)
		}
	}
}

// Every status of an anchor has its words: none brings the page down.
func TestStatuses(t *testing.T) {
	for _, status := range []search.Status{
		search.StatusNone, search.StatusSameLanguage, search.StatusTimeout, search.StatusUnavailable, search.StatusRefused, search.StatusPending,
	} {
		handler := page.New(page.Options{Backend: fixed{search.Result{Lang: "th", Certified: true, Hits: []search.Hit{{Rank: 1, ID: "one"}}, Anchor: search.Anchor{Lang: "en", Status: status}}}})
		recorded := record(handler, http.MethodGet, "/", "q=x")
		_, verdict, _ := strings.Cut(recorded.Body.String(), `<div id="verdict">`)
		verdict, _, _ = strings.Cut(verdict, "</div>")
		if n := strings.Count(verdict, "<p>"); recorded.Code != http.StatusOK || n != 2 || strings.Contains(verdict, "{") {
			t.Errorf("%s: status %d, %q", status, recorded.Code, verdict)
		}
	}
}

// Each figure of a hit is shown as it is.
func TestFigures(t *testing.T) {
	handler := page.New(page.Options{Backend: fixed{search.Result{Lang: "th", Hits: []search.Hit{
		{Rank: 1, ID: "one", Score: 0.7, Source: 0.625, Anchor: new(0.75), Hub: new(-0.0125)}, {Rank: 2, ID: "two", Score: 0.5, Source: 0.5625, Hub: new(0.0625)},
	}, Anchor: search.Anchor{Lang: "en", Status: search.StatusCached, Agreement: new(0.75)}}}})
	body := record(handler, http.MethodGet, "/", "q=x").Body.String()
	for _, part := range []string{
		`<b class="score">0.7000</b>`, `<span class="cosine source">0.6250</span>`, `<span class="cosine anchor">0.7500</span>`,
		`<span class="hub">&#43; 0.0125</span>`, `<span class="hub">− 0.0625</span>`,
	} {
		if !strings.Contains(body, part) {
			t.Errorf("the document lacks %s", part)
		}
	}
}

// fixed is a backend of one answer.
type fixed struct{ answer search.Result }

func (f fixed) Search(context.Context, service.Request) (service.Response, error) {
	return f.answer, nil
}

func (fixed) Corpora(context.Context) ([]service.Corpus, error) {
	return []service.Corpus{{Corpus: "sample", Lang: "th", Documents: 1}}, nil
}

// The document and what it links to, as a browser and a cache see them.
func TestHeaders(t *testing.T) {
	s := newSite(t, siteOptions{})
	reply := get(t, s.url+"/")
	policy := reply.header.Get("Content-Security-Policy")
	for _, part := range []string{"default-src 'none'", "script-src 'self'", "style-src 'self'", "frame-ancestors 'none'", "base-uri 'none'"} {
		if !strings.Contains(policy, part) {
			t.Errorf("the policy lacks %s", part)
		}
	}
	if strings.Contains(policy, "unsafe") {
		t.Errorf("the policy is %s", policy)
	}
	for name, want := range map[string]string{"Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "X-Content-Type-Options": "nosniff", "Content-Type": "text/html; charset=utf-8"} {
		if got := reply.header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	links := 0
	for _, rest := range strings.Split(reply.body, `="assets/`)[1:] {
		name, _, _ := strings.Cut(rest, `"`)
		links++
		file := get(t, s.url+"/assets/"+name)
		if file.status != http.StatusOK || !strings.Contains(file.header.Get("Cache-Control"), "immutable") || file.header.Get("ETag") == "" {
			t.Errorf("%s: status %d, %v", name, file.status, file.header)
		}
		if again := get(t, s.url+"/assets/"+name, "If-None-Match", file.header.Get("ETag")); again.status != http.StatusNotModified {
			t.Errorf("%s again: status %d", name, again.status)
		}
		for _, foreign := range []string{"http://", "https://", "//cdn", "@import"} {
			if strings.Contains(strings.ReplaceAll(file.body, "http://www.w3.org/2000/svg", ""), foreign) {
				t.Errorf("%s names %s: the page must need no network", name, foreign)
			}
		}
	}
	if links != 3 {
		t.Errorf("%d links to assets, want 3", links)
	}
	if got := get(t, s.url+"/assets/page.js").status; got != http.StatusNotFound {
		t.Errorf("an asset without its hash: status %d", got)
	}
	handler := page.New(page.Options{Backend: s.service})
	if recorded := record(handler, http.MethodHead, "/", "q=x"); recorded.Code != http.StatusOK || recorded.Body.Len() > 0 {
		t.Errorf("HEAD: %d, %d bytes", recorded.Code, recorded.Body.Len())
	}
	if recorded := record(handler, http.MethodPost, "/", ""); recorded.Code != http.StatusMethodNotAllowed || recorded.Header().Get("Allow") != "GET, HEAD" {
		t.Errorf("POST: %d", recorded.Code)
	}
	if recorded := record(handler, http.MethodGet, "/assets/../page.go", ""); recorded.Code != http.StatusNotFound {
		t.Errorf("a path trick: %d", recorded.Code)
	}
}

// unescape undoes html/template in text.
func unescape(text string) string {
	return strings.NewReplacer("&#39;", "'", "&#34;", `"`, "&lt;", "<", "&gt;", ">", "&#43;", "+", "&amp;", "&").Replace(text)
}
