package detect

import (
	_ "embed"
	"iter"
	"slices"
	"strings"
	"sync"
	"unicode"

	"github.com/query-synergy/query-synergy/internal/lang"
)

// profiles is made and described by profiles/make.py. It is searched in place,
// so that nothing has to be parsed before the first query.
//
//go:embed profiles/profiles.txt
var profiles string

const (
	nat    = 8  // units of cost, as the profiles count it
	absent = 92 // the cost of an n-gram that a profile lacks
)

// profiled lists the languages of the profiles in their order.
var profiled = sync.OnceValue(func() []variety {
	names, _, _ := strings.Cut(profiles, "\n")
	var all []variety
	for name := range strings.FieldsSeq(names) {
		all = append(all, variety{lang.Base(name), lang.Script(name)})
	}
	return all
})

func unprofiled(v variety) bool { return !slices.Contains(profiled(), v) }

// profiledGroup returns the letters of a group that has profiles.
func profiledGroup(name string) (*unicode.RangeTable, bool) {
	has := func(v variety) bool { return v.script == name }
	at := slices.IndexFunc(alphabets, func(a alphabet) bool { return a.group == name })
	if at < 0 || !slices.ContainsFunc(profiled(), has) {
		return nil, false
	}
	return alphabets[at].letters, true
}

// profileCosts yields each profiled language with the cost of the text's words
// in the letters, in nats: minus the logarithm of how likely its n-grams are.
// N-grams that no language has are left out.
func profileCosts(text string, letters *unicode.RangeTable) iter.Seq2[variety, float64] {
	all := profiled()
	costs := make([]int, len(all)) // above absent for every n-gram
	known := 0
	for gram := range grams(text, letters) {
		found := lookup(gram)
		if found != "" {
			known++
		}
		for i := 0; i < len(found); i += 2 {
			costs[found[i]-'A'] += int(found[i+1]-'!') - absent
		}
	}
	return func(yield func(variety, float64) bool) {
		for i, v := range all {
			if !yield(v, float64(costs[i]+known*absent)/nat) {
				return
			}
		}
	}
}

// lookup returns the languages and costs of an n-gram as make.py writes them, or
// "" for one that no profile has.
func lookup(gram string) string {
	low, high := strings.IndexByte(profiles, '\n')+1, len(profiles)
	for low < high {
		middle := low + (high-low)/2
		start := low + strings.LastIndexByte(profiles[low:middle], '\n') + 1
		line, _, _ := strings.Cut(profiles[start:], "\n")
		found, costs, _ := strings.Cut(line, "\t")
		switch strings.Compare(found, gram) {
		case 0:
			return costs
		case -1:
			low = start + len(line) + 1
		default:
			high = start
		}
	}
	return ""
}

// grams yields the 1-, 2- and 3-grams of the words in one script, "_" being the
// edge of a word.
func grams(text string, letters *unicode.RangeTable) iter.Seq[string] {
	between := func(r rune) bool {
		return !unicode.Is(letters, r) && !unicode.In(r, unicode.Mn, unicode.Mc)
	}
	return func(yield func(string) bool) {
		for word := range strings.FieldsFuncSeq(text, between) {
			runes := []rune("_" + strings.Map(fold, word) + "_")
			for start := range runes {
				for end := start + 1; end <= min(start+3, len(runes)); end++ {
					if gram := string(runes[start:end]); gram != "_" && !yield(gram) {
						return
					}
				}
			}
		}
	}
}

// fold maps a letter to the one that stands for it in the profiles.
func fold(r rune) rune {
	switch r = unicode.ToLower(r); {
	case r == 'ș':
		return 'ş'
	case r == 'ț':
		return 'ţ'
	case r == 'ی': // Persian, against the Arabic ي
		return 'ي'
	case 0x1ea0 <= r && r <= 0x1eff: // the Vietnamese block
		return 'ể'
	}
	return r
}
