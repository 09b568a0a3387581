package anchor_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/query-synergy/query-synergy/internal/anchor"
	"github.com/query-synergy/query-synergy/internal/embedding/embeddingtest"
)

var spanish = anchor.Request{Text: "¿Dónde está la capital?", From: "es", To: "en"}

// kinds are the servers of the two APIs: how a client for one is made, and one
// that answers every request rightly.
var kinds = map[string]struct {
	open  func(anchor.ServerConfig) (*anchor.Server, error)
	right http.HandlerFunc
}{
	"libretranslate": {anchor.NewLibreTranslate, func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, `{"translatedText":%q}`, where)
	}},
	"apertium": {anchor.NewApertium, func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, `{"responseData":{"translatedText":%q},"responseDetails":null,"responseStatus":200}`, where)
	}},
}

// serve starts handler and returns a client of the kind for it.
func serve(t *testing.T, kind string, timeout time.Duration, handler http.Handler) *anchor.Server {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
	})
	client, err := kinds[kind].open(anchor.ServerConfig{BaseURL: server.URL + "/", APIKey: key, Timeout: timeout})
	if err != nil {
		t.Fatal(err)
	}
	return client
}

func TestLibreTranslateRequest(t *testing.T) {
	client := serve(t, "libretranslate", time.Minute, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var got map[string]string
		if err := json.NewDecoder(r.Body).Decode(&got); err != nil || r.Method != http.MethodPost || r.URL.String() != "/translate" || r.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%s %s, %v, headers %v", r.Method, r.URL, err, r.Header)
		}
		if want := fmt.Sprint(map[string]string{"q": spanish.Text, "source": "es", "target": "en", "format": "text", "api_key": key}); fmt.Sprint(got) != want {
			t.Errorf("sent %v, want %v", got, want)
		}
		fmt.Fprint(w, `{"alternatives":[],"translatedText":" Where is the cafe\u0301?"}`)
	}))
	got, err := client.Translate(t.Context(), spanish)
	if want := (anchor.Anchor{Text: "Where is the café?", Lang: "en", Origin: "libretranslate"}); err != nil || got != want {
		t.Errorf("%+v, %v, want %+v", got, err, want)
	}
}

func TestApertiumRequest(t *testing.T) {
	client := serve(t, "apertium", time.Minute, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet || r.URL.Path != "/translate" {
			t.Errorf("%s %s", r.Method, r.URL)
		}
		want := map[string][]string{"langpair": {"spa|eng"}, "q": {spanish.Text}, "markUnknown": {"no"}, "key": {key}}
		if got := r.URL.Query(); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("sent %v, want %v", got, want)
		}
		kinds["apertium"].right(w, r)
	}))
	got, err := client.Translate(t.Context(), spanish)
	if want := (anchor.Anchor{Text: where, Lang: "en", Origin: "apertium"}); err != nil || got != want {
		t.Errorf("%+v, %v, want %+v", got, err, want)
	}
}

// A server's codes are guessed, and learnt where the guess is refused.
func TestServerCodes(t *testing.T) {
	const (
		old    = `[{"code":"zh","name":"Chinese"},{"code":"en"},{"code":"nb"},{"code":"pt"}]`
		recent = `[{"code":"zh-Hans","targets":["en","zh-Hans"]},{"code":"zh-Hant","targets":["en"]},{"code":"pt-BR","targets":["en"]},{"code":"en","targets":["zh-Hans"]}]`
		pairs  = `{"responseData":[{"sourceLanguage":"nno","targetLanguage":"nob"},{"sourceLanguage":"spa","targetLanguage":"eng"},{"sourceLanguage":"hbs","targetLanguage":"eng_US"},{"sourceLanguage":"spa","targetLanguage":"eng_US"},{"sourceLanguage":"fas","targetLanguage":"eng"}],"responseStatus":200}`
	)
	for _, test := range []struct {
		kind, listing, from, to string
		asked                   string // pairs asked for, in order
		none                    bool   // the server has no such pair
	}{
		{"libretranslate", old, "zh", "en", "zh>en", false},
		{"libretranslate", old, "zh-CN", "en", "zh>en", false},
		{"libretranslate", old, "no", "en-GB", "nb>en", false},
		{"libretranslate", old, "pt-BR", "en", "pb>en pt>en", false},
		{"libretranslate", old, "zh-Hant", "en", "zt>en", true},
		{"libretranslate", recent, "zh-TW", "en", "zt>en zh-Hant>en", false},
		{"libretranslate", recent, "en", "zh", "en>zh en>zh-Hans", false},
		{"libretranslate", recent, "pt", "en", "pt>en pt-BR>en", false},
		{"libretranslate", recent, "th", "en", "th>en", true},
		{"apertium", pairs, "es", "en", "spa>eng", false},
		{"apertium", pairs, "es", "en-US", "spa>eng_US", false},
		{"apertium", pairs, "es-MX", "en", "spa_MX>eng spa>eng", false},
		{"apertium", pairs, "nn", "no", "nno>nob", false},
		{"apertium", pairs, "fa", "en", "pes>eng fas>eng", false},
		{"apertium", pairs, "sr", "en-US", "srp>eng_US hbs>eng_US", false},
		{"apertium", pairs, "th", "en", "tha>eng", true},
	} {
		t.Run(fmt.Sprint(test.kind, " ", test.from, " ", test.to), func(t *testing.T) {
			server := &codedServer{listing: test.listing}
			client := serve(t, test.kind, time.Minute, server)
			text := map[string]string{"zh": "首都", "no": "hovedstaden"}[test.to] + " 2026"
			for range 2 {
				_, err := client.Translate(t.Context(), anchor.Request{Text: text, From: test.from, To: test.to})
				if errors.Is(err, anchor.ErrNoTranslation) != test.none || err != nil && !test.none {
					t.Fatalf("%v", err)
				}
			}
			// The second request goes by what the first one learnt.
			asked := strings.Fields(test.asked)
			want := strings.Join(append(asked, asked[len(asked)-1]), " ")
			if test.none {
				want = test.asked
			}
			if got := strings.Join(server.asked, " "); got != want || server.listed > 1 {
				t.Errorf("asked for %s after %d listings, want %s", got, server.listed, want)
			}
		})
	}
}

