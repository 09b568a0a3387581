package anchor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"golang.org/x/text/language"

	"github.com/query-synergy/query-synergy/internal/lang"
)

// NewApertium returns a translator that speaks the API of apertium-apy
// (https://wiki.apertium.org/wiki/Apertium-apy). It sends nothing yet.
func NewApertium(config ServerConfig) (*Server, error) {
	return newServer(config, apertium{apiKey: config.APIKey})
}

type apertium struct{ apiKey string }

func (apertium) origin() string { return OriginApertium }

// codes are ISO 639-3, with a region where a pair is for one, as in eng_US.
func (apertium) codes(tag string) []string {
	var codes []string
	code, _ := language.Make(lang.Base(tag)).Base()
	if _, region, ok := strings.Cut(tag, "-"); ok && len(region) == 2 {
		codes = append(codes, code.ISO3()+"_"+region)
	}
	switch code.String() {
	case "no":
		return append(codes, "nob", "nor")
	case "sr":
		return append(codes, "srp", "hbs")
	case "fa":
		return append(codes, "pes", "fas")
	case "ms":
		return append(codes, "msa", "zlm")
	}
	return append(codes, code.ISO3())
}

func (apertium) listing(base string) string { return base + "/listPairs" }

func (apertium) decodePairs(body []byte) (map[pair]bool, error) {
	reply, err := decodeJSON[struct {
		Data []struct {
			Source string `json:"sourceLanguage"`
			Target string `json:"targetLanguage"`
		} `json:"responseData"`
	}](body)
	if err != nil {
		return nil, err
	}
	pairs := map[pair]bool{}
	for _, p := range reply.Data {
		pairs[pair{p.Source, p.Target}] = true
	}
	if len(pairs) == 0 {
		return nil, errors.New("it lists no pair")
	}
	return pairs, nil
}

func (a apertium) translation(ctx context.Context, base, text string, p pair) (*http.Request, error) {
	fields := url.Values{"langpair": {p.from + "|" + p.to}, "q": {text}, "markUnknown": {"no"}}
	if a.apiKey != "" {
		fields.Set("key", a.apiKey)
	}
	return http.NewRequestWithContext(ctx, http.MethodGet, base+"/translate?"+fields.Encode(), nil)
}

func (apertium) decodeTranslation(body []byte) (string, error) {
	reply, err := decodeJSON[struct {
		Data struct {
			TranslatedText *string `json:"translatedText"`
		} `json:"responseData"`
		Details string `json:"responseDetails"`
		Status  int    `json:"responseStatus"`
	}](body)
	switch {
	case err != nil:
		return "", err
	case cmp.Or(reply.Status, http.StatusOK) != http.StatusOK:
		return "", fmt.Errorf("it says status %d: %q", reply.Status, excerpt(reply.Details))
	case reply.Data.TranslatedText == nil:
		return "", errors.New("it has no translatedText")
	}
	return *reply.Data.TranslatedText, nil
}
