package detect

import (
	"slices"
	"unicode"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/traditionalchinese"
)

// repertoires are the national character sets, which hold the characters that
// each script uses every day; Big5 comes with Hong Kong's supplement.
var repertoires = map[string]encoding.Encoding{
	"Hans": simplifiedchinese.HZGB2312,
	"Hant": traditionalchinese.Big5,
	jpan:   japanese.ShiftJIS,
}

const (
	outside = 3   // nats: a character that the script's character set lacks
	unkana  = 0.5 // nats: a character more of Japanese without any kana
)

// hanCosts returns what the Chinese characters of a text without kana cost in
// each variety, in nats, and what they cost as Chinese or Japanese where that is
// no candidate. Where only one of the scripts of Chinese is, it may be either:
// who has indexed simplified texts is understood in traditional ones.
func hanCosts(text string, varieties []variety) (costs, strangers []float64) {
	cost := make(map[string]float64)
	for script, repertoire := range repertoires {
		for _, r := range text {
			if !unicode.Is(unicode.Han, r) {
				continue
			}
			if _, err := repertoire.NewEncoder().String(string(r)); err != nil {
				cost[script] += outside
			}
			if script == jpan {
				cost[script] += unkana
			}
		}
	}
	indexed := func(script string) bool {
		return slices.ContainsFunc(varieties, func(v variety) bool { return v.script == script })
	}
	chinese := min(cost["Hans"], cost["Hant"])
	if !indexed("Hans") || !indexed("Hant") {
		cost["Hans"], cost["Hant"] = chinese, chinese
	}
	for _, v := range varieties {
		costs = append(costs, cost[v.script])
	}
	if !indexed(jpan) {
		strangers = append(strangers, cost[jpan])
	}
	if !indexed("Hans") && !indexed("Hant") {
		strangers = append(strangers, chinese)
	}
	return costs, strangers
}