// codedServer has the pairs of a listing and refuses others with 400, as both
// kinds of servers do.
type codedServer struct {
	listing string
	listed  int
	asked   []string
}

func (s *codedServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var from, to string
	switch r.URL.Path {
	case "/languages", "/listPairs":
		s.listed++
		fmt.Fprint(w, s.listing)
		return
	default:
		var fields struct{ Source, Target string }
		_ = json.NewDecoder(r.Body).Decode(&fields)
		from, to = fields.Source, fields.Target
		if pair := r.URL.Query().Get("langpair"); pair != "" {
			from, to, _ = strings.Cut(pair, "|")
		}
	}
	s.asked = append(s.asked, from+">"+to)
	if !strings.Contains(s.listing, `"`+from+`"`) || !strings.Contains(s.listing, `"`+to+`"`) {
		http.Error(w, `{"error":"`+from+` is not supported"}`, http.StatusBadRequest)
		return
	}
	fmt.Fprint(w, `{"translatedText":"2026","responseData":{"translatedText":"2026"}}`)
}

func TestServerFaultsThatPass(t *testing.T) {
	for kind, api := range kinds {
		for _, fault := range []embeddingtest.Fault{
			embeddingtest.RateLimited("1"), embeddingtest.ServerError, embeddingtest.StringError, embeddingtest.Cut, embeddingtest.CutEarly,
			embeddingtest.HTML, embeddingtest.Garbage, embeddingtest.Empty,
			embeddingtest.Body("truncated JSON", `{"translatedText":"Whe`), embeddingtest.Body("null", "null"),
			embeddingtest.Body("an error under 200", `{"error":"busy","responseStatus":500,"responseDetails":"busy"}`),
			embeddingtest.Body("numbers", `{"translatedText":7,"responseData":7}`),
			embeddingtest.Body("2 MB in one text", `{"translatedText":"`+strings.Repeat("a", 2<<20)+`"}`),
		} {
			t.Run(kind+" "+fault.Name, func(t *testing.T) {
				t.Parallel()
				script := embeddingtest.Misbehave(api.right, fault)
				got, err := serve(t, kind, time.Minute, script).Translate(t.Context(), spanish)
				if err != nil || got.Text != where || script.Requests() != 2 {
					t.Errorf("%+v, %v after %d requests", got, err, script.Requests())
				}
			})
		}
	}
}

func TestServerFaultsThatStay(t *testing.T) {
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the redirect was followed") }))
	t.Cleanup(elsewhere.Close)
	for kind := range kinds {
		for name, test := range map[string]struct {
			handle   http.HandlerFunc
			requests int64
			want     string
		}{
			"500": {func(w http.ResponseWriter, _ *http.Request) {
				http.Error(w, "overloaded, your key "+key, http.StatusInternalServerError)
			}, 3, "gave up after 3 attempts: status 500"},
			"403": {func(w http.ResponseWriter, _ *http.Request) {
				http.Error(w, `{"error":"visit us for an API key, not `+key+`"}`, http.StatusForbidden)
			}, 1, "TRANSLATE_API_KEY"},
			"429 for an hour": {func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Retry-After", "3600")
				w.WriteHeader(http.StatusTooManyRequests)
			}, 1, "past the deadline"},
			"400 twice": {func(w http.ResponseWriter, _ *http.Request) {
				http.Error(w, `{"error":"char limit"}`, http.StatusBadRequest)
			}, 2, "char limit"},
			"redirect": {func(w http.ResponseWriter, r *http.Request) {
				http.Redirect(w, r, elsewhere.URL, http.StatusTemporaryRedirect)
			}, 1, "not followed"},
			"flood": {func(w http.ResponseWriter, _ *http.Request) {
				for range 1 << 10 {
					fmt.Fprint(w, strings.Repeat("x", 4<<10))
				}
			}, 3, "larger than any right answer"},
		} {
			t.Run(kind+" "+name, func(t *testing.T) {
				t.Parallel()
				var requests atomic.Int64
				client := serve(t, kind, 30*time.Second, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					requests.Add(1)
					test.handle(w, r)
				}))
				got, err := client.Translate(t.Context(), spanish)
				if err == nil || requests.Load() != test.requests {
					t.Fatalf("%+v, %v after %d requests, want %d", got, err, requests.Load(), test.requests)
				}
				text := err.Error()
				if !strings.HasPrefix(text, "translate the query from es to en with "+kind) || !strings.Contains(text, test.want) ||
					strings.Contains(text, key) || len(text) > 900 {
					t.Errorf("error %q, want %q", text, test.want)
				}
			})
		}
	}
}

