// check: ask authd whether a token is good, with net/http over its Unix socket.
//
//	go run . orders <token      exit code 0: valid, 1: a no, 2: could not ask
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"time"
)

// Verdict is what authd says. Only Verdict == "valid" lets anybody in.
type Verdict struct {
	Verdict string            `json:"verdict"`
	Reason  string            `json:"reason"`
	Detail  string            `json:"detail"`
	Claims  map[string]any    `json:"claims"`
	Headers map[string]string `json:"headers"`
	Error   string            `json:"error"` // of a question that got no verdict
}

// Authd keeps connections to the daemon; any number of goroutines may use one.
type Authd struct{ client http.Client }

func NewAuthd(socket string) *Authd {
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", socket)
	}
	transport := &http.Transport{DialContext: dial, MaxIdleConnsPerHost: 64, IdleConnTimeout: 50 * time.Second}
	return &Authd{http.Client{Transport: transport, Timeout: 5 * time.Second}}
}

// Check gives a verdict, or an error when authd could not be asked: neither yes nor no.
func (authd *Authd) Check(ctx context.Context, token, policy string) (*Verdict, error) {
	question, err := json.Marshal(map[string]string{"token": token, "policy": policy})
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(ctx, "POST", "http://localhost/v1/check", bytes.NewReader(question))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	answer, err := authd.client.Do(request)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	verdict := new(Verdict)
	if err := json.NewDecoder(answer.Body).Decode(verdict); err != nil {
		return nil, err
	}
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s", verdict.Error, verdict.Detail)
	}
	return verdict, nil
}

func main() {
	socket := os.Getenv("AUTHD_SOCKET")
	if socket == "" {
		socket = "/run/authd/authd.sock"
	}
	token, err := io.ReadAll(os.Stdin)
	if err != nil || len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: check POLICY <TOKEN")
		os.Exit(2)
	}
	verdict, err := NewAuthd(socket).Check(context.Background(), strings.TrimSpace(string(token)), os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, "authd could not be asked:", err)
		os.Exit(2)
	}
	fmt.Println(verdict.Verdict, verdict.Reason)
	switch verdict.Verdict {
	case "valid":
	case "unavailable":
		os.Exit(2)
	default:
		os.Exit(1)
	}
}
