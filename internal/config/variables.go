package config

import (
	"fmt"
	"slices"
	"strconv"
)

// Variable is one environment variable that the commands read.
type Variable struct {
	Name    string
	Meaning string
	Expects string // what a right value is, as faults say it
	Default string // as text; "" where there is none
	Flag    string // the flag that overrides it, without dashes; "" where there is none
}

// Help is the variable's line in a command's help.
func (v Variable) Help() string {
	if v.Default == "" {
		return fmt.Sprintf("%s (env: %s).", v.Meaning, v.Name)
	}
	return fmt.Sprintf("%s (env: %s, default: %s).", v.Meaning, v.Name, v.Default)
}

const (
	expectURL      = "an http or https URL such as " + DefaultEmbeddingBaseURL
	expectObject   = `a JSON object such as {"input_type":"query"}`
	expectAPI      = APIChat + ", " + APILibreTranslate + " or " + APIApertium
	expectPath     = "a path"
	expectPathOff  = `a path, or "off"`
	expectText     = "text"
	expectKey      = "the key alone, on one line"
	expectKeyFile  = "the path of a text file of at most 64 KiB that holds the key alone"
	cacheFolder    = "the user's cache folder"
	programFolder  = "query-synergy"
	storeName      = "store"
	embeddingsFile = "embeddings.db"
	translateFile  = "translations.db"
	generateFile   = "generated.db"
	cacheOff       = "off"
)

const expectDuration = "a duration from 1ms to 1h such as 30s"

func expectWhole(high int) string { return fmt.Sprintf("a whole number from 1 to %d", high) }

