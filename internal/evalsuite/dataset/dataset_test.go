package dataset_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/query-synergy/query-synergy/internal/corpus"
	"github.com/query-synergy/query-synergy/internal/evalsuite/dataset"
	"github.com/query-synergy/query-synergy/internal/evalsuite/metrics"
	"github.com/query-synergy/query-synergy/internal/testenv"
)

// folder writes files, by their paths, into a new folder.
func folder(tb testing.TB, files map[string]string) string {
	tb.Helper()
	dir := tb.TempDir()
	for name, content := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			tb.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			tb.Fatal(err)
		}
	}
	return dir
}

func load(tb testing.TB, name, dir, tag string) *dataset.Set {
	tb.Helper()
	s, err := dataset.Load(tb.Context(), name, dir, tag)
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

// beir returns the files of a good BEIR folder in en, with those in change
// replaced.
func beir(change map[string]string) map[string]string {
	files := map[string]string{
		"en/corpus.jsonl":   `{"_id":"d1","text":"x"}` + "\n" + `{"_id":"d2","text":"y"}` + "\n",
		"en/queries.jsonl":  `{"_id":"q1","text":"?"}` + "\n" + `{"_id":"q2","text":"!"}` + "\n",
		"en/qrels/test.tsv": "query-id\tcorpus-id\tscore\nq1\td1\t1\nq2\td1\t0\nq2\td2\t2\n",
	}
	for name, content := range change {
		if content == "" {
			delete(files, name)
			continue
		}
		files[name] = content
	}
	return files
}

// parallel says whether every question has an anchor.
func parallel(questions, anchors *dataset.Set) error {
	_, err := dataset.Anchors(questions, anchors)
	return err
}

func TestSample(t *testing.T) {
	dir := filepath.Join(testenv.Root(t), "sample")
	en := load(t, "sample", dir, "en")
	if en.Format != corpus.FormatBEIR || len(en.Files) != 3 {
		t.Errorf("format %s, files %v", en.Format, en.Files)
	}
	for _, tag := range []string{"ar", "el", "en", "th", "tr", "zh"} {
		s := load(t, "sample", dir, tag)
		if s.Name != "sample" || s.Lang != tag || len(s.Questions) != 96 || len(s.Documents) != 48 || len(s.Qrels) != 96 {
			t.Errorf("%s: %s in %s, %d questions, %d documents, %d judged", tag, s.Name, s.Lang, len(s.Questions), len(s.Documents), len(s.Qrels))
		}
		anchors, err := dataset.Anchors(s, en)
		if err := errors.Join(err, dataset.ParallelDocuments(s, en), dataset.ParallelDocuments(en, s)); err != nil {
			t.Errorf("%s: %v", tag, err)
		}
		for i, a := range anchors {
			if a.ID != s.Questions[i].ID || a.Text == "" {
				t.Errorf("%s: the anchor of %s is %+v", tag, s.Questions[i].ID, a)
			}
		}
	}
}

func TestXQuAD(t *testing.T) {
	testenv.Long(t)
	dir := testenv.XQuAD(t)
	en := load(t, "xquad", dir, "en")
	published, _ := dataset.Published("xquad")
	for _, tag := range []string{"ar", "el", "es", "hi", "th", "tr", "vi", "zh", "en"} {
		s := load(t, "xquad", dir, tag)
		if s.Format.EmbedsTitle() || len(s.Questions) != 1190 || len(s.Documents) != 240 {
			t.Errorf("%s: %d questions, %d documents", tag, len(s.Questions), len(s.Documents))
		}
		for _, q := range s.Questions {
			if !reflect.DeepEqual(s.Qrels[q.ID], map[string]int{q.DocID: 1}) || len(q.Answers) == 0 {
				t.Errorf("%s: question %s has judgements %v and answers %q", tag, q.ID, s.Qrels[q.ID], q.Answers)
			}
		}
		if err := errors.Join(parallel(s, en), dataset.ParallelDocuments(s, en)); err != nil {
			t.Error(err)
		}
		// The files beside the project are the published ones.
		at := slices.IndexFunc(published.Files, func(f dataset.PublishedFile) bool { return f.Lang == tag })
		if f := published.Files[at]; len(s.Files) != 1 || s.Files[0].Bytes != f.Bytes || s.Files[0].SHA256 != f.SHA256 {
			t.Errorf("%s: files %+v, published is %+v", tag, s.Files, f)
		}
	}
}

func TestXQuADR(t *testing.T) {
	const en = `{"data":[{"title":"T","paragraphs":[{"context":"One. Two. Three.","sentence_breaks":[[0,4],[5,9],[10,16]],"qas":[
		{"id":"q1","question":"A?","answers":[{"text":"Two","answer_start":5}]},
		{"id":"q2","question":"B?","answers":[{"text":"One","answer_start":0},{"text":"Three","answer_start":10}]}]}]}]}`
	for _, name := range []string{"en.json", "xquad-r/en.json"} {
		dir := folder(t, map[string]string{name: en})
		s := load(t, "xquad-r", dir, "en")
		want := metrics.Qrels{"q1": {"0-0-1": 1}, "q2": {"0-0-0": 1, "0-0-2": 1}}
		if !reflect.DeepEqual(s.Qrels, want) || len(s.Documents) != 3 || s.Format.EmbedsTitle() {
			t.Errorf("qrels %v, %d documents", s.Qrels, len(s.Documents))
		}
		if want := filepath.Join(dir, filepath.FromSlash(name)); len(s.Files) != 1 || s.Files[0].Path != want || s.Files[0].Bytes != int64(len(en)) {
			t.Errorf("files %+v", s.Files)
		}
	}
}

// belebele returns rows of link, question number and question.
func belebele(code string, rows ...[3]string) string {
	var b strings.Builder
	for _, r := range rows {
		fmt.Fprintf(&b, `{"link":%q,"question_number":%s,"flores_passage":"passage %s in %s","question":%q,"mc_answer1":"a","mc_answer2":"b","mc_answer3":"c","mc_answer4":"d","correct_answer_num":"3","dialect":%q,"ds":"2023-05-03"}`+"\n",
			r[0], r[1], r[0], code, r[2], code)
	}
	return b.String()
}

func TestBelebele(t *testing.T) {
	dir := folder(t, map[string]string{
		"eng_Latn.jsonl":          belebele("eng_Latn", [3]string{"u", "1", "Who?"}, [3]string{"u", "2", "Whom?"}, [3]string{"v", "1", "When?"}),
		"Belebele/lin_Latn.jsonl": belebele("lin_Latn", [3]string{"u", "1", "Nani?"}, [3]string{"u", "2", "Ntango?"}, [3]string{"v", "1", "Nani?"}),
		"arb_Arab.jsonl":          belebele("arb_Arab", [3]string{"u", "1", "من؟"}),
	})
	en, ln, ar := load(t, "belebele", dir, "en"), load(t, "belebele", dir, "ln"), load(t, "belebele", dir, "ar")
	if want := (metrics.Qrels{"u#1": {"u": 1}, "u#2": {"u": 1}, "v#1": {"v": 1}}); !reflect.DeepEqual(en.Qrels, want) || len(en.Documents) != 2 {
		t.Errorf("en: qrels %v, %d documents", en.Qrels, len(en.Documents))
	}
	// Lingala has one question less, which asks for two passages.
	if want := (metrics.Qrels{"u#1": {"u": 1, "v": 1}, "u#2": {"u": 1}}); !reflect.DeepEqual(ln.Qrels, want) || !slices.Equal(ln.Questions[0].Answers, []string{"c"}) {
		t.Errorf("ln: qrels %v, questions %+v", ln.Qrels, ln.Questions)
	}
	if ar.Lang != "ar" || ar.Documents[0].Lang != "ar" || ar.Documents[0].ID != "u" {
		t.Errorf("ar: %s, %+v", ar.Lang, ar.Documents[0])
	}
	// The merged questions have a parallel both ways.
	texts := func(questions, anchors *dataset.Set) []string {
		found, err := dataset.Anchors(questions, anchors)
		if err != nil {
			t.Fatal(err)
		}
		var all []string
		for _, q := range found {
			all = append(all, q.Text)
		}
		return all
	}
	if got := texts(ln, en); !slices.Equal(got, []string{"Who?", "Whom?"}) {
		t.Errorf("anchors of ln: %q", got)
	}
	if got := texts(en, ln); !slices.Equal(got, []string{"Nani?", "Ntango?", "Nani?"}) {
		t.Errorf("anchors of en: %q", got)
	}
	path := filepath.Join(dir, "eng_Latn.jsonl")
	for _, tc := range []struct {
		err  error
		want string
	}{
		{parallel(en, ar), path + `:2: question "u#2" has no parallel in ar of dataset belebele, like 2 of 3: the languages must have the same ids`},
		{dataset.ParallelDocuments(en, ar), path + `:3: document "v" has no parallel in ar of dataset belebele, like 1 of 2: the languages must have the same ids`},
	} {
		if tc.err == nil || tc.err.Error() != tc.want {
			t.Errorf("got  %v\nwant %s", tc.err, tc.want)
		}
	}
	if err := dataset.ParallelDocuments(ar, en); err != nil {
		t.Error(err)
	}
}

func TestBEIR(t *testing.T) {
	want := metrics.Qrels{"q1": {"d1": 1}, "q2": {"d1": 0, "d2": 2}}
	for name, change := range map[string]map[string]string{
		"as it is":     nil,
		"TREC qrels":   {"en/qrels/test.tsv": "q1 0 d1 1\nq2 0 d1 0\nq2 0 d2 2\n"},
		"under .qrels": {"en/qrels/test.tsv": "", "en/qrels/test.qrels": "q1 0 d1 1\nq2 0 d1 0\nq2 0 d2 2\n"},
	} {
		for _, dataset := range []string{"beir", "sample"} {
			s := load(t, dataset, folder(t, beir(change)), "en")
			if !reflect.DeepEqual(s.Qrels, want) || len(s.Questions) != 2 || len(s.Documents) != 2 || len(s.Files) != 3 {
				t.Errorf("%s, %s: %+v", dataset, name, s)
			}
		}
	}
	// The queries of other splits are left out of beir, and are a fault of others.
	dir := folder(t, beir(map[string]string{"en/qrels/test.tsv": "q2 0 d2 1\n"}))
	if s := load(t, "beir", dir, "en"); len(s.Questions) != 1 || s.Questions[0].ID != "q2" {
		t.Errorf("questions %+v", s.Questions)
	}
	_, err := dataset.Load(t.Context(), "sample", dir, "en")
	if want := fmt.Sprintf(`%s/en/queries.jsonl:1: question "q1" has no judgement in %s/en/qrels/test.tsv`, dir, dir); err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

// A corpus that nobody has judged is its documents.
func TestLoadDocuments(t *testing.T) {
	dir := folder(t, map[string]string{"pt/corpus.jsonl": `{"_id": "a", "text": "um"}` + "\n" + `{"_id": "b", "text": "dois"}` + "\n"})
	s, err := dataset.LoadDocuments(t.Context(), "beir", dir, "pt")
	if err != nil {
		t.Fatal(err)
	}
	if len(s.Documents) != 2 || len(s.Questions) != 0 || len(s.Qrels) != 0 || s.Lang != "pt" || len(s.Files) != 1 {
		t.Errorf("%+v", s)
	}
	if _, err := dataset.Load(t.Context(), "beir", dir, "pt"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("with questions: %v", err)
	}
	for _, tc := range [][2]string{{"beir", "th"}, {"nothing", "pt"}, {"beir", "?"}} {
		if _, err := dataset.LoadDocuments(t.Context(), tc[0], dir, tc[1]); err == nil {
			t.Errorf("%v: no error", tc)
		}
	}
	dir = folder(t, map[string]string{"pt/corpus.jsonl": "\n"})
	if _, err := dataset.LoadDocuments(t.Context(), "beir", dir, "pt"); err == nil || !strings.Contains(err.Error(), "no documents") {
		t.Errorf("empty: %v", err)
	}
}

func TestLoadRefuses(t *testing.T) {
	const header = "query-id\tcorpus-id\tscore\n"
	for _, tc := range []struct {
		name, dataset, lang string
		files               map[string]string
		want                string // DIR stands for the folder
	}{
		{"unknown dataset", "mldr", "en", nil, `dataset "mldr" is not known, want one of [beir belebele sample xquad xquad-r]`},
		{"no language", "xquad", "xx", nil, `load dataset xquad: "xx" is not a language tag`},
		{"no script", "belebele", "ars", nil, `load dataset belebele: "ars" does not imply a script`},
		{"folder for a file", "xquad", "en", map[string]string{"xquad.en.json/x": "x"}, `load dataset xquad: DIR/xquad.en.json is a folder, want a file`},
		{"unknown query", "beir", "en", beir(map[string]string{"en/qrels/test.tsv": header + "q1\td1\t1\nq9\td1\t1\n"}), `DIR/en/qrels/test.tsv:3: query "q9" is judged, but DIR/en/queries.jsonl does not have it`},
		{"unknown document", "beir", "en", beir(map[string]string{"en/qrels/test.tsv": "q1 0 d1 1\n\nq1 0 d9 1\n"}), `DIR/en/qrels/test.tsv:3: document "d9" is judged, but DIR/en/corpus.jsonl does not have it`},
		{"judged twice", "beir", "en", beir(map[string]string{"en/qrels/test.tsv": "q1 0 d1 1\nq1 0 d1 1\n"}), `DIR/en/qrels/test.tsv:2: query "q1" and document "d1" are judged twice, first at DIR/en/qrels/test.tsv:1`},
		{"no qrels in the file", "beir", "en", beir(map[string]string{"en/qrels/test.tsv": "\n"}), `DIR/en/qrels/test.tsv has no judgement: want`},
		{"no queries in the file", "beir", "en", beir(map[string]string{"en/queries.jsonl": "\n"}), `DIR/en/queries.jsonl has no questions`},
		{"no documents in the file", "beir", "en", beir(map[string]string{"en/corpus.jsonl": "\n"}), `DIR/en/corpus.jsonl has no documents`},
		{"document twice", "beir", "en", beir(map[string]string{"en/corpus.jsonl": `{"_id":"d1","text":"x"}` + "\n" + `{"_id":"d1","text":"y"}`}), `DIR/en/corpus.jsonl:2: document "d1": duplicate id in en, first seen at DIR/en/corpus.jsonl:1`},
		{"document in another language", "beir", "en", beir(map[string]string{"en/corpus.jsonl": `{"_id":"d1","text":"x","lang":"fr"}`}), `DIR/en/corpus.jsonl:1: document "d1": language fr, but en is being read`},
		{"broken query", "beir", "en", beir(map[string]string{"en/queries.jsonl": `{"_id":"q1"}`}), `DIR/en/queries.jsonl:1: question "q1": the question is missing or blank`},
		{"xquad without questions", "xquad", "en", map[string]string{"xquad.en.json": `{"data":[]}`}, `DIR/xquad.en.json has no questions`},
		{"xquad with a bad paragraph", "xquad", "en", map[string]string{"xquad.en.json": "{\"data\":[{\"paragraphs\":[\n{\"context\":\"\",\"qas\":[{\"id\":\"q\",\"question\":\"?\"}]}]}]}"}, `DIR/xquad.en.json:2: document "0-0": the text is missing or blank`},
		{"belebele in another dialect", "belebele", "en", map[string]string{"eng_Latn.jsonl": belebele("deu_Latn", [3]string{"u", "1", "Wer?"})}, `DIR/eng_Latn.jsonl:1: document "u": language de, but en is being read`},
		{"belebele with two passages", "belebele", "en", map[string]string{"eng_Latn.jsonl": belebele("eng_Latn", [3]string{"u", "1", "Who?"}) + strings.Replace(belebele("eng_Latn", [3]string{"u", "2", "Whom?"}), "passage u", "another u", 1)}, `DIR/eng_Latn.jsonl:2: link "u" has another passage than at DIR/eng_Latn.jsonl:1`},
		{"xquad-r with a wrong answer", "xquad-r", "en", map[string]string{"en.json": "{\"data\":[{\"paragraphs\":[\n{\"context\":\"x\",\"sentence_breaks\":[[0,1]],\"qas\":[{\"id\":\"q\",\"question\":\"?\",\"answers\":[{\"text\":\"y\",\"answer_start\":0}]}]}]}]}"}, `DIR/en.json:2: paragraph 0-0: question "q": the answer "y" does not stand at character 0`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dir := folder(t, tc.files)
			want := strings.ReplaceAll(tc.want, "DIR", dir)
			s, err := dataset.Load(t.Context(), tc.dataset, dir, tc.lang)
			if err == nil || !strings.HasPrefix(err.Error(), want) {
				t.Errorf("got  %+v, %v\nwant %s", s, err, want)
			}
			if errors.Is(err, fs.ErrNotExist) {
				t.Error("it counts as absent")
			}
		})
	}
}

func TestAbsent(t *testing.T) {
	for _, tc := range []struct {
		name, dataset, lang string
		files               map[string]string
		want                string
	}{
		{"xquad", "xquad", "ru", nil, `dataset xquad has no "ru" in DIR: open DIR/xquad.ru.json: file does not exist; get it with: evaluate fetch --dataset xquad --data DIR --langs ru (1.9 MB from https://raw.githubusercontent.com/google-deepmind/xquad/7d30520c717524000f0d9d2f9c10a069acd9d285/xquad.ru.json)`},
		{"xquad elsewhere", "xquad", "fr", nil, `dataset xquad has no "fr" in DIR: open DIR/xquad.fr.json: file does not exist; it is published in ar, de, el, en, es, hi, ro, ru, th, tr, vi, zh`},
		{"xquad-r", "xquad-r", "th", nil, `dataset xquad-r has no "th" in DIR: open DIR/th.json: file does not exist; get it with: evaluate fetch --dataset xquad-r --data DIR --langs th (2.6 MB from https://raw.githubusercontent.com/google-research-datasets/lareqa/9bc8c7fb6dd8d01d72a05a93c2cb96882b0d299c/xquad-r/th.json)`},
		{"belebele", "belebele", "zh-TW", nil, `dataset belebele has no "zh-TW" in DIR: open DIR/zho_Hant.jsonl: file does not exist; get it with: evaluate fetch --dataset belebele --data DIR --langs zh-TW (28.5 MB from https://dl.fbaipublicfiles.com/belebele/Belebele.zip)`},
		{"beir", "beir", "en", nil, `dataset beir has no "en" in DIR: open DIR/en/corpus.jsonl: file does not exist; want the folder en with corpus.jsonl, queries.jsonl and qrels/test.tsv`},
		{"beir without queries", "beir", "en", beir(map[string]string{"en/queries.jsonl": ""}), `dataset beir has no "en" in DIR: open DIR/en/queries.jsonl: file does not exist; want the folder en with`},
		{"sample without qrels", "sample", "en", beir(map[string]string{"en/qrels/test.tsv": ""}), `dataset sample has no "en" in DIR: open DIR/en/qrels/test.tsv: file does not exist; want the folder en with`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dir := folder(t, tc.files)
			want := strings.ReplaceAll(tc.want, "DIR", dir)
			_, err := dataset.Load(t.Context(), tc.dataset, dir, tc.lang)
			if err == nil || !strings.HasPrefix(err.Error(), want) || !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("got  %v\nwant %s", err, want)
			}
		})
	}
}

