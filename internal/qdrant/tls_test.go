package qdrant_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net"
	"strings"
	"testing"
	"time"

	qc "github.com/qdrant/go-client/qdrant"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	"github.com/query-synergy/query-synergy/internal/qdrant"
)

// certificate makes one that the parent, or else itself, signed.
func certificate(t *testing.T, parent *tls.Certificate) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, BasicConstraintsValid: true, IsCA: parent == nil,
		KeyUsage:    x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	signer, signing := template, any(key)
	if parent != nil {
		signer, signing = parent.Leaf, parent.PrivateKey
	}
	der, err := x509.CreateCertificate(rand.Reader, template, signer, &key.PublicKey, signing)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

type healthy struct{ qc.UnimplementedQdrantServer }

func (healthy) HealthCheck(context.Context, *qc.HealthCheckRequest) (*qc.HealthCheckReply, error) {
	return &qc.HealthCheckReply{Version: "1.18.3"}, nil
}

func TestTLS(t *testing.T) {
	authority := certificate(t, nil)
	served, shown := certificate(t, &authority), certificate(t, &authority)
	pool := x509.NewCertPool()
	pool.AddCert(authority.Leaf)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer(grpc.Creds(credentials.NewTLS(&tls.Config{
		MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{served}, ClientCAs: pool, ClientAuth: tls.RequireAndVerifyClientCert,
	})))
	qc.RegisterQdrantServer(server, healthy{})
	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()
	t.Cleanup(func() {
		server.Stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	address := listener.Addr().String()
	full := &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: pool, Certificates: []tls.Certificate{shown}}
	for name, test := range map[string]struct {
		opts qdrant.Options
		want string // in the error; "" for none
	}{
		"by its scheme":         {qdrant.Options{URL: "https://" + address, TLSConfig: full}, ""},
		"by the settings":       {qdrant.Options{URL: address, TLS: true, TLSConfig: full}, ""},
		"implied":               {qdrant.Options{URL: address, TLSConfig: full}, ""},
		"unknown authority":     {qdrant.Options{URL: "https://" + address}, "certificate"},
		"no certificate":        {qdrant.Options{URL: address, TLSConfig: &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: pool}}, "("},
		"plain against TLS":     {qdrant.Options{URL: address}, "("},
		"a scheme that says no": {qdrant.Options{URL: "http://" + address, TLS: true}, "says that there is no TLS"},
	} {
		test.opts.MaxAttempts, test.opts.APIKey = 1, "s3cr3t"
		store, err := qdrant.Connect(test.opts)
		if err == nil {
			_, err = store.Health(t.Context())
			if closeErr := store.Close(); closeErr != nil {
				t.Error(closeErr)
			}
		}
		switch {
		case test.want == "" && err != nil:
			t.Errorf("%s: %v", name, err)
		case test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "s3cr3t")):
			t.Errorf("%s: %v, want an error that says %q", name, err, test.want)
		}
	}
}

// Batches that take too long become smaller, and larger again once they pass.
func TestBatchesFindTheirSize(t *testing.T) {
	var sizes []int
	srv := &server{}
	srv.answer = func(_ context.Context, _ string, _ int, request any) (any, error) {
		n := len(request.(*qc.UpsertPoints).GetPoints())
		sizes = append(sizes, n)
		if n > 100 && len(sizes) < 10 {
			return written(qc.UpdateStatus_WaitTimeout), nil
		}
		return completed(), nil
	}
	store := connect(t, srv, qdrant.Options{})
	if err := store.Upsert(t.Context(), docs, manyPoints(3000, 1)); err != nil {
		t.Fatal(err)
	}
	total, largest := 0, 0
	for i, n := range sizes[2:] {
		if i < 8 && n != 64 {
			t.Errorf("batch %d has %d points, want 64", i, n)
		}
		total += n
		largest = max(largest, n)
	}
	if sizes[0] != 256 || sizes[1] != 128 || total != 3000 || largest != 256 {
		t.Errorf("batches of %v points: want 256, 128, then 64 for a while, then up to 256 again", sizes)
	}
}
