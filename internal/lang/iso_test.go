package lang_test

import (
	"strings"
	"testing"

	"github.com/query-synergy/query-synergy/internal/lang"
)

func TestISO3Script(t *testing.T) {
	for _, tc := range []struct{ tag, want string }{
		{"de", "deu-Latn"}, {"en-US", "eng-Latn"}, {"pt-BR", "por-Latn"},
		{"zh", "zho-Hans"}, {"zh-Hant", "zho-Hant"}, {"zh-TW", "zho-Hant"}, {"cmn", "zho-Hans"}, {"yue", "yue-Hant"},
		{"ar", "arb-Arab"}, {"ar-Latn", "arb-Latn"}, {"arz", "arz-Arab"}, {"ars-Arab", "ars-Arab"}, {"ff", "fuv-Latn"},
		{"fa", "pes-Arab"}, {"ms", "zsm-Latn"}, {"id", "ind-Latn"}, {"et", "est-Latn"}, {"lv", "lvs-Latn"},
		{"no", "nob-Latn"}, {"nb", "nob-Latn"}, {"nn", "nno-Latn"}, {"sw", "swh-Latn"}, {"uz", "uzn-Latn"},
		{"az", "azj-Latn"}, {"mn", "khk-Cyrl"}, {"or", "ory-Orya"}, {"sq", "als-Latn"}, {"ne", "npi-Deva"},
		{"ps", "pbt-Arab"}, {"mg", "plt-Latn"}, {"om", "gaz-Latn"}, {"yi", "ydd-Hebr"}, {"ckb", "ckb-Arab"},
		{"tl", "tgl-Latn"}, {"ko", "kor-Hang"}, {"ja", "jpn-Jpan"}, {"sr", "srp-Cyrl"}, {"sr-Latn", "srp-Latn"},
		{"el", "ell-Grek"}, {"hi", "hin-Deva"}, {"th", "tha-Thai"}, {"he", "heb-Hebr"}, {"iw", "heb-Hebr"},
	} {
		if got, err := lang.ISO3Script(tc.tag); err != nil || got != tc.want {
			t.Errorf("ISO3Script(%q) = %q, %v, want %q", tc.tag, got, err, tc.want)
		}
	}
	if got, err := lang.ISO3Script("ars"); err == nil || !strings.Contains(err.Error(), "name it too") {
		t.Errorf("a language without a script: %q, %v", got, err)
	}
	for _, tag := range []string{"", "xx", "und", "english"} {
		if got, err := lang.ISO3Script(tag); err == nil || !strings.Contains(err.Error(), "is not a language tag") {
			t.Errorf("ISO3Script(%q) = %q, %v", tag, got, err)
		}
	}
}

func TestFromISO3Script(t *testing.T) {
	for _, tc := range []struct{ code, want string }{
		{"deu_Latn", "de"}, {"zho_Hans", "zh"}, {"zho_Hant", "zh-Hant"}, {"arb_Arab", "ar"}, {"arb-Latn", "ar-Latn"},
		{"ary_arab", "ary"}, {"pbt_Arab", "ps"}, {"kor_Hang", "ko"}, {"hin_Latn", "hi-Latn"}, {"ars_Arab", "ars-Arab"}, {"fuv_Latn", "ff"},
		{"nob_Latn", "no"}, {"ckb_Arab", "ckb"}, {"als_Latn", "sq"},
	} {
		if got, err := lang.FromISO3Script(tc.code); err != nil || got != tc.want {
			t.Errorf("FromISO3Script(%q) = %q, %v, want %q", tc.code, got, err, tc.want)
		}
	}
	for _, code := range []string{"", "xxx_Latn", "deu_Xyzw_Latn", "deu_Latn!", "acm_Arab"} {
		if got, err := lang.FromISO3Script(code); err == nil {
			t.Errorf("FromISO3Script(%q) = %q, want an error", code, got)
		}
	}
}

// belebele lists the codes of Belebele's files.
const belebele = `
	acm_Arab afr_Latn als_Latn amh_Ethi apc_Arab arb_Arab arb_Latn ars_Arab ary_Arab arz_Arab asm_Beng
	azj_Latn bam_Latn ben_Beng ben_Latn bod_Tibt bul_Cyrl cat_Latn ceb_Latn ces_Latn ckb_Arab dan_Latn
	deu_Latn ell_Grek eng_Latn est_Latn eus_Latn fin_Latn fra_Latn fuv_Latn gaz_Latn grn_Latn guj_Gujr
	hat_Latn hau_Latn heb_Hebr hin_Deva hin_Latn hrv_Latn hun_Latn hye_Armn ibo_Latn ilo_Latn ind_Latn
	isl_Latn ita_Latn jav_Latn jpn_Jpan kac_Latn kan_Knda kat_Geor kaz_Cyrl kea_Latn khk_Cyrl khm_Khmr
	kin_Latn kir_Cyrl kor_Hang lao_Laoo lin_Latn lit_Latn lug_Latn luo_Latn lvs_Latn mal_Mlym mar_Deva
	mkd_Cyrl mlt_Latn mri_Latn mya_Mymr nld_Latn nob_Latn npi_Deva npi_Latn nso_Latn nya_Latn ory_Orya
	pan_Guru pbt_Arab pes_Arab plt_Latn pol_Latn por_Latn ron_Latn rus_Cyrl shn_Mymr sin_Latn sin_Sinh
	slk_Latn slv_Latn sna_Latn snd_Arab som_Latn sot_Latn spa_Latn srp_Cyrl ssw_Latn sun_Latn swe_Latn
	swh_Latn tam_Taml tel_Telu tgk_Cyrl tgl_Latn tha_Thai tir_Ethi tsn_Latn tso_Latn tur_Latn ukr_Cyrl
	urd_Arab urd_Latn uzn_Latn vie_Latn war_Latn wol_Latn xho_Latn yor_Latn zho_Hans zho_Hant zsm_Latn
	zul_Latn
`

func TestBelebeleCodes(t *testing.T) {
	codes := strings.Fields(belebele)
	if len(codes) != 122 {
		t.Fatalf("%d codes, want 122", len(codes))
	}
	seen := make(map[string]string)
	for _, code := range codes {
		if code == "acm_Arab" || code == "apc_Arab" {
			continue // without a name in x/text
		}
		tag, err := lang.FromISO3Script(code)
		if err != nil {
			t.Errorf("%s: %v", code, err)
			continue
		}
		if other, twice := seen[tag]; twice {
			t.Errorf("%s and %s are both %s", code, other, tag)
		}
		seen[tag] = code
		got, err := lang.ISO3Script(tag)
		if want := strings.ReplaceAll(code, "_", "-"); err != nil || got != want {
			t.Errorf("%s is %s, which is %q, %v", code, tag, got, err)
		}
		if canonical, err := lang.Parse(tag); err != nil || canonical != tag {
			t.Errorf("%s is %s, which parses to %q, %v", code, tag, canonical, err)
		}
	}
}

func FuzzISO3Script(f *testing.F) {
	for _, seed := range []string{"th", "zh-TW", "ar-Latn", "ko", "deu_Latn", "ps", "acm", ""} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, in string) {
		code, err := lang.ISO3Script(in)
		if err != nil {
			return
		}
		tag, err := lang.FromISO3Script(code)
		if err != nil {
			t.Fatalf("%q is %q: %v", in, code, err)
		}
		if again, err := lang.ISO3Script(tag); err != nil || again != code {
			t.Errorf("%q is %q, %q is %q, %v", in, code, tag, again, err)
		}
	})
}
