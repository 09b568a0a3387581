package evalsuite

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/query-synergy/query-synergy/internal/evalsuite/metrics"
)

const (
	// augmentDraws is how many bootstrap samples of the documents choose a
	// setting, each for itself; the setting is the mean of their choices.
	augmentDraws = 100
	// rounding is what sums that should be equal may differ by.
	rounding = 1e-10
)

// What is chosen from. The best of XQuAD lie inside. A passage has one translation
// a language, which weighs less than as many queries as it has.
var (
	augmentLambdas = []float64{0, 0.1, 0.2, 0.3, 0.4, 0.45, 0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 1}
	augmentHubs    = []float64{0, 0.1, 0.2, 0.3, 0.4, 0.5}
	augmentAlphas  = map[Mode][]float64{
		Blend: {0, 0.005, 0.01, 0.015, 0.02, 0.03, 0.04, 0.05, 0.07, 0.1},
		Multi: {0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3},
	}
	translationAlphas = []float64{0, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5}
	// alphaFine is 1/step of the α that are judged.
	alphaFine = map[Mode]float64{Blend: 1000, Multi: 100}
)

// family is a method of the table, by what of a setting it may choose.
type family struct {
	method             Method
	lambda, alpha, hub bool
}

// families are the methods of AugmentTune, the baseline first.
var families = []family{
	{QuerySynergy, true, false, false},
	{QuerySynergy + WithHub, true, false, true},
	{XQGSynergy, true, true, false},
	{XQGSynergy + WithHub, true, true, true},
	{SourceOnly, false, false, false},
	{SourceOnly + WithHub, false, false, true},
	{XQG, false, true, false},
	{XQG + WithHub, false, true, true},
}

// AugmentTune compares Query-Synergy, augmented passages, hub reduction and all
// that can be made of them with Query-Synergy alone. Each chooses its λ for each
// language, and α and hub for all of them together, and is judged on questions
// that the choice has not seen: by repeated cross-validation, with all questions
// of a document, in all languages, in one fold. Rows bear the setting that all
// questions choose; their values are held out. Several rankers, whose passages
// know different texts, are compared side by side.
func AugmentTune(ctx context.Context, spec Spec, anchorLang string, rankers ...AugmentedRanker) (*AugmentTuned, error) {
	judged := make([]*augmentJudged, len(rankers))
	var err error
	for r, ranker := range rankers {
		if judged[r], err = judgeAugmented(ctx, spec, anchorLang, ranker); err != nil {
			return nil, err
		}
	}
	var all, own, rivals []measured
	for l := range spec.Langs {
		first := judged[0].held[l]
		for r, j := range judged {
			for f, family := range families {
				if family.hub && !j.ranker.HasBank() || r > 0 && !family.alpha {
					continue
				}
				m := j.measured(spec, l, f)
				if r > 0 || f > 0 {
					m.baseline = first[0]
				}
				all = append(all, m)
				if m.baseline = nil; family.alpha || family.hub {
					m.baseline = first[plainFamily(family)]
				}
				own = append(own, m)
				if !family.alpha || family.hub && !judged[0].ranker.HasBank() {
					continue
				}
				if m.baseline = nil; r > 0 {
					m.baseline = first[f]
				}
				rivals = append(rivals, m)
			}
		}
	}
	t := &AugmentTuned{}
	if t.Result, err = finish(all); err != nil {
		return nil, err
	}
	if t.Own, err = finish(own); err != nil || len(rankers) == 1 {
		return t, err
	}
	t.Rivals, err = finish(rivals)
	return t, err
}

// plainFamily returns the number of the family that asks the same of plain
// passages.
func plainFamily(f family) int {
	return slices.IndexFunc(families, func(plain family) bool { return plain == family{method: plain.method, lambda: f.lambda} })
}

