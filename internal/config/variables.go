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

const (
	expectTruth   = "true or false"
	expectPEM     = "the path of a PEM file"
	expectCount   = "a whole number from 1"
	expectKeyPath = "a key, or a path such as metadata.title"
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
	{"QDRANT_TLS", "Use TLS with the Qdrant server, also where its address does not say https", expectTruth, "", "tls"},
	{"QDRANT_CA_FILE", "Authorities to trust in place of the system's, for TLS", expectPEM, "", "qdrant-ca"},
	{"QDRANT_CERT_FILE", "Certificate that the server is shown", expectPEM, "", ""},
	{"QDRANT_KEY_FILE", "Key of QDRANT_CERT_FILE", expectPEM, "", ""},

	{"QDRANT_COLLECTION_OPTIONS", "File of the settings that follow, as docs/collections.md describes it", "the path of a JSON file", "", "collection-options"},
	{"QDRANT_SHARDS", "Shards of a collection", expectCount, "the server's", "shards"},
	{"QDRANT_REPLICATION", "Copies of each shard", expectCount, "the server's", "replication"},
	{"QDRANT_WRITE_CONSISTENCY", "Copies that must have taken a write", expectCount, "the server's", "write-consistency"},
	{"QDRANT_HNSW_M", "Edges a node of the approximate index", expectCount, "the server's", "hnsw-m"},
	{"QDRANT_HNSW_EF_CONSTRUCT", "Candidates that building it looks at", expectCount, "the server's", "hnsw-ef-construct"},
	{"QDRANT_HNSW_FULL_SCAN_KB", "Size of the vectors of a segment, in KB, below which it is not used", expectCount, "the server's", "hnsw-full-scan-kb"},
	{"QDRANT_ON_DISK", "What is read from the disk in place of the memory", "a list of vectors, payload and hnsw", "", "on-disk"},
	{"QDRANT_DATATYPE", "Type of the stored components", "float32 or float16", "float32", "datatype"},
	{"QDRANT_QUANTIZATION", "Small form of the vectors, which approximate searches go by first", "none, scalar, binary or product", "none", "quantization"},
	{"QDRANT_PAYLOAD_INDEXES", "Fields that filters shall be fast on", "a list such as year:integer,tags:keyword", "", "payload-index"},
	{"QDRANT_SHARD_KEY", "Shard key of a cluster that the points go behind; lang: the language", expectText, "", "shard-key"},

	{"QDRANT_LAYOUT", "Layout of another program's collection, or to write in", "langchain, llamaindex, mcp or plain", "", "layout"},
	{"QDRANT_TEXT_KEY", "Payload key of the text", expectKeyPath, "the layout's, or else text", "text-key"},
	{"QDRANT_TITLE_KEY", "Payload key of the title", expectKeyPath, "the layout's", "title-key"},
	{"QDRANT_ID_KEY", "Payload key of the document's id", expectKeyPath, "the layout's, or else the point's id", "id-key"},
	{"QDRANT_LANG_KEY", "Payload key of the language", expectKeyPath, "the layout's", "lang-key"},
	{"QDRANT_METADATA_KEY", "Payload key of the document's own fields; . for the whole payload", expectKeyPath, "the layout's", "metadata-key"},
	{"QDRANT_VECTOR_NAME", "Name of the vector", expectText, "the only one that there is", "vector-name"},
	{"FROM_QDRANT_API_KEY", "Key of the server that indexer copy --from names", expectKey, "", ""},
	{"FROM_QDRANT_API_KEY_FILE", "File that holds FROM_QDRANT_API_KEY", expectKeyFile, "", ""},
	{"TO_QDRANT_API_KEY", "Key of the server that indexer copy --to names", expectKey, "", ""},
	{"TO_QDRANT_API_KEY_FILE", "File that holds TO_QDRANT_API_KEY", expectKeyFile, "", ""},

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
	{"QUERY_FILTER", "Search only the documents that this holds for, as docs/filters.md describes it", "a filter such as year >= 2020", "", "filter"},
	{"QUERY_APPROXIMATE", "Let the server search by its approximate index; no answer is proven then", expectTruth, "false", "approximate"},
	{"QUERY_EF", "Candidates that an approximate search looks at", expectCount, "the collection's", "ef"},
	{"QUERY_OVERSAMPLING", "Times more candidates that quantised vectors choose for an approximate search, to be scored again", "a number from 1", "4", "oversampling"},
	{"QUERY_READ_CONSISTENCY", "Copies that must agree on what is read", "a number, majority, quorum or all", "one", "read-consistency"},
	{"QUERY_TIMEOUT", "Longest wait of a query for one Qdrant call", expectDuration, "QDRANT_TIMEOUT", "timeout"},

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
