// Command healthcheck asks the worker's readiness endpoint, for a container image that has no shell: exit code 0 when it is
// ready, 1 when it is not. It takes the address from PITWALL_HEALTH_ADDR, as the worker does.
package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"time"
)

// timeout is below the interval of the checks in docker-compose.yml and above the 3 s that the worker gives each of its own.
const timeout = 8 * time.Second

func main() {
	if err := check(os.Getenv("PITWALL_HEALTH_ADDR")); err != nil {
		fmt.Fprintln(os.Stderr, "healthcheck:", err)
		os.Exit(1)
	}
}

func check(addr string) error {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+addr+"/readyz", nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %s", addr, response.Status)
	}
	return nil
}
