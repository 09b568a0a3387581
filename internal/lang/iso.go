package lang

import (
	"fmt"
	"strings"
)

// individual names the languages that FLORES, Belebele and MTEB mean by a code
// whose ISO 639-3 code stands for a group of languages, or that x/text spells
// otherwise.
var individual = map[string]string{
	"ar": "arb", "ay": "ayr", "az": "azj", "din": "dik", "fa": "pes", "ff": "fuv", "fil": "tgl",
	"kr": "knc", "ku": "kmr", "lv": "lvs", "mg": "plt", "mn": "khk", "ms": "zsm", "ne": "npi",
	"no": "nob", "om": "gaz", "or": "ory", "ps": "pbt", "qu": "quy", "sq": "als", "sw": "swh",
	"uz": "uzn", "yi": "ydd",
}

// ISO3Script returns a tag as MTEB writes it: the ISO 639-3 code and the ISO
// 15924 script, "deu-Latn" for "de", "arb-Arab" for "ar". FLORES and Belebele
// write the same with an underscore. It returns an error for a tag that Parse
// refuses, and for one that neither names nor implies a script.
func ISO3Script(tag string) (string, error) {
	if _, err := Parse(tag); err != nil {
		return "", err
	}
	script := Script(tag)
	switch script {
	case "Zzzz":
		return "", fmt.Errorf("%.40q does not imply a script: name it too, as in %q", tag, "ars-Arab")
	case "Kore": // Hangul with Chinese characters
		script = "Hang"
	}
	base, _ := spelling.Make(tag).Base()
	code, ok := individual[base.String()]
	if !ok {
		code = base.ISO3()
	}
	return code + "-" + script, nil
}

// FromISO3Script is the inverse of ISO3Script: "de" for "deu-Latn", "zh-Hant"
// for "zho_Hant", "ar-Latn" for "arb_Latn". The script is left out where the
// language implies it. Two of Belebele's languages, acm and apc, have no name in
// the registry that Parse goes by, and are refused.
func FromISO3Script(code string) (string, error) {
	spelled := strings.ReplaceAll(code, "_", "-")
	for group, named := range individual {
		if rest, ok := strings.CutPrefix(spelled, named+"-"); ok {
			spelled = group + "-" + rest
			break
		}
	}
	tag, err := Parse(spelled)
	if err != nil {
		return "", err
	}
	base, script := Base(tag), Script(tag)
	if implied := Script(base); implied == script || implied == "Kore" && script == "Hang" {
		return base, nil
	}
	return Parse(base + "-" + script)
}