func TestServerRefusedReply(t *testing.T) {
	client := serve(t, "libretranslate", time.Minute, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, `{"translatedText":%q}`, spanish.Text)
	}))
	if _, err := client.Translate(t.Context(), spanish); !errors.Is(err, anchor.ErrEcho) {
		t.Errorf("%v, want an echo refused", err)
	}
}

func TestServerHangs(t *testing.T) {
	for kind, api := range kinds {
		hang := embeddingtest.MisbehaveAlways(api.right, embeddingtest.Hang)
		if _, err := serve(t, kind, 50*time.Millisecond, hang).Translate(t.Context(), spanish); !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "within 50ms") {
			t.Errorf("%s: %v", kind, err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		client := serve(t, kind, time.Minute, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			cancel()
			hang.ServeHTTP(w, r)
		}))
		if _, err := client.Translate(ctx, spanish); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", kind, err)
		}
	}
}

func TestNewServerRefuses(t *testing.T) {
	for kind, api := range kinds {
		for problem, config := range map[string]anchor.ServerConfig{
			"timeout":            {BaseURL: "http://x"},
			"TRANSLATE_BASE_URL": {BaseURL: "x", Timeout: time.Second},
			"TRANSLATE_API_KEY":  {BaseURL: "http://x", APIKey: "a\nb", Timeout: time.Second},
		} {
			if _, err := api.open(config); err == nil || !strings.Contains(err.Error(), problem) {
				t.Errorf("%s: %v, want %q", kind, err, problem)
			}
		}
	}
}

func TestServerIdentity(t *testing.T) {
	seen := map[string]bool{}
	for _, api := range kinds {
		for _, url := range []string{"http://a", "http://user:hush@b"} {
			client, err := api.open(anchor.ServerConfig{BaseURL: url, APIKey: key, Timeout: time.Second})
			if err != nil {
				t.Fatal(err)
			}
			identity := client.Identity()
			if seen[identity] || strings.Contains(identity, "hush") || strings.Contains(identity, key) {
				t.Errorf("identity %q", identity)
			}
			seen[identity] = true
		}
	}
}

// Whatever a server replies, the outcome is a translation or an error that says
// so in few words.
func FuzzServerReplies(f *testing.F) {
	for _, reply := range []string{
		"", "null", "[]", "{}", `{"translatedText":"Where is the capital?"}`, `{"translatedText":["a"]}`, `{"error":"en is not supported"}`,
		`{"responseData":{"translatedText":"*Where"},"responseStatus":200}`, `{"responseData":{"translatedText":null},"responseStatus":"x"}`,
		`[{"code":"es","targets":["en"]}]`, `{"responseData":[{"sourceLanguage":"spa","targetLanguage":"eng"}]}`, "<html>", `{"translatedText":"\ud800"}`,
	} {
		f.Add(reply, reply, false)
		f.Add(reply, reply, true)
	}
	type replies struct {
		translation, listing string
		refuses              bool
	}
	var current atomic.Pointer[replies]
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		now := current.Load()
		if r.URL.Path != "/translate" {
			fmt.Fprint(w, now.listing)
			return
		}
		if now.refuses {
			w.WriteHeader(http.StatusBadRequest)
		}
		fmt.Fprint(w, now.translation)
	}))
	f.Cleanup(server.Close)
	f.Fuzz(func(t *testing.T, reply, listing string, refuses bool) {
		current.Store(&replies{reply, listing, refuses})
		for kind, api := range kinds {
			// The first wait for another attempt would pass this deadline.
			client, err := api.open(anchor.ServerConfig{BaseURL: server.URL, Timeout: 100 * time.Millisecond})
			if err != nil {
				t.Fatal(err)
			}
			got, err := client.Translate(t.Context(), spanish)
			if err == nil && got.Text == "" || err != nil && (got != anchor.Anchor{} || len(err.Error()) > 2500) {
				t.Errorf("%s: %+v, %v", kind, got, err)
			}
		}
	})
}
