package setup_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	qc "github.com/qdrant/go-client/qdrant"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"

	"github.com/query-synergy/query-synergy/internal/config"
	"github.com/query-synergy/query-synergy/internal/qdrant/embedded"
	"github.com/query-synergy/query-synergy/internal/setup"
)

// authority signs certificates, and keeps them in files under dir.
type authority struct {
	t    *testing.T
	dir  string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T, dir, name string) *authority {
	a := &authority{t: t, dir: dir}
	a.cert, a.key = a.sign(name, true)
	return a
}

// sign makes a certificate and its key, and the files name.crt and name.key.
func (a *authority) sign(name string, isCA bool) (*x509.Certificate, *ecdsa.PrivateKey) {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, BasicConstraintsValid: true, IsCA: isCA,
		KeyUsage:    x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	parent, signer := a.cert, a.key
	if isCA {
		parent, signer = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	if err != nil {
		a.t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		a.t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		a.t.Fatal(err)
	}
	for file, block := range map[string]*pem.Block{
		name + ".crt": {Type: "CERTIFICATE", Bytes: der},
		name + ".key": {Type: "PRIVATE KEY", Bytes: private},
	} {
		write(a.t, filepath.Join(a.dir, file), pem.EncodeToMemory(block))
	}
	return cert, key
}

func write(t *testing.T, path string, content []byte) {
	t.Helper()
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

// tlsServer is a Qdrant that is well, and remembers the keys it was shown.
type tlsServer struct {
	qc.UnimplementedQdrantServer
	mu   sync.Mutex
	keys []string
}

func (s *tlsServer) HealthCheck(ctx context.Context, _ *qc.HealthCheckRequest) (*qc.HealthCheckReply, error) {
	md, _ := metadata.FromIncomingContext(ctx)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keys = append(s.keys, md.Get("api-key")...)
	return &qc.HealthCheckReply{Version: "1.18.3"}, nil
}

func (s *tlsServer) shown() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.keys
}

// serve listens until the test ends; without a config, in the clear.
func (s *tlsServer) serve(t *testing.T, secure *tls.Config) (address string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var opts []grpc.ServerOption
	if secure != nil {
		opts = append(opts, grpc.Creds(credentials.NewTLS(secure)))
	}
	server := grpc.NewServer(opts...)
	qc.RegisterQdrantServer(server, s)
	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()
	t.Cleanup(func() {
		server.Stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return listener.Addr().String()
}

const apiKey = "s3cr3t-api-key"

// health opens the store that the settings describe and asks for its version.
// It gives up before a failed connection has been tried for long.
func health(t *testing.T, address string, s config.TLS) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	store, err := setup.OpenStore(ctx, config.Qdrant{
		URL: address, APIKey: config.NewSecret(apiKey), Timeout: 10 * time.Second, TLS: s,
	}, embedded.ReadOnly, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	_, err = store.Health(ctx)
	if closeErr := store.Close(); closeErr != nil {
		t.Error(closeErr)
	}
	return err
}

func TestTLSFromFiles(t *testing.T) {
	dir := t.TempDir()
	in := func(name string) string { return filepath.Join(dir, name) }
	ca, other := newAuthority(t, dir, "ca"), newAuthority(t, dir, "other")
	ca.sign("server", false)
	ca.sign("client", false)
	other.sign("stranger", false)
	served, err := tls.LoadX509KeyPair(in("server.crt"), in("server.key"))
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(ca.cert)
	open := &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{served}}
	strict := open.Clone()
	strict.ClientCAs, strict.ClientAuth = pool, tls.RequireAndVerifyClientCert

	for name, test := range map[string]struct {
		server *tls.Config // nil: none
		tls    config.TLS
		want   []string // in the error; none where it connects
	}{
		"its authority":              {open, config.TLS{CAFile: in("ca.crt")}, nil},
		"a certificate nobody asked": {open, config.TLS{CAFile: in("ca.crt"), CertFile: in("client.crt"), KeyFile: in("client.key")}, nil},
		"the system's authorities":   {open, config.TLS{On: true}, []string{"unknown authority", "QDRANT_CA_FILE"}},
		"system's, own certificate":  {open, config.TLS{CertFile: in("client.crt"), KeyFile: in("client.key")}, []string{"unknown authority", "QDRANT_CA_FILE"}},
		"another authority":          {open, config.TLS{CAFile: in("other.crt")}, []string{"unknown authority", "QDRANT_CA_FILE"}},
		"no TLS at the server":       {nil, config.TLS{CAFile: in("ca.crt")}, []string{"without TLS", "QDRANT_TLS"}},
		"a certificate as required":  {strict, config.TLS{CAFile: in("ca.crt"), CertFile: in("client.crt"), KeyFile: in("client.key")}, nil},
		"none where required":        {strict, config.TLS{CAFile: in("ca.crt")}, []string{"QDRANT_CERT_FILE"}},
		"a stranger's where required": {strict, config.TLS{CAFile: in("ca.crt"), CertFile: in("stranger.crt"), KeyFile: in("stranger.key")},
			[]string{"QDRANT_CERT_FILE"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // refusals are tried again after a while
			srv := &tlsServer{}
			wantRefusal(t, dir, health(t, srv.serve(t, test.server), test.tls), test.want)
			if keys := srv.shown(); len(test.want) == 0 && (len(keys) != 1 || keys[0] != apiKey) || len(test.want) > 0 && len(keys) > 0 {
				t.Errorf("the server was shown the keys %q", keys)
			}
		})
	}
}

// A certificate counts for the names in it alone.
func TestTLSOfAnotherName(t *testing.T) {
	dir := t.TempDir()
	ca := newAuthority(t, dir, "ca")
	cert, key := ca.sign("server", false)
	srv := &tlsServer{}
	address := srv.serve(t, &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{{Certificate: [][]byte{cert.Raw}, PrivateKey: key}}})
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	err = health(t, "localhost:"+port, config.TLS{CAFile: filepath.Join(dir, "ca.crt")})
	wantRefusal(t, dir, err, []string{"localhost:" + port, "x509: ", "QDRANT_URL"})
	if keys := srv.shown(); len(keys) > 0 {
		t.Errorf("the server was shown the keys %q", keys)
	}
}

func TestTLSFilesAtFault(t *testing.T) {
	dir := t.TempDir()
	in := func(name string) string { return filepath.Join(dir, name) }
	ca := newAuthority(t, dir, "ca")
	ca.sign("client", false)
	ca.sign("second", false)
	private, err := os.ReadFile(in("client.key"))
	if err != nil {
		t.Fatal(err)
	}
	write(t, in("empty"), nil)
	write(t, in("garbage"), []byte("\x00\xffno PEM"))
	write(t, in("hollow.crt"), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("no DER")}))
	write(t, in("cut.key"), private[:len(private)/2])
	block, _ := pem.Decode(private)
	write(t, in("hollow.key"), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: block.Bytes[:40]}))

	for name, test := range map[string]struct {
		tls  config.TLS
		want []string
	}{
		"no CA file":        {config.TLS{CAFile: in("none.crt")}, []string{"QDRANT_CA_FILE", in("none.crt")}},
		"a folder":          {config.TLS{CAFile: dir}, []string{"QDRANT_CA_FILE", dir}},
		"an empty CA file":  {config.TLS{CAFile: in("empty")}, []string{"QDRANT_CA_FILE", in("empty")}},
		"garbage as CA":     {config.TLS{CAFile: in("garbage")}, []string{"QDRANT_CA_FILE", in("garbage")}},
		"a broken CA":       {config.TLS{CAFile: in("hollow.crt")}, []string{"QDRANT_CA_FILE", in("hollow.crt")}},
		"a key as CA":       {config.TLS{CAFile: in("client.key")}, []string{"QDRANT_CA_FILE", in("client.key")}},
		"no certificate":    {config.TLS{CertFile: in("none.crt"), KeyFile: in("client.key")}, []string{"QDRANT_CERT_FILE", in("none.crt")}},
		"no key":            {config.TLS{CertFile: in("client.crt"), KeyFile: in("none.key")}, []string{"QDRANT_KEY_FILE", in("none.key")}},
		"garbage":           {config.TLS{CertFile: in("garbage"), KeyFile: in("client.key")}, []string{"QDRANT_CERT_FILE", in("garbage")}},
		"a broken one":      {config.TLS{CertFile: in("hollow.crt"), KeyFile: in("client.key")}, []string{"QDRANT_CERT_FILE", in("hollow.crt")}},
		"a garbage key":     {config.TLS{CertFile: in("client.crt"), KeyFile: in("garbage")}, []string{"QDRANT_KEY_FILE", in("garbage")}},
		"a key cut short":   {config.TLS{CertFile: in("client.crt"), KeyFile: in("cut.key")}, []string{"QDRANT_KEY_FILE", in("cut.key")}},
		"a broken key":      {config.TLS{CertFile: in("client.crt"), KeyFile: in("hollow.key")}, []string{"QDRANT_KEY_FILE", in("hollow.key")}},
		"another's key":     {config.TLS{CertFile: in("client.crt"), KeyFile: in("second.key")}, []string{in("client.crt"), in("second.key"), "does not match"}},
		"the two exchanged": {config.TLS{CertFile: in("client.key"), KeyFile: in("client.crt")}, []string{in("client.key"), in("client.crt")}},
	} {
		t.Run(name, func(t *testing.T) {
			// Nothing listens there, and nobody gets as far.
			wantRefusal(t, dir, health(t, "127.0.0.1:1", test.tls), test.want)
		})
	}
}