// AugmentTuned is what AugmentTune found: the same values against three
// baselines, each a family of its own for Holm.
type AugmentTuned struct {
	Result *Result // against Query-Synergy on plain passages
	Own    *Result // each method against the same on plain passages without hub reduction
	// Rivals are the methods that use texts, against the same method with the
	// texts of the first ranker; nil for a single one.
	Rivals *Result
}

// augmentJudged holds what every family of a ranker chose and reached.
type augmentJudged struct {
	ranker   AugmentedRanker
	pairings []Pairing               // by language
	chosen   [][]Setting             // by all questions: of each family, in each language
	held     [][]*metrics.Evaluation // held out: in each language, of each family
}

func judgeAugmented(ctx context.Context, spec Spec, anchorLang string, ranker AugmentedRanker) (*augmentJudged, error) {
	t := &augmentTuning{spec: spec, ranker: ranker, grid: newGrid(ranker)}
	for _, lang := range spec.Langs {
		if err := t.measure(ctx, Pairing{Lang: lang, AnchorLang: anchorLang, Translator: Human}); err != nil {
			return nil, err
		}
	}
	if err := enoughToTune(len(t.documents)); err != nil {
		return nil, fmt.Errorf("%s: the %w", spec.Dataset, err)
	}
	documents := t.sumUp()
	t.draw(len(documents))
	folds, err := t.folds(ctx, documents)
	if err != nil {
		return nil, err
	}
	judged := &augmentJudged{ranker: ranker, chosen: t.choose(nil)}
	for l := range t.langs {
		held, err := t.heldOut(ctx, l, folds)
		if err != nil {
			return nil, err
		}
		judged.pairings, judged.held = append(judged.pairings, t.langs[l].pairing), append(judged.held, held)
	}
	return judged, nil
}

// measured starts the row of a family in a language.
func (j *augmentJudged) measured(spec Spec, l, f int) measured {
	row := spec.augmentedRow(j.pairings[l], families[f].method, j.ranker, j.chosen[f][l])
	group := string(families[f].method)
	if families[f].alpha {
		texts := j.ranker.Texts()
		row.Texts = &texts // also where no α above 0 was worth it
		group += " " + texts.String()
	}
	return measured{row: row, group: group, values: j.held[l][f]}
}

// augmentTuning holds what every setting of the grid reaches.
type augmentTuning struct {
	spec      Spec
	ranker    AugmentedRanker
	grid      grid
	langs     []augmentLang
	documents []string // that answer a question in any language, ascending
	// draws say how often each document was drawn, by draw.
	draws [][]float64
}

// augmentLang holds the questions of a language.
type augmentLang struct {
	pairing Pairing
	qrels   metrics.Qrels
	grid    []*metrics.Evaluation // by setting, in the objective
	// sums are of the objective over a document's questions, by setting, then
	// document; n counts these questions.
	sums [][]float64
	n    []float64
	// drawn are the sums and the count over all documents of each draw.
	drawn  [][]float64
	drawnN []float64
}

// grid lists settings: every λ with every cell, a pair of α and hub.
type grid struct {
	mode  Mode
	cells []Setting // Lambda is 0
}

func newGrid(ranker AugmentedRanker) grid {
	g := grid{mode: ranker.Mode()}
	hubs := augmentHubs
	if !ranker.HasBank() {
		hubs = hubs[:1]
	}
	alphas := augmentAlphas[g.mode]
	if ranker.Texts().Kind == PassageTranslations {
		alphas = translationAlphas
	}
	for _, alpha := range alphas {
		for _, hub := range hubs {
			g.cells = append(g.cells, Setting{Alpha: alpha, Hub: hub})
		}
	}
	return g
}

// settings returns the whole grid; setting lambda·cells + cell is that λ with
// that cell.
func (g grid) settings() []Setting {
	var all []Setting
	for _, lambda := range augmentLambdas {
		for _, cell := range g.cells {
			cell.Lambda = lambda
			all = append(all, cell)
		}
	}
	return all
}

