package config

import "strconv"

// Flags are command-line flags that override variables. The types below are
// for kong commands to embed. All are texts, checked by Load, so that a flag
// and its variable mean the same; keys have no flag, as every process may read
// a command line.
type Flags interface {
	// overrides returns the values by variable, nil for a flag not given.
	overrides() map[string]*string
}

// StoreFlags say where the vectors are.
type StoreFlags struct {
	QdrantURL *string `name:"qdrant-url" placeholder:"URL" help:"${QDRANT_URL}"`
	LocalPath *string `name:"store" placeholder:"DIR" help:"${QDRANT_LOCAL_PATH}"`
	TLS       *bool   `name:"tls" help:"${QDRANT_TLS}"`
	CAFile    *string `name:"qdrant-ca" placeholder:"FILE" help:"${QDRANT_CA_FILE}"`
}

func (f StoreFlags) overrides() map[string]*string {
	return map[string]*string{
		"QDRANT_URL": f.QdrantURL, "QDRANT_LOCAL_PATH": f.LocalPath, "QDRANT_TLS": truth(f.TLS), "QDRANT_CA_FILE": f.CAFile,
	}
}

// truth is a flag without a value, as its variable says it.
func truth(flag *bool) *string {
	if flag == nil {
		return nil
	}
	text := strconv.FormatBool(*flag)
	return &text
}

// EmbeddingFlags say how texts become vectors.
type EmbeddingFlags struct {
	BaseURL       *string `name:"embedding-url" placeholder:"URL" help:"${EMBEDDING_BASE_URL}"`
	Model         *string `name:"model" placeholder:"NAME" help:"${EMBEDDING_MODEL}"`
	QueryPrefix   *string `name:"query-prefix" placeholder:"TEXT" help:"${EMBEDDING_QUERY_PREFIX}"`
	PassagePrefix *string `name:"passage-prefix" placeholder:"TEXT" help:"${EMBEDDING_PASSAGE_PREFIX}"`
	Instruction   *string `name:"instruction" placeholder:"TEXT" help:"${EMBEDDING_INSTRUCTION}"`
	Dimensions    *string `name:"dimensions" placeholder:"N" help:"${EMBEDDING_DIMENSIONS}"`
	Cache         *string `name:"embedding-cache" placeholder:"FILE" help:"${EMBEDDING_CACHE}"`
}

func (f EmbeddingFlags) overrides() map[string]*string {
	return map[string]*string{
		"EMBEDDING_BASE_URL":       f.BaseURL,
		"EMBEDDING_MODEL":          f.Model,
		"EMBEDDING_QUERY_PREFIX":   f.QueryPrefix,
		"EMBEDDING_PASSAGE_PREFIX": f.PassagePrefix,
		"EMBEDDING_INSTRUCTION":    f.Instruction,
		"EMBEDDING_DIMENSIONS":     f.Dimensions,
		"EMBEDDING_CACHE":          f.Cache,
	}
}

// TranslateFlags say how an anchor query is made.
type TranslateFlags struct {
	API     *string `name:"translate-api" placeholder:"NAME" help:"${TRANSLATE_API}"`
	BaseURL *string `name:"translate-url" placeholder:"URL" help:"${TRANSLATE_BASE_URL}"`
	Model   *string `name:"translate-model" placeholder:"NAME" help:"${TRANSLATE_MODEL}"`
	Cache   *string `name:"translate-cache" placeholder:"FILE" help:"${TRANSLATE_CACHE}"`
	Wait    *string `name:"anchor-timeout" placeholder:"TIME" help:"${ANCHOR_TIMEOUT}"`
}

func (f TranslateFlags) overrides() map[string]*string {
	return map[string]*string{
		"TRANSLATE_API":      f.API,
		"TRANSLATE_BASE_URL": f.BaseURL,
		"TRANSLATE_MODEL":    f.Model,
		"TRANSLATE_CACHE":    f.Cache,
		"ANCHOR_TIMEOUT":     f.Wait,
	}
}

// GenerateFlags say what writes queries for passages.
type GenerateFlags struct {
	BaseURL *string `name:"generate-url" placeholder:"URL" help:"${GENERATE_BASE_URL}"`
	Model   *string `name:"generate-model" placeholder:"NAME" help:"${GENERATE_MODEL}"`
	Cache   *string `name:"generate-cache" placeholder:"FILE" help:"${GENERATE_CACHE}"`
}

func (f GenerateFlags) overrides() map[string]*string {
	return map[string]*string{"GENERATE_BASE_URL": f.BaseURL, "GENERATE_MODEL": f.Model, "GENERATE_CACHE": f.Cache}
}

// QueryFlags say how a query is answered.
type QueryFlags struct {
	Lambda     *string `name:"lambda" placeholder:"F" help:"${QUERY_LAMBDA}"`
	Profile    *string `name:"profile" placeholder:"FILE" help:"${QUERY_PROFILE}"`
	AnchorLang *string `name:"anchor-lang" placeholder:"TAG" help:"${ANCHOR_LANG}"`
}

func (f QueryFlags) overrides() map[string]*string {
	return map[string]*string{"QUERY_LAMBDA": f.Lambda, "QUERY_PROFILE": f.Profile, "ANCHOR_LANG": f.AnchorLang}
}
