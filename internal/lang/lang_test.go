package lang_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/query-synergy/query-synergy/internal/lang"
)

func TestTags(t *testing.T) {
	for _, tc := range []struct{ in, tag, name, base, script string }{
		{"th", "th", "Thai", "th", "Thai"},
		{"TH", "th", "Thai", "th", "Thai"},
		{"th-Thai", "th", "Thai", "th", "Thai"},
		{"zh", "zh", "Chinese", "zh", "Hans"},
		{"cmn", "zh", "Chinese", "zh", "Hans"},
		{"zh_hant", "zh-Hant", "Traditional Chinese", "zh", "Hant"},
		{"zh-TW", "zh-TW", "Chinese (Taiwan)", "zh", "Hant"},
		{"pt-br", "pt-BR", "Brazilian Portuguese", "pt", "Latn"},
		{"ar", "ar", "Arabic", "ar", "Arab"},
		{"el", "el", "Greek", "el", "Grek"},
		{"hi", "hi", "Hindi", "hi", "Deva"},
		{"iw", "he", "Hebrew", "he", "Hebr"},
		{"az-Arab", "az-Arab", "Azerbaijani", "az", "Arab"},
		{"ceb", "ceb", "Cebuano", "ceb", "Latn"},
	} {
		tag, err := lang.Parse(tc.in)
		if err != nil || tag != tc.tag {
			t.Errorf("Parse(%q) = %q, %v, want %q", tc.in, tag, err, tc.tag)
		}
		// The name, base and script of a tag do not depend on its spelling.
		for _, spelling := range []string{tc.in, tc.tag} {
			if name, base, script := lang.Name(spelling), lang.Base(spelling), lang.Script(spelling); name != tc.name || base != tc.base || script != tc.script {
				t.Errorf("%q: name %q, base %q, script %q, want %q, %q, %q", spelling, name, base, script, tc.name, tc.base, tc.script)
			}
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for _, in := range []string{"", " ", "xx", "english", "th ", "en-", "a", "und", "und-Thai", "mul", "mis", "zxx", "qaa", "x-foo", "de-x-foo", "th-u-nu-thai", "sl-rozaj", "th\x00", "é"} {
		got, err := lang.Parse(in)
		if err == nil {
			t.Errorf("Parse(%q) = %q, want an error", in, got)
			continue
		}
		if !strings.Contains(err.Error(), "is not a language tag") || !strings.Contains(err.Error(), `"pt-BR"`) {
			t.Errorf("Parse(%q): %v: does not say what is wanted", in, err)
		}
		if got := lang.Name(in); got != in {
			t.Errorf("Name(%q) = %q, want the tag itself", in, got)
		}
	}
	if _, err := lang.Parse("english"); !strings.HasPrefix(err.Error(), `"english" is not`) {
		t.Errorf("the error does not name the tag: %v", err)
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{"th", "zh-Hant-TW", "pt_br", "iw", "", "x-a", "i-klingon", "sr-Latn", "en-GB-oed", "art-lojban"} {
		f.Add(seed)
	}
	canonical := regexp.MustCompile(`^[A-Za-z0-9]+(-[A-Za-z0-9]+)*$`)
	f.Fuzz(func(t *testing.T, in string) {
		tag, err := lang.Parse(in)
		if err != nil {
			return
		}
		if !canonical.MatchString(tag) {
			t.Errorf("Parse(%q) = %q: not fit for a collection's name", in, tag)
		}
		if again, err := lang.Parse(tag); err != nil || again != tag {
			t.Errorf("Parse(%q) = %q, which parses to %q, %v", in, tag, again, err)
		}
		if lang.Name(in) == "" || lang.Base(in) == "" || lang.Script(in) == "" {
			t.Errorf("%q: name %q, base %q, script %q", in, lang.Name(in), lang.Base(in), lang.Script(in))
		}
	})
}