// table lists every variable in the order in which faults are reported.
var table = []Variable{
	{"QDRANT_URL", "Qdrant server; unset means the embedded store", "a URL such as http://localhost:6334", "", "qdrant-url"},
	{"QDRANT_API_KEY", "Key of the Qdrant server", expectKey, "", ""},
	{"QDRANT_API_KEY_FILE", "File that holds QDRANT_API_KEY", expectKeyFile, "", ""},
	{"QDRANT_LOCAL_PATH", "Folder of the embedded store", expectPath,
		"$XDG_DATA_HOME or ~/.local/share, then /" + programFolder + "/" + storeName, "store"},
	{"QDRANT_TIMEOUT", "Longest wait for one Qdrant call", expectDuration, DefaultQdrantTimeout.String(), ""},

	{"OPENAI_BASE_URL", "OpenAI-compatible endpoint where no narrower variable names one", expectURL, "", ""},
	{"OPENAI_API_BASE", "Other name of OPENAI_BASE_URL", expectURL, "", ""},
	{"OPENAI_API_KEY", "Key of OPENAI_BASE_URL, or of " + openAI + " where that is unset; it goes nowhere else", expectKey, "", ""},
	{"OPENAI_API_KEY_FILE", "File that holds OPENAI_API_KEY", expectKeyFile, "", ""},

	{"EMBEDDING_BASE_URL", "Embedding endpoint", expectURL,
		"OPENAI_BASE_URL, then " + DefaultEmbeddingBaseURL, "embedding-url"},
	{"EMBEDDING_API_KEY", "Key of the embedding endpoint", expectKey,
		"OPENAI_API_KEY where the endpoint is the one that it belongs to", ""},
	{"EMBEDDING_API_KEY_FILE", "File that holds EMBEDDING_API_KEY", expectKeyFile, "", ""},
	{"EMBEDDING_MODEL", "Embedding model", expectText, DefaultEmbeddingModel, "model"},
	{"EMBEDDING_QUERY_PREFIX", "Put before every query; empty means none", expectText, "the model's", "query-prefix"},
	{"EMBEDDING_PASSAGE_PREFIX", "Put before every passage; empty means none", expectText, "the model's", "passage-prefix"},
	{"EMBEDDING_DOCUMENT_PREFIX", "Other name of EMBEDDING_PASSAGE_PREFIX", expectText, "", ""},
	{"EMBEDDING_INSTRUCTION", "Task description for models that take one; empty means none", expectText, "the model's", "instruction"},
	{"EMBEDDING_QUERY_BODY", "Extra fields of a request that embeds queries", expectObject, "the model's", ""},
	{"EMBEDDING_PASSAGE_BODY", "Extra fields of a request that embeds passages", expectObject, "the model's", ""},
	{"EMBEDDING_DIMENSIONS", "Width of the vectors, for models that let it be chosen", expectWhole(maxDimensions), "the model's", "dimensions"},
	{"EMBEDDING_BATCH_SIZE", "Texts in one request", expectWhole(maxBatchSize), strconv.Itoa(DefaultEmbeddingBatchSize), ""},
	{"EMBEDDING_CONCURRENCY", "Requests at once", expectWhole(maxConcurrency), strconv.Itoa(DefaultEmbeddingConcurrency), ""},
	{"EMBEDDING_TIMEOUT", "Longest wait for one attempt", expectDuration, DefaultEmbeddingTimeout.String(), ""},
	{"EMBEDDING_MAX_ATTEMPTS", "Attempts for one request", expectWhole(maxAttempts), strconv.Itoa(DefaultEmbeddingMaxAttempts), ""},
	{"EMBEDDING_CACHE", `File of the embedding cache; "off" for none`, expectPathOff,
		cacheFolder + ", then /" + programFolder + "/" + embeddingsFile, "embedding-cache"},
	{"EMBEDDING_CACHE_MB", "Size of the embedding cache in MiB", expectWhole(maxCacheMB), strconv.Itoa(DefaultEmbeddingCacheMB), ""},

	{"TRANSLATE_API", "What translates queries", expectAPI, APIChat, "translate-api"},
	{"TRANSLATE_BASE_URL", "Endpoint that translates queries; a translation server is asked where this is set, a chat model where TRANSLATE_MODEL is", expectURL,
		"OPENAI_BASE_URL for chat", "translate-url"},
	{"TRANSLATE_API_KEY", "Key of that endpoint", expectKey,
		"OPENAI_API_KEY where the endpoint is the one that it belongs to", ""},
	{"TRANSLATE_API_KEY_FILE", "File that holds TRANSLATE_API_KEY", expectKeyFile, "", ""},
	{"TRANSLATE_MODEL", "Chat model that translates queries", expectText, "", "translate-model"},
	{"TRANSLATE_PROMPT", "Prompt of chat models, with {query} and, if wanted, {source} and {target} for the languages", "a text with {query}", "the paper's", ""},
	{"TRANSLATE_TIMEOUT", "Longest wait for one translation", expectDuration, DefaultTranslateTimeout.String(), ""},
	{"TRANSLATE_CACHE", `File of the translation cache; "off" for none`, expectPathOff,
		cacheFolder + ", then /" + programFolder + "/" + translateFile, "translate-cache"},
	{"TRANSLATE_FALLBACK_API", "What translates where TRANSLATE_API fails", expectAPI, APIChat, ""},
	{"TRANSLATE_FALLBACK_BASE_URL", "Its endpoint; unset means that there is none", expectURL, "", ""},
	{"TRANSLATE_FALLBACK_API_KEY", "Its key", expectKey, "", ""},
	{"TRANSLATE_FALLBACK_API_KEY_FILE", "File that holds TRANSLATE_FALLBACK_API_KEY", expectKeyFile, "", ""},
	{"TRANSLATE_FALLBACK_MODEL", "Its chat model", expectText, "", ""},

	{"GENERATE_BASE_URL", "Endpoint of the chat model that writes queries for passages", expectURL, "OPENAI_BASE_URL", "generate-url"},
	{"GENERATE_API_KEY", "Key of that endpoint", expectKey,
		"OPENAI_API_KEY where the endpoint is the one that it belongs to", ""},
	{"GENERATE_API_KEY_FILE", "File that holds GENERATE_API_KEY", expectKeyFile, "", ""},
	{"GENERATE_MODEL", "Chat model that writes queries for passages", expectText, "", "generate-model"},
	{"GENERATE_CONCURRENCY", "Passages that it is asked about at once", expectWhole(maxConcurrency), strconv.Itoa(DefaultGenerateConcurrency), ""},
	{"GENERATE_TIMEOUT", "Longest wait for one attempt", expectDuration, DefaultGenerateTimeout.String(), ""},
	{"GENERATE_CACHE", `File of the cache of its replies; "off" for none`, expectPathOff,
		cacheFolder + ", then /" + programFolder + "/" + generateFile, "generate-cache"},

	{"QUERY_LAMBDA", "Weight of the source query, 1 means source only", "a number from 0 to 1", "the profile's, or else the model's, or else 0.5", "lambda"},
	{"QUERY_PROFILE", "File of tuned weights that evaluate tune wrote", expectPath, "", "profile"},
	{"ANCHOR_LANG", "Language of the anchor query", "a BCP 47 tag such as en", DefaultAnchorLang, "anchor-lang"},
	{"ANCHOR_TIMEOUT", "Longest wait of a query for its anchor; then it is answered without", expectDuration, DefaultAnchorTimeout.String(), "anchor-timeout"},

	{"QUERY_TOKEN", "Token that clients of query serve must show", expectKey, "", ""},
	{"QUERY_TOKEN_FILE", "File that holds QUERY_TOKEN", expectKeyFile, "", ""},
}

// Variables returns the table of all variables, in a fixed order.
func Variables() []Variable { return slices.Clone(table) }

// HelpVars returns the help line of every variable under its name, for kong to
// put into the help texts of the flags below.
func HelpVars() map[string]string {
	vars := make(map[string]string, len(table))
	for _, v := range table {
		vars[v.Name] = v.Help()
	}
	return vars
}
