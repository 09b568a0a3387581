package config_test

import (
	"strings"
	"testing"

	"github.com/query-synergy/query-synergy/internal/config"
)

func TestGenerator(t *testing.T) {
	const own, shared = "http://own.test/v1", "http://shared.test/v1"
	for name, tc := range map[string]struct {
		environ           map[string]string
		baseURL, key, err string // baseURL "" for no generator
	}{
		"none":                      {environ: map[string]string{"GENERATE_BASE_URL": own, "OPENAI_BASE_URL": shared}},
		"its own endpoint":          {environ: map[string]string{"GENERATE_MODEL": "m", "GENERATE_BASE_URL": own, "GENERATE_API_KEY": "k"}, baseURL: own, key: "k"},
		"OpenAI's endpoint and key": {environ: map[string]string{"GENERATE_MODEL": "m", "OPENAI_BASE_URL": shared, "OPENAI_API_KEY": "k"}, baseURL: shared, key: "k"},
		"OpenAI's key goes nowhere else": {
			environ: map[string]string{"GENERATE_MODEL": "m", "GENERATE_BASE_URL": own, "OPENAI_BASE_URL": shared, "OPENAI_API_KEY": "k"}, baseURL: own,
		},
		"no endpoint":      {environ: map[string]string{"GENERATE_MODEL": "m"}, err: "GENERATE_BASE_URL: is needed with GENERATE_MODEL"},
		"too many at once": {environ: map[string]string{"GENERATE_CONCURRENCY": "1000"}, err: "GENERATE_CONCURRENCY: is out of range"},
		"no time":          {environ: map[string]string{"GENERATE_TIMEOUT": "0s"}, err: "GENERATE_TIMEOUT: is out of range"},
		"no such address":  {environ: map[string]string{"GENERATE_MODEL": "m", "GENERATE_BASE_URL": "own"}, err: "GENERATE_BASE_URL: is not such a URL"},
	} {
		t.Run(name, func(t *testing.T) {
			tc.environ["HOME"] = "/home/somebody"
			settings, err := config.Load(tc.environ)
			if tc.err != "" {
				if err == nil || !strings.Contains(err.Error(), tc.err) {
					t.Errorf("error %v, want one that says %q", err, tc.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			got := settings.Generate
			if (got == nil) != (tc.baseURL == "") {
				t.Fatalf("got %+v", got)
			}
			if got == nil {
				return
			}
			if got.BaseURL != tc.baseURL || got.APIKey.Reveal() != tc.key || got.Model != "m" ||
				got.Timeout != config.DefaultGenerateTimeout || got.Concurrency != config.DefaultGenerateConcurrency {
				t.Errorf("got %+v with key %q", got, got.APIKey.Reveal())
			}
		})
	}
	model, cache := "flag", "off"
	settings, err := config.Load(map[string]string{"HOME": "/home/somebody", "GENERATE_MODEL": "env", "GENERATE_BASE_URL": own},
		config.GenerateFlags{Model: &model, Cache: &cache})
	if err != nil || settings.Generate.Model != "flag" || settings.Generate.CachePath != "" {
		t.Errorf("%+v, %v: want the flags' model and no cache", settings.Generate, err)
	}
}