func TestLoadStops(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := dataset.Load(ctx, "beir", folder(t, beir(nil)), "en"); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

func TestPublished(t *testing.T) {
	if got := dataset.Downloadable(); !slices.Equal(got, []string{"belebele", "xquad", "xquad-r"}) {
		t.Errorf("downloadable: %v", got)
	}
	seen := make(map[string]bool)
	for _, name := range dataset.Downloadable() {
		p, ok := dataset.Published(name)
		if !ok || !slices.Contains(dataset.Names(), name) || p.Licence == "" || p.HashOrigin == "" {
			t.Errorf("%s: %+v", name, p)
		}
		files := slices.Clone(p.Files)
		if p.Archive != nil {
			files = append(files, *p.Archive)
		}
		for _, f := range files {
			if !strings.HasPrefix(f.URL, "https://") || !strings.HasSuffix(f.URL, "/"+f.Path) || f.Bytes <= 0 || len(f.SHA256) != 64 || seen[f.SHA256] || !filepath.IsLocal(f.Path) {
				t.Errorf("%s: %+v", name, f)
			}
			seen[f.SHA256] = true
		}
	}
	if len(seen) != 1+12+11 {
		t.Errorf("%d files, want 24", len(seen))
	}
	if _, ok := dataset.Published("sample"); ok {
		t.Error("the sample is part of the project")
	}
}

func FuzzLoad(f *testing.F) {
	good := beir(nil)
	f.Add([]byte(good["en/corpus.jsonl"]), []byte(good["en/queries.jsonl"]), []byte(good["en/qrels/test.tsv"]))
	f.Add([]byte(good["en/corpus.jsonl"]), []byte(good["en/queries.jsonl"]), []byte("q1 0 d1 1\nq2 0 d2 0\nq9 0 d1 1"))
	f.Add([]byte(`{"_id":"d","text":"x"}`), []byte(`{"_id":"q","text":"?"}`), []byte("q 0 d 1"))
	dir := folder(f, good)
	f.Fuzz(func(t *testing.T, documents, queries, qrels []byte) {
		for name, content := range map[string][]byte{"corpus.jsonl": documents, "queries.jsonl": queries, "qrels/test.tsv": qrels} {
			if err := os.WriteFile(filepath.Join(dir, "en", filepath.FromSlash(name)), content, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		s, err := dataset.Load(t.Context(), "beir", dir, "en")
		if err != nil {
			return
		}
		there := make(map[string]bool)
		for _, d := range s.Documents {
			there[d.ID] = true
		}
		for _, q := range s.Questions {
			if len(s.Qrels[q.ID]) == 0 {
				t.Errorf("question %q has no judgement", q.ID)
			}
			for id := range s.Qrels[q.ID] {
				if !there[id] {
					t.Errorf("document %q is judged and not there", id)
				}
			}
		}
		if len(s.Questions) != len(s.Qrels) || len(s.Questions) == 0 {
			t.Errorf("%d questions, %d judged", len(s.Questions), len(s.Qrels))
		}
		if err := errors.Join(parallel(s, s), dataset.ParallelDocuments(s, s)); err != nil {
			t.Error(err)
		}
	})
}
