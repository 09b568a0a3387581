package config_test

import (
	"strings"
	"testing"
	"time"

	"github.com/query-synergy/query-synergy/internal/config"
)

func TestTranslators(t *testing.T) {
	const server, other = "http://mt.test:5000", "http://other.test/v1"
	for name, tc := range map[string]struct {
		environ map[string]string
		want    *config.Translate // without timeout and cache
	}{
		"none":                     {map[string]string{}, nil},
		"a chat model":             {map[string]string{"TRANSLATE_MODEL": "m", "TRANSLATE_BASE_URL": other}, &config.Translate{API: config.APIChat, BaseURL: other, Model: "m"}},
		"OpenAI's endpoint":        {map[string]string{"TRANSLATE_MODEL": "m", "OPENAI_BASE_URL": other}, &config.Translate{API: config.APIChat, BaseURL: other, Model: "m"}},
		"an address, but no model": {map[string]string{"TRANSLATE_BASE_URL": server}, nil},
		"a server":                 {map[string]string{"TRANSLATE_API": "apertium", "TRANSLATE_BASE_URL": server}, &config.Translate{API: config.APIApertium, BaseURL: server}},
		"a prompt":                 {map[string]string{"TRANSLATE_MODEL": "m", "TRANSLATE_BASE_URL": other, "TRANSLATE_PROMPT": "In English: {query}"}, &config.Translate{API: config.APIChat, BaseURL: other, Model: "m", Prompt: "In English: {query}"}},
		"a fallback": {
			map[string]string{
				"TRANSLATE_API": "libretranslate", "TRANSLATE_BASE_URL": server,
				"TRANSLATE_FALLBACK_BASE_URL": other, "TRANSLATE_FALLBACK_MODEL": "m",
			},
			&config.Translate{
				API: config.APILibreTranslate, BaseURL: server,
				Fallback: &config.Translate{API: config.APIChat, BaseURL: other, Model: "m"},
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			tc.environ["HOME"] = "/home/somebody"
			settings, err := config.Load(tc.environ)
			if err != nil {
				t.Fatal(err)
			}
			got, want := settings.Translate, tc.want
			for ; got != nil && want != nil; got, want = got.Fallback, want.Fallback {
				if got.API != want.API || got.BaseURL != want.BaseURL || got.Model != want.Model || got.Prompt != want.Prompt {
					t.Errorf("got %+v, want %+v", got, want)
				}
				if got.Timeout != config.DefaultTranslateTimeout || got.CachePath == "" {
					t.Errorf("timeout %v, cache %q", got.Timeout, got.CachePath)
				}
			}
			if (got == nil) != (want == nil) {
				t.Errorf("got %+v, want %+v", got, want)
			}
		})
	}
}

func TestTranslatorFaults(t *testing.T) {
	for want, environ := range map[string]map[string]string{
		"TRANSLATE_API: is not known":                               {"TRANSLATE_API": "babelfish"},
		"TRANSLATE_BASE_URL: is needed":                             {"TRANSLATE_API": "apertium"},
		"TRANSLATE_FALLBACK_MODEL: is needed":                       {"TRANSLATE_MODEL": "m", "TRANSLATE_BASE_URL": "http://a.test", "TRANSLATE_FALLBACK_BASE_URL": "http://b.test"},
		"TRANSLATE_FALLBACK_BASE_URL: is set, but there is no tran": {"TRANSLATE_FALLBACK_BASE_URL": "http://b.test", "TRANSLATE_FALLBACK_MODEL": "m"},
		"ANCHOR_TIMEOUT: is out of range":                           {"ANCHOR_TIMEOUT": "0s"},
	} {
		environ["HOME"] = "/home/somebody"
		if _, err := config.Load(environ); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one that says %q", err, want)
		}
	}
}

// OpenAI's key must not go to a translation server, whoever's it is.
func TestOpenAIKeyStaysWithChat(t *testing.T) {
	settings, err := config.Load(map[string]string{
		"HOME": "/home/somebody", "OPENAI_BASE_URL": "http://mt.test", "OPENAI_API_KEY": "secret",
		"TRANSLATE_API": "libretranslate", "TRANSLATE_BASE_URL": "http://mt.test",
	})
	if err != nil || settings.Translate.APIKey.Reveal() != "" {
		t.Errorf("key %q (error %v), want none", settings.Translate.APIKey.Reveal(), err)
	}
}

func TestAnchorTimeout(t *testing.T) {
	wait := "300ms"
	settings, err := config.Load(map[string]string{"HOME": "/home/somebody", "ANCHOR_TIMEOUT": "1s"}, config.TranslateFlags{Wait: &wait})
	if err != nil || settings.Query.AnchorTimeout != 300*time.Millisecond {
		t.Errorf("%v (error %v), want the flag's 300ms", settings.Query.AnchorTimeout, err)
	}
}