// measure scores the grid in a language.
func (t *augmentTuning) measure(ctx context.Context, p Pairing) error {
	lang := augmentLang{pairing: p}
	var err error
	if lang.qrels, err = t.ranker.Qrels(ctx, p); err != nil {
		return err
	}
	if lang.grid, err = t.ranker.Evaluate(ctx, p, t.grid.settings(), tuneObjective); err != nil {
		return err
	}
	for document := range lang.byDocument(lang.grid[0]) {
		if at, known := slices.BinarySearch(t.documents, document); !known {
			t.documents = slices.Insert(t.documents, at, document)
		}
	}
	t.langs = append(t.langs, lang)
	return nil
}

// byDocument groups the questions of an evaluation, by number.
func (l augmentLang) byDocument(e *metrics.Evaluation) map[string][]int {
	questions := map[string][]int{}
	for i, id := range e.Queries {
		document := answeredBy(l.qrels[id])
		questions[document] = append(questions[document], i)
	}
	return questions
}

// sumUp fills in the sums of every language, and returns the numbers of all
// documents.
func (t *augmentTuning) sumUp() (documents []int) {
	for l := range t.langs {
		lang := &t.langs[l]
		questions := lang.byDocument(lang.grid[0])
		for _, id := range t.documents {
			lang.n = append(lang.n, float64(len(questions[id])))
		}
		for _, e := range lang.grid {
			sums := make([]float64, len(t.documents))
			for d, id := range t.documents {
				for _, q := range questions[id] {
					sums[d] += e.Values[0][q]
				}
			}
			lang.sums = append(lang.sums, sums)
		}
		lang.grid = nil
	}
	for d := range t.documents {
		documents = append(documents, d)
	}
	return documents
}

// draw makes the bootstrap samples. The same number of documents draws the same.
func (t *augmentTuning) draw(documents int) {
	random := rand.New(rand.NewPCG(3, 1))
	t.draws = make([][]float64, augmentDraws)
	for i := range t.draws {
		t.draws[i] = make([]float64, documents)
		for range documents {
			t.draws[i][random.IntN(documents)]++
		}
	}
	for l := range t.langs {
		lang := &t.langs[l]
		lang.drawnN = multiplied(lang.n, t.draws)
		for _, sums := range lang.sums {
			lang.drawn = append(lang.drawn, multiplied(sums, t.draws))
		}
	}
}

// multiplied returns the product of v with each of the others.
func multiplied(v []float64, others [][]float64) []float64 {
	all := make([]float64, len(others))
	products(all, v, others)
	return all
}

// fold is a fold of a partition.
type fold struct {
	unseen []int
	chosen [][]Setting // by the other documents; of each family, in each language
}

