package qdrant_test

import (
	"strings"
	"testing"

	"github.com/query-synergy/query-synergy/internal/qdrant"
)

func TestParseURL(t *testing.T) {
	for _, test := range []struct {
		raw  string
		want qdrant.Address
	}{
		{"localhost", qdrant.Address{Host: "localhost", Port: 6334}},
		{" localhost:6334\n", qdrant.Address{Host: "localhost", Port: 6334}},
		{"localhost:6333", qdrant.Address{Host: "localhost", Port: 6334}},
		{"localhost:7000", qdrant.Address{Host: "localhost", Port: 7000}},
		{"http://localhost:6333", qdrant.Address{Host: "localhost", Port: 6334}},
		{"http://localhost:6333/", qdrant.Address{Host: "localhost", Port: 6334}},
		{"HTTP://localhost", qdrant.Address{Host: "localhost", Port: 6334}},
		{"grpc://h:6334", qdrant.Address{Host: "h", Port: 6334}},
		{"grpc://h:6333", qdrant.Address{Host: "h", Port: 6333}},
		{"grpcs://h", qdrant.Address{Host: "h", Port: 6334, TLS: true}},
		{"https://x.cloud.qdrant.io:6333", qdrant.Address{Host: "x.cloud.qdrant.io", Port: 6334, TLS: true}},
		{"https://x.cloud.qdrant.io", qdrant.Address{Host: "x.cloud.qdrant.io", Port: 6334, TLS: true}},
		{"https://proxy:443", qdrant.Address{Host: "proxy", Port: 443, TLS: true}},
		{"10.0.0.7:6334", qdrant.Address{Host: "10.0.0.7", Port: 6334}},
		{"::1", qdrant.Address{Host: "::1", Port: 6334}},
		{"[::1]:7000", qdrant.Address{Host: "::1", Port: 7000}},
		{"http://[2001:db8::1]:6333", qdrant.Address{Host: "2001:db8::1", Port: 6334}},
	} {
		got, err := qdrant.ParseURL(test.raw)
		if err != nil || got != test.want {
			t.Errorf("%q: got %+v, %v, want %+v", test.raw, got, err, test.want)
		}
	}
}

func TestParseURLRefuses(t *testing.T) {
	for _, raw := range []string{
		"", "  ", ":6334", "http://", "https://:6334", "http:///path", "localhost:0", "localhost:65536",
		"localhost:port", "localhost:-1", "ftp://localhost", "http://localhost:6333/collections",
		"http://localhost?api-key=abc", "http://localhost#x", "two words", "[::1", "a:b:c", "http://[]",
	} {
		if got, err := qdrant.ParseURL(raw); err == nil {
			t.Errorf("%q: accepted as %+v", raw, got)
		}
	}
}

func TestParseURLKeepsSecrets(t *testing.T) {
	const secret = "zq9secret"
	for _, raw := range []string{
		"http://user:" + secret + "@host:6333",
		"http://" + secret + "@host",
		"user:" + secret + "@host:6334",
		"http://user:pa/" + secret + "@host",
		"http://user:" + secret + "@@host:port",
		"ftp://user:" + secret + "@host",
		"http://host?api-key=" + secret,
	} {
		_, err := qdrant.ParseURL(raw)
		if err == nil {
			t.Errorf("%q: accepted", raw)
		} else if strings.Contains(err.Error(), secret) {
			t.Errorf("%q: the error repeats the secret: %v", raw, err)
		}
	}
}

func TestConnectRefusesBadURL(t *testing.T) {
	if _, err := qdrant.Connect(qdrant.Options{URL: "http://localhost:6333/dashboard"}); err == nil {
		t.Error("accepted")
	}
}

func FuzzParseURL(f *testing.F) {
	for _, raw := range []string{"localhost", "http://localhost:6333", "grpcs://[::1]:1", "::1", "a@b", "https://x:99999", "%41:1", "[fe80::1%25eth0]"} {
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		address, err := qdrant.ParseURL(raw)
		if err != nil {
			// A password may stand before an @; its text has no place in the error.
			_, err := qdrant.ParseURL("http://user:zq9" + raw + "@host")
			if err == nil || strings.Contains(err.Error(), "zq9") {
				t.Errorf("%q as a password: %v", raw, err)
			}
			return
		}
		if address.Host == "" || address.Port < 1 || address.Port > 65535 {
			t.Fatalf("%q: %+v", raw, address)
		}
		if strings.ContainsAny(raw, "@?#") {
			t.Errorf("%q: accepted", raw)
		}
		// The text that names it in messages means the same address.
		again, err := qdrant.ParseURL("grpc://" + address.String())
		again.TLS = address.TLS
		if err != nil || again != address {
			t.Errorf("%q: %+v reads back as %+v, %v", raw, address, again, err)
		}
	})
}
