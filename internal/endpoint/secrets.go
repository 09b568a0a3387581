package endpoint

import (
	"encoding/base64"
	"encoding/json"
	"net/url"
	"strings"
)

// secrets are the texts that no error may show, in every form in which a server
// may echo them.
type secrets []string

func newSecrets(key string, user *url.Userinfo) secrets {
	password, _ := user.Password()
	var all secrets
	for _, secret := range []string{key, password} {
		if secret == "" {
			continue
		}
		all = append(all, secret, jsonEscaped(secret), url.QueryEscape(secret), url.PathEscape(secret))
	}
	if password != "" {
		all = append(all, base64.StdEncoding.EncodeToString([]byte(user.Username()+":"+password)))
	}
	return all
}

// mask replaces every secret in text.
func (s secrets) mask(text string) string {
	for _, secret := range s {
		text = strings.ReplaceAll(text, secret, "[key]")
	}
	return text
}

// dropPartial removes the beginning of a secret from the end of a text that was
// cut there.
func (s secrets) dropPartial(text string) string {
	for _, secret := range s {
		for n := min(len(secret)-1, len(text)); n > 0; n-- {
			if strings.HasSuffix(text, secret[:n]) {
				text = text[:len(text)-n]
				break
			}
		}
	}
	return text
}

func jsonEscaped(text string) string {
	quoted, err := json.Marshal(text)
	if err != nil { // not possible for a string
		return text
	}
	return string(quoted[1 : len(quoted)-1])
}
