// grpc-go's own interop service on Unix sockets; the official server listens on TCP alone.
//
// It says "listening on ENDPOINT" for each listener and drains on SIGTERM, as interop-server does.
package main

import (
	"flag"
	"fmt"
	"log"
	"net"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"google.golang.org/grpc"
	"google.golang.org/grpc/interop"
	"google.golang.org/grpc/interop/grpc_testing"
)

type endpoints []string

func (e *endpoints) String() string { return strings.Join(*e, ",") }

func (e *endpoints) Set(endpoint string) error {
	*e = append(*e, endpoint)
	return nil
}

func main() {
	var listen endpoints
	flag.Var(&listen, "listen", "unix:PATH or unix-abstract:NAME; repeatable")
	flag.Parse()

	terminate := make(chan os.Signal, 1)
	signal.Notify(terminate, syscall.SIGTERM, syscall.SIGINT)

	server := grpc.NewServer()
	grpc_testing.RegisterTestServiceServer(server, interop.NewTestServer())
	ended := make(chan error)
	for _, endpoint := range listen {
		listener, err := net.Listen("unix", address(endpoint))
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println("listening on", endpoint)
		go func() { ended <- server.Serve(listener) }()
	}
	<-terminate
	server.GracefulStop()
	for range listen {
		if err := <-ended; err != nil {
			log.Fatal(err)
		}
	}
}

// address is what net.Listen takes: a path, or "@" and an abstract name.
func address(endpoint string) string {
	if name, ok := strings.CutPrefix(endpoint, "unix-abstract:"); ok {
		return "@" + name
	}
	return strings.TrimPrefix(endpoint, "unix:")
}