// wantRefusal checks that an error holds all the texts, or that there is none
// where no text is wanted, and that it holds no key: neither that of the API nor
// a line of any key file in the folder.
func wantRefusal(t *testing.T, dir string, err error, want []string) {
	t.Helper()
	if len(want) == 0 {
		if err != nil {
			t.Error(err)
		}
		return
	}
	if err == nil {
		t.Fatalf("no error, want one that says %q", want)
	}
	for _, text := range want {
		if !strings.Contains(err.Error(), text) {
			t.Errorf("%v: want it to say %q", err, text)
		}
	}
	if strings.Contains(err.Error(), apiKey) {
		t.Errorf("%v: it holds the API key", err)
	}
	files, globErr := filepath.Glob(filepath.Join(dir, "*.key"))
	if globErr != nil || len(files) == 0 {
		t.Fatal(files, globErr)
	}
	for _, file := range files {
		text, readErr := os.ReadFile(file)
		if readErr != nil {
			t.Fatal(readErr)
		}
		for line := range strings.Lines(string(text)) {
			if line = strings.TrimSpace(line); !strings.HasPrefix(line, "-") && len(line) > 8 && strings.Contains(err.Error(), line[:9]) {
				t.Errorf("%v: it holds a piece of %s", err, file)
			}
		}
	}
}