// folds returns all folds of all partitions.
func (t *augmentTuning) folds(ctx context.Context, documents []int) ([]fold, error) {
	var folds []fold
	err := crossValidate(ctx, documents, func(_ int, _, unseen []int) error {
		folds = append(folds, fold{unseen: unseen})
		return nil
	})
	if err != nil {
		return nil, err
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i := range folds {
		group.Go(func() error {
			if err := ctx.Err(); err != nil {
				return fmt.Errorf("cross-validate: %w", err)
			}
			folds[i].chosen = t.choose(folds[i].unseen)
			return nil
		})
	}
	return folds, group.Wait()
}

// choose returns what the questions of all documents but the unseen choose, for
// each family in each language.
func (t *augmentTuning) choose(unseen []int) [][]Setting {
	reached := make([][][]float64, len(t.langs)) // by language, setting and draw
	for l := range t.langs {
		reached[l] = t.means(&t.langs[l], unseen)
	}
	chosen := make([][]Setting, len(families))
	for f, family := range families {
		totals := make([]Setting, len(t.langs))
		for draw := range t.draws {
			cell, lambdas := t.best(family, reached, draw)
			for l := range totals {
				totals[l].Lambda += augmentLambdas[lambdas[l]]
				totals[l].Alpha += t.grid.cells[cell].Alpha
				totals[l].Hub += t.grid.cells[cell].Hub
			}
		}
		for _, total := range totals {
			mean := func(sum, fine float64) float64 { return math.Round(sum/augmentDraws*fine) / fine }
			chosen[f] = append(chosen[f], Setting{
				mean(total.Lambda, 100), mean(total.Alpha, alphaFine[t.grid.mode]), mean(total.Hub, 100),
			})
		}
	}
	return chosen
}

// means returns the mean objective over the questions of each draw, by setting.
// The unseen documents are taken out of the draws.
func (t *augmentTuning) means(lang *augmentLang, unseen []int) [][]float64 {
	pick := func(v []float64) []float64 {
		picked := make([]float64, len(unseen))
		for i, d := range unseen {
			picked[i] = v[d]
		}
		return picked
	}
	draws := make([][]float64, len(t.draws))
	for i, draw := range t.draws {
		draws[i] = pick(draw)
	}
	seen := func(v, drawn []float64) []float64 {
		left := multiplied(pick(v), draws)
		for i, out := range left {
			left[i] = drawn[i] - out
		}
		return left
	}
	questions := seen(lang.n, lang.drawnN)
	all := make([][]float64, len(lang.sums))
	for s, sums := range lang.sums {
		all[s] = seen(sums, lang.drawn[s])
		for draw, n := range questions {
			all[s][draw] /= max(1, n) // where a language asks nothing, no setting is better
		}
	}
	return all
}

// best returns the cell whose mean over the languages, each at the λ that suits
// it best, is highest in a draw, and these λ by number. Of equal ones it is the
// first.
func (t *augmentTuning) best(f family, reached [][][]float64, draw int) (cell int, lambdas []int) {
	from := 0
	if !f.lambda {
		from = len(augmentLambdas) - 1 // 1, the source alone
	}
	highest := math.Inf(-1)
	for c, at := range t.grid.cells {
		if at.Alpha > 0 && !f.alpha || at.Hub > 0 && !f.hub {
			continue
		}
		sum, suited := 0.0, make([]int, len(reached))
		for l := range reached {
			most := math.Inf(-1)
			for i := from; i < len(augmentLambdas); i++ {
				if value := reached[l][i*len(t.grid.cells)+c][draw]; value > most+rounding {
					most, suited[l] = value, i
				}
			}
			sum += most
		}
		if sum > highest+rounding {
			highest, cell, lambdas = sum, c, suited
		}
	}
	return cell, lambdas
}

// heldOut returns, for each family, what the questions of a language score under
// the settings that the other folds choose, averaged over the partitions.
func (t *augmentTuning) heldOut(ctx context.Context, l int, folds []fold) ([]*metrics.Evaluation, error) {
	var settings []Setting
	number := map[Setting]int{}
	for _, fold := range folds {
		for f := range families {
			at := fold.chosen[f][l]
			if _, ok := number[at]; !ok {
				number[at] = len(settings)
				settings = append(settings, at)
			}
		}
	}
	lang := t.langs[l]
	evaluations, err := t.ranker.Evaluate(ctx, lang.pairing, settings, t.spec.Measures...)
	if err != nil {
		return nil, err
	}
	questions := lang.byDocument(evaluations[0]) // fewer, where a measure does not take all
	held := make([]*metrics.Evaluation, len(families))
	for f := range families {
		held[f] = zeros(evaluations[0])
		for _, fold := range folds {
			values := evaluations[number[fold.chosen[f][l]]].Values
			for _, d := range fold.unseen {
				for _, q := range questions[t.documents[d]] {
					for m := range values {
						held[f].Values[m][q] += values[m][q]
					}
				}
			}
		}
		divide(held[f], tuneRepeats)
	}
	return held, nil
}
