package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/url"
	"os"
	"strings"
	"unicode"
)

// openAI is whose key OPENAI_API_KEY is where OPENAI_BASE_URL names nobody
// else.
const openAI = "https://api.openai.com/v1"

// maxKeyFile is the largest key file, in bytes. A larger one is another file.
const maxKeyFile = 64 << 10

// openAIEndpoint is what the OPENAI_* variables say.
type openAIEndpoint struct {
	baseURL string
	key     Secret
}

func (r *reader) openAI() openAIEndpoint {
	v := &r.vars
	baseURL := r.baseURL("OPENAI_BASE_URL", v.OpenAIBaseURL)
	alias := r.baseURL("OPENAI_API_BASE", v.OpenAIAPIBase)
	switch {
	case baseURL == "":
		baseURL = alias
	case alias != "" && alias != baseURL:
		r.fault("OPENAI_API_BASE", "differs from OPENAI_BASE_URL")
	}
	return openAIEndpoint{baseURL: baseURL, key: r.secret("OPENAI_API_KEY", v.OpenAIAPIKey, v.OpenAIAPIKeyFile)}
}

// keyFor returns the key where it belongs to the endpoint at target: scheme,
// host and port must be the same.
func (e openAIEndpoint) keyFor(target string) Secret {
	own := e.baseURL
	if own == "" {
		own = openAI
	}
	if origin(target) == "" || origin(target) != origin(own) {
		return Secret{}
	}
	return e.key
}

// baseURL returns value where it is empty or a usable base URL.
func (r *reader) baseURL(name, value string) string {
	value = strings.TrimSpace(value)
	if value != "" && origin(value) == "" {
		r.fault(name, "is not such a URL")
		return ""
	}
	return value
}

// origin returns scheme, host and port of an http or https URL, "" for
// anything else.
func origin(raw string) string {
	u, err := url.Parse(raw)
	if err != nil || u.Hostname() == "" || u.RawQuery != "" || u.Fragment != "" {
		return ""
	}
	port := u.Port()
	switch {
	case u.Scheme == "http" && port == "":
		port = "80"
	case u.Scheme == "https" && port == "":
		port = "443"
	case u.Scheme != "http" && u.Scheme != "https":
		return ""
	}
	return u.Scheme + "://" + strings.ToLower(u.Hostname()) + ":" + port
}

// secret returns the key that the variable holds, or that the file holds which
// the variable with _FILE names.
func (r *reader) secret(name, value, file string) Secret {
	if file != "" {
		fileName := name + "_FILE"
		if value != "" {
			r.fault(fileName, "is set together with "+name)
			return Secret{}
		}
		var problem string
		if value, problem = readKey(file); problem != "" {
			r.fault(fileName, problem)
			return Secret{}
		}
		name = fileName
	}
	if strings.ContainsFunc(value, unprintable) {
		r.fault(name, "holds a space, a line break or another character that no key has")
		return Secret{}
	}
	return NewSecret(value)
}

func unprintable(c rune) bool { return unicode.IsSpace(c) || !unicode.IsPrint(c) }

// readKey returns a key file's text without its line end, or what is wrong.
// That never repeats the path: it may be the key itself.
func readKey(path string) (key, problem string) {
	file, err := os.Open(path)
	if err != nil {
		return "", cause(err)
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, maxKeyFile+1))
	switch {
	case err != nil:
		return "", cause(err)
	case len(text) > maxKeyFile:
		return "", "names a file that is larger"
	}
	key = strings.TrimRight(string(text), "\r\n")
	if key == "" {
		return "", "names an empty file"
	}
	return key, ""
}

// cause returns why a file could not be read, without its path.
func cause(err error) string {
	if fault, ok := errors.AsType[*os.PathError](err); ok {
		err = fault.Err
	}
	return "names a file that cannot be read (" + err.Error() + ")"
}

// optional tells a variable that is set to nothing from one that is unset,
// which env/v11 does not.
func (r *reader) optional(name string) *string {
	value, ok := r.environ[name]
	if !ok {
		return nil
	}
	return &value
}

// either returns the variable's value or its alias's. A flag silences the
// alias, which otherwise must agree.
func (r *reader) either(name, alias string) *string {
	value, other := r.optional(name), r.optional(alias)
	if value == nil {
		return other
	}
	if _, flag := r.names[name]; !flag && other != nil && *other != *value {
		r.fault(alias, "differs from "+name)
	}
	return value
}

// object returns a JSON object's fields, nil for an empty value.
func (r *reader) object(name, value string) map[string]any {
	if value == "" {
		return nil
	}
	decoder := json.NewDecoder(bytes.NewReader([]byte(value)))
	decoder.UseNumber() // as written, whatever its size
	var fields map[string]any
	if err := decoder.Decode(&fields); err != nil || fields == nil {
		r.fault(name, "is not a JSON object")
		return nil
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		r.fault(name, "has something after the JSON object")
		return nil
	}
	return fields
}
