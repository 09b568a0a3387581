package qdrant

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
)

// Qdrant's default ports. People know the REST one; only gRPC is spoken here.
const (
	grpcPort = 6334
	restPort = 6333
)

// Address says where a server's gRPC port is.
type Address struct {
	Host string // a name or an IP address, IPv6 without brackets
	Port int    // 1 to 65535
	TLS  bool
}

// ParseURL reads the address of a Qdrant server: a host, host:port, or a URL
// with the scheme http or grpc (plain), https or grpcs (TLS). Without a port it
// is 6334. The REST port 6333 means the gRPC port 6334 of the same server,
// unless the scheme is grpc or grpcs. Credentials, paths and queries are
// refused, and no error repeats them.
func ParseURL(raw string) (Address, error) {
	refuse := func(reason string) (Address, error) {
		return Address{}, fmt.Errorf("qdrant address %q: %s", cut(raw), reason)
	}
	text := strings.TrimSpace(raw)
	if text == "" {
		return Address{}, errors.New("qdrant address is empty: give one such as http://localhost:6334")
	}
	if strings.ContainsAny(text, "@?#") {
		return Address{}, errors.New("qdrant address holds credentials or a query (not shown): give scheme, host and port only, and the key in QDRANT_API_KEY")
	}
	scheme, rest, found := strings.Cut(text, "://")
	if !found {
		scheme, rest = "", text
	}
	rest = strings.TrimSuffix(rest, "/")
	if strings.Contains(rest, "/") {
		return refuse("only scheme, host and port belong there")
	}
	var address Address
	explicit := false
	switch strings.ToLower(scheme) {
	case "", "http":
	case "https":
		address.TLS = true
	case "grpc":
		explicit = true
	case "grpcs":
		address.TLS, explicit = true, true
	default:
		return refuse("the scheme must be http, https, grpc or grpcs")
	}
	var err error
	if address.Host, address.Port, err = splitHostPort(rest); err != nil {
		return refuse(err.Error())
	}
	if address.Port == restPort && !explicit {
		address.Port = grpcPort
	}
	return address, nil
}

var hostPattern = regexp.MustCompile(`^[A-Za-z0-9_]([A-Za-z0-9._-]*[A-Za-z0-9_.])?$`)

// splitHostPort reads "host", "host:port", or an IPv6 address, in brackets where
// a port follows.
func splitHostPort(text string) (host string, port int, err error) {
	if ip, err := netip.ParseAddr(text); err == nil && ip.Is6() {
		text = "[" + text + "]"
	}
	if !strings.Contains(text, ":") || strings.HasSuffix(text, "]") {
		text += fmt.Sprint(":", grpcPort)
	}
	host, digits, err := net.SplitHostPort(text)
	if err != nil {
		return "", 0, errors.New("want host:port or a URL such as http://localhost:6334")
	}
	if port, err = strconv.Atoi(digits); err != nil || port < 1 || port > 65535 {
		return "", 0, errors.New("the port must be a number from 1 to 65535")
	}
	if ip, err := netip.ParseAddr(host); err == nil && ip.Zone() == "" {
		return ip.String(), port, nil
	}
	if !hostPattern.MatchString(host) {
		return "", 0, errors.New("want a host name or an IP address")
	}
	return host, port, nil
}

// String returns host:port, as errors and logs name the server.
func (a Address) String() string {
	return net.JoinHostPort(a.Host, strconv.Itoa(a.Port))
}
