package embedding

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"

	"github.com/cenkalti/backoff/v5"
	"github.com/sashabaranov/go-openai"

	"github.com/query-synergy/query-synergy/internal/endpoint"
	"github.com/query-synergy/query-synergy/internal/vector"
)

// embed fills in the vectors of a batch; a batch that the endpoint finds too
// large is sent in halves.
func (j *job) embed(ctx context.Context, batch []int) error {
	input := make([]string, len(batch))
	for at, i := range batch {
		input[at] = j.prefix + j.texts[i]
	}
	var vectors [][]float32
	err := j.endpoint.Call(ctx, func(ctx context.Context, attempt *endpoint.Attempt) error {
		reply, err := j.send(ctx, attempt, input)
		if err != nil {
			if isTooLarge(err) {
				return backoff.Permanent(err) // whatever its status
			}
			return err
		}
		if vectors, err = j.check(reply.Data, len(input)); err != nil {
			return err
		}
		j.count(Stats{Embedded: len(input), Tokens: reply.Usage.TotalTokens})
		return nil
	})
	switch {
	case err == nil:
		for at, i := range batch {
			j.vectors[i] = vectors[at]
		}
		return nil
	case !isTooLarge(err):
		return err
	case len(batch) == 1:
		return fmt.Errorf("text %d is too long for the endpoint (index smaller chunks): %w", j.firstAt[batch[0]], err)
	}
	half := len(batch) / 2
	if err := j.embed(ctx, batch[:half]); err != nil {
		return err
	}
	return j.embed(ctx, batch[half:])
}

// send makes one request. The client library is made anew for each: it is a
// struct around the HTTP client, which is the attempt's.
func (j *job) send(ctx context.Context, attempt *endpoint.Attempt, input []string) (openai.EmbeddingResponse, error) {
	j.count(Stats{Requests: 1})
	config := openai.DefaultConfig(j.config.APIKey)
	config.BaseURL = j.endpoint.BaseURL()
	config.HTTPClient = refuseNulls{attempt}
	request := openai.EmbeddingRequestStrings{
		Input: input,
		Model: openai.EmbeddingModel(j.config.Model),
		// Some servers refuse base64 and others misread it.
		EncodingFormat: openai.EmbeddingEncodingFormatFloat,
		ExtraBody:      j.body,
	}
	if j.config.Profile.RequestDimensions {
		request.Dimensions = j.config.Profile.Dimensions
	}
	return openai.NewClientWithConfig(config).CreateEmbeddings(ctx, request)
}

// check returns the vectors in the order of their index, scaled to unit length,
// or says what is wrong with them.
func (j *job) check(data []openai.Embedding, want int) ([][]float32, error) {
	if len(data) != want {
		return nil, fmt.Errorf("%d vectors for %d texts", len(data), want)
	}
	vectors := make([][]float32, want)
	width := len(data[0].Embedding)
	for _, item := range data {
		if item.Index < 0 || item.Index >= want {
			return nil, fmt.Errorf("vector index %d for %d texts", item.Index, want)
		}
		if vectors[item.Index] != nil {
			return nil, fmt.Errorf("two vectors with index %d", item.Index)
		}
		if err := vector.Check(item.Embedding, width); err != nil {
			return nil, fmt.Errorf("vector %d: %w", item.Index, err)
		}
		vectors[item.Index] = vector.Normalize(item.Embedding)
	}
	return vectors, j.settleDimensions(width)
}

// settleDimensions fixes the width of all vectors at the first one, where the
// profile did not.
func (c *Client) settleDimensions(width int) error {
	c.dimensions.CompareAndSwap(0, int64(width))
	if known := int(c.dimensions.Load()); width != known {
		return fmt.Errorf("vectors have %d dimensions, want %d (is %q the model that the endpoint serves?)",
			width, known, c.config.Model)
	}
	return nil
}

func (j *job) count(more Stats) {
	j.counting.Lock()
	defer j.counting.Unlock()
	j.stats.Embedded += more.Embedded
	j.stats.Requests += more.Requests
	j.stats.Tokens += more.Tokens
}

// tooLarge matches how servers say that a request or a text has too much in it:
// OpenAI, vLLM and text-embeddings-inference with 4xx, llama.cpp with 500.
var tooLarge = regexp.MustCompile(`(?i)too (large|long|many (inputs|tokens|texts))|maximum (context|input|batch|allowed)|context (length|size)|batch size`)

// isTooLarge says whether a smaller request might pass.
func isTooLarge(err error) bool {
	status, ok := errors.AsType[*endpoint.StatusError](err)
	if !ok {
		return false
	}
	switch status.Status {
	case http.StatusRequestEntityTooLarge:
		return true
	case http.StatusBadRequest, http.StatusUnprocessableEntity, http.StatusInternalServerError:
		return tooLarge.MatchString(status.Message)
	}
	return false
}
