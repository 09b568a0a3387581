package qdrant

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	qc "github.com/qdrant/go-client/qdrant"

	"github.com/query-synergy/query-synergy/internal/filter"
)

// Layout says where the points of a collection have what. Its keys are those of
// the payload; of another program's collection they may be paths, such as
// metadata.title. The zero Layout stands for OwnLayout.
type Layout struct {
	DocID string `json:"doc_id,omitempty"` // empty: the point's id is the document's
	Lang  string `json:"lang,omitempty"`   // empty: the language is the index's
	Title string `json:"title,omitempty"`  // empty: none
	Text  string `json:"text,omitempty"`
	// Metadata holds the document's own fields; empty: all fields besides the
	// text are its own.
	Metadata string `json:"metadata,omitempty"`
	// Vector names the vectors; empty: they have no name. Of another program's
	// collection with a single vector it need not be said.
	Vector string `json:"vector,omitempty"`
	// TextInJSON is set where Text leads to a JSON object as a string: the key of
	// the text in there.
	TextInJSON string `json:"text_in_json,omitempty"`
	// NoDocID is what stands at DocID where there is none.
	NoDocID string `json:"no_doc_id,omitempty"`
}

// OwnLayout is how this program writes unless told otherwise.
func OwnLayout() Layout {
	return Layout{DocID: keyDocID, Lang: keyLang, Title: keyTitle, Text: keyText, Metadata: keyMetadata}
}

// Layouts of other programs, by name, as they write by default: LangChain's
// langchain-qdrant, LlamaIndex's llama-index-vector-stores-qdrant, Qdrant's
// mcp-server-qdrant; and points whose payload is the document itself, as people
// write them with a client.
var layouts = map[string]Layout{
	"langchain": {Text: "page_content", Metadata: "metadata", Title: "metadata.title"},
	"llamaindex": {
		Text: "_node_content", TextInJSON: "text", DocID: "doc_id", NoDocID: "None",
	},
	"mcp":   {Text: "document", Metadata: "metadata"},
	"plain": {Text: "text", Title: "title"},
}

// LayoutNames returns the names of other programs' layouts.
func LayoutNames() []string { return []string{"langchain", "llamaindex", "mcp", "plain"} }

// NamedLayout returns another program's layout.
func NamedLayout(name string) (Layout, error) {
	l, ok := layouts[name]
	if !ok {
		return Layout{}, fmt.Errorf("layout %q: want one of %s", cut(name), strings.Join(LayoutNames(), ", "))
	}
	return l, nil
}

// reserved are the keys that an index of this program's has in any layout.
var reserved = []string{keyChunk, keyChunks, keyContentHash, keyVector}

// ValidateOwn returns an error unless an index of this program's can be written
// in this layout: it must have all that OwnLayout has.
func (l Layout) ValidateOwn() error {
	if l == (Layout{}) {
		return nil
	}
	keys := map[string]string{}
	var errs []error
	for _, field := range []struct{ what, key string }{
		{"document id", l.DocID}, {"language", l.Lang}, {"title", l.Title}, {"text", l.Text}, {"metadata", l.Metadata},
	} {
		path, err := filter.ParsePath(field.key)
		switch {
		case err != nil || len(path) != 1 || path[0].Key != field.key:
			errs = append(errs, fmt.Errorf("payload key %q of the %s: want one of letters, digits, _ and -", cut(field.key), field.what))
		case slices.Contains(reserved, field.key):
			errs = append(errs, fmt.Errorf("payload key %q of the %s is this program's own", field.key, field.what))
		case keys[field.key] != "":
			errs = append(errs, fmt.Errorf("payload key %q is that of both %s and %s", field.key, keys[field.key], field.what))
		}
		keys[field.key] = field.what
	}
	if l.TextInJSON != "" || l.NoDocID != "" {
		errs = append(errs, errors.New("an index cannot be written in LlamaIndex's layout, which holds its own objects"))
	}
	return errors.Join(errs...)
}

// validateForeign returns an error unless points can be read by this layout.
func (l Layout) validateForeign() error {
	if l.Text == "" {
		return errors.New("the layout does not say where the text is")
	}
	var errs []error
	for _, key := range []string{l.DocID, l.Lang, l.Title, l.Text, l.Metadata} {
		if key == "" {
			continue
		}
		if _, err := filter.ParsePath(key); err != nil {
			errs = append(errs, fmt.Errorf("payload key %q: %w", cut(key), err))
		}
	}
	return errors.Join(errs...)
}

// differ returns in what the layout of an index is not that of a run.
func (l Layout) differ(run Layout) []string {
	var differences []string
	a, b := l.orOwn(), run.orOwn()
	for _, field := range []struct{ name, index, run string }{
		{"key of the document id", a.DocID, b.DocID}, {"key of the language", a.Lang, b.Lang},
		{"key of the title", a.Title, b.Title}, {"key of the text", a.Text, b.Text},
		{"key of the metadata", a.Metadata, b.Metadata}, {"vector name", a.Vector, b.Vector},
	} {
		if field.index != field.run {
			differences = append(differences, fmt.Sprintf("%s: index has %s, this run has %s", field.name, shown(field.index), shown(field.run)))
		}
	}
	return differences
}

func (l Layout) orOwn() Layout {
	if l == (Layout{}) {
		return OwnLayout()
	}
	return l
}

// layout is the collection's.
func (c Collection) layout() Layout { return c.Schema.Layout.orOwn() }

