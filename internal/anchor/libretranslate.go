package anchor

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"github.com/query-synergy/query-synergy/internal/lang"
)

// NewLibreTranslate returns a translator that speaks the API of LibreTranslate
// (https://docs.libretranslate.com). It sends nothing yet.
func NewLibreTranslate(config ServerConfig) (*Server, error) {
	return newServer(config, libreTranslate{apiKey: config.APIKey})
}

type libreTranslate struct{ apiKey string }

func (libreTranslate) origin() string { return OriginLibreTranslate }

// codes names its models' codes first: all versions understand zh, zt and pb,
// newer ones also list them as zh-Hans, zh-Hant and pt-BR.
func (libreTranslate) codes(tag string) []string {
	base := lang.Base(tag)
	switch {
	case base == "zh" && lang.Script(tag) == "Hant":
		return []string{"zt", "zh-Hant"}
	case base == "zh":
		return []string{"zh", "zh-Hans"}
	case tag == "pt-BR":
		return []string{"pb", "pt-BR", "pt"}
	case base == "pt":
		return []string{"pt", "pb", "pt-BR"}
	case base == "no":
		return []string{"nb", "no"}
	case base == "fil":
		return []string{"tl", "fil"}
	}
	return []string{base}
}

func (libreTranslate) listing(base string) string { return base + "/languages" }

func (libreTranslate) decodePairs(body []byte) (map[pair]bool, error) {
	languages, err := decodeJSON[[]struct {
		Code    string   `json:"code"`
		Targets []string `json:"targets"`
	}](body)
	if err != nil {
		return nil, err
	}
	pairs := map[pair]bool{}
	for _, language := range languages {
		for _, to := range language.Targets {
			pairs[pair{language.Code, to}] = true
		}
	}
	// Old servers list no targets: what they have goes into all.
	if len(pairs) == 0 {
		for _, from := range languages {
			for _, to := range languages {
				pairs[pair{from.Code, to.Code}] = true
			}
		}
	}
	if len(pairs) == 0 {
		return nil, errors.New("it lists no language")
	}
	return pairs, nil
}

func (l libreTranslate) translation(ctx context.Context, base, text string, p pair) (*http.Request, error) {
	fields := map[string]string{"q": text, "source": p.from, "target": p.to, "format": "text"}
	if l.apiKey != "" {
		fields["api_key"] = l.apiKey
	}
	body, err := json.Marshal(fields)
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, base+"/translate", bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	return request, nil
}

func (libreTranslate) decodeTranslation(body []byte) (string, error) {
	reply, err := decodeJSON[struct {
		TranslatedText *string `json:"translatedText"`
		Error          string  `json:"error"`
	}](body)
	switch {
	case err != nil:
		return "", err
	case reply.TranslatedText == nil:
		return "", errors.New(cmp.Or(excerpt(reply.Error), "it has no translatedText"))
	}
	return *reply.TranslatedText, nil
}