// fieldPath leads to a field of a filter, in Qdrant's words.
func (c Collection) fieldPath(p filter.Path) string {
	l := c.layout()
	own := map[string]string{keyDocID: l.DocID, keyLang: l.Lang, keyTitle: l.Title, keyText: l.Text, keyMetadata: l.Metadata}
	if !c.Foreign {
		for _, key := range reserved {
			own[key] = key
		}
	}
	root, named := own[p[0].Key], false
	if root != "" { // else a field of the document's own has that name
		p, named = p[1:], true
	}
	if !named && l.Metadata != "" {
		root = l.Metadata
	}
	if root == "" {
		return p.String()
	}
	path, err := filter.ParsePath(root)
	if err != nil { // no layout that was checked
		path = filter.Path{filter.Key(root)}
	}
	return slices.Concat(path, p).String()
}

// payload reads a point's.
func (c Collection) payload(id string, values map[string]*qc.Value) Payload {
	l := c.layout()
	p := Payload{
		DocID: textAt(values, l.DocID),
		Lang:  textAt(values, l.Lang),
		Title: textAt(values, l.Title),
		Text:  textAt(values, l.Text),
	}
	if fields := metadataAt(values, l); len(fields) > 0 {
		p.Metadata = fromFields(fields)
	}
	if !c.Foreign {
		p.Chunk = int(values[keyChunk].GetIntegerValue())
		p.Chunks = int(values[keyChunks].GetIntegerValue())
		p.ContentHash = values[keyContentHash].GetStringValue()
		p.Vector = int(values[keyVector].GetIntegerValue())
		return p
	}
	p.Chunks = 1 // what chunks of a document there are, nobody says
	if p.DocID == "" || p.DocID == l.NoDocID {
		p.DocID = id
	}
	if p.Lang == "" {
		p.Lang = c.Key.Lang
	}
	if l.TextInJSON != "" {
		p.Text = textInJSON(p.Text, l.TextInJSON)
	}
	return p
}

// textInJSON returns a text out of a JSON object. Newer versions of LlamaIndex
// wrap some texts in an object once more.
func textInJSON(object, key string) string {
	var fields map[string]json.RawMessage
	if json.Unmarshal([]byte(object), &fields) != nil {
		return ""
	}
	var text string
	if json.Unmarshal(fields[key], &text) == nil && text != "" {
		return text
	}
	var resource struct{ Text string }
	if json.Unmarshal(fields[key+"_resource"], &resource) != nil {
		return ""
	}
	return resource.Text
}

// metadataAt returns the document's own fields.
func metadataAt(values map[string]*qc.Value, l Layout) map[string]*qc.Value {
	if l.Metadata != "" {
		return valueAt(values, l.Metadata).GetStructValue().GetFields()
	}
	fields := make(map[string]*qc.Value, len(values))
	text := firstKey(l.Text)
	for key, v := range values {
		if key != text {
			fields[key] = v
		}
	}
	return fields
}

// textAt returns a string or a number, as text; "" for anything else.
func textAt(values map[string]*qc.Value, key string) string {
	switch v := valueAt(values, key).GetKind().(type) {
	case *qc.Value_StringValue:
		return v.StringValue
	case *qc.Value_IntegerValue:
		return strconv.FormatInt(v.IntegerValue, 10)
	case *qc.Value_DoubleValue:
		return strconv.FormatFloat(v.DoubleValue, 'g', -1, 64)
	default:
		return ""
	}
}

// valueAt follows a key or path; nil where it leads nowhere.
func valueAt(values map[string]*qc.Value, key string) *qc.Value {
	if v, ok := values[key]; ok || key == "" {
		return v
	}
	path, err := filter.ParsePath(key)
	if err != nil {
		return nil
	}
	var v *qc.Value
	for i, step := range path {
		switch {
		case i == 0:
			v = values[step.Key]
		case step.Element == nil:
			v = v.GetStructValue().GetFields()[step.Key]
		default:
			list := v.GetListValue().GetValues()
			at := max(0, *step.Element) // the first stands for each
			if at >= len(list) {
				return nil
			}
			v = list[at]
		}
	}
	return v
}

// firstKey is the key of the payload that a key or path begins with.
func firstKey(key string) string {
	path, err := filter.ParsePath(key)
	if err != nil {
		return key
	}
	return path[0].Key
}

// vectors is a point's vector as it is stored.
func (l Layout) vectors(v []float32) *qc.Vectors {
	if l.Vector == "" {
		return qc.NewVectorsDense(v)
	}
	return qc.NewVectorsMap(map[string]*qc.Vector{l.Vector: qc.NewVectorDense(v)})
}

// withVectors asks for the vector, and for no other that a point may have.
func (l Layout) withVectors(wanted bool) *qc.WithVectorsSelector {
	if !wanted || l.Vector == "" {
		return qc.NewWithVectors(wanted)
	}
	return qc.NewWithVectorsInclude(l.Vector)
}

// dense is the vector of an answer, nil where it holds none.
func (l Layout) dense(v *qc.VectorsOutput) []float32 {
	if l.Vector != "" {
		return v.GetVectors().GetVectors()[l.Vector].GetDenseVector().GetData()
	}
	return v.GetVector().GetDenseVector().GetData()
}

func (l Layout) vectorsConfig(params *qc.VectorParams) *qc.VectorsConfig {
	if l.Vector == "" {
		return qc.NewVectorsConfig(params)
	}
	return qc.NewVectorsConfigMap(map[string]*qc.VectorParams{l.Vector: params})
}

// paramsOf is how a collection holds the vector, nil where it has no such one.
func (l Layout) paramsOf(info *qc.CollectionInfo) *qc.VectorParams {
	config := info.GetConfig().GetParams().GetVectorsConfig()
	if l.Vector == "" {
		return config.GetParams()
	}
	return config.GetParamsMap().GetMap()[l.Vector]
}
